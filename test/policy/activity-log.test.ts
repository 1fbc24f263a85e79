// The activity log: what a line may be, in any order, and how wrong ones are told.
import { describe, expect, it } from 'vitest';
import { ActivityLogReader } from '../../src/policy/activity-log.ts';
import { DEFAULT_COSTS } from '../../src/policy/cost-model.ts';
import { listIntervals } from '../../src/policy/interval-list.ts';

function read(...lines: string[]) {
  const reader = new ActivityLogReader();
  for (const line of lines) reader.push(line);
  return reader.traces();
}

describe('the activity log', () => {
  it('lines of two platforms, out of order, dates and milliseconds -> one sorted trace each', () => {
    const traces = read(
      '{"client":"bob","platform":"a","from":"2026-01-05T09:00:00Z","to":"2026-01-05T09:10:00+00:00"}',
      '',
      '{"client":"alice","platform":"a","from":1767600000000,"to":1767600060000}',
      '{"client":"alice","platform":"a","kind":"connected","from":1767600000000,"to":1767610000000}',
      '{"client":"backup","platform":"b","kind":"job","from":5,"to":9}',
    );
    expect(traces.map(({ platform }) => platform)).toEqual(['a', 'b']);
    expect(traces[0]?.spans.map(({ client }) => client)).toEqual(['alice', 'bob']);
    expect(traces[0]).toMatchObject({ fromMs: 1767600000000, connections: [{ client: 'alice' }] });
    expect(traces[1]?.spans[0]).toEqual({ client: 'backup', isJob: true, fromMs: 5, toMs: 9 });
  });

  it('calendars and openings -> beside the activity; a platform with nothing else is none', () => {
    const traces = read(
      '{"client":"alice","platform":"a","from":1000,"to":2000}',
      '{"client":"alice","platform":"a","kind":"calendar","from":5000,"to":9000}',
      '{"client":"*","platform":"a","kind":"calendar","from":0,"to":90000000}',
      '{"client":"alice","platform":"a","kind":"opened","from":900}',
      '{"client":"*","platform":"b","kind":"calendar","from":0,"to":90000000}',
    );
    expect(traces).toHaveLength(1);
    expect(traces[0]).toMatchObject({ fromMs: 1000, toMs: 2000, openings: [{ client: 'alice', atMs: 900 }] });
    expect(traces[0]?.calendar?.map(({ client }) => client)).toEqual(['*', 'alice']);
  });

  it.each([
    ['not json', /line 1 .* no JSON/],
    ['[]', /"client" must be a name/],
    ['{"client":"a","platform":"","from":1,"to":2}', /"platform"/],
    ['{"client":"a","platform":"b","from":2,"to":1}', /"to" lies before "from"/],
    ['{"client":"a","platform":"b","from":"yesterday","to":1}', /"from" must be/],
    ['{"client":"a","platform":"b","kind":"robot","from":1,"to":2}', /"kind" must be one of/],
  ])('%s -> refused with its line', (line, message) => {
    expect(() => read(line)).toThrow(message);
  });

  it('two clients that overlap, a job, a person 5 s behind -> intervals 60 s after the last activity, waiters by person', () => {
    const spans = [
      { client: 'alice', isJob: false, fromMs: 0, toMs: 100_000 },
      { client: 'bob', isJob: false, fromMs: 50_000, toMs: 90_000 },
      { client: 'bob', isJob: false, fromMs: 159_000, toMs: 160_000 },
      { client: 'backup', isJob: true, fromMs: 1_000_000, toMs: 1_001_000 },
      { client: 'alice', isJob: false, fromMs: 1_005_000, toMs: 1_006_000 },
    ];
    const list = listIntervals({ platform: 'x', fromMs: 0, toMs: 2_000_000, spans, connections: [] }, DEFAULT_COSTS);
    expect([...list.beginMs]).toEqual([220_000, 1_066_000]);
    expect([...list.endMs]).toEqual([1_000_000, 2_000_000]);
    expect([...list.hasArrival]).toEqual([1, 0]);
    expect([...list.waiterMs]).toEqual([5000]);
    expect(list.isJob).toEqual([false, false, true]);
    expect(list.busyMsByDay[0]).toBe(103_000);
  });
});
