// The activity table of one platform: which streams are active, since when and why, and every entry and exit. No I/O.

/** Entries and exits that are kept; older ones are dropped and counted. */
export const ACTIVITY_RECORD_BOUND = 1000;

/** One stream in the active pool. */
export interface ActiveEntry {
  readonly streamId: string;
  readonly sinceMs: number;
  /** Why it entered, for people: "client bytes", "connected". */
  readonly why: string;
}

/** One entry into the pool or exit from it, with the pool's size after it: what the patent's BMC would log. */
export interface ActivityRecord {
  readonly atMs: number;
  readonly kind: 'enter' | 'exit';
  readonly streamId: string;
  readonly why: string;
  readonly poolAfter: number;
}

export class ActivityTable {
  readonly #active = new Map<string, ActiveEntry>();
  #records: ActivityRecord[] = [];
  #recorded = 0;

  /** The counter of active users: how many streams are in the pool. */
  get size(): number {
    return this.#active.size;
  }

  /** Who is in the pool, in order of entry. */
  entries(): ActiveEntry[] {
    return [...this.#active.values()];
  }

  /** Entries and exits in order, at most ACTIVITY_RECORD_BOUND of them. */
  records(): readonly ActivityRecord[] {
    return this.#records.slice(-ACTIVITY_RECORD_BOUND);
  }

  /** How many records were dropped at the bound. */
  get droppedRecords(): number {
    return Math.max(0, this.#recorded - ACTIVITY_RECORD_BOUND);
  }

  /** Puts a stream into the pool. False where it is in already: its first entry and reason stand. */
  enter(streamId: string, why: string, atMs: number): boolean {
    if (this.#active.has(streamId)) return false;
    this.#active.set(streamId, { streamId, sinceMs: atMs, why });
    this.#record({ atMs, kind: 'enter', streamId, why, poolAfter: this.#active.size });
    return true;
  }

  /** Takes a stream out of the pool. False where it was not in. */
  exit(streamId: string, why: string, atMs: number): boolean {
    if (!this.#active.delete(streamId)) return false;
    this.#record({ atMs, kind: 'exit', streamId, why, poolAfter: this.#active.size });
    return true;
  }

  #record(record: ActivityRecord): void {
    this.#records.push(record);
    this.#recorded += 1;
    // Cut in one go now and then, so that an entry costs no copy of all.
    if (this.#records.length > 2 * ACTIVITY_RECORD_BOUND) this.#records = this.records() as ActivityRecord[];
  }
}
