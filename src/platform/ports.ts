// The ports: what decisions need from the outside, as types. Adapters live in streams/, probes/, power/, history/.

import type { CheckStatus, KeptOrders } from './inhibitor.ts';
import type { RefusedClients } from './refusal.ts';
import type { SpoolKeeper } from './spool.ts';

/** Milliseconds on one steady scale that starts at the Unix epoch but never jumps when the wall clock is set. */
export interface Clock {
  nowMs(): number;
  /** Calls `run` once, `delayMs` from now, unless the returned function was called before. Never keeps the process alive alone. */
  schedule(delayMs: number, run: () => void): () => void;
}

/** A structured log, pino's shape. Secrets never reach it. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** False: what is told at this level goes nowhere, and need not be put together. Default: it goes somewhere. */
  isLevelEnabled?(level: 'debug' | 'info'): boolean;
}

// ---------------------------------------------------------------------------------------------- power

/** ACPI system states as a witness names them. */
export type AcpiState = 'S0' | 'S1' | 'S2' | 'S3' | 'S4' | 'S5';

/** What a BMC says about its platform at one moment. `null` is "it does not say", never "no". */
export interface PowerReading {
  /** Clock milliseconds at which the answer arrived. */
  readonly atMs: number;
  /** From the ACPI state sensor (type 22h) or Get ACPI Power State. */
  readonly acpi: AcpiState | null;
  readonly acpiSource: 'sensor' | 'command' | null;
  /** Chassis power bit. In S3 some BMCs say on, some off: it counts only where it is known to differ. */
  readonly powerBit: boolean | null;
  readonly watts: number | null;
}

/** What became of one request to sleep or wake. */
export interface PowerAnswer {
  /** accepted: the BMC said so, or what nobody answers was sent. refused: it certainly did nothing. unknown: it may or may not have acted. */
  readonly outcome: 'accepted' | 'refused' | 'unknown';
  /** What was tried and what was seen, in order, for people. */
  readonly attempts: readonly string[];
}

/** Whether the wake path works as far as it can be told without pressing anything. */
export interface WakeProof {
  readonly proven: boolean;
  readonly why: string;
  /**
   * True where all that can be checked without pressing is as it should be, and nothing comes back on this way: a magic packet,
   * a command. Then a wake on record (`check --prove`) proves it, and nothing else does. Beside it `proven` is false.
   */
  readonly needsRecord?: boolean;
}

/** Watts that tell the sleep from S0 on one platform, learned from one real sleep. Between the two they say nothing. */
export interface WattsBounds {
  /** At this many or fewer it sleeps. */
  readonly asleepAtMost: number;
  /** At this many or more it runs. */
  readonly awakeAtLeast: number;
}

/** What one real sleep and wake taught (`check --prove`), as the decisions use it. */
export interface LearnedPower {
  /** Which witness of power differed; none: none did, and probes are the only evidence. */
  readonly witness: PowerCapabilities['readsSleepState'];
  /** Null where the watts did not differ enough. */
  readonly watts: WattsBounds | null;
  /** The least time-outs with which such a sleep and such a wake are not given up too early, milliseconds. */
  readonly suspendTimeoutMs: number;
  readonly wakeTimeoutMs: number;
  /** What it drew awake and idle, in the mean; null, or left out by an older proof, where that was not told. */
  readonly idleWatts?: number | null;
}

export interface PowerCapabilities {
  readonly sleep: 'S3' | 'S5';
  /** True where the platform's memory survives this sleep. */
  readonly retainsRam: boolean;
  /** Which witness of power tells the sleep from S0; none means probes alone: weak evidence. */
  readonly readsSleepState: 'sensor' | 'command' | 'power-bit' | 'watts' | 'none';
  /** In the order in which they are tried. Never empty. */
  readonly wakeMethods: readonly string[];
  /** What `check --prove` learned of this platform; null, or left out, where nothing that still holds is on record. */
  readonly learned?: LearnedPower | null;
}

