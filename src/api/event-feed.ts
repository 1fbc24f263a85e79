// One reader of the farm's events as server-sent events (WHATWG HTML, section 9.2). The log of events is the farm's, and bounded;
// this keeps only a place in it, so that a slow reader costs no memory beyond its socket's buffer.
import type { ServerResponse } from 'node:http';
import type { Logger } from '../platform/ports.ts';
import type { Farm, FarmEvent } from '../platform/status.ts';

/** A reader that takes nothing for so many heartbeats is cut off; it may come back with its Last-Event-ID. */
export const MAX_STALLED_HEARTBEATS = 3;
/** What an EventSource waits before it comes back. */
const RETRY_MS = 2000;

export interface EventFeedOptions {
  readonly farm: Farm;
  readonly log: Logger;
  /** The response's other end: what is written here goes to the reader. Its head has not been sent. */
  readonly response: ServerResponse;
  /** Events above this id are sent; null: only those from now on. */
  readonly afterId: number | null;
  readonly heartbeatMs: number;
  /** Whether the reader may still be told; asked before each event and each heartbeat. */
  readonly isWelcome: () => boolean;
}

/**
 * Sends each event once, in order, until the reader or `end` ends it, or the reader is not welcome any more. Nothing is written while the socket is full. Events that
 * the log dropped before the reader came to them are told by an event named `gap`.
 */
export class EventFeed {
  readonly #farm: Farm;
  readonly #log: Logger;
  readonly #response: ServerResponse;
  readonly #isWelcome: () => boolean;
  readonly #unsubscribe: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  #cursor: number;
  #blocked = false;
  #stalledHeartbeats = 0;

  constructor(options: EventFeedOptions) {
    this.#farm = options.farm;
    this.#log = options.log;
    this.#response = options.response;
    this.#isWelcome = options.isWelcome;
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      vary: 'accept',
      connection: 'close',
    });
    this.#write(`retry: ${RETRY_MS}\n\n`);
    this.#cursor = this.#startAfter(options.afterId);
    this.#response.on('drain', () => this.#resume());
    this.#response.on('close', () => this.#release());
    this.#unsubscribe = this.#farm.onEvent((event) => this.#send(event));
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs);
    this.#heartbeat.unref();
    this.#catchUp();
  }

  /** Ends the response after what was written; the reader sees a clean end. */
  end(): void {
    this.#release();
    this.#response.end();
  }

  /** An id that this Torpor never gave belongs to one that ran before: everything kept is new to that reader. */
  #startAfter(afterId: number | null): number {
    const kept = this.#farm.recentEvents(0);
    const newest = kept.at(-1)?.id ?? 0;
    if (afterId === null) return newest;
    if (afterId <= newest) return afterId;
    this.#writeGap(afterId, kept[0]?.id ?? null);
    return 0;
  }

  #resume(): void {
    this.#blocked = false;
    this.#stalledHeartbeats = 0;
    this.#catchUp();
  }

  #catchUp(): void {
    if (this.#blocked) return;
    const events = this.#farm.recentEvents(this.#cursor);
    const oldest = events[0];
    if (oldest !== undefined && this.#cursor > 0 && oldest.id > this.#cursor + 1)
      this.#writeGap(this.#cursor, oldest.id);
    for (const event of events) this.#send(event);
  }

  /** An event that finds the socket full is read from the log later. */
  #send(event: FarmEvent): void {
    if (this.#blocked || event.id <= this.#cursor || this.#hasEnded()) return;
    this.#cursor = event.id;
    this.#write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  /** `oldestId`: of the next event that follows; null where none is kept. */
  #writeGap(afterId: number, oldestId: number | null): void {
    this.#write(`event: gap\ndata: ${JSON.stringify({ afterId, oldestId })}\n\n`);
  }

  #beat(): void {
    if (!this.#blocked) {
      if (!this.#hasEnded()) this.#write(': still here\n\n');
      return;
    }
    this.#stalledHeartbeats += 1;
    if (this.#stalledHeartbeats >= MAX_STALLED_HEARTBEATS) this.#cutOff('it took nothing for too long');
  }

  /** Who comes again is asked again who they are. */
  #hasEnded(): boolean {
    if (!this.#response.writableEnded && !this.#isWelcome()) this.end();
    return this.#response.writableEnded;
  }

  #write(text: string): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    this.#blocked = !this.#response.write(text) || this.#blocked;
  }

  #cutOff(why: string): void {
    this.#log.warn({ lastEventId: this.#cursor }, `a reader of events was cut off: ${why}`);
    this.#release();
    this.#response.destroy();
  }

  #release(): void {
    clearInterval(this.#heartbeat);
    this.#unsubscribe();
  }
}
