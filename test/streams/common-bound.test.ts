import { describe, expect, it } from 'vitest';
import { CommonBound } from '../../src/streams/common-bound.ts';
import { FakeClock } from '../support/fake-clock.ts';

function start() {
  const clock = new FakeClock();
  const over: string[] = [];
  return { clock, over, bound: new CommonBound<string>(clock, 1000, (each) => over.push(each)) };
}

describe('CommonBound', () => {
  it('three that come one after the other -> each is over at its own bound, by one appointment', async () => {
    const { clock, over, bound } = start();
    for (const each of ['a', 'b', 'c']) {
      bound.add(each);
      await clock.advance(300);
    }
    expect([over, clock.pending]).toEqual([[], 1]);
    await clock.advance(100);
    expect(over).toEqual(['a']);
    await clock.advance(299);
    expect(over).toEqual(['a']);
    await clock.advance(1);
    expect(over).toEqual(['a', 'b']);
    await clock.advance(300);
    expect([over, clock.pending]).toEqual([['a', 'b', 'c'], 0]);
  });

  it('one that is deleted in time -> is not over; those behind it keep their bound', async () => {
    const { clock, over, bound } = start();
    bound.add('a');
    await clock.advance(500);
    bound.add('b');
    bound.delete('a');
    await clock.advance(999);
    expect(over).toEqual([]);
    await clock.advance(1);
    expect([over, clock.pending]).toEqual([['b'], 0]);
  });

  it('one that comes again when it is over -> waits anew', async () => {
    const clock = new FakeClock();
    let times = 0;
    const bound: CommonBound<string> = new CommonBound(clock, 1000, (each) => {
      times += 1;
      if (times < 3) bound.add(each);
    });
    bound.add('a');
    await clock.advance(3000);
    expect([times, clock.pending]).toEqual([3, 0]);
  });
});
