// What `learned` makes of habits: people who come at the same hour, leave for good, or come back soon.
import { describe, expect, it } from 'vitest';
import { DEFAULT_COSTS, toRates } from '../../src/policy/cost-model.ts';
import { FixedPolicy } from '../../src/policy/fixed-policy.ts';
import { GENERATED_FROM_MS, generateActivity, MONTH_DAYS } from '../../src/policy/generated-activity.ts';
import { listIntervals } from '../../src/policy/interval-list.ts';
import { LearnedPolicy } from '../../src/policy/learned-policy.ts';
import { DAY_MS } from '../../src/policy/local-time.ts';
import { POPULATIONS } from '../../src/policy/populations.ts';
import { replayPolicy } from '../../src/policy/replay.ts';
import { arrivalAt, MONDAY_MS } from './support.ts';

const RATES = toRates(DEFAULT_COSTS);
const LAG_MS = 60_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Weeks of one person at work from 8:00 to 17:00, every day. */
function learnOfficeHours(days: number): LearnedPolicy {
  const policy = new LearnedPolicy(RATES, () => 0, LAG_MS);
  const alice = policy.addClient('alice', false);
  for (let day = 0; day < days; day += 1) {
    const fromMs = MONDAY_MS + day * DAY_MS + 8 * HOUR_MS + (day % 5) * MINUTE_MS;
    if (day > 0) policy.end(arrivalAt(fromMs));
    policy.note(0, alice, fromMs);
    policy.note(1, alice, MONDAY_MS + day * DAY_MS + 17 * HOUR_MS);
    policy.begin(MONDAY_MS + day * DAY_MS + 17 * HOUR_MS + LAG_MS, LAG_MS);
  }
  return policy;
}

