// What must hold where several Torpors share a platform, asked at the moment at which a press is sent; each a function of what was seen.
import type { PlatformRecord, RecordPhase } from '../../src/farm/platform-record.ts';
import type { ClientFacts } from './invariants.ts';

/** A commit is pressed within this time of its write, or not at all. */
export const PRESS_WITHIN_MS = 5000;

/** Ticks, and the way of a word within a process. */
const LATE_MS = 1000;

/** Another Torpor that has agreed to this very suspend. */
export interface HolderFacts {
  readonly name: string;
  /** When it said last that its streams are held for this proposal; null: not since its process started. */
  readonly heldAtMs: number | null;
  readonly clients: readonly ClientFacts[];
  readonly unackedBytes: number;
}

export interface FarmPressFacts {
  readonly nowMs: number;
  readonly idleTimeoutMs: number;
  /** Whose press it is: one run of one Torpor. */
  readonly by: string;
  /** By the store: the key of that run stands there, and its newest beat is within a lease. */
  readonly holdsLease: boolean;
  readonly owner: string | null;
  /** What stands in the store as agreed by all, the last one; null: nothing ever. */
  readonly committed: {
    readonly proposal: number;
    readonly by: string;
    readonly atMs: number;
    readonly missing: readonly string[];
  } | null;
  /** Proposals that were pressed for before. */
  readonly pressedProposals: ReadonlySet<number>;
  readonly holders: readonly HolderFacts[];
}

/** Only who owns the platform, by a lease that nobody can have ended, presses. */
export function onlyTheOwnerPresses({ by, holdsLease, owner }: FarmPressFacts): string | null {
  if (!holdsLease) return `${by} pressed, and its lease was over`;
  return owner === by ? null : `${by} pressed, and ${owner ?? 'nobody'} owns it`;
}

/** And only for what everybody agreed to who lived when it was committed. */
export function allHaveAgreed({ by, committed }: FarmPressFacts): string | null {
  if (committed === null || committed.by !== by) return `${by} pressed, and the store knows of no agreement with it`;
  return committed.missing.length === 0 ? null : `${by} pressed, and ${committed.missing.join(', ')} did not agree`;
}

export function noLatePress({ nowMs, by, committed }: FarmPressFacts): string | null {
  const ageMs = committed === null ? 0 : nowMs - committed.atMs;
  return ageMs > PRESS_WITHIN_MS ? `${by} pressed ${ageMs} ms after all had agreed` : null;
}

export function onePressForOneAgreement({ committed, pressedProposals }: FarmPressFacts): string | null {
  return committed !== null && pressedProposals.has(committed.proposal)
    ? `pressed twice for proposal ${committed.proposal}`
    : null;
}

/** Whoever was active at another Torpor when that one agreed. Who comes after that is held there, and wakes it. */
export function nobodyActiveElsewhere({ nowMs, idleTimeoutMs, holders }: FarmPressFacts): string | null {
  for (const { name, heldAtMs, clients } of holders) {
    for (const { number, isConnected, inputAtMs, readAtMs } of clients) {
      const wasRead = heldAtMs !== null && readAtMs < heldAtMs && nowMs - readAtMs < idleTimeoutMs - LATE_MS;
      if (isConnected && wasRead)
        return `pressed ${nowMs - inputAtMs} ms after input of client ${number} at ${name}, which agreed`;
    }
  }
  return null;
}

export function nothingOnTheWayElsewhere({ holders }: FarmPressFacts): string | null {
  const sender = holders.find(({ unackedBytes }) => unackedBytes > 0);
  if (sender === undefined) return null;
  return `pressed while ${sender.unackedBytes} bytes of ${sender.name} towards VMs are not acknowledged`;
}

const PHASES: readonly RecordPhase[] = ['proposed', 'committed', 'awake'];

/** Owners and proposals are counted upwards, and one proposal is made, agreed to, and over, in this order: no write undoes what its writer did not know. */
export function recordNeverGoesBack(before: PlatformRecord, after: PlatformRecord): string | null {
  if (after.epoch < before.epoch) return `owner ${after.owner} of epoch ${after.epoch} after epoch ${before.epoch}`;
  if (after.epoch === before.epoch && after.owner !== before.owner)
    return `${after.owner} owns it after ${before.owner}, both in epoch ${after.epoch}`;
  if (after.proposal < before.proposal) return `proposal ${after.proposal} after ${before.proposal}`;
  const isSame = after.proposal === before.proposal && after.proposal > 0;
  return isSame && PHASES.indexOf(after.phase) < PHASES.indexOf(before.phase)
    ? `proposal ${after.proposal} is ${after.phase} after it was ${before.phase}`
    : null;
}

export const FARM_PRESS_INVARIANTS = {
  onlyTheOwnerPresses,
  allHaveAgreed,
  noLatePress,
  onePressForOneAgreement,
  nobodyActiveElsewhere,
  nothingOnTheWayElsewhere,
};
