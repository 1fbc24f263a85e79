import { describe, expect, it } from 'vitest';
import type { PlatformLook } from '../../src/energy/present-watts.ts';
import { HistoryRecorder, STREAM_ROWS_BURST, STREAM_ROWS_PER_MINUTE } from '../../src/history/history-recorder.ts';
import type { HistoryRow } from '../../src/history/history-rows.ts';
import type { FarmEvent } from '../../src/platform/status.ts';
import { FakeClock } from '../support/fake-clock.ts';

const SAMPLE_MS = 60_000;

function scene(
  watts = { busy: 300, idle: 175, asleep: 8 } as { busy: number | null; idle: number | null; asleep: number | null },
) {
  const clock = new FakeClock(1_000_000);
  const rows: HistoryRow[] = [];
  let thinned = 0;
  const look: { now: PlatformLook } = { now: { state: 'awake', sinceMs: 0, pool: 0, reading: null } };
  const recorder = new HistoryRecorder({
    platforms: [{ name: 'vdi-01', watts, look: () => look.now }],
    store: {
      add: (row) => void rows.push(row),
      countThinned: () => {
        thinned += 1;
      },
    },
    clock,
    sampleEveryMs: SAMPLE_MS,
  });
  const note = (kind: string, facts: FarmEvent['facts'] = {}, message = '') =>
    recorder.note({ id: 1, atMs: clock.nowMs(), platform: 'vdi-01', kind, message, facts });
  return { clock, rows, look, recorder, note, thinned: () => thinned };
}

const stream = (id: string) => ({ stream: id, vm: 'alice', client: '10.0.2.7:50123', why: 'client bytes', pool: 1 });

describe('HistoryRecorder', () => {
  it('note: events -> rows of the tables that they belong to', () => {
    const { rows, note } = scene();
    note('transition', { from: 'awake', to: 'drowsy', reason: 'idle', pool: 0 }, 'awake -> drowsy: nobody is active');
    note('stream-active', stream('s1'), 'alice from 10.0.2.7:50123 is active: client bytes');
    note('stream-idle', { ...stream('s1'), why: 'idle for 10m', pool: 0 });
    note('alarm', {}, 'the BMC does not answer');
    expect(rows).toMatchObject([
      { table: 'transition', from: 'awake', to: 'drowsy', reason: 'idle', why: 'nobody is active' },
      { table: 'pool', change: 'enter', stream: 's1', vm: 'alice', client: '10.0.2.7:50123', size: 1 },
      { table: 'pool', change: 'exit', stream: 's1', why: 'idle for 10m', size: 0 },
      { table: 'event', kind: 'alarm', message: 'the BMC does not answer' },
    ]);
  });

  it('samples: at the start and at regular times -> a fresh reading is measured, else the state’s configured watts', async () => {
    const { clock, rows, look, recorder } = scene();
    recorder.start();
    look.now = { ...look.now, pool: 2 };
    await clock.advance(SAMPLE_MS);
    look.now = { state: 'asleep', sinceMs: clock.nowMs(), pool: 0, reading: { atMs: clock.nowMs() - 1, watts: 170 } };
    await clock.advance(SAMPLE_MS);
    look.now = { ...look.now, reading: { atMs: clock.nowMs() + SAMPLE_MS - 5000, watts: 6.5 } };
    await clock.advance(SAMPLE_MS);
    recorder.stop();
    await clock.advance(10 * SAMPLE_MS);
    expect(rows.map((row) => row.table === 'sample' && [row.state, row.watts, row.source, row.pool])).toEqual([
      ['awake', 175, 'configured', 0],
      ['awake', 300, 'configured', 2],
      // What was read before it slept does not count for the sleep.
      ['asleep', 8, 'configured', 0],
      ['asleep', 6.5, 'measured', 0],
    ]);
  });

  it('samples: no watts are known -> the state alone', () => {
    const { rows, recorder } = scene({ busy: null, idle: null, asleep: null });
    recorder.start();
    expect(rows).toMatchObject([{ table: 'sample', state: 'awake', watts: null, source: null }]);
  });

  it('transition: its state was read while it held -> that reading is a sample of it', async () => {
    const { clock, rows, look, note } = scene();
    await clock.advance(5000);
    look.now = { state: 'asleep', sinceMs: clock.nowMs(), pool: 0, reading: { atMs: clock.nowMs() - 400, watts: 240 } };
    note('transition', { from: 'suspending', to: 'asleep', reason: 'evidence' }, 'suspending -> asleep: S3 by sensor');
    expect(rows[0]).toMatchObject({ table: 'sample', state: 'suspending', watts: 240, atMs: clock.nowMs() - 400 });
    note('transition', { from: 'asleep', to: 'waking', reason: 'client' }, 'asleep -> waking: x');
    expect(rows.filter(({ table }) => table === 'sample')).toHaveLength(1);
  });

  it('thousands of streams -> a burst, then a bounded rate, the rest counted and told once a minute', async () => {
    const { clock, rows, note, thinned } = scene();
    const many = 5000;
    for (let i = 0; i < many; i += 1) note('stream-open', { stream: `s${i}` });
    expect(rows).toHaveLength(STREAM_ROWS_BURST);
    expect(thinned()).toBe(many - STREAM_ROWS_BURST);
    await clock.advance(60_000);
    rows.length = 0;
    for (let i = 0; i < many; i += 1) note('stream-open', { stream: `t${i}` });
    const told = rows.filter((row) => row.table === 'event' && row.kind === 'history-thinned');
    expect(told).toMatchObject([{ facts: { skipped: many - STREAM_ROWS_BURST } }]);
    expect(rows).toHaveLength(STREAM_ROWS_PER_MINUTE + 1);
  });

  it('thousands of entries -> exits are there for the entries that are, and for no others', () => {
    const { rows, note } = scene();
    for (let i = 0; i < 5000; i += 1) note('stream-active', stream(`s${i}`));
    for (let i = 0; i < 5000; i += 1) note('stream-idle', stream(`s${i}`));
    const of = (change: string) =>
      rows.flatMap((row) => (row.table === 'pool' && row.change === change ? [row.stream] : []));
    expect(of('enter')).toHaveLength(STREAM_ROWS_BURST);
    expect(of('exit')).toEqual(of('enter'));
  });

  it('a flood of streams -> transitions and alarms are all there', () => {
    const { rows, note } = scene();
    for (let i = 0; i < 5000; i += 1) note('stream-open', { stream: `s${i}` });
    note('alarm', {}, 'the BMC does not answer');
    expect(rows.at(-1)).toMatchObject({ kind: 'alarm' });
  });
});