/** Why nothing may be pressed any more, for people: another Torpor may own the platform, or a client came. Null: it may. Answers at once. */
export type PressFence = () => string | null;

/** One way to send a platform to sleep: a BMC's button, a command on the host. */
export interface SleepSwitch {
  /** For people, with its address: `ipmi 10.0.9.11:623`. */
  readonly name: string;
  /**
   * Asks for sleep exactly once: the request is sent in one packet and never repeated, since a second press of the
   * button may wake the platform. Does not reject: an error is an answer. `fence` is asked at the last moment before that packet,
   * after whatever had to be set up for it; where it says why not the answer is `refused`, and nothing that acts was sent.
   */
  requestSleep(signal: AbortSignal, fence?: PressFence): Promise<PowerAnswer>;
}

/** One or more ways to wake a platform. */
export interface WakeSwitch {
  readonly name: string;
  /** In the order in which they are tried. Never empty. */
  readonly wakeMethods: readonly string[];
  /** Asks for wake by one of `wakeMethods`. Idempotent: may be repeated. Does not reject. */
  requestWake(method: string, signal: AbortSignal): Promise<PowerAnswer>;
  /** Checks all that can be checked without pressing anything, such as session and privilege. Does not reject. */
  proveWake(signal: AbortSignal): Promise<WakeProof>;
}

/** One source of evidence about a platform's power. */
export interface PowerReader {
  readonly name: string;
  /** Which witness tells the sleep from S0; known after `proveWake` or `readPower` has run once, a guess before. */
  sleepWitness(): PowerCapabilities['readsSleepState'];
  /** Rejects with a TorporError where it cannot be read. */
  readPower(signal: AbortSignal): Promise<PowerReading>;
}

