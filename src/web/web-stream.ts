// A client's WebSocket as the socket of a stream: the payload of its messages is the stream's bytes. Who may connect is judged before.
import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import type { Clock } from '../platform/ports.ts';
import type { WebSocketRule } from '../platform/web-socket-rule.ts';
import type { SocketEvent, SocketListener, StreamSocket } from '../streams/stream-socket.ts';
import type { PortDuplex } from './port-duplex.ts';
import { TUNNEL_MAX_ENCODED_BYTES, type TunnelCodec } from './tunnel-codec.ts';

/** A client that leaves so many pings in a row without any word is gone. */
export const UNANSWERED_MAX = 3;
/** A client that is told why it is let go has this long to say goodbye, too. */
export const GOODBYE_MS = 2_000;
/** What a server says to a client that has left is for nobody; one that goes on for so long does not notice that it left. */
export const DEAF_MS = 10_000;

/** RFC 6455 section 7.4.1, and 1013 of its registry. */
const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  unacceptable: 1003,
  noStatus: 1005,
  invalid: 1007,
  broken: 1011,
  later: 1013,
};

export interface WebStreamOptions {
  /** Open, without an automatic pong. */
  readonly webSocket: WebSocket;
  /** Under it. */
  readonly duplex: PortDuplex;
  /** Under that; it knows the addresses. */
  readonly socket: StreamSocket;
  readonly rule: Pick<WebSocketRule, 'text' | 'pingEveryMs'>;
  /** null: messages are the bytes. */
  readonly codec: TunnelCodec | null;
  readonly clock: Clock;
}

/**
 * How endings translate. A WebSocket has no half-close: a client's Close (1000, 1001, none, or the application's own 3000 to 4999) is its FIN, behind all
 * that it sent; any other, or none, is a RST. Towards the client FIN is Close 1000, behind all bytes, and RST is Close 1011 (1013 where it
 * may come again).
 *
 * Backpressure: at most one read of the socket and one message wait here for a reader that paused. Pings are answered at once; while the client takes
 * nothing only the last one is (RFC 6455 section 5.5.3 allows it), so that a client cannot make pongs pile up.
 */
export class WebStream extends EventEmitter implements StreamSocket {
  /** StreamSocket. */
  readonly isPlain = true;
  destroyed = false;
  writableEnded = false;
  writableFinished = false;
  readonly #options: WebStreamOptions;
  /** Came while the reader paused. */
  readonly #inbox: Buffer[] = [];
  #isPaused = false;
  #isDelivering = false;
  /** How the WebSocket ended; null: it has not. */
  #ending: 'fin' | 'rst' | null = null;
  #error: Error | null = null;
  /** Nothing comes any more, and nothing can be sent. */
  #isOver = false;
  #isClosed = false;
  #mayComeAgain = false;
  /** Its reset is on its way: nothing of it is for anybody. */
  #isDropped = false;
  #pong: Buffer | null = null;
  #unanswered = 0;
  #cancelPing: () => void = () => {};
  #cancelGoodbye: () => void = () => {};
  #cancelDeaf: (() => void) | null = null;

