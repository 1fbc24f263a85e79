// Each invariant of the simulation by itself: what it lets pass, and what it finds.
import { expect, it } from 'vitest';
import { ByteAccount } from './byte-account.ts';
import type { AsleepFacts, PressFacts, WishFacts } from './invariants.ts';
import * as invariants from './invariants.ts';

const NOW_MS = 10_000_000;
const CLIENT = { number: 3, isConnected: true, inputAtMs: NOW_MS - 400_000, readAtMs: NOW_MS - 400_000 };
const PRESS: PressFacts = {
  nowMs: NOW_MS,
  idleTimeoutMs: 300_000,
  pool: 0,
  clients: [CLIENT],
  intentOnDisk: { id: 8, kind: 'sleep' },
  pressedIntents: new Set([2, 5]),
  lastReadingAtMs: NOW_MS - 1000,
  isReachable: true,
  isWakeProven: true,
  unackedBytes: 0,
  state: 'suspending',
  failedInARow: 0,
  lastPressAtMs: NOW_MS - 3_600_000,
};

it('a press as it should be: -> no invariant objects', () => {
  for (const holds of Object.values(invariants.PRESS_INVARIANTS)) expect(holds(PRESS)).toBeNull();
});

const WRONG_PRESSES: readonly [keyof typeof invariants.PRESS_INVARIANTS, Partial<PressFacts>, string][] = [
  ['noActiveClientPutToSleep', { pool: 1 }, '1 clients are in the pool'],
  [
    'noActiveClientPutToSleep',
    { clients: [{ ...CLIENT, inputAtMs: NOW_MS - 299_000, readAtMs: NOW_MS - 299_000 }] },
    '299000 ms after input',
  ],
  [
    'noActiveClientPutToSleep',
    { clients: [{ ...CLIENT, inputAtMs: NOW_MS - 11_000 }] },
    '11000 ms after input of client 3',
  ],
  ['noSecondPressForOneIntent', { pressedIntents: new Set([8]) }, 'twice for intent 8'],
  ['intentIsOnDiskBeforePress', { intentOnDisk: { id: 7, kind: 'run' } }, 'the disk knows {"id":7,"kind":"run"}'],
  ['intentIsOnDiskBeforePress', { intentOnDisk: null }, 'the disk knows null'],
  ['intentIsOnDiskBeforePress', { state: 'awake' }, 'pressed in awake'],
  ['noPressWithoutBmc', { isReachable: false }, 'does not answer'],
  ['noPressWithoutBmc', { isWakeProven: false }, 'not proven'],
  ['noPressWithoutBmc', { lastReadingAtMs: NOW_MS - 10_001 }, '10001 ms old'],
  ['nothingOnTheWayAtPress', { unackedBytes: 35 }, '35 bytes'],
  ['failedSuspendBacksOff', { failedInARow: 1, lastPressAtMs: NOW_MS - 59_999 }, 'the last of 1 presses'],
  ['failedSuspendBacksOff', { failedInARow: 3, lastPressAtMs: NOW_MS - 239_999 }, 'the last of 3 presses'],
];

it.each(WRONG_PRESSES)('%s: %o -> found', (name, change, why) => {
  expect(invariants.PRESS_INVARIANTS[name]({ ...PRESS, ...change })).toContain(why);
});

it('noActiveClientPutToSleep: a key that waits unread in the kernel for seconds only -> nobody could have seen it', () => {
  const clients = [{ ...CLIENT, inputAtMs: NOW_MS - 9000 }];
  expect(invariants.noActiveClientPutToSleep({ ...PRESS, clients })).toBeNull();
});

