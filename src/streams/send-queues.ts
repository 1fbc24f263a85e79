// What was sent and is not acknowledged: the kernel's send queues and this process's buffers. Sends and closes nothing.
import type { Clock, DrainReport } from '../platform/ports.ts';
import { type SocketKey, type SocketPair, socketKey } from './proc-net-tcp.ts';
import type { StreamSocket } from './stream-socket.ts';
import { endsOf, keyOf, QUEUE_POLL_MS, type ReadUnacked, readProcUnacked } from './unacked-table.ts';

/** Connections that are closed here but perhaps not in the kernel yet; the oldest are forgotten beyond. */
export const LINGERING_MAX = 16_384;
/** More are kept for a moment, so that the oldest are forgotten in one go. */
const LINGERING_SPARE = 1024;
/** The kernel gives a closed connection up after about 100 s (tcp_orphan_retries); after this it is not looked for. */
export const LINGERING_MAX_MS = 15 * 60_000;

/** Of one connection. */
interface Ends extends SocketPair {
  closedAtMs: number;
}

/** The send queues of a set of sockets, and of those among them that were closed a while ago. */
export class SendQueues {
  readonly #clock: Clock;
  readonly #readUnacked: ReadUnacked;
  /** Each with its ends as they were when it had sent its FIN, where it does not remember them itself. Before that nobody needs them, and there may be many. */
  readonly #live = new Map<StreamSocket, Ends | null>();
  /** Closed connections in order of their closing. */
  #lingering: Ends[] = [];

  readonly #onFinish: (this: StreamSocket) => void;
  readonly #onClose: (this: StreamSocket) => void;

  constructor(clock: Clock, readUnacked: ReadUnacked = readProcUnacked) {
    this.#clock = clock;
    this.#readUnacked = readUnacked;
    // Two functions for all sockets.
    const queues = this;
    this.#onFinish = function () {
      if (queues.#live.has(this)) queues.#live.set(this, pairOf(this));
    };
    this.#onClose = function () {
      queues.#closed(this);
    };
  }

  /** Counts a connected socket from now until it is closed and everything it sent is acknowledged. */
  track(socket: StreamSocket): void {
    this.#live.set(socket, null);
    if (socket.remembersEnds === undefined) socket.on('finish', this.#onFinish);
    else socket.remembersEnds = true;
    socket.on('close', this.#onClose);
  }

  /** Another set counts it from now on. What it has sent by now is acknowledged as ever. */
  pass(socket: StreamSocket, to: SendQueues): void {
    const ends = this.#live.get(socket);
    if (ends === undefined) return;
    this.#live.delete(socket);
    to.track(socket);
    if (ends !== null) to.#live.set(socket, ends);
  }

  /**
   * Resolves with `drained` when two readings in a row, QUEUE_POLL_MS apart, found every queue empty (the table is read
   * in pieces while sockets come and go, so one reading alone could miss a line) and `countUnanswered`, of requests that
   * were sent, nothing; without it when `boundMs` is over or the signal aborts. Never rejects.
   */
  async drain(boundMs: number, signal: AbortSignal, countUnanswered: () => number = () => 0): Promise<DrainReport> {
    const untilMs = this.#clock.nowMs() + boundMs;
    let emptyReadings = 0;
    for (;;) {
      const queues = await this.#readAll();
      const unansweredRequests = countUnanswered();
      const report = unansweredRequests === 0 ? queues : { ...queues, unansweredRequests };
      emptyReadings = queues.unackedBytes + unansweredRequests === 0 ? emptyReadings + 1 : 0;
      if (emptyReadings === 2 && !signal.aborted) return { ...report, drained: true };
      if (signal.aborted || this.#clock.nowMs() >= untilMs) return { ...report, drained: false };
      await this.#pause(QUEUE_POLL_MS, signal);
    }
  }

  async #readAll(): Promise<Omit<DrainReport, 'drained'>> {
    this.#forgetOldest(this.#clock.nowMs());
    // The process's buffers first: what leaves them meanwhile is seen in the kernel's.
    let unackedBytes = 0;
    for (const socket of this.#live.keys()) unackedBytes += socket.writableLength;
    const unacked = await this.#readUnacked();
    if (unacked === null) return { unackedBytes, source: 'process' };
    if (unacked.size === 0) return { unackedBytes, source: 'proc' };
    // A connection that took over the ends of one that was closed counts once.
    const keys = new Set<SocketKey | null>(this.#lingering.map((pair) => socketKey(pair)));
    for (const [socket, pair] of this.#live) keys.add(pair === null ? keyOf(socket) : socketKey(pair));
    for (const key of keys) unackedBytes += key === null ? 0 : (unacked.get(key) ?? 0);
    return { unackedBytes, source: 'proc' };
  }

  /** One that was reset has nothing on its way, and no ends any more. */
  #closed(socket: StreamSocket): void {
    // Another set's by now.
    if (!this.#live.has(socket)) return;
    const pair = socket.isAcknowledged === true ? null : (this.#live.get(socket) ?? pairOf(socket));
    this.#live.delete(socket);
    if (pair === null) return;
    pair.closedAtMs = this.#clock.nowMs();
    this.#lingering.push(pair);
    if (this.#lingering.length > LINGERING_MAX + LINGERING_SPARE)
      this.#lingering = this.#lingering.slice(-LINGERING_MAX);
  }

  #forgetOldest(nowMs: number): void {
    const kept = this.#lingering.findIndex(({ closedAtMs }) => nowMs - closedAtMs < LINGERING_MAX_MS);
    this.#lingering = kept < 0 ? [] : this.#lingering.slice(kept).slice(-LINGERING_MAX);
  }

  #pause(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(delayMs, () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      });
      const stop = () => {
        cancel();
        resolve();
      };
      signal?.addEventListener('abort', stop, { once: true });
    });
  }
}

function pairOf(socket: StreamSocket): Ends | null {
  const ends = endsOf(socket);
  return ends === null ? null : { ...ends, closedAtMs: Number.POSITIVE_INFINITY };
}
