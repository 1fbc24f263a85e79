// What the other Torpors say, and the part of a suspend that one of them leads: hold, drain, answer, and wait for the same evidence.
import { powerVerdict } from '../evidence.ts';
import { findBindingReason } from '../idle-policy.ts';
import type { JointSuspend, PlatformModel, Progress } from '../model.ts';
import type { ShareEvent } from '../share.ts';
import { formatDuration } from '../units.ts';
import { DRAIN_BOUND_MS, FOLLOW_BOUND_MS, PEERS_PRESS_MS } from './bounds.ts';
import { isForced, isOurs, isOver, mayWake } from './facts.ts';
import { toAwake, toWaking } from './moves.ts';
import { abortSaving } from './saving.ts';
import { notePeersPress, toSuspendingByPeer } from './suspending.ts';
import { effect, hold, journal, moveTo, patch, type Turn } from './turn.ts';
import { isStaggered } from './wake-turn.ts';

type Following = Extract<JointSuspend, { role: 'follower' }>;

export function absorbShare(turn: Turn, event: ShareEvent, nowMs: number): Turn {
  if (event.kind === 'peers') return patch(turn, { peers: event.peers });
  const { peers, joint } = turn.model;
  if (peers === null) return turn;
  if (event.kind === 'suspendCalledOff') {
    return joint?.role === 'follower' && joint.proposal === event.proposal
      ? absorbCalledOff(turn, joint, event.why, nowMs)
      : turn;
  }
  // A Torpor hears nothing new from itself.
  if (event.by === peers.self) return turn;
  switch (event.kind) {
    case 'suspendProposed': {
      const { proposal, by, forced = false } = event;
      return absorbProposed(turn, { role: 'follower', proposal, by, forced, stage: 'asked' }, nowMs);
    }
    case 'suspendCommitted':
      return absorbCommitted(turn, event.proposal, event.by, nowMs);
    case 'peerWake':
      return absorbPeerWake(turn, `${event.by}: ${event.why}`, nowMs);
  }
}

function absorbProposed(turn: Turn, asked: Following, nowMs: number): Turn {
  const { state, progress } = turn.model;
  const noted = patch(endOwn(turn, `${asked.by} leads now`), { joint: asked });
  if (state === 'awake' || state === 'drowsy') {
    const reason = findRefusal(noted.model, asked.forced, nowMs);
    return reason === null ? startFollowing(noted, asked, nowMs) : answer(noted, asked, false, reason);
  }
  if (state === 'saving' && progress.phase === 'following') {
    // The one before is over, then. Whoever came meanwhile is let through.
    const reason = noted.model.wakeWanted ?? findRefusal(noted.model, asked.forced, nowMs);
    return reason === null ? startFollowing(noted, asked, nowMs) : toAwake(noted, reason, nowMs);
  }
  // Held since its sleep, and nobody waits: this one only has not seen yet that it runs again.
  if (isHeldAsleep(noted.model)) return answer(noted, asked, true, 'its streams are held since it slept');
  const answered = answer(noted, asked, false, `it is ${state} there`);
  // Nobody agrees to its own suspend any more.
  const endsOwn = state === 'saving' && turn.model.joint?.role === 'owner';
  return endsOwn ? abortSaving(answered, `${asked.by} leads now`, nowMs) : answered;
}

/** True where nothing flows and nobody wants it to: as good as following. */
export function isHeldAsleep({ state, held, wakeWanted, armed }: PlatformModel): boolean {
  return state === 'asleep' && held && wakeWanted === null && armed;
}

/** Why this Torpor's streams may not be held for another one's suspend; null: they may. */
function findRefusal(model: PlatformModel, forced: boolean, nowMs: number): string | null {
  if (!model.armed) return 'it is in observe mode there: nothing is held for it';
  if (model.pool > 0 && !forced) return `${model.pool} active ${model.pool === 1 ? 'client' : 'clients'}`;
  return findBindingReason(model, nowMs);
}

function startFollowing(turn: Turn, { by }: Following, nowMs: number): Turn {
  const sequence = turn.model.progress.sequence + 1;
  const next: Partial<Progress> = { phase: 'following', sequence, deadlineMs: nowMs + 2 * DRAIN_BOUND_MS };
  const moved =
    turn.model.state === 'saving'
      ? patch(turn, { progress: { ...turn.model.progress, ...next } })
      : moveTo(turn, 'saving', `${by} wants to suspend it`, nowMs, { sleepAsked: null }, next);
  return effect(hold(moved), { kind: 'drainSendQueues', sequence, boundMs: DRAIN_BOUND_MS });
}

/** Its streams are held and nothing is on its way: from this answer on another Torpor may press, whether this one hears of it or not. */
export function afterHolding(turn: Turn, drained: boolean, why: string, nowMs: number): Turn {
  const { joint, progress, intent } = turn.model;
  if (joint?.role !== 'follower' || !drained) return toAwake(turn, why, nowMs);
  if (joint.stage !== 'asked') return turn;
  const waiting = patch(turn, {
    progress: { ...progress, deadlineMs: nowMs + FOLLOW_BOUND_MS },
    pressed: { intentId: intent.id, atMs: nowMs, proposal: joint.proposal },
  });
  return answer(waiting, joint, true, 'its streams are held, and nothing is on its way');
}

function answer(turn: Turn, joint: Following, held: boolean, why: string): Turn {
  const answered = patch(turn, { joint: { ...joint, stage: held ? 'held' : 'refused' } });
  return effect(answered, { kind: 'answerProposal', proposal: joint.proposal, held, why });
}

/**
 * It is to be awake here. Once it has given its word a press may be on its way: it takes the word back, and nothing flows before it hears
 * that this came in time.
 */
