// Why a platform changed its state, as one of a few words: for metrics and sums, beside the sentence that is for people.
import type { PlatformEvent, PlatformModel } from './model.ts';
import type { StateName } from './status.ts';

/**
 * client: somebody is active. keepalive: a held keepalive is answered. operator, schedule, inhibitor: theirs. idle: nobody is
 * active. guard: something forbids the sleep (a veto, bytes on their way, no VM that answers). evidence: it was seen so.
 * peers: another Torpor of the farm. others: somebody past Torpor did it. timeout: it did not happen in time. progress: the next step of what was under way.
 */
export const TRANSITION_REASONS = [
  'client',
  'keepalive',
  'operator',
  'schedule',
  'inhibitor',
  'idle',
  'guard',
  'evidence',
  'others',
  'peers',
  'timeout',
  'progress',
] as const;
export type TransitionReason = (typeof TRANSITION_REASONS)[number];

/** The step that brought it about: what came, and the model before and after. One step may bring about several. */
export interface TransitionStep {
  readonly event: PlatformEvent['kind'];
  readonly before: PlatformModel;
  readonly after: PlatformModel;
}

export function transitionReason(
  from: StateName,
  to: StateName,
  { event, before, after }: TransitionStep,
): TransitionReason {
  if (event === 'operatorWake' || (event === 'operatorSleep' && to === 'drowsy')) return 'operator';
  switch (to) {
    case 'drowsy':
      return before.sleepAsked === null ? 'idle' : 'operator';
    case 'saving':
    case 'suspending':
      return 'progress';
    case 'asleep':
      return after.maintenance && after.maintenanceOrder === null ? 'others' : 'evidence';
    case 'failed':
      return 'timeout';
    case 'waking':
      return wakeReason(before, after);
    case 'awake':
      if (event === 'suspendCalledOff' || event === 'peerWake') return 'peers';
      return from === 'drowsy' || from === 'saving' ? callOffReason(before, after) : 'evidence';
    case 'starting':
      return 'progress';
  }
}

function wakeReason(before: PlatformModel, after: PlatformModel): TransitionReason {
  if (after.wakeOrdered) return 'operator';
  if (after.wokenToAnswer) return 'keepalive';
  if (after.wakeWanted === null && before.wakeWanted === null) return 'evidence';
  const isWaited = after.waitingSinceMs !== null || before.waitingSinceMs !== null;
  if (isWaited) return 'client';
  if (after.scheduledUntilMs !== null) return 'schedule';
  return after.peers === null ? 'client' : 'peers';
}

function callOffReason(before: PlatformModel, after: PlatformModel): TransitionReason {
  if (after.backOff !== null && after.backOff.untilMs !== before.backOff?.untilMs) return 'guard';
  if (after.pool > 0 || after.lastActivityAtMs !== before.lastActivityAtMs) return 'client';
  return after.inhibitors.length > 0 ? 'inhibitor' : 'guard';
}
