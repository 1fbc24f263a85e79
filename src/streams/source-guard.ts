// Who may use a listener, and how often one source may wake its sleeper. What happens to a client that may not is its caller's.
import { containsAddress, type IpNetwork } from '../platform/ip-network.ts';
import { sourceOf } from './client-source.ts';

/** At most `count` wakes by one source within any `perMs`. */
export interface WakeRate {
  readonly count: number;
  readonly perMs: number;
}

export interface SourceGuardOptions {
  /** null: everybody. */
  readonly allowFrom: readonly IpNetwork[] | null;
  /** null: no bound. */
  readonly wakeRate: WakeRate | null;
}

/** Sources that one listener remembers; beyond it the one that woke the longest ago is forgotten. */
export const SOURCES_MAX = 4096;

/** One listener's guard. An address that cannot be read belongs to no network, and shares its count with all such. */
export class SourceGuard {
  readonly #options: SourceGuardOptions;
  /** Moments of the last wakes of each source, oldest source first. */
  readonly #wakes = new Map<string, readonly number[]>();

  constructor(options: SourceGuardOptions) {
    this.#options = options;
  }

  /** Sources that are remembered. */
  get size(): number {
    return this.#wakes.size;
  }

  /** Whether clients of this address are served at all. */
  allows(address: string): boolean {
    const { allowFrom } = this.#options;
    return allowFrom === null || containsAddress(allowFrom, address);
  }

  /** Counts one wake of this source. False, and nothing is counted, where it had its share. */
  takeWake(address: string, nowMs: number): boolean {
    const { wakeRate } = this.#options;
    if (wakeRate === null) return true;
    const source = sourceOf(address);
    const recent = (this.#wakes.get(source) ?? []).filter((atMs) => nowMs - atMs < wakeRate.perMs);
    if (recent.length >= wakeRate.count) return false;
    this.#wakes.delete(source);
    this.#wakes.set(source, [...recent, nowMs]);
    if (this.#wakes.size > SOURCES_MAX) this.#wakes.delete(this.#wakes.keys().next().value as string);
    return true;
  }
}
