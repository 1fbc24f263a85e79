// A WebSocket as pages know it, whose bytes go compressed where the server knows torpor-lz4.v1 and as they are where not. Leaves the connection to the
// browser's own WebSocket and the messages to src/tunnel/.
import { MAX_PIECE_BYTES } from '../core/link-codec.ts';
import { errorText } from '../platform/errors.ts';
import { TUNNEL_SUBPROTOCOL } from '../tunnel/tunnel-message.ts';
import { takePlace } from './page-codec.ts';
import { PageTunnel } from './page-tunnel.ts';

/** What a message of the server's that cannot be is answered with; 1007 is not a page's to say. */
const MALFORMED_CODE = 4007;
const ABNORMAL_CODE = 1006;
/** RFC 6455 section 5.5: a close frame's reason. */
const MAX_REASON_LETTERS = 60;

/** Payload of messages so far. `coded` is what the connection carried; without compression both are the same. */
export interface TorporSocketTraffic {
  readonly sentBytes: number;
  readonly sentCodedBytes: number;
  readonly receivedBytes: number;
  readonly receivedCodedBytes: number;
}

type Handled = 'open' | 'message' | 'error' | 'close';
type Handler = ((this: WebSocket, event: never) => unknown) | null;

/**
 * To be used in place of a WebSocket: `new RFB(element, new TorporSocket(url))`, `new AttachAddon(new TorporSocket(url))`. What differs: the core is
 * fetched before the connection is made (at the first socket of a page), text becomes bytes where the stream is compressed, messages are cut and
 * joined as it likes there (it is a stream), and no Blob can be sent then. Where the core cannot be loaded the connection is a plain one.
 */
