import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platformHistoryAnswer, storedEventsAnswer } from '../../src/api/history-shapes.ts';
import { HistoryDb } from '../../src/history/history-db.ts';
import { queryEvents, queryPlatform, queryRows } from '../../src/history/history-queries.ts';
import type { HistoryRow } from '../../src/history/history-rows.ts';
import type { StateName } from '../../src/platform/status.ts';
import { TempFolder } from '../support/temp-folder.ts';

const T = 1_700_000_000_000;
const MIN = 60_000;
const NO_FILTER = { platform: null, kind: null, fromMs: null, toMs: null, before: null, limit: 100 };

function transition(atMs: number, from: StateName, to: StateName, platform = 'vdi-01'): HistoryRow {
  return { table: 'transition', platform, atMs, from, to, reason: 'client', why: 'a client came' };
}

function sample(
  atMs: number,
  state: StateName,
  watts: number | null,
  source: 'measured' | 'configured' | null,
  pool = 0,
): HistoryRow {
  return { table: 'sample', platform: 'vdi-01', atMs, state, watts, source, pool };
}

describe('questions to the history', () => {
  const folder = new TempFolder('history-queries');
  let db: HistoryDb;

  beforeAll(() => {
    const path = folder.file('history.sqlite');
    // A first run from T to T + 10 min, killed; a second one from T + 20 min on.
    const first = HistoryDb.open({ path, version: '1', nowMs: T }).db;
    first.write(
      [
        sample(T, 'starting', null, null),
        transition(T + MIN, 'starting', 'awake'),
        {
          table: 'event',
          platform: 'vdi-01',
          atMs: T + MIN,
          kind: 'alarm',
          message: 'the BMC',
          facts: { code: 3, ok: false },
        },
        {
          table: 'pool',
          platform: 'vdi-01',
          atMs: T + 2 * MIN,
          change: 'enter',
          stream: 's1',
          vm: 'alice',
          client: '::1:9',
          why: 'bytes',
          size: 7,
        },
        sample(T + 3 * MIN, 'awake', 200, 'measured', 3),
        sample(T + 3 * MIN + 1, 'awake', 240, 'measured', 2),
        sample(T + 3 * MIN + 2, 'awake', 999, 'configured', 2),
        transition(T + 5 * MIN, 'awake', 'asleep'),
        sample(T + 6 * MIN, 'asleep', 8, 'configured', 0),
      ],
      T + 10 * MIN,
    );
    first.close();
    db = HistoryDb.open({ path, version: '1', nowMs: T + 20 * MIN }).db;
    db.write(
      [transition(T + 21 * MIN, 'starting', 'asleep'), transition(T + 22 * MIN, 'asleep', 'awake', 'vdi-02')],
      T + 30 * MIN,
    );
  });
  afterAll(() => {
    db.close();
    folder.remove();
  });

  it('platform: over all -> states with what nobody saw as unknown', () => {
    const answer = queryPlatform(db.sqlite, 'vdi-01', { fromMs: T - MIN, toMs: T + 40 * MIN }, 500);
    expect(answer.states).toEqual([
      { atMs: T - MIN, state: 'unknown' },
      { atMs: T, state: 'starting' },
      { atMs: T + MIN, state: 'awake' },
      { atMs: T + 5 * MIN, state: 'asleep' },
      { atMs: T + 10 * MIN, state: 'unknown' },
      { atMs: T + 21 * MIN, state: 'asleep' },
      { atMs: T + 30 * MIN, state: 'unknown' },
    ]);
    expect(() => platformHistoryAnswer.strict().parse(answer)).not.toThrow();
  });

  it('platform: from within a state -> begins with the state that held', () => {
    const { states } = queryPlatform(db.sqlite, 'vdi-01', { fromMs: T + 7 * MIN, toMs: T + 9 * MIN }, 500);
    expect(states).toEqual([{ atMs: T + 7 * MIN, state: 'asleep' }]);
  });

  it('platform: from within a gap -> begins as unknown: an earlier run says nothing', () => {
    const { states } = queryPlatform(db.sqlite, 'vdi-01', { fromMs: T + 12 * MIN, toMs: T + 25 * MIN }, 500);
    expect(states).toEqual([
      { atMs: T + 12 * MIN, state: 'unknown' },
      { atMs: T + 21 * MIN, state: 'asleep' },
    ]);
  });

  it('platform: weeks in which Torpor restarted in a loop -> hardly dearer than weeks without', () => {
    const minutes = 50_000;
    const ask = (restarts: boolean) => {
      const path = folder.file(`restarts-${restarts}.sqlite`);
      const { db: weeks } = HistoryDb.open({ path, version: '1', nowMs: T });
      const rows = Array.from({ length: minutes }, (_, minute): HistoryRow[] => {
        const atMs = T + minute * MIN;
        const at = sample(atMs, minute % 600 < 300 ? 'awake' : 'asleep', 100, 'measured');
        return restarts && minute % 2 === 1 ? [at, { table: 'gap', fromMs: atMs + 1000, atMs: atMs + 2000 }] : [at];
      }).flat();
      weeks.write(rows, T + minutes * MIN);
      const before = process.cpuUsage();
      const { states } = queryPlatform(weeks.sqlite, 'vdi-01', { fromMs: T, toMs: T + minutes * MIN }, 500);
      const { user, system } = process.cpuUsage(before);
      weeks.close();
      return { states, cpuMs: (user + system) / 1000 };
    };
    const [looped, steady] = [ask(true), ask(false)];
    expect(looped.states.filter(({ state }) => state === 'unknown').length).toBeGreaterThan(9_000);
    // Each mark with each run: twenty times as much and more.
    expect(looped.cpuMs).toBeLessThan(6 * steady.cpuMs + 200);
  });

  it('platform: watts and pool in two parts -> means of what was measured, the largest pool', () => {
    const { watts, pool } = queryPlatform(db.sqlite, 'vdi-01', { fromMs: T, toMs: T + 10 * MIN }, 2);
    expect(watts).toEqual([
      { atMs: T + 3 * MIN, watts: 220, source: 'measured' },
      { atMs: T + 6 * MIN, watts: 8, source: 'configured' },
    ]);
    expect(pool.map(({ size }) => size)).toEqual([7, 0]);
  });

  it('platform: many points -> at most as many as were asked for', () => {
    for (const points of [1, 3, 500]) {
      const { watts, pool } = queryPlatform(db.sqlite, 'vdi-01', { fromMs: T, toMs: T + 10 * MIN }, points);
      expect(watts.length).toBeLessThanOrEqual(points);
      expect(pool.length).toBeLessThanOrEqual(points);
    }
  });

  it('platform: never seen -> unknown, and nothing else', () => {
    expect(queryPlatform(db.sqlite, 'vdi-09', { fromMs: T, toMs: T + 1 }, 5)).toEqual({
      platform: 'vdi-09',
      fromMs: T,
      toMs: T + 1,
      states: [{ atMs: T, state: 'unknown' }],
      watts: [],
      pool: [],
    });
  });

  it('events: of all tables -> newest first, transitions and pool with what they were as events', () => {
    const events = queryEvents(db.sqlite, NO_FILTER);
    expect(() => storedEventsAnswer.parse(events)).not.toThrow();
    expect(events.map(({ kind }) => kind)).toEqual([
      'transition',
      'transition',
      'transition',
      'stream-active',
      'alarm',
      'transition',
    ]);
    expect(events[0]).toMatchObject({
      platform: 'vdi-02',
      message: 'asleep -> awake: a client came',
      facts: { to: 'awake' },
    });
    expect(events[3]).toMatchObject({ message: 'alice from ::1:9 is active: bytes', facts: { stream: 's1', pool: 7 } });
    expect(events[4]).toMatchObject({ message: 'the BMC', facts: { code: 3, ok: false } });
  });

  it('events: filters -> only what fits all of them', () => {
    const of = (filter: object) =>
      queryEvents(db.sqlite, { ...NO_FILTER, ...filter }).map(({ platform, kind }) => `${platform} ${kind}`);
    expect(of({ platform: 'vdi-02' })).toEqual(['vdi-02 transition']);
    expect(of({ kind: 'alarm' })).toEqual(['vdi-01 alarm']);
    expect(of({ platform: 'vdi-01', kind: 'transition', fromMs: T + 2 * MIN, toMs: T + 6 * MIN })).toEqual([
      'vdi-01 transition',
    ]);
    expect(of({ platform: "x' OR 1=1 --" })).toEqual([]);
  });

  it('events: page by page -> each once, in order', () => {
    const all = queryEvents(db.sqlite, NO_FILTER).map(({ id }) => id);
    const paged: number[] = [];
    for (let before: number | null = null; ; ) {
      const page = queryEvents(db.sqlite, { ...NO_FILTER, before, limit: 2 });
      paged.push(...page.map(({ id }) => id));
      if (page.length < 2) break;
      before = page.at(-1)?.id ?? 0;
    }
    expect(paged).toEqual(all);
  });

  it('rows: a range and pages -> each row once', () => {
    const range = { fromMs: T + 2 * MIN, toMs: T + 6 * MIN };
    const first = queryRows(db.sqlite, 'samples', range, { afterSeq: 0, limit: 2 });
    const second = queryRows(db.sqlite, 'samples', range, { afterSeq: first.at(-1)?.seq ?? 0, limit: 2 });
    expect([...first, ...second].map(({ watts }) => watts)).toEqual([200, 240, 999]);
  });
});
