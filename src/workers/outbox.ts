// A worker's messages to the main process: in order, as one packet per turn of the event loop. Knows nothing of what they say.
import type { FromWorker } from './messages.ts';

/** Packets that may be on their way at once; what comes meanwhile waits for one of them. */
const PACKETS_MAX = 32;
/** Messages that may wait. A main process that is so far behind cannot decide anything any more. */
export const WAITING_MAX = 262_144;

export interface OutboxOptions {
  /** Hands one packet to the channel; `sent` runs when the channel has taken it. */
  readonly send: (packet: readonly FromWorker[], sent: () => void) => void;
  /** WAITING_MAX was reached. */
  readonly onOverflow: () => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  #waiting: FromWorker[] = [];
  #packets = 0;
  #isPlanned = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  post(message: FromWorker): void {
    this.#waiting.push(message);
    if (this.#waiting.length >= WAITING_MAX) this.#options.onOverflow();
    this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned || this.#packets >= PACKETS_MAX || this.#waiting.length === 0) return;
    this.#isPlanned = true;
    // In this turn, behind the sockets that can be read in it.
    setImmediate(() => this.#sendWaiting());
  }

  #sendWaiting(): void {
    this.#isPlanned = false;
    const packet = this.#waiting;
    this.#waiting = [];
    this.#packets += 1;
    this.#options.send(packet, () => {
      this.#packets -= 1;
      this.#plan();
    });
  }
}
