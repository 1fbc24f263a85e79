// What moving VMs brings a pool, reckoned by hand; and that it brings nothing where nothing can be moved.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EvacuationRule } from '../../../src/platform/evacuation-rule.ts';
import type { ActivitySpan, ActivityTrace } from '../../../src/policy/activity-trace.ts';
import { DEFAULT_COSTS, idleLagMs, toRates } from '../../../src/policy/cost-model.ts';
import { createPolicy, parsePolicyChoice } from '../../../src/policy/create-policy.ts';
import { playEvacuation } from '../../../src/policy/evacuation/evacuation-play.ts';
import { DEFAULT_MOVE_COSTS, reportEvacuation } from '../../../src/policy/evacuation/evacuation-report.ts';
import { joinTraces } from '../../../src/policy/evacuation/pool-activity.ts';
import { splitActivity } from '../../../src/policy/evacuation/split-activity.ts';
import { generateActivity } from '../../../src/policy/generated-activity.ts';
import { listIntervals } from '../../../src/policy/interval-list.ts';
import { POPULATIONS } from '../../../src/policy/populations.ts';
import { replayPolicy } from '../../../src/policy/replay.ts';
import { MONDAY_MS } from '../support.ts';

const MINUTE_MS = 60_000;
const RULE: EvacuationRule = {
  vmsPerPlatform: 2,
  activeAtMost: 1,
  quietForMs: 15 * MINUTE_MS,
  idleForMs: 0,
  restForMs: 60 * MINUTE_MS,
  moveActive: false,
};
const ALL = ['fixed=5m', 'fixed=10m', 'break-even', 'randomized', 'learned'].map(parsePolicyChoice);

function span(client: string, fromMinute: number, toMinute: number, isJob = false): ActivitySpan {
  return { client, isJob, fromMs: MONDAY_MS + fromMinute * MINUTE_MS, toMs: MONDAY_MS + toMinute * MINUTE_MS };
}

function trace(platform: string, spans: readonly ActivitySpan[]): ActivityTrace {
  const sorted = [...spans].sort((one, other) => one.fromMs - other.fromMs);
  const toMs = Math.max(...sorted.map((each) => each.toMs));
  return { platform, fromMs: Math.min(...sorted.map((each) => each.fromMs)), toMs, spans: sorted, connections: [] };
}

function report(traces: readonly ActivityTrace[], rule: EvacuationRule, policies = ALL) {
  const options = { costs: DEFAULT_COSTS, offset: () => 0, seed: 1, teachMs: 0, policies, rule };
  return reportEvacuation(traces, { ...options, moveCosts: { gibPerVm: 6, secondsPerGib: 10, movingWatts: 60 } });
}

/** A night of eight hours: bob works through it at b; ann half an hour at a, then a minute every two hours. */
const NIGHT = [
  trace('a', [span('ann', 0, 30), ...[120, 240, 360].map((minute) => span('ann', minute, minute + 1))]),
  trace('b', [span('bob', 0, 480)]),
];

