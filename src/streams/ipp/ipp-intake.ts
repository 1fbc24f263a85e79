// One client of a listener that defers IPP: reads its requests one after the other, answers and keeps what can be, and hands the connection on as
// it is with the first request that cannot. What can be is the desk's.
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
import type { JobWriter } from '../spool/job-writer.ts';
import { statusOf } from '../spool/spool-session.ts';
import type { SpooledJob, SpoolStore } from '../spool/spool-store.ts';
import type { StreamRoute } from '../stream.ts';
import type { StreamSocket } from '../stream-socket.ts';
import { ByteInput } from './byte-input.ts';
import { encodeChunk, HttpBody, LAST_CHUNK } from './http-body.ts';
import type { IppDesk, JobToKeep } from './ipp-desk.ts';
import { requestHead } from './ipp-learner.ts';
import { encodeIpp, IppDecoder, type IppMessage } from './ipp-message.ts';
import { STATUS } from './ipp-operations.ts';
import { reply } from './ipp-reply.ts';
import { type IppRequestHead, readIppHead } from './ipp-request-head.ts';

/** Attributes of a request that are longer are nobody's who prints. */
export const ATTRIBUTES_MAX_BYTES = 64 * 1024;
/** A request that brings no job has no document: what follows it is read over, so much of it. */
const IDLE_BODY_MAX_BYTES = 64 * 1024;
/** A request without a job that has begun has to be there by then, and its answer taken: nobody keeps a place by a few bytes. */
export const REQUEST_MS = 60_000;
/** A client that was answered for the last time has this long to close its side, too. */
const GOODBYE_MS = 5_000;
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

export interface IppIntakeOwner {
  readonly platform: string;
  readonly clock: Clock;
  readonly buffers: ReadBuffers;
  readonly store: SpoolStore;
  readonly desk: IppDesk;
  /** How long a client may take for one job. */
  readonly jobMs: number;
  /** Which bound so many more bytes would exceed, for people; null: none. */
  boundReached(job: { readonly isWriting: boolean; readonly bytes: number }, bytes: number): string | null;
  /** It is told as a stream from now on: it has asked for something that is answered here. */
  onServed(intake: IppIntake): void;
  onSafe(job: SpooledJob): void;
  /** Its job cannot be kept: the platform is to be woken, so that the printer takes it when it is sent again. */
  onRefused(why: string, intake: IppIntake): void;
  /** It is the printer's client, from these bytes on. */
  onPassed(arrival: Arrival, hasEnded: boolean, intake: IppIntake): void;
  /** Runs once: its connection is gone, or another's. */
  onGone(intake: IppIntake): void;
  /** Runs once, after `onServed`. */
  onOver(why: string, intake: IppIntake): void;
}

/** What was read of a request that may still go to the printer. */
interface Request {
  readonly head: IppRequestHead;
  readonly message: IppMessage;
  readonly body: HttpBody;
  /** Of the document, what has come already. */
  readonly first: Uint8Array;
  readonly attributesBytes: number;
  readonly raw: readonly Buffer[];
}

type Phase = 'serving' | 'passed' | 'leaving' | 'over';

export class IppIntake implements PortOwner, Occupant, StreamName {
  readonly id: string;
  readonly route: StreamRoute;
  readonly client: string;
  readonly address: string;
  readonly openedAtMs: number;
  readonly #owner: IppIntakeOwner;
  readonly #socket: StreamSocket;
  readonly #arrival: Arrival | null;
  readonly #input = new ByteInput();
  readonly #port: SocketPort;
  readonly #ends: ConnectionEnds | null;
  #phase: Phase = 'serving';
  #writer: JobWriter | null = null;
  #isSealing = false;
  #wasServed = false;
  #isGone = false;
  #jobs = 0;
  /** Within a request. */
  #isBusy = false;
  #cancelBound = () => {};
  #onRoom = () => {};
  /** Of the job that is being read. */
  bytes = 0;
  bytesFromClient = 0;
  #bytesToClient = 0;

  constructor(id: string, owner: IppIntakeOwner, route: StreamRoute, client: StreamSocket, arrival: Arrival | null) {
    this.id = id;
    this.route = route;
    this.#owner = owner;
    this.#socket = client;
    this.#arrival = arrival;
    this.openedAtMs = owner.clock.nowMs();
    const from = whoIs(client, route, arrival);
    this.address = from.host;
    this.client = clientText(from);
    this.#ends = endsToSend(client, route, arrival);
    this.#port = arrival?.port?.handTo(this) ?? new SocketPort(client, owner.buffers, this);
    this.#input.port = this.#port;
    if (arrival !== null && arrival.firstBytes.length > 0) this.onChunk(Buffer.from(arrival.firstBytes));
  }

