// What Torpor says about a platform to people and programs: the shapes of the HTTP API, and the port behind them.

import type { CheckStatus, InhibitorStatus } from './inhibitor.ts';
import type { StreamStatus } from './ports.ts';
import type { RefusedClients } from './refusal.ts';
import type { PeerShare } from './share.ts';
import type { SpoolJobStatus } from './spool.ts';

export const STATE_NAMES = [
  'starting',
  'awake',
  'drowsy',
  'saving',
  'suspending',
  'asleep',
  'waking',
  'failed',
] as const;
export type StateName = (typeof STATE_NAMES)[number];

/** One reason why a platform stays awake, in words, and until when if that is known. */
export interface Blocker {
  /**
   * Stable name: pool, inhibitor, observe, min-awake, suspend-rate, bmc, wake-path, maintenance, probe, starting, back-off; with other
   * Torpors also agreement, owner, peers.
   */
  readonly kind: string;
  readonly why: string;
  /** Clock milliseconds; null where it ends by somebody's act. */
  readonly untilMs: number | null;
}

/** A wake that waits for its turn. */
export interface WakeTurnStatus {
  readonly circuit: string;
  readonly sinceMs: number;
  /** Wakes that go before it. */
  readonly ahead: number;
  /** For people: `circuit rack-a: 3 of 3 are waking`. */
  readonly why: string;
}

/** What feeds several platforms, as its owner bounded it; null: no bound. */
export interface CircuitStatus {
  readonly name: string;
  readonly waking: number;
  readonly wakingAtMost: number | null;
  /** What its platforms draw at most now, by their configured watts. */
  readonly watts: number;
  readonly wattsAtMost: number | null;
  /** Platforms that wait for their turn, first one first. */
  readonly queue: readonly string[];
}

/** Platforms that do the same for their users. */
export interface PoolStatus {
  readonly name: string;
  /** Platforms that are to be awake with room for somebody, and how many are. */
  readonly spare: number;
  readonly ready: number;
  /** null: no bound. */
  readonly sessionsPerPlatform: number | null;
  readonly platforms: ReadonlyArray<{
    readonly platform: string;
    readonly sessions: number;
    readonly hasRoom: boolean;
    /** It is kept awake for sessions to come. */
    readonly isKept: boolean;
  }>;
  /** Moving idle VMs off platforms that are hardly used; null: nobody does. */
  readonly evacuation: PoolEvacuation | null;
}

export interface PoolEvacuation {
  /** The move that is under way. unclear: nobody knows where the VM runs, and both platforms stay awake. */
  readonly moving: {
    readonly vm: string;
    readonly from: string;
    readonly to: string;
    readonly sinceMs: number;
    readonly stage: 'moving' | 'unclear';
  } | null;
  /** Since Torpor started. */
  readonly moves: number;
  readonly failures: number;
  /** What is done with each platform, or why nothing is, for people. */
  readonly platforms: ReadonlyArray<{ readonly platform: string; readonly why: string }>;
}

/** What one of several Torpors knows of the others. */
export interface PeersStatus {
  /** This Torpor's own name. */
  readonly self: string;
  /** Why it is not sure what the others do, for people; null where it is. While it is not, nothing is put to sleep. */
  readonly uncertain: string | null;
  /** Those with active clients or a reason to stay awake. */
  readonly others: readonly PeerShare[];
}

/** What one Torpor carries of a platform, or carried since it started: as the fields of a PlatformStatus. */
export interface CarriedSums {
  readonly pool: number;
  readonly streams: number;
  readonly heldBytes: number;
  readonly heldStoredBytes: number;
  readonly bytesFromClients: number;
  readonly bytesToClients: number;
  readonly refusedClients: RefusedClients;
}

/** One Torpor of a farm, beside a platform. */
export interface PlatformInstance {
  readonly instance: string;
  /** Of Torpor. */
  readonly version: string;
  /** Null: it did not answer when it was asked last, or was not asked yet. */
  readonly carried: CarriedSums | null;
}

/** One Torpor of a farm. */
export interface FarmInstance {
  readonly name: string;
  readonly version: string;
  /** It is the one that says so. */
  readonly self: boolean;
  /** Since its last beat, milliseconds. */
  readonly silentMs: number;
  /** Whether it told of its streams when it was asked last; null: it was not asked yet. */
  readonly answered: boolean | null;
  /** Open ones; null: not known. */
  readonly streams: number | null;
}

/** An open connection, and which Torpor carries it; null where there is only one. */
export interface FarmStream extends StreamStatus {
  readonly instance: string | null;
}

