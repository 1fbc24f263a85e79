// The requests of one disk client that are not answered yet, by the tag that their answers bear. Knows no protocol.

/** NBD clients have some 128 at most in flight, iSCSI initiators as many as their target's command window. Beyond, a table is full. */
export const REQUESTS_MAX = 1024;
/** So long a request counts. Linux gives a SCSI command up after 30 s and an NBD one, where it has a time-out at all, no later. */
export const UNANSWERED_BOUND_MS = 10 * 60_000;

export interface DiskRequest {
  readonly sinceMs: number;
  /** NBD: what a simple reply brings along. */
  readonly answerBytes: number;
  /** iSCSI: the logical unit. */
  readonly unit: bigint;
}

export class RequestTable {
  readonly #requests = new Map<bigint, DiskRequest>();

  /** All that are kept, those that do not count any more included. */
  get size(): number {
    return this.#requests.size;
  }

  /** False where there is no room. A tag that is in use already begins anew. */
  add(tag: bigint, request: DiskRequest): boolean {
    if (this.#requests.size >= REQUESTS_MAX && !this.#requests.has(tag)) return false;
    this.#requests.set(tag, request);
    return true;
  }

  get(tag: bigint): DiskRequest | undefined {
    return this.#requests.get(tag);
  }

  remove(tag: bigint): void {
    this.#requests.delete(tag);
  }

  /** Of one logical unit; null: of all. */
  removeUnit(unit: bigint | null): void {
    for (const [tag, request] of this.#requests) if (unit === null || request.unit === unit) this.#requests.delete(tag);
  }

  clear(): void {
    this.#requests.clear();
  }

  /** Those that count. */
  count(nowMs: number): number {
    let count = 0;
    for (const { sinceMs } of this.#requests.values()) if (nowMs - sinceMs < UNANSWERED_BOUND_MS) count += 1;
    return count;
  }
}
