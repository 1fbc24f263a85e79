// The state `asleep`: until somebody comes, or somebody else wakes it.
import { assess, vmAnsweredSince } from '../evidence.ts';
import { noteWokenByOthers } from './counts.ts';
import { isOurs, mayWake, runsSince } from './facts.ts';
import { giveUpLateClients, toAwake, toWaking } from './moves.ts';
import { endFoundMaintenance, hold, journal, patch, release, type Turn } from './turn.ts';
import { awaitTurn, isItsTurn, leaveQueue } from './wake-turn.ts';

export function advanceAsleep(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  if (model.held !== isOurs(model)) return goOver(turn, nowMs);
  const evidence = assess(model, nowMs);
  const sinceSleep = model.policy.probedVms.some((vm) => vmAnsweredSince(model, vm, model.sinceMs));
  const powerSince = model.power !== null && model.power.atMs >= model.sinceMs;
  if (evidence.verdict === 'awake' && (sinceSleep || (model.policy.probedVms.length === 0 && powerSince))) {
    const why = `woken by someone else: ${evidence.text}`;
    const freed = noteWokenByOthers(patch(turn, endFoundMaintenance(model)));
    return model.held ? toWaking(freed, why, nowMs, false) : toAwake(freed, why, nowMs);
  }
  // VMs that hooks saved cannot answer before they are restored: the host alone must do.
  if (model.held && model.policy.savesContext && runsSince(model, nowMs)) {
    const freed = noteWokenByOthers(patch(turn, endFoundMaintenance(model)));
    return toWaking(freed, `woken by someone else: ${evidence.text}`, nowMs, false);
  }
  if (model.wakeWanted === null) return leaveQueue(turn);
  if (mayWake(model)) {
    return isItsTurn(model) ? toWaking(turn, model.wakeWanted, nowMs, true) : awaitTurn(turn, nowMs);
  }
  const left = leaveQueue(turn);
  if (left !== null) return left;
  const why = model.maintenanceOrder?.why ?? 'powered off by somebody else';
  return giveUpLateClients(turn, `the platform is in maintenance: ${why}`, nowMs);
}

/** A reload armed it, or disarmed it, while it slept: its clients are held where they can be woken for, and nowhere else. */
function goOver(turn: Turn, nowMs: number): Turn {
  const { maintenance, intent, wakeOrdered } = turn.model;
  if (isOurs(turn.model)) {
    const held = hold(turn);
    return intent.kind === 'run' && !maintenance ? journal(held, 'sleep', nowMs) : held;
  }
  const wishes = { wakeWanted: null, waitingSinceMs: null, queuedMs: 0, neededVms: [] };
  return release(wakeOrdered ? turn : patch(turn, wishes));
}
