// One client between its accept and its stream: reads what is in front of the stream's own bytes, bounded in bytes and time. What becomes
// of the client is its owner's.
import type { Socket } from 'node:net';
import type { Clock } from '../platform/ports.ts';
import type { RefusalReason } from '../platform/refusal.ts';
import { formatDuration } from '../platform/units.ts';
import type { Arrival } from './arrival.ts';
import { type ConnectionEnds, readProxyHeader } from './proxy-header.ts';
import type { ReadBuffers } from './read-buffers.ts';
import { type PortOwner, SocketPort } from './socket-port.ts';

/** A client has this long for all that is read here. */
export const DOORSTEP_BOUND_MS = 10_000;

export interface DoorstepOwner {
  /** Runs at most once, when everything came; who is behind a proxy was told by `onClient` before. */
  onArrived(arrival: Arrival, step: Doorstep): void;
  /** Runs at most once instead; the socket is the owner's to end. */
  onRefused(reason: RefusalReason, why: string, step: Doorstep): void;
  /** Runs at most once instead: the client left before it had said enough. */
  onLeft(step: Doorstep): void;
}

export class Doorstep implements PortOwner {
  readonly socket: Socket;
  readonly #owner: DoorstepOwner;
  readonly #port: SocketPort;
  readonly #cancelBound: () => void;
  #bytes: Buffer = Buffer.alloc(0);
  #isOver = false;

  constructor(socket: Socket, clock: Clock, buffers: ReadBuffers, owner: DoorstepOwner) {
    this.socket = socket;
    this.#owner = owner;
    this.#port = new SocketPort(socket, buffers, this);
    this.#cancelBound = clock.schedule(DOORSTEP_BOUND_MS, () => {
      this.#refuse('proxy-header', `it sent no PROXY header within ${formatDuration(DOORSTEP_BOUND_MS)}`);
    });
  }

  /** Reads no more and says nothing more. */
  leave(): void {
    this.#isOver = true;
    this.#cancelBound();
  }

  /** PortOwner. */
  onChunk(chunk: Buffer): void {
    if (this.#isOver) return;
    // The chunk is valid during the call only.
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const reading = readProxyHeader(this.#bytes);
    if (reading.kind === 'wrong') this.#refuse('proxy-header', reading.why);
    else if (reading.kind === 'header') this.#arrive(this.#bytes.subarray(reading.bytes), reading.ends);
  }

  /** PortOwner: half a header is none. */
  onEnd(): void {
    this.#left();
  }

  /** PortOwner. */
  onClose(): void {
    this.#left();
  }

  /** PortOwner: nothing is written here. */
  onDrained(): void {}

  #arrive(firstBytes: Uint8Array, ends: ConnectionEnds | null): void {
    this.leave();
    this.#owner.onArrived({ port: this.#port, ends, isCheck: ends === null, firstBytes }, this);
  }

  #refuse(reason: RefusalReason, why: string): void {
    if (this.#isOver) return;
    this.leave();
    this.#owner.onRefused(reason, why, this);
  }

  #left(): void {
    if (this.#isOver) return;
    this.leave();
    this.#owner.onLeft(this);
  }
}