describe('learned', () => {
  it('three weeks of the same hours -> sleeps at once in the evening, wakes ahead before eight', () => {
    const policy = learnOfficeHours(21);
    const beginMs = MONDAY_MS + 20 * DAY_MS + 17 * HOUR_MS + LAG_MS;
    const plan = policy.begin(beginMs, LAG_MS);
    expect(policy.source).toBe('forecast');
    expect(plan.momentsMs[0]).toBe(beginMs);
    const wakeMs = policy.review(MONDAY_MS + 21 * DAY_MS + 3 * HOUR_MS, true).momentsMs[0] as number;
    const eightMs = MONDAY_MS + 21 * DAY_MS + 8 * HOUR_MS;
    expect(wakeMs).toBeGreaterThan(eightMs - 20 * MINUTE_MS);
    expect(wakeMs).toBeLessThanOrEqual(eightMs);
  });

  it('two days of it -> still fixed 10m', () => {
    const policy = learnOfficeHours(3);
    expect(policy.source).toBe('fixed');
  });

  it('kept and restored -> plans as before', () => {
    const policy = learnOfficeHours(21);
    const kept = JSON.parse(JSON.stringify(policy.snapshot()));
    const restored = new LearnedPolicy(RATES, () => 0, LAG_MS);
    restored.restore(kept);
    expect(restored.addClient('alice', false)).toBe(0);
    const beginMs = MONDAY_MS + 21 * DAY_MS + 17 * HOUR_MS;
    for (const each of [policy, restored]) {
      each.note(0, 0, beginMs - 9 * HOUR_MS);
      each.note(1, 0, beginMs - LAG_MS);
    }
    const [before, after] = [policy.begin(beginMs, LAG_MS), restored.begin(beginMs, LAG_MS)];
    expect(after).toEqual(before);
    expect(restored.source).toBe(policy.source);
  });

  it('a session left open from some evening hour on, never the same -> asleep soon then, awake through a pause of the morning', () => {
    const policy = new LearnedPolicy(RATES, () => 0, LAG_MS);
    const alice = policy.addClient('alice', false);
    policy.note(2, alice, MONDAY_MS);
    const planAfter = (atMs: number) => {
      policy.note(1, alice, atMs);
      return policy.begin(atMs + LAG_MS, LAG_MS);
    };
    const returnAt = (atMs: number) => {
      policy.end(arrivalAt(atMs));
      policy.note(0, alice, atMs);
    };
    policy.note(0, alice, MONDAY_MS + 8 * HOUR_MS);
    for (let day = 0; day < 25; day += 1) {
      const dayMs = MONDAY_MS + day * DAY_MS;
      // A pause of two to five minutes in every half hour; it leaves between 16:45 and 18:15.
      const leavesMs = dayMs + (16.75 + ((day * 7) % 13) / 8) * HOUR_MS;
      for (let atMs = dayMs + 8.5 * HOUR_MS; atMs < leavesMs; atMs += HOUR_MS / 2) {
        planAfter(atMs);
        returnAt(atMs + (2 + ((atMs / MINUTE_MS / 30) % 7) / 2) * MINUTE_MS);
      }
      planAfter(leavesMs);
      returnAt(dayMs + DAY_MS + 8 * HOUR_MS);
    }
    const dayMs = MONDAY_MS + 25 * DAY_MS;
    const morning = planAfter(dayMs + 10 * HOUR_MS);
    expect(policy.source).toBe('forecast');
    expect(morning.momentsMs[0]).toBeGreaterThan(dayMs + 10 * HOUR_MS + LAG_MS + 5 * MINUTE_MS);
    returnAt(dayMs + 10 * HOUR_MS + 3 * MINUTE_MS);
    // Most of what began about this time was no pause.
    const eveningMs = dayMs + 18.25 * HOUR_MS;
    expect(planAfter(eveningMs).momentsMs[0]).toBeLessThanOrEqual(eveningMs + LAG_MS + 5 * MINUTE_MS);
  });

  it('a snapshot of the time when long absences had ages and connections of their own -> taken up, all of it', () => {
    const policy = learnOfficeHours(21);
    const kept = JSON.parse(JSON.stringify(policy.snapshot()));
    const oldCells = [15, 17, 20].map((kind) => [32 * 22 + kind, 2, 100]);
    kept.hazards.clients[0].cells = oldCells;
    const restored = new LearnedPolicy(RATES, () => 0, LAG_MS);
    expect(restored.restore(kept)).toBe(true);
    expect(restored.snapshot().hazards.clients[0]?.cells).toEqual([[32 * 22 + 14, 6, 300]]);
  });

  it('ends of activities that are told a lag late, after midnight, between others -> what was learned fades by one day, not by each', () => {
    const policy = learnOfficeHours(21);
    const midnightMs = MONDAY_MS + 21 * DAY_MS;
    const returns = () => {
      const [alice] = policy.snapshot().hazards.clients;
      return alice?.cells.reduce((sum, [, events]) => sum + events, 0) as number;
    };
    const before = returns();
    const bob = policy.addClient('bob', false);
    for (let second = 1; second <= 40; second += 1) {
      policy.note(0, bob, midnightMs + second * 1000);
      policy.note(1, bob, midnightMs + second * 1000 - LAG_MS);
    }
    expect(returns()).toBeGreaterThan(before * 0.97);
    expect(returns()).toBeLessThan(before * 0.98);
  });

  it.each([
    ['five weeks without Torpor', 35 * DAY_MS, 0],
    ['a clock of 1970 before', MONDAY_MS, 0],
    ['a restart of ten minutes', 10 * MINUTE_MS, 600],
  ])("restored after %s -> what nobody watched is nobody's absence, unless it was short", (_, gapMs, countedS) => {
    const policy = learnOfficeHours(21);
    const atMs = MONDAY_MS + 20 * DAY_MS + 18 * HOUR_MS;
    policy.note(3, 0, atMs);
    const kept = JSON.parse(JSON.stringify(policy.snapshot(atMs)));
    const restored = new LearnedPolicy(RATES, () => 0, LAG_MS);
    const nowMs = atMs + gapMs;
    expect(restored.restore(kept, nowMs)).toBe(true);
    const awayS = () =>
      restored.snapshot().hazards.clients[0]?.cells.reduce((sum, [, , exposureS]) => sum + exposureS, 0) as number;
    const before = awayS();
    restored.note(2, 0, atMs + gapMs);
    const fade = 0.975 ** Math.floor(gapMs / DAY_MS);
    expect(awayS() - before * fade).toBeGreaterThan(countedS - 20);
    expect(awayS() - before * fade).toBeLessThan(countedS + 20);
  });

  it('hundreds who only looked at a port, forgotten each -> the next person has a tally of its own', () => {
    const policy = learnOfficeHours(3);
    for (let index = 0; index < 300; index += 1) {
      const scanner = policy.addClient(`scanner ${index}`, false);
      policy.note(2, scanner, MONDAY_MS + 3 * DAY_MS);
      policy.note(3, scanner, MONDAY_MS + 3 * DAY_MS + 1000);
      policy.forgetClient(scanner);
    }
    const bob = policy.addClient('bob', false);
    policy.note(0, bob, MONDAY_MS + 3 * DAY_MS + 2000);
    policy.note(1, bob, MONDAY_MS + 3 * DAY_MS + 3000);
    policy.forgetClient(bob);
    policy.forgetClient(0);
    expect(policy.people()).toEqual(['alice', 'bob']);
    expect(policy.snapshot().hazards.clients.map(({ name }) => name)).toEqual(['alice', 'bob']);
  });

  it('restored while it was active, so of no idle time, then forgotten by the watch -> what was learned stays', () => {
    const policy = learnOfficeHours(5);
    policy.note(0, 0, MONDAY_MS + 5 * DAY_MS + 8 * HOUR_MS);
    const restored = new LearnedPolicy(RATES, () => 0, LAG_MS);
    restored.restore(JSON.parse(JSON.stringify(policy.snapshot())));
    restored.forgetClient(restored.addClient('alice', false));
    expect(restored.people()).toEqual(['alice']);
  });

  it('something else than a snapshot -> refused, and nothing known', () => {
    const policy = new LearnedPolicy(RATES, () => 0, LAG_MS);
    expect(policy.restore({ version: 99 })).toBe(false);
    expect(policy.restore('garbage')).toBe(false);
    expect(policy.restore(null)).toBe(false);
  });

  it.each(['office6', 'home4'] as const)('%s, two months of one seed -> cheaper than fixed 10m in each', (name) => {
    const trace = generateActivity({ population: POPULATIONS[name], seed: 3, days: 2 * MONTH_DAYS });
    const list = listIntervals(trace, DEFAULT_COSTS);
    const secondMs = GENERATED_FROM_MS + MONTH_DAYS * DAY_MS;
    for (const window of [
      { fromMs: list.fromMs, toMs: secondMs },
      { fromMs: secondMs, toMs: list.toMs },
    ]) {
      const learned = replayPolicy(list, RATES, new LearnedPolicy(RATES, () => 0, LAG_MS), LAG_MS, window);
      const fixed = replayPolicy(list, RATES, new FixedPolicy('fixed', 600_000), LAG_MS, window);
      expect(learned.cost).toBeLessThanOrEqual(fixed.cost);
    }
  });
});

