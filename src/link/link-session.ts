// A link between two Torpors while it lasts, over one connection after another: its streams share it fairly, none is lost or repeated
// when a connection breaks. Leaves dialling, TLS and sockets to the edge and the gate.
import { type Effort, type LinkCodec, MAX_HIGH_PIECE_BYTES, MAX_PIECE_BYTES } from '../core/link-codec.ts';
import { PIECE_PREFIX_BYTES, pieceFlags, readPieceFlags } from '../core/piece-flags.ts';
import { errorText } from '../platform/errors.ts';
import type { Clock } from '../platform/ports.ts';
import { EffortChoice, EncoderSpeeds } from './effort-choice.ts';
import { LinkPace } from './link-pace.ts';
import {
  decodeAck,
  decodeCredit,
  decodeNotice,
  decodeOpening,
  encodeAck,
  encodeCredit,
  encodeNotice,
  encodeOpening,
  encodeRecord,
  FIRST_NUMBERED_TYPE,
  type LinkGreeting,
  type LinkNotice,
  type LinkOpening,
  type LinkRecord,
  malformed,
  RECORD_HEADER_BYTES,
  RECORD_TYPES,
  RecordReader,
  writeHeader,
} from './link-records.ts';
import { LinkStream, type StreamEnd, type StreamHost } from './link-stream.ts';
import { ResendQueue } from './resend-queue.ts';
import { SLAB_BYTES, SlabPool } from './slab-pool.ts';

/** What a stream may send before the other end grants more. */
export const FIRST_CREDIT_BYTES = 256 * 1024;
/** Read from all local sockets of a session and not sent: at the bound none is read. */
export const MAX_SESSION_PENDING_BYTES = 64 * 1024 * 1024;
/** At the bound a stream that is opened is reset. */
export const MAX_SESSION_STREAMS = 16_384;
/** A history that was not used for so long is given back at both ends. */
export const HISTORY_IDLE_MS = 10_000;
/** Without a word from the peer for so long it is asked for one. */
export const PING_AFTER_MS = 10_000;
/** And for so long: the connection is taken for broken. */
export const SILENCE_MS = 25_000;
/** Bytes are under way and none was acknowledged for so long: the same. */
export const STALL_MS = 15_000;

/** Kept for a repeat at most: a peer that has this end answer so much and acknowledges nothing ends the session. */
export const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/** Memory that bytes which wait to be sent may keep, whole or in part; those that come then have memory of their own. */
const MAX_PENDING_SLABS = MAX_SESSION_PENDING_BYTES / SLAB_BYTES;

/** Of one write. */
const BATCH_BYTES = 131_072;
/** Coded in one go; then whatever else the process has to do comes first. */
const TURN_BYTES = 262_144;
/** What is quick may go beyond what may be under way. */
const QUICK_OVERDRAFT_BYTES = 65_536;
/** One stream's turn takes the link so long at most, where that is the bottleneck. */
const TURN_MS = 3;
const MIN_TURN_BYTES = 4096;
const TICK_MS = 2_500;
const NO_BYTES = Buffer.alloc(0);

/** One connection as the session uses it. */
export interface LinkConnection {
  write(bytes: Buffer): void;
  /** Ends it; nothing of it is heard any more. */
  close(why: string): void;
}

export interface LinkSessionOptions {
  readonly id: Buffer;
  readonly role: 'edge' | 'gate';
  readonly codec: LinkCodec;
  readonly clock: Clock;
  /** Runs a function when what is due now is done: setImmediate. */
  readonly defer: (run: () => void) => void;
  /** For the peer's encoders: what they may make this end keep. */
  readonly historyBytes: number;
  /** Gate: a stream begins. Answers its local side, or throws, and then it is reset with the error's text. */
  readonly accept: (stream: LinkStream, opening: LinkOpening) => StreamEnd;
  /** Whether a stream of this service may be compressed by this end. */
  readonly compresses: (service: string) => boolean;
  /** The connection is not used any more, because of what its peer did or did not. */
  readonly onBroken: (why: string) => void;
  /** Edge: what the gate tells of a stream. */
  readonly onNotice?: (stream: LinkStream, notice: LinkNotice) => void;
  /** Edge: the gate goes, and another takes its place: new streams are to be opened there. */
  readonly onLeave?: () => void;
}

