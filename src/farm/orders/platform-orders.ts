// Operators' orders for one platform, at one Torpor of a farm: its copy of them, written into the store until both say the same.
import { errorText } from '../../platform/errors.ts';
import type { Clock, Logger } from '../../platform/ports.ts';
import type { SharedStore, StoreEntry } from '../shared-store.ts';
import {
  adoptHeld,
  areSame,
  type FarmOrders,
  formatOrders,
  giveOrder,
  type HeldOrders,
  mergeOrders,
  NO_ORDERS,
  type OrderChange,
  parseOrders,
  settleOrders,
} from './farm-orders.ts';

export const ORDERS_PREFIX = 'orders.';
/** What could not be written is tried again after this time. */
const AGAIN_MS = 2_000;
/** Before a conflict is tried again, at most. */
const CONFLICT_WAIT_MS = 100;

/** This Torpor's copy on disk: for when the store is away, or lost. */
export interface OrdersCopy {
  /** Null where nothing was ever written. Rejects with ERR_JOURNAL. */
  read(platform: string): Promise<string | null>;
  /** Resolves when it is on disk, else rejects with ERR_JOURNAL. */
  write(platform: string, text: string): Promise<void>;
}

/** Where orders hold: a controller, and whoever keeps drained platforms. */
export interface OrdersSink {
  held(): HeldOrders;
  /** Brings what holds there to this. Must not throw. */
  apply(orders: FarmOrders): void;
}

export interface PlatformOrdersOptions {
  readonly platform: string;
  /** This Torpor's name in the farm. */
  readonly self: string;
  readonly store: SharedStore;
  readonly copy: OrdersCopy;
  readonly clock: Clock;
  /** 0 to below 1. */
  readonly random: () => number;
  readonly log: Logger;
}

export class PlatformOrders {
  readonly #options: PlatformOrdersOptions;
  #orders: FarmOrders = NO_ORDERS;
  #sink: OrdersSink | null = null;
  /** As the store has it; null: it is of a kind that this Torpor must not touch. */
  #stored: FarmOrders | null = NO_ORDERS;
  /** 0: nothing stands there. */
  #revision = 0;
  #isRead = false;
  #isStopped = false;
  #isWriting = false;
  #cancelAgain: (() => void) | null = null;
  #keptText = '';
  #copyTail: Promise<void> = Promise.resolve();

  constructor(options: PlatformOrdersOptions) {
    this.#options = options;
  }

  /** With what was kept from the last run, and what holds there and nobody was told of. Never rejects. */
  async start(sink: OrdersSink): Promise<void> {
    const { platform, self, copy, clock, log } = this.#options;
    const kept = await copy.read(platform).catch((thrown: unknown) => {
      log.error({ platform }, errorText(thrown));
      return null;
    });
    const read = kept === null ? null : parseOrders(kept);
    if (kept !== null && read === null)
      log.error({ platform }, 'this Torpor’s copy of the farm’s orders is damaged, or of a newer one: it begins anew');
    this.#sink = sink;
    const known = read === null ? this.#orders : mergeOrders(read, this.#orders);
    this.#set(adoptHeld(known, sink.held(), self, clock.nowMs()));
    this.#reconcile();
  }

  /** Holds at once. Resolves when it is in this Torpor's copy; rejects with ERR_JOURNAL where it holds until Torpor ends. */
  async order(change: OrderChange): Promise<void> {
    const { self, clock } = this.#options;
    this.#set(giveOrder(this.#orders, change, self, clock.nowMs()));
    const written = this.#copyTail;
    this.#reconcile();
    await written;
  }

  /** For people: why the farm's orders are not known; null: they are. */
  problem(): string | null {
    return this.#stored === null
      ? 'operators’ orders in the store were written by a newer Torpor, or are damaged'
      : null;
  }

  get orders(): FarmOrders {
    return this.#orders;
  }

  /** All is told anew: what is known of the store is old. */
  onBegin(): void {
    this.#isRead = false;
    this.#revision = 0;
  }

  onCaughtUp(): void {
    if (this.#revision === 0) this.#stored = NO_ORDERS;
    this.#isRead = true;
    this.#reconcile();
  }

  onEntry({ value, revision }: StoreEntry): void {
    if (revision <= this.#revision) return;
    this.#revision = value === null ? 0 : revision;
    this.#stored = value === null ? NO_ORDERS : parseOrders(value);
    if (this.#stored !== null) this.#set(mergeOrders(this.#orders, this.#stored));
    this.#reconcile();
  }

  /** The store may be there again. */
  changed(): void {
    this.#reconcile();
  }

  stop(): void {
    this.#isStopped = true;
    this.#sink = null;
    this.#cancelAgain?.();
  }

  #set(orders: FarmOrders): void {
    this.#orders = settleOrders(orders, this.#options.clock.nowMs());
    if (this.#sink === null) return;
    this.#keep();
    this.#sink.apply(this.#orders);
  }

  #keep(): void {
    const text = formatOrders(this.#orders);
    if (text === this.#keptText || (this.#keptText === '' && areSame(this.#orders, NO_ORDERS))) return;
    this.#keptText = text;
    const { copy, platform, log } = this.#options;
    const written = this.#copyTail.catch(() => {}).then(() => copy.write(platform, text));
    this.#copyTail = written;
    written.catch((thrown: unknown) => {
      this.#keptText = '';
      log.error({ platform }, errorText(thrown));
    });
  }

  /** The store's, with what only this Torpor knows of. */
  #wanted(stored: FarmOrders): FarmOrders {
    return settleOrders(mergeOrders(this.#orders, stored), this.#options.clock.nowMs());
  }

  #reconcile(): void {
    const { store } = this.#options;
    const stored = this.#stored;
    if (this.#isWriting || this.#isStopped || this.#sink === null || !this.#isRead || stored === null) return;
    if (!store.status.connected || areSame(this.#wanted(stored), stored)) return;
    this.#isWriting = true;
    void this.#write(stored)
      .catch((thrown: unknown) => {
        this.#options.log.error(
          { platform: this.#options.platform, error: errorText(thrown) },
          'orders were not written',
        );
        return AGAIN_MS;
      })
      .then((againMs) => {
        this.#isWriting = false;
        if (againMs === null) this.#reconcile();
        else this.#againLater(againMs);
      });
  }

  /** Resolves with when it is to be tried again; null: it stands there. */
  async #write(stored: FarmOrders): Promise<number | null> {
    const { store, platform, random } = this.#options;
    const key = ORDERS_PREFIX + platform;
    const value = formatOrders(this.#wanted(stored));
    const revision = this.#revision;
    const answered = revision === 0 ? await store.create(key, value) : await store.update(key, value, revision);
    if (answered.outcome === 'written') {
      this.onEntry({ key, value, revision: answered.revision });
      return null;
    }
    try {
      const entry = await store.get(key);
      if (entry !== null) this.onEntry(entry);
    } catch {
      return AGAIN_MS;
    }
    return answered.outcome === 'conflict' ? random() * CONFLICT_WAIT_MS : AGAIN_MS;
  }

  #againLater(delayMs: number): void {
    if (this.#cancelAgain !== null || this.#isStopped) return;
    this.#cancelAgain = this.#options.clock.schedule(delayMs, () => {
      this.#cancelAgain = null;
      this.#reconcile();
    });
  }
}
