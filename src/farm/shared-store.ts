// The port to what several Torpors share: keys with revisions, a watch over them, and messages that nobody keeps.

/** One key as it stands. Revisions grow over all keys of a store: they order its writes. */
export interface StoreEntry {
  readonly key: string;
  /** Null: it was removed. */
  readonly value: string | null;
  readonly revision: number;
}

/** The store did not answer in time: what was asked for may have happened, may happen later, or never. */
export interface UnknownOutcome {
  readonly outcome: 'unknown';
  readonly why: string;
}

/** conflict: the key is not, or no longer, as it was expected; nothing was written. */
export type WriteAnswer =
  | { readonly outcome: 'written'; readonly revision: number }
  | { readonly outcome: 'conflict' }
  | UnknownOutcome;

export type RemoveAnswer = { readonly outcome: 'removed' } | { readonly outcome: 'conflict' } | UnknownOutcome;

/**
 * Told in the order of revisions. `onBegin`: all is told anew from here on, what was told before counts no longer (at the start, and
 * after whatever may have lost something). An entry may be told twice.
 */
export interface WatchListener {
  onBegin(): void;
  onEntry(entry: StoreEntry): void;
  /** All that stood when it began has been told. */
  onCaughtUp(): void;
}

export interface StoreWatch {
  /** Begins anew: for whoever finds that it has fallen silent. */
  again(): void;
  stop(): void;
}

export interface StoreStatus {
  readonly connected: boolean;
  /** Whom it is connected with, or why not: for people. */
  readonly why: string;
  /** What would help, where that is known. */
  readonly todo?: string | null;
}

/** Keys are of letters, digits, `-`, `_` and `.`. Values and messages are text. */
export interface SharedStore {
  readonly status: StoreStatus;
  /** Called on each change; returns how to stop that. */
  onStatus(listener: (status: StoreStatus) => void): () => void;
  /** Null where nothing stands there. Rejects with ERR_STORE_UNREACHABLE. */
  get(key: string): Promise<StoreEntry | null>;
  /** Writes where nothing stands there. Never rejects. */
  create(key: string, value: string): Promise<WriteAnswer>;
  /** Compare-and-set: writes where the key's revision is this one. Never rejects. */
  update(key: string, value: string, revision: number): Promise<WriteAnswer>;
  /** Removes where the key's revision is this one. Never rejects. */
  remove(key: string, revision: number): Promise<RemoveAnswer>;
  /** Every key as it is and as it changes. */
  watch(listener: WatchListener): StoreWatch;
  /** To whoever listens at this moment, this client too. Nobody is told whether it arrived. */
  publish(subject: string, text: string): void;
  subscribe(subject: string, onText: (text: string) => void): () => void;
  /** Asks all who answer to this subject. Resolves with what came within the bound, at `most` answers at once. Never rejects. */
  ask(subject: string, text: string, options: { readonly most: number; readonly boundMs: number }): Promise<string[]>;
  answer(subject: string, reply: (text: string) => Promise<string>): () => void;
  /** Ends what is under way. Bounded, never rejects. */
  close(): Promise<void>;
}
