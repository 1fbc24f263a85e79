// Brings one job to its target over a connection of its own, and tells whether the target has all of it. Nothing is sent while the VM is held.
import { formatEndpoint } from '../../platform/endpoint.ts';
import { TorporError } from '../../platform/errors.ts';
import type { Clock } from '../../platform/ports.ts';
import { formatDuration } from '../../platform/units.ts';
import { type ConnectionEnds, encodeProxyHeader } from '../proxy-header.ts';
import { type PortOwner, SocketPort } from '../socket-port.ts';
import type { StreamHome, StreamRoute } from '../stream.ts';
import type { StreamSocket } from '../stream-socket.ts';
import { type ConnectOwner, TargetConnector } from '../target-connector.ts';

/** A target that takes no byte for this long has failed: a printer without paper is waited for, one that hangs is not. */
export const TAKE_BOUND_MS = 30 * 60_000;
/** One that has all bytes and the FIN, says nothing and does not close either is done with. */
export const QUIET_BOUND_MS = 60_000;
const NOTHING = () => {};

export type DeliveryHome = Pick<
  StreamHome,
  'clock' | 'buffers' | 'sendQueues' | 'sentWaits' | 'farewells' | 'connectBound' | 'isHeld'
>;

/** What a target has to say to one job. */
export interface DeliveryAnswer {
  push(bytes: Uint8Array): void;
  /** The target has ended its side. */
  end(): void;
  /** null: it has not said all yet. */
  readonly outcome: { readonly kind: 'taken' } | { readonly kind: 'refused'; readonly why: string } | null;
}

export interface DeliveryOptions {
  readonly home: DeliveryHome;
  readonly route: StreamRoute;
  readonly ends: ConnectionEnds | null;
  readonly content: AsyncIterable<Uint8Array>;
  /** What has to come before the target has it, instead of the end of the connection; null: nothing. */
  readonly answer?: DeliveryAnswer | null;
  /** What the target says back; it is not read on before that resolves. */
  readonly onReply: (bytes: Uint8Array) => Promise<void>;
  /** So many bytes went to the target. */
  readonly onSent: (bytes: number) => void;
}

