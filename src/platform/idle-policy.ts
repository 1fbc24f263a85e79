// Why a platform stays awake: every guard between "nobody is active" and a suspend, each with its reason in words.
import { EVIDENCE_FRESH_MS, hasPowerWitness, powerVerdict } from './evidence.ts';
import { nameInhibitor } from './inhibitor.ts';
import type { PlatformModel } from './model.ts';
import type { Blocker } from './status.ts';
import { formatDuration } from './units.ts';

/** How long a press of the button counts against `maxSuspendsPerHour`. */
export const PRESS_COUNTS_MS = 3_600_000;

/**
 * All that forbids a suspend at this moment, strongest reason first; empty means it may sleep. An operator's wish skips
 * `min-awake` and `suspend-rate`; a forced one also `pool`, here and at other Torpors.
 */
export function findBlockers(model: PlatformModel, nowMs: number): Blocker[] {
  const blockers: Blocker[] = [];
  const add = (kind: string, why: string, untilMs: number | null = null) => blockers.push({ kind, why, untilMs });
  if (!model.armed) add('observe', 'observe mode: everything is judged, nothing pressed (set `mode: armed`)');
  if (model.pool > 0 && model.sleepAsked?.force !== true) {
    add('pool', `${model.pool} active ${model.pool === 1 ? 'client' : 'clients'}`);
  }
  addPeerBlockers(model, nowMs, add);
  if (model.maintenanceOrder !== null) add('maintenance', `in maintenance: ${model.maintenanceOrder.why}`);
  for (const inhibitor of model.inhibitors) {
    if (inhibitor.untilMs !== null && inhibitor.untilMs <= nowMs) continue;
    add('inhibitor', `inhibited by ${nameInhibitor(inhibitor)}: ${inhibitor.why}`, inhibitor.untilMs);
  }
  addBmcBlockers(model, nowMs, add);
  if (!model.wakeProven) add('wake-path', `the wake path is not proven: ${model.wakeProofWhy}`);
  if (model.policy.probedVms.length === 0 && !hasPowerWitness(model.policy)) {
    add('probe', 'neither the BMC nor a probe could tell whether it sleeps: give a listener a probe');
  }
  if (model.backOff !== null && model.backOff.untilMs > nowMs)
    add('back-off', model.backOff.why, model.backOff.untilMs);
  const pressFromMs = mayPressAgainAtMs(model);
  if (model.sleepAsked === null && pressFromMs !== null && pressFromMs > nowMs) {
    const { maxSuspendsPerHour } = model.policy;
    const suspends = maxSuspendsPerHour === 1 ? 'suspend' : 'suspends';
    add('suspend-rate', `${maxSuspendsPerHour} ${suspends} within the last hour, as many as allowed`, pressFromMs);
  }
  const mayFromMs = model.sinceMs + model.policy.minAwakeMs;
  if (model.state === 'awake' && model.sleepAsked === null && !model.wokenToAnswer && mayFromMs > nowMs) {
    add('min-awake', `awake for less than ${formatDuration(model.policy.minAwakeMs)}`, mayFromMs);
  }
  return blockers;
}

/** The kinds that are the platform's own business or its owner's word, whichever Torpor sees them: they bind the others, too. */
const BINDING: readonly string[] = ['maintenance', 'inhibitor', 'back-off', 'probe'];

/**
 * This Torpor's reason against a suspend by another one; null: none. That its own way to the BMC is cut is none, nor that it is not the
 * owner. Active clients are told apart from it.
 */
export function findBindingReason(model: PlatformModel, nowMs: number): string | null {
  return findBlockers(model, nowMs).find(({ kind }) => BINDING.includes(kind))?.why ?? null;
}

/** When a press is allowed again that `maxSuspendsPerHour` forbids; null where none is forbidden. */
export function mayPressAgainAtMs({ policy, pressesAtMs }: PlatformModel): number | null {
  const max = policy.maxSuspendsPerHour;
  if (max === null || pressesAtMs.length < max) return null;
  return (pressesAtMs[pressesAtMs.length - max] as number) + PRESS_COUNTS_MS;
}

type AddBlocker = (kind: string, why: string, untilMs?: number | null) => void;

/** Suspending needs agreement: who is not sure of the others, or is not the owner, presses nothing. */
function addPeerBlockers({ peers, sleepAsked }: PlatformModel, nowMs: number, add: AddBlocker): void {
  if (peers === null) return;
  if (peers.uncertain !== null) add('agreement', `not sure of the other Torpors: ${peers.uncertain}`);
  if (peers.owner === null) add('owner', 'no Torpor owns it now');
  else if (peers.owner !== peers.self) add('owner', `${peers.owner} owns it`);
  for (const { instance, active, newestDeadlineMs, keeps } of peers.others) {
    if (active > 0 && sleepAsked?.force !== true) {
      // What was told is over where somebody goes on: then it ends later than is known here.
      const untilMs = newestDeadlineMs !== null && newestDeadlineMs > nowMs ? newestDeadlineMs : null;
      add('peers', `${active} active ${active === 1 ? 'client' : 'clients'} at ${instance}`, untilMs);
    }
    if (keeps !== null) add('peers', `kept awake at ${instance}: ${keeps}`);
  }
}

function addBmcBlockers(model: PlatformModel, nowMs: number, add: AddBlocker): void {
  const reader = model.policy.reader ?? 'the BMC';
  if (!model.bmcReachable) {
    add('bmc', `${reader} does not answer: ${model.bmcProblem}`);
  } else if (model.power === null || nowMs - model.power.atMs > EVIDENCE_FRESH_MS) {
    add('bmc', `the last reading from ${reader} is too old to be evidence`);
  } else if (hasPowerWitness(model.policy)) {
    // A button pressed on a sleeper would wake it, and a sleep that cannot be read could not be seen.
    const verdict = powerVerdict(model, nowMs);
    if (verdict === 'unknown') add('bmc', `${reader} does not say whether it runs or sleeps`);
    else if (verdict !== 'running') add('bmc', `${reader} says that it does not run`);
  }
}
