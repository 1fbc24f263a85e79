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

  it('one that ends in time -> is not over; those behind it keep their bound', async () => {
    const { clock, over, bound } = start();
    const first = bound.add('a');
    await clock.advance(500);
    bound.add('b');
    bound.end(first);
    bound.end(first);
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

  it('one that begins from within the end of another -> those in between keep their bound', async () => {
    const clock = new FakeClock();
    const over: string[] = [];
    const bound: CommonBound<string> = new CommonBound(clock, 1000, (each) => {
      over.push(each);
      if (each === 'a') bound.add('c');
    });
    bound.add('a');
    await clock.advance(400);
    bound.add('b');
    await clock.advance(1000);
    expect(over).toEqual(['a', 'b']);
    await clock.advance(600);
    expect(over).toEqual(['a', 'b', 'c']);
  });

  it('ten thousand behind one that waits, all but two ended -> those two are over, in order', async () => {
    const { clock, over, bound } = start();
    bound.add('first');
    const waits = Array.from({ length: 10_000 }, (_, at) => bound.add(`${at}`));
    for (const [at, wait] of waits.entries()) if (at !== 5000) bound.end(wait);
    await clock.advance(1000);
    expect([over, clock.pending]).toEqual([['first', '5000'], 0]);
  });
});
