// The routes of what waits on disk for sleeping platforms: to look at it, to have it delivered, to forget a job.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { SpoolJobStatus } from '../platform/spool.ts';
import { type IsAs, platformStatus } from './answers.ts';
import { readBody } from './requests.ts';
import type { Route, RouteContext } from './route.ts';

const PLATFORM = '/api/v1/platforms/:name';
const count = z.number().int().nonnegative();
const atMs = z.number();

export const spoolJob = z
  .strictObject({
    id: z.string(),
    platform: z.string(),
    vm: z.string(),
    listener: z.string(),
    client: z.string(),
    state: z.enum(['waiting', 'delivering']),
    arrivedAtMs: atMs,
    endedAtMs: atMs,
    dueAtMs: atMs.meta({ description: 'its platform is woken for it then at the latest' }),
    contentBytes: count,
    fileBytes: count,
    failures: count,
    problem: z.string().nullable().meta({ description: 'why its last delivery came to nothing' }),
  })
  .meta({ id: 'SpoolJob' });

/** Does not compile where the schema and its type differ. */
export const JOB_IS_AS_TYPED: IsAs<typeof spoolJob, SpoolJobStatus> = true;

const noBody = z.strictObject({});
const dropRequest = z.strictObject({ job: z.string().min(1).max(64) });

export const SPOOL_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    url: '/api/v1/spool',
    role: 'view',
    doc: {
      id: 'spool',
      summary: 'Jobs that wait on disk, in the order of their delivery',
      answers: { 200: z.array(spoolJob) },
    },
    answer: ({ farm }) => farm.spooledJobs(),
  },
  {
    method: 'POST',
    url: `${PLATFORM}/spool/deliver`,
    role: 'operate',
    doc: {
      id: 'deliverSpool',
      summary: 'Has all its jobs delivered now, after a wake where it sleeps',
      body: noBody,
      answers: { 202: platformStatus },
    },
    answer: (context, request, reply) => {
      readBody(noBody, request.body);
      context.farm.deliverSpool(nameOf(request), 'an operator has its spooled jobs delivered');
      void reply.code(202);
      return context.farm.platform(nameOf(request));
    },
  },
  {
    method: 'POST',
    url: `${PLATFORM}/spool/drop`,
    role: 'operate',
    doc: {
      id: 'dropSpooled',
      summary: 'Forgets one job: it is never delivered',
      body: dropRequest,
      answers: { 200: platformStatus },
      refusals: [409],
    },
    answer: answerDrop,
  },
];

async function answerDrop({ farm }: RouteContext, request: FastifyRequest) {
  await farm.dropSpooled(nameOf(request), readBody(dropRequest, request.body).job);
  return farm.platform(nameOf(request));
}

function nameOf(request: FastifyRequest): string {
  return (request.params as { name: string }).name;
}
