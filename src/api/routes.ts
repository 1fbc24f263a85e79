// The table of routes: every path of the HTTP API and what it asks of the farm. Guards, errors and listening are left to others.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DEFAULT_INHIBITOR } from '../platform/inhibitor.ts';
import type { Logger } from '../platform/ports.ts';
import type { Farm, PlatformStatus } from '../platform/status.ts';
import { EventFeed } from './event-feed.ts';
import { RequestRefused } from './problem.ts';
import {
  inhibitRequest,
  maintenanceRequest,
  readAfterId,
  readBody,
  releaseRequest,
  sleepRequest,
  wakeRequest,
} from './requests.ts';

/** Readers of events at once; one more is answered 503. */
export const MAX_EVENT_FEEDS = 64;

export interface RouteContext {
  readonly farm: Farm;
  readonly log: Logger;
  readonly version: string;
  readonly heartbeatMs: number;
  /** The open feeds, which the server ends when it closes. */
  readonly feeds: Set<EventFeed>;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** What must be up to date for the answer, where other processes know it. */
  readonly looksAt?: 'sums' | 'streams';
  readonly answer: (context: RouteContext, request: FastifyRequest, reply: FastifyReply) => unknown;
}

const PLATFORM = '/api/v1/platforms/:name';

export const ROUTES: readonly Route[] = [
  { method: 'GET', url: '/healthz', answer: ({ version }) => ({ status: 'ok', version }) },
  { method: 'GET', url: '/readyz', answer: answerReady },
  { method: 'GET', url: '/api/v1/platforms', looksAt: 'sums', answer: ({ farm }) => farm.platforms() },
  { method: 'GET', url: PLATFORM, looksAt: 'sums', answer: ({ farm }, request) => farm.platform(nameOf(request)) },
  {
    method: 'GET',
    url: `${PLATFORM}/explain`,
    looksAt: 'streams',
    answer: ({ farm }, request) => farm.explain(nameOf(request)),
  },
  { method: 'GET', url: '/api/v1/streams', looksAt: 'streams', answer: ({ farm }) => farm.streams() },
  { method: 'GET', url: '/api/v1/report', answer: ({ farm }) => farm.report() },
  { method: 'GET', url: '/api/v1/events', answer: answerEvents },
  { method: 'POST', url: `${PLATFORM}/wake`, answer: answerWake },
  { method: 'POST', url: `${PLATFORM}/sleep`, looksAt: 'streams', answer: answerSleep },
  { method: 'POST', url: `${PLATFORM}/inhibit`, answer: answerInhibit },
  { method: 'POST', url: `${PLATFORM}/release`, answer: answerRelease },
  { method: 'POST', url: `${PLATFORM}/maintenance`, answer: answerMaintenance },
];

function nameOf(request: FastifyRequest): string {
  return (request.params as { name: string }).name;
}

/** Ready once every platform's first evidence is in. */
function answerReady({ farm }: RouteContext, _request: FastifyRequest, reply: FastifyReply) {
  const starting = farm.platforms().filter((platform) => platform.state === 'starting');
  if (starting.length > 0) void reply.code(503);
  return { status: starting.length === 0 ? 'ready' : 'starting', starting: starting.map((platform) => platform.name) };
}

/** Asked for, not done: 202, and the platform as it stands now. */
function accept(context: RouteContext, reply: FastifyReply, name: string): PlatformStatus {
  void reply.code(202);
  return context.farm.platform(name);
}

function answerWake(context: RouteContext, request: FastifyRequest, reply: FastifyReply): PlatformStatus {
  const { why } = readBody(wakeRequest, request.body);
  context.farm.wake(nameOf(request), why ?? 'operator, by the HTTP API');
  return accept(context, reply, nameOf(request));
}

function answerSleep(context: RouteContext, request: FastifyRequest, reply: FastifyReply): PlatformStatus {
  const { force } = readBody(sleepRequest, request.body);
  context.farm.sleep(nameOf(request), force ?? false);
  return accept(context, reply, nameOf(request));
}

async function answerInhibit({ farm }: RouteContext, request: FastifyRequest): Promise<PlatformStatus> {
  const body = readBody(inhibitRequest, request.body);
  const inhibitor = body.name ?? DEFAULT_INHIBITOR;
  await farm.inhibit(nameOf(request), { inhibitor, forMs: body.for ?? null, why: body.why });
  return farm.platform(nameOf(request));
}

async function answerRelease({ farm }: RouteContext, request: FastifyRequest): Promise<PlatformStatus> {
  const { name } = readBody(releaseRequest, request.body);
  await farm.release(nameOf(request), name ?? null);
  return farm.platform(nameOf(request));
}

async function answerMaintenance({ farm }: RouteContext, request: FastifyRequest): Promise<PlatformStatus> {
  const { on, why } = readBody(maintenanceRequest, request.body);
  await farm.maintenance(nameOf(request), on, why ?? 'ordered by an operator');
  return farm.platform(nameOf(request));
}

/** Server-sent events, or with `Accept: application/json` the kept events as a list. */
function answerEvents(context: RouteContext, request: FastifyRequest, reply: FastifyReply): unknown {
  const lastEventId = request.headers['last-event-id'];
  const afterId = readAfterId(typeof lastEventId === 'string' ? lastEventId : undefined, request.query);
  const accepts = request.headers.accept ?? '';
  if (accepts.includes('application/json') && !accepts.includes('text/event-stream')) {
    void reply.header('vary', 'accept');
    return context.farm.recentEvents(afterId ?? 0);
  }
  if (context.feeds.size >= MAX_EVENT_FEEDS) {
    throw new RequestRefused(503, 'Too many readers', `${MAX_EVENT_FEEDS} readers follow the events already: end one`);
  }
  void reply.hijack();
  const feed = new EventFeed({ ...context, response: reply.raw, afterId });
  context.feeds.add(feed);
  reply.raw.on('close', () => context.feeds.delete(feed));
  return reply;
}
