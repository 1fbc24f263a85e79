// Drives one handshake over a transport: sends its packets, repeats them with back-off, ends after a bound. Decides no protocol question.
import type { TorporError } from '../../platform/errors.ts';
import type { Clock } from '../../platform/ports.ts';
import type { CipherSuite } from './cipher-suite.ts';
import type { EstablishedSession } from './established-session.ts';
import type { Handshake, HandshakeStep } from './handshake.ts';

/** How an opening ended. `startAgain`: a new handshake may well succeed, for the BMC answers. */
export type OpeningResult =
  | { readonly kind: 'established'; readonly session: EstablishedSession; readonly suite: CipherSuite }
  | { readonly kind: 'failed'; readonly error: TorporError; readonly startAgain: boolean };

/** One handshake on the wire. `result` never rejects. */
export class SessionOpening {
  readonly result: Promise<OpeningResult>;
  readonly #handshake: Handshake;
  readonly #send: (packet: Uint8Array) => void;
  readonly #clock: Clock;
  readonly #waitsMs: readonly number[];
  readonly #resolve: (result: OpeningResult) => void;
  #cancelTimer: () => void = () => {};
  #askedAtMs = 0;
  #done = false;

  constructor(handshake: Handshake, send: (packet: Uint8Array) => void, clock: Clock, waitsMs: readonly number[]) {
    this.#handshake = handshake;
    this.#send = send;
    this.#clock = clock;
    this.#waitsMs = waitsMs;
    const { promise, resolve } = withResolvers<OpeningResult>();
    this.result = promise;
    this.#resolve = resolve;
  }

  start(): void {
    this.#follow(this.#handshake.start());
  }

  /** Takes a packet from the BMC; answers why it was ignored, or null. */
  receive(packet: Uint8Array): string | null {
    if (this.#done) return 'the handshake is over';
    const step = this.#handshake.receive(packet);
    this.#follow(step);
    return step.kind === 'ignored' ? step.why : null;
  }

  /** Ends it: the network, or the session's owner, says so. */
  fail(error: TorporError): void {
    this.#end({ kind: 'failed', error, startAgain: false });
  }

  #follow(step: HandshakeStep): void {
    if (step.kind === 'ignored') return;
    this.#cancelTimer();
    if (step.kind === 'send') {
      this.#askedAtMs = this.#clock.nowMs();
      this.#transmit(step.packet, 0);
    } else if (step.kind === 'established') {
      this.#end(step);
    } else {
      if (step.parting !== null) this.#send(step.parting);
      this.#end({ kind: 'failed', error: step.error, startAgain: step.error.code === 'ERR_IPMI_SESSION' });
    }
  }

  #transmit(packet: Uint8Array, packets: number): void {
    const waitMs = this.#waitsMs[packets];
    if (waitMs === undefined) {
      const next = this.#handshake.silence(packets, this.#clock.nowMs() - this.#askedAtMs);
      if (next.kind === 'silent') this.#end({ kind: 'failed', error: next.error, startAgain: next.startAgain });
      else this.#follow(next);
      return;
    }
    this.#cancelTimer = this.#clock.schedule(waitMs, () => this.#transmit(packet, packets + 1));
    this.#send(packet);
  }

  #end(result: OpeningResult): void {
    if (this.#done) return;
    this.#done = true;
    this.#cancelTimer();
    this.#resolve(result);
  }
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
