// What must hold in every simulated world, each a function of what was seen: null, or what is wrong. Watching is others' work.
import type { AcpiState } from '../../src/platform/ports.ts';
import type { StateName } from '../../src/platform/status.ts';

/** A key that waits unread in the kernel, because the process does not run, is seen by nobody for so long. */
export const UNREAD_BOUND_MS = 10_000;
/** A reading of the BMC is evidence for so long. */
export const READING_FRESH_MS = 10_000;
/** The wait of clients, a wake's time, and the longest pause of the process. */
export const WISH_BOUND_MS = 9 * 60_000;
/** Where nothing is wrong: a suspend, a wake, and what looking at them takes. */
export const PROMPT_WISH_MS = 20_000;
/** A reading at the pace of a suspend, its way, and two writes to a slow disk: the intent to wake is on it before the request. */
export const WAKES_FROM_SUSPEND_MS = 1200;
/** An expiry is told so much late at most (a tick of the registry), and a calm machine so much later. */
const LATE_MS = 200;
/** Two questions in a row at the pace of a suspend, and more, remain unanswered. */
const LEAST_SILENCE_MS = 1000;
const BACK_OFF_MS = 60_000;
const BACK_OFF_MAX_MS = 4 * 3_600_000;
/** Torpor's sleep and a perfect one differ by so much at most. */
export const SLEEP_TOLERANCE = 0.02;

export interface ClientFacts {
  readonly number: number;
  readonly isConnected: boolean;
  /** When its last real input reached Torpor's machine, and when the process read it. */
  readonly inputAtMs: number;
  readonly readAtMs: number;
}

/** All that is known at the moment at which Torpor asks for sleep. */
export interface PressFacts {
  readonly nowMs: number;
  readonly idleTimeoutMs: number;
  readonly pool: number;
  readonly clients: readonly ClientFacts[];
  readonly intentOnDisk: { readonly id: number; readonly kind: string } | null;
  readonly pressedIntents: ReadonlySet<number>;
  readonly lastReadingAtMs: number;
  readonly isReachable: boolean;
  readonly isWakeProven: boolean;
  readonly unackedBytes: number;
  readonly state: StateName;
  /** Presses before this one that brought no sleep, in a row, in this life; and when the last one was. */
  readonly failedInARow: number;
  readonly lastPressAtMs: number;
}

export function noActiveClientPutToSleep({ nowMs, idleTimeoutMs, pool, clients }: PressFacts): string | null {
  if (pool > 0) return `pressed while ${pool} clients are in the pool`;
  for (const { number, isConnected, inputAtMs, readAtMs } of clients) {
    const latestMs = nowMs - inputAtMs > UNREAD_BOUND_MS ? inputAtMs : readAtMs;
    if (isConnected && nowMs - latestMs < idleTimeoutMs - LATE_MS)
      return `pressed ${nowMs - latestMs} ms after input of client ${number}`;
  }
  return null;
}

export function noSecondPressForOneIntent({ intentOnDisk, pressedIntents }: PressFacts): string | null {
  return intentOnDisk !== null && pressedIntents.has(intentOnDisk.id)
    ? `pressed twice for intent ${intentOnDisk.id}`
    : null;
}

export function intentIsOnDiskBeforePress({ intentOnDisk, state }: PressFacts): string | null {
  return intentOnDisk?.kind === 'sleep' && state === 'suspending'
    ? null
    : `pressed in ${state}, and the disk knows ${JSON.stringify(intentOnDisk)}`;
}

export function noPressWithoutBmc(facts: PressFacts): string | null {
  if (!facts.isReachable) return 'pressed while the BMC does not answer';
  if (!facts.isWakeProven) return 'pressed while the wake path is not proven';
  const ageMs = facts.nowMs - facts.lastReadingAtMs;
  return ageMs > READING_FRESH_MS ? `pressed on a reading that is ${ageMs} ms old` : null;
}

export function nothingOnTheWayAtPress({ unackedBytes }: PressFacts): string | null {
  return unackedBytes > 0 ? `pressed while ${unackedBytes} bytes towards VMs are not acknowledged` : null;
}

