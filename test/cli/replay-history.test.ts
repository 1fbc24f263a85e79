// `torpor replay` of what Torpor recorded itself, by a real store; and with the calendars of those who were recorded.
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HistoryDb } from '../../src/history/history-db.ts';
import { queryRows } from '../../src/history/history-queries.ts';
import type { HistoryRow } from '../../src/history/history-rows.ts';
import { exportLines } from '../../src/platform/export-lines.ts';
import type { HistoryTable } from '../../src/platform/history.ts';
import { ActivityLogReader } from '../../src/policy/activity-log.ts';
import type { ReplayReport } from '../../src/policy/replay-report.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { FakeIo } from './fakes/fake-io.ts';

const T = Date.UTC(2026, 0, 5, 8);
const MINUTE_MS = 60_000;

function pool(minute: number, change: 'enter' | 'exit', stream: string, why: string): HistoryRow {
  const client = `10.0.0.7:${4000 + minute}`;
  return {
    table: 'pool',
    platform: 'vdi-01',
    atMs: T + minute * MINUTE_MS,
    change,
    stream,
    vm: 'alice',
    client,
    why,
    size: 1,
  };
}

function event(minute: number, kind: string, facts: Record<string, string | number>): HistoryRow {
  return { table: 'event', platform: 'vdi-01', atMs: T + minute * MINUTE_MS, kind, message: kind, facts };
}

/** Active from minute 0 to 20 with a time-out of ten minutes, connected to 40; again from 150 to 160, then Torpor was killed. */
const ROWS: HistoryRow[] = [
  event(0, 'stream-open', { stream: 's1', vm: 'alice', client: '10.0.0.7:4000' }),
  pool(0, 'enter', 's1', 'client bytes'),
  pool(30, 'exit', 's1', 'no activity for 10m'),
  event(40, 'stream-closed', { stream: 's1', vm: 'alice', client: '10.0.0.7:4000' }),
  event(149, 'client-opened', { client: '10.0.0.7' }),
  event(150, 'stream-open', { stream: 's2', vm: 'alice', client: '10.0.0.7:4150' }),
  pool(150, 'enter', 's2', 'client bytes'),
  pool(160, 'enter', 's3', 'client bytes'),
  event(160, 'alarm', { code: 3 }),
];

describe('torpor replay of recorded history', () => {
  let folder: TempFolder;
  beforeEach(() => {
    folder = new TempFolder('replay-history');
  });
  afterEach(() => folder.remove());

  function exported(...tables: HistoryTable[]): string[] {
    const { db } = HistoryDb.open({ path: folder.file('history.sqlite'), version: '1', nowMs: T });
    db.write(ROWS, T + 200 * MINUTE_MS);
    const range = { fromMs: 0, toMs: T * 2 };
    const lines = tables.map((table) =>
      exportLines(queryRows(db.sqlite, table, range, { afterSeq: 0, limit: 1000 }), 'jsonl', false),
    );
    db.close();
    return lines;
  }

  it('pool and events of a store -> spans without the time-out, connections, openings; what Torpor missed ends with the last row', () => {
    const reader = new ActivityLogReader();
    for (const text of exported('pool', 'events', 'runs', 'samples')) {
      for (const line of text.split('\n')) reader.push(line);
    }
    const [trace, ...others] = reader.traces();
    expect(others).toEqual([]);
    const at = (minute: number) => T + minute * MINUTE_MS;
    const client = '10.0.0.7 alice';
    expect(trace).toEqual({
      platform: 'vdi-01',
      fromMs: at(0),
      toMs: at(160),
      spans: [
        { client, isJob: false, fromMs: at(0), toMs: at(20) },
        { client, isJob: false, fromMs: at(150), toMs: at(160) },
        { client, isJob: false, fromMs: at(160), toMs: at(160) },
      ],
      connections: [
        { client, fromMs: at(0), toMs: at(40) },
        { client, fromMs: at(150), toMs: at(150) },
      ],
      openings: [{ client, atMs: at(149) }],
      vms: new Map([[client, 'alice']]),
    });
  });

  it('both exports as two files -> one platform, one wait of the one interval', async () => {
    const [poolText, eventsText] = exported('pool', 'events') as [string, string];
    await writeFile(folder.file('pool.jsonl'), poolText);
    await writeFile(folder.file('events.jsonl'), eventsText);
    const io = new FakeIo();
    const args = ['--json', '--no-curves', '--time-zone', 'UTC', '--policy', 'fixed'];
    expect(await io.run('replay', folder.file('pool.jsonl'), folder.file('events.jsonl'), ...args)).toBe(0);
    const [report, ...others] = JSON.parse(io.stdout) as ReplayReport[];
    expect(others).toEqual([]);
    expect(report).toMatchObject({ platform: 'vdi-01', people: 1, intervals: 1 });
    expect(report?.policies[0]).toMatchObject({ waits: 1, cycles: 1 });
    expect(report?.alwaysOn.cost).toBeCloseTo((129 * 60 * 175 * 0.3) / 3.6e6, 9);
  });

  it("a calendar of the client -> read for the record's time; another time's, or none -> told", async () => {
    const [poolText] = exported('pool') as [string];
    await writeFile(folder.file('pool.jsonl'), poolText);
    const ics = (day: string) =>
      [
        'BEGIN:VCALENDAR',
        'BEGIN:VEVENT',
        'UID:1',
        `DTSTART:${day}T083000Z`,
        'DURATION:PT1H',
        'END:VEVENT',
        'END:VCALENDAR',
        '',
      ].join('\r\n');
    await writeFile(folder.file('alice.ics'), ics('20260105'));
    await writeFile(folder.file('old.ics'), ics('20250105'));
    const run = async (calendar: string) => {
      const io = new FakeIo();
      const code = await io.run(
        'replay',
        folder.file('pool.jsonl'),
        '--calendar',
        calendar,
        '--policy',
        'learned',
        '--no-curves',
      );
      return { code, err: io.stderr };
    };
    expect(await run(`10.0.0.7=${folder.file('alice.ics')}`)).toEqual({ code: 0, err: '' });
    expect((await run(folder.file('old.ics'))).err).toMatch(/say nothing of the time of its record/);
    expect(await run('alice=none.ics')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/calendar none.ics cannot be read/),
    });
    await writeFile(folder.file('page.html'), '<html>');
    expect(await run(folder.file('page.html'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/page\.html: the calendar cannot be read/),
    });
  });

  it('--signals of generated activity -> taken; another word -> refused', async () => {
    const io = new FakeIo();
    const args = ['replay', '--generate', 'home4', '--months', '0.3', '--no-curves', '--policy', 'learned', '--json'];
    expect(await io.run(...args, '--signals', 'calendars,openings')).toBe(0);
    expect(await io.run(...args, '--signals', 'badges')).toBe(2);
    expect(io.stderr).toMatch(/"badges" is no signal/);
  });
});