export class SpoolDelivery implements ConnectOwner, PortOwner {
  readonly #options: DeliveryOptions;
  readonly #clock: Clock;
  #connector: TargetConnector | null = null;
  #socket: StreamSocket | null = null;
  #port: SocketPort | null = null;
  #problem: Error | null = null;
  #targetHasEnded = false;
  #isClosed = false;
  /** The target's kernel has acknowledged every byte. */
  #isTaken = false;
  #heardAtMs = 0;
  #wake: () => void = NOTHING;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#clock = options.home.clock;
  }

  /** Resolves when the target has it. Rejects with what kept it from that; it may have got a part of it. Once. */
  async run(): Promise<void> {
    const { content, onSent } = this.#options;
    try {
      await this.#connect();
      for await (const piece of content) {
        await this.#mayFlow();
        onSent(piece.length);
        if (this.#port?.write(piece) !== true) await this.#until('takes nothing', TAKE_BOUND_MS, () => this.#isDrained);
      }
      await this.#mayFlow();
      if (this.#answer !== null) await this.#saidYes(this.#answer);
      else await this.#saidNothing();
      // Not by RST: that would take from it what it has not read yet.
      this.#socket?.destroy();
    } catch (thrown) {
      this.#problem ??= thrown as Error;
      this.#drop();
      throw thrown;
    }
  }

  /** The VM is held, or is not any more. */
  heldChanged(): void {
    this.#wake();
  }

  /** Ends it: `run` rejects, unless all was done. */
  abort(why: string): void {
    this.#problem ??= this.#error(why);
    this.#wake();
  }

  // ------------------------------------------------------------------------------------------ what its parts tell it

  /** ConnectOwner. */
  onConnected(socket: StreamSocket): void {
    const { home, route, ends } = this.#options;
    this.#connector = null;
    this.#socket = socket;
    home.sendQueues.track(socket);
    this.#port = new SocketPort(socket, home.buffers, this);
    if (route.sendProxy !== null) this.#port.write(encodeProxyHeader(route.sendProxy, ends));
    this.#wake();
  }

  /** ConnectOwner. */
  onConnectFailed(error: TorporError): void {
    this.#connector = null;
    this.#problem ??= error;
    this.#wake();
  }

  /** PortOwner. */
  onChunk(chunk: Buffer): void {
    this.#heardAtMs = this.#clock.nowMs();
    if (this.#answer !== null) {
      this.#answer.push(chunk);
      this.#noteAnswer();
      return;
    }
    this.#port?.pause();
    void this.#options.onReply(chunk).then(() => this.#port?.resume());
  }

  /** PortOwner. */
  onDrained(): void {
    this.#wake();
  }

  /** PortOwner. */
  onEnd(): void {
    this.#targetHasEnded = true;
    this.#answer?.end();
    this.#noteAnswer();
  }

  /** PortOwner. */
  onClose(): void {
    this.#isClosed = true;
    this.#answer?.end();
    if (!this.#isTaken && this.#answer?.outcome?.kind !== 'taken')
      this.#problem ??= this.#error('ended the connection before it had the whole job');
    this.#wake();
  }

  // ------------------------------------------------------------------------------------------ its steps

  async #connect(): Promise<void> {
    const { home, route } = this.#options;
    while (this.#socket === null) {
      await this.#mayFlow();
      this.#connector = new TargetConnector({
        target: route.target,
        // Attempts side by side would show the printer connections without a byte, and some print those. What is late is tried again.
        pace: 'ordinary',
        clock: this.#clock,
        bound: home.connectBound,
        owner: this,
        raw: home.buffers.raw,
      });
      const isOver = () => this.#socket !== null || this.#isHeld;
      await this.#until('does not answer', TAKE_BOUND_MS, isOver);
      this.#connector?.abort();
      this.#connector = null;
    }
  }

  /** Its answer is what counts; an end of this side before it could be taken for a client that is gone. */
  async #saidYes(answer: DeliveryAnswer): Promise<void> {
    await this.#until('does not answer the job', TAKE_BOUND_MS, () => answer.outcome !== null);
    if (answer.outcome?.kind === 'refused') throw this.#error(`refused the job: ${answer.outcome.why}`);
  }

  async #saidNothing(): Promise<void> {
    await this.#taken();
    await this.#mayFlow();
    this.#socket?.end();
    await this.#answered();
  }

  /** Every byte is with the target's kernel; where that cannot be seen, with ours. */
  async #taken(): Promise<void> {
    const socket = this.#socket as StreamSocket;
    // The bound is `#until`'s: one that is over says nothing of what arrived.
    this.#options.home.sentWaits.add(socket, Number.POSITIVE_INFINITY, () => {
      this.#isTaken = !socket.destroyed && !this.#isClosed;
      this.#wake();
    });
    await this.#until('does not acknowledge the end of the job', TAKE_BOUND_MS, () => this.#isTaken);
  }

  /** A no before all was sent ends the sending: nobody reads the rest. */
  #noteAnswer(): void {
    const outcome = this.#answer?.outcome ?? null;
    if (outcome?.kind === 'refused') this.#problem ??= this.#error(`refused the job: ${outcome.why}`);
    this.#wake();
  }

  get #answer(): DeliveryAnswer | null {
    return this.#options.answer ?? null;
  }

  async #answered(): Promise<void> {
    this.#heardAtMs = this.#clock.nowMs();
    for (;;) {
      const isOver = () => this.#targetHasEnded || this.#isClosed;
      const leftMs = this.#heardAtMs + QUIET_BOUND_MS - this.#clock.nowMs();
      if (isOver() || leftMs <= 0) return;
      await this.#once(leftMs);
    }
  }

  async #mayFlow(): Promise<void> {
    while (this.#isHeld && this.#problem === null) await this.#once(null);
    if (this.#problem !== null) throw this.#problem;
  }

  /** Time during which the VM is held does not count. */
  async #until(whatElse: string, boundMs: number, isDone: () => boolean): Promise<void> {
    let endMs = this.#clock.nowMs() + boundMs;
    while (this.#problem === null && !isDone()) {
      if (this.#isHeld) endMs = this.#clock.nowMs() + boundMs;
      const leftMs = endMs - this.#clock.nowMs();
      if (leftMs <= 0) throw this.#error(`${whatElse} for ${formatDuration(boundMs)}`);
      await this.#once(this.#isHeld ? null : leftMs);
    }
    if (this.#problem !== null) throw this.#problem;
  }

  /** Resolves when something has changed, or after the time. */
  #once(boundMs: number | null): Promise<void> {
    return new Promise((resolve) => {
      const cancel = boundMs === null ? NOTHING : this.#clock.schedule(boundMs, () => this.#wake());
      this.#wake = () => {
        this.#wake = NOTHING;
        cancel();
        resolve();
      };
    });
  }

  get #isHeld(): boolean {
    return this.#options.home.isHeld(this.#options.route.vm);
  }

  get #isDrained(): boolean {
    return this.#port?.isDrained === true;
  }

  #drop(): void {
    this.#connector?.abort();
    this.#connector = null;
    if (this.#socket !== null)
      this.#options.home.farewells.resetTarget(this.#socket, this.#options.route.vm, this.#port ?? this.#socket);
  }

  #error(what: string): TorporError {
    const target = formatEndpoint(this.#options.route.target);
    return new TorporError('ERR_STREAM_TARGET', `the target ${target} ${what}`, { retryable: true });
  }
}