export function failedSuspendBacksOff({ nowMs, failedInARow, lastPressAtMs }: PressFacts): string | null {
  if (failedInARow === 0) return null;
  const leastMs = Math.min(BACK_OFF_MS * 2 ** (failedInARow - 1), BACK_OFF_MAX_MS);
  const sinceMs = nowMs - lastPressAtMs;
  return sinceMs < leastMs ? `pressed ${sinceMs} ms after the last of ${failedInARow} presses that failed` : null;
}

export const PRESS_INVARIANTS = {
  noActiveClientPutToSleep,
  noSecondPressForOneIntent,
  intentIsOnDiskBeforePress,
  noPressWithoutBmc,
  nothingOnTheWayAtPress,
  failedSuspendBacksOff,
};

export interface AsleepFacts {
  readonly nowMs: number;
  readonly to: StateName;
  /** The last moment at which the host did not run; infinite: it does not now. */
  readonly didNotRunAtMs: number;
  /** Since when the process could have seen what is so. */
  readonly knowsFromMs: number;
  /** When the process last heard an answer of a VM. */
  readonly answeredAtMs: number;
  /** What the BMC said last. */
  readonly powerSaid: AcpiState | null;
}

/** Torpor takes a platform for asleep only where it did not run just now, its BMC says so, and its VMs are silent. */
export function asleepIsTrue({
  nowMs,
  to,
  didNotRunAtMs,
  knowsFromMs,
  answeredAtMs,
  powerSaid,
}: AsleepFacts): string | null {
  if (to !== 'asleep') return null;
  if (didNotRunAtMs < knowsFromMs) return 'taken for asleep while it runs';
  if (powerSaid === 'S0') return 'taken for asleep while its BMC says that it runs';
  const silentMs = nowMs - answeredAtMs;
  return silentMs < LEAST_SILENCE_MS ? `taken for asleep ${silentMs} ms after a VM answered` : null;
}

/**
 * Nothing is sent towards a VM while its platform is on its way to sleep, or sleeps, as Torpor sees it. `hasLooked`: it is being saved, and
 * whether its send queues are empty was looked at already.
 */
export function nothingSentToSleeper(
  state: StateName,
  isHeld: boolean,
  hasLooked: boolean,
  what: string,
): string | null {
  if (state === 'saving' && hasLooked) return `${what} sent towards a VM after its send queues were looked at`;
  return isHeld && (state === 'suspending' || state === 'asleep') ? `${what} sent towards a VM while ${state}` : null;
}

/** Somebody came back while it fell asleep: it is asked to wake as soon as one witness says that it sleeps. */
export function wakesFromSuspend(client: number | null, isWakeAsked: boolean): string | null {
  if (client === null || isWakeAsked) return null;
  return `client ${client} came back before it slept, and nobody asks it to wake ${WAKES_FROM_SUSPEND_MS} ms after`;
}

/** Torpor ends a client's stream only where something is wrong. */
export function noStreamIsCut(client: number, isCalm: boolean): string | null {
  return isCalm ? `the stream of client ${client} was cut, and nothing is wrong` : null;
}

export interface WishFacts {
  readonly nowMs: number;
  readonly client: number;
  /** Since when real input waits for its VM. */
  readonly sinceMs: number;
  readonly alarmAtMs: number;
  /** Nothing is wrong with the platform, nor was lately. */
  readonly isCalm: boolean;
}

export function wakeWishEnds({ nowMs, client, sinceMs, alarmAtMs, isCalm }: WishFacts): string | null {
  const waitedMs = nowMs - sinceMs;
  if (isCalm && waitedMs > PROMPT_WISH_MS)
    return `input of client ${client} waits ${waitedMs} ms, and nothing is wrong`;
  return waitedMs > WISH_BOUND_MS && alarmAtMs < sinceMs
    ? `input of client ${client} waits ${waitedMs} ms, without an alarm`
    : null;
}

export function sleepsWhenItShould(asleepMs: number, perfectMs: number): string | null {
  // Below an hour one press more or less is more than the tolerance.
  if (perfectMs < 3_600_000 || Math.abs(asleepMs - perfectMs) <= SLEEP_TOLERANCE * perfectMs) return null;
  return `slept ${(asleepMs / 3_600_000).toFixed(2)} h where a perfect controller sleeps ${(perfectMs / 3_600_000).toFixed(2)} h`;
}
