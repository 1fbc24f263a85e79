// The state `waking`: requests by one method after the other, the context restored, streams released VM by VM.
import { assess, powerVerdict } from '../evidence.ts';
import type { PlatformModel, Progress } from '../model.ts';
import type { LostVms } from '../ports.ts';
import { formatDuration } from '../units.ts';
import { WAKE_BACK_OFF_MAX_MS, WAKE_BACK_OFF_MS, WAKE_NEXT_METHOD_MS, WAKE_RESEND_MS } from './bounds.ts';
import { countSleep } from './counts.ts';
import {
  failedWakeBlockMs,
  failedWakeReason,
  fellAsleepAgain,
  isOver,
  isReady,
  isRestoredUnanswered,
  isScheduled,
  isVmReady,
  mayWake,
  restoreAtMs,
  runsSince,
} from './facts.ts';
import { failHandsOff, giveUpLateClients, startRestoring, toAsleep, toAwake, toWaking } from './moves.ts';
import { blockFor, effect, journal, moveTo, patch, type Turn } from './turn.ts';

export function advanceWaking(turn: Turn, nowMs: number): Turn | null {
  return advanceWakingPhase(turn, nowMs) ?? giveUpLateClients(turn, 'the platform did not wake in time', nowMs);
}

function advanceWakingPhase(turn: Turn, nowMs: number): Turn | null {
  switch (turn.model.progress.phase) {
    case 'requested':
      return advanceRequested(turn, nowMs);
    case 'restoring':
      if (fellAsleepAgain(turn.model, nowMs)) return wakeAgain(turn, nowMs);
      return isOver(turn.model, nowMs)
        ? startReleasing(turn, [], 'restoring the context did not end in time', nowMs)
        : null;
    default:
      return fellAsleepAgain(turn.model, nowMs) ? wakeAgain(turn, nowMs) : advanceReleasing(turn, nowMs);
  }
}

/** A request to sleep had its effect after all, while somebody was let back in: nothing more flows, it is woken anew. */
function wakeAgain(turn: Turn, nowMs: number): Turn {
  return toWaking(
    patch(countSleep(turn, nowMs), { pressed: null }),
    `fell asleep late: ${assess(turn.model, nowMs).text}`,
    nowMs,
    true,
  );
}

function advanceRequested(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const { progress, policy } = model;
  const power = powerVerdict(model, nowMs);
  const mayRestore = progress.restoreAtMs !== null && nowMs >= progress.restoreAtMs;
  if (isReady(model, nowMs) || (mayRestore && power !== 'sleeping' && power !== 'off')) {
    return startRestoring(turn, nowMs);
  }
  if (!mayWake(model)) return waitHandsOff(turn, nowMs);
  if (isOver(model, nowMs)) return endWakeMethod(turn, nowMs);
  if (progress.nextWakeRequestAtMs === null || progress.nextWakeRequestAtMs > nowMs) return null;
  // Asked while it still goes down, a request is lost: it is repeated as soon as the sleep shows.
  const pauseMs = power === 'running' && model.bmcReachable ? WAKE_NEXT_METHOD_MS : WAKE_RESEND_MS;
  if (runsSince(model, nowMs)) {
    return patch(turn, { progress: { ...progress, nextWakeRequestAtMs: nowMs + pauseMs } });
  }
  const sequence = progress.sequence + 1;
  const method = policy.wakeMethods[progress.wakeMethodIndex % policy.wakeMethods.length] as string;
  // The intent is journalled with the first request, whoever asked and whenever that is.
  const known = model.intent.kind === 'wake' ? turn : journal(turn, 'wake', nowMs);
  const asked = patch(known, {
    progress: { ...progress, sequence, nextWakeRequestAtMs: nowMs + pauseMs },
    wokenBy: 'torpor',
  });
  return effect(asked, { kind: 'requestWake', sequence, method });
}

/** In maintenance nothing is asked for: it may be off again already, under its technician's hands. */
function waitHandsOff(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const evidence = assess(model, nowMs);
  const readSince = model.power !== null && model.power.atMs > model.sinceMs;
  if (readSince && (evidence.verdict === 'asleep' || evidence.verdict === 'off')) {
    return toAsleep(turn, `it does not run, and is in maintenance: ${evidence.text}`, false, nowMs);
  }
  return isOver(model, nowMs) ? failHandsOff(turn, nowMs) : null;
}

/** The method had its time: the next one gets as much, unless there is none, or it runs and none could help. */
function endWakeMethod(turn: Turn, nowMs: number): Turn {
  const { progress, policy } = turn.model;
  const wakeMethodIndex = progress.wakeMethodIndex + 1;
  if (wakeMethodIndex >= policy.wakeMethods.length || runsSince(turn.model, nowMs)) return toFailedWake(turn, nowMs);
  const next: Progress = {
    ...progress,
    phase: 'requested',
    wakeMethodIndex,
    deadlineMs: nowMs + policy.wakeTimeoutMs,
    nextWakeRequestAtMs: nowMs,
    restoreAtMs: restoreAtMs(policy, nowMs),
  };
  return patch(turn, { progress: next });
}

