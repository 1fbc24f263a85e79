// Moves into a state that several states lead to: awake, asleep, waking, and what happens on the way there.
import { assess } from '../evidence.ts';
import type { Progress } from '../model.ts';
import { formatDuration } from '../units.ts';
import {
  RECENT_ACTIVITY_MS,
  SUSPEND_BACK_OFF_MAX_MS,
  SUSPEND_BACK_OFF_MS,
  WAKE_BACK_OFF_MS,
  WAKE_RESEND_MS,
} from './bounds.ts';
import { countSleep, countWake } from './counts.ts';
import { isOurs, isScheduled, mayBeLate, restoreAtMs } from './facts.ts';
import { blockFor, effect, endFoundMaintenance, hold, journal, moveTo, patch, release, type Turn } from './turn.ts';
import { clientsLetGoAtMs } from './wake-turn.ts';

/** Not counted among failed wakes: none was asked for. Whoever still waits when the maintenance ends is woken for soon. */
export function failHandsOff(turn: Turn, nowMs: number): Turn {
  const why = `no VM answers, and in maintenance no wake is asked for (${assess(turn.model, nowMs).text})`;
  return moveTo(turn, 'failed', why, nowMs, {}, { phase: 'wake', deadlineMs: nowMs + WAKE_BACK_OFF_MS });
}

export function startRestoring(turn: Turn, nowMs: number): Turn {
  const { progress, policy } = turn.model;
  const sequence = progress.sequence + 1;
  const deadlineMs = nowMs + policy.saveTimeoutMs;
  const next: Progress = {
    ...progress,
    phase: 'restoring',
    sequence,
    deadlineMs,
    nextWakeRequestAtMs: null,
    restoreAtMs: null,
  };
  return effect(patch(turn, { progress: next }), { kind: 'restoreContext', sequence });
}

/** Awake: streams flow, nobody waits any more, and the journal knows it, unless a press may still have its effect. */
export function toAwake(turn: Turn, why: string, nowMs: number): Turn {
  const next = flowAwake(turn, 'none', why, nowMs);
  return next.model.intent.kind === 'run' || mayBeLate(next.model, nowMs) ? next : journal(next, 'run', nowMs);
}

export function flowAwake(turn: Turn, phase: 'none' | 'doubt', why: string, nowMs: number): Turn {
  const change = {
    wakeWanted: null,
    wakeOrdered: false,
    scheduledUntilMs: null,
    waitingSinceMs: null,
    queuedMs: 0,
    neededVms: [],
    sleepAsked: null,
    ...endFoundMaintenance(turn.model),
    wouldSleepSaid: false,
    ...countWake(turn.model),
  };
  return release(moveTo(turn, 'awake', why, nowMs, change, { phase }));
}

/** Awake after all, its context restored first where hooks may have changed it. It runs: no wake is asked for. */
export function backToAwake(turn: Turn, why: string, nowMs: number, calledOff = false): Turn {
  if (!turn.model.policy.savesContext) return toAwake(turn, why, nowMs);
  const waking = toWaking(turn, why, nowMs, false);
  return startRestoring(patch(waking, { progress: { ...waking.model.progress, calledOff } }), nowMs);
}

/** Whether another Torpor's press came to nothing is for that one to count. */
export function failSuspend(turn: Turn, why: string, nowMs: number): Turn {
  if (turn.model.pressed?.proposal !== undefined) return turn;
  const failedSuspends = turn.model.failedSuspends + 1;
  const backOffMs = Math.min(SUSPEND_BACK_OFF_MS * 2 ** (failedSuspends - 1), SUSPEND_BACK_OFF_MAX_MS);
  const counted = patch(turn, { failedSuspends, failures: turn.model.failures + 1 });
  return blockFor(counted, backOffMs, `the last suspend failed: ${why}`, nowMs);
}

/** A platform in observe mode that others put to sleep is only noted: nothing is held for it and nothing pressed. */
export function toAsleep(turn: Turn, why: string, byOthers: boolean, nowMs: number): Turn {
  const ours = isOurs(turn.model);
  const maintenance = byOthers || turn.model.maintenanceOrder !== null;
  const change = { maintenance, sleepAsked: null, pressed: null, wokenBy: 'nobody' as const };
  const counted = countSleep(turn, nowMs);
  const asleep = moveTo(ours ? hold(counted) : counted, 'asleep', why, nowMs, change);
  if (!ours) return release(asleep);
  // The intent stays `run`, which is how a restart knows that this sleep was not asked for.
  if (byOthers) return asleep;
  return asleep.model.intent.kind === 'sleep' ? asleep : journal(asleep, 'sleep', nowMs);
}

/** Evidence that a platform which should run sleeps: late, or by someone else. Somebody who was active just now wakes it. */
export function adoptSleep(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const evidence = assess(model, nowMs);
  if (evidence.verdict !== 'asleep' && evidence.verdict !== 'off') return null;
  const late = mayBeLate(model, nowMs);
  // Heard while it still came awake: another Torpor presses, or has pressed.
  const byFarm = model.joint?.role === 'follower' && model.joint.stage === 'committed';
  const byOthers = evidence.power === 'off' && !late && !byFarm && model.intent.kind === 'run';
  const recent = model.lastActivityAtMs !== null && nowMs - model.lastActivityAtMs <= RECENT_ACTIVITY_MS;
  const inUse = recent || (late && model.pool > 0);
  const wakes =
    inUse && model.armed && !byOthers && !model.maintenance
      ? { wakeWanted: 'a client was active just before', waitingSinceMs: nowMs }
      : {};
  const why = late ? 'fell asleep late' : 'put to sleep by someone else';
  const isOwn = late && model.pressed?.proposal === undefined;
  const known = isOwn ? turn : effect(turn, { kind: 'forgetContext' });
  return toAsleep(patch(known, wakes), `${why}: ${evidence.text}`, byOthers, nowMs);
}

/** `request`: ask for a wake now. Otherwise it runs already; should no VM answer, a wake is asked for a little later. */
export function toWaking(turn: Turn, why: string, nowMs: number, request: boolean): Turn {
  const { policy, progress } = turn.model;
  const next: Partial<Progress> = {
    phase: 'requested',
    sequence: progress.sequence + 1,
    deadlineMs: nowMs + policy.wakeTimeoutMs,
    nextWakeRequestAtMs: request ? nowMs : nowMs + WAKE_RESEND_MS,
    restoreAtMs: restoreAtMs(policy, nowMs),
  };
  return moveTo(hold(turn), 'waking', why, nowMs, { sleepAsked: null }, next);
}

/** Each client's wait is bounded: past it all who wait are let go, and the platform's state stands. */
export function giveUpLateClients(turn: Turn, why: string, nowMs: number): Turn | null {
  const { policy } = turn.model;
  const letGoAtMs = clientsLetGoAtMs(turn.model);
  if (letGoAtMs === null || nowMs < letGoAtMs) return null;
  const wakeWanted = isScheduled(turn.model, nowMs) ? turn.model.wakeWanted : null;
  const freed = patch(turn, { wakeWanted, waitingSinceMs: null, queuedMs: 0, neededVms: [] });
  return effect(freed, {
    kind: 'giveUpStreams',
    vm: null,
    why: `${why}; waited ${formatDuration(policy.clientWaitMs)}`,
  });
}
