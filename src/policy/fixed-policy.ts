// Sleep a fixed time after the last activity: what everybody has, and what the others are measured against.
import { type IdlePlan, PlainPolicy } from './policy.ts';

export class FixedPolicy extends PlainPolicy {
  readonly name: string;
  readonly #idleMs: number;

  /** `idleMs` counts from the last activity, not from the begin of the interval. Infinity: never. */
  constructor(name: string, idleMs: number) {
    super();
    this.name = name;
    this.#idleMs = idleMs;
  }

  begin(beginMs: number, lagMs: number): IdlePlan {
    const momentsMs = [beginMs + Math.max(0, this.#idleMs - lagMs)];
    return { momentsMs, reviewAtMs: Number.POSITIVE_INFINITY };
  }
}
