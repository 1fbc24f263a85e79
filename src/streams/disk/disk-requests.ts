// Whether a disk client has sent what its server has not answered yet: by NBD's or iSCSI's own requests, else by bytes. Reads along in
// both directions, in the order in which they are passed on, and changes nothing.
import type { Clock } from '../../platform/ports.ts';
import { formatDuration } from '../../platform/units.ts';
import { IscsiRequests } from './iscsi-requests.ts';
import { NBD_MAGIC, NbdRequests } from './nbd-requests.ts';
import { RequestTable, UNANSWERED_BOUND_MS } from './request-table.ts';

/** Opcode of an iSCSI login, always immediate, with which an initiator begins. Source: RFC 7143 section 11.12. */
const LOGIN_OPCODE = 0x43;
const MAGIC_BYTES = 8;

type Direction = 'client' | 'server';
type Parser = NbdRequests | IscsiRequests;

export interface DiskRequestsOptions {
  readonly clock: Clock;
  /** Runs once, where a request does not count any more because it has not been answered for UNANSWERED_BOUND_MS. */
  readonly onGivenUp: (why: string) => void;
}

/**
 * Constant memory: two message headers and REQUESTS_MAX tags. Where the protocol is neither, is encrypted, loses its place or has more in flight, bytes are
 * what counts: whatever the client sent last is in flight until the server sends anything.
 */
export class DiskRequests {
  readonly #options: DiskRequestsOptions;
  readonly #table = new RequestTable();
  /** null: not known yet. bytes: none can be told. */
  #speaks: 'nbd' | 'iscsi' | 'bytes' | null = null;
  #parser: Parser | null = null;
  /** The server's first bytes, until they tell. */
  #firstBytes: number[] = [];
  #lastByteAtMs = 0;
  /** The client sent something after the server's last byte. */
  #isServersTurn = false;
  #hasGivenUp = false;

  constructor(options: DiskRequestsOptions) {
    this.#options = options;
  }

  /** What is counted: requests of a protocol, or bytes. */
  get speaks(): 'nbd' | 'iscsi' | 'bytes' | null {
    return this.#speaks;
  }

  /** Shows bytes that are passed on now. Answers whether the last request was answered with them. */
  read(direction: Direction, chunk: Uint8Array): boolean {
    const nowMs = this.#options.clock.nowMs();
    const before = direction === 'server' ? this.#count(nowMs) : 0;
    this.#lastByteAtMs = nowMs;
    this.#isServersTurn = direction === 'client';
    if (this.#speaks === null) this.#recognise(direction, chunk, nowMs);
    else this.#follow(direction, chunk, nowMs);
    return before > 0 && this.#count(nowMs) === 0;
  }

  /** How many requests are in flight; 1 also where bytes alone tell that something is. Those that were not answered in time count no more. */
  inFlight(): number {
    const count = this.#count(this.#options.clock.nowMs());
    if (count === 0) this.#tellGivenUp();
    return count;
  }

  #count(nowMs: number): number {
    const isRecent = nowMs - this.#lastByteAtMs < UNANSWERED_BOUND_MS;
    if (this.#parser === null) return this.#isServersTurn && isRecent ? 1 : 0;
    const sent = this.#table.count(nowMs);
    return sent === 0 && isRecent && this.#parser.isWithinMessage ? 1 : sent;
  }

  #recognise(direction: Direction, chunk: Uint8Array, nowMs: number): void {
    if (chunk.length === 0) return;
    if (direction === 'client') {
      const isLogin = this.#firstBytes.length === 0 && chunk[0] === LOGIN_OPCODE;
      this.#become(isLogin ? 'iscsi' : 'bytes');
      this.#follow(direction, chunk, nowMs);
      return;
    }
    const missingBytes = MAGIC_BYTES - this.#firstBytes.length;
    this.#firstBytes.push(...chunk.subarray(0, missingBytes));
    if (this.#firstBytes.length < MAGIC_BYTES) return;
    const first = Uint8Array.from(this.#firstBytes);
    this.#become(new DataView(first.buffer).getBigUint64(0) === NBD_MAGIC ? 'nbd' : 'bytes');
    this.#follow(direction, first, nowMs);
    this.#follow(direction, chunk.subarray(missingBytes), nowMs);
  }

  #become(speaks: 'nbd' | 'iscsi' | 'bytes'): void {
    this.#speaks = speaks;
    if (speaks === 'nbd') this.#parser = new NbdRequests(this.#table);
    else if (speaks === 'iscsi') this.#parser = new IscsiRequests(this.#table);
    else this.#parser = null;
  }

  #follow(direction: Direction, chunk: Uint8Array, nowMs: number): void {
    if (this.#parser === null || this.#parser.read(direction, chunk, nowMs)) return;
    // What was in flight is taken for answered by the next byte that the server sends, no sooner.
    if (this.#table.size > 0) this.#isServersTurn = true;
    this.#become('bytes');
    this.#table.clear();
  }

  #tellGivenUp(): void {
    const isOwed = this.#parser === null ? this.#isServersTurn : this.#table.size > 0 || this.#parser.isWithinMessage;
    if (!isOwed || this.#hasGivenUp) return;
    this.#hasGivenUp = true;
    const bound = formatDuration(UNANSWERED_BOUND_MS);
    this.#options.onGivenUp(`a request of its disk is not answered after ${bound}: it keeps nobody awake any more`);
  }
}
