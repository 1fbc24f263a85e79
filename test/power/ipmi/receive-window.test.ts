// The 16-wide window at its edges: one inside, on the edge, one outside.
import { describe, expect, it } from 'vitest';
import { nextSequence, ReceiveWindow } from '../../../src/power/ipmi/receive-window.ts';

function windowAt(...received: readonly number[]): ReceiveWindow {
  const window = new ReceiveWindow();
  for (const sequence of received) window.record(sequence);
  return window;
}

describe('receive window', () => {
  it('at the start -> 1 to 15 are fresh, 0, 16 and FFFFFFFFh are not', () => {
    const window = windowAt();
    expect(window.judge(1)).toBe('fresh');
    expect(window.judge(15)).toBe('fresh');
    expect(window.judge(16)).toBe('outside');
    expect(window.judge(0)).toBe('outside');
    expect(window.judge(0xffff_ffff)).not.toBe('fresh');
  });

  it.each([
    [115, 'fresh'],
    [116, 'outside'],
    [101, 'fresh'],
    [100, 'duplicate'],
    [99, 'fresh'],
    [84, 'fresh'],
    [83, 'outside'],
  ])('highest is 100, %i comes -> %s', (sequence, verdict) => {
    const window = new ReceiveWindow();
    for (let highest = 10; highest <= 100; highest += 10) window.record(highest);
    // 90 was received, its neighbours were not.
    expect(window.judge(90)).toBe('duplicate');
    expect(window.judge(sequence)).toBe(verdict);
  });

  it('each number -> once, in whatever order within the window', () => {
    const window = windowAt(1);
    for (const sequence of [5, 3, 4, 2, 9, 8, 6, 7]) {
      expect(window.judge(sequence)).toBe('fresh');
      window.record(sequence);
      expect(window.judge(sequence)).toBe('duplicate');
    }
  });

  it('judging -> moves nothing', () => {
    const window = windowAt(1);
    expect(window.judge(10)).toBe('fresh');
    expect(window.judge(20)).toBe('outside');
    expect(window.judge(2)).toBe('fresh');
  });

  it('the numbers wrap -> the window goes on over FFFFFFFFh', () => {
    const window = new ReceiveWindow();
    for (let sequence = 0x10; sequence !== 0; sequence = (sequence * 2) >>> 0) window.record(sequence);
    for (const sequence of [0x8000_000f, 0xffff_fff0, 0xffff_fffe]) window.record(sequence);
    expect(window.judge(0xffff_ffff)).toBe('fresh');
    window.record(0xffff_ffff);
    expect(window.judge(0)).toBe('outside');
    expect(window.judge(1)).toBe('fresh');
    window.record(1);
    expect(window.judge(0xffff_ffff)).toBe('duplicate');
    expect(window.judge(0xffff_fff1)).toBe('fresh');
    expect(window.judge(0xffff_fff0)).toBe('outside');
  });

  it('the number after the last -> 1, never 0', () => {
    expect(nextSequence(0)).toBe(1);
    expect(nextSequence(0xffff_fffe)).toBe(0xffff_ffff);
    expect(nextSequence(0xffff_ffff)).toBe(1);
  });
});