describe('the generator', () => {
  it('the same seed -> the same trace; another -> another; sorted, within its days', () => {
    const make = (seed: number) => generateActivity({ population: POPULATIONS.home4, seed, days: 14 });
    const trace = make(1);
    expect(make(1)).toEqual(trace);
    expect(make(2).spans).not.toEqual(trace.spans);
    expect(
      trace.spans.every((span, index) => index === 0 || span.fromMs >= (trace.spans[index - 1]?.fromMs ?? 0)),
    ).toBe(true);
    expect(trace.spans.every(({ fromMs, toMs }) => fromMs <= toMs && toMs <= trace.toMs)).toBe(true);
  });

  it('office20 -> bursts with a median of about 150 s, four gaps of five about 50 s, weekends nearly empty', () => {
    const trace = generateActivity({ population: POPULATIONS.office20, seed: 5, days: 28 });
    const people = trace.spans.filter(({ isJob }) => !isJob);
    const lengths = people.map(({ fromMs, toMs }) => toMs - fromMs).sort((one, other) => one - other);
    // Breaks and the day's end cut some short.
    expect(lengths[Math.floor(lengths.length / 2)]).toBeGreaterThan(120_000);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThan(165_000);
    const isFree = ({ fromMs }: { fromMs: number }) => Math.floor((fromMs - MONDAY_MS) / DAY_MS) % 7 >= 5;
    expect(people.filter(isFree).length / people.length).toBeLessThan(0.1);
  });
});
