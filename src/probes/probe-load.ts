// What the probes of all platforms ask together, bounded: of many that wake at once each is asked less often. Asks nothing itself.

/** Questions that all VMs together are asked within a second before each of them has to wait longer for its next. */
export const QUESTIONS_PER_SECOND = 2000;
/** Nobody waits longer than this, milliseconds: evidence has to stay fresh (EVIDENCE_FRESH_MS of src/platform/evidence.ts). */
export const STRETCHED_MAX_MS = 2000;

/** One for all probers of a process. */
export class ProbeLoad {
  /** How many probers ask at which interval, milliseconds. */
  readonly #askers = new Map<number, number>();
  #begun = 0;

  /** A prober that asked at one interval now asks at another; null: not at all. */
  change(formerMs: number | null, nextMs: number | null): void {
    if (formerMs !== null) this.#count(formerMs, -1);
    if (nextMs !== null) this.#count(nextMs, 1);
  }

  /** The interval that a prober is to keep now, milliseconds. */
  stretch(intervalMs: number): number {
    const over = this.#perSecond() / QUESTIONS_PER_SECOND;
    return over <= 1 ? intervalMs : Math.max(intervalMs, Math.min(intervalMs * over, STRETCHED_MAX_MS));
  }

  /** How long one that begins waits with its first question, milliseconds: 0, or its place within the stretched interval. */
  stagger(intervalMs: number): number {
    const stretchedMs = this.stretch(intervalMs);
    if (stretchedMs === intervalMs) return 0;
    this.#begun += 1;
    return (this.#begun * (1000 / QUESTIONS_PER_SECOND)) % stretchedMs;
  }

  #perSecond(): number {
    let sum = 0;
    for (const [intervalMs, count] of this.#askers) sum += (count * 1000) / intervalMs;
    return sum;
  }

  #count(intervalMs: number, by: number): void {
    const count = (this.#askers.get(intervalMs) ?? 0) + by;
    if (count === 0) this.#askers.delete(intervalMs);
    else this.#askers.set(intervalMs, count);
  }
}
