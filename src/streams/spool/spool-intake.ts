// One client whose bytes become a job on disk. Its connection is ended towards it only when the job is safe; at a bound it becomes a client
// that waits, as one of a listener that defers nothing does. Who waits for what is the queue's.
import { errorText } from '../../platform/errors.ts';
import type { Clock, Protocol, StreamName, StreamStatus } from '../../platform/ports.ts';
import { formatDuration } from '../../platform/units.ts';
import type { Arrival } from '../arrival.ts';
import { clientText, endsToSend, sourceAt, whoIs } from '../client-name.ts';
import type { ConnectionEnds } from '../proxy-header.ts';
import type { ReadBuffers } from '../read-buffers.ts';
import { resetSocket } from '../reset-socket.ts';
import type { Occupant } from '../room.ts';
import { type PortOwner, SocketPort } from '../socket-port.ts';
import type { StreamRoute } from '../stream.ts';
import type { StreamSocket } from '../stream-socket.ts';
import type { JobWriter } from './job-writer.ts';
import { statusOf } from './spool-session.ts';
import type { SpooledJob, SpoolStore } from './spool-store.ts';

/** What has come and is not on disk yet; beyond it the client is not read. */
export const INTAKE_MEMORY_BYTES = 256 * 1024;
/** A client whose job is safe has this long to close its side, too. */
const GOODBYE_MS = 5_000;

export interface IntakeOwner {
  readonly platform: string;
  readonly clock: Clock;
  readonly buffers: ReadBuffers;
  readonly store: SpoolStore;
  /** Which bound so many more bytes of the intake would exceed, for people; null: none. */
  boundReached(intake: SpoolIntake, bytes: number): string | null;
  /** It sent its first byte. */
  onBegun(intake: SpoolIntake): void;
  /** Runs at most once: the job is on disk. */
  onSafe(job: SpooledJob, intake: SpoolIntake): void;
  /** Runs at most once instead: from now on it waits, with all that it has sent. */
  onOverflow(why: string, intake: SpoolIntake): void;
  /** Runs once: its connection is gone. */
  onGone(intake: SpoolIntake): void;
  /** Runs once, at the end of it all. */
  onOver(why: string, intake: SpoolIntake): void;
}

/**
 * receiving: its bytes go to disk. sealing: it has sent all of them. safe: told so. waiting: it reached a bound, and is delivered in its
 * turn from disk, memory and connection. over: nothing is left of it here.
 */
type Phase = 'receiving' | 'sealing' | 'safe' | 'waiting' | 'over';

export class SpoolIntake implements PortOwner, Occupant, StreamName {
  readonly id: string;
  readonly route: StreamRoute;
  readonly client: string;
  readonly address: string;
  readonly ends: ConnectionEnds | null;
  readonly openedAtMs: number;
  readonly #owner: IntakeOwner;
  readonly #socket: StreamSocket;
  readonly #port: SocketPort;
  #phase: Phase = 'receiving';
  #writer: JobWriter | null = null;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #pumping: Promise<void> | null = null;
  #hasEnded = false;
  #isGone = false;
  #onChange = () => {};
  #onReplyRoom = () => {};
  bytes = 0;
  repliedBytes = 0;

  constructor(id: string, owner: IntakeOwner, route: StreamRoute, client: StreamSocket, arrival: Arrival | null) {
    this.id = id;
    this.route = route;
    this.#owner = owner;
    this.#socket = client;
    this.openedAtMs = owner.clock.nowMs();
    const from = whoIs(client, route, arrival);
    this.address = from.host;
    this.client = clientText(from);
    this.ends = endsToSend(client, route, arrival);
    this.#port = arrival?.port?.handTo(this) ?? new SocketPort(client, owner.buffers, this);
    if (arrival !== null && arrival.firstBytes.length > 0) this.onChunk(Buffer.from(arrival.firstBytes));
  }

  // ------------------------------------------------------------------------------------------ who it is