export interface PlatformStatus {
  readonly name: string;
  readonly state: StateName;
  readonly sinceMs: number;
  /** Why it is in this state. */
  readonly why: string;
  readonly mode: 'observe' | 'armed';
  /** Streams that are active now, and all that are open. */
  readonly pool: number;
  readonly streams: number;
  readonly heldBytes: number;
  readonly heldStoredBytes: number;
  /** Processes that carry the streams (of all platforms), and how many of them run. */
  readonly workers: { readonly wanted: number; readonly running: number };
  readonly bmcReachable: boolean;
  readonly wakeProven: boolean;
  readonly wakeProofWhy: string;
  readonly maintenance: boolean;
  /** Who asked for it and why, or that it was powered off; empty where it is in none. */
  readonly maintenanceWhy: string;
  /** What the last fresh evidence says: `S3 by sensor, VMs silent for 12s`. */
  readonly evidence: string;
  readonly evidenceIsWeak: boolean;
  readonly watts: number | null;
  /** Of all its clients since Torpor started, and how often its BMC could not be read. */
  readonly bytesFromClients: number;
  readonly bytesToClients: number;
  /** Clients that were not served since Torpor started, by why. */
  readonly refusedClients: RefusedClients;
  readonly bmcErrors: number;
  readonly inhibitors: readonly InhibitorStatus[];
  /** What each check said last. */
  readonly checks: readonly CheckStatus[];
  readonly blockers: readonly Blocker[];
  /** Since Torpor started: sleeps that it brought about, wakes that it asked for, wakes by others that it took over, and failures. */
  readonly suspends: number;
  readonly wakes: number;
  readonly adoptedWakes: number;
  readonly failures: number;
  /** No pool places anybody new there. */
  readonly drained: boolean;
  /** null: no wake of it waits for its turn. */
  readonly wakeTurn: WakeTurnStatus | null;
  /** The Torpor that alone may put it to sleep; null where nobody may, and where there are no others. */
  readonly owner: string | null;
  /** Null where this Torpor is alone. */
  readonly peers: PeersStatus | null;
  /**
   * What each Torpor of the farm carries of it, this one first; null where it is alone. All other fields are what this Torpor knows
   * itself, and `pool`, `streams`, bytes and refusals are its own clients.
   */
  readonly instances: readonly PlatformInstance[] | null;
}

/** The links of one edge to this Torpor's gate, those that are over included. */
export interface LinkStatus {
  /** As its certificate names it. */
  readonly edge: string;
  readonly connected: boolean;
  /** Since when it is connected, or is not. */
  readonly sinceMs: number;
  /** Where it came from last. */
  readonly from: string | null;
  readonly streams: number;
  /** Since Torpor started, before compression and after it, records' headers included, without TLS. */
  readonly bytesFromEdge: number;
  readonly wireBytesFromEdge: number;
  readonly bytesToEdge: number;
  readonly wireBytesToEdge: number;
  readonly breaks: number;
  /** Breaks after which its streams went on. */
  readonly resumes: number;
  /** Of what was sent last, its queue included; null: nothing was. */
  readonly roundTripMs: number | null;
}

/** Idle streams that an explanation lists one by one. */
export const QUIET_STREAMS_SHOWN = 100;

export interface Explanation {
  readonly platform: string;
  readonly state: StateName;
  /** One sentence: "vdi-01 stays awake because ..., for at most 4m 10s more". */
  readonly summary: string;
  readonly blockers: readonly Blocker[];
  /** What each check said last, and when. */
  readonly checks: readonly CheckStatus[];
  /** Who is in the active pool, since when, why, and how long at most if nothing more comes. */
  readonly activeStreams: ReadonlyArray<{
    readonly stream: StreamStatus;
    readonly sinceMs: number;
    readonly why: string;
    readonly idleAtMs: number;
  }>;
  /** Who is connected and not in the pool, last active first, at most QUIET_STREAMS_SHOWN of them. */
  readonly quietStreams: readonly StreamStatus[];
  /** How many more there are. */
  readonly moreQuietStreams: number;
}

/** Sleeps together: one that is under way counts as a suspend without a wake. */
export interface SleepSum {
  readonly totalMs: number;
  readonly suspends: number;
  readonly wakes: number;
}

/** One client address at one VM, over all its connections. */
export interface WakefulClient {
  readonly client: string;
  readonly vm: string;
  /** In the pool, and of that without anybody else in it. */
  readonly activeMs: number;
  readonly aloneMs: number;
  /** How often a connection of it entered the pool. */
  readonly entries: number;
}