export interface LinkFigures {
  readonly streams: number;
  readonly rawBytesSent: number;
  readonly rawBytesReceived: number;
  /** With the records' headers; without TLS. */
  readonly wireBytesSent: number;
  readonly wireBytesReceived: number;
  readonly keptBytes: number;
  readonly historyBytes: number;
  readonly roundTripMs: number | null;
  readonly pieces: Readonly<Record<Effort, number>>;
}

export class LinkSession implements StreamHost {
  readonly id: Buffer;
  readonly #options: LinkSessionOptions;
  readonly #streams = new Map<number, LinkStream>();
  /** Streams that may have something to send, in the order of their turns. */
  readonly #ready = new Set<LinkStream>();
  /** Streams that read nothing until all of them together have room: they may have nothing to send, and no turn of their own. */
  readonly #roomless = new Set<LinkStream>();
  readonly #resend = new ResendQueue();
  readonly #speeds = new EncoderSpeeds();
  readonly #pieces: Record<Effort, number> = { aside: 0, fast: 0, high: 0 };
  #reader = new RecordReader();
  #pace = new LinkPace();
  #connection: LinkConnection | null = null;
  /** What is gathered for the next write; none: empty. */
  #batch: Buffer = NO_BYTES;
  #batchBytes = 0;
  #receivedBytes = 0;
  #ackedToPeerBytes = 0;
  #peerCreditBytes = FIRST_CREDIT_BYTES;
  #pendingBytes = 0;
  #nextStream = 1;
  #lastOpened = 0;
  #isTurnDue = false;
  #isLaterTurnDue = false;
  #isAckDue = false;
  #isRoomDue = false;
  readonly pendingSlabs = new SlabPool({ maxLentSlabs: MAX_PENDING_SLABS });
  /** For batches, until they are acknowledged. */
  readonly #sentSlabs = new SlabPool();
  /** For bytes that have arrived. */
  readonly #arrivedSlabs = new SlabPool();
  /** Whose notices are to be told. */
  readonly #untold = new Set<LinkStream>();
  #isClosed = false;
  #heardAtMs: number;
  #progressAtMs: number;
  #cancelTick: () => void;
  #rawBytesSent = 0;
  #rawBytesReceived = 0;

  constructor(options: LinkSessionOptions) {
    this.id = options.id;
    this.#options = options;
    this.#heardAtMs = this.nowMs();
    this.#progressAtMs = this.#heardAtMs;
    this.#cancelTick = options.clock.schedule(TICK_MS, () => this.#tick());
  }

  // ------------------------------------------------------------------------------------------ its connection