  constructor(options: WebStreamOptions) {
    super();
    this.#options = options;
    const { webSocket, duplex } = options;
    webSocket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary));
    webSocket.on('ping', (data) => this.#onPing(data));
    webSocket.on('pong', () => this.#heard());
    webSocket.on('error', (error) => {
      this.#error ??= error;
    });
    webSocket.on('close', (code) => this.#onClose(code));
    duplex.on('drain', () => this.#onDrain());
    this.#planPing();
  }

  override on(event: SocketEvent, listener: SocketListener): this {
    return super.on(event, listener as () => void);
  }

  override once(event: SocketEvent, listener: SocketListener): this {
    return super.once(event, listener as () => void);
  }

  override removeListener(event: SocketEvent, listener: SocketListener): this {
    return super.removeListener(event, listener as () => void);
  }

  // ------------------------------------------------------------------------------------------ who it is

  get remoteAddress(): string | undefined {
    return this.#options.socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#options.socket.remotePort;
  }

  get localAddress(): string | undefined {
    return this.#options.socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#options.socket.localPort;
  }

  // ------------------------------------------------------------------------------------------ writing

  get writableLength(): number {
    return this.destroyed ? 0 : this.#options.duplex.writableLength;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver) this.#hearNothing();
    if (!this.#canWrite()) return false;
    if (bytes.length > 0) this.#send(bytes);
    return this.writableLength === 0;
  }

  end(bytes?: Uint8Array): void {
    if (this.writableEnded || this.destroyed) return;
    if (bytes !== undefined) this.write(bytes);
    this.writableEnded = true;
    this.#closeIfSent();
  }

  #canWrite(): boolean {
    const { webSocket } = this.#options;
    return !this.destroyed && !this.writableEnded && webSocket.readyState === webSocket.OPEN;
  }

  #send(bytes: Uint8Array): void {
    const { webSocket, codec } = this.#options;
    if (codec === null) {
      webSocket.send(bytes, { binary: true });
      return;
    }
    for (let at = 0; at < bytes.length; at += TUNNEL_MAX_ENCODED_BYTES) {
      // What the codec gives is its own memory.
      const message = Buffer.from(codec.encode(bytes.subarray(at, at + TUNNEL_MAX_ENCODED_BYTES)));
      webSocket.send(message, { binary: true });
    }
  }

  #onDrain(): void {
    if (this.#isOver || this.#options.duplex.writableLength > 0) return;
    this.#answerPing();
    if (this.#options.duplex.writableLength > 0) return;
    if (this.writableEnded) this.#closeIfSent();
    else if (!this.destroyed) this.emit('drain');
  }

  /** ws bounds the wait for the client's answer from here on: what was written before must not count against that. */
  #closeIfSent(): void {
    const { webSocket, duplex } = this.#options;
    if (this.writableFinished || this.destroyed || duplex.writableLength > 0) return;
    if (webSocket.readyState === webSocket.OPEN) webSocket.close(CLOSE.normal);
    if (duplex.writableLength > 0) return;
    this.writableFinished = true;
    this.emit('finish');
    if (this.#isOver) this.#close();
  }

  /** The client has said its last word, and the server has not: TCP would answer with a RST at once. */
  #hearNothing(): void {
    const { clock } = this.#options;
    this.#cancelDeaf ??= clock.schedule(DEAF_MS, () => {
      if (!this.destroyed) this.#fail();
    });
  }

  // ------------------------------------------------------------------------------------------ reading

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#options.webSocket.pause();
  }

  /** What waits is handed out before anything more is read, never from within this call. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#inbox.length === 0 && this.#ending === null) this.#options.webSocket.resume();
    else queueMicrotask(() => this.#handOut());
  }

  #onMessage(message: Buffer, isBinary: boolean): void {
    this.#heard();
    if (this.#isDropped) return;
    if (!isBinary && this.#options.rule.text === 'refuse') {
      this.#breakOff(CLOSE.unacceptable, 'text messages are not taken here: send binary ones');
      return;
    }
    this.#inbox.push(message);
    this.#handOut();
  }

  /** In their order; an end keeps its place behind them. */
  #handOut(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    while (!this.#isPaused && !this.#isDropped && this.#inbox.length > 0) this.#deliver(this.#inbox.shift() as Buffer);
    this.#isDelivering = false;
    if (this.#isPaused && !this.#isDropped) return;
    if (this.#ending !== null) this.#finish(this.#ending);
    else if (this.#options.webSocket.isPaused) this.#options.webSocket.resume();
  }

  #deliver(message: Buffer): void {
    const bytes = this.#decode(message);
    if (bytes !== null && bytes.length > 0) this.emit('data', bytes);
  }

  #decode(message: Buffer): Buffer | null {
    const { codec } = this.#options;
    if (codec === null) return message;
    try {
      return Buffer.from(codec.decode(message));
    } catch (error) {
      this.#error ??= error instanceof Error ? error : new Error(String(error));
      this.#breakOff(CLOSE.invalid, 'a message is not of the subprotocol that was agreed on');
      return null;
    }
  }

  // ------------------------------------------------------------------------------------------ pings

  /** From the client: never activity, and answered whatever its stream waits for. */
  #onPing(payload: Buffer): void {
    this.#heard();
    this.#pong = payload;
    if (this.#options.duplex.writableLength === 0) this.#answerPing();
  }

  #answerPing(): void {
    const { webSocket } = this.#options;
    const payload = this.#pong;
    this.#pong = null;
    if (payload !== null && webSocket.readyState === webSocket.OPEN) webSocket.pong(payload);
  }

  #heard(): void {
    this.#unanswered = 0;
  }

  #planPing(): void {
    const { clock, rule } = this.#options;
    if (rule.pingEveryMs !== null) this.#cancelPing = clock.schedule(rule.pingEveryMs, () => this.#ping());
  }

  /** Where it is not read from its answer cannot be seen, and where it takes nothing it cannot be asked: then TCP has to tell. */
  #ping(): void {
    const { webSocket, duplex } = this.#options;
    if (this.#isOver || webSocket.readyState !== webSocket.OPEN) return;
    if (this.#unanswered >= UNANSWERED_MAX) {
      this.#error ??= Object.assign(new Error('it answered no ping'), { code: 'ETIMEDOUT' });
      webSocket.terminate();
      return;
    }
    if (!this.#isPaused && duplex.writableLength === 0) {
      this.#unanswered += 1;
      webSocket.ping();
    }
    this.#planPing();
  }

  // ------------------------------------------------------------------------------------------ the end

  destroy(): void {
    if (this.destroyed) return;
    this.#drop();
    this.#options.webSocket.terminate();
    if (this.#isOver) this.#close();
  }

  /** The next reset says that the client may try again. */
  tryLater(): void {
    this.#mayComeAgain = true;
  }

  resetAndDestroy(): void {
    if (this.destroyed) return;
    const { webSocket, clock } = this.#options;
    this.#drop();
    if (this.#isOver) {
      this.#close();
      return;
    }
    if (this.#mayComeAgain) webSocket.close(CLOSE.later, 'not now: try again later');
    else webSocket.close(CLOSE.broken, 'the connection behind it is gone');
    // Its answer must be read, whoever paused.
    webSocket.resume();
    this.#cancelGoodbye = clock.schedule(GOODBYE_MS, () => webSocket.terminate());
  }

  #drop(): void {
    this.destroyed = true;
    this.#isDropped = true;
    this.#inbox.length = 0;
    this.#cancelPing();
  }

  /** A client that breaks the rules: for its stream it has reset the connection. */
  #breakOff(code: number, reason: string): void {
    const { webSocket, clock } = this.#options;
    this.#error ??= Object.assign(new Error(reason), { code: 'ERR_WEB_MESSAGE' });
    this.#isDropped = true;
    this.#inbox.length = 0;
    webSocket.close(code, reason);
    webSocket.resume();
    this.#cancelGoodbye = clock.schedule(GOODBYE_MS, () => webSocket.terminate());
  }

  /** The WebSocket and its TCP connection are closed; what came before may still wait for its reader. */
  #onClose(code: number): void {
    this.#cancelPing();
    this.#cancelGoodbye();
    const isOrderly = isFarewell(code) || (this.writableFinished && this.#error === null);
    this.#ending = isOrderly && !this.#isDropped ? 'fin' : 'rst';
    if (this.#inbox.length === 0 || this.#isDropped) this.#finish(this.#ending);
    else this.#handOut();
  }

  #finish(ending: 'fin' | 'rst'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.codec?.close();
    if (ending === 'rst') {
      if (this.destroyed) this.#close();
      else this.#fail();
      return;
    }
    this.emit('end');
    // Else when the other direction ends, as a socket does that ends in two halves.
    if (this.writableFinished) this.#close();
  }

  #fail(): void {
    this.destroyed = true;
    this.emit('error', this.#error ?? Object.assign(new Error('it left without a word'), { code: 'ECONNRESET' }));
    this.#close();
  }

  /** Never from within a call. */
  #close(): void {
    this.#cancelDeaf?.();
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.destroyed = true;
    queueMicrotask(() => this.emit('close'));
  }
}

/** What a client says that has nothing more to say. */
function isFarewell(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code === CLOSE.normal || code === CLOSE.goingAway || code === CLOSE.noStatus;
}
