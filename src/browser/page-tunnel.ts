// torpor-lz4.v1 over one connection of a page: both directions, and the end of a history that is not used.
import type { LinkCodec } from '../core/link-codec.ts';
import { TunnelDecoder } from '../tunnel/tunnel-decoder.ts';
import { TunnelEncoder } from '../tunnel/tunnel-encoder.ts';

/** A history that was not used for so long, twice that at most, is given back at both ends. */
const SWEEP_MS = 10_000;

export class PageTunnel {
  /** The server sent what cannot be: nothing of it is looked at any more. */
  isBroken = false;
  readonly #socket: WebSocket;
  readonly #encoder: TunnelEncoder;
  readonly #decoder: TunnelDecoder;
  #sweepTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(codec: LinkCodec, socket: WebSocket) {
    this.#socket = socket;
    this.#encoder = new TunnelEncoder(codec);
    this.#decoder = new TunnelDecoder(codec);
  }

  /** Sends a message's worth of bytes; answers what they took. */
  send(bytes: Uint8Array): number {
    const message = this.#encoder.encode(bytes);
    this.#socket.send(message);
    if (this.#encoder.hasHistory) this.#sweepTimer ??= setTimeout(() => this.#sweep(), SWEEP_MS);
    return message.length;
  }

  /** Throws ERR_LINK_PROTOCOL. */
  receive(message: ArrayBuffer): Uint8Array<ArrayBuffer> {
    return this.#decoder.decode(new Uint8Array(message));
  }

  close(): void {
    if (this.#sweepTimer !== null) clearTimeout(this.#sweepTimer);
    this.#sweepTimer = null;
    this.#encoder.close();
    this.#decoder.close();
  }

  #sweep(): void {
    this.#sweepTimer = null;
    const forget = this.#encoder.sweep();
    if (forget !== null) this.#socket.send(forget);
    else if (this.#encoder.hasHistory) this.#sweepTimer = setTimeout(() => this.#sweep(), SWEEP_MS);
  }
}
