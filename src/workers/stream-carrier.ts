// The port behind which the streams of all platforms are carried, by this process or by several. Adapters stand beside it.

import type { Endpoint } from '../platform/endpoint.ts';
import type { TorporError } from '../platform/errors.ts';
import type { StreamGate } from '../platform/ports.ts';
import type { FlowSocket, LeavingFlows } from '../streams/datagrams/flow-record.ts';
import type { PassedSocket } from '../streams/inherited-sockets.ts';
import type { ListenerOptions } from '../streams/listener.ts';
import type { StreamSetChange, StreamSetOptions } from '../streams/stream-set.ts';
import type { StreamSocket } from '../streams/stream-socket.ts';

/** One platform's streams. Its VMs are held until they are released. */
export type CarriedOptions = Pick<
  StreamSetOptions,
  'platform' | 'observer' | 'idleTimeoutMs' | 'disconnectGraceMs' | 'hold' | 'listeners' | 'spoolFolder'
>;

export interface CarriedStreams extends StreamGate {
  /** Takes the platform's addresses. Rejects with ERR_STREAM_LISTEN, and then none stays taken. */
  open(): Promise<void>;
  /** Where it listens, in the order of the configured listeners, as `host:port`. */
  endpoints(): string[];
  /** Takes other listeners and bounds, and ends no stream. Resolves with what could not be done. */
  update(change: StreamSetChange): Promise<TorporError[]>;
  /** Takes no more clients, but where these listen; its streams go on. Idempotent. */
  stopListening(but?: readonly ListenerOptions[]): void;
  /** A client that came over a link, made once its listener is known. False: none has the service, or the streams are others'. */
  enter(service: string, makeClient: (at: Endpoint) => StreamSocket): boolean;
  /** The sockets that it listens on. */
  readonly sockets: readonly PassedSocket[];
  /** Of flows of datagrams, towards their VMs. */
  readonly flowSockets: readonly FlowSocket[];
  /** Tells what another process must know to go on with them. They end here when it stops listening. */
  leaveFlows(leaving: LeavingFlows): void;
  /** The files of Unix sockets are another process's from now on: they stay when this one stops listening. */
  leaveFiles(): void;
  /** Ends everything at once, each stream by RST on both sides; the observer hears nothing of it. */
  close(): Promise<void>;
}

export interface StreamCarrier {
  carry(options: CarriedOptions): CarriedStreams;
  /** Clients are accepted from now on at the latest. Once, after the first platforms were opened. Rejects where they cannot be. */
  start(): Promise<void>;
  /** After all that it carries is closed. */
  close(): Promise<void>;
}
