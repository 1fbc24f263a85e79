// The report's sums against days that are counted by hand, and against a slow count of random days.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLIENTS_MAX, CLIENTS_NAMED, SleepLedger } from '../../src/history/sleep-ledger.ts';
import type { FarmEvent, PlatformReport } from '../../src/platform/status.ts';
import { drawSeed, runs } from '../core/support/seed.ts';

const SEED = drawSeed('SleepLedger');
const START_MS = 1_700_000_000_000;
const MINUTE_MS = 60_000;

/** One platform's day, in minutes since its start. */
class Day {
  readonly #ledger: SleepLedger;
  #lastId = 0;

  constructor(mode: 'observe' | 'armed' = 'observe', drowsyForMs = MINUTE_MS, minAwakeMs = 5 * MINUTE_MS) {
    this.#ledger = new SleepLedger([{ name: 'vdi-01', mode, drowsyForMs, minAwakeMs }], START_MS);
  }

  at(minute: number, kind: string, facts: FarmEvent['facts'] = {}): this {
    this.#lastId += 1;
    const atMs = START_MS + minute * MINUTE_MS;
    this.#ledger.note({ id: this.#lastId, atMs, platform: 'vdi-01', kind, message: '', facts });
    return this;
  }

  enters(minute: number, stream: string, client = '10.0.2.7:50000'): this {
    return this.at(minute, 'stream-active', { stream, vm: 'alice', client, pool: 1 });
  }

  leaves(minute: number, stream: string): this {
    return this.at(minute, 'stream-idle', { stream, vm: 'alice', client: 'any:1', pool: 0 });
  }

  report(minute: number): PlatformReport {
    return this.#ledger.report(START_MS + minute * MINUTE_MS)[0] as PlatformReport;
  }
}

function minutes(sum: PlatformReport['slept']): [number, number, number] {
  return [sum.totalMs / MINUTE_MS, sum.suspends, sum.wakes];
}

describe('SleepLedger: what would have been slept', () => {
  it('nobody there from minute 10 to 70: a minute drowsy -> 59 minutes, one suspend, one wake', () => {
    const day = new Day().at(10, 'would-sleep').enters(70, 's1');
    expect(minutes(day.report(80).wouldHaveSlept)).toEqual([59, 1, 1]);
  });

  it('still under way -> counted up to now, a suspend and no wake', () => {
    const day = new Day().at(10, 'would-sleep');
    expect([10.5, 11, 20].map((minute) => minutes(day.report(minute).wouldHaveSlept))).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [9, 1, 0],
    ]);
  });

  it('somebody comes back within the abort window -> nothing', () => {
    const day = new Day().at(10, 'would-sleep').enters(10.9, 's1').leaves(12, 's1');
    expect(minutes(day.report(13).wouldHaveSlept)).toEqual([0, 0, 0]);
  });

  it('a short visit: awake for minAwake after its wake -> the next sleep begins that late', () => {
    const day = new Day()
      .at(10, 'would-sleep')
      .enters(20, 's1')
      .leaves(21, 's1')
      .at(21, 'would-sleep')
      .enters(30, 's2');
    // 11 to 20, then from 25 (20 + minAwake 5), not from 22, to 30.
    expect(minutes(day.report(31).wouldHaveSlept)).toEqual([14, 2, 2]);
  });

  it('put to sleep by somebody else meanwhile -> counted there, not twice', () => {
    const day = new Day()
      .at(10, 'would-sleep')
      .at(31, 'transition', { from: 'awake', to: 'asleep', pool: 0 })
      .at(51, 'transition', { from: 'asleep', to: 'awake', pool: 0 });
    const { slept, wouldHaveSlept } = day.report(60);
    expect([minutes(slept), minutes(wouldHaveSlept)]).toEqual([
      [20, 1, 1],
      [20, 1, 1],
    ]);
  });
});

describe('SleepLedger: what was slept', () => {
  it('two sleeps, the second under way -> their sum, two suspends, one wake', () => {
    const day = new Day('armed')
      .at(5, 'transition', { from: 'suspending', to: 'asleep', pool: 0 })
      .at(25, 'transition', { from: 'asleep', to: 'waking', pool: 1 })
      .at(26, 'transition', { from: 'waking', to: 'awake', pool: 1 })
      .at(50, 'transition', { from: 'suspending', to: 'asleep', pool: 0 });
    expect(minutes(day.report(60).slept)).toEqual([30, 2, 1]);
    expect(minutes(day.report(60).wouldHaveSlept)).toEqual([0, 0, 0]);
  });
});

