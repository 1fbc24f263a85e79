// The state `awake`: until nothing keeps it so.
import { assess } from '../evidence.ts';
import { findBlockers } from '../idle-policy.ts';
import { isEvidentlyRunning, mayBeLate } from './facts.ts';
import { adoptSleep, startRestoring, toWaking } from './moves.ts';
import { effect, journal, moveTo, patch, type Turn } from './turn.ts';

export function advanceAwake(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const adopted = adoptSleep(turn, nowMs);
  if (adopted !== null) return adopted;
  const known = settleIntent(turn, nowMs);
  if (known !== null) return known;
  const blockers = findBlockers(model, nowMs);
  if (blockers.length === 0) {
    const windowMs = model.sleepAsked === null ? model.policy.drowsyForMs : 0;
    const why = model.sleepAsked === null ? 'nobody is active' : 'an operator asked for sleep';
    return moveTo(turn, 'drowsy', why, nowMs, { wokenToAnswer: false }, { deadlineMs: nowMs + windowMs });
  }
  const onlyObserves = blockers.every((blocker) => blocker.kind === 'observe');
  if (!onlyObserves || model.wouldSleepSaid) return null;
  return effect(patch(turn, { wouldSleepSaid: true }), {
    kind: 'wouldSleep',
    why: 'would go to sleep now, but it is in observe mode',
  });
}

/** Awake with another intent on disk: taken for awake in doubt, or after a press that may still have its effect. */
function settleIntent(turn: Turn, nowMs: number): Turn | null {
  const { intent, progress, policy } = turn.model;
  if (intent.kind === 'run' || !isEvidentlyRunning(assess(turn.model, nowMs))) return null;
  if (progress.phase !== 'doubt') return mayBeLate(turn.model, nowMs) ? null : journal(turn, 'run', nowMs);
  if (!policy.savesContext) return journal(patch(turn, { progress: { ...progress, phase: 'none' } }), 'run', nowMs);
  const waking = toWaking(turn, 'it runs, and its context may not be restored', nowMs, false);
  // Restoring waits for no answer of saved VMs, and nothing flows before one. Without probes the next reading must speak for them.
  return policy.probedVms.length > 0 ? startRestoring(waking, nowMs) : waking;
}
