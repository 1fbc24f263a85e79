// One client between its accept and its stream: reads what is in front of the stream's own bytes, bounded in bytes and time. What becomes
// of the client is its owner's.

import type { Clock } from '../platform/ports.ts';
import type { RefusalReason } from '../platform/refusal.ts';
import { formatBytes, formatDuration } from '../platform/units.ts';
import type { Arrival } from './arrival.ts';
import { ASKED_MAX_BYTES, type Asked, readAskedName } from './asked-name.ts';
import { type ConnectionEnds, readProxyHeader } from './proxy-header.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { Occupant } from './room.ts';
import { type PortOwner, SocketPort } from './socket-port.ts';
import type { StreamSocket } from './stream-socket.ts';

/** A client has this long for all that is read here. */
export const DOORSTEP_BOUND_MS = 10_000;

/** What a listener's clients must say before they are streams. */
export interface DoorstepRule {
  /** A PROXY header. */
  readonly header: boolean;
  /** Then whom they want by name, a request for a WebSocket (its head, whole), or nothing. */
  readonly asks: 'name' | 'request' | 'nothing';
  /** Whose client it is as far as it is known. */
  readonly source: string;
}

/** Why a client is refused that has said nothing else in time, and what it should have sent. */
const LATE = {
  name: ['first-bytes', 'nothing that tells whom it wants'],
  request: ['web-request', 'no whole HTTP request'],
  nothing: ['first-bytes', 'nothing'],
} as const;

/** The first byte of a TLS record that holds a ClientHello. */
const TLS_HANDSHAKE = 0x16;

export interface DoorstepOwner {
  /** Runs at most once, when everything came. */
  onArrived(arrival: Arrival, step: Doorstep): void;
  /** Runs at most once instead; the socket is the owner's to end. */
  onRefused(reason: RefusalReason, why: string, step: Doorstep): void;
  /** Runs at most once instead: the client left before it had said enough. */
  onLeft(step: Doorstep): void;
}

export class Doorstep implements PortOwner, Occupant {
  readonly socket: StreamSocket;
  /** Occupant. */
  readonly source: string;
  readonly isDormant = true;
  readonly #owner: DoorstepOwner;
  readonly #port: SocketPort;
  readonly #cancelBound: () => void;
  readonly #asks: DoorstepRule['asks'];
  #awaitsHeader: boolean;
  #ends: ConnectionEnds | null = null;
  #isCheck = false;
  #bytes: Buffer = Buffer.alloc(0);
  #isOver = false;

  constructor(socket: StreamSocket, rule: DoorstepRule, clock: Clock, buffers: ReadBuffers, owner: DoorstepOwner) {
    this.socket = socket;
    this.source = rule.source;
    this.#owner = owner;
    this.#port = new SocketPort(socket, buffers, this);
    this.#awaitsHeader = rule.header;
    this.#asks = rule.asks;
    this.#cancelBound = clock.schedule(DOORSTEP_BOUND_MS, () => {
      const [reason, what] = this.#awaitsHeader ? (['proxy-header', 'no PROXY header'] as const) : LATE[rule.asks];
      this.#refuse(reason, `it sent ${what} within ${formatDuration(DOORSTEP_BOUND_MS)}`);
    });
  }

  /** Reads no more and says nothing more. */
  leave(): void {
    this.#isOver = true;
    this.#cancelBound();
  }

  /** Occupant. */
  makeRoom(): void {
    this.#refuse('max-streams', 'its listener is full, its source has most of it, and it has not said what it wants');
  }

  /** PortOwner. */
  onChunk(chunk: Buffer): void {
    if (this.#isOver) return;
    // The chunk is valid during the call only.
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (this.#awaitsHeader && !this.#takeHeader()) return;
    if (this.#asks === 'request') this.#takeRequest();
    // Behind a check is nobody who wants anybody.
    else if (this.#asks === 'nothing' || this.#isCheck) this.#arrive(null);
    else this.#takeName();
  }

  /** True once the header is whole, and taken off. */
  #takeHeader(): boolean {
    const reading = readProxyHeader(this.#bytes);
    if (reading.kind === 'wrong') this.#refuse('proxy-header', reading.why);
    if (reading.kind !== 'header') return false;
    this.#awaitsHeader = false;
    this.#bytes = this.#bytes.subarray(reading.bytes);
    this.#ends = reading.ends;
    this.#isCheck = reading.ends === null;
    return true;
  }

  #takeName(): void {
    const asked = readAskedName(this.#bytes);
    if (asked !== null) this.#arrive(asked);
    else if (this.#bytes.length > ASKED_MAX_BYTES)
      this.#refuse('first-bytes', `its first ${formatBytes(ASKED_MAX_BYTES)} do not tell whom it wants`);
  }

  #takeRequest(): void {
    if (this.#bytes[0] === TLS_HANDSHAKE)
      this.#refuse('web-request', 'it speaks TLS, which is not ended here: a proxy in front has to');
    else if (this.#bytes.includes('\r\n\r\n')) this.#arrive(null);
    else if (this.#bytes.length > ASKED_MAX_BYTES)
      this.#refuse('web-request', `the head of its request is longer than ${formatBytes(ASKED_MAX_BYTES)}`);
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

  #arrive(asked: Asked | null): void {
    this.leave();
    const arrival = { port: this.#port, ends: this.#ends, isCheck: this.#isCheck, asked, firstBytes: this.#bytes };
    this.#owner.onArrived(arrival, this);
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