  get platform(): string {
    return this.#owner.platform;
  }

  get vm(): string {
    return this.route.vm;
  }

  get listener(): string {
    return this.route.listener;
  }

  get protocol(): Protocol {
    return this.route.protocol;
  }

  /** Occupant. */
  get source(): string {
    return sourceAt(this.address, this.route);
  }

  /** Occupant: it has not sent anything. */
  get isDormant(): boolean {
    return this.bytes === 0 && this.#phase === 'receiving';
  }

  /** It takes up a job's place on disk. */
  get isWriting(): boolean {
    return this.#writer !== null && (this.#phase === 'receiving' || this.#phase === 'sealing');
  }

  get isWaiting(): boolean {
    return this.#phase === 'waiting';
  }

  status(): StreamStatus {
    return statusOf(this, this.route, {
      mode: this.#phase === 'over' || this.#phase === 'safe' ? 'closed' : 'holding',
      active: false,
      verdict: this.isWaiting ? 'waits: its spool had no room for it' : 'goes to the spool: counts for nothing',
      openedAtMs: this.openedAtMs,
      lastActiveAtMs: this.openedAtMs,
      lastActiveWhy: '',
      bytesFromClient: this.bytes,
      bytesToClient: this.repliedBytes,
      heldBytes: this.bytes,
      heldStoredBytes: this.#writer?.fileBytes ?? 0,
    });
  }

  /** Occupant. */
  makeRoom(): void {
    this.abandon('made room for others: its listener is full, and it has sent nothing');
  }

  // ------------------------------------------------------------------------------------------ what its port tells it

