// The judge of several Torpors must see what must not be, each in a log that differs from a right one in that alone.
import { describe, expect, it } from 'vitest';
import { EMPTY_RECORD, type MemberRecord, type PlatformRecord } from '../../src/farm/platform-record.ts';
import { type FarmFacts, judge } from './support/farm-judge.ts';
import type { StoreWrite } from './support/store-log.ts';

const IDLE: MemberRecord = { active: 0, newestDeadlineMs: null, keeps: null, agreedTo: null };
const AGREED: MemberRecord = { ...IDLE, agreedTo: 1 };
const OWNED: PlatformRecord = { ...EMPTY_RECORD, owner: 'a@1', by: 'a@1', epoch: 1, proposal: 1 };

/** Two Torpors have leases; `a` proposes at 2000 ms, `b` agrees at 2100, `a` commits at 2200 and presses at 2250. */
function facts(
  change: { readonly b?: MemberRecord; readonly forced?: boolean; readonly later?: readonly PlatformRecord[] } = {},
): FarmFacts {
  const boot = (name: string) => ({
    key: `instance.${name}`,
    value: JSON.stringify({ boot: '1', beat: 1 }),
    atMs: 1_000,
  });
  const record = (atMs: number, phase: PlatformRecord['phase'], b: MemberRecord, from = OWNED) => {
    const value = JSON.stringify({ ...from, phase, members: { 'a@1': AGREED, 'b@1': b } });
    return { key: 'platform.p', value, atMs };
  };
  const writes: Array<Omit<StoreWrite, 'revision'>> = [
    boot('a'),
    boot('b'),
    record(2_000, 'proposed', IDLE),
    record(2_100, 'proposed', AGREED),
    record(2_200, 'committed', change.b ?? AGREED, { ...OWNED, forced: change.forced ?? false }),
    ...(change.later ?? []).map((from) => record(2_240, 'committed', AGREED, from)),
  ];
  return {
    writes: writes.map((write, at) => ({ ...write, revision: at + 1 })),
    presses: [{ platform: 'p', by: 'a', atMs: 2_250 }],
    exchanges: [],
    idleTimeoutMs: 1_000,
  };
}

const exchange = { platform: 'p', torpor: 'b', sentMs: 1_500, answeredMs: 1_600, goneMs: Number.POSITIVE_INFINITY };

describe('judge of several Torpors', () => {
  it('all agreed, nobody active, pressed by the owner -> nothing', () => {
    expect(judge(facts())).toEqual([]);
    // Its client was idle by then, or was gone with its Torpor.
    expect(judge({ ...facts(), exchanges: [{ ...exchange, sentMs: 900 }] })).toEqual([]);
    expect(judge({ ...facts(), exchanges: [{ ...exchange, goneMs: 2_000 }] })).toEqual([]);
    // An operator forced it.
    const busy = { ...AGREED, active: 1 };
    expect(judge({ ...facts({ b: busy, forced: true }), exchanges: [exchange] })).toEqual([]);
  });

  it.each([
    ['one with a lease had not agreed', facts({ b: IDLE }), /b had not agreed/],
    ['one had somebody active', facts({ b: { ...AGREED, active: 1 } }), /b had 1 active/],
    ['one had a reason of its own', facts({ b: { ...AGREED, keeps: 'an update' } }), /b said an update/],
    ['forced, and one had not agreed', facts({ b: IDLE, forced: true }), /b had not agreed/],
    [
      'one agreed over a client that it had answered',
      { ...facts(), exchanges: [exchange] },
      /b agreed to proposal 1 over a client/,
    ],
    [
      'another had become the owner before the press',
      facts({ later: [{ ...OWNED, owner: 'b@1', epoch: 2 }] }),
      /a pressed .* b@1 owned it/,
    ],
    [
      'pressed by who had not committed',
      { ...facts(), presses: [{ platform: 'p', by: 'b', atMs: 2_250 }] },
      /b pressed what it had not committed/,
    ],
    [
      'pressed before the commit',
      { ...facts(), presses: [{ platform: 'p', by: 'a', atMs: 2_150 }] },
      /a pressed what it had not committed/,
    ],
  ])('%s -> told', (_, given, told) => {
    expect(judge(given)).toEqual([expect.stringMatching(told)]);
  });
});
