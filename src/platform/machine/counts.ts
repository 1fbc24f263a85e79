// What people are told that a platform did since Torpor started: each sleep and each wake once, and by whom.
import type { PlatformModel } from '../model.ts';
import { mayBeLate } from './facts.ts';
import { patch, type Turn } from './turn.ts';

/** It sleeps, or slept: counted where a press of ours brought that about, once for each press, however late it is. */
export function countSleep(turn: Turn, nowMs: number): Turn {
  const { state, pressed, sleptIntentId, suspends } = turn.model;
  // Another Torpor's sleep is counted by that one.
  if (pressed?.proposal !== undefined) return turn;
  // At the start it is the press of an earlier Torpor, whose sleep began before.
  if (pressed === null || pressed.intentId === sleptIntentId || state === 'starting') return turn;
  if (state !== 'suspending' && !mayBeLate(turn.model, nowMs)) return turn;
  return patch(turn, { suspends: suspends + 1, sleptIntentId: pressed.intentId });
}

/** It runs, or will soon, by somebody else's doing; a request of ours may still be needed, and counts then. */
export function noteWokenByOthers(turn: Turn): Turn {
  return turn.model.wokenBy === 'nobody' ? patch(turn, { wokenBy: 'others' }) : turn;
}

/** What changes in the counters when it is awake. A way back from a suspend that was called off or ignored is no wake. */
export function countWake(model: PlatformModel): Pick<PlatformModel, 'wakes' | 'adoptedWakes' | 'wokenBy'> {
  const { wakes, adoptedWakes, wokenBy } = model;
  return {
    wakes: wokenBy === 'torpor' ? wakes + 1 : wakes,
    adoptedWakes: wokenBy === 'others' ? adoptedWakes + 1 : adoptedWakes,
    wokenBy: 'nobody',
  };
}
