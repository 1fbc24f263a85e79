// What is remembered, seen from outside: across kill -9, beside a broken file, and as exports.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { PlatformHistory, SavingsReport, StoredEvent } from '../../src/platform/history.ts';
import { eventually } from '../support/eventually.ts';
import { runTorpor } from '../support/torpor-process.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

async function get<T>(stage: Stage, path: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${stage.apiPort}/api/v1/${path}`);
  const body = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${body}`);
  return JSON.parse(body) as T;
}

const WATTS = { power: { watts: { busy: 300, idle: 175, asleep: 8 } } };

describe('history', { timeout: 2 * E2E_TIMEOUT_MS }, () => {
  test('kill -9 after a sleep and a wake, then a restart -> both are remembered, the time between is unknown', async () => {
    await using stage = await Stage.open(WATTS);
    const torpor = await stage.run();
    {
      using client = await stage.connect();
      await client.ask('before');
      await torpor.waitForState(PLATFORM, 'asleep');
      expect(await client.ask('wakes it', 90_000)).toMatch(/wakes it$/);
      await torpor.waitForState(PLATFORM, 'awake');
    }
    const stored = () => get<StoredEvent[]>(stage, `history/events?platform=${PLATFORM}&kind=transition&limit=1000`);
    await eventually('the wake to be stored', async () =>
      (await stored()).some(({ facts }) => facts.from === 'waking'),
    );
    const before = await stored();
    await torpor.killNow();
    const restarted = await stage.run();
    await restarted.waitForState(PLATFORM, ['awake', 'drowsy', 'asleep']);
    const after = await eventually('the history to be open', stored);
    const kept = after.filter(({ id }) => id <= (before[0]?.id ?? 0));
    expect(kept).toEqual(before);
    const history = await get<PlatformHistory>(stage, `platforms/${PLATFORM}/history`);
    const states = history.states.map(({ state }) => state);
    expect(states).toContain('asleep');
    expect(states.indexOf('unknown', 1)).toBeGreaterThan(0);
    expect(history.watts.some(({ watts, source }) => watts === 8 || source === 'measured')).toBe(true);
  });

  test('kill -9 in the middle of many writes, again and again -> the file is never broken', async () => {
    await using stage = await Stage.open({ ...WATTS, minAwake: '10m' });
    const writeMuch = () =>
      Promise.allSettled(
        Array.from({ length: 20 }, async (_, index) => {
          using client = await stage.connect();
          await client.ask(`line ${index}`, 90_000);
        }),
      );
    let stored = 0;
    for (let round = 0; round < 3; round += 1) {
      const torpor = await stage.run();
      await writeMuch();
      stored = await eventually('the first of it to be stored', async () => {
        const { length } = await get<StoredEvent[]>(stage, 'history/events?limit=1000');
        return length > stored ? length : null;
      });
      const more = writeMuch();
      await torpor.killNow();
      await more;
    }
    const torpor = await stage.run();
    const events = await eventually('the history', () => get<StoredEvent[]>(stage, 'history/events?limit=1000'));
    expect(events.filter(({ kind }) => kind === 'alarm').map(({ message }) => message)).not.toContainEqual(
      expect.stringContaining('could not be read'),
    );
    expect(torpor.output).not.toContain('could not be read');
    expect(readdirSync(stage.folder.file('state/history')).filter((name) => name.includes('broken'))).toEqual([]);
    expect(events.length).toBeGreaterThanOrEqual(stored);
  });

  test('a broken file -> set aside with an alarm, clients are served, a new history begins', async () => {
    await using stage = await Stage.open(WATTS);
    const first = await stage.run();
    await eventually('the history to be open', () => get<StoredEvent[]>(stage, 'history/events'));
    await first.stop();
    writeFileSync(stage.folder.file('state/history/history.sqlite'), 'no database '.repeat(5000));
    const torpor = await stage.run();
    using client = await stage.connect();
    expect(await client.ask('served', 90_000)).toMatch(/served$/);
    const alarms = () => get<StoredEvent[]>(stage, 'history/events?kind=alarm&platform=-');
    const [alarm] = await eventually('the alarm to be stored', async () => {
      const found = await alarms();
      return found.length > 0 ? found : null;
    });
    expect(alarm?.message).toContain('could not be read');
    expect(torpor.output).toContain('could not be read');
    expect(readdirSync(stage.folder.file('state/history')).some((name) => name.includes('.broken-'))).toBe(true);
  });

  test('torpor history export and savings -> what is in the file; savings that add up', async () => {
    await using stage = await Stage.open(WATTS);
    const torpor = await stage.run();
    await torpor.waitForState(PLATFORM, 'asleep');
    const api = ['--api', `http://127.0.0.1:${stage.apiPort}`];
    // What has just been is stored a moment later.
    await eventually('the sleep in the file', async () => {
      const exported = await runTorpor(['history', 'export', 'transitions', ...api]);
      expect(exported.code, exported.output).toBe(0);
      const rows = exported.output.trimEnd().split('\n');
      return rows.some((line) => (JSON.parse(line) as Record<string, unknown>).to_state === 'asleep');
    });
    const csv = await runTorpor(['history', 'export', 'runs', '--format', 'csv', '--last', '1h', ...api]);
    expect(csv.output).toMatch(/^seq,started_ms,seen_ms,version\r\n1,\d+,\d+,/);
    const report = await get<SavingsReport>(stage, 'savings');
    expect(report.platforms.map(({ platform }) => platform)).toEqual([PLATFORM]);
    expect(report.platforms[0]?.total.usedKwh).toBeGreaterThan(0);
    expect(report.total.savedKwh).toBeCloseTo((report.platforms[0]?.total.savedKwh ?? 0) - report.own.kwh, 12);
    const told = await runTorpor(['savings', ...api]);
    expect(told.code, told.output).toBe(0);
    expect(told.output).toContain(PLATFORM);
  });

  test('history: off -> nothing is written, its routes are 404', async () => {
    await using stage = await Stage.open({ ...WATTS, history: 'off' });
    await stage.run();
    const response = await fetch(`http://127.0.0.1:${stage.apiPort}/api/v1/savings`);
    expect(response.status).toBe(404);
    expect(existsSync(stage.folder.file('state/history'))).toBe(false);
  });
});
