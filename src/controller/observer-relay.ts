// Tells a platform's streams' news to whichever controller it has now, and keeps them for the next one in between. Changes nothing.
import type { StreamName, StreamObserver } from '../platform/ports.ts';

type Told = (observer: StreamObserver) => void;

/** Without an observer what is told waits, in its order: for as long as one controller follows the other, which is bounded. */
export class ObserverRelay implements StreamObserver {
  #observer: StreamObserver | null = null;
  #waiting: Told[] = [];

  /** null: what comes from now on waits. */
  setObserver(observer: StreamObserver | null): void {
    this.#observer = observer;
    if (observer === null) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const told of waiting) told(observer);
  }

  streamOpened(stream: StreamName): void {
    if (this.#observer !== null) this.#observer.streamOpened(stream);
    else this.#waiting.push((observer) => observer.streamOpened(stream));
  }

  streamActive(stream: StreamName, why: string): void {
    if (this.#observer !== null) this.#observer.streamActive(stream, why);
    else this.#waiting.push((observer) => observer.streamActive(stream, why));
  }

  activityWhileHeld(stream: StreamName, why: string): void {
    if (this.#observer !== null) this.#observer.activityWhileHeld(stream, why);
    else this.#waiting.push((observer) => observer.activityWhileHeld(stream, why));
  }

  keepaliveOverdue(stream: StreamName, why: string): void {
    if (this.#observer !== null) this.#observer.keepaliveOverdue(stream, why);
    else this.#waiting.push((observer) => observer.keepaliveOverdue(stream, why));
  }

  streamIdle(stream: StreamName, why: string): void {
    if (this.#observer !== null) this.#observer.streamIdle(stream, why);
    else this.#waiting.push((observer) => observer.streamIdle(stream, why));
  }

  streamClosed(stream: StreamName, why: string): void {
    if (this.#observer !== null) this.#observer.streamClosed(stream, why);
    else this.#waiting.push((observer) => observer.streamClosed(stream, why));
  }

  streamDelivered(stream: StreamName, heldBytes: number): void {
    if (this.#observer !== null) this.#observer.streamDelivered(stream, heldBytes);
    else this.#waiting.push((observer) => observer.streamDelivered(stream, heldBytes));
  }
}
