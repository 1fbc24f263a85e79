// Why a platform is in its state, in a sentence a person can act on.
import { describeStream, type PlatformController } from '../controller/platform-controller.ts';
import { findBlockers } from '../platform/idle-policy.ts';
import type { PlatformModel } from '../platform/model.ts';
import type { StreamStatus } from '../platform/ports.ts';
import { type Blocker, type Explanation, QUIET_STREAMS_SHOWN, type WakeTurnStatus } from '../platform/status.ts';
import { formatBytes, formatDuration } from '../platform/units.ts';

/** Clients named in one sentence; the rest are counted. */
const NAMED_CLIENTS = 3;

/** `turn`: what its wake waits for; null: it waits for no turn. */
export function explainPlatform(
  controller: PlatformController,
  nowMs: number,
  turn: WakeTurnStatus | null = null,
): Explanation {
  const { model } = controller;
  const activeStreams = listActiveStreams(controller);
  const quiet = listQuietStreams(controller);
  const runs = model.state === 'awake' || model.state === 'drowsy' || model.state === 'saving';
  const blockers = runs ? findBlockers(model, nowMs) : [];
  return {
    platform: controller.name,
    state: model.state,
    summary: `${summarize(controller, blockers, activeStreams, nowMs)}${describeTurn(turn, nowMs)}`,
    blockers,
    checks: controller.checks(),
    activeStreams,
    quietStreams: quiet.slice(0, QUIET_STREAMS_SHOWN),
    moreQuietStreams: Math.max(0, quiet.length - QUIET_STREAMS_SHOWN),
  };
}

function describeTurn(turn: WakeTurnStatus | null, nowMs: number): string {
  if (turn === null) return '';
  return ` It is to wake and waits for its turn since ${formatDuration(nowMs - turn.sinceMs)}: ${turn.why}.`;
}

/** Why it is in maintenance; empty where it is not. */
export function describeMaintenance({ maintenance, maintenanceOrder }: PlatformModel): string {
  return maintenanceOrder?.why ?? (maintenance ? 'powered off by somebody else' : '');
}

/** The clients in the pool, for a sentence: `alice from 10.0.9.4:51234 (rdp), bob from ..., and 2 more`. */
export function describeActiveStreams(controller: PlatformController): string {
  const active = listActiveStreams(controller);
  const named = active.slice(0, NAMED_CLIENTS).map(({ stream }) => describeStream(stream));
  const recentlyClosed = controller.table.size - active.length;
  const more = active.length - named.length + recentlyClosed;
  if (more > 0) named.push(`${more} ${named.length === 0 ? 'just disconnected' : 'more'}`);
  return named.join(', ');
}

function listActiveStreams(controller: PlatformController): Explanation['activeStreams'] {
  const streams = new Map(controller.gate.streams().map((stream) => [stream.id, stream]));
  return controller.table.entries().flatMap(({ streamId, sinceMs, why }) => {
    const stream = streams.get(streamId);
    if (stream === undefined) return [];
    return [{ stream, sinceMs, why, idleAtMs: stream.idleAtMs ?? stream.lastActiveAtMs }];
  });
}

function listQuietStreams(controller: PlatformController): StreamStatus[] {
  const active = new Set(controller.table.entries().map(({ streamId }) => streamId));
  return controller.gate
    .streams()
    .filter(({ id }) => !active.has(id))
    .sort((a, b) => b.lastActiveAtMs - a.lastActiveAtMs);
}

function summarize(
  controller: PlatformController,
  blockers: readonly Blocker[],
  active: Explanation['activeStreams'],
  nowMs: number,
): string {
  const { name, model } = controller;
  const forHow = formatDuration(nowMs - model.sinceMs);
  switch (model.state) {
    case 'starting':
      return `${name} has just been taken over: waiting for evidence from its BMC and its VMs.`;
    case 'awake':
      return `${name} ${stayAwake(controller, blockers, active, nowMs)}`;
    case 'drowsy': {
      const leftMs = (model.progress.deadlineMs ?? nowMs) - nowMs;
      return `${name} is drowsy: ${model.why}. It is sent to sleep in ${formatDuration(leftMs)} unless a client becomes active.`;
    }
    case 'saving':
      return `${name} is about to sleep (${model.progress.phase}); any activity calls it off.`;
    case 'suspending':
      return `${name} was asked to sleep ${forHow} ago; waiting for the evidence.`;
    case 'asleep': {
      const held = formatBytes(controller.gate.heldBytes().heldBytes);
      if (model.maintenance)
        return `${name} does not run and no client wakes it: in maintenance (${describeMaintenance(model)}) until \`torpor maintenance off ${name}\`.`;
      return `${name} sleeps since ${forHow} (${model.why}), ${held} held; the first activity wakes it.`;
    }
    case 'waking':
      return `${name} is waking since ${forHow}: ${model.why}.`;
    case 'failed':
      return `${name} failed: ${model.why}.`;
  }
}

function stayAwake(
  controller: PlatformController,
  blockers: readonly Blocker[],
  active: Explanation['activeStreams'],
  nowMs: number,
): string {
  const others = blockers.filter((blocker) => blocker.kind !== 'pool').map((blocker) => blocker.why);
  const isBusy = blockers.some((blocker) => blocker.kind === 'pool');
  const reasons = isBusy ? [`active: ${describeActiveStreams(controller)}`, ...others] : others;
  if (reasons.length === 0) return 'is awake and goes to sleep at the next look.';
  // Another Torpor's to put to sleep, it goes to sleep all the same.
  const lasting = blockers.filter(({ kind }) => kind !== 'pool' && kind !== 'owner');
  const ends = [
    ...active.map(({ idleAtMs }) => idleAtMs),
    ...lasting.map(({ untilMs }) => untilMs ?? Number.POSITIVE_INFINITY),
  ];
  const untilMs = Math.max(...ends);
  const bound = Number.isFinite(untilMs)
    ? `, for at most ${formatDuration(untilMs - nowMs)} more if nothing else comes`
    : '';
  return `stays awake because ${reasons.join('; ')}${bound}.`;
}
