// The state `suspending`: the button was pressed once, and the evidence decides.
import { allSilentForMs, assess, SILENCE_MS, vmAnsweredSince } from '../evidence.ts';
import { findBindingReason } from '../idle-policy.ts';
import type { PlatformModel } from '../model.ts';
import { formatDuration } from '../units.ts';
import { BUTTON_IGNORED_MS, PEERS_PRESS_MS } from './bounds.ts';
import { countSleep, noteWokenByOthers } from './counts.ts';
import { countingPresses, isForced, isOver, keepsAnswering, mayHaveSavedVms, mayWake } from './facts.ts';
import { backToAwake, failSuspend, toAsleep, toWaking } from './moves.ts';
import { effect, hold, journal, keepOrders, moveTo, patch, release, type Turn } from './turn.ts';
import { awaitTurn, isItsTurn } from './wake-turn.ts';

export function advanceSuspending(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const evidence = assess(model, nowMs);
  const readSince = model.power !== null && model.power.atMs >= model.sinceMs;
  const powerSleeps = readSince && (evidence.power === 'sleeping' || evidence.power === 'off');
  // Silence from before says nothing: while awake nobody asks, and what was silent then may answer at the first question.
  const silentMs = Math.min(allSilentForMs(model, nowMs), nowMs - model.sinceMs);
  const silent = silentMs >= SILENCE_MS && !mayHaveSavedVms(model);
  if (powerSleeps && (evidence.verdict === 'asleep' || evidence.verdict === 'off')) {
    return toAsleep(patch(turn, { failedSuspends: 0 }), evidence.text, false, nowMs);
  }
  if (evidence.weak && evidence.verdict === 'asleep') {
    return toAsleep(patch(turn, { failedSuspends: 0 }), evidence.text, false, nowMs);
  }
  // Waking is always safe: whoever came back need not wait until the sleep is certain.
  if (model.wakeWanted !== null && mayWake(model) && (powerSleeps || silent)) {
    if (isItsTurn(model)) return toWaking(countSleep(turn, nowMs), model.wakeWanted, nowMs, true);
    const asked = awaitTurn(turn, nowMs);
    if (asked !== null) return asked;
  }
  const { sleepSeenAtMs, powerSaidSleep } = model.progress;
  if ((sleepSeenAtMs === null && (powerSleeps || silent)) || (powerSleeps && !powerSaidSleep)) {
    const seen = { sleepSeenAtMs: sleepSeenAtMs ?? nowMs, powerSaidSleep: powerSleeps };
    return patch(turn, { progress: { ...model.progress, ...seen } });
  }
  const answersAgain =
    sleepSeenAtMs !== null && model.policy.probedVms.some((vm) => vmAnsweredSince(model, vm, sleepSeenAtMs));
  if (answersAgain && !powerSleeps) {
    if (readSince && evidence.power === 'running' && !powerSaidSleep)
      return backFromSilence(turn, evidence.text, nowMs);
    const adopted = noteWokenByOthers(countSleep(turn, nowMs));
    return toWaking(adopted, `woken by someone else: ${evidence.text}`, nowMs, false);
  }
  if (model.wakeWanted !== null && !model.wokenToAnswer && mayBeIgnored(model, nowMs) && keepsAnswering(model, nowMs)) {
    return backToAwake(
      failSuspend(turn, 'the power button was ignored', nowMs),
      `the button was ignored (a VM kept answering for ${formatDuration(BUTTON_IGNORED_MS)}), and a client is active`,
      nowMs,
    );
  }
  return isOver(model, nowMs) ? toFailedSuspend(turn, evidence.text, nowMs) : null;
}

/**
 * Its VMs were silent and answer again, while the power never read as anything but running. Packets that are lost look like this, and a sleep that the
 * BMC was too slow to see: what is waited for is the same, but the press counts as one that brought nothing, so that the next ones back off.
 */
