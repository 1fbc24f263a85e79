import { describe, expect, it } from 'vitest';
import { REASON_NAMES } from '../../src/core/abi.ts';
import type { StreamVerdict } from '../../src/core/stream-core.ts';
import { describeVerdict } from '../../src/streams/verdict-text.ts';

const VERDICT: StreamVerdict = {
  protocol: 'ssh',
  isTold: true,
  isLost: false,
  reason: 'timer',
  packetBytes: 52,
  seen: 40,
  periodTicks: 15_000,
};

describe('describeVerdict', () => {
  it('a keepalive -> its size, its period and how often it was seen', () => {
    expect(describeVerdict(VERDICT)).toBe('52 B every 15.0 s: keepalive, 40 seen');
  });

  it('one that was seen more often than the core counts -> says so', () => {
    expect(describeVerdict({ ...VERDICT, seen: 254 })).toMatch(/254 seen$/);
    expect(describeVerdict({ ...VERDICT, seen: 255 })).toMatch(/255 or more seen$/);
  });

  it.each(REASON_NAMES)('%s -> words, none of them a hole', (reason) => {
    const text = describeVerdict({ ...VERDICT, reason });
    expect(text).toMatch(/^\S.{5,}/);
    expect(text).not.toMatch(/undefined|NaN|null/);
  });
});