it('asleepIsTrue: it sleeps, or did just now -> true; it runs, or a VM answered just now -> found', () => {
  const asleep: AsleepFacts = {
    nowMs: NOW_MS,
    to: 'asleep',
    didNotRunAtMs: Number.POSITIVE_INFINITY,
    knowsFromMs: NOW_MS - 12_000,
    answeredAtMs: NOW_MS - 3000,
    powerSaid: 'S3',
  };
  expect(invariants.asleepIsTrue(asleep)).toBeNull();
  expect(invariants.asleepIsTrue({ ...asleep, didNotRunAtMs: NOW_MS - 5000 })).toBeNull();
  expect(invariants.asleepIsTrue({ ...asleep, didNotRunAtMs: NOW_MS - 13_000 })).toContain('while it runs');
  expect(invariants.asleepIsTrue({ ...asleep, answeredAtMs: NOW_MS - 500 })).toContain('500 ms after a VM answered');
  expect(invariants.asleepIsTrue({ ...asleep, powerSaid: 'S0' })).toContain('BMC says that it runs');
  expect(invariants.asleepIsTrue({ ...asleep, to: 'awake', didNotRunAtMs: 0 })).toBeNull();
});

it('nothingSentToSleeper: bytes while held in suspending or asleep -> found', () => {
  expect(invariants.nothingSentToSleeper('asleep', true, false, '35 bytes')).toContain('35 bytes sent');
  expect(invariants.nothingSentToSleeper('suspending', true, false, 'a FIN')).toContain('a FIN sent');
  expect(invariants.nothingSentToSleeper('waking', true, false, '35 bytes')).toBeNull();
  expect(invariants.nothingSentToSleeper('saving', false, true, '35 bytes')).toContain('after its send queues');
  expect(invariants.nothingSentToSleeper('saving', false, false, '35 bytes')).toBeNull();
});

it('wakesFromSuspend: somebody waits and nobody asks -> found', () => {
  expect(invariants.wakesFromSuspend(4, false)).toContain('client 4');
  expect(invariants.wakesFromSuspend(4, true)).toBeNull();
  expect(invariants.wakesFromSuspend(null, false)).toBeNull();
});

it('noStreamIsCut: a cut while nothing is wrong -> found', () => {
  expect(invariants.noStreamIsCut(4, true)).toContain('client 4');
  expect(invariants.noStreamIsCut(4, false)).toBeNull();
});

it('wakeWishEnds: too long without an alarm, or at all where nothing is wrong -> found', () => {
  const wish: WishFacts = {
    nowMs: NOW_MS,
    client: 2,
    sinceMs: NOW_MS - 600_000,
    alarmAtMs: NOW_MS - 1000,
    isCalm: false,
  };
  expect(invariants.wakeWishEnds(wish)).toBeNull();
  expect(invariants.wakeWishEnds({ ...wish, alarmAtMs: NOW_MS - 700_000 })).toContain('without an alarm');
  expect(invariants.wakeWishEnds({ ...wish, sinceMs: NOW_MS - 21_000, isCalm: true })).toContain('nothing is wrong');
});

it('sleepsWhenItShould: 2 % less, or more, than a perfect controller -> found', () => {
  expect(invariants.sleepsWhenItShould(36_000_000, 36_500_000)).toBeNull();
  expect(invariants.sleepsWhenItShould(35_000_000, 36_500_000)).toContain('9.72 h');
  expect(invariants.sleepsWhenItShould(38_000_000, 36_500_000)).toContain('10.56 h');
});

it('ByteAccount: a byte lost, repeated, out of order, never sent or after the end -> found', () => {
  const account = (heard: string[], ends = false) => {
    const wrong: string[] = [];
    const made = new ByteAccount((why) => wrong.push(why));
    made.send(Buffer.from('abc'), 5);
    made.send(Buffer.from('def'), 6);
    made.hasEnded = ends;
    for (const piece of heard) made.hear(Buffer.from(piece));
    return { wrong, missingBytes: made.missingBytes, waitsSinceMs: made.waitsSinceMs };
  };
  expect(account(['ab', 'cde'])).toEqual({ wrong: [], missingBytes: 1, waitsSinceMs: 6 });
  expect(account(['bc']).wrong).toHaveLength(1);
  expect(account(['abc', 'abc']).wrong).toHaveLength(1);
  expect(account(['def', 'abc']).wrong).not.toHaveLength(0);
  expect(account(['abcdef', 'g']).wrong).toHaveLength(1);
  expect(account(['a'], true).wrong).toHaveLength(1);
});
