// The state `failed`: a suspend or a wake had its time. What comes late is taken as it is.
import { allSilentForMs, assess, SILENCE_MS, vmAnsweredSince } from '../evidence.ts';
import { noteWokenByOthers } from './counts.ts';
import { isOver, isScheduled, mayWake, runsSince } from './facts.ts';
import { backToAwake, giveUpLateClients, toAsleep, toWaking } from './moves.ts';
import { patch, type Turn } from './turn.ts';
import { awaitTurn, isItsTurn, leaveQueue } from './wake-turn.ts';

export function advanceFailed(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const evidence = assess(model, nowMs);
  const answered = model.policy.probedVms.some((vm) => vmAnsweredSince(model, vm, model.sinceMs));
  const runs = evidence.verdict === 'awake' && (answered || model.policy.probedVms.length === 0);
  if (model.progress.phase === 'suspend') {
    const runsBare = model.policy.savesContext && runsSince(model, nowMs);
    if (runs || runsBare) return backToAwake(turn, `it runs: ${evidence.text}`, nowMs);
    if (evidence.verdict === 'asleep' || evidence.verdict === 'off') {
      return toAsleep(turn, `fell asleep late: ${evidence.text}`, false, nowMs);
    }
    const silent = allSilentForMs(model, nowMs) >= SILENCE_MS;
    if (model.wakeWanted === null || !(silent || model.wakeOrdered) || !mayWake(model)) return leaveQueue(turn);
    return isItsTurn(model) ? toWaking(turn, model.wakeWanted, nowMs, true) : awaitTurn(turn, nowMs);
  }
  if (runs) return toWaking(noteWokenByOthers(turn), `it runs after all: ${evidence.text}`, nowMs, false);
  if (model.wakeWanted === null) return leaveQueue(turn);
  if (model.waitingSinceMs === null && !isScheduled(model, nowMs) && !model.wakeOrdered) {
    return patch(turn, { wakeWanted: null, scheduledUntilMs: null });
  }
  if (isOver(model, nowMs) && mayWake(model)) {
    return isItsTurn(model) ? toWaking(turn, `once more: ${model.wakeWanted}`, nowMs, true) : awaitTurn(turn, nowMs);
  }
  return giveUpLateClients(turn, 'the platform could not be woken', nowMs);
}