function advanceReleasing(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const { progress, policy } = model;
  if (isRestoredUnanswered(model)) return isOver(model, nowMs) ? giveUpRestored(turn, nowMs) : null;
  const ready = policy.vms.filter((vm) => !progress.releasedVms.includes(vm) && isVmReady(model, vm));
  if (ready.length > 0) {
    const released = patch(turn, { progress: { ...progress, releasedVms: [...progress.releasedVms, ...ready] } });
    return ready.reduce((done, vm) => effect(done, { kind: 'releaseStreams', vm }), released);
  }
  const missing = model.neededVms.filter((vm) => !progress.releasedVms.includes(vm));
  if (missing.length > 0 && !isOver(model, nowMs)) return null;
  return toAwake(giveUpMissing(turn, missing), model.why, nowMs);
}

function giveUpMissing(turn: Turn, missing: readonly string[]): Turn {
  const within = formatDuration(turn.model.policy.wakeTimeoutMs);
  return missing.reduce((done, vm) => {
    const why = `VM ${vm} did not answer its probe within ${within} of the wake`;
    return effect(done, { kind: 'giveUpStreams', vm, why });
  }, turn);
}

/** The hooks are done and no VM came back: a failed wake if one was asked for, else a reason to ask. */
function giveUpRestored(turn: Turn, nowMs: number): Turn {
  const { model } = turn;
  if (!model.progress.calledOff) {
    if (!mayWake(model)) return failHandsOff(turn, nowMs);
    const wasAsked = model.intent.kind === 'wake';
    return wasAsked ? endWakeMethod(turn, nowMs) : toWaking(turn, 'no VM came back by itself', nowMs, true);
  }
  const alarmed = effect(turn, { kind: 'alarm', why: 'no VM answers after a suspend was called off' });
  return toAwake(giveUpMissing(alarmed, model.neededVms), model.why, nowMs);
}

/** The hooks failed where no VM answered yet: perhaps they ran too early, and there is time to run them again. */
export function mustRestoreAgain(model: PlatformModel): boolean {
  return isRestoredUnanswered(model) && !model.progress.calledOff;
}

export function restoreAgain(turn: Turn, problem: string, nowMs: number): Turn {
  const { progress, policy, sinceMs } = turn.model;
  const deadlineMs = Math.max(nowMs, sinceMs + policy.wakeTimeoutMs * (progress.wakeMethodIndex + 1));
  const next: Progress = {
    ...progress,
    phase: 'requested',
    deadlineMs,
    nextWakeRequestAtMs: nowMs + WAKE_NEXT_METHOD_MS,
    restoreAtMs: restoreAtMs(policy, nowMs),
    restoreProblem: problem,
  };
  const again = patch(turn, { progress: next });
  if (problem === progress.restoreProblem) return again;
  return effect(again, { kind: 'note', why: `${problem}; tried again while no VM answers` });
}

export function startReleasing(turn: Turn, lostVms: LostVms, problem: string | null, nowMs: number): Turn {
  const { model } = turn;
  let next = patch(turn, {
    progress: { ...model.progress, phase: 'releasing', deadlineMs: nowMs + model.policy.wakeTimeoutMs },
  });
  if (problem !== null) next = effect(next, { kind: 'alarm', why: problem });
  if (lostVms === 'all') return loseSessions(next, null, 'the platform');
  return lostVms.reduce((done, vm) => loseSessions(done, vm, `VM ${vm}`), next);
}

function loseSessions(turn: Turn, vm: string | null, who: string): Turn {
  const why = `${who} lost its memory: its identity changed across the sleep`;
  return effect(effect(turn, { kind: 'alarm', why }), { kind: 'loseSessions', vm, why });
}

function toFailedWake(turn: Turn, nowMs: number): Turn {
  const { model } = turn;
  const failedWakes = model.intent.failedWakes + 1;
  const backOffMs = Math.min(WAKE_BACK_OFF_MS * 2 ** (failedWakes - 1), WAKE_BACK_OFF_MAX_MS);
  const why = `no VM answered within ${formatDuration(model.policy.wakeTimeoutMs)} of the request to wake (${assess(model, nowMs).text})`;
  const moved = moveTo(
    turn,
    'failed',
    why,
    nowMs,
    {
      failures: model.failures + 1,
      wakeWanted: model.waitingSinceMs === null && !isScheduled(model, nowMs) ? null : model.wakeWanted,
      wakeOrdered: false,
    },
    { phase: 'wake', deadlineMs: nowMs + backOffMs },
  );
  const blocked = blockFor(moved, failedWakeBlockMs(failedWakes), failedWakeReason(failedWakes), nowMs);
  const kept = journal(blocked, 'wake', nowMs, failedWakes);
  return effect(kept, {
    kind: 'alarm',
    why: `wake failed: ${why}; next try in ${formatDuration(backOffMs)} while clients wait`,
  });
}
