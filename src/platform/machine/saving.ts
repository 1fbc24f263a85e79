// The state `saving`: hooks, checks, send queues and journal, in an order that depends on what is saved. Nothing is pressed yet.
import { findBlockers } from '../idle-policy.ts';
import type { Progress } from '../model.ts';
import { AGREE_BOUND_MS, DRAIN_BOUND_MS, GUARD_BACK_OFF_MS } from './bounds.ts';
import { isOver } from './facts.ts';
import { backToAwake, toAwake } from './moves.ts';
import { blockFor, effect, hold, journal, patch, type Turn } from './turn.ts';

/** A VM that is being saved acknowledges nothing: what is on its way to it must arrive before, and nothing follow. */
export function afterPreparing(turn: Turn, nowMs: number): Turn {
  return turn.model.policy.savesVms ? startDraining(turn, nowMs) : startHooks(turn, nowMs);
}

export function afterDraining(turn: Turn, nowMs: number): Turn {
  return turn.model.policy.savesVms ? startHooks(turn, nowMs) : startAgreeing(turn, nowMs);
}

export function afterAsking(turn: Turn, nowMs: number): Turn {
  return turn.model.policy.savesVms ? startAgreeing(turn, nowMs) : startDraining(turn, nowMs);
}

export function startHooks(turn: Turn, nowMs: number): Turn {
  const { progress, policy } = turn.model;
  const sequence = progress.sequence + 1;
  const next: Progress = { ...progress, phase: 'hooks', sequence, deadlineMs: nowMs + policy.saveTimeoutMs };
  return effect(patch(turn, { progress: next }), { kind: 'saveContext', sequence });
}

export function advanceSaving(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const [blocker] = findBlockers(model, nowMs);
  if (blocker !== undefined) return abortSaving(turn, blocker.why, nowMs);
  if (!isOver(model, nowMs)) return null;
  const why = `${model.progress.phase} did not end in time`;
  return abortSaving(blockFor(turn, GUARD_BACK_OFF_MS, why, nowMs), why, nowMs);
}

/** The hooks may have taken minutes, and the checks' last word may be as old: they are asked once more. */
export function startAsking(turn: Turn, nowMs: number): Turn {
  const { policy, progress } = turn.model;
  if (policy.asksTimeoutMs === 0) return afterAsking(turn, nowMs);
  const sequence = progress.sequence + 1;
  const next: Progress = { ...progress, phase: 'asking', sequence, deadlineMs: nowMs + policy.asksTimeoutMs };
  return effect(patch(turn, { progress: next }), { kind: 'askInhibitors', sequence });
}

function startDraining(turn: Turn, nowMs: number): Turn {
  const sequence = turn.model.progress.sequence + 1;
  const draining = patch(hold(turn), {
    progress: {
      ...turn.model.progress,
      phase: 'draining',
      sequence,
      deadlineMs: nowMs + 2 * DRAIN_BOUND_MS,
    },
  });
  return effect(draining, { kind: 'drainSendQueues', sequence, boundMs: DRAIN_BOUND_MS });
}

/** With its own streams held and drained it asks the others for the same. A Torpor that is alone agrees with itself. */
function startAgreeing(turn: Turn, nowMs: number): Turn {
  const { peers, progress, sleepAsked } = turn.model;
  if (peers === null) return startJournalling(turn, nowMs);
  const sequence = progress.sequence + 1;
  const next: Progress = { ...progress, phase: 'agreeing', sequence, deadlineMs: nowMs + AGREE_BOUND_MS };
  const forced = sleepAsked?.force === true;
  const asking = patch(turn, { progress: next, joint: { role: 'owner', forced } });
  return effect(asking, { kind: 'seekAgreement', sequence, forced });
}

export function afterAgreeing(turn: Turn, agreed: boolean, why: string, nowMs: number): Turn {
  if (agreed) return startJournalling(turn, nowMs);
  const reason = `not all Torpors agree: ${why}`;
  return abortSaving(blockFor(turn, GUARD_BACK_OFF_MS, reason, nowMs), reason, nowMs);
}

function startJournalling(turn: Turn, nowMs: number): Turn {
  const progress: Progress = {
    ...turn.model.progress,
    phase: 'journalling',
    deadlineMs: nowMs + turn.model.policy.saveTimeoutMs,
  };
  return journal(patch(turn, { progress }), 'sleep', nowMs);
}

/** Back to awake before anything was pressed. A context that hooks may have changed is restored first. */
export function abortSaving(turn: Turn, why: string, nowMs: number): Turn {
  const { phase } = turn.model.progress;
  const isUnchanged = phase === 'preparing' || (phase === 'draining' && turn.model.policy.savesVms);
  if (isUnchanged) return toAwake(turn, why, nowMs);
  return backToAwake(phase === 'hooks' ? effect(turn, { kind: 'abortSave' }) : turn, why, nowMs, true);
}
