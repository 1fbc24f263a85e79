// The clients of one platform's listeners of whom something must be read before they are streams. Judges none but by what Doorstep reads.

import type { Clock } from '../platform/ports.ts';
import type { RefusalReason } from '../platform/refusal.ts';
import type { Arrival } from './arrival.ts';
import { Doorstep, type DoorstepRule } from './doorstep.ts';
import type { Listener } from './listener.ts';
import type { ReadBuffers } from './read-buffers.ts';
import { resetSocket } from './reset-socket.ts';
import type { StreamRoute } from './stream.ts';
import type { StreamSocket } from './stream-socket.ts';

export interface DoorwayOptions {
  readonly clock: Clock;
  readonly buffers: ReadBuffers;
  /** Everything that was asked for came. */
  readonly onArrived: (socket: StreamSocket, listener: Listener, arrival: Arrival) => void;
  /** It has left, in whatever way; runs before `onArrived` and `onRefused`. */
  readonly onOver: (route: StreamRoute, step: Doorstep) => void;
  /** The client was reset. */
  readonly onRefused: (socket: StreamSocket, listener: Listener, reason: RefusalReason, why: string) => void;
}

export class Doorway {
  readonly #options: DoorwayOptions;
  readonly #waiting = new Map<Listener, Set<Doorstep>>();

  constructor(options: DoorwayOptions) {
    this.#options = options;
  }

  /** Oldest first. */
  at(listener: Listener): Iterable<Doorstep> {
    return this.#waiting.get(listener) ?? [];
  }

  receive(socket: StreamSocket, listener: Listener, rule: DoorstepRule): void {
    const { clock, buffers, onArrived, onRefused, onOver } = this.#options;
    // A change of rules may give the listener another one.
    const { route } = listener;
    const waiting = this.#waiting.get(listener) ?? new Set();
    this.#waiting.set(listener, waiting);
    const forget = (step: Doorstep) => {
      waiting.delete(step);
      onOver(route, step);
      if (waiting.size === 0 && this.#waiting.get(listener) === waiting) this.#waiting.delete(listener);
    };
    const step = new Doorstep(socket, rule, clock, buffers, {
      onArrived: (arrival, arrived) => {
        forget(arrived);
        onArrived(socket, listener, arrival);
      },
      onRefused: (reason, why, refused) => {
        forget(refused);
        onRefused(socket, listener, reason, why);
      },
      onLeft: (left) => {
        forget(left);
        resetSocket(socket);
      },
    });
    waiting.add(step);
  }

  /** Resets them all and says nothing. */
  close(): void {
    for (const waiting of this.#waiting.values()) {
      for (const step of waiting) {
        step.leave();
        resetSocket(step.socket);
      }
    }
    this.#waiting.clear();
  }
}
