// What `torpor replay --evacuate` says of a day beside what the shipped machines, rule and execution made of the very same day on the simulated farm.
import { expect, it } from 'vitest';
import type { EvacuationMove, EvacuationRule } from '../../../src/platform/evacuation-rule.ts';
import type { ActivitySpan } from '../../../src/policy/activity-trace.ts';
import { DEFAULT_COSTS } from '../../../src/policy/cost-model.ts';
import { parsePolicyChoice } from '../../../src/policy/create-policy.ts';
import { playEvacuation } from '../../../src/policy/evacuation/evacuation-play.ts';
import { joinTraces } from '../../../src/policy/evacuation/pool-activity.ts';
import { Random } from '../../platform/random.ts';
import { SimulatedFarm } from './simulated-farm.ts';

/** One day, always the same: how near the two come is a figure of that day. On another the farm's ten-second steps may empty another platform first. */
const SEED = 12;
/** The machine's abort window before each sleep, and steps of ten seconds, which replay has not. */
const APART_HOURS = 0.1;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const PLATFORMS = ['a', 'b', 'c'];
const VMS = Object.fromEntries(PLATFORMS.map((name) => [name, Array.from({ length: 4 }, (_, at) => `${name}${at}`)]));
const RULE: EvacuationRule = {
  vmsPerPlatform: 10,
  activeAtMost: 1,
  quietForMs: 15 * MINUTE_MS,
  idleForMs: 0,
  restForMs: HOUR_MS,
  moveActive: false,
};

interface Day {
  readonly farm: SimulatedFarm;
  readonly fromMs: number;
  readonly acts: ReadonlyMap<string, readonly number[]>;
}

async function playDay(rule: EvacuationRule | null): Promise<Day> {
  const random = new Random(SEED);
  const farm = new SimulatedFarm(VMS, rule);
  const fromMs = farm.nowMs;
  const acts = new Map<string, number[]>(farm.users.map(({ vm }) => [vm, []]));
  const isWorking = new Map<string, boolean>();
  let step = 0;
  await farm.run(4 * HOUR_MS, () => {
    for (const { vm } of farm.users) {
      const works = isWorking.get(vm) ?? false;
      if (random.chance(works ? 1 / 90 : 1 / 720)) isWorking.set(vm, !works);
      // All are there when the day begins: of a platform that nobody used yet a record says nothing.
      if (step === 0 || (isWorking.get(vm) && (step % 12 === 0 || !farm.isActive(vm)))) {
        acts.get(vm)?.push(farm.nowMs);
        farm.act(vm);
      }
    }
    step += 1;
  });
  return { farm, fromMs, acts };
}

function replayDay({ farm, fromMs, acts }: Day, vmsPerPlatform: number) {
  const toMs = farm.nowMs;
  const traces = PLATFORMS.map((platform) => {
    const vms = VMS[platform] ?? [];
    const spans: ActivitySpan[] = vms.flatMap((client) =>
      (acts.get(client) ?? []).map((atMs) => ({ client, isJob: false, fromMs: atMs, toMs: atMs })),
    );
    spans.sort((one, other) => one.fromMs - other.fromMs);
    return { platform, fromMs, toMs, spans, connections: vms.map((client) => ({ client, fromMs, toMs })) };
  });
  const pool = joinTraces(traces);
  const costs = { ...DEFAULT_COSTS, suspendMs: 10_000, resumeMs: 15_000 };
  const rule = { ...RULE, vmsPerPlatform };
  const options = { costs, offset: () => 0, seed: 1, windows: pool.traces, rule, moveMs: farm.mover.moveMs };
  return playEvacuation(pool, { ...options, choice: parsePolicyChoice('fixed') });
}

it('the farm, and replay of its day, with VMs moved and without -> the same VMs moved, as many hours asleep, as many waits', async () => {
  for (const rule of [null, RULE]) {
    const day = await playDay(rule);
    const play = replayDay(day, rule === null ? 1 : RULE.vmsPerPlatform);
    const { moves } = day.farm.mover;
    expect(moves).toHaveLength(rule === null ? 0 : 4);
    expect(play.moves.map(wordsOf).sort()).toEqual(moves.map(wordsOf).sort());
    const farmHours = day.farm.places.reduce((sum, { asleepMs }) => sum + asleepMs, 0) / HOUR_MS;
    const replayHours = play.sums.reduce((sum, { asleepMs }) => sum + asleepMs, 0) / HOUR_MS;
    expect(Math.abs(replayHours - farmHours)).toBeLessThan(APART_HOURS);
    const waits = day.farm.users.reduce((sum, each) => sum + each.waits, 0);
    expect(play.sums.reduce((sum, each) => sum + each.waits, 0)).toBe(waits);
  }
});

function wordsOf({ vm, from, to }: EvacuationMove): string {
  return `${vm}: ${from} -> ${to}`;
}
