// Who waits until the peer's kernel has what was sent to it: one reading of the kernel's table for all, and as few as do. Closes nothing.
import type { Clock } from '../platform/ports.ts';
import type { SocketKey } from './proc-net-tcp.ts';
import type { StreamSocket } from './stream-socket.ts';
import { keyOf, QUEUE_POLL_MS, type ReadUnacked, readProcUnacked } from './unacked-table.ts';

/**
 * The table has a line for each connection that is over, by the ten thousand after many short ones, and no way to ask for one. Pairs of readings
 * begin after pauses of which one reading is this share, but nobody waits longer than PAUSE_MAX_MS for that: half of RESET_FLUSH_MS.
 */
const READING_SHARE = 0.02;
const PAUSE_MAX_MS = 1000;

interface SentWait {
  readonly socket: StreamSocket;
  readonly untilMs: number;
  readonly done: () => void;
  readonly onUnsent: (() => void) | null;
  /** The last reading had no line of it: one may be missed where the table changes while it is read. */
  isSentOnce: boolean;
}

/** One for all platforms of a process. */
export class SentWaits {
  readonly #clock: Clock;
  readonly #readUnacked: ReadUnacked;
  readonly #waits = new Set<SentWait>();
  #isPolling = false;
  /** When the table may be read again, also for those who come after all others are done. */
  #nextReadingMs = 0;
  /** The next reading confirms what the last one said, and comes soon. */
  #isConfirming = false;

  constructor(clock: Clock, readUnacked: ReadUnacked = readProcUnacked) {
    this.#clock = clock;
    this.#readUnacked = readUnacked;
  }

  /**
   * Calls `done` once when the peer's kernel has everything that was written to `socket`, by two readings in a row, or the socket is
   * closed, or `boundMs` is over and the table was read since. Within the call where nothing was ever written. `onUnsent` is called after each
   * reading in between.
   */
  add(socket: StreamSocket, boundMs: number, done: () => void, onUnsent: (() => void) | null = null): void {
    if (isUnused(socket)) {
      done();
      return;
    }
    this.#waits.add({ socket, untilMs: this.#clock.nowMs() + boundMs, done, onUnsent, isSentOnce: false });
    if (this.#isPolling) return;
    this.#isPolling = true;
    void this.#poll();
  }

  async #poll(): Promise<void> {
    for (;;) {
      const pauseMs = this.#nextReadingMs - this.#clock.nowMs();
      if (pauseMs > 0) await this.#pause(pauseMs);
      for (const wait of this.#waits) if (wait.socket.destroyed) this.#finish(wait);
      if (this.#waits.size === 0) break;
      await this.#readForAll();
    }
    this.#isPolling = false;
  }

  async #readForAll(): Promise<void> {
    // What leaves the process's buffers later may be missing in the table.
    const asked = new Set([...this.#waits].filter(({ socket }) => socket.writableLength === 0));
    const beganMs = this.#clock.nowMs();
    const unacked = await this.#readUnacked();
    const nowMs = this.#clock.nowMs();
    let toConfirm = false;
    for (const wait of this.#waits) {
      const isSent = unacked === null || (asked.has(wait) && isAcknowledged(wait.socket, unacked));
      const isSure = isSent && (wait.isSentOnce || unacked === null);
      if (isSure || wait.socket.destroyed || nowMs >= wait.untilMs) {
        this.#finish(wait);
        continue;
      }
      wait.isSentOnce = isSent;
      if (isSent) toConfirm = true;
      else wait.onUnsent?.();
    }
    // In pairs: what comes while one is confirmed waits for the next, or there would be no pause as long as anybody comes.
    this.#isConfirming = toConfirm && !this.#isConfirming;
    const pauseMs = this.#isConfirming ? 0 : Math.min((nowMs - beganMs) / READING_SHARE, PAUSE_MAX_MS);
    this.#nextReadingMs = nowMs + Math.max(QUEUE_POLL_MS, pauseMs);
  }

  #finish(wait: SentWait): void {
    this.#waits.delete(wait);
    wait.done();
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.schedule(delayMs, resolve));
  }
}

/** Not a byte was written to it, and no FIN. */
function isUnused({ bytesWritten, writableEnded }: StreamSocket): boolean {
  return bytesWritten === 0 && !writableEnded;
}

function isAcknowledged(socket: StreamSocket, unacked: ReadonlyMap<SocketKey, number>): boolean {
  const key = keyOf(socket);
  return key === null || !unacked.has(key);
}