export class TorporSocket extends EventTarget implements WebSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;

  readonly url: string;
  binaryType: BinaryType = 'blob';
  readonly #handlers = new Map<Handled, Handler>();
  #socket: WebSocket | null = null;
  /** Counts while there is no socket. */
  #ownState = 0;
  #tunnel: PageTunnel | null = null;
  #leavePlace: (() => void) | null = null;
  #traffic = { sentBytes: 0, sentCodedBytes: 0, receivedBytes: 0, receivedCodedBytes: 0 };

  /** `protocols`: what the server may choose where it does not know torpor-lz4.v1. Throws a SyntaxError for what is no WebSocket's URL. */
  constructor(url: string | URL, protocols: string | readonly string[] = ['binary']) {
    super();
    this.url = resolveUrl(url);
    void this.#connect(typeof protocols === 'string' ? [protocols] : [...protocols]);
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return (this.#socket?.readyState ?? this.#ownState) as 0 | 1 | 2 | 3;
  }

  /** What the server chose: TUNNEL_SUBPROTOCOL where the stream is compressed. */
  get protocol(): string {
    return this.#socket?.protocol ?? '';
  }

  get extensions(): string {
    return this.#socket?.extensions ?? '';
  }

  /** As compressed. */
  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  get traffic(): TorporSocketTraffic {
    return { ...this.#traffic };
  }

  /** Throws an InvalidStateError before `open`. */
  send(data: string | BufferSource | Blob): void {
    if (this.#socket === null || this.#socket.readyState === 0)
      throw new DOMException('the connection is not open yet', 'InvalidStateError');
    if (this.#tunnel === null) {
      this.#note('sent', sizeOf(data), sizeOf(data));
      this.#socket.send(data);
      return;
    }
    const bytes = bytesOf(data);
    for (let at = 0; at < bytes.length; at += MAX_PIECE_BYTES) {
      const part = bytes.subarray(at, at + MAX_PIECE_BYTES);
      this.#note('sent', part.length, this.#tunnel.send(part));
    }
  }

  close(code?: number, reason?: string): void {
    if (this.#socket !== null) {
      this.#socket.close(code, reason);
      return;
    }
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999))
      throw new DOMException(`a page may close with 1000 or 3000 to 4999, not ${code}`, 'InvalidAccessError');
    if (this.#ownState === 0) this.#ownState = 2;
  }

  // ------------------------------------------------------------------------------------------ handlers as properties

  get onopen(): WebSocket['onopen'] {
    return this.#handler('open') as WebSocket['onopen'];
  }
  set onopen(handler: WebSocket['onopen']) {
    this.#setHandler('open', handler);
  }
  get onmessage(): WebSocket['onmessage'] {
    return this.#handler('message') as WebSocket['onmessage'];
  }
  set onmessage(handler: WebSocket['onmessage']) {
    this.#setHandler('message', handler);
  }
  get onerror(): WebSocket['onerror'] {
    return this.#handler('error') as WebSocket['onerror'];
  }
  set onerror(handler: WebSocket['onerror']) {
    this.#setHandler('error', handler);
  }
  get onclose(): WebSocket['onclose'] {
    return this.#handler('close') as WebSocket['onclose'];
  }
  set onclose(handler: WebSocket['onclose']) {
    this.#setHandler('close', handler);
  }

  #handler(type: Handled): Handler {
    return this.#handlers.get(type) ?? null;
  }

  /** The first one takes its turn among the listeners; later ones take its place. */
  #setHandler(type: Handled, handler: Handler): void {
    if (!this.#handlers.has(type))
      this.addEventListener(type, (event) => this.#handlers.get(type)?.call(this, event as never));
    this.#handlers.set(type, typeof handler === 'function' ? handler : null);
  }

  // ------------------------------------------------------------------------------------------ the connection

  async #connect(protocols: readonly string[]): Promise<void> {
    // Before the connection, not beside it: what is offered must be what this page can do.
    const place = await takePlace();
    this.#leavePlace = place?.leave ?? null;
    try {
      if (this.#ownState !== 0) throw new Error('closed before it was connected');
      const socket = new WebSocket(this.url, place === null ? [...protocols] : [TUNNEL_SUBPROTOCOL, ...protocols]);
      socket.binaryType = 'arraybuffer';
      this.#socket = socket;
      socket.onopen = () => {
        if (place !== null && socket.protocol === TUNNEL_SUBPROTOCOL)
          this.#tunnel = new PageTunnel(place.codec, socket);
        else this.#giveBack();
        this.dispatchEvent(new Event('open'));
      };
      socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.#onMessage(event);
      socket.onerror = () => this.dispatchEvent(new Event('error'));
      socket.onclose = ({ code, reason, wasClean }) => this.#onClose({ code, reason, wasClean });
    } catch {
      // As a browser's own socket does it whose connection fails.
      this.dispatchEvent(new Event('error'));
      this.#onClose({ code: ABNORMAL_CODE, reason: '', wasClean: false });
    }
  }

  #onMessage({ data, origin }: MessageEvent<string | ArrayBuffer>): void {
    if (this.#tunnel === null) {
      this.#note('received', sizeOf(data), sizeOf(data));
      this.#deliver(data, origin);
      return;
    }
    if (this.#tunnel.isBroken) return;
    try {
      if (typeof data === 'string') throw new Error(`text in a stream of ${TUNNEL_SUBPROTOCOL}`);
      const bytes = this.#tunnel.receive(data);
      this.#note('received', bytes.length, data.byteLength);
      if (bytes.length > 0) this.#deliver(bytes.buffer, origin);
    } catch (error) {
      this.#tunnel.isBroken = true;
      this.#socket?.close(MALFORMED_CODE, errorText(error).slice(0, MAX_REASON_LETTERS));
      this.dispatchEvent(new Event('error'));
    }
  }

  #deliver(data: string | ArrayBuffer, origin: string): void {
    const given = typeof data !== 'string' && this.binaryType === 'blob' ? new Blob([data]) : data;
    this.dispatchEvent(new MessageEvent('message', { data: given, origin }));
  }

  #onClose(how: { code: number; reason: string; wasClean: boolean }): void {
    this.#ownState = 3;
    this.#giveBack();
    this.dispatchEvent(new CloseEvent('close', how));
  }

  #giveBack(): void {
    this.#tunnel?.close();
    this.#leavePlace?.();
    this.#leavePlace = null;
  }

  #note(way: 'sent' | 'received', rawBytes: number, codedBytes: number): void {
    this.#traffic[`${way}Bytes`] += rawBytes;
    this.#traffic[`${way}CodedBytes`] += codedBytes;
  }
}

function resolveUrl(url: string | URL): string {
  let resolved: URL;
  try {
    resolved = new URL(url, globalThis.location?.href);
  } catch {
    throw new DOMException(`${url} is no URL`, 'SyntaxError');
  }
  // Browsers take http for ws since 2023; those before do not.
  if (resolved.protocol === 'http:') resolved.protocol = 'ws:';
  if (resolved.protocol === 'https:') resolved.protocol = 'wss:';
  if (resolved.protocol !== 'ws:' && resolved.protocol !== 'wss:')
    throw new DOMException(`${url} is no URL of a WebSocket`, 'SyntaxError');
  return resolved.href;
}

function bytesOf(data: string | BufferSource | Blob): Uint8Array {
  if (typeof data === 'string') return new TextEncoder().encode(data);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw new TypeError('a compressed stream takes bytes or text: for a Blob send what its arrayBuffer() resolves to');
}

function sizeOf(data: string | BufferSource | Blob): number {
  if (typeof data === 'string') return new TextEncoder().encode(data).length;
  return data instanceof Blob ? data.size : data.byteLength;
}
