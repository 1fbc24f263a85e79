// Each invariant of several simulated Torpors by itself: what it lets pass, and what it finds; and what the witness of their store notes.
import { expect, it } from 'vitest';
import { EMPTY_RECORD, formatRecord, type PlatformRecord } from '../../src/farm/platform-record.ts';
import { EventClock } from './event-clock.ts';
import { FARM_PRESS_INVARIANTS, type FarmPressFacts } from './farm-invariants.ts';
import { WatchedStore } from './watched-store.ts';

const NOW_MS = 10_000_000;
const CLIENT = { number: 3, isConnected: true, inputAtMs: NOW_MS - 400_000, readAtMs: NOW_MS - 400_000 };
const HOLDER = { name: 't2', heldAtMs: NOW_MS - 200, clients: [CLIENT], unackedBytes: 0 };
const COMMITTED = { proposal: 4, by: 't1@run1', atMs: NOW_MS - 100, missing: [] };
const PRESS: FarmPressFacts = {
  nowMs: NOW_MS,
  idleTimeoutMs: 300_000,
  by: 't1@run1',
  holdsLease: true,
  owner: 't1@run1',
  committed: COMMITTED,
  pressedProposals: new Set([1, 3]),
  holders: [HOLDER],
};

it('a press that all agreed to: -> no invariant objects', () => {
  for (const holds of Object.values(FARM_PRESS_INVARIANTS)) expect(holds(PRESS)).toBeNull();
});

const ACTIVE = { ...CLIENT, inputAtMs: NOW_MS - 290_000, readAtMs: NOW_MS - 290_000 };
const WRONG_PRESSES: readonly [keyof typeof FARM_PRESS_INVARIANTS, Partial<FarmPressFacts>, string][] = [
  ['onlyTheOwnerPresses', { holdsLease: false }, 'its lease was over'],
  ['onlyTheOwnerPresses', { owner: 't2@run1' }, 't2@run1 owns it'],
  ['onlyTheOwnerPresses', { owner: null }, 'nobody owns it'],
  ['allHaveAgreed', { committed: null }, 'knows of no agreement'],
  ['allHaveAgreed', { committed: { ...COMMITTED, by: 't1@run2' } }, 'knows of no agreement'],
  ['allHaveAgreed', { committed: { ...COMMITTED, missing: ['t3@run1'] } }, 't3@run1 did not agree'],
  ['noLatePress', { committed: { ...COMMITTED, atMs: NOW_MS - 5001 } }, '5001 ms after'],
  ['onePressForOneAgreement', { pressedProposals: new Set([4]) }, 'twice for proposal 4'],
  ['nobodyActiveElsewhere', { holders: [{ ...HOLDER, clients: [ACTIVE] }] }, 'input of client 3 at t2'],
  ['nothingOnTheWayElsewhere', { holders: [{ ...HOLDER, unackedBytes: 7 }] }, '7 bytes of t2'],
];

it.each(WRONG_PRESSES)('%s: %o -> found', (name, change, why) => {
  expect(FARM_PRESS_INVARIANTS[name]({ ...PRESS, ...change })).toContain(why);
});

it('nobodyActiveElsewhere: input after the other has agreed -> it is held there, and no fault of the press', () => {
  const late = { ...CLIENT, inputAtMs: NOW_MS - 50, readAtMs: NOW_MS - 50 };
  expect(
    FARM_PRESS_INVARIANTS.nobodyActiveElsewhere({ ...PRESS, holders: [{ ...HOLDER, clients: [late] }] }),
  ).toBeNull();
});

async function storeWithTwo() {
  const clock = new EventClock();
  const wrong: string[] = [];
  const store = new WatchedStore({ clock }, 10_000, (invariant, why) => wrong.push(`${invariant}: ${why}`));
  for (const name of ['t1', 't2']) store.write(`instance.${name}`, '{"boot":"run1","beat":1,"version":"0"}', 0);
  const member = { active: 0, newestDeadlineMs: null, keeps: null, agreedTo: null };
  const members = { 't1@run1': member, 't2@run1': member };
  const write = (change: Partial<PlatformRecord>) => {
    const before = store.entry('platform.p')?.revision ?? 0;
    store.write('platform.p', formatRecord({ ...EMPTY_RECORD, owner: 't1@run1', members, ...change }), before);
  };
  write({});
  return { clock, store, member, members, write, wrong };
}

it('a witness of the store: committed with all answers -> nobody is missing', async () => {
  const { store, member, write } = await storeWithTwo();
  const agreed = { ...member, agreedTo: 1 };
  write({ phase: 'committed', proposal: 1, by: 't1@run1', members: { 't1@run1': agreed, 't2@run1': agreed } });
  expect(store.committed('p')).toMatchObject({ proposal: 1, agreed: ['t1@run1', 't2@run1'], missing: [] });
  expect(store.owner('p')).toBe('t1@run1');
});

it('a witness of the store: committed without one who lives, or who was left out of the record -> missing', async () => {
  const { store, member, write } = await storeWithTwo();
  write({ phase: 'committed', proposal: 1, by: 't1@run1', members: { 't1@run1': { ...member, agreedTo: 1 } } });
  expect(store.committed('p')?.missing).toEqual(['t2@run1']);
});

it('a witness of the store: a lease that is over, or whose key is gone -> not held, and nobody waits for its owner', async () => {
  const { clock, store } = await storeWithTwo();
  expect(store.holdsLease('t2@run1')).toBe(true);
  expect(store.holdsLease('t2@run0')).toBe(false);
  store.write('instance.t2', null, store.entry('instance.t2')?.revision ?? 0);
  expect([store.holdsLease('t2@run1'), store.lives('t2@run1')]).toEqual([false, true]);
  await clock.advance(10_000, () => true);
  expect([store.holdsLease('t1@run1'), store.lives('t1@run1')]).toEqual([false, false]);
});

it.each([
  [{ epoch: 1 }, { epoch: 0 }, 'epoch 0 after epoch 1'],
  [{ owner: 't1@run1' }, { owner: 't2@run1' }, 'both in epoch 0'],
  [{ proposal: 3 }, { proposal: 2 }, 'proposal 2 after 3'],
  [{ proposal: 3, phase: 'awake' }, { proposal: 3, phase: 'committed' }, 'committed after it was awake'],
  [{ proposal: 3, phase: 'committed' }, { proposal: 3, phase: 'proposed' }, 'proposed after it was committed'],
] as const)('recordNeverGoesBack: %o, then %o -> found', async (before, after, why) => {
  const { write, wrong } = await storeWithTwo();
  write({ ...before, by: 't1@run1' });
  expect(wrong).toEqual([]);
  write({ ...before, by: 't1@run1', ...after });
  expect(wrong.join()).toContain(`recordNeverGoesBack: p: `);
  expect(wrong.join()).toContain(why);
});
