// One edge's link to the gate in virtual time: real sessions and codecs at both ends, a line that delivers in pieces, breaks at any
// byte, and comes back within the window or too late. Does what LinkEdge and LinkGate do with sessions, without TLS and sockets.
import type { LinkCodec } from '../../src/core/link-codec.ts';
import { loadCore, type StreamCore } from '../../src/core/stream-core.ts';
import type { LinkOpening } from '../../src/link/link-records.ts';
import { LinkSession } from '../../src/link/link-session.ts';
import type { LinkStream, StreamEnd } from '../../src/link/link-stream.ts';
import type { VirtualClock } from './virtual-clock.ts';

export const RESUME_MS = 60_000;
const HISTORY_BYTES = 4 * 1024 * 1024;

export interface VirtualLinkOptions {
  readonly clock: VirtualClock;
  readonly random: (below: number) => number;
  readonly delayMs: number;
  readonly accept: (stream: LinkStream, opening: LinkOpening) => StreamEnd;
}

export class VirtualLink {
  edge!: LinkSession;
  gate!: LinkSession;
  breaks = 0;
  resumes = 0;
  tooLong = 0;
  wireBytes = 0;
  plainBytes = 0;
  readonly #options: VirtualLinkOptions;
  readonly #codecs: readonly LinkCodec[];
  #generation = 0;
  #isConnected = false;

  static async start(options: VirtualLinkOptions): Promise<VirtualLink> {
    const cores = await Promise.all([loadCore({ maxStreams: 1 }), loadCore({ maxStreams: 1 })]);
    return new VirtualLink(options, cores);
  }

  private constructor(options: VirtualLinkOptions, cores: readonly StreamCore[]) {
    this.#options = options;
    const limits = { encoderLimitBytes: HISTORY_BYTES, decoderLimitBytes: HISTORY_BYTES };
    this.#codecs = cores.map((core) => core.openLinkCodec(limits));
    this.#begin();
    this.#connect();
  }

  /** The line breaks for so long. What is on it is lost. */
  cut(forMs: number): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#generation += 1;
    this.breaks += 1;
    this.edge.detach();
    this.gate.detach();
    const { clock } = this.#options;
    clock.schedule(Math.min(forMs, RESUME_MS), () => {
      if (forMs < RESUME_MS) {
        this.resumes += 1;
        this.#connect();
        return;
      }
      this.tooLong += 1;
      this.close('the link was away for too long');
      this.#begin();
      clock.schedule(forMs - RESUME_MS, () => this.#connect());
    });
  }

  close(why: string): void {
    for (const session of [this.edge, this.gate]) {
      const { rawBytesSent, wireBytesSent } = session.figures();
      this.plainBytes += rawBytesSent;
      this.wireBytes += wireBytesSent;
      session.close(why);
    }
    if (this.#codecs.some(({ usedBytes }) => usedBytes > 0)) throw new Error('a session that is over keeps memory');
  }

  #begin(): void {
    this.edge = this.#make('edge', 0);
    this.gate = this.#make('gate', 1);
  }

  #make(role: 'edge' | 'gate', at: number): LinkSession {
    const { clock, accept } = this.#options;
    return new LinkSession({
      id: Buffer.alloc(16, 3),
      role,
      codec: this.#codecs[at] as LinkCodec,
      clock,
      defer: (run) => void clock.schedule(0, run),
      historyBytes: HISTORY_BYTES,
      compresses: () => true,
      onBroken: (why) => {
        throw new Error(`the ${role} gave the connection up: ${why}`);
      },
      accept,
    });
  }

  #connect(): void {
    this.#isConnected = true;
    this.#generation += 1;
    const [hello, welcome] = [this.edge.greeting(true), this.gate.greeting(true)];
    this.gate.attach(this.#wire(this.edge), hello);
    this.edge.attach(this.#wire(this.gate), welcome);
  }

  #wire(to: LinkSession) {
    const { clock, random, delayMs } = this.#options;
    const generation = this.#generation;
    let freeAtMs = 0;
    return {
      write: (bytes: Buffer) => {
        const copy = Buffer.from(bytes);
        for (let at = 0; at < copy.length; ) {
          const piece = copy.subarray(at, at + 1 + random(16_384));
          at += piece.length;
          freeAtMs = Math.max(freeAtMs, clock.nowMs()) + piece.length / 2500;
          clock.schedule(freeAtMs - clock.nowMs() + delayMs, () => {
            if (generation === this.#generation) to.receive(piece);
          });
        }
      },
      close: () => {},
    };
  }
}
