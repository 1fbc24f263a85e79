// Copies of a platform's orders that were changed apart: in whatever order they come together, they become the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeldOrders } from '../../../src/farm/orders/farm-orders.ts';
import {
  adoptHeld,
  areSame,
  type FarmOrders,
  formatOrders,
  giveOrder,
  mergeOrders,
  missingEvents,
  NO_ORDERS,
  type OrderChange,
  parseOrders,
  settleOrders,
} from '../../../src/farm/orders/farm-orders.ts';
import { drawSeed, runs } from '../../core/support/seed.ts';

const SEED = drawSeed('farm orders');
const NOTHING: HeldOrders = { inhibitors: [], maintenance: null, drained: false };

const name = fc.constantFrom('operator', 'backup', '__proto__');
const change: fc.Arbitrary<OrderChange> = fc.oneof(
  fc.record({
    kind: fc.constant('inhibit' as const),
    name,
    why: fc.constantFrom('a', 'b'),
    untilMs: fc.constantFrom(null, 50, 5_000),
  }),
  fc.record({ kind: fc.constant('lift' as const), name }),
  fc.record({ kind: fc.constant('release' as const) }),
  fc.record({ kind: fc.constant('maintenance' as const), on: fc.boolean(), why: fc.constantFrom('fan', 'disk') }),
  fc.record({ kind: fc.constant('drain' as const), on: fc.boolean() }),
);
/** Clocks that do not agree: the moment is anything. */
const history = fc.array(fc.tuple(change, fc.nat({ max: 20 })), { maxLength: 6 });
/** Three copies after a time in which some of them met. */
const copies = fc.array(fc.tuple(history, fc.nat({ max: 2 }), fc.nat({ max: 2 })), { maxLength: 4 }).map((turns) => {
  const all: [FarmOrders, FarmOrders, FarmOrders] = [NO_ORDERS, NO_ORDERS, NO_ORDERS];
  for (const [acts, at, from] of turns) {
    for (const [each, nowMs] of acts) all[at] = giveOrder(all[at] as FarmOrders, each, 'abc'.charAt(at), nowMs);
    all[at] = mergeOrders(all[at] as FarmOrders, all[from] as FarmOrders);
  }
  return all;
});

const inhibit = (why: string): OrderChange => ({ kind: 'inhibit', name: 'backup', why, untilMs: null });
const lift: OrderChange = { kind: 'lift', name: 'backup' };
const whysOf = ({ inhibitors }: FarmOrders) =>
  inhibitors.filter((each) => each.name === 'backup').map(({ why }) => why);

