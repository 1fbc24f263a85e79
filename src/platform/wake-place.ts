// One platform's place on its circuit, read off its model. Pure.
import type { PlatformModel } from './model.ts';
import type { WakePlace } from './wake-order.ts';

/** What a platform draws at most, watts, as its owner wrote it. */
export interface PlaceWatts {
  readonly asleep: number;
  readonly running: number;
  readonly waking: number;
}

/** What of its place its owner wrote. */
export interface PlaceRule {
  /** Higher goes first. */
  readonly priority: number;
  readonly watts: PlaceWatts;
}

export function wakePlaceOf(platform: string, model: PlatformModel, { priority, watts }: PlaceRule): WakePlace {
  const { wakeTurn, state, policy } = model;
  const stage = stageOf(model);
  return {
    platform,
    priority,
    drawnWatts: drawnWatts(model, watts),
    wakingWatts: watts.waking,
    stage,
    sinceMs: stage === 'queued' ? (wakeTurn?.askedAtMs ?? 0) : (wakeTurn?.grantedAtMs ?? model.sinceMs),
    wakeTimeoutMs: policy.wakeTimeoutMs,
    isOrdered: model.wakeOrdered,
    // A keepalive has nobody who waits.
    waitingSinceMs: model.wokenToAnswer && state !== 'waking' ? null : model.waitingSinceMs,
  };
}

function stageOf({ wakeTurn, state }: PlatformModel): WakePlace['stage'] {
  if (wakeTurn !== null) return wakeTurn.isGranted ? 'granted' : 'queued';
  return state === 'waking' ? 'waking' : 'other';
}

/** What is not known to sleep may run; one whose wake failed may still come up. */
function drawnWatts({ state, progress, wakeTurn }: PlatformModel, watts: PlaceWatts): number {
  const isWaking = state === 'waking' || wakeTurn?.isGranted === true;
  if (isWaking || (state === 'failed' && progress.phase === 'wake')) return watts.waking;
  return state === 'asleep' ? watts.asleep : watts.running;
}
