// Why a platform stays awake: every guard between "nobody is active" and a suspend, each with its reason in words.
import { EVIDENCE_FRESH_MS, hasPowerWitness, powerVerdict } from './evidence.ts';
import type { PlatformModel } from './model.ts';
import type { Blocker } from './status.ts';
import { formatDuration } from './units.ts';

/**
 * All that forbids a suspend at this moment, strongest reason first; empty means it may sleep. An operator's wish skips
 * `min-awake`; a forced one also `pool`.
 */
export function findBlockers(model: PlatformModel, nowMs: number): Blocker[] {
  const blockers: Blocker[] = [];
  const add = (kind: string, why: string, untilMs: number | null = null) => blockers.push({ kind, why, untilMs });
  if (!model.armed) add('observe', 'observe mode: everything is judged, nothing pressed (set `mode: armed`)');
  if (model.pool > 0 && model.sleepAsked?.force !== true) {
    add('pool', `${model.pool} active ${model.pool === 1 ? 'client' : 'clients'}`);
  }
  for (const inhibitor of model.inhibitors) {
    if (inhibitor.untilMs !== null && inhibitor.untilMs <= nowMs) continue;
    add('inhibitor', `inhibited by ${inhibitor.name}: ${inhibitor.why}`, inhibitor.untilMs);
  }
  addBmcBlockers(model, nowMs, add);
  if (!model.wakeProven) add('wake-path', `the wake path is not proven: ${model.wakeProofWhy}`);
  if (model.policy.probedVms.length === 0 && !hasPowerWitness(model.policy)) {
    add('probe', 'neither the BMC nor a probe could tell whether it sleeps: give a listener a probe');
  }
  if (model.backOff !== null && model.backOff.untilMs > nowMs)
    add('back-off', model.backOff.why, model.backOff.untilMs);
  const mayFromMs = model.sinceMs + model.policy.minAwakeMs;
  if (model.state === 'awake' && model.sleepAsked === null && !model.wokenToAnswer && mayFromMs > nowMs) {
    add('min-awake', `awake for less than ${formatDuration(model.policy.minAwakeMs)}`, mayFromMs);
  }
  return blockers;
}

function addBmcBlockers(model: PlatformModel, nowMs: number, add: (kind: string, why: string) => void): void {
  if (!model.bmcReachable) {
    add('bmc', `the BMC does not answer: ${model.bmcProblem}`);
  } else if (model.power === null || nowMs - model.power.atMs > EVIDENCE_FRESH_MS) {
    add('bmc', 'the last reading from the BMC is too old to be evidence');
  } else if (hasPowerWitness(model.policy)) {
    // A button pressed on a sleeper would wake it, and a sleep that cannot be read could not be seen.
    const verdict = powerVerdict(model, nowMs);
    if (verdict === 'unknown') add('bmc', 'the BMC does not say whether it runs or sleeps');
    else if (verdict !== 'running') add('bmc', 'the BMC says that it does not run');
  }
}
