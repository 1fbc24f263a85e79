// Splits each wake of a simulated platform into the platform's own time and Torpor's.
import type { SimulatedPlatform } from '../power/simulated/simulated-platform.ts';

/** One wake. All in milliseconds. */
export interface WakeSplit {
  readonly platform: string;
  /** From the request to wake until the host ran again. */
  readonly platformMs: number;
  /** From the decision to wake until the request reached the BMC, and from the host's return to the first held byte. */
  readonly torporMs: number;
  readonly decisionMs: number;
  readonly deliveryMs: number;
}

export class WakeStopwatch {
  readonly splits: WakeSplit[] = [];
  readonly #name: string;
  #decidedAtMs: number | null = null;
  #requestedAtMs: number | null = null;
  #runsAtMs: number | null = null;

  constructor(name: string, platform: SimulatedPlatform, nowMs: () => number) {
    this.#name = name;
    platform.host.onChange((change) => {
      if (change.phase === 'resuming') this.#requestedAtMs = change.atMs;
      if (change.phase === 'running') this.#runsAtMs = change.atMs;
    });
    for (const vm of platform.vms) vm.onBytes(() => this.#delivered(nowMs()));
  }

  /** Torpor decided to wake the platform. */
  decided(atMs: number): void {
    this.#decidedAtMs = atMs;
    this.#requestedAtMs = null;
    this.#runsAtMs = null;
  }

  #delivered(atMs: number): void {
    if (this.#decidedAtMs === null || this.#requestedAtMs === null || this.#runsAtMs === null) return;
    const decisionMs = this.#requestedAtMs - this.#decidedAtMs;
    const deliveryMs = atMs - this.#runsAtMs;
    this.splits.push({
      platform: this.#name,
      platformMs: this.#runsAtMs - this.#requestedAtMs,
      torporMs: decisionMs + deliveryMs,
      decisionMs,
      deliveryMs,
    });
    this.#decidedAtMs = null;
  }
}