function backFromSilence(turn: Turn, evidence: string, nowMs: number): Turn {
  const why = `its VMs fell silent, its power never did (${evidence})`;
  return toWaking(failSuspend(turn, why, nowMs), `did not fall asleep: ${why}`, nowMs, false);
}

function mayBeIgnored(model: PlatformModel, nowMs: number): boolean {
  const fromMs = ignoredFromMs(model);
  return fromMs === null || nowMs >= fromMs;
}

/**
 * Where another Torpor presses, it may not have done so yet; it hears of whoever is active here, and calls it off before. Only from this
 * moment on, clock milliseconds, a VM that keeps answering tells that the button was ignored; null: at any time.
 */
export function ignoredFromMs({ pressed, sinceMs }: PlatformModel): number | null {
  return pressed?.proposal === undefined ? null : sinceMs + PEERS_PRESS_MS + BUTTON_IGNORED_MS;
}

/** `press`: whether this intent's one request goes out now; after a restart it may be out already and is not repeated. */
export function toSuspending(turn: Turn, press: boolean, why: string, nowMs: number): Turn {
  const moved = moveTo(
    hold(turn),
    'suspending',
    why,
    nowMs,
    { sleepAsked: null },
    { deadlineMs: nowMs + turn.model.policy.suspendTimeoutMs },
  );
  if (!press) return moved;
  const intentId = moved.model.intent.id;
  const pressesAtMs = countingPresses([...moved.model.pressesAtMs, nowMs], nowMs);
  const pressed = patch(moved, { pressed: { intentId, atMs: nowMs }, pressesAtMs });
  const forced = isForced(turn.model) ? { forced: true } : {};
  return keepOrders(effect(pressed, { kind: 'requestSleep', intentId, ...forced }));
}

/** Another Torpor is to press, or has pressed: this one waits for the same evidence, and knows its sleep for the farm's own. */
export function toSuspendingByPeer(turn: Turn, proposal: number, why: string, nowMs: number): Turn {
  const moved = effect(toSuspending(turn, false, why, nowMs), { kind: 'forgetContext' });
  const deadlineMs = nowMs + turn.model.policy.suspendTimeoutMs + PEERS_PRESS_MS;
  return notePeersPress(patch(moved, { progress: { ...moved.model.progress, deadlineMs } }), proposal, nowMs);
}

/** It counts against `maxSuspendsPerHour` here, too: whoever owns it next keeps the same bound. */
export function notePeersPress(turn: Turn, proposal: number, nowMs: number): Turn {
  const journalled = journal(turn, 'sleep', nowMs);
  const intentId = journalled.model.intent.id;
  const pressesAtMs = countingPresses([...journalled.model.pressesAtMs, nowMs], nowMs);
  return keepOrders(patch(journalled, { pressed: { intentId, atMs: nowMs, proposal }, pressesAtMs }));
}

/** Where somebody wants it awake by now, or keeps it so, not to have pressed is no failure. */
export function sleepUnsent(turn: Turn, why: string, nowMs: number): Turn {
  const isWanted = turn.model.wakeWanted !== null || findBindingReason(turn.model, nowMs) !== null;
  if (!isWanted) return sleepRefused(turn, why, nowMs);
  return backToAwake(patch(turn, { pressed: null }), why, nowMs);
}

/** A failure, whoever came since: a BMC that refuses is not pressed again at once. */
export function sleepRefused(turn: Turn, why: string, nowMs: number): Turn {
  const failed = failSuspend(patch(turn, { pressed: null }), why, nowMs);
  return backToAwake(effect(failed, { kind: 'alarm', why: `the BMC refused to suspend: ${why}` }), why, nowMs);
}

function toFailedSuspend(turn: Turn, evidence: string, nowMs: number): Turn {
  const why = `did not fall asleep within ${formatDuration(turn.model.policy.suspendTimeoutMs)} (${evidence})`;
  const failed = failSuspend(turn, why, nowMs);
  const moved = moveTo(failed, 'failed', why, nowMs, {}, { phase: 'suspend' });
  return effect(release(moved), { kind: 'alarm', why: `suspend failed: ${why}` });
}
