// Questions to the facts of one platform. Changes nothing.
import {
  type Assessment,
  assess,
  EVIDENCE_FRESH_MS,
  hasPowerWitness,
  powerVerdict,
  vmAnsweredSince,
} from '../evidence.ts';
import { PRESS_COUNTS_MS } from '../idle-policy.ts';
import type { InhibitorKind, InhibitorStatus } from '../inhibitor.ts';
import type { PlatformModel, PlatformPolicy } from '../model.ts';
import type { Intent } from '../ports.ts';
import {
  BUTTON_IGNORED_MS,
  FAILED_WAKE_BLOCK_MAX_MS,
  FAILED_WAKE_BLOCK_MS,
  LATE_SLEEP_MS,
  PRESSES_KEPT_MAX,
  RESTORE_SAVED_VMS_MS,
  RESTORE_UNANSWERED_MS,
} from './bounds.ts';

export function isOver(model: PlatformModel, nowMs: number): boolean {
  return model.progress.deadlineMs !== null && nowMs >= model.progress.deadlineMs;
}

/** S0 is evident: a VM answered a question asked since the wake began; where none has a probe, the witness of power. */
export function isReady(model: PlatformModel, nowMs: number): boolean {
  if (model.policy.probedVms.length === 0) return runsSince(model, nowMs);
  return model.policy.probedVms.some((vm) => vmAnsweredSince(model, vm, model.sinceMs));
}

export function isEvidentlyRunning(evidence: Assessment): boolean {
  return evidence.verdict === 'awake' || evidence.power === 'running';
}

/** The witness of power says that it runs, and was read since the state began. */
export function runsSince(model: PlatformModel, nowMs: number): boolean {
  return powerVerdict(model, nowMs) === 'running' && model.power !== null && model.power.atMs > model.sinceMs;
}

/** From when on hooks may run although no VM answers; null where there are none, or no VM that could answer. */
export function restoreAtMs(policy: PlatformPolicy, nowMs: number): number | null {
  if (!policy.savesContext || policy.probedVms.length === 0) return null;
  return nowMs + (policy.savesVms ? RESTORE_SAVED_VMS_MS : RESTORE_UNANSWERED_MS);
}

/** Hooks ran without any VM to answer, and none did since: nothing may flow yet. */
export function isRestoredUnanswered(model: PlatformModel): boolean {
  const { probedVms } = model.policy;
  return probedVms.length > 0 && probedVms.every((vm) => !vmAnsweredSince(model, vm, model.sinceMs));
}

/** Where hooks save VMs their silence is no sign of sleep, as long as the BMC could give one. */
export function mayHaveSavedVms(model: PlatformModel): boolean {
  return model.policy.savesContext && hasPowerWitness(model.policy) && model.bmcReachable;
}

/** True where this Torpor presses buttons, or did so before it was told to observe: then it also undoes its sleep. */
export function isOurs(model: PlatformModel): boolean {
  return model.armed || model.intent.kind !== 'run';
}

/** Active clients are no reason against the suspend that is under way: an operator said so, here or at another Torpor. */
export function isForced({ sleepAsked, progress, joint }: PlatformModel): boolean {
  if (sleepAsked?.force === true) return true;
  return progress.phase === 'following' && joint?.role === 'follower' && joint.forced;
}

/** In maintenance only an operator wakes it. */
export function mayWake(model: PlatformModel): boolean {
  return !model.maintenance || model.wakeOrdered;
}

export function isScheduled(model: PlatformModel, nowMs: number): boolean {
  return model.scheduledUntilMs !== null && model.scheduledUntilMs > nowMs;
}

export function isPast({ untilMs }: InhibitorStatus, nowMs: number): boolean {
  return untilMs !== null && untilMs <= nowMs;
}

export function isNamed(inhibitor: InhibitorStatus, kind: InhibitorKind, name: string): boolean {
  return inhibitor.kind === kind && inhibitor.name === name;
}

export function countingPresses(pressesAtMs: readonly number[], nowMs: number): readonly number[] {
  return pressesAtMs.filter((atMs) => atMs + PRESS_COUNTS_MS > nowMs).slice(-PRESSES_KEPT_MAX);
}

/** True where a request to sleep is out that may have its effect only now. */
export function mayBeLate(model: PlatformModel, nowMs: number): boolean {
  return model.pressed !== null && nowMs - model.pressed.atMs <= LATE_SLEEP_MS;
}

/** In restoring and releasing, where the platform ran: the BMC says since then that it sleeps, and all VMs are silent. */
export function fellAsleepAgain(model: PlatformModel, nowMs: number): boolean {
  if (model.progress.calledOff && !mayBeLate(model, nowMs)) return false;
  const { verdict, power } = assess(model, nowMs);
  const sleeps = (verdict === 'asleep' || verdict === 'off') && power !== 'unknown';
  return sleeps && model.power !== null && model.power.atMs > model.sinceMs;
}

export function isVmReady(model: PlatformModel, vm: string): boolean {
  return !model.policy.probedVms.includes(vm) || vmAnsweredSince(model, vm, model.sinceMs);
}

export function keepsAnswering(model: PlatformModel, nowMs: number): boolean {
  return model.policy.probedVms.some((vm) => {
    const fact = model.probes[vm];
    if (fact?.answeringSinceMs == null || nowMs - fact.lastResultAtMs > EVIDENCE_FRESH_MS) return false;
    const answersFromMs = Math.max(fact.answeringSinceMs, model.sinceMs);
    return fact.lastResultAtMs - answersFromMs >= BUTTON_IGNORED_MS;
  });
}

/** For how long nothing is suspended after this many failed wakes; zero after none. */
export function failedWakeBlockMs(failedWakes: number): number {
  return failedWakes === 0 ? 0 : Math.min(FAILED_WAKE_BLOCK_MS * 2 ** (failedWakes - 1), FAILED_WAKE_BLOCK_MAX_MS);
}

/**
 * What failed wakes on record forbid after a restart. Their time counts from the last intent, which is the failure itself or came later: once it has
 * been waited for, no restart begins it anew.
 */
export function recordedBlock(intent: Intent | null, nowMs: number): PlatformModel['backOff'] {
  if (intent === null) return null;
  const untilMs = Math.min(intent.atMs, nowMs) + failedWakeBlockMs(intent.failedWakes);
  return untilMs > nowMs ? { untilMs, why: failedWakeReason(intent.failedWakes) } : null;
}

export function failedWakeReason(failedWakes: number): string {
  const times = failedWakes === 1 ? 'a wake' : `${failedWakes} wakes`;
  return `${times} failed before: \`torpor release\` forgives that`;
}
