// Which wakes take a place on each circuit, over all Torpors of a farm: one key for each circuit, changed by compare-and-set, so that what two of them
// decide at one moment is never added up. Whose turn it is others decide; where the store cannot be asked they decide for this Torpor alone.
import type { Clock } from '../platform/ports.ts';
import type { FarmView } from './platform-member.ts';
import type { MemberId } from './platform-record.ts';
import type { SharedStore, StoreEntry } from './shared-store.ts';

export const CIRCUIT_PREFIX = 'circuit.';
/** After a write that nobody answered nothing is asked of the store for so long. Milliseconds. */
const PATIENCE_MS = 5_000;

export interface FarmTurnsOptions {
  readonly store: SharedStore;
  readonly view: FarmView;
  /** How many Torpors there are, this one included, as far as is known. */
  readonly instances: () => number;
  readonly clock: Clock;
}

/** What stands in the store of one circuit. */
interface Book {
  revision: number;
  turns: Readonly<Record<string, MemberId>>;
  /** Since when a turn of another has been seen, by platform. */
  readonly seenMs: Map<string, number>;
  isWriting: boolean;
}

export class FarmTurns {
  readonly #options: FarmTurnsOptions;
  readonly #books = new Map<string, Book>();
  #isRead = false;
  #failedUntilMs = 0;
  /** Something else may be decided now. Must not throw. */
  onChange: () => void = () => {};

  constructor(options: FarmTurnsOptions) {
    this.#options = options;
  }

  /** Why the other Torpors cannot be asked; null: they can. */
  doubt(): string | null {
    const { store, view, clock } = this.#options;
    if (!store.status.connected) return `the shared store: ${store.status.why}`;
    if (!this.#isRead) return 'what the others do has not been read yet';
    if (clock.nowMs() < this.#failedUntilMs) return 'the shared store did not answer';
    return view.leaseHolds() ? null : 'the store has not confirmed this Torpor’s lease';
  }

  /** What this Torpor may decide alone of a limit, at least 1. */
  ownShareOf(limit: number): number {
    return Math.max(1, Math.floor(limit / Math.max(1, this.#options.instances())));
  }

  /** Platforms of the circuit that another Torpor wakes, and since when, clock milliseconds. */
  elsewhere(circuit: string): ReadonlyMap<string, number> {
    const { view, clock } = this.#options;
    const { turns, seenMs } = this.#book(circuit);
    const others = Object.entries(turns).filter(([, by]) => by !== view.me && view.isLive(by));
    return new Map(others.map(([platform]) => [platform, seenMs.get(platform) ?? clock.nowMs()]));
  }

  isMine(circuit: string, platform: string): boolean {
    const { turns } = this.#book(circuit);
    return Object.hasOwn(turns, platform) && turns[platform] === this.#options.view.me;
  }

  /**
   * This Torpor's turns are to be these; decided on what `elsewhere` says now. Where that has changed meanwhile nothing is written: `onChange` comes
   * after it, and all is decided anew.
   */
  want(circuit: string, platforms: readonly string[]): void {
    const { store, view } = this.#options;
    const book = this.#book(circuit);
    if (book.isWriting || this.doubt() !== null) return;
    const others = Object.entries(book.turns).filter(([, by]) => by !== view.me && view.isLive(by));
    // A platform whose wake all of them see takes one place, that of who began.
    const turns = Object.fromEntries([...platforms.map((platform) => [platform, view.me] as const), ...others]);
    const isSame = Object.keys(turns).length === Object.keys(book.turns).length;
    if (isSame && Object.entries(turns).every(([platform, by]) => book.turns[platform] === by)) return;
    book.isWriting = true;
    const key = CIRCUIT_PREFIX + keyPart(circuit);
    const { revision } = book;
    const value = JSON.stringify({ circuit, turns });
    void (revision === 0 ? store.create(key, value) : store.update(key, value, revision)).then(async (answer) => {
      if (answer.outcome === 'written') this.onEntry({ key, value, revision: answer.revision });
      else await this.#lookAgain(key);
      book.isWriting = false;
      this.onChange();
    });
  }

  onBegin(): void {
    this.#isRead = false;
    this.#books.clear();
  }

  onCaughtUp(): void {
    this.#isRead = true;
    this.onChange();
  }

  onEntry({ value, revision }: StoreEntry): void {
    const read = value === null ? null : readTurns(value);
    if (read === null) return;
    const book = this.#book(read.circuit);
    if (revision <= book.revision) return;
    const nowMs = this.#options.clock.nowMs();
    for (const platform of book.seenMs.keys())
      if (read.turns[platform] !== book.turns[platform]) book.seenMs.delete(platform);
    for (const platform of Object.keys(read.turns)) if (!book.seenMs.has(platform)) book.seenMs.set(platform, nowMs);
    book.revision = revision;
    book.turns = read.turns;
    if (!book.isWriting && this.#isRead) this.onChange();
  }

  async #lookAgain(key: string): Promise<void> {
    const { store, clock } = this.#options;
    try {
      const entry = await store.get(key);
      if (entry !== null) this.onEntry(entry);
    } catch {
      this.#failedUntilMs = clock.nowMs() + PATIENCE_MS;
    }
  }

  #book(circuit: string): Book {
    const known = this.#books.get(circuit);
    if (known !== undefined) return known;
    const book: Book = { revision: 0, turns: {}, seenMs: new Map(), isWriting: false };
    this.#books.set(circuit, book);
    return book;
  }
}

/** Names may have letters that keys have not. */
function keyPart(name: string): string {
  return Buffer.from(name).toString('base64url');
}

function readTurns(value: string): { circuit: string; turns: Record<string, MemberId> } | null {
  try {
    const { circuit, turns } = JSON.parse(value);
    const isWhole = Object.values(turns as object).every((by) => typeof by === 'string');
    return isWhole ? { circuit: String(circuit), turns } : null;
  } catch {
    return null;
  }
}
