import { describe, expect, it } from 'vitest';
import { SOURCES_MAX, SourceGuard } from '../../src/streams/source-guard.ts';

const NOW_MS = 1_700_000_000_000;

function guardOf(count: number, perMs: number): SourceGuard {
  return new SourceGuard({ allowFrom: null, wakeRate: { count, perMs } });
}

describe('SourceGuard', () => {
  it('allowFrom: an address inside, outside, mapped, unreadable -> served, not, served, not', () => {
    const guard = new SourceGuard({
      allowFrom: [
        { bytes: Uint8Array.of(10, 0, 0, 0), prefixBits: 8 },
        { bytes: Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), prefixBits: 32 },
      ],
      wakeRate: null,
    });
    const addresses = ['10.1.2.3', '11.0.0.1', '::ffff:10.1.2.3', '2001:db8::7', '2001:db9::7', ''];
    expect(addresses.map((address) => guard.allows(address))).toEqual([true, false, true, true, false, false]);
    expect(new SourceGuard({ allowFrom: null, wakeRate: null }).allows('')).toBe(true);
  });

  it('takeWake: count within per -> that many, and one more as each is over', () => {
    const guard = guardOf(2, 1000);
    const at = (ms: number) => guard.takeWake('10.0.0.1', NOW_MS + ms);
    expect([at(0), at(400), at(500), at(999), at(1000), at(1001), at(1400)]).toEqual([
      true,
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
  });

  it('takeWake: two sources -> each has its own share; one IPv6 network is one source', () => {
    const guard = guardOf(1, 1000);
    const sources = [
      '10.0.0.1',
      '10.0.0.2',
      '::ffff:10.0.0.1',
      '2001:db8:0:1::a',
      '2001:db8:0:1:ffff::b',
      '2001:db8:0:2::a',
    ];
    expect(sources.map((source) => guard.takeWake(source, NOW_MS))).toEqual([true, true, false, true, false, true]);
  });

  it('takeWake: more sources than it remembers -> bounded, the oldest is forgotten', () => {
    const guard = guardOf(1, 1_000_000);
    for (let index = 0; index <= SOURCES_MAX; index += 1) {
      guard.takeWake(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, NOW_MS + index);
    }
    expect(guard.size).toBe(SOURCES_MAX);
    expect(guard.takeWake('10.0.0.0', NOW_MS + 10_000)).toBe(true);
    expect(guard.takeWake('10.0.16.0', NOW_MS + 10_000)).toBe(false);
  });

  it('no wakeRate -> no bound and nothing remembered', () => {
    const guard = new SourceGuard({ allowFrom: null, wakeRate: null });
    for (let index = 0; index < 1000; index += 1) expect(guard.takeWake('10.0.0.1', NOW_MS)).toBe(true);
    expect(guard.size).toBe(0);
  });
});
