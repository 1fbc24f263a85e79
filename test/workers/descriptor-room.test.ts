// What the limit on open files leaves for streams.
import { describe, expect, it } from 'vitest';
import { limitFor, readDescriptors, softLimit, streamsWithin } from '../../src/workers/descriptor-room.ts';

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             95804                95804                processes
Max open files            1024                 524288               files
Max locked memory         8388608              8388608              bytes
`;

describe('descriptors', () => {
  it("the kernel's text -> the soft limit; unlimited, or none -> null", () => {
    expect(softLimit(LIMITS)).toBe(1024);
    expect(softLimit(LIMITS.replace('1024  ', 'unlimited'))).toBeNull();
    expect(softLimit('')).toBeNull();
  });

  it('this process -> a limit, and fewer open than that', () => {
    const descriptors = readDescriptors();
    expect(descriptors?.open).toBeGreaterThan(2);
    expect(descriptors?.limit).toBeGreaterThan(descriptors?.open ?? 0);
  });

  it('a limit -> two a stream besides what is open, the others and a reserve; one at least', () => {
    expect(streamsWithin({ limit: 1024, open: 40 }, 28)).toBe(350);
    expect(streamsWithin({ limit: 200, open: 30 }, 20)).toBe(50);
    expect(streamsWithin({ limit: 64, open: 60 }, 20)).toBe(1);
  });

  it('the limit that is advised -> room for just so many', () => {
    for (const streams of [500, 5000, 50_000]) {
      const limit = limitFor(streams, { limit: 0, open: 40 }, 28);
      expect(streamsWithin({ limit, open: 40 }, 28)).toBe(streams);
    }
  });
});
