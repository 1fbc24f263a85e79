// Requests and their answers within one session: rqSeq matching, repeats with back-off, a bounded number at a time. Knows no command's meaning.
import { TorporError } from '../../platform/errors.ts';
import type { Clock, PressFence } from '../../platform/ports.ts';
import { passFence } from '../press-fence.ts';
import type { EstablishedSession } from './established-session.ts';
import { decodeIpmiResponse, encodeIpmiRequest, type IpmiResponse } from './ipmi-message.ts';
import { RequestSequence } from './request-sequence.ts';
import type { SessionBounds } from './session-bounds.ts';
import { abortedError } from './until-aborted.ts';

/** The session no longer answers: what `CommandExchange` rejects with when a command's repeats are used up. */
export class SessionSilence extends Error {
  override readonly name = 'SessionSilence';
  readonly packets: number;
  readonly waitedMs: number;

  constructor(packets: number, waitedMs: number) {
    super('no answer');
    this.packets = packets;
    this.waitedMs = waitedMs;
  }
}

/** One command, encoded. */
export interface ExchangeRequest {
  readonly name: string;
  readonly netFn: number;
  /** Default 0. */
  readonly lun?: number | undefined;
  readonly code: number;
  readonly body: Uint8Array;
  /** One packet, never repeated. */
  readonly once?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Asked when the packet is ready: where it is shut the request rejects with ERR_POWER_FENCED, and nothing goes out. */
  readonly fence?: PressFence | undefined;
  /** Called when the first packet goes out: from then on the BMC may have acted. */
  readonly onSent?: (() => void) | undefined;
}

interface Pending {
  readonly request: ExchangeRequest;
  readonly startedAtMs: number;
  rqSeq: number | null;
  packets: number;
  cancelTimer: () => void;
  settle(result: IpmiResponse | Error): void;
}

/** The commands in flight in one session. */
export class CommandExchange {
  readonly session: EstablishedSession;
  readonly #send: (packet: Uint8Array) => void;
  readonly #clock: Clock;
  readonly #bounds: SessionBounds;
  readonly #sequence: RequestSequence;
  readonly #inFlight = new Map<number, Pending>();
  readonly #waiting: Pending[] = [];
  #ended = false;

  constructor(session: EstablishedSession, send: (packet: Uint8Array) => void, clock: Clock, bounds: SessionBounds) {
    this.session = session;
    this.#send = send;
    this.#clock = clock;
    this.#bounds = bounds;
    this.#sequence = new RequestSequence(bounds.rqSeqQuarantineMs);
  }

  /**
   * Sends one request and resolves with its response, whatever the completion code. Rejects with SessionSilence after
   * the last repeat, with ERR_IPMI_SESSION where too many wait already, with what `fail` is given, and with
   * ERR_IPMI_TIMEOUT when the signal aborts.
   */
  run(request: ExchangeRequest): Promise<IpmiResponse> {
    if (request.signal?.aborted) return Promise.reject(abortedError(request.name, request.signal));
    if (this.#ended) return Promise.reject(new SessionSilence(0, 0));
    if (this.#waiting.length >= this.#bounds.maxWaiting) {
      const text = `${request.name} was not sent: ${this.#waiting.length} commands wait for the BMC already; ask less often`;
      return Promise.reject(new TorporError('ERR_IPMI_SESSION', text, { retryable: true }));
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => pending.settle(abortedError(request.name, request.signal));
      const pending: Pending = {
        request,
        startedAtMs: this.#clock.nowMs(),
        rqSeq: null,
        packets: 0,
        cancelTimer: () => {},
        settle: (result) => {
          request.signal?.removeEventListener('abort', onAbort);
          this.#drop(pending, !(result instanceof Error) && pending.packets === 1);
          if (result instanceof Error) reject(result);
          else resolve(result);
        },
      };
      request.signal?.addEventListener('abort', onAbort);
      this.#waiting.push(pending);
      this.#sendWaiting();
    });
  }

  #sendWaiting(): void {
    while (this.#inFlight.size < this.#bounds.maxInFlight) {
      const pending = this.#waiting.shift();
      if (pending === undefined) return;
      pending.rqSeq = this.#sequence.take(this.#clock.nowMs());
      if (pending.rqSeq === null) {
        this.#waiting.unshift(pending);
        return;
      }
      this.#inFlight.set(pending.rqSeq, pending);
      this.#transmit(pending);
    }
  }

  #transmit(pending: Pending): void {
    const { request } = pending;
    const waitsMs = request.once ? [this.#bounds.onceWaitMs] : this.#bounds.commandWaitsMs;
    const waitMs = waitsMs[pending.packets];
    if (waitMs === undefined) {
      pending.settle(new SessionSilence(pending.packets, this.#clock.nowMs() - pending.startedAtMs));
      return;
    }
    pending.packets += 1;
    pending.cancelTimer = this.#clock.schedule(waitMs, () => this.#transmit(pending));
    const { netFn, lun = 0, code, body } = request;
    const message = encodeIpmiRequest({ netFn, lun, rqSeq: pending.rqSeq as number, command: code, body });
    const packet = this.session.seal(message);
    try {
      passFence(request.fence);
    } catch (thrown) {
      pending.settle(thrown as Error);
      return;
    }
    if (pending.packets === 1) request.onSent?.();
    this.#send(packet);
  }

  /** Takes a pending command out, wherever it is, and lets the next one go. */
  #drop(pending: Pending, answeredCleanly: boolean): void {
    pending.cancelTimer();
    if (pending.rqSeq === null) {
      const place = this.#waiting.indexOf(pending);
      if (place >= 0) this.#waiting.splice(place, 1);
      return;
    }
    if (this.#inFlight.get(pending.rqSeq) !== pending) return;
    this.#inFlight.delete(pending.rqSeq);
    this.#sequence.giveBack(pending.rqSeq, this.#clock.nowMs(), !answeredCleanly);
    this.#sendWaiting();
  }

  /**
   * Takes an IPMI message that came through the session. Answers false where it belongs to no pending command: a late
   * or doubled answer. Throws ERR_IPMI_PROTOCOL on one that cannot be read.
   */
  receive(message: Uint8Array): boolean {
    const response = decodeIpmiResponse(message);
    const pending = this.#inFlight.get(response.rqSeq);
    if (pending === undefined) return false;
    const { netFn, code } = pending.request;
    if (response.netFn !== netFn + 1 || response.command !== code) return false;
    pending.settle(response);
    return true;
  }

  /** Rejects everything that is pending or waiting. */
  fail(error: Error): void {
    this.#settleAll(() => error);
  }

  /** The session is gone: everything rejects with `error`, or with SessionSilence where none is given, also what comes later. */
  end(error?: Error): void {
    this.#ended = true;
    const nowMs = this.#clock.nowMs();
    this.#settleAll((pending) => error ?? new SessionSilence(pending.packets, nowMs - pending.startedAtMs));
  }

  #settleAll(errorFor: (pending: Pending) => Error): void {
    const all = [...this.#inFlight.values(), ...this.#waiting];
    // Emptied first, so that no waiting command is sent when a place becomes free.
    this.#waiting.length = 0;
    for (const pending of all) pending.settle(errorFor(pending));
  }
}
