// One platform's status for people and programs, read off its controller.
import type { PlatformController } from '../controller/platform-controller.ts';
import { assess, hasPowerWitness } from '../platform/evidence.ts';
import { findBlockers } from '../platform/idle-policy.ts';
import type { PlatformModel } from '../platform/model.ts';
import type { CarriedSums, PeersStatus, PlatformStatus } from '../platform/status.ts';
import { describeMaintenance } from './explain-platform.ts';

/** Blockers are what keeps a running platform awake; one that does not run has none. */
export function buildStatus(
  controller: PlatformController,
  nowMs: number,
  { wakeTurn, drained, instances }: Pick<PlatformStatus, 'wakeTurn' | 'drained' | 'instances'>,
): PlatformStatus {
  const { model, gate } = controller;
  const evidence = assess(model, nowMs);
  const { bytesFromClients, bytesToClients, refusedClients, ...carriedNow } = carriedBy(controller);
  const runs = model.state === 'awake' || model.state === 'drowsy' || model.state === 'saving';
  return {
    name: controller.name,
    state: model.state,
    sinceMs: model.sinceMs,
    why: model.why,
    mode: model.armed ? 'armed' : 'observe',
    ...carriedNow,
    workers: gate.workers,
    bmcReachable: model.bmcReachable,
    wakeProven: model.wakeProven,
    wakeProofWhy: model.wakeProofWhy,
    maintenance: model.maintenance,
    maintenanceWhy: describeMaintenance(model),
    evidence: evidence.text,
    evidenceIsWeak: !hasPowerWitness(model.policy),
    watts: model.power?.watts ?? null,
    bytesFromClients,
    bytesToClients,
    refusedClients,
    bmcErrors: controller.bmcErrors,
    inhibitors: model.inhibitors.filter((inhibitor) => inhibitor.untilMs === null || inhibitor.untilMs > nowMs),
    checks: controller.checks(),
    blockers: runs ? findBlockers(model, nowMs) : [],
    suspends: model.suspends,
    wakes: model.wakes,
    adoptedWakes: model.adoptedWakes,
    failures: model.failures,
    drained,
    wakeTurn,
    owner: model.peers?.owner ?? null,
    peers: peersOf(model),
    instances,
  };
}

/** This Torpor's own clients of it. */
export function carriedBy({ table, gate }: PlatformController): CarriedSums {
  const { fromClients, toClients } = gate.carriedBytes();
  return {
    pool: table.size,
    streams: gate.streams().length,
    ...gate.heldBytes(),
    bytesFromClients: fromClients,
    bytesToClients: toClients,
    refusedClients: gate.refusedClients(),
  };
}

function peersOf({ peers }: PlatformModel): PeersStatus | null {
  if (peers === null) return null;
  const { self, uncertain, others } = peers;
  return { self, uncertain, others };
}