/** A platform's whole power path. All calls may be made while others run; all end when the signal aborts. */
export interface PowerDriver extends SleepSwitch, WakeSwitch, PowerReader {
  /** Known after `proveWake` has run once; before that the driver's best guess from its configuration. */
  capabilities(): PowerCapabilities;
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------- probes

/** One question to a VM that only a running VM answers. */
export interface Probe {
  /** For people: `tcp 10.0.1.21:3389`. */
  readonly name: string;
  /** True once the VM answered; false where it did not within the probe's own bound or the signal aborted. Never rejects. */
  ask(signal: AbortSignal): Promise<boolean>;
}

/** Result of one question, clock milliseconds. Questions overlap, so results need not come in the order of asking. */
export interface ProbeResult {
  readonly answered: boolean;
  readonly askedAtMs: number;
  readonly atMs: number;
}

/** Asks one VM again and again, overlapping, and reports each result to the callback it was built with. */
export interface Prober {
  readonly vm: string;
  /** Pause between two questions, milliseconds; null stops asking and drops what is under way. Idempotent. */
  setPace(intervalMs: number | null): void;
  stop(): void;
}

// ---------------------------------------------------------------------------------------------- streams

export type Protocol = 'auto' | 'rdp' | 'rfb' | 'ssh' | 'spice' | 'telnet' | 'http' | 'websocket' | 'raw';
/** What counts as activity: every byte of the client's, or only what detection does not explain (see README). */
export type ActivityRule = 'every-byte' | 'learned';
/**
 * What becomes of a client whose keepalives a sleeping VM does not answer: hold keeps them, and the client's own patience decides;
 * wake wakes the platform for as long as an answer takes; close ends the client's connection.
 */
export type KeepaliveRule = 'hold' | 'wake' | 'close';
export type Device = 'desktop' | 'terminal' | 'printer' | 'disk' | 'serial' | 'web';

/** What a stream's owner says about one client connection. The names are those of the HTTP API. */
export interface StreamStatus {
  readonly id: string;
  readonly platform: string;
  readonly vm: string;
  readonly listener: string;
  readonly client: string;
  readonly target: string;
  readonly protocol: Protocol;
  readonly device: Device;
  /** What its first bytes told it to speak; 'auto' before they did. */
  readonly speaks: string;
  /** Why its client's last bytes counted or did not, for people: "52 B every 15.0 s: keepalive, 40 seen". */
  readonly verdict: string;
  /** connecting: target not reached yet. holding: bytes are kept. delivering: held bytes are on their way. */
  readonly mode: 'connecting' | 'flowing' | 'holding' | 'delivering' | 'closed';
  readonly active: boolean;
  readonly openedAtMs: number;
  readonly lastActiveAtMs: number;
  /** What that activity was, for people: "client bytes"; empty where there was none yet. */
  readonly lastActiveWhy: string;
  /** When it leaves the pool if nothing more counts; null where it is not in it. */
  readonly idleAtMs: number | null;
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  /** Bytes the client sent that are held, before and after compression. */
  readonly heldBytes: number;
  readonly heldStoredBytes: number;
}

/** Whose stream it is: what every report about one says. A StreamStatus is one, too. */
export type StreamName = Pick<StreamStatus, 'id' | 'platform' | 'vm' | 'listener' | 'client' | 'protocol'>;

/** What the bytes tell the decisions. `why` is for people: "client bytes", "connected", "hold reached 1 MiB". */
export interface StreamObserver {
  streamOpened(stream: StreamName): void;
  /** The stream went from idle to active: it enters the pool. */
  streamActive(stream: StreamName, why: string): void;
  /** Any activity while the platform's streams are held, even of a stream that is in the pool already. */
  activityWhileHeld(stream: StreamName, why: string): void;
  /** A keepalive of the stream is held for as long as its listener allows, and its VM is to answer it. No activity. */
  keepaliveOverdue(stream: StreamName, why: string): void;
  /** The stream's idle timeout, or its disconnect grace, ran out: it leaves the pool. */
  streamIdle(stream: StreamName, why: string): void;
  /** The stream is gone for good. `why` says who ended it and how many bytes it carried. */
  streamClosed(stream: StreamName, why: string): void;
  /** A held stream's first held byte was written towards its VM. */
  streamDelivered(stream: StreamName, heldBytes: number): void;
}

/** Result of waiting for send queues towards VMs. */
export interface DrainReport {
  readonly drained: boolean;
  /** Bytes that were still unacknowledged when the wait ended. */
  readonly unackedBytes: number;
  /** Requests of disks' clients that were still unanswered then; missing where there were none. */
  readonly unansweredRequests?: number;
  /** proc: the kernel's own queues were read. process: only this process's buffers could be seen. */
  readonly source: 'proc' | 'process';
}

/** All streams of one platform, as its controller sees them. */
export interface StreamGate {
  /** From now on nothing is sent towards any VM; what clients send is held. Idempotent. */
  hold(): void;
  /** Resolves when nothing sent towards the VMs is unacknowledged any more, and no disk's request unanswered, or the signal aborts, or the bound is over. */
  drain(boundMs: number, signal: AbortSignal): Promise<DrainReport>;
  /** Delivers what is held for one VM (null: all) and lets its streams flow. Idempotent. */
  release(vm: string | null): void;
  /** Ends all streams of one VM (null: all) that still wait for it, towards the client by RST. */
  giveUp(vm: string | null, why: string): void;
  /**
   * A VM (null: all of them) lost its memory: resets every stream whose connection to it was made before the hold, after the
   * bytes that it had sent. Streams that were accepted while held and never reached their VM are kept.
   */
  loseSessions(vm: string | null, why: string): void;
  /**
   * Brings up to date what the three below answer, where other processes know it: sums (the default), or the streams too. Bounded;
   * what does not answer in time stays as it was known last. Never rejects.
   */
  refresh(detail?: 'sums' | 'streams'): Promise<void>;
  /** Processes that carry the streams, and how many of them run now. */
  readonly workers: { readonly wanted: number; readonly running: number };
  streams(): StreamStatus[];
  /** VMs for which bytes or connections wait. */
  waitingVms(): string[];
  heldBytes(): { heldBytes: number; heldStoredBytes: number };
  /** By all streams since Torpor started, those that are gone included. Of processes that died: as it was known last. */
  carriedBytes(): CarriedBytes;
  /** Clients that were not served since Torpor started. Of processes that died: as it was known last. */
  refusedClients(): RefusedClients;
  /** What waits on disk; null, or left out: nothing can. */
  readonly spool?: SpoolKeeper | null;
}

/** Clients' bytes, both ways. */
export interface CarriedBytes {
  readonly fromClients: number;
  readonly toClients: number;
}

// ---------------------------------------------------------------------------------------------- controller's helpers

/** The intent that survives a crash of Torpor. Written, and on disk, before the deed. */
export interface Intent {
  readonly id: number;
  readonly kind: 'run' | 'sleep' | 'wake';
  readonly atMs: number;
  /** Wakes that failed and have not been forgiven by a release. */
  readonly failedWakes: number;
}

export interface Journal {
  /** Null where nothing was ever written. Rejects with ERR_JOURNAL where what is there cannot be read. */
  read(platform: string): Promise<Intent | null>;
  /** Resolves when the intent is on disk (fsync), else rejects with ERR_JOURNAL. */
  write(platform: string, intent: Intent): Promise<void>;
}

export interface OrderStore {
  /** Null where nothing was ever written. Rejects with ERR_JOURNAL where what is there cannot be read. */
  read(platform: string): Promise<KeptOrders | null>;
  /** Resolves when the orders are on disk (fsync), else rejects with ERR_JOURNAL. */
  write(platform: string, orders: KeptOrders): Promise<void>;
}

// ---------------------------------------------------------------------------------------------- inhibitors

/** resting: it does not run, or is on its way, and nothing is asked. drowsy: what was not asked just now is asked at once. */
export type InhibitorPace = 'resting' | 'running' | 'drowsy';

/** Looks outside for reasons to stay awake, and reports them to its controller as `inhibit` and `lift` events. */
export interface InhibitorWatch {
  start(): void;
  setPace(pace: InhibitorPace): void;
  /** A reading of the BMC that arrived just now. */
  onPower(reading: PowerReading): void;
  /** Asks once more. Resolves when what was answered, also that nothing was, has been reported. Does not reject. */
  ask(signal: AbortSignal): Promise<void>;
  /** What its checks said last. */
  checks(): readonly CheckStatus[];
  stop(): void;
}

/** A driver whose BMC has a watchdog timer that could reset the host while it sleeps. */
export interface WatchdogReader {
  /** Null where the BMC has none. `secondsLeft` until it does `action`. Rejects with a TorporError where it cannot be read. */
  readWatchdog(signal: AbortSignal): Promise<WatchdogReading | null>;
}

export interface WatchdogReading {
  readonly running: boolean;
  /** For people: `hard reset`, `power off`, `none`. */
  readonly action: string;
  readonly secondsLeft: number;
}

/** The VMs whose memory is known to be lost, or all of them. Empty where nothing is known to be: never a guess. */
export type LostVms = 'all' | readonly string[];

export interface RestoredContext {
  /** same: whatever has an identity kept it. changed: `lostVms` says whose memory was lost. unknown: some, or all, cannot be compared. */
  readonly identity: 'same' | 'changed' | 'unknown';
  readonly lostVms: LostVms;
  /** What is not as it was, for people; null where all is. */
  readonly problem: string | null;
}

/** What is done around a sleep: VMs saved and restored, hooks, and identities that show lost memory. */
export interface PlatformContext {
  /**
   * Reads identities, then saves. A veto carries its reason; what was saved by then, also where the signal aborted, is
   * restored by `restore`, which follows.
   */
  save(signal: AbortSignal): Promise<{ veto: string | null }>;
  /** Restores and compares identities. May be called again where it had a problem, and without a `save` before it. */
  restore(signal: AbortSignal): Promise<RestoredContext>;
  /** What `save` read and did is not of the sleep that follows: the next `restore` compares nothing with it. */
  forget(): void;
}
