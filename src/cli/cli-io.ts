// What the commands touch of the process, as one object, so that a test can stand in for a terminal. The real one is main.ts's.
import type { TorporConfig } from '../config/torpor-config.ts';
import type { Logger } from '../platform/ports.ts';
import type { Farm } from '../platform/status.ts';
import type { FlowRecord } from '../streams/datagrams/flow-record.ts';
import type { InheritedSockets, PassedSocket } from '../streams/inherited-sockets.ts';
import type { ServiceManager } from './service-manager.ts';
import type { Former, Successor } from './torpor-kin.ts';

/** A running Torpor, as `torpor run` sees it. */
export interface RunningTorpor {
  readonly farm: Farm;
  readonly apiUrl: string;
  /** Goes over to another configuration; what came of it is told in the log and as events. */
  reload(config: TorporConfig): Promise<unknown>;
  /** Leaving all to another Torpor, and following one. */
  readonly handOver: {
    readonly sockets: readonly PassedSocket[];
    /** Descriptors of flows of datagrams, whose records `leave` gives. */
    takeFlowSockets(): readonly number[];
    leave(askWake: (platform: string) => void): Promise<readonly FlowRecord[]>;
    takeBack(): Promise<void>;
    drained(signal: AbortSignal): Promise<void>;
    formerEnded(): void;
    wakeForFormer(platform: string): void;
  };
  /** Tells that the configuration was refused. */
  refuseReload(why: string): void;
  stop(): Promise<void>;
}

/** The composition root's entry. Throws a TorporError where Torpor cannot start; nothing is left running then. */
export type RunTorpor = (
  config: TorporConfig,
  options: { readonly log: Logger; readonly inherited: InheritedSockets; readonly follows: number | null },
) => Promise<RunningTorpor>;

/** The demo's entry. Resolves when the play is over or the signal aborted; `ok` only if every byte arrived once. */
export type PlayDemo = (options: {
  readonly once: boolean;
  readonly json: boolean;
  print(line: string): void;
  readonly signal: AbortSignal;
  /** Its API answers there from now on, until `onEnding`. */
  onReady?(apiUrl: string): void;
  onEnding?(): void;
}) => Promise<{ ok: boolean }>;

export type StopSignal = 'SIGINT' | 'SIGTERM';

export interface CliIo {
  /** Torpor's version, as package.json has it. */
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** True where a person reads stdout. */
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** True where a person can be asked on stdin. */
  readonly inIsTerminal: boolean;
  /** Of the terminal at stdout, in characters. */
  outSize(): { readonly columns: number; readonly rows: number };
  /** Writes text, line breaks included, to stdout. */
  out(text: string): void;
  /** Writes text, line breaks included, to stderr. */
  err(text: string): void;
  /** Writes lines of a log to stdout. Those that it does not take are lost, and nothing else is. */
  logOut(text: string): void;
  /** The bytes of stdin, chunk by chunk. */
  input(): AsyncIterable<Uint8Array>;
  /** Writes bytes to stdout; resolves when more may come. */
  outBytes(bytes: Uint8Array): Promise<void>;
  /** Calls back at each SIGINT and SIGTERM until the returned function is called. */
  onStopSignal(listener: (signal: StopSignal) => void): () => void;
  /** Calls back at each SIGHUP until the returned function is called. */
  onReloadSignal(listener: () => void): () => void;
  /** Calls back at each SIGUSR2 until the returned function is called. */
  onHandOverSignal(listener: () => void): () => void;
  /** Listening sockets that this process was given. Once. */
  inheritedSockets(): InheritedSockets;
  /** The Torpor that started this one to follow it; null: nobody did. */
  readonly former: Former | null;
  /** Starts this program anew, with the same arguments, to follow this process. It gets the sockets, and those of flows by their descriptors. */
  startSuccessor(sockets: readonly PassedSocket[], flowSockets: readonly number[]): Successor;
  /** Whoever runs this process as a service. */
  readonly service: ServiceManager;
  /** Ends the process at once. */
  exitNow(code: number): void;
  loadRunTorpor(): Promise<RunTorpor>;
  loadPlayDemo(): Promise<PlayDemo>;
}

/** Writes whole lines to stdout. */
export function printLines(io: CliIo, ...lines: readonly string[]): void {
  for (const line of lines) io.out(`${line}\n`);
}

/** Writes a value as JSON for programs: indented where a person looks, one line where not. */
export function printJson(io: CliIo, value: unknown): void {
  io.out(`${JSON.stringify(value, null, io.outIsTerminal ? 2 : undefined)}\n`);
}

/** Resolves at the next SIGINT or SIGTERM. */
export function stopSignal(io: CliIo): Promise<StopSignal> {
  return new Promise((resolve) => {
    const forget = io.onStopSignal((signal) => {
      forget();
      resolve(signal);
    });
  });
}
