import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { savingsAnswer } from '../../src/api/history-shapes.ts';
import { HistoryDb } from '../../src/history/history-db.ts';
import type { HistoryRow } from '../../src/history/history-rows.ts';
import { SavingsQuery, type SavingsSettings } from '../../src/history/savings-query.ts';
import { SleepLedger } from '../../src/history/sleep-ledger.ts';
import type { FarmEvent } from '../../src/platform/status.ts';
import { TempFolder } from '../support/temp-folder.ts';

/** A midnight, UTC. */
const T = Date.UTC(2026, 10, 28);
const MIN = 60_000;
const HOUR = 60 * MIN;
const RULES = { drowsyForMs: MIN, minAwakeMs: 0, suspendMs: 5_000, resumeMs: 8_000 };
const SETTINGS: SavingsSettings = {
  platforms: [{ name: 'vdi-01', watts: { busy: 300, idle: 175, asleep: 8 }, rules: RULES }],
  factors: { price: 0.3, currency: 'EUR', co2eKgPerKwh: 0.38, ownWatts: 6 },
  timeZone: 'UTC',
  sampleEveryMs: MIN,
};

function pool(atMs: number, change: 'enter' | 'exit'): HistoryRow {
  const size = change === 'enter' ? 1 : 0;
  return { table: 'pool', platform: 'vdi-01', atMs, change, stream: 's1', vm: 'alice', client: '::1:9', why: '', size };
}

function wouldSleep(atMs: number): HistoryRow {
  return { table: 'event', platform: 'vdi-01', atMs, kind: 'would-sleep', message: 'nobody is active', facts: {} };
}

function awake(atMs: number): HistoryRow {
  const why = 'evidence at start';
  return { table: 'transition', platform: 'vdi-01', atMs, from: 'starting', to: 'awake', reason: 'evidence', why };
}

function sample(atMs: number, state: 'awake' | 'asleep', watts: number, size = 0): HistoryRow {
  return { table: 'sample', platform: 'vdi-01', atMs, state, watts, source: 'measured', pool: size };
}

/** From 8 to 17 somebody works, away over noon; then nobody comes until 7 the next day. */
const OFFICE_DAY: readonly HistoryRow[] = [
  awake(T + 8 * HOUR),
  pool(T + 8 * HOUR, 'enter'),
  pool(T + 12 * HOUR, 'exit'),
  wouldSleep(T + 12 * HOUR),
  pool(T + 13 * HOUR, 'enter'),
  pool(T + 17 * HOUR, 'exit'),
  wouldSleep(T + 17 * HOUR),
  pool(T + 31 * HOUR, 'enter'),
];

/** As farm events, which the ledger of `torpor report` is fed with. */
function asEvents(rows: readonly HistoryRow[]): FarmEvent[] {
  return rows.flatMap((row, id) => {
    if (row.table !== 'event' && row.table !== 'pool') return [];
    const event = { id, atMs: row.atMs, platform: row.platform, message: '' };
    if (row.table === 'event') return [{ ...event, kind: row.kind, facts: {} }];
    const facts = { stream: row.stream, client: row.client, vm: row.vm };
    return [{ ...event, kind: row.change === 'enter' ? 'stream-active' : 'stream-idle', facts }];
  });
}

