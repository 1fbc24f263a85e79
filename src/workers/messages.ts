// What the main process and its workers say to each other. Both directions keep their order, which the rules of StreamGate rest on:
// whatever a worker told before its answer to `drain` is known to the machine before that answer is.
import type { Endpoint } from '../platform/endpoint.ts';
import type { CarriedBytes, DrainReport, StreamName, StreamStatus } from '../platform/ports.ts';
import type { RefusedClients } from '../platform/refusal.ts';
import type { ListenerOptions } from '../streams/listener.ts';
import type { StreamSetChange } from '../streams/stream-set.ts';
import type { CarriedOptions } from './stream-carrier.ts';
import type { RecordOptions } from './stream-host.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One platform, for a worker that begins. */
export interface WorkerPlatform extends Omit<CarriedOptions, 'observer'> {
  /** VMs that need not be held any more. */
  readonly releasedVms: readonly string[];
  /** Nor need those that come anew. */
  readonly isFlowing: boolean;
}

/** Platforms are named by their place in `begin`. */
export type ToWorker =
  | {
      readonly kind: 'begin';
      /** Never the same twice in one run: a part of its streams' ids. */
      readonly serial: number;
      readonly logLevel: LogLevel;
      readonly record: RecordOptions;
      /** Its share of what all workers may have open. */
      readonly maxStreams: number;
      readonly platforms: readonly WorkerPlatform[];
    }
  | { readonly kind: 'hold'; readonly platform: number }
  | { readonly kind: 'release'; readonly platform: number; readonly vm: string | null }
  | { readonly kind: 'giveUp'; readonly platform: number; readonly vm: string | null; readonly why: string }
  | { readonly kind: 'loseSessions'; readonly platform: number; readonly vm: string | null; readonly why: string }
  | { readonly kind: 'drain'; readonly platform: number; readonly question: number; readonly boundMs: number }
  /** Asks for a Look of each platform. */
  | { readonly kind: 'look'; readonly question: number; readonly withStreams: boolean }
  /** A client of another worker has asked for a sleeper. */
  | { readonly kind: 'asked'; readonly platform: number; readonly listener: number; readonly address: string }
  /** So many streams of a listener are open in the other workers. */
  | { readonly kind: 'elsewhere'; readonly platform: number; readonly listener: number; readonly streams: number }
  /** Takes no more clients of the platform, but where these listen; its streams go on. */
  | { readonly kind: 'stopListening'; readonly platform: number; readonly but: readonly ListenerOptions[] }
  /** Comes with a bound socket, for the next `carry` or `update`. */
  | { readonly kind: 'socket'; readonly endpoint: Endpoint }
  /** One more platform, at the place behind the last one. */
  | { readonly kind: 'carry'; readonly options: WorkerPlatform }
  /** Other listeners and bounds, as StreamSet.update takes them. */
  | { readonly kind: 'update'; readonly platform: number; readonly change: StreamSetChange }
  /** Ends all of the platform's streams. */
  | { readonly kind: 'close'; readonly platform: number }
  | { readonly kind: 'end' };

/** What one worker has of one platform. */
export interface Look {
  readonly heldBytes: number;
  readonly heldStoredBytes: number;
  readonly carried: CarriedBytes;
  readonly refused: RefusedClients;
  readonly waitingVms: readonly string[];
  /** null: not asked for. */
  readonly streams: readonly StreamStatus[] | null;
}

/** What a worker tells of a stream, as StreamObserver has it. */
export type Told = 'active' | 'activityWhileHeld' | 'keepaliveOverdue' | 'idle' | 'closed';

export type FromWorker =
  | { readonly kind: 'began' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'opened'; readonly platform: number; readonly stream: StreamName }
  | { readonly kind: Told; readonly platform: number; readonly id: string; readonly why: string }
  | { readonly kind: 'delivered'; readonly platform: number; readonly id: string; readonly heldBytes: number }
  | { readonly kind: 'asked'; readonly platform: number; readonly listener: number; readonly address: string }
  | { readonly kind: 'drained'; readonly question: number; readonly report: DrainReport }
  | { readonly kind: 'looked'; readonly question: number; readonly platforms: readonly Look[] }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly facts: object; readonly message: string };
