// One stream of a link at one of its ends: what waits to be sent, what may be sent, and what the local socket still has to take. The
// session decides when a piece goes and keeps the records.
import type { StreamDecoder, StreamEncoder } from '../core/link-codec.ts';
import type { EffortChoice } from './effort-choice.ts';
import type { LinkNotice } from './link-records.ts';
import { PendingBytes } from './pending-bytes.ts';
import { SecretLook } from './secret-look.ts';
import type { LentCopy, SlabPool } from './slab-pool.ts';

/** Read from the local socket and not sent: at the bound the socket is not read any more. */
export const MAX_PENDING_BYTES = 256 * 1024;
/** A stream that the other end empties as fast as it comes may have so much under way. */
export const MAX_CREDIT_BYTES = 4 * 1024 * 1024;
/** What waits of a stream is small: a key, a pointer's move, a line. */
const SMALL_BYTES = 1400;
/** So much of a stream goes before everything else, refilled over QUICK_REFILL_MS: who types, not who copies in small pieces. */
const QUICK_BYTES = 8192;
const QUICK_REFILL_MS = 100;
/** A reset that waits for what was pushed before it overtakes it after so long. */
export const RESET_FLUSH_MS = 2_000;

/** The local side of a stream: its socket, or whatever stands for one. */
export interface StreamEnd {
  /**
   * The stream's bytes, in order. `stream.consumed` is to be called with their number when they are taken. `giveBack` may be called, once, when nobody
   * looks at their memory any more, which then is used again.
   */
  onBytes(bytes: Buffer, giveBack: () => void): void;
  /** Nothing follows. */
  onEnd(): void;
  /** The stream is over, whatever was under way. */
  onReset(why: string): void;
  /** More may be pushed than when `push` answered false. */
  onRoom(): void;
}

/** What a stream asks of its session. */
export interface StreamHost {
  /** There is something to send. */
  wake(stream: LinkStream): void;
  sendReset(stream: LinkStream, why: string): void;
  sendCredit(stream: LinkStream, bytes: number): void;
  /** What `notice` says is to be told. */
  tellNotice(stream: LinkStream): void;
  /** All streams together have read as much as they may. */
  readonly isFull: boolean;
  /** `offerRoom` is to be called when that is over. */
  awaitRoom(stream: LinkStream): void;
  /** For what waits to be sent. */
  readonly pendingSlabs: SlabPool;
  notePending(bytes: number): void;
  nowMs(): number;
}

export interface LinkStreamParts {
  readonly id: number;
  readonly service: string;
  /** As the edge has it. */
  readonly client: string;
  readonly host: StreamHost;
  readonly encoder: StreamEncoder;
  readonly decoder: StreamDecoder;
  readonly choice: EffortChoice;
  readonly isCompressed: boolean;
  /** What this end may send before credit comes. */
  readonly creditBytes: number;
  /** What the peer may send before this end grants more. */
  readonly grantedBytes: number;
}

export class LinkStream {
  readonly id: number;
  readonly service: string;
  readonly client: string;
  readonly encoder: StreamEncoder;
  readonly decoder: StreamDecoder;
  readonly choice: EffortChoice;
  end: StreamEnd | null = null;
  lastSentAtMs: number;
  hasSentEnd = false;
  hasReceivedEnd = false;
  isOver = false;
  rawBytesSent = 0;
  rawBytesReceived = 0;
  codedBytesSent = 0;
  /** Gate: what the edge is told of it; null: nothing. Edge: what it was told last. */
  notice: LinkNotice | null = null;
  /** Gate: when the notice was told on the present connection it says this. */
  toldNotice: LinkNotice | null = null;
  readonly #host: StreamHost;
  #isCompressed: boolean;
  #creditBytes: number;
  #windowBytes: number;
  #dueBytes = 0;
  #unconsumedBytes = 0;
  #lastGrantAtMs: number;
  readonly #pending: PendingBytes;
  readonly #secretLook = new SecretLook();
  #isPaused = false;
  #wantsEnd = false;
  #resetDue: { readonly why: string; readonly bySendingMs: number } | null = null;
  #quickBytes = QUICK_BYTES;
  #quickAtMs: number;

  constructor(parts: LinkStreamParts) {
    this.id = parts.id;
    this.service = parts.service;
    this.client = parts.client;
    this.encoder = parts.encoder;
    this.decoder = parts.decoder;
    this.choice = parts.choice;
    this.#host = parts.host;
    this.#pending = new PendingBytes(parts.host.pendingSlabs);
    this.#isCompressed = parts.isCompressed;
    this.#creditBytes = parts.creditBytes;
    this.#windowBytes = parts.grantedBytes;
    this.lastSentAtMs = parts.host.nowMs();
    this.#lastGrantAtMs = this.lastSentAtMs;
    this.#quickAtMs = this.lastSentAtMs;
  }

  // ------------------------------------------------------------------------------------------ from the local side

