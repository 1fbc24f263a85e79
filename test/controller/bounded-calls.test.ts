import { describe, expect, it } from 'vitest';
import { BoundedCalls } from '../../src/controller/bounded-calls.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** Ends when its signal aborts, with the reason. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

describe('BoundedCalls', () => {
  it('a call that ends -> its answer, and no timer is left', async () => {
    const clock = new FakeClock(0);
    const calls = new BoundedCalls(clock);
    await expect(calls.call(1000, async () => 'S0')).resolves.toBe('S0');
    await expect(calls.call(1000, () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
    expect(clock.pending).toBe(0);
  });

  it('a call that does not end -> aborted at its bound, and the next one begins with a signal that is not', async () => {
    const clock = new FakeClock(0);
    const calls = new BoundedCalls(clock);
    const late = calls.call(1000, untilAborted);
    const lost = expect(late).rejects.toThrow('no answer within 1000 ms');
    await clock.advance(1000);
    await lost;
    await expect(calls.call(1000, async (signal) => signal.aborted)).resolves.toBe(false);
  });

  it('a call at its bound -> ends no other call', async () => {
    const clock = new FakeClock(0);
    const calls = new BoundedCalls(clock);
    const ofLonger: AbortSignal[] = [];
    const longer = calls.call(5000, (signal) => {
      ofLonger.push(signal);
      return untilAborted(signal);
    });
    const shorter = calls.call(1000, untilAborted);
    const lost = expect(shorter).rejects.toThrow('1000 ms');
    await clock.advance(1000);
    await lost;
    expect(ofLonger[0]?.aborted).toBe(false);
    const stopped = expect(longer).rejects.toThrow();
    calls.stop();
    await stopped;
  });

  it('the bound of a call that has ended -> does not end the next one', async () => {
    const clock = new FakeClock(0);
    const calls = new BoundedCalls(clock);
    await calls.call(1000, async () => {});
    await clock.advance(999);
    const ofNext: AbortSignal[] = [];
    const next = calls.call(1000, (signal) => {
      ofNext.push(signal);
      return untilAborted(signal);
    });
    const lost = expect(next).rejects.toThrow();
    await clock.advance(999);
    expect(ofNext[0]?.aborted).toBe(false);
    await clock.advance(1);
    await lost;
  });

  it('stopped -> open calls and later ones are aborted', async () => {
    const calls = new BoundedCalls(new FakeClock(0));
    const open = expect(calls.call(1000, untilAborted)).rejects.toThrow();
    calls.stop();
    await open;
    await expect(calls.call(1000, untilAborted)).rejects.toThrow();
    await expect(calls.call(1000, async (signal) => signal.aborted)).resolves.toBe(true);
  });
});
