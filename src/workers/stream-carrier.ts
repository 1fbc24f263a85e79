// The port behind which the streams of all platforms are carried, by this process or by several. Adapters stand beside it.
import type { StreamGate } from '../platform/ports.ts';
import type { StreamSetOptions } from '../streams/stream-set.ts';

/** One platform's streams. Its VMs are held until they are released. */
export type CarriedOptions = Pick<
  StreamSetOptions,
  'platform' | 'observer' | 'idleTimeoutMs' | 'disconnectGraceMs' | 'hold' | 'listeners'
>;

export interface CarriedStreams extends StreamGate {
  /** Takes the platform's addresses. Rejects with ERR_STREAM_LISTEN, and then none stays taken. */
  open(): Promise<void>;
  /** Where it listens, in the order of the configured listeners, as `host:port`. */
  endpoints(): string[];
  /** Ends everything at once, each stream by RST on both sides; the observer hears nothing of it. */
  close(): Promise<void>;
}

export interface StreamCarrier {
  /** Before `start`. */
  carry(options: CarriedOptions): CarriedStreams;
  /** Clients are accepted from now on at the latest. Once, after the last platform was opened. Rejects where they cannot be. */
  start(): Promise<void>;
  /** After all that it carries is closed. */
  close(): Promise<void>;
}