/** What one platform slept since Torpor started, and who kept it awake. */
export interface PlatformReport {
  readonly platform: string;
  readonly mode: 'observe' | 'armed';
  readonly sinceMs: number;
  /** Really, by whomever it was put to sleep. */
  readonly slept: SleepSum;
  /** In observe mode: had it been armed. Suspends and wakes would have taken time of their own, which is not counted. */
  readonly wouldHaveSlept: SleepSum;
  /** Longest first, a bounded number of them. */
  readonly keptAwakeBy: readonly WakefulClient[];
  /** Time in the pool of all others, summed over them. */
  readonly othersActiveMs: number;
}

/** What happened, in order. `kind` is stable: transition, would-sleep, stream-open, stream-active, stream-idle, stream-closed, held, delivered, power, alarm, inhibitor, maintenance, note. */
export interface FarmEvent {
  /** Counts from 1 without a gap, so that a reader sees what it missed. */
  readonly id: number;
  readonly atMs: number;
  readonly platform: string;
  readonly kind: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

/** What an operator asks for. */
export interface InhibitRequest {
  /** Tells several of one platform apart; the same name again replaces it. */
  readonly inhibitor: string;
  /** null: until released. */
  readonly forMs: number | null;
  readonly why: string;
}

/** All platforms of this Torpor, as the API and the command line see them. Unknown names throw ERR_PLATFORM_UNKNOWN. */
export interface Farm {
  /**
   * Brings up to date what the next six answer, where other processes know it; see StreamGate. `own`: sums of this Torpor alone, the
   * others of its farm are not asked. Bounded, never rejects.
   */
  refresh(detail?: 'own' | 'sums' | 'streams'): Promise<void>;
  platforms(): PlatformStatus[];
  platform(name: string): PlatformStatus;
  explain(name: string): Explanation;
  /** Of the whole farm; a Torpor with very many streams lists some of them, active ones first. */
  streams(): FarmStream[];
  /** All Torpors of the farm, this one first; none where this Torpor is alone. */
  instances(): FarmInstance[];
  /** The edges that have, or had, a link to this Torpor's gate; none where it has no gate. */
  links(): LinkStatus[];
  /** What feeds several platforms; none where nothing is bounded. */
  circuits(): CircuitStatus[];
  pools(): PoolStatus[];
  /** What each platform slept, or would have, and who kept it awake. */
  report(): PlatformReport[];
  /** The kept events with an id above `afterId`, oldest first; the log is bounded, old events are dropped. */
  recentEvents(afterId: number): FarmEvent[];
  /** Calls back for each new event until the returned function is called. */
  onEvent(listener: (event: FarmEvent) => void): () => void;
  /** Asks for a wake. Resolves at once; the state tells the rest. */
  wake(name: string, why: string): void;
  /**
   * Asks for sleep as soon as the guards allow, without waiting for idle timeouts where forced. Rejects with
   * ERR_PLATFORM_BUSY (with who is active in the message) where clients are active and it is not forced, and
   * ERR_PLATFORM_STATE where a guard forbids it whatever is asked (wake path unproven, inhibitor) and in states that
   * cannot lead to sleep (waking, failed). Does nothing where it sleeps or is on its way there. Where another Torpor owns it that
   * one is asked and its answer is the answer; ERR_STORE_UNREACHABLE where it does not answer.
   */
  sleep(name: string, force: boolean): Promise<void>;
  /**
   * Sets an operator's inhibitor, or sets it anew. Resolves when it is on disk; rejects with ERR_JOURNAL where it holds only
   * until Torpor ends, and with ERR_PLATFORM_STATE where there are OPERATOR_INHIBITORS_MAX others.
   */
  inhibit(name: string, request: InhibitRequest): Promise<void>;
  /**
   * Ends one operator's inhibitor (ERR_PLATFORM_STATE where there is none of that name); null: all of them, maintenance, and
   * the record of failed wakes. Checks, schedules and the like stand until their own reason ends. As `inhibit` for the disk.
   */
  release(name: string, inhibitor: string | null): Promise<void>;
  /** Says that a client's machine, at this IP address, was switched on or woke: whoever learns of clients is told. */
  opened(name: string, client: string): void;
  /** No pool places anybody new there, or does so again; open streams stay. As `inhibit` for the disk. */
  drain(name: string, on: boolean): Promise<void>;
  /** Hands off: no client wakes it and nothing suspends it until this is taken back. As `inhibit` for the disk. */
  maintenance(name: string, on: boolean, why: string): Promise<void>;
  /** What waits on disk, platform by platform in the order of delivery. */
  spooledJobs(): SpoolJobStatus[];
  /** Has all its jobs delivered now, after one wake where it sleeps. */
  deliverSpool(name: string, why: string): void;
  /** Forgets one job. Rejects with ERR_SPOOL where there is none of that name, or it is on its way. */
  dropSpooled(name: string, job: string): Promise<void>;
}
