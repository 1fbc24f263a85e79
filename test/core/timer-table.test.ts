// A table of timers: what a touch does, what is refused, and that a call's work is bounded.
import { describe, expect, it } from 'vitest';
import { TimerTable } from '../../src/core/timer-table.ts';

async function expiredOf(table: TimerTable, now: number): Promise<number[]> {
  const seen: number[] = [];
  do table.advance(now, (timer) => seen.push(timer));
  while (table.isPending);
  return seen;
}

describe('timer table', () => {
  it('timer: started, put off by touches -> expires at the last deadline, once, and has to be started again', async () => {
    const table = await TimerTable.create(3, 1000);
    table.start(1, 1600, 1000);
    table.touch(1, 1900);
    table.touch(1, 2200);
    expect(await expiredOf(table, 2199)).toEqual([]);
    expect(await expiredOf(table, 2200)).toEqual([1]);
    table.touch(1, 3000);
    expect(await expiredOf(table, 100_000)).toEqual([]);
    table.start(1, 100_050, 100_000);
    table.start(1, 100_020, 100_000);
    expect(await expiredOf(table, 100_020)).toEqual([1]);
  });

  it('timer: touched beyond the table -> no other timer changes', async () => {
    const table = await TimerTable.create(2, 0);
    table.start(0, 100, 0);
    table.start(1, 100, 0);
    table.touch(2, 5000);
    table.touch(-1, 5000);
    expect(await expiredOf(table, 100)).toHaveLength(2);
  });

  it('advance: 100,000 due at once -> no call handles more than told, none is lost', async () => {
    const table = await TimerTable.create(100_000, 0);
    for (let timer = 0; timer < 100_000; timer += 1) table.start(timer, 500, 0);
    const calls: number[] = [];
    do calls.push(table.advance(500, () => {}, 1000));
    while (table.isPending);
    expect(Math.max(...calls)).toBe(1000);
    expect(calls.reduce((sum, count) => sum + count, 0)).toBe(100_000);
  });

  it('advance: the callback starts its timer anew -> it runs again', async () => {
    const table = await TimerTable.create(1, 0);
    table.start(0, 10, 0);
    expect(table.advance(10, (timer) => table.start(timer, 25, 10))).toBe(1);
    expect(await expiredOf(table, 24)).toEqual([]);
    expect(await expiredOf(table, 25)).toEqual([0]);
  });

  it.each([0, -1, 2.5, 2 ** 24 + 1, Number.NaN])('timer table: of %d timers -> ERR_CORE_MEMORY', async (timers) => {
    await expect(TimerTable.create(timers, 0)).rejects.toMatchObject({ code: 'ERR_CORE_MEMORY' });
  });

  it('timer: one that is not in the table, or a deadline in the past -> RangeError', async () => {
    const table = await TimerTable.create(2, 100);
    expect(() => table.start(2, 200, 100)).toThrow(/timer 2 is not one of the 2/);
    expect(() => table.stop(-1)).toThrow(/timer -1/);
    expect(() => table.start(0, 99, 100)).toThrow(/deadline 99/);
  });
});
