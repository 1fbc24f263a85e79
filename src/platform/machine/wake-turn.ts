// A wake that waits for its turn: asked for, granted by whoever knows the circuit, bounded. Where wakes are not staggered it is always its turn.
import type { PlatformModel } from '../model.ts';
import { formatDuration } from '../units.ts';
import { effect, patch, type Turn } from './turn.ts';

export function isStaggered({ policy }: PlatformModel): boolean {
  return policy.turnWaitMs != null;
}

/** Nothing stands between a wake and its request. */
export function isItsTurn(model: PlatformModel): boolean {
  return !isStaggered(model) || model.wakeTurn?.isGranted === true;
}

/** Asks, where it has not; gives up at the bound. null: it waits. */
export function awaitTurn(turn: Turn, nowMs: number): Turn | null {
  const untilMs = turnUntilMs(turn.model);
  if (untilMs === null) return patch(turn, { wakeTurn: { askedAtMs: nowMs, isGranted: false, grantedAtMs: null } });
  return nowMs >= untilMs ? giveUpTurn(turn) : null;
}

/** Its wish is gone: so is its place in the queue. null: it had none. */
export function leaveQueue(turn: Turn): Turn | null {
  return turn.model.wakeTurn === null ? null : patch(turn, { wakeTurn: null });
}

/** The time that clients waited for the turn is not what they wait for the platform. */
export function grantTurn(turn: Turn, nowMs: number): Turn {
  const { wakeTurn, waitingSinceMs, queuedMs } = turn.model;
  if (wakeTurn === null || wakeTurn.isGranted) return turn;
  const waitedMs = waitingSinceMs === null ? 0 : nowMs - Math.max(waitingSinceMs, wakeTurn.askedAtMs);
  return patch(turn, {
    wakeTurn: { ...wakeTurn, isGranted: true, grantedAtMs: nowMs },
    queuedMs: queuedMs + waitedMs,
  });
}

/** End of its wait for its turn; null where it waits for none. */
export function turnUntilMs({ wakeTurn, policy }: PlatformModel): number | null {
  return wakeTurn === null || wakeTurn.isGranted ? null : wakeTurn.askedAtMs + (policy.turnWaitMs ?? 0);
}

/** Until when clients wait; null where nobody does, or only their turn is waited for. */
export function clientsLetGoAtMs(model: PlatformModel): number | null {
  const { waitingSinceMs, queuedMs, policy } = model;
  if (waitingSinceMs === null || turnUntilMs(model) !== null) return null;
  return waitingSinceMs + queuedMs + policy.clientWaitMs;
}

/** Whoever comes after this asks anew. */
function giveUpTurn(turn: Turn): Turn {
  const why = `its turn to wake did not come within ${formatDuration(turn.model.policy.turnWaitMs ?? 0)}`;
  const freed = patch(turn, {
    wakeWanted: null,
    wakeOrdered: false,
    scheduledUntilMs: null,
    waitingSinceMs: null,
    queuedMs: 0,
    neededVms: [],
    wakeTurn: null,
  });
  return effect(effect(freed, { kind: 'alarm', why: `not woken: ${why}` }), { kind: 'giveUpStreams', vm: null, why });
}
