// Which VM of a pool is moved next, so that a platform that is hardly used is empty and may sleep. Pure: who asks, and who moves it, is others'.
import { formatDuration } from './units.ts';

/** What the owner of a pool allows. */
export interface EvacuationRule {
  /** VMs that one platform takes: nothing is moved beyond. */
  readonly vmsPerPlatform: number;
  /** A platform is hardly used where so many of its VMs, or fewer, have active clients. */
  readonly activeAtMost: number;
  /** And has been for so long. */
  readonly quietForMs: number;
  /** A VM is moved once nobody was active there for so long. */
  readonly idleForMs: number;
  /** After a move, or one that failed: a VM stays, a platform that took it is not emptied, one that gave it takes none. */
  readonly restForMs: number;
  /** Also VMs with active clients are moved. */
  readonly moveActive: boolean;
}

/** One VM, where it is now. */
export interface EvacuationVm {
  readonly vm: string;
  /** Streams in the active pool. */
  readonly active: number;
  /** Since when nobody is active there; null: somebody is. */
  readonly idleSinceMs: number | null;
  /** It is left alone until then. */
  readonly restsUntilMs: number;
  /** Why it can never be moved, for people; null: it can. */
  readonly fixedBy: string | null;
}

/** One platform of a pool. */
export interface EvacuationMember {
  readonly platform: string;
  /** It runs, and is on no way to sleep. */
  readonly isAwake: boolean;
  /** It is kept awake for others: a spare. */
  readonly isSpare: boolean;
  /** Why it is not emptied: a wake that is wanted, an inhibitor; null: nothing. */
  readonly staysFor: string | null;
  /** Why it takes nobody: drained, in maintenance; null: it does. A platform that takes nobody is not emptied either: somebody is at work there. */
  readonly closedFor: string | null;
  /** Since when it is hardly used; null: it is not. */
  readonly quietSinceMs: number | null;
  /** It took a VM, and is not emptied until then. */
  readonly tookUntilMs: number;
  /** It gave a VM away, or failed to, and takes none until then. */
  readonly gaveUntilMs: number;
  readonly vms: readonly EvacuationVm[];
}

export interface EvacuationMove {
  readonly vm: string;
  readonly from: string;
  readonly to: string;
}

export interface EvacuationDecision {
  readonly move: EvacuationMove | null;
  /** By platform, for people: what is done with it, or why nothing is. */
  readonly why: ReadonlyMap<string, string>;
}

/** VMs of a platform with somebody active. */
export function countUsed({ vms }: Pick<EvacuationMember, 'vms'>): number {
  return vms.filter(({ active }) => active > 0).length;
}

/**
 * The least used platform is emptied first, and only where all its VMs have a place elsewhere, those that may not be moved yet too: else it would not sleep for it, and the
 * moves were for nothing. They go to the most used platform that is awake anyhow and is used more than this one, so that two never swap. One move at a time.
 */
export function chooseMove(
  rule: EvacuationRule,
  members: readonly EvacuationMember[],
  nowMs: number,
): EvacuationDecision {
  const why = new Map<string, string>();
  let move: EvacuationMove | null = null;
  for (const source of [...members].sort((a, b) => compareUse(a, b))) {
    const reason = whyNotEmptied(rule, source, nowMs);
    if (reason !== null) {
      why.set(source.platform, reason);
      continue;
    }
    const targets = targetsFor(rule, source, members, nowMs);
    const room = targets.reduce((sum, target) => sum + roomOf(rule, target), 0);
    if (room < source.vms.length) {
      why.set(
        source.platform,
        `its ${source.vms.length} VMs have no place: ${room} more on platforms that are used more`,
      );
      continue;
    }
    const vm: string | null = move === null ? nextVm(rule, source, nowMs) : null;
    const to = targets[0]?.platform;
    if (vm !== null && to !== undefined) {
      move = { vm, from: source.platform, to };
      why.set(source.platform, `it is emptied: ${vm} goes to ${to}`);
    } else {
      why.set(
        source.platform,
        move === null ? 'it is emptied: waits until its VMs are idle' : 'it is emptied after others',
      );
    }
  }
  return { move, why };
}

function whyNotEmptied(rule: EvacuationRule, source: EvacuationMember, nowMs: number): string | null {
  const { isAwake, closedFor, staysFor, quietSinceMs, tookUntilMs, vms } = source;
  if (!isAwake) return 'it is not awake';
  if (closedFor !== null) return closedFor;
  if (staysFor !== null) return staysFor;
  if (vms.length === 0) return 'it is empty';
  if (tookUntilMs > nowMs) return `it took VMs lately: not emptied for ${formatDuration(tookUntilMs - nowMs)}`;
  const fixed = vms.find(({ fixedBy }) => fixedBy !== null);
  if (fixed !== undefined) return `${fixed.vm} cannot be moved: ${fixed.fixedBy}`;
  const used = countUsed(source);
  if (used > rule.activeAtMost) return `${used} of its VMs are in use, and up to ${rule.activeAtMost} may be`;
  const quietMs = quietSinceMs === null ? 0 : nowMs - quietSinceMs;
  if (quietMs < rule.quietForMs)
    return `hardly used for ${formatDuration(quietMs)}, and is to be for ${formatDuration(rule.quietForMs)}`;
  return null;
}

/** Fullest use first. A platform that nobody uses would be kept awake by what it is given, unless it is a spare. */
function targetsFor(
  rule: EvacuationRule,
  source: EvacuationMember,
  members: readonly EvacuationMember[],
  nowMs: number,
): EvacuationMember[] {
  return members
    .filter((target) => target.isAwake && target.closedFor === null && target.gaveUntilMs <= nowMs)
    .filter((target) => target.isSpare || countUsed(target) > 0)
    .filter((target) => compareUse(target, source) > 0 && roomOf(rule, target) > 0)
    .sort((a, b) => compareUse(b, a));
}

function roomOf({ vmsPerPlatform }: EvacuationRule, { vms }: EvacuationMember): number {
  return Math.max(0, vmsPerPlatform - vms.length);
}

/** Total: of any two different platforms one is used more, so that they never give to each other. A spare is above all that are none. */
function compareUse(a: EvacuationMember, b: EvacuationMember): number {
  const bySpare = Number(a.isSpare) - Number(b.isSpare);
  const byUse = countUsed(a) - countUsed(b) || a.vms.length - b.vms.length;
  return bySpare || byUse || (a.platform < b.platform ? 1 : a.platform > b.platform ? -1 : 0);
}

/** Who is idle longest goes first. */
function nextVm({ idleForMs, moveActive }: EvacuationRule, { vms }: EvacuationMember, nowMs: number): string | null {
  const idle = vms
    .filter(({ active, idleSinceMs }) => active === 0 && idleSinceMs !== null && nowMs - idleSinceMs >= idleForMs)
    .sort((a, b) => (a.idleSinceMs ?? 0) - (b.idleSinceMs ?? 0));
  const rested = [...idle, ...(moveActive ? vms.filter(({ active }) => active > 0) : [])];
  return rested.find(({ restsUntilMs }) => restsUntilMs <= nowMs)?.vm ?? null;
}
