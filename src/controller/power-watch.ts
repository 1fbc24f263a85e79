// Asks a platform's BMC at the pace that the machine needs, and renews the proof of its wake path.
import { errorText } from '../platform/errors.ts';
import type { PlatformEvent } from '../platform/model.ts';
import type { Clock, PowerDriver } from '../platform/ports.ts';
import { BoundedCalls } from './bounded-calls.ts';

/** Bound on one reading; a BMC that takes longer counts as unreachable. */
const READ_BOUND_MS = 5_000;
/** Bound on one proof: it may open a session and walk the sensor records of a slow BMC. */
const PROOF_BOUND_MS = 60_000;
/** A proof is renewed after this time while the platform runs, and sooner where it failed. */
const PROOF_RENEW_MS = 60_000;
const PROOF_RETRY_MS = 5_000;

export interface PowerWatchOptions {
  readonly driver: PowerDriver;
  readonly clock: Clock;
  readonly onEvent: (event: PlatformEvent) => void;
}

export class PowerWatch {
  readonly #options: PowerWatchOptions;
  readonly #calls: BoundedCalls;
  #paceMs = 500;
  #mayProve = true;
  #nextReadAtMs = 0;
  #nextProofAtMs = 0;
  #reading = false;
  #proving = false;
  /** The first proof runs in any state: until it has ended nobody knows which witness this BMC has. */
  #firstProofEnded = false;
  #cancelTimer: () => void = () => {};

  constructor(options: PowerWatchOptions) {
    this.#options = options;
    this.#calls = new BoundedCalls(options.clock);
  }

  start(): void {
    this.#nextReadAtMs = this.#options.clock.nowMs();
    this.#nextProofAtMs = this.#nextReadAtMs;
    this.#turn();
  }

  stop(): void {
    this.#calls.stop();
    this.#cancelTimer();
  }

  /** A faster pace takes effect at once. `mayProve`: the platform runs, so that a proof tells something. */
  setPace(paceMs: number, mayProve: boolean): void {
    const changed = paceMs !== this.#paceMs || mayProve !== this.#mayProve;
    this.#mayProve = mayProve;
    if (!changed) return;
    this.#paceMs = paceMs;
    this.#nextReadAtMs = Math.min(this.#nextReadAtMs, this.#options.clock.nowMs() + paceMs);
    this.#turn();
  }

  #turn(): void {
    if (this.#calls.isStopped) return;
    this.#cancelTimer();
    const nowMs = this.#options.clock.nowMs();
    const mayProve = this.#mayProve || !this.#firstProofEnded;
    if (mayProve && !this.#proving && nowMs >= this.#nextProofAtMs) this.#prove();
    if (!this.#reading && nowMs >= this.#nextReadAtMs) this.#read();
    const waits = [
      this.#reading ? Number.POSITIVE_INFINITY : this.#nextReadAtMs - nowMs,
      this.#proving || !mayProve ? Number.POSITIVE_INFINITY : this.#nextProofAtMs - nowMs,
    ];
    const waitMs = Math.min(...waits);
    if (Number.isFinite(waitMs))
      this.#cancelTimer = this.#options.clock.schedule(Math.max(1, waitMs), () => this.#turn());
  }

  #read(): void {
    this.#reading = true;
    const { driver } = this.#options;
    this.#calls
      .call(READ_BOUND_MS, (signal) => driver.readPower(signal))
      .then(
        (reading) => this.#readEnded({ kind: 'power', reading }),
        (thrown: unknown) => this.#readEnded({ kind: 'powerLost', why: errorText(thrown) }),
      );
  }

  #readEnded(event: PlatformEvent): void {
    this.#reading = false;
    this.#nextReadAtMs = this.#options.clock.nowMs() + this.#paceMs;
    this.#tell(event);
  }

  #prove(): void {
    const { driver } = this.#options;
    this.#proving = true;
    this.#calls
      .call(PROOF_BOUND_MS, (signal) => driver.proveWake(signal))
      .then(
        ({ proven, why }) =>
          this.#proofEnded({ kind: 'wakeProof', proven, why, capabilities: driver.capabilities() }, proven),
        (thrown: unknown) =>
          this.#proofEnded(
            { kind: 'wakeProof', proven: false, why: errorText(thrown), capabilities: driver.capabilities() },
            false,
          ),
      );
  }

  #proofEnded(event: PlatformEvent, proven: boolean): void {
    this.#proving = false;
    this.#firstProofEnded = true;
    this.#nextProofAtMs = this.#options.clock.nowMs() + (proven ? PROOF_RENEW_MS : PROOF_RETRY_MS);
    this.#tell(event);
  }

  #tell(event: PlatformEvent): void {
    if (this.#calls.isStopped) return;
    this.#options.onEvent(event);
    this.#turn();
  }
}