describe('SleepLedger: who kept it awake', () => {
  it('two connections of one client, one of another -> time in the pool and alone, per client', () => {
    const day = new Day()
      .enters(0, 's1', '10.0.2.7:1')
      .enters(5, 's2', '10.0.2.7:2')
      .enters(10, 's3', '[2001:db8::7]:3')
      .leaves(20, 's1')
      .leaves(30, 's2')
      .leaves(40, 's3');
    expect(day.report(50).keptAwakeBy).toEqual([
      { client: '10.0.2.7', vm: 'alice', activeMs: 30 * MINUTE_MS, aloneMs: 10 * MINUTE_MS, entries: 2 },
      { client: '2001:db8::7', vm: 'alice', activeMs: 30 * MINUTE_MS, aloneMs: 10 * MINUTE_MS, entries: 1 },
    ]);
  });

  it('in the pool still -> counted up to now', () => {
    const day = new Day().enters(0, 's1');
    expect(day.report(30).keptAwakeBy).toMatchObject([{ activeMs: 30 * MINUTE_MS, aloneMs: 30 * MINUTE_MS }]);
    expect(day.report(40).keptAwakeBy).toMatchObject([{ activeMs: 40 * MINUTE_MS, aloneMs: 40 * MINUTE_MS }]);
  });

  it('more clients than are named, and than are counted one by one -> the longest are named, nobody’s time is lost', () => {
    const day = new Day();
    const clients = CLIENTS_MAX + 50;
    for (let index = 0; index < clients; index += 1) {
      day.enters(index * 10, `s${index}`, `10.0.${index >> 8}.${index & 255}:1`);
      day.leaves(index * 10 + (index < 5 ? 9 : 1), `s${index}`);
    }
    const { keptAwakeBy, othersActiveMs } = day.report(clients * 10);
    expect(keptAwakeBy).toHaveLength(CLIENTS_NAMED);
    expect(keptAwakeBy.slice(0, 5).map(({ client }) => client)).toEqual(
      [0, 1, 2, 3, 4].map((index) => `10.0.0.${index}`),
    );
    const namedMs = keptAwakeBy.reduce((sum, { activeMs }) => sum + activeMs, 0);
    expect(namedMs + othersActiveMs).toBe((5 * 9 + (clients - 5)) * MINUTE_MS);
  });

  it('all counted clients in the pool at once -> one more is counted among the others', () => {
    const day = new Day();
    for (let index = 0; index < CLIENTS_MAX + 2; index += 1)
      day.enters(0, `s${index}`, `10.0.${index >> 8}.${index & 255}:1`);
    const { keptAwakeBy, othersActiveMs } = day.report(10);
    expect(keptAwakeBy).toHaveLength(CLIENTS_NAMED);
    // Two share one entry among the others, which is in the pool once.
    expect(othersActiveMs).toBe((CLIENTS_MAX - CLIENTS_NAMED + 1) * 10 * MINUTE_MS);
  });

  it('random days of three clients -> as a count minute by minute finds them', () => {
    const visit = fc.record({
      client: fc.integer({ min: 0, max: 2 }),
      from: fc.nat(50),
      length: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(fc.array(visit, { maxLength: 12 }), (visits) => {
        const day = new Day();
        const edges = visits.flatMap(({ client, from, length }, index) => [
          { minute: from, run: () => day.enters(from, `s${index}`, `10.0.0.${client}:1`) },
          { minute: from + length, run: () => day.leaves(from + length, `s${index}`) },
        ]);
        for (const edge of edges.sort((a, b) => a.minute - b.minute)) edge.run();
        const there = (client: number, minute: number) =>
          visits.some((each) => each.client === client && each.from <= minute && minute < each.from + each.length);
        for (const { client, activeMs, aloneMs } of day.report(80).keptAwakeBy) {
          const own = Number(client.at(-1));
          const all = Array.from({ length: 80 }, (_, minute) => minute).filter((minute) => there(own, minute));
          const alone = all.filter((minute) => [0, 1, 2].every((other) => other === own || !there(other, minute)));
          expect([activeMs, aloneMs]).toEqual([all.length * MINUTE_MS, alone.length * MINUTE_MS]);
        }
      }),
      runs(200, SEED),
    );
  });
});
