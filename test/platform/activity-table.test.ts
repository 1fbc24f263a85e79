import { describe, expect, it } from 'vitest';
import { ACTIVITY_RECORD_BOUND, ActivityTable } from '../../src/platform/activity-table.ts';

describe('ActivityTable', () => {
  it('enter: a stream is new -> in the pool, since when and why, recorded', () => {
    const table = new ActivityTable();
    expect(table.enter('s1', 'connected', 10)).toBe(true);
    expect(table.size).toBe(1);
    expect(table.entries()).toEqual([{ streamId: 's1', sinceMs: 10, why: 'connected' }]);
    expect(table.records()).toEqual([{ atMs: 10, kind: 'enter', streamId: 's1', why: 'connected', poolAfter: 1 }]);
  });

  it('enter: a stream is in already -> its first entry stands, nothing recorded', () => {
    const table = new ActivityTable();
    table.enter('s1', 'connected', 10);
    expect(table.enter('s1', 'client bytes', 20)).toBe(false);
    expect(table.entries()[0]).toMatchObject({ sinceMs: 10, why: 'connected' });
    expect(table.records()).toHaveLength(1);
  });

  it('exit: a stream is in -> out, recorded with the pool after it; not in -> false, nothing recorded', () => {
    const table = new ActivityTable();
    table.enter('s1', 'connected', 10);
    table.enter('s2', 'connected', 11);
    expect(table.exit('s1', 'idle', 20)).toBe(true);
    expect(table.exit('s1', 'idle', 21)).toBe(false);
    expect(table.records().at(-1)).toEqual({ atMs: 20, kind: 'exit', streamId: 's1', why: 'idle', poolAfter: 1 });
    expect(table.size).toBe(1);
  });

  it('enter: back after an exit -> a new entry, last in order', () => {
    const table = new ActivityTable();
    table.enter('s1', 'connected', 1);
    table.enter('s2', 'connected', 2);
    table.exit('s1', 'idle', 3);
    table.enter('s1', 'client bytes', 4);
    expect(table.entries().map(({ streamId }) => streamId)).toEqual(['s2', 's1']);
  });

  it.each([
    [ACTIVITY_RECORD_BOUND - 1, ACTIVITY_RECORD_BOUND - 1, 0],
    [ACTIVITY_RECORD_BOUND, ACTIVITY_RECORD_BOUND, 0],
    [ACTIVITY_RECORD_BOUND + 1, ACTIVITY_RECORD_BOUND, 1],
    [2 * ACTIVITY_RECORD_BOUND + 1, ACTIVITY_RECORD_BOUND, ACTIVITY_RECORD_BOUND + 1],
    [5 * ACTIVITY_RECORD_BOUND + 7, ACTIVITY_RECORD_BOUND, 4 * ACTIVITY_RECORD_BOUND + 7],
  ])('records: %i of them -> %i kept, the newest, %i counted as dropped', (made, kept, dropped) => {
    const table = new ActivityTable();
    for (let i = 0; i < made; i += 1) {
      if (i % 2 === 0) table.enter('s1', 'client bytes', i);
      else table.exit('s1', 'idle', i);
    }
    expect(table.records().map(({ atMs }) => atMs)).toEqual(Array.from({ length: kept }, (_, i) => made - kept + i));
    expect(table.droppedRecords).toBe(dropped);
  });

  it('records: taken before a change -> not changed by it', () => {
    const table = new ActivityTable();
    table.enter('s1', 'connected', 1);
    const before = table.records();
    table.exit('s1', 'idle', 2);
    expect(before).toHaveLength(1);
  });
});
