// torpor-lz4.v1 at the server: the histories of all web clients' streams in one core of their own, and the bound on how many may have some.
import type { LinkCodec } from '../core/link-codec.ts';
import { LINK_CODEC_TIERS } from '../core/link-codec.ts';
import { loadCore } from '../core/stream-core.ts';
import { TorporError } from '../platform/errors.ts';
import type { Clock } from '../platform/ports.ts';
import { TunnelDecoder } from '../tunnel/tunnel-decoder.ts';
import { TunnelEncoder } from '../tunnel/tunnel-encoder.ts';
import { TUNNEL_SUBPROTOCOL } from '../tunnel/tunnel-message.ts';
import type { TunnelCodec, TunnelSubprotocol } from './tunnel-codec.ts';

/** Tunnels open at once: the subprotocol lets each make this end keep the largest history, so that is set aside for each. */
export const MAX_LZ4_TUNNELS = 512;
/** What this end's encoders may take; a tunnel that finds no room sends as it is. */
const ENCODER_LIMIT_BYTES = 48 * 1024 * 1024;
/** A history that was not used for so long, twice that at most, is given back. */
export const TUNNEL_SWEEP_MS = 10_000;

const DECODER_BYTES = Math.max(...LINK_CODEC_TIERS.map(({ decoderBytes }) => decoderBytes));

export interface Lz4TunnelsOptions {
  readonly clock: Clock;
  /** Default MAX_LZ4_TUNNELS. */
  readonly maxTunnels?: number;
}

export class Lz4Tunnels implements TunnelSubprotocol {
  readonly name = TUNNEL_SUBPROTOCOL;
  readonly #codec: LinkCodec;
  readonly #clock: Clock;
  readonly #maxTunnels: number;
  readonly #open = new Set<Lz4Tunnel>();
  #cancelSweep: (() => void) | null = null;

  /** Throws ERR_CORE_LOAD, ERR_CORE_ABI and ERR_CORE_MEMORY. */
  static async load(options: Lz4TunnelsOptions): Promise<Lz4Tunnels> {
    const maxTunnels = options.maxTunnels ?? MAX_LZ4_TUNNELS;
    // One more: a history that grows stands in two places for a moment.
    const decoderLimitBytes = (maxTunnels + 1) * DECODER_BYTES;
    // Addresses, not memory, until they are used. Twice what is lent: sizes differ, and free ranges between them must hold the largest.
    const heapBytes = 2 * (decoderLimitBytes + ENCODER_LIMIT_BYTES);
    const core = await loadCore({ maxStreams: 1, heapBytes });
    const codec = core.openLinkCodec({ encoderLimitBytes: ENCODER_LIMIT_BYTES, decoderLimitBytes });
    // Each peer keeps the histories of its own stream only: nothing is shared out between them.
    codec.peerLimitBytes = Number.POSITIVE_INFINITY;
    return new Lz4Tunnels(codec, options.clock, maxTunnels);
  }

  private constructor(codec: LinkCodec, clock: Clock, maxTunnels: number) {
    this.#codec = codec;
    this.#clock = clock;
    this.#maxTunnels = maxTunnels;
  }

  /** `open` would not throw. */
  get hasRoom(): boolean {
    return this.#open.size < this.#maxTunnels;
  }

  /** What all histories take now. */
  get usedBytes(): number {
    return this.#codec.usedBytes;
  }

  /** Throws ERR_CORE_MEMORY (retryable) where `maxTunnels` are open. */
  open(): TunnelCodec {
    if (!this.hasRoom)
      throw new TorporError(
        'ERR_CORE_MEMORY',
        `${this.#maxTunnels} web clients have compressed streams, which is all that there is memory for: others may connect without ${TUNNEL_SUBPROTOCOL}`,
        { retryable: true },
      );
    const tunnel = new Lz4Tunnel(this.#codec, () => this.#open.delete(tunnel));
    this.#open.add(tunnel);
    this.#cancelSweep ??= this.#clock.schedule(TUNNEL_SWEEP_MS, () => this.#sweep());
    return tunnel;
  }

  #sweep(): void {
    this.#cancelSweep = null;
    for (const tunnel of this.#open) tunnel.sweep();
    if (this.#open.size > 0) this.#cancelSweep = this.#clock.schedule(TUNNEL_SWEEP_MS, () => this.#sweep());
  }
}

/** Its two histories are its own: no other stream's bytes are ever repeated from. */
class Lz4Tunnel implements TunnelCodec {
  readonly #encoder: TunnelEncoder;
  readonly #decoder: TunnelDecoder;
  readonly #onClose: () => void;

  constructor(codec: LinkCodec, onClose: () => void) {
    this.#encoder = new TunnelEncoder(codec);
    this.#decoder = new TunnelDecoder(codec);
    this.#onClose = onClose;
  }

  decode(message: Uint8Array): Uint8Array {
    return this.#decoder.decode(message);
  }

  encode(bytes: Uint8Array): Uint8Array {
    return this.#encoder.encode(bytes);
  }

  /** The client is not told: its decoder waits for the next history, which says that it begins. */
  sweep(): void {
    this.#encoder.sweep();
  }

  close(): void {
    this.#encoder.close();
    this.#decoder.close();
    this.#onClose();
  }
}
