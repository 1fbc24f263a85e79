// A worker's messages to the main process: in order, many in one packet. Knows nothing of what they say but whether they can wait.
import type { Clock } from '../platform/ports.ts';
import type { FromWorker } from './messages.ts';

/**
 * A packet costs ten times what its message does, so that messages wait for company. Whatever a sleeper's wake or an answer hangs on
 * does not, and takes those before it along: nothing is decided without them.
 */
export const GATHER_MS = 5;
const PATIENT: ReadonlySet<FromWorker['kind']> = new Set(['opened', 'active', 'idle', 'closed', 'delivered', 'log']);

/** Packets that may be on their way at once; what comes meanwhile waits for one of them. */
const PACKETS_MAX = 32;
/** Messages that may wait. A main process that is so far behind cannot decide anything any more. */
export const WAITING_MAX = 262_144;

export interface OutboxOptions {
  readonly clock: Clock;
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
  #cancelGather: (() => void) | null = null;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  post(message: FromWorker): void {
    this.#waiting.push(message);
    if (this.#waiting.length >= WAITING_MAX) this.#options.onOverflow();
    if (PATIENT.has(message.kind)) this.#cancelGather ??= this.#options.clock.schedule(GATHER_MS, () => this.#plan());
    else this.#plan();
  }

  #plan(): void {
    this.#cancelGather?.();
    this.#cancelGather = null;
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