  /** Once, when its owner knows it. */
  start(): void {
    void this.#serveAll().catch((thrown: unknown) => this.abandon(errorText(thrown)));
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

  /** Occupant: it is between requests. */
  get isDormant(): boolean {
    return this.#phase === 'serving' && !this.#isBusy;
  }

  /** It takes up a job's place on disk. */
  get isWriting(): boolean {
    return this.#writer !== null;
  }

  status(): StreamStatus {
    return statusOf(this, this.route, {
      mode: this.#phase === 'serving' ? 'holding' : 'closed',
      active: false,
      verdict: 'is answered in the place of its printer: counts for nothing',
      openedAtMs: this.openedAtMs,
      lastActiveAtMs: this.openedAtMs,
      lastActiveWhy: '',
      bytesFromClient: this.bytesFromClient,
      bytesToClient: this.#bytesToClient,
      heldBytes: this.bytes,
      heldStoredBytes: this.#writer?.fileBytes ?? 0,
    });
  }

  /** Occupant. */
  makeRoom(): void {
    this.abandon('made room for others: its listener is full, and it asks for nothing');
  }

  // ------------------------------------------------------------------------------------------ what its port tells it

  /** PortOwner. */
  onChunk(chunk: Buffer): void {
    this.bytesFromClient += chunk.length;
    if (this.#phase === 'serving') this.#input.push(chunk);
  }

  /** PortOwner. */
  onEnd(): void {
    this.#input.end();
  }

  /** PortOwner. */
  onDrained(): void {
    this.#onRoom();
  }

  /** PortOwner. */
  onClose(): void {
    if (this.#phase === 'passed') return;
    this.#isGone = true;
    this.#input.end();
    this.#onRoom();
    this.#owner.onGone(this);
    // One that is being made safe becomes so: its client may have sent all of it and gone.
    if (this.#isSealing || this.#phase === 'over') return;
    this.#finish(this.#writer === null ? 'the client left' : 'the client reset the connection: its job is dropped');
  }

  // ------------------------------------------------------------------------------------------ requests

  async #serveAll(): Promise<void> {
    while (this.#phase === 'serving') {
      this.#isBusy = false;
      this.#cancelBound();
      const request = await this.#readRequest();
      if (request === null || this.#phase !== 'serving') return;
      const verdict = this.#owner.desk.judge(request.head, request.message);
      const bound = verdict.kind === 'job' ? this.#boundBefore(request) : null;
      if (verdict.kind === 'pass' || bound !== null) return void this.#pass(request.raw);
      if (!this.#wasServed) this.#owner.onServed(this);
      this.#wasServed = true;
      const message = verdict.kind === 'job' ? await this.#keep(request, verdict.job) : await verdict.message;
      if (message === null || this.#isOver) return;
      this.#within(REQUEST_MS, 'it did not end its request, or take its answer');
      const isWhole = verdict.kind === 'job' || (await this.#readOver(request));
      if (this.#isOver) return;
      const isLast = request.head.wantsClose || !isWhole || message.code === STATUS.busy;
      await this.#answer(message, isLast);
      if (isLast) return this.#leave('it was answered');
    }
  }

  /** From now on, and in the place of any bound before. */
  #within(ms: number, whatNot: string): void {
    this.#cancelBound();
    this.#cancelBound = this.#owner.clock.schedule(ms, () => this.abandon(`${whatNot} within ${formatDuration(ms)}`));
  }

  /** A getter, so that nobody takes it for unchanged over an await. */
  get #isOver(): boolean {
    return this.#phase !== 'serving';
  }

  /** null: its client has gone, or what came was handed on. */
  async #readRequest(): Promise<Request | null> {
    const raw: Buffer[] = [];
    let head: IppRequestHead | 'more' | 'other' = 'more';
    let all: Buffer = Buffer.alloc(0);
    while (head === 'more') {
      const chunk = await this.#input.next();
      if (chunk === null) return raw.length === 0 ? this.#end() : this.#pass(raw);
      if (!this.#isBusy) this.#within(REQUEST_MS, 'its request did not come');
      this.#isBusy = true;
      raw.push(chunk);
      all = Buffer.concat([all, chunk]);
      head = readIppHead(all);
    }
    if (head === 'other') return this.#pass(raw);
    // The printer asks it to go on, or does not want it.
    if (head.wantsContinue && !this.#owner.desk.wantsToSee(head)) return this.#pass(raw);
    return this.#readAttributes(head, all.subarray(head.headBytes), raw);
  }

  async #readAttributes(head: IppRequestHead, rest: Buffer, raw: Buffer[]): Promise<Request | null> {
    const body = new HttpBody(head.framing);
    const decoder = new IppDecoder();
    let came: Buffer = rest;
    if (head.wantsContinue && rest.length === 0) {
      this.#write(CONTINUE);
      // Its printer would say it once more.
      raw.splice(0, raw.length, withoutExpect(Buffer.concat(raw)));
    }
    for (;;) {
      const { content, used } = body.push(came);
      const decoded = decoder.push(Buffer.concat(content));
      if (decoded.kind === 'whole') {
        this.#input.putBack(came.subarray(used));
        const { message, bytes } = decoded;
        const ofRequest = withoutEnd(raw, came.length - used);
        return { head, message, body, first: decoder.rest, attributesBytes: bytes, raw: ofRequest };
      }
      const isHopeless = body.isDone || body.isBroken || decoded.kind === 'broken';
      if (isHopeless || decoder.length > ATTRIBUTES_MAX_BYTES) return this.#pass(raw);
      const chunk = await this.#input.next();
      if (chunk === null) return this.#pass(raw);
      raw.push(chunk);
      came = chunk;
    }
  }

  /** What is known beforehand: then the printer gets it as if nothing could be deferred. */
  #boundBefore({ head }: Request): string | null {
    const bytes = typeof head.framing === 'number' ? head.framing : 0;
    return this.#owner.boundReached({ isWriting: false, bytes }, bytes);
  }

  /** What follows a request that needs no document. False: it is too much, or cut. */
  async #readOver({ body, first }: Request): Promise<boolean> {
    for (let bytes = first.length; !body.isDone; ) {
      const chunk = bytes > IDLE_BODY_MAX_BYTES || body.isBroken ? null : await this.#input.next();
      if (chunk === null) return false;
      bytes += chunk.length;
      this.#input.putBack(chunk.subarray(body.push(chunk).used));
    }
    return true;
  }

  /** Resolves when it has taken the answer: who asks and does not read is not read. */
  async #answer(message: IppMessage, isLast: boolean): Promise<void> {
    const body = encodeIpp(message);
    const lines = ['HTTP/1.1 200 OK', 'Content-Type: application/ipp', `Content-Length: ${body.length}`];
    const head = [...lines, ...(isLast ? ['Connection: close'] : []), '', ''].join('\r\n');
    if (this.#write(Buffer.concat([Buffer.from(head), body])) || isLast) return;
    await new Promise<void>((resolve) => {
      this.#onRoom = resolve;
    });
  }

  /** False: it has not taken all of it. */
  #write(bytes: Buffer): boolean {
    if (this.#isGone) return true;
    this.#bytesToClient += bytes.length;
    return this.#port.write(bytes);
  }

  // ------------------------------------------------------------------------------------------ a job

  /** Its answer, once it is on disk. null: its client has gone. */
  async #keep(request: Request, job: JobToKeep): Promise<IppMessage | null> {
    const { clock, jobMs } = this.#owner;
    this.#within(jobMs, 'its job is dropped: it did not come');
    try {
      const arrivedAtMs = clock.nowMs();
      const problem = await this.#writeJob(request, job).catch(errorText);
      if (this.#isOver) return null;
      const refusal = problem ?? (await this.#seal(job, arrivedAtMs));
      if (typeof refusal !== 'string') return refusal;
      if (this.#isOver) return null;
      this.#owner.onRefused(refusal, this);
      return this.#isOver ? null : reply(request.message, STATUS.busy, 'its printer is woken: send it again');
    } finally {
      this.#dropWriter();
      this.bytes = 0;
    }
  }

  /** What it says is the bound that was reached; null: all is with the writer. */
  async #writeJob(
    { head, body, first, attributesBytes }: Request,
    { start, facts }: JobToKeep,
  ): Promise<string | null> {
    const { framing, host } = head;
    const isChunked = typeof framing !== 'number';
    this.#writer = this.#owner.store.begin();
    const length = isChunked ? null : framing - attributesBytes + start.length;
    await this.#writer.add(requestHead(facts.path, host, length));
    const pieces: Uint8Array[] = [start, first];
    for (;;) {
      for (const piece of pieces.splice(0)) {
        this.bytes += piece.length;
        const bound = this.#owner.boundReached(this, piece.length);
        if (bound !== null) return bound;
        await this.#writer.add(isChunked ? encodeChunk(piece) : piece);
      }
      if (body.isDone) break;
      const chunk = body.isBroken ? null : await this.#input.next();
      if (chunk === null) this.abandon('its request is cut: its job is dropped');
      if (chunk === null || this.#isOver) return null;
      const { content, used } = body.push(chunk);
      this.#input.putBack(chunk.subarray(used));
      pieces.push(...content);
    }
    if (isChunked) await this.#writer.add(LAST_CHUNK);
    return null;
  }

  /** What its client is told; for people, what kept it from being safe. */
  async #seal(job: JobToKeep, arrivedAtMs: number): Promise<IppMessage | string> {
    const { store, clock } = this.#owner;
    this.#isSealing = true;
    try {
      const head = { arrivedAtMs, endedAtMs: clock.nowMs(), client: this.client, ends: this.#ends, ipp: job.facts };
      const safe = await store.commit(this.#writer as JobWriter, head, job.name);
      // The promise: now, and not before.
      this.#writer = null;
      this.#jobs += 1;
      const message = job.accepted(safe);
      this.#owner.onSafe(safe);
      return message;
    } catch (thrown) {
      return errorText(thrown);
    } finally {
      this.#isSealing = false;
      if (this.#isGone) this.#finish('the client left before its answer');
    }
  }

  // ------------------------------------------------------------------------------------------ its end

  /** To the printer, with all of the request, and whatever follows. */
  #pass(raw: readonly Buffer[]): null {
    if (this.#phase !== 'serving') return null;
    this.#phase = 'passed';
    this.#cancelBound();
    const firstBytes = Buffer.concat([...raw, this.#input.drain()]);
    const { ends = null, isCheck = false, asked = null } = this.#arrival ?? {};
    this.#port.resume();
    this.#tellOver('goes on to its printer');
    this.#owner.onPassed({ port: this.#port, ends, isCheck, asked, firstBytes }, this.#input.hasEnded, this);
    return null;
  }

  /** Its client has ended its side between two requests. */
  #end(): null {
    if (this.#phase === 'serving') this.#leave('the client left');
    return null;
  }

  #leave(why: string): void {
    if (this.#isGone) return;
    this.#phase = 'leaving';
    this.#cancelBound();
    this.#port.resume();
    this.#socket.end();
    const reset = this.#owner.clock.schedule(GOODBYE_MS, () => resetSocket(this.#socket));
    this.#socket.once('close', reset);
    this.#tellOver(why);
  }

  /** Its client is reset: it must not take its job for done. */
  abandon(why: string): void {
    if (this.#phase !== 'serving' || this.#isSealing) return;
    if (!this.#isGone) resetSocket(this.#socket);
    this.#finish(why);
  }

  /** Torpor itself goes: what is not safe is reset. */
  shutDown(): void {
    if (this.#phase !== 'passed') resetSocket(this.#socket);
    if (!this.#isSealing) this.#phase = 'over';
    this.#cancelBound();
    this.#input.end();
    this.#onRoom();
  }

  #finish(why: string): void {
    this.#phase = 'over';
    this.#cancelBound();
    this.#input.end();
    this.#tellOver(why);
  }

  #tellOver(why: string): void {
    if (!this.#wasServed) return;
    this.#wasServed = false;
    const jobs = this.#jobs === 1 ? '1 job' : `${this.#jobs} jobs`;
    this.#owner.onOver(this.#jobs === 0 ? why : `${why}; ${jobs} of it are kept`, this);
  }

  #dropWriter(): void {
    const writer = this.#writer;
    this.#writer = null;
    if (writer !== null) void this.#owner.store.drop(writer);
  }
}

/** Of a head alone. */
function withoutExpect(head: Buffer): Buffer {
  const lines = head.toString('latin1').split('\r\n');
  return Buffer.from(lines.filter((line) => !/^expect:/i.test(line)).join('\r\n'), 'latin1');
}

/** Without so many bytes of the last one. */
function withoutEnd(chunks: readonly Buffer[], bytes: number): Buffer[] {
  const last = chunks.at(-1) ?? Buffer.alloc(0);
  return [...chunks.slice(0, -1), last.subarray(0, last.length - bytes)];
}