describe('reportEvacuation', () => {
  it('one straggler -> moved when she is idle; her platform sleeps all night, and she wakes nobody', () => {
    const found = report(NIGHT, RULE, [parsePolicyChoice('fixed')]);
    expect(found).toMatchObject({ platforms: ['a', 'b'], vms: 2, moveMs: MINUTE_MS, days: 480 / 1440 });
    const [figures] = found.policies;
    const kwh = (...wattSeconds: readonly number[]) => wattSeconds.reduce((sum, each) => sum + each, 0) / 3.6e6;
    // She leaves the pool at minute 40, 131, 251 and 371: then it sleeps, and she waits for each wake.
    const asleepS = (80 + 3 * 109) * 60 - 4 * 5;
    expect(figures?.without).toMatchObject({ cycles: 4, waits: 3, waitedS: 24, moves: 0, movingKwh: 0, preWakes: 0 });
    expect(figures?.without.asleepHours).toBeCloseTo(asleepS / 3600, 9);
    expect(figures?.without.kwh).toBeCloseTo(
      kwh((480 + 33) * 60 * 300, 40 * 60 * 175, (4 * 5 + 3 * 8) * 175, asleepS * 8),
      9,
    );
    // Her VM goes at minute 40 and is there at 41: nobody is left.
    const movedS = 439 * 60 - 5;
    expect(figures?.with).toMatchObject({ cycles: 1, waits: 0, waitedS: 0, moves: 1, movingKwh: kwh(60 * 60) });
    expect(figures?.with.asleepHours).toBeCloseTo(movedS / 3600, 9);
    expect(figures?.with.kwh).toBeCloseTo(kwh((480 + 30) * 60 * 300, 11 * 60 * 175, 5 * 175, movedS * 8, 60 * 60), 9);
    expect(figures?.difference.asleepHours).toBeCloseTo((movedS - asleepS) / 3600, 9);
    expect(figures?.difference).toMatchObject({ cycles: -3, waits: -3, moves: 1 });
  });

  it('she acts while she is moved -> it is kept awake, she waits for nothing, and goes on at the other one', () => {
    const traces = [trace('a', [span('ann', 0, 30), span('ann', 40.5, 60)]), trace('b', [span('bob', 0, 480)])];
    const pool = joinTraces(traces);
    const windows = pool.traces;
    const options = { costs: DEFAULT_COSTS, offset: () => 0, seed: 1, windows, rule: RULE, moveMs: MINUTE_MS };
    const play = playEvacuation(pool, { ...options, choice: parsePolicyChoice('fixed') });
    expect(play.moves).toEqual([{ vm: 'ann', from: 'a', to: 'b', atMs: MONDAY_MS + 40 * MINUTE_MS }]);
    expect(play.traces.map(({ spans }) => spans)).toEqual([
      [span('ann', 0, 30), span('ann', 40.5, 41)],
      [span('bob', 0, 480), span('ann', 41, 60)],
    ]);
    expect(play.sums[0]).toMatchObject({ cycles: 1, waits: 0, asleepMs: (480 - 51) * MINUTE_MS - 5000 });
  });

  it('two clients of one VM -> one of them at work keeps it where it is; idle, both go', () => {
    const vms = new Map([
      ['ann', 'desk'],
      ['amy', 'desk'],
    ]);
    const two = trace('a', [span('ann', 0, 30), span('amy', 0, 100), span('ann', 300, 301)]);
    const pool = joinTraces([{ ...two, vms }, trace('b', [span('bob', 0, 480)])]);
    const options = { costs: DEFAULT_COSTS, offset: () => 0, seed: 1, windows: pool.traces, rule: RULE, moveMs: 0 };
    const play = playEvacuation(pool, { ...options, choice: parsePolicyChoice('fixed') });
    expect(play.moves).toEqual([{ vm: 'desk', from: 'a', to: 'b', atMs: MONDAY_MS + 110 * MINUTE_MS }]);
  });

  it('a job -> stays at its platform, and nothing is moved off it meanwhile', () => {
    const traces = [trace('a', [span('ann', 0, 30), span('backup', 20, 100, true)]), trace('b', [span('bob', 0, 480)])];
    const pool = joinTraces(traces);
    const options = { costs: DEFAULT_COSTS, offset: () => 0, seed: 1, windows: pool.traces, rule: RULE, moveMs: 0 };
    const play = playEvacuation(pool, { ...options, choice: parsePolicyChoice('fixed') });
    expect(play.moves.map(({ vm, atMs }) => [vm, (atMs - MONDAY_MS) / MINUTE_MS])).toEqual([['ann', 110]]);
  });
});

