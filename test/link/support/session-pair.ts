// Two ends of a link in one process: a wire that delivers in pieces of any size after a delay, and can be cut at any byte.
import { loadCore, type StreamCore } from '../../../src/core/stream-core.ts';
import {
  decodeGreeting,
  encodeGreeting,
  type LinkGreeting,
  type LinkOpening,
  RECORD_TYPES,
  RecordReader,
} from '../../../src/link/link-records.ts';
import { LinkSession } from '../../../src/link/link-session.ts';
import type { LinkStream, StreamEnd } from '../../../src/link/link-stream.ts';
import type { FakeClock } from '../../support/fake-clock.ts';

export const HISTORY_BYTES = 4 * 1024 * 1024;

/** A local side that keeps what came and takes it at once, or when it is told to. */
export class KeptEnd implements StreamEnd {
  readonly chunks: Buffer[] = [];
  hasEnded = false;
  resetBy: string | null = null;
  rooms = 0;
  stream: LinkStream | null = null;
  isSlow = false;
  #owedBytes = 0;

  onBytes(bytes: Buffer): void {
    this.chunks.push(bytes);
    this.#owedBytes += bytes.length;
    if (!this.isSlow) this.takeAll();
  }

  takeAll(): void {
    const bytes = this.#owedBytes;
    this.#owedBytes = 0;
    if (bytes > 0) this.stream?.consumed(bytes);
  }

  onEnd(): void {
    this.hasEnded = true;
  }

  onReset(why: string): void {
    this.resetBy = why;
  }

  onRoom(): void {
    this.rooms += 1;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

export interface WireOptions {
  readonly delayMs: number;
  /** Bytes a millisecond; 0: as many as come. */
  readonly bytesPerMs?: number;
  /** How many bytes of `left` the next delivery takes. */
  readonly cut?: (left: number) => number;
}

export class SessionPair {
  readonly edge: LinkSession;
  readonly gate: LinkSession;
  readonly arrived = new Map<number, KeptEnd>();
  readonly breaks: string[] = [];
  refuse: string | null = null;
  readonly #clock: FakeClock;
  #generation = 0;

  static async make(clock: FakeClock, historyBytes = HISTORY_BYTES): Promise<SessionPair> {
    const cores = await Promise.all([loadCore({ maxStreams: 1 }), loadCore({ maxStreams: 1 })]);
    return new SessionPair(clock, cores as [StreamCore, StreamCore], historyBytes);
  }

  private constructor(clock: FakeClock, [edgeCore, gateCore]: [StreamCore, StreamCore], historyBytes: number) {
    this.#clock = clock;
    const common = {
      id: Buffer.alloc(16, 7),
      clock,
      defer: (run: () => void) => void clock.schedule(0, run),
      historyBytes,
      compresses: (service: string) => service !== 'plain',
      onBroken: (why: string) => this.breaks.push(why),
    };
    const limits = { encoderLimitBytes: 8 * 1024 * 1024, decoderLimitBytes: historyBytes };
    const none = () => {
      throw new Error('nobody opens streams towards an edge');
    };
    this.edge = new LinkSession({ ...common, role: 'edge', codec: edgeCore.openLinkCodec(limits), accept: none });
    this.gate = new LinkSession({
      ...common,
      role: 'gate',
      codec: gateCore.openLinkCodec(limits),
      accept: (stream, opening) => this.#accept(stream, opening),
    });
  }

  /** Opens a stream at the edge, with its local side. */
  open(opening: LinkOpening = { service: 'desktop', client: '192.0.2.1:4000' }): { stream: LinkStream; end: KeptEnd } {
    const stream = this.edge.open(opening);
    if (stream === null) throw new Error('the session takes no stream');
    const end = new KeptEnd();
    end.stream = stream;
    stream.end = end;
    return { stream, end };
  }

  /** A new connection, with both greetings passed as they would on it. */
  connect(wire: WireOptions): void {
    this.#generation += 1;
    const { edge, gate } = this;
    const seenByGate = passGreeting(RECORD_TYPES.hello, edge.greeting(this.#generation > 1));
    const seenByEdge = passGreeting(RECORD_TYPES.welcome, gate.greeting(this.#generation > 1));
    gate.attach(this.#connection(wire, edge), seenByGate);
    edge.attach(this.#connection(wire, gate), seenByEdge);
  }

  /** Whatever is on the wire is lost; both ends hear that the connection is gone. */
  cut(): void {
    this.#generation += 1;
    this.edge.detach();
    this.gate.detach();
  }

  #accept(stream: LinkStream, opening: LinkOpening): StreamEnd {
    if (this.refuse !== null) throw new Error(this.refuse);
    const end = new KeptEnd();
    end.stream = stream;
    this.arrived.set(stream.id, end);
    this.lastOpening = opening;
    return end;
  }

  lastOpening: LinkOpening | null = null;

  #connection(wire: WireOptions, to: LinkSession) {
    const generation = this.#generation;
    let freeAtMs = 0;
    let isClosed = false;
    return {
      write: (bytes: Buffer) => {
        const copy = Buffer.from(bytes);
        // Each piece at a moment of its own: a cut may come between any two.
        for (let at = 0; at < copy.length; ) {
          const piece = copy.subarray(at, at + (wire.cut?.(copy.length - at) ?? copy.length));
          at += piece.length;
          const nowMs = this.#clock.nowMs();
          freeAtMs =
            Math.max(freeAtMs, nowMs) + (wire.bytesPerMs === undefined ? 0.01 : piece.length / wire.bytesPerMs);
          this.#clock.schedule(freeAtMs - nowMs + wire.delayMs, () => {
            if (!isClosed && generation === this.#generation) to.receive(piece);
          });
        }
      },
      close: () => {
        isClosed = true;
      },
    };
  }
}

function passGreeting(type: number, greeting: LinkGreeting): LinkGreeting {
  const seen: LinkGreeting[] = [];
  new RecordReader().push(encodeGreeting(type, greeting), (record) => {
    seen.push(decodeGreeting(record));
    return true;
  });
  return seen[0] as LinkGreeting;
}