describe('farm orders', () => {
  it('copies that were changed apart -> one result, in any order and however often they meet', () => {
    fc.assert(
      fc.property(copies, ([a, b, c]) => {
        const one = mergeOrders(mergeOrders(a, b), c);
        expect(areSame(one, mergeOrders(c, mergeOrders(b, a)))).toBe(true);
        expect(areSame(one, mergeOrders(a, one))).toBe(true);
        expect(areSame(mergeOrders(a, a), a)).toBe(true);
        expect(areSame(parseOrders(formatOrders(one)) as FarmOrders, one)).toBe(true);
      }),
      runs(300, SEED),
    );
  });

  it('an order -> it holds where it was given, and an end of it ends it, whatever the clocks say', () => {
    fc.assert(
      fc.property(copies, fc.nat({ max: 20 }), ([a, b], nowMs) => {
        const told = giveOrder(a, inhibit('this one'), 'a', nowMs);
        expect(whysOf(mergeOrders(told, a))).toEqual(['this one']);
        expect(whysOf(mergeOrders(b, told))).toContain('this one');
        const seen = mergeOrders(b, told);
        expect(whysOf(mergeOrders(giveOrder(seen, lift, 'b', nowMs), told))).toEqual([]);
      }),
      runs(200, SEED),
    );
  });

  it('any text -> read or refused, never an exception', () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      copies.map(([a]) => formatOrders(a)),
    );
    fc.assert(
      fc.property(text, (each) => {
        const read = parseOrders(each);
        if (read !== null) expect(areSame(parseOrders(formatOrders(read)) as FarmOrders, read)).toBe(true);
      }),
      runs(300, SEED),
    );
  });

  it('released here, ordered elsewhere and not seen here -> it stands, also where the clock there is behind', () => {
    const both = giveOrder(NO_ORDERS, inhibit('nightly'), 'a', 1_000);
    const released = giveOrder(both, lift, 'b', 9_000);
    const anew = giveOrder(both, inhibit('still running'), 'c', 500);
    expect(whysOf(mergeOrders(released, anew))).toEqual(['still running']);
    expect(whysOf(mergeOrders(released, both))).toEqual([]);
    const elsewhere = giveOrder(giveOrder(NO_ORDERS, inhibit('x'), 'b', 9_000), lift, 'b', 9_001);
    expect(whysOf(mergeOrders(elsewhere, both))).toEqual(['nightly']);
  });

  it('two of one name, given apart -> the later one holds; whoever releases it releases both', () => {
    const one = giveOrder(NO_ORDERS, inhibit('later'), 'a', 2_000);
    const other = giveOrder(NO_ORDERS, inhibit('earlier'), 'b', 1_000);
    const both = mergeOrders(one, other);
    const events = missingEvents(both, NOTHING, 3_000);
    expect(events).toEqual([{ kind: 'inhibit', by: 'operator', name: 'backup', why: 'later', untilMs: null }]);
    expect(whysOf(mergeOrders(giveOrder(both, lift, 'c', 3_000), both))).toEqual([]);
  });

  it('the same words again elsewhere -> an order of its own', () => {
    const both = giveOrder(NO_ORDERS, inhibit('nightly'), 'a', 1_000);
    const again = giveOrder(both, inhibit('nightly'), 'b', 1_000);
    expect(whysOf(mergeOrders(giveOrder(both, lift, 'a', 2_000), again))).toEqual(['nightly']);
  });

  it('written by a newer Torpor -> its fields are kept, and it is left alone where it says so', () => {
    const newer = JSON.stringify({ ...NO_ORDERS, version: 7, colour: 'blue' });
    const changed = giveOrder(NO_ORDERS, inhibit('x'), 'a', 1);
    const merged = mergeOrders(changed, parseOrders(newer) as FarmOrders);
    expect(JSON.parse(formatOrders(merged))).toMatchObject({ version: 7, colour: 'blue' });
    expect(parseOrders(JSON.stringify({ ...NO_ORDERS, needs: 2 }))).toBeNull();
  });

  it('what held before there was a farm -> told; operators’ orders only', () => {
    const held = { kind: 'operator', name: 'backup', why: 'nightly', sinceMs: 500, untilMs: null } as const;
    const check = { ...held, kind: 'check', name: 'smartd' } as const;
    const maintenance = { why: 'a fan', sinceMs: 400 };
    const all = { inhibitors: [held, check], maintenance, drained: true };
    const adopted = adoptHeld(NO_ORDERS, all, 'a', 700);
    expect(adopted).toEqual({
      ...NO_ORDERS,
      inhibitors: [{ atMs: 700, by: 'a', name: 'backup', why: 'nightly', untilMs: null }],
      maintenance: [{ atMs: 701, by: 'a', why: 'a fan' }],
      drained: [{ atMs: 702, by: 'a' }],
      seen: { a: 702 },
    });
    expect(adoptHeld(adopted, all, 'a', 800)).toBe(adopted);
    expect(missingEvents(adopted, all, 800)).toEqual([]);
  });

  it('what holds differs from what is ordered -> told; what is over is not given again', () => {
    let all = giveOrder(NO_ORDERS, inhibit('nightly'), 'a', 1);
    all = giveOrder(all, { kind: 'inhibit', name: 'short', why: 'over', untilMs: 40 }, 'a', 1);
    all = giveOrder(all, { kind: 'maintenance', on: true, why: 'a fan' }, 'a', 1);
    const old = { kind: 'operator', name: 'old', why: 'look', sinceMs: 1, untilMs: null } as const;
    expect(missingEvents(all, { ...NOTHING, inhibitors: [old, { ...old, kind: 'check' }] }, 50)).toEqual([
      { kind: 'lift', by: 'operator', name: 'old', why: 'released by an operator at another Torpor' },
      { kind: 'inhibit', by: 'operator', name: 'backup', why: 'nightly', untilMs: null },
      { kind: 'maintenance', on: true, why: 'a fan' },
    ]);
    const ended = giveOrder(all, { kind: 'release' }, 'b', 60);
    const holds = { ...NOTHING, maintenance: { why: 'a fan', sinceMs: 2 } };
    expect(missingEvents(ended, holds, 60)).toEqual([
      { kind: 'maintenance', on: false, why: 'ended at another Torpor' },
    ]);
  });

  it('an inhibitor whose time is over for a day -> forgotten everywhere', () => {
    const timed = giveOrder(NO_ORDERS, { kind: 'inhibit', name: 'backup', why: 'x', untilMs: 1_000 }, 'a', 500);
    expect(settleOrders(timed, 86_401_000)).toBe(timed);
    const settled = settleOrders(timed, 86_401_001);
    expect(whysOf(mergeOrders(timed, settled))).toEqual([]);
  });
});
