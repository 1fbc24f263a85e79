// Routes of what spans several platforms, or several Torpors: circuits, pools, the farm's Torpors.
import { z } from 'zod';
import type { CircuitStatus, FarmInstance, PlatformStatus, PoolStatus } from '../platform/status.ts';
import { farmInstance, platformStatus } from './answers.ts';
import { drainRequest, readBody } from './requests.ts';
import type { Route } from './route.ts';

const count = z.number().int().min(0);
const watts = z.number().min(0);

export const circuitStatus = z
  .strictObject({
    name: z.string(),
    waking: count,
    wakingAtMost: count.nullable(),
    watts: watts.meta({ description: 'what its platforms draw at most now, by their configured watts' }),
    wattsAtMost: watts.nullable(),
    queue: z.array(z.string()).meta({ description: 'platforms whose wake waits for its turn, first one first' }),
  })
  .meta({ id: 'Circuit' });

const moved = { vm: z.string(), from: z.string(), to: z.string() };

const evacuation = z.strictObject({
  moving: z
    .strictObject({ ...moved, sinceMs: z.number(), stage: z.enum(['moving', 'unclear']) })
    .nullable()
    .meta({ description: 'unclear: nobody knows where the VM runs, and both platforms stay awake' }),
  moves: count,
  failures: count,
  platforms: z.array(z.strictObject({ platform: z.string(), why: z.string() })),
});

export const poolStatus = z
  .strictObject({
    name: z.string(),
    spare: count.meta({ description: 'platforms that are to be awake with room for somebody' }),
    ready: count.meta({ description: 'how many are' }),
    sessionsPerPlatform: count.nullable(),
    platforms: z.array(
      z.strictObject({ platform: z.string(), sessions: count, hasRoom: z.boolean(), isKept: z.boolean() }),
    ),
    evacuation: evacuation
      .nullable()
      .meta({ description: 'VMs moved off platforms that are hardly used; null: none is' }),
  })
  .meta({ id: 'Pool' });

export const FARM_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    url: '/api/v1/circuits',
    role: 'view',
    doc: { id: 'circuits', summary: 'Who wakes and who waits for it', answers: { 200: z.array(circuitStatus) } },
    answer: ({ farm }): CircuitStatus[] => farm.circuits(),
  },
  {
    method: 'POST',
    url: '/api/v1/platforms/:name/drain',
    role: 'operate',
    doc: {
      id: 'drain',
      summary: 'No pool places anybody new there, or does so again; open connections stay',
      body: drainRequest,
      answers: { 200: platformStatus },
    },
    answer: async ({ farm }, request): Promise<PlatformStatus> => {
      const { name } = request.params as { name: string };
      await farm.drain(name, readBody(drainRequest, request.body).on);
      return farm.platform(name);
    },
  },
  {
    method: 'GET',
    url: '/api/v1/pools',
    role: 'view',
    looksAt: 'streams',
    doc: { id: 'pools', summary: 'Pools of platforms and their spares', answers: { 200: z.array(poolStatus) } },
    answer: ({ farm }): PoolStatus[] => farm.pools(),
  },
  {
    method: 'GET',
    url: '/api/v1/instances',
    role: 'view',
    looksAt: 'sums',
    doc: {
      id: 'instances',
      summary: 'The Torpors of the farm, the one that answers first; none where it is alone',
      answers: { 200: z.array(farmInstance) },
    },
    answer: ({ farm }): FarmInstance[] => farm.instances(),
  },
];