  get isConnected(): boolean {
    return this.#connection !== null;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** It has streams, or the peer does not have all that was sent. */
  get isBusy(): boolean {
    return this.#streams.size > 0 || this.#batchBytes > 0 || this.#resend.keptBytes > 0;
  }

  get streams(): Iterable<LinkStream> {
    return this.#streams.values();
  }

  /** What this end tells of itself as a connection begins. */
  greeting(isResumed: boolean): LinkGreeting {
    return {
      session: this.id,
      isResumed,
      receivedBytes: this.#receivedBytes,
      historyBytes: this.#options.historyBytes,
      creditBytes: FIRST_CREDIT_BYTES,
    };
  }

  /**
   * Goes on over a connection on which both greetings have passed. Throws ERR_LINK_PROTOCOL where the peer claims to have what was
   * never sent.
   */
  attach(connection: LinkConnection, peer: LinkGreeting): void {
    if (!this.#resend.acknowledge(peer.receivedBytes)) throw malformed('the peer counts bytes that were never sent');
    this.#connection?.close('another connection of the same link took its place');
    this.#connection = connection;
    this.#reader = new RecordReader();
    this.#pace = new LinkPace(peer.receivedBytes);
    this.#options.codec.peerLimitBytes = peer.historyBytes;
    this.#peerCreditBytes = peer.creditBytes;
    this.#ackedToPeerBytes = this.#receivedBytes;
    this.#heardAtMs = this.nowMs();
    this.#progressAtMs = this.#heardAtMs;
    for (const bytes of this.#resend.unacknowledged()) this.#put(bytes);
    for (const stream of this.#streams.values()) {
      stream.toldNotice = null;
      if (stream.notice !== null && this.#options.role === 'gate') this.tellNotice(stream);
    }
    this.#askTurn();
  }

  /** The connection is gone, if it is still the one in use. What was sent and not acknowledged is kept. */
  detach(connection: LinkConnection | null = this.#connection): void {
    if (connection === this.#connection) this.#connection = null;
  }

  /** What came on the connection after the greeting, to be looked at before it returns. A peer that breaks the protocol ends the session. */
  receive(chunk: Buffer): void {
    if (this.#connection === null) return;
    this.#heardAtMs = this.nowMs();
    try {
      this.#reader.push(chunk, (record) => {
        this.#take(record);
        if (this.#resend.keptBytes > MAX_KEPT_BYTES) throw malformed('a peer that acknowledges nothing');
        return this.#connection !== null;
      });
    } catch (error) {
      const why = errorText(error);
      // First of all: whoever hears of the break must not take the session for one that goes on.
      this.#isClosed = true;
      this.#break(why);
      this.#end(why);
      return;
    }
    this.#askAcknowledgement();
    if (this.#ready.size > 0) this.#turn();
  }

  /** Ends all streams at this end by reset. */
  close(why: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#end(why);
  }

  #end(why: string): void {
    this.#cancelTick();
    for (const stream of [...this.#streams.values()]) this.#forget(stream, why);
    this.#connection?.close(why);
    this.#connection = null;
  }

  // ------------------------------------------------------------------------------------------ its streams

  /** Edge: opens a stream. Its bytes go out as soon as the link stands. Null: there are too many, or the session is over. */
  open(opening: LinkOpening): LinkStream | null {
    if (this.#isClosed || this.#streams.size >= MAX_SESSION_STREAMS) return null;
    const stream = this.#addStream(this.#nextStream, opening);
    this.#nextStream += 1;
    this.#send(encodeOpening(stream.id, opening));
    return stream;
  }

  figures(): LinkFigures {
    return {
      streams: this.#streams.size,
      rawBytesSent: this.#rawBytesSent,
      rawBytesReceived: this.#rawBytesReceived,
      wireBytesSent: this.#resend.sentBytes,
      wireBytesReceived: this.#receivedBytes,
      keptBytes: this.#resend.keptBytes,
      historyBytes: this.#options.codec.usedBytes,
      roundTripMs: this.#pace.roundTripMs,
      pieces: { ...this.#pieces },
    };
  }

  // ------------------------------------------------------------------------------------------ StreamHost

  nowMs(): number {
    return this.#options.clock.nowMs();
  }

  get isFull(): boolean {
    return this.#pendingBytes >= MAX_SESSION_PENDING_BYTES;
  }

  awaitRoom(stream: LinkStream): void {
    this.#roomless.add(stream);
  }

  notePending(bytes: number): void {
    this.#pendingBytes += bytes;
    if (this.#roomless.size > 0 && !this.isFull) this.#askRoom();
  }

  wake(stream: LinkStream): void {
    this.#ready.add(stream);
    // Of a bulk transfer more is to be read: together it costs fewer writes.
    if (stream.sendableBytes > MIN_TURN_BYTES) this.#askTurnLater();
    else this.#askTurn();
  }

  sendReset(stream: LinkStream, why: string): void {
    this.#send(encodeRecord(RECORD_TYPES.reset, stream.id, Buffer.from(why.slice(0, 200))));
    this.#drop(stream);
  }

  sendCredit(stream: LinkStream, bytes: number): void {
    this.#send(encodeCredit(stream.id, bytes));
  }

  /** Not repeated where the connection breaks: the next one begins with all of them. */
  tellNotice(stream: LinkStream): void {
    this.#untold.add(stream);
    this.#askTurn();
  }

  /** Gate: asks the edge to open new streams elsewhere. */
  askToLeave(): void {
    this.#connection?.write(encodeRecord(RECORD_TYPES.leave));
  }

  // ------------------------------------------------------------------------------------------ sending

  /** At the end of what runs now: what is pushed together is sent together. */
  #askTurn(): void {
    if (this.#isTurnDue || this.#connection === null) return;
    this.#isTurnDue = true;
    queueMicrotask(() => {
      this.#isTurnDue = false;
      this.#turn();
    });
  }

  /** Offers it in the order in which they came to need it, at the end of what runs now. */
  #askRoom(): void {
    if (this.#isRoomDue) return;
    this.#isRoomDue = true;
    queueMicrotask(() => {
      this.#isRoomDue = false;
      for (const stream of this.#roomless) {
        if (this.isFull) return;
        this.#roomless.delete(stream);
        stream.offerRoom();
      }
    });
  }

  #turn(): void {
    if (this.#connection === null) return;
    let leftBytes = TURN_BYTES;
    const nowMs = this.nowMs();
    this.#sendNotices();
    this.#sendQuick(nowMs);
    for (const stream of this.#ready) {
      if (this.#pace.roomBytes <= this.#batchBytes || leftBytes <= 0) break;
      this.#ready.delete(stream);
      if (stream.isOver) continue;
      if (stream.sendableBytes > 0) leftBytes -= this.#sendPiece(stream, Math.min(MAX_PIECE_BYTES, this.#turnBytes));
      this.#sendEndIfDue(stream);
      stream.offerRoom();
      if (stream.sendableBytes > 0) this.#ready.add(stream);
    }
    this.#flush();
    if (leftBytes <= 0 && this.#ready.size > 0) this.#askTurnLater();
  }

  /** When everything else that is due now is done. */
  #askTurnLater(): void {
    if (this.#isLaterTurnDue || this.#connection === null) return;
    this.#isLaterTurnDue = true;
    this.#options.defer(() => {
      this.#isLaterTurnDue = false;
      this.#turn();
    });
  }

  /** Small messages of streams that send little, before all others and beyond what may be under way. */
  #sendQuick(nowMs: number): void {
    for (const stream of this.#ready) {
      if (this.#pace.underWayBytes + this.#batchBytes > this.#pace.flightBytes + QUICK_OVERDRAFT_BYTES) break;
      if (stream.isOver || !stream.isQuick(nowMs)) continue;
      this.#sendPiece(stream, stream.pendingBytes);
      if (stream.pendingBytes > 0) continue;
      this.#sendEndIfDue(stream);
      stream.offerRoom();
      this.#ready.delete(stream);
    }
    this.#flush();
  }

  /** Those that changed, in one write. Behind the streams' openings: these went out before. */
  #sendNotices(): void {
    if (this.#untold.size === 0) return;
    const records: Buffer[] = [];
    for (const stream of this.#untold) {
      const { notice, toldNotice } = stream;
      if (notice === null || stream.isOver) continue;
      if (notice.isActive === toldNotice?.isActive && notice.state === toldNotice.state) continue;
      stream.toldNotice = notice;
      records.push(encodeNotice(stream.id, notice));
    }
    this.#untold.clear();
    if (records.length > 0) this.#connection?.write(Buffer.concat(records));
  }

  /** What the link takes in a turn. */
  get #turnBytes(): number {
    return Math.max(MIN_TURN_BYTES, this.#pace.bytesPerMs * TURN_MS * 2);
  }

  /** Codes and sends one piece of a stream; answers its bytes. */
  #sendPiece(stream: LinkStream, maxBytes: number): number {
    const isBulk = stream.sendableBytes > MIN_TURN_BYTES;
    const effort = stream.isCompressed ? stream.choice.choose(this.#pace.bytesPerMs, isBulk) : 'aside';
    const piece = stream.take(
      Math.floor(Math.min(maxBytes, effort === 'high' ? MAX_HIGH_PIECE_BYTES : MAX_PIECE_BYTES)),
    );
    const beganMs = this.nowMs();
    const coded = stream.encoder.add(piece, effort);
    const codedMs = this.nowMs();
    this.#speeds.note(effort, piece.length, codedMs - beganMs, codedMs);
    if (coded.form !== 'aside') stream.choice.note(effort, piece.length, coded.bytes.length);
    this.#pieces[coded.form === 'aside' ? 'aside' : effort] += 1;
    const prefixBytes = coded.form === 'linked' ? PIECE_PREFIX_BYTES : 0;
    const at = this.#reserve(RECORD_HEADER_BYTES + prefixBytes + coded.bytes.length);
    const flags = pieceFlags(coded);
    writeHeader(this.#batch, at, RECORD_TYPES.data, flags, prefixBytes + coded.bytes.length, stream.id);
    if (prefixBytes > 0) this.#batch.writeUInt16BE(piece.length, at + RECORD_HEADER_BYTES);
    this.#batch.set(coded.bytes, at + RECORD_HEADER_BYTES + prefixBytes);
    this.#sendForgetIfOwed(stream);
    stream.lastSentAtMs = beganMs;
    stream.codedBytesSent += coded.bytes.length;
    this.#rawBytesSent += piece.length;
    return piece.length;
  }

  #sendForgetIfOwed(stream: LinkStream): void {
    if (!stream.encoder.owesForget) return;
    stream.encoder.owesForget = false;
    this.#append(encodeRecord(RECORD_TYPES.forget, stream.id));
  }

  #sendEndIfDue(stream: LinkStream): void {
    const resetWhy = stream.resetDueAt(this.nowMs());
    if (resetWhy !== null) {
      this.sendReset(stream, resetWhy);
      return;
    }
    if (!stream.isEndDue) return;
    stream.hasSentEnd = true;
    stream.encoder.rest();
    this.#append(encodeRecord(RECORD_TYPES.end, stream.id));
    if (stream.hasReceivedEnd) this.#drop(stream);
  }

  /** A numbered record at once, in its order. */
  #send(record: Buffer): void {
    this.#append(record);
    if (this.#connection !== null) this.#askTurn();
    else this.#flush();
  }

  #append(record: Buffer): void {
    const at = this.#reserve(record.length);
    record.copy(this.#batch, at);
  }

  #reserve(bytes: number): number {
    if (this.#batchBytes + bytes > Math.min(this.#batch.length, BATCH_BYTES, this.#turnBytes + 4096)) this.#flush();
    if (this.#batchBytes === 0) this.#batch = this.#sentSlabs.open(Math.max(MIN_TURN_BYTES, bytes));
    const at = this.#batchBytes;
    this.#batchBytes += bytes;
    return at;
  }

  /** What was gathered becomes the resend queue's, and goes out where there is a connection. */
  #flush(): void {
    if (this.#batchBytes === 0) return;
    const lent = this.#sentSlabs.claim(this.#batchBytes);
    this.#batch = NO_BYTES;
    this.#batchBytes = 0;
    this.#resend.push(lent);
    if (this.#connection !== null) this.#put(lent.copy);
  }

  #put(bytes: Buffer): void {
    if (this.#pace.underWayBytes === 0) this.#progressAtMs = this.nowMs();
    this.#connection?.write(bytes);
    this.#pace.noteSent(bytes.length, this.nowMs(), this.#ready.size > 0);
  }

  /** One for all that arrives together: each costs both ends a TLS record and a system call. */
  #askAcknowledgement(): void {
    if (this.#isAckDue || this.#receivedBytes === this.#ackedToPeerBytes) return;
    this.#isAckDue = true;
    this.#options.defer(() => {
      this.#isAckDue = false;
      if (this.#connection === null || this.#receivedBytes === this.#ackedToPeerBytes) return;
      this.#ackedToPeerBytes = this.#receivedBytes;
      this.#connection.write(encodeAck(this.#receivedBytes));
    });
  }

  // ------------------------------------------------------------------------------------------ receiving

  #take(record: LinkRecord): void {
    const isNumbered = record.type >= FIRST_NUMBERED_TYPE;
    if (isNumbered) this.#receivedBytes += RECORD_HEADER_BYTES + record.payload.length;
    if (record.type === RECORD_TYPES.data) this.#onData(record);
    else if (record.type === RECORD_TYPES.ack) this.#onAck(decodeAck(record));
    else if (record.type === RECORD_TYPES.ping) this.#connection?.write(encodeRecord(RECORD_TYPES.pong));
    else if (record.type === RECORD_TYPES.open) this.#onOpen(record);
    else if (record.type === RECORD_TYPES.notice) this.#onNotice(record);
    else if (record.type === RECORD_TYPES.leave) this.#options.onLeave?.();
    else if (isNumbered) this.#onStreamRecord(record);
    // What is not numbered and not known is a later version's business.
  }

  #onNotice(record: LinkRecord): void {
    const notice = decodeNotice(record);
    const stream = this.#streams.get(record.stream);
    if (notice === null || stream === undefined || this.#options.role === 'gate') return;
    stream.notice = notice;
    this.#options.onNotice?.(stream, notice);
  }

  #onStreamRecord(record: LinkRecord): void {
    const stream = this.#streams.get(record.stream);
    switch (record.type) {
      case RECORD_TYPES.end:
        if (stream !== undefined) this.#onEnd(stream);
        return;
      case RECORD_TYPES.reset:
        if (stream !== undefined) this.#forget(stream, record.payload.toString('utf8'));
        return;
      case RECORD_TYPES.credit: {
        const bytes = decodeCredit(record);
        stream?.addCredit(bytes);
        return;
      }
      case RECORD_TYPES.forget:
        stream?.decoder.rest();
        return;
      default:
        throw malformed(`a record of the unknown type ${record.type}`);
    }
  }

  #onAck(upToBytes: number): void {
    if (!this.#resend.acknowledge(upToBytes)) throw malformed(`an ack of ${upToBytes} bytes that were never sent`);
    this.#progressAtMs = this.nowMs();
    this.#pace.noteAcked(upToBytes, this.#progressAtMs);
  }

  #onOpen(record: LinkRecord): void {
    const opening = decodeOpening(record);
    if (this.#options.role !== 'gate' || record.stream <= this.#lastOpened)
      throw malformed(`stream ${record.stream} is opened out of turn`);
    this.#lastOpened = record.stream;
    const stream = this.#addStream(record.stream, opening);
    if (this.#streams.size > MAX_SESSION_STREAMS) {
      this.sendReset(stream, `more than ${MAX_SESSION_STREAMS} streams`);
      return;
    }
    try {
      stream.end = this.#options.accept(stream, opening);
    } catch (error) {
      stream.reset(errorText(error));
    }
  }

  /** The bytes of a stream that this end has reset may still come. */
  #onData(record: LinkRecord): void {
    const stream = this.#streams.get(record.stream);
    if (stream === undefined) return;
    const head = readPieceFlags(record.flags);
    if (head === null || stream.hasReceivedEnd) throw malformed('data that cannot be');
    const { payload } = record;
    const isLinked = head.form === 'linked';
    if (isLinked && payload.length <= PIECE_PREFIX_BYTES) throw malformed('a linked block without bytes');
    const restored = stream.decoder.add({
      ...head,
      rawBytes: isLinked ? payload.readUInt16BE(0) : payload.length,
      bytes: isLinked ? payload.subarray(PIECE_PREFIX_BYTES) : payload,
    });
    const lent = this.#arrivedSlabs.copy(restored);
    this.#rawBytesReceived += lent.copy.length;
    stream.receive(lent);
    if (stream.isOverrun) throw malformed('more bytes than were granted');
  }

  #onEnd(stream: LinkStream): void {
    if (stream.hasReceivedEnd) throw malformed('a stream that ends twice');
    stream.hasReceivedEnd = true;
    stream.decoder.rest();
    stream.end?.onEnd();
    if (stream.hasSentEnd) this.#drop(stream);
  }

  // ------------------------------------------------------------------------------------------ the rest

  #addStream(id: number, { service, client }: LinkOpening): LinkStream {
    const { codec, compresses } = this.#options;
    const stream = new LinkStream({
      id,
      service,
      client,
      host: this,
      encoder: codec.openEncoder(),
      decoder: codec.openDecoder(),
      choice: new EffortChoice(this.#speeds),
      isCompressed: compresses(service),
      creditBytes: this.#peerCreditBytes,
      grantedBytes: FIRST_CREDIT_BYTES,
    });
    this.#streams.set(id, stream);
    return stream;
  }

  #drop(stream: LinkStream): void {
    this.#streams.delete(stream.id);
    this.#ready.delete(stream);
    this.#untold.delete(stream);
    this.#roomless.delete(stream);
    stream.close();
  }

  #forget(stream: LinkStream, why: string): void {
    this.#drop(stream);
    stream.end?.onReset(why);
  }

  #break(why: string): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.close(why);
    if (connection !== null) this.#options.onBroken(why);
  }

  /** Looks after silence, and gives back what nobody uses. */
  #tick(): void {
    this.#cancelTick = this.#options.clock.schedule(TICK_MS, () => this.#tick());
    const nowMs = this.nowMs();
    for (const stream of [...this.#streams.values()]) {
      const resetWhy = stream.resetDueAt(nowMs);
      if (resetWhy !== null) this.sendReset(stream, resetWhy);
      if (nowMs - stream.lastSentAtMs < HISTORY_IDLE_MS || !stream.encoder.hasHistory) continue;
      stream.encoder.rest();
      this.#sendForgetIfOwed(stream);
    }
    this.#flush();
    for (const slabs of [this.pendingSlabs, this.#sentSlabs, this.#arrivedSlabs]) slabs.rest();
    if (this.#connection === null) return;
    const isStalled = this.#resend.keptBytes > 0 && nowMs - this.#progressAtMs > STALL_MS;
    if (isStalled || nowMs - this.#heardAtMs > SILENCE_MS) this.#break('the other end does not answer');
    else if (nowMs - this.#heardAtMs > PING_AFTER_MS) this.#connection.write(encodeRecord(RECORD_TYPES.ping));
  }
}