  /** Takes a copy of bytes towards the peer. False: read no more until `onRoom`. */
  push(bytes: Uint8Array): boolean {
    if (this.isOver || this.#wantsEnd || bytes.length === 0) return true;
    if (this.#isCompressed && this.#secretLook.look(bytes)) this.#isCompressed = false;
    this.#pending.push(bytes);
    this.#host.notePending(bytes.length);
    this.#host.wake(this);
    if (this.#pending.bytes >= MAX_PENDING_BYTES) this.#isPaused = true;
    if (this.#host.isFull) {
      this.#isPaused = true;
      this.#host.awaitRoom(this);
    }
    return !this.#isPaused;
  }

  /** Nothing follows what was pushed. */
  finish(): void {
    if (this.isOver || this.#wantsEnd) return;
    this.#wantsEnd = true;
    this.#host.wake(this);
  }

  /** Ends the stream at both ends; what waits is dropped. */
  reset(why: string): void {
    if (!this.isOver) this.#host.sendReset(this, why);
  }

  /** The same behind what waits, as long as that is not stuck (RESET_FLUSH_MS). */
  resetWhenSent(why: string): void {
    if (this.isOver) return;
    if (this.#pending.bytes === 0) {
      this.reset(why);
      return;
    }
    this.#wantsEnd = true;
    this.#resetDue ??= { why, bySendingMs: this.#host.nowMs() + RESET_FLUSH_MS };
  }

  /** Gate: tells the edge what became of the stream's client and platform. No byte of the stream's. */
  tell(notice: LinkNotice): void {
    if (this.isOver) return;
    this.notice = notice;
    this.#host.tellNotice(this);
  }

  /** The local side has taken so much of what it was given. */
  consumed(bytes: number): void {
    this.#unconsumedBytes -= bytes;
    this.#dueBytes += bytes;
    if (this.isOver || this.hasReceivedEnd || this.#dueBytes < this.#windowBytes / 4) return;
    const nowMs = this.#host.nowMs();
    // A local side that keeps up, and a peer that is held back by its credit: let more be under way.
    const isHungry = nowMs - this.#lastGrantAtMs < 100 && this.#unconsumedBytes < this.#windowBytes / 4;
    const more = isHungry && this.#windowBytes < MAX_CREDIT_BYTES ? this.#windowBytes : 0;
    this.#windowBytes += more;
    this.#lastGrantAtMs = nowMs;
    const bytesDue = this.#dueBytes + more;
    this.#dueBytes = 0;
    this.#host.sendCredit(this, bytesDue);
  }

  // ------------------------------------------------------------------------------------------ for the session

  get isCompressed(): boolean {
    return this.#isCompressed;
  }

  get pendingBytes(): number {
    return this.#pending.bytes;
  }

  /** What may go now: pending and covered by credit. */
  get sendableBytes(): number {
    return Math.min(this.#pending.bytes, this.#creditBytes);
  }

  get isEndDue(): boolean {
    return this.#wantsEnd && this.#resetDue === null && !this.hasSentEnd && this.#pending.bytes === 0;
  }

  /** Why it is to be reset now; null: it is not. */
  resetDueAt(nowMs: number): string | null {
    if (this.#resetDue === null) return null;
    return this.#pending.bytes === 0 || nowMs >= this.#resetDue.bySendingMs ? this.#resetDue.why : null;
  }

  /** A small message of a stream that sends little: it goes first. */
  isQuick(nowMs: number): boolean {
    if (this.#pending.bytes > SMALL_BYTES || this.sendableBytes === 0) return false;
    const refill = ((nowMs - this.#quickAtMs) / QUICK_REFILL_MS) * QUICK_BYTES;
    this.#quickBytes = Math.min(QUICK_BYTES, this.#quickBytes + refill);
    this.#quickAtMs = nowMs;
    return this.#quickBytes >= this.#pending.bytes;
  }

  /** Takes at most so many pending bytes, contiguous: to be looked at before the next push. */
  take(maxBytes: number): Buffer {
    const piece = this.#pending.take(Math.min(maxBytes, this.sendableBytes));
    this.#creditBytes -= piece.length;
    this.#quickBytes -= piece.length;
    this.rawBytesSent += piece.length;
    this.#host.notePending(-piece.length);
    return piece;
  }

  /** Asks for more from the local side where there is room again. */
  offerRoom(): void {
    if (!this.#isPaused || this.isOver || this.#pending.bytes > MAX_PENDING_BYTES / 2) return;
    if (this.#host.isFull) {
      this.#host.awaitRoom(this);
      return;
    }
    this.#isPaused = false;
    this.end?.onRoom();
  }

  addCredit(bytes: number): void {
    this.#creditBytes += bytes;
    if (this.#pending.bytes > 0) this.#host.wake(this);
  }

  receive({ copy, giveBack }: LentCopy): void {
    this.rawBytesReceived += copy.length;
    this.#unconsumedBytes += copy.length;
    this.end?.onBytes(copy, giveBack);
  }

  /** More than was granted has come. */
  get isOverrun(): boolean {
    return this.#unconsumedBytes + this.#dueBytes > this.#windowBytes;
  }

  /** Drops what waits and gives all memory back. */
  close(): void {
    this.isOver = true;
    this.#host.notePending(-this.#pending.bytes);
    this.#pending.clear();
    this.encoder.rest();
    this.decoder.rest();
  }
}