describe('properties', () => {
  const anySpans = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 90 })),
    { minLength: 1, maxLength: 40 },
  );
  const anyPool = fc.array(anySpans, { minLength: 2, maxLength: 4 }).map((all) =>
    all.map((spans, index) =>
      trace(
        `p${index}`,
        spans.map(([client, from, long]) => span(`${index}-${client}`, from, from + long, client === 3)),
      ),
    ),
  );

  it('no room anywhere -> all figures of all policies as without', () => {
    fc.assert(
      fc.property(anyPool, (traces) => {
        for (const { with: moved, without } of report(traces, { ...RULE, vmsPerPlatform: 1 }).policies)
          expect(moved).toEqual(without);
      }),
      { numRuns: 8 },
    );
  });

  it('room -> nobody is active for longer or shorter; no VM is moved while in use; nothing is beyond the room', () => {
    let moves = 0;
    fc.assert(
      fc.property(anyPool, (traces) => {
        const pool = joinTraces(traces);
        const windows = pool.traces;
        const rule = { ...RULE, vmsPerPlatform: 6, quietForMs: 0, restForMs: MINUTE_MS };
        for (const choice of ALL) {
          const options = { costs: DEFAULT_COSTS, offset: () => 0, seed: 1, windows, rule, moveMs: MINUTE_MS };
          const play = playEvacuation(pool, { ...options, choice });
          moves += play.moves.length;
          expect(hoursByClient(play.traces)).toEqual(hoursByClient(traces));
          const places = new Map(pool.vms.map(({ name, home }) => [name, traces[home]?.platform]));
          for (const { vm, from, to, atMs } of play.moves) {
            expect(isActive(traces, vm, atMs)).toBe(false);
            expect(places.get(vm)).toBe(from);
            places.set(vm, to);
            expect([...places.values()].filter((place) => place === to).length).toBeLessThanOrEqual(
              rule.vmsPerPlatform,
            );
          }
        }
      }),
      // Always among them, so that something is moved whatever is drawn.
      { numRuns: 8, examples: [[NIGHT]] },
    );
    expect(moves).toBeGreaterThan(0);
  });

  it('moves that take no time -> the courses are those of a replay of where everybody was', () => {
    fc.assert(
      fc.property(anyPool, fc.constantFrom(...ALL.slice(0, 4)), (traces, choice) => {
        const pool = joinTraces(traces);
        const rule = { ...RULE, vmsPerPlatform: 6 };
        const options = { costs: DEFAULT_COSTS, offset: () => 0, seed: 1, windows: pool.traces, rule, moveMs: 0 };
        const play = playEvacuation(pool, { ...options, choice });
        for (const [index, placed] of play.traces.entries()) {
          const policy = createPolicy(choice, options);
          const list = listIntervals(placed, DEFAULT_COSTS);
          expect(play.sums[index]).toEqual(
            replayPolicy(list, toRates(DEFAULT_COSTS), policy, idleLagMs(DEFAULT_COSTS)),
          );
        }
      }),
      { numRuns: 40 },
    );
  });

  it('a generated office with connections, calendars and openings, no room -> learned, too, as without', () => {
    const population = { ...POPULATIONS.office6, people: 6 };
    const whole = generateActivity({ population, seed: 3, days: 14, calendars: true, openings: true });
    const found = report(splitActivity(whole, 2), { ...RULE, vmsPerPlatform: 3 }, [parsePolicyChoice('learned')]);
    expect(found.policies[0]?.with).toEqual(found.policies[0]?.without);
    expect(found.policies[0]?.without.cycles).toBeGreaterThan(14);
  });

  it('the assumed move -> 72 s', () => {
    expect(DEFAULT_MOVE_COSTS.gibPerVm * DEFAULT_MOVE_COSTS.secondsPerGib).toBe(72);
  });
});

function isActive(traces: readonly ActivityTrace[], who: string, atMs: number): boolean {
  const spans = traces.flatMap((each) => each.spans);
  return spans.some(({ client, fromMs, toMs }) => client === who && fromMs <= atMs && atMs < toMs);
}

function hoursByClient(traces: readonly ActivityTrace[]): Record<string, number> {
  const hours: Record<string, number> = {};
  for (const { client, fromMs, toMs } of traces.flatMap(({ spans }) => spans))
    hours[client] = (hours[client] ?? 0) + toMs - fromMs;
  return hours;
}
