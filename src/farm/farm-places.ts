// Where each user of a pool was placed, for all Torpors of a farm: a key for each user, under a name that does not tell who it is. Kept for a while;
// read from memory, written behind. Without the store each Torpor knows what it knew last.
import { createHash } from 'node:crypto';
import type { Logger } from '../platform/ports.ts';
import type { SharedStore, StoreEntry } from './shared-store.ts';

export const PLACE_PREFIX = 'seat.';
/** Whoever did not come for so long is placed anew. Wall milliseconds. */
export const PLACE_LIFETIME_MS = 30 * 24 * 3_600_000;
/** A place that stays is written again at most this often. */
export const PLACE_RENEWAL_MS = 24 * 3_600_000;
/** Bytes of the hash that stands for a user. */
const MARK_BYTES = 16;
/** Users that are told of; beyond it nobody new is, and each Torpor remembers them for itself. */
export const SHARED_PLACES_MAX = 100_000;

interface Place {
  readonly seat: string;
  readonly atMs: number;
  readonly revision: number;
}

export interface FarmPlacesOptions {
  readonly store: SharedStore;
  readonly wallMs: () => number;
  /** One Torpor of the farm tidies up; true: this one. */
  readonly leads: () => boolean;
  readonly log: Logger;
}

export class FarmPlaces {
  readonly #options: FarmPlacesOptions;
  readonly #places = new Map<string, Place>();
  /** Written now, and not answered yet. */
  readonly #writing = new Set<string>();

  constructor(options: FarmPlacesOptions) {
    this.#options = options;
  }

  /** The seat where that user of a pool was placed last, at any Torpor; null: none is known. */
  seatOf(mark: string): string | null {
    const place = this.#places.get(keyOf(mark));
    return place === undefined || this.#isOver(place) ? null : place.seat;
  }

  /** Tells all where the user is now. Nothing waits for it; what cannot be written is written when the user comes again. */
  remember(mark: string, seat: string): void {
    const { store, wallMs, log } = this.#options;
    const key = keyOf(mark);
    const before = this.#places.get(key);
    const atMs = wallMs();
    if (!store.status.connected || this.#writing.has(key)) return;
    if (before?.seat === seat && atMs - before.atMs < PLACE_RENEWAL_MS) return;
    if (before === undefined && this.#places.size + this.#writing.size >= SHARED_PLACES_MAX) return;
    const value = JSON.stringify({ seat, atMs });
    this.#writing.add(key);
    const written = before === undefined ? store.create(key, value) : store.update(key, value, before.revision);
    void written.then((answer) => {
      this.#writing.delete(key);
      if (answer.outcome === 'written') this.onEntry({ key, value, revision: answer.revision });
      // Another placed the same user at the same moment: the store's word holds for the next time.
      else log.debug({ outcome: answer.outcome }, 'where a user was placed was not told to the other Torpors');
    });
  }

  /** Removes those that are over. Called now and then. */
  tidy(): void {
    const { store, leads } = this.#options;
    if (!store.status.connected || !leads()) return;
    for (const [key, place] of this.#places) if (this.#isOver(place)) void store.remove(key, place.revision);
  }

  /** It may be another store: revisions of the one before say nothing. */
  onBegin(): void {
    this.#places.clear();
  }

  onCaughtUp(): void {}

  onEntry({ key, value, revision }: StoreEntry): void {
    if (revision <= (this.#places.get(key)?.revision ?? 0)) return;
    const place = value === null ? null : readPlace(value, revision);
    if (place === null) this.#places.delete(key);
    else this.#places.set(key, place);
  }

  #isOver({ atMs }: Place): boolean {
    return this.#options.wallMs() - atMs > PLACE_LIFETIME_MS;
  }
}

function keyOf(mark: string): string {
  return PLACE_PREFIX + createHash('sha256').update(mark).digest().subarray(0, MARK_BYTES).toString('hex');
}

function readPlace(value: string, revision: number): Place | null {
  try {
    const { seat, atMs } = JSON.parse(value);
    return typeof seat === 'string' && Number.isSafeInteger(atMs) ? { seat, atMs, revision } : null;
  } catch {
    return null;
  }
}