export function leaveFollowing(turn: Turn, why: string, nowMs: number): Turn {
  const { joint, progress } = turn.model;
  if (joint?.role !== 'follower' || joint.stage === 'asked') return toAwake(turn, why, nowMs);
  if (joint.stage !== 'held') return turn;
  const waiting = patch(turn, { progress: { ...progress, deadlineMs: nowMs + PEERS_PRESS_MS } });
  return answer(waiting, joint, false, why);
}

export function advanceFollowing(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const { joint, power, sinceMs } = model;
  if (joint?.role !== 'follower') return toAwake(turn, 'nobody leads it to sleep', nowMs);
  const verdict = powerVerdict(model, nowMs);
  const sleeps = (verdict === 'sleeping' || verdict === 'off') && power !== null && power.atMs >= sinceMs;
  if (sleeps && joint.stage !== 'asked') return follow(turn, joint, 'it goes to sleep before the word came', nowMs);
  const nothing = `${joint.by} wanted to suspend it, and nothing came of it`;
  if (joint.stage === 'refused') return isOver(model, nowMs) ? toAwake(turn, nothing, nowMs) : null;
  const reason = findRefusal(model, isForced(model), nowMs);
  if (reason !== null) return leaveFollowing(turn, reason, nowMs);
  if (!isOver(model, nowMs)) return null;
  const within = formatDuration(joint.stage === 'held' ? FOLLOW_BOUND_MS : 2 * DRAIN_BOUND_MS);
  return leaveFollowing(turn, `${nothing} within ${within}`, nowMs);
}

function follow(turn: Turn, joint: Following, why: string, nowMs: number): Turn {
  const { pool, wakeWanted, waitingSinceMs } = turn.model;
  const isWanted = pool > 0 && !joint.forced;
  const wish = isWanted
    ? { wakeWanted: wakeWanted ?? 'a client is active', waitingSinceMs: waitingSinceMs ?? nowMs }
    : {};
  const noted = patch(turn, { ...wish, joint: { ...joint, stage: 'committed' } });
  return toSuspendingByPeer(noted, joint.proposal, why, nowMs);
}

/** Whatever this one answered, or did not: the other may press from now on, so nothing more flows. */
function absorbCommitted(turn: Turn, proposal: number, by: string, nowMs: number): Turn {
  const { joint: before } = turn.model;
  const forced = before?.role === 'follower' && before.proposal === proposal && before.forced;
  const joint: Following = { role: 'follower', proposal, by, forced, stage: 'committed' };
  const noted = patch(endOwn(turn, `${by} suspends it`), { joint });
  const { model } = noted;
  const { state, progress, intent, pressed } = model;
  // Nothing is held where it is only observed, and it refused.
  if (!isOurs(model)) return noted;
  switch (state) {
    case 'awake':
    case 'drowsy':
    case 'saving': {
      const ended = state === 'saving' && progress.phase === 'hooks' ? effect(noted, { kind: 'abortSave' }) : noted;
      return follow(ended, joint, `all agreed: ${by} suspends it`, nowMs);
    }
    case 'starting':
      return notePeersPress(noted, proposal, nowMs);
    case 'asleep':
      return takeSleepForFarms(noted, nowMs);
    default:
      return pressed === null ? patch(noted, { pressed: { intentId: intent.id, atMs: nowMs, proposal } }) : noted;
  }
}

/** Found switched off, and taken for somebody's maintenance: it is the farm's own sleep, and clients wake it. */
function takeSleepForFarms(turn: Turn, nowMs: number): Turn {
  const freed = patch(turn, { maintenance: turn.model.maintenanceOrder !== null });
  return turn.model.intent.kind === 'run' ? journal(freed, 'sleep', nowMs) : freed;
}

function absorbCalledOff(turn: Turn, joint: Following, why: string, nowMs: number): Turn {
  const { state, progress, pressed } = turn.model;
  const isCommitted = joint.stage === 'committed';
  // What was pressed may still have its effect, late.
  const isOver = pressed?.proposal === joint.proposal && !isCommitted;
  const over = patch(turn, { joint: null, pressed: isOver ? null : pressed });
  const reason = `${joint.by} called it off: ${why}`;
  if (state === 'saving' && progress.phase === 'following') return toAwake(over, reason, nowMs);
  if (state !== 'suspending' || !isCommitted) return over;
  // Only who leads knows whether it has pressed, and a host that goes down still runs to its BMC: a VM must answer first.
  return toWaking(over, reason, nowMs, false);
}

/** Nobody becomes active here by it, and it is not passed on: all heard it. */
function absorbPeerWake(turn: Turn, why: string, nowMs: number): Turn {
  const { model } = turn;
  const { state, progress } = model;
  if (!isOurs(model) || state === 'awake' || state === 'drowsy') return turn;
  if (state === 'saving') return progress.phase === 'following' ? turn : abortSaving(turn, why, nowMs);
  if (!mayWake(model)) return effect(turn, { kind: 'note', why: `not woken, it is in maintenance: ${why}` });
  const wished = patch(turn, { wakeWanted: model.wakeWanted ?? why, wakeShared: true });
  const failedToWake = state === 'failed' && progress.phase === 'wake';
  if (!failedToWake) return wished;
  // Out of its turn it is not woken from here: who wants it does that, and the evidence tells.
  return isStaggered(model) ? turn : toWaking(wished, why, nowMs, true);
}

/** A proposal of this one's own that is still open. */
function endOwn(turn: Turn, why: string): Turn {
  if (turn.model.joint?.role !== 'owner') return turn;
  return effect(patch(turn, { joint: null }), { kind: 'endProposal', why });
}