describe('savings of a platform in observe mode', () => {
  let folder: TempFolder;
  let db: HistoryDb;

  beforeEach(() => {
    folder = new TempFolder('savings-query');
    db = HistoryDb.open({ path: folder.file('history.sqlite'), version: '1', nowMs: T + 8 * HOUR }).db;
  });
  afterEach(() => {
    db.close();
    folder.remove();
  });

  const endMs = T + 32 * HOUR;
  function report(rows: readonly HistoryRow[], settings = SETTINGS, fromMs = T, toMs = endMs) {
    db.write([...rows], endMs);
    const found = new SavingsQuery(db.sqlite, settings).report(fromMs, toMs, endMs);
    expect(savingsAnswer.parse(found)).toEqual(found);
    return { ...found, vdi: found.platforms[0] };
  }

  it('a day of office hours -> two sleeps predicted, as reckoned by hand; nothing saved', () => {
    const { vdi, total, own, predicted } = report(OFFICE_DAY);
    expect(vdi?.total.savedKwh).toBe(0);
    expect(total.savedKwh).toBeCloseTo(-own.kwh, 12);
    const sleptHours = 1 + 14 - 2 / 60;
    expect(vdi?.predicted).toMatchObject({ asleepMs: sleptHours * HOUR, wakes: 2, wattsSource: 'configured' });
    // Asleep 8 W instead of 175 but for two suspends at 300; two resumes take 8 s each at 300 of somebody's working time.
    const byHand = ((sleptHours * 3600 - 10) * (175 - 8) + 10 * (175 - 300) + 16 * (175 - 300)) / 3_600_000;
    expect(vdi?.predicted?.savedKwh).toBeCloseTo(byHand, 6);
    expect(vdi?.predicted?.money).toBeCloseTo(byHand * 0.3, 6);
    expect(predicted).toEqual(vdi?.predicted);
  });

  it('the same day -> would have slept as long as torpor report says', () => {
    const { vdi } = report(OFFICE_DAY);
    const ledger = new SleepLedger([{ name: 'vdi-01', mode: 'observe', ...RULES }], T + 8 * HOUR);
    for (const event of asEvents(OFFICE_DAY)) ledger.note(event);
    const told = ledger.report(endMs)[0]?.wouldHaveSlept;
    expect(told).toMatchObject({ totalMs: vdi?.predicted?.asleepMs, wakes: vdi?.predicted?.wakes });
  });

  it('parts of the time -> add up to the whole', () => {
    const whole = report(OFFICE_DAY).vdi?.predicted;
    const query = new SavingsQuery(db.sqlite, SETTINGS);
    const parts = [T + 9 * HOUR, T + 12.5 * HOUR, T + 20 * HOUR, T + 27 * HOUR]
      .map((cutMs, index, cuts) => query.report(index === 0 ? T : (cuts[index - 1] as number), cutMs, endMs))
      .concat(query.report(T + 27 * HOUR, endMs, endMs))
      .map(({ predicted }) => predicted);
    const sum = (key: 'savedKwh' | 'asleepMs' | 'wakes') => parts.reduce((all, part) => all + (part?.[key] ?? 0), 0);
    expect(parts[0]).toBeNull();
    expect(sum('savedKwh')).toBeCloseTo(whole?.savedKwh ?? 0, 9);
    expect(sum('asleepMs')).toBe(whole?.asleepMs);
    expect(sum('wakes')).toBe(whole?.wakes);
  });

  it('readings of its BMC -> the idle watts that were measured; those of a real sleep before for the sleeper', () => {
    const readings = Array.from({ length: 24 * 60 }, (_, minute) => sample(T + 8 * HOUR + minute * MIN, 'awake', 120));
    const settings = { ...SETTINGS, platforms: [{ name: 'vdi-01', watts: NO_WATTS, rules: RULES }] };
    const slept = [sample(T + 8 * HOUR - 2, 'asleep', 4), sample(T + 8 * HOUR - 1, 'asleep', 6)];
    const rows = [
      ...slept,
      ...OFFICE_DAY,
      ...readings.filter(({ atMs }) => atMs > T + 17 * HOUR && atMs < T + 31 * HOUR),
    ];
    const { vdi } = report(rows, settings);
    expect(vdi?.predicted?.wattsSource).toBe('measured');
    expect(vdi?.predicted?.savedKwh).toBeCloseTo(((15 - 2 / 60) * (120 - 5)) / 1000, 2);
  });

  it('nobody knows what it draws asleep -> time and wakes, no energy', () => {
    const watts = { busy: 300, idle: 175, asleep: null };
    const { vdi } = report(OFFICE_DAY, { ...SETTINGS, platforms: [{ name: 'vdi-01', watts, rules: RULES }] });
    expect(vdi?.predicted).toMatchObject({ savedKwh: 0, money: 0, wakes: 2, wattsSource: 'none' });
    expect(vdi?.predicted?.asleepMs).toBeGreaterThan(14 * HOUR);
  });

  it('Torpor was killed at night -> nothing is predicted for what nobody saw', () => {
    db.write(OFFICE_DAY.slice(0, 7), T + 20 * HOUR);
    db.close();
    db = HistoryDb.open({ path: folder.file('history.sqlite'), version: '1', nowMs: T + 30 * HOUR }).db;
    const { vdi } = report([awake(T + 30 * HOUR), pool(T + 31 * HOUR, 'enter')]);
    expect(vdi?.predicted).toMatchObject({ asleepMs: (1 + 3 - 2 / 60) * HOUR, wakes: 1 });
  });

  it('somebody else puts it to sleep -> predicted until then only', () => {
    const why = 'S3 by sensor';
    const toSleep = {
      table: 'transition',
      platform: 'vdi-01',
      from: 'awake',
      to: 'asleep',
      reason: 'others',
      why,
    } as const;
    const { vdi } = report([...OFFICE_DAY.slice(0, 7), { ...toSleep, atMs: T + 18 * HOUR }]);
    expect(vdi?.predicted).toMatchObject({ asleepMs: (1 + 1 - 2 / 60) * HOUR, wakes: 1 });
  });

  it('an armed platform -> nothing is predicted', () => {
    const { vdi, predicted } = report([awake(T + 8 * HOUR), pool(T + 9 * HOUR, 'enter')]);
    expect(vdi?.predicted).toBeNull();
    expect(predicted).toBeNull();
  });
});

const NO_WATTS = { busy: null, idle: null, asleep: null };