  /** PortOwner. */
  onChunk(chunk: Buffer): void {
    if (this.#phase === 'over') return;
    const isFirst = this.bytes === 0;
    this.bytes += chunk.length;
    this.#pending.push(Buffer.from(chunk));
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes >= INTAKE_MEMORY_BYTES || this.#phase === 'waiting') this.#port.pause();
    if (isFirst) this.#owner.onBegun(this);
    this.#onChange();
    this.#pump();
  }

  /** PortOwner. */
  onEnd(): void {
    this.#hasEnded = true;
    this.#onChange();
    this.#pump();
  }

  /** PortOwner. */
  onDrained(): void {
    this.#onReplyRoom();
  }

  /** PortOwner. What ended before it had ended its side is dropped: half a job is not printed. */
  onClose(): void {
    this.#isGone = true;
    this.#owner.onGone(this);
    this.#onChange();
    this.#onReplyRoom();
    if (this.#phase === 'receiving' && !this.#hasEnded) {
      const left = 'the client left before it sent anything';
      this.#finish(this.bytes === 0 ? left : `the client reset the connection: its job is dropped`);
    }
  }

  // ------------------------------------------------------------------------------------------ to disk

  #pump(): void {
    if (this.#pumping !== null || this.#phase !== 'receiving') return;
    this.#pumping = this.#writeAll().finally(() => {
      this.#pumping = null;
      if (this.#phase === 'over') this.#dropWriter();
      // What came between the last look and now.
      else if (this.#pending.length > 0 || this.#hasEnded) this.#pump();
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#phase === 'receiving' && this.#pending.length > 0) await this.#writeNext(this.#pending[0] as Buffer);
    if (this.#phase === 'receiving' && this.#hasEnded) await this.#seal();
  }

  async #writeNext(chunk: Buffer): Promise<void> {
    const bound = this.#owner.boundReached(this, chunk.length);
    if (bound !== null) return this.#overflow(bound);
    try {
      this.#writer ??= this.#owner.store.begin();
    } catch (thrown) {
      return this.#overflow(errorText(thrown));
    }
    let problem: unknown = null;
    await this.#writer.add(chunk).catch((thrown: unknown) => {
      problem = thrown;
    });
    // Also where the disk refused: the writer keeps what it was given.
    this.#pending.shift();
    this.#pendingBytes -= chunk.length;
    if (problem !== null && this.#phase === 'receiving') return this.#overflow(errorText(problem));
    if (this.#pendingBytes < INTAKE_MEMORY_BYTES / 2 && !this.#isGone) this.#port.resume();
  }

  /** The order of jobs is the order in which their clients ended. */
  async #seal(): Promise<void> {
    if (this.#writer === null) {
      this.#socket.end();
      this.#finish('the client left before it sent anything');
      return;
    }
    this.#phase = 'sealing';
    const { store, clock } = this.#owner;
    const { openedAtMs: arrivedAtMs, client, ends } = this;
    try {
      const job = await store.commit(this.#writer, { arrivedAtMs, endedAtMs: clock.nowMs(), client, ends });
      // The promise: now, and not before.
      this.#phase = 'safe';
      this.#writer = null;
      this.#sayGoodbye();
      this.#owner.onSafe(job, this);
      this.#owner.onOver('its job is safe in the spool', this);
    } catch (thrown) {
      this.#overflow(errorText(thrown));
    }
  }

  #sayGoodbye(): void {
    if (this.#isGone) return;
    this.#port.resume();
    this.#socket.end();
    this.#socket.once(
      'close',
      this.#owner.clock.schedule(GOODBYE_MS, () => resetSocket(this.#socket)),
    );
  }

  #overflow(why: string): void {
    this.#phase = 'waiting';
    this.#port.pause();
    this.#owner.onOverflow(why, this);
  }

  // ------------------------------------------------------------------------------------------ at a bound

  /** It was there too long: it goes on as one that waits. */
  expire(afterMs: number): void {
    if (this.#phase === 'receiving') this.#overflow(`it has been sending for ${formatDuration(afterMs)}`);
  }

  /** Everything its client sends, from its first byte to its FIN. Throws where the client is gone before. */
  async *content(): AsyncGenerator<Uint8Array, void, undefined> {
    // A write that is under way when it expires.
    await this.#pumping;
    if (this.#writer !== null) yield* this.#writer.content();
    for (;;) {
      const chunk = this.#pending.shift();
      if (chunk !== undefined) {
        this.#pendingBytes -= chunk.length;
        yield chunk;
      } else if (this.#hasEnded) return;
      else if (this.#isGone || this.#phase === 'over') throw new Error('its client reset the connection');
      else await this.#more();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = resolve;
      this.#port.resume();
    });
  }

  /** What the target says to it. Resolves when there is room for more. */
  reply(bytes: Uint8Array): Promise<void> {
    if (this.#isGone || this.#phase === 'over') return Promise.resolve();
    this.repliedBytes += bytes.length;
    if (this.#port.write(Buffer.from(bytes))) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onReplyRoom = resolve;
    });
  }

  /** The target has taken all of it. */
  conclude(): void {
    if (this.#phase !== 'waiting') return;
    this.#sayGoodbye();
    this.#finish('delivered past the spool');
  }

  /** Its client is reset: it must not take its job for done. */
  abandon(why: string): void {
    if (this.#phase === 'over' || this.#phase === 'safe') return;
    if (!this.#isGone) resetSocket(this.#socket);
    this.#finish(why);
  }

  /** Torpor itself goes: what is not safe is reset. */
  shutDown(): void {
    resetSocket(this.#socket);
    this.#phase = this.#phase === 'sealing' || this.#phase === 'safe' ? this.#phase : 'over';
    this.#onChange();
    this.#dropWriter();
  }

  #finish(why: string): void {
    this.#phase = 'over';
    this.#onChange();
    this.#dropWriter();
    this.#owner.onOver(why, this);
  }

  /** Not while it writes: then it is done after that. */
  #dropWriter(): void {
    const writer = this.#writer;
    if (this.#phase !== 'over' || writer === null || this.#pumping !== null) return;
    this.#writer = null;
    void this.#owner.store.drop(writer);
  }
}
