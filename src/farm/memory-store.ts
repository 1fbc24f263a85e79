// A shared store in memory, for tests and simulation: one world, several clients, and all that a network may do between them.
import { TorporError } from '../platform/errors.ts';
import type { Clock } from '../platform/ports.ts';
import type {
  RemoveAnswer,
  SharedStore,
  StoreEntry,
  StoreStatus,
  StoreWatch,
  UnknownOutcome,
  WatchListener,
  WriteAnswer,
} from './shared-store.ts';

/** A request that nobody answers is given up after this time. */
const ANSWER_BOUND_MS = 3_000;

/** What happens on the way; change it at any time. */
export interface StoreFaults {
  /** Each way takes between these, milliseconds. */
  delayMs: readonly [least: number, most: number];
  /** 0 to 1: the request is lost, nothing is done. */
  lostRequests: number;
  /** 0 to 1: it was done, the answer is lost. */
  lostAnswers: number;
  /** 0 to 1: a watch tells an entry twice. */
  doubles: number;
  /** 0 to 1: a message that nobody keeps is lost. */
  lostMessages: number;
}

export interface MemoryWorldOptions {
  readonly clock: Clock;
  /** 0 to below 1. Default: no dice, everything takes the least time and nothing is lost. */
  readonly random?: () => number;
}

export class MemoryWorld {
  readonly faults: StoreFaults = { delayMs: [0, 0], lostRequests: 0, lostAnswers: 0, doubles: 0, lostMessages: 0 };
  readonly clock: Clock;
  readonly random: () => number;
  readonly clients = new Set<MemoryStore>();
  /** False: it has no quorum. Clients stay connected, and nothing is answered. */
  answers = true;
  /** Writes that were made, for tests that count. */
  writes = 0;
  /** Writes that were asked for, those included that met a conflict. */
  attempts = 0;
  readonly #entries = new Map<string, StoreEntry>();
  #revision = 0;

  constructor({ clock, random = () => 0 }: MemoryWorldOptions) {
    this.clock = clock;
    this.random = random;
  }

  /** `clock`: the client's own, where it may stand still while the world goes on. */
  client(clock: Clock = this.clock): MemoryStore {
    const client = new MemoryStore(this, clock);
    this.clients.add(client);
    return client;
  }

  entries(): StoreEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.revision - b.revision);
  }

  entry(key: string): StoreEntry | null {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.value === null ? null : entry;
  }

  /** Null: the key is not at this revision (0: nothing stands there). */
  write(key: string, value: string | null, expected: number): number | null {
    this.attempts += 1;
    if ((this.entry(key)?.revision ?? 0) !== expected) return null;
    this.#revision += 1;
    this.writes += 1;
    const entry = { key, value, revision: this.#revision };
    this.#entries.set(key, entry);
    for (const client of this.clients) client.tell(entry);
    return this.#revision;
  }

  delayMs(): number {
    const [least, most] = this.faults.delayMs;
    return least + this.random() * (most - least);
  }

  happens(share: number): boolean {
    return share > 0 && this.random() < share;
  }
}

interface Watching {
  readonly listener: WatchListener;
  /** What was on its way before this turn began is dropped. */
  turn: number;
  /** No entry overtakes another. */
  lastAtMs: number;
  isDead: boolean;
}

/** One client. What it is told comes by its own clock: a process that stands still hears nothing until it goes on. */
export class MemoryStore implements SharedStore {
  readonly #world: MemoryWorld;
  readonly #clock: Clock;
  readonly #watching = new Set<Watching>();
  readonly #statusListeners = new Set<(status: StoreStatus) => void>();
  readonly #subscribed = new Map<string, Set<(text: string) => void>>();
  readonly #answering = new Map<string, (text: string) => Promise<string>>();
  #isCut = false;
  #isClosed = false;
  status: StoreStatus = { connected: true, why: 'memory' };
  /** True: a watch that begins tells nothing more after that, as one whose server dies just then. */
  watchesDie = false;
  /** What its watches tell comes so much later than what it asks for itself, milliseconds. */
  watchLagMs = 0;

  constructor(world: MemoryWorld, clock: Clock) {
    this.#world = world;
    this.#clock = clock;
  }

  /** Nothing passes any more, either way. The client finds out at once where it is not `silent`. */
  cut({ silent = false }: { readonly silent?: boolean } = {}): void {
    this.#isCut = true;
    if (!silent) this.#setStatus({ connected: false, why: 'cut off' });
  }

  mend(): void {
    if (!this.#isCut) return;
    this.#isCut = false;
    this.#setStatus({ connected: true, why: 'memory' });
    for (const watching of this.#watching) this.#begin(watching);
  }

  onStatus(listener: (status: StoreStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  async get(key: string): Promise<StoreEntry | null> {
    const answer = await this.#request(() => ({ entry: this.#world.entry(key) }));
    if ('entry' in answer) return answer.entry;
    throw new TorporError('ERR_STORE_UNREACHABLE', `reading ${key}: ${answer.why}`, { retryable: true });
  }

  create(key: string, value: string): Promise<WriteAnswer> {
    return this.update(key, value, 0);
  }

  update(key: string, value: string, revision: number): Promise<WriteAnswer> {
    return this.#request((): WriteAnswer => {
      const written = this.#world.write(key, value, revision);
      return written === null ? { outcome: 'conflict' } : { outcome: 'written', revision: written };
    });
  }

  remove(key: string, revision: number): Promise<RemoveAnswer> {
    return this.#request((): RemoveAnswer => {
      const removed = this.#world.write(key, null, revision);
      return removed === null ? { outcome: 'conflict' } : { outcome: 'removed' };
    });
  }

  watch(listener: WatchListener): StoreWatch {
    const watching: Watching = { listener, turn: 0, lastAtMs: 0, isDead: false };
    this.#watching.add(watching);
    this.#begin(watching);
    return {
      again: () => this.#begin(watching),
      stop: () => {
        watching.turn += 1;
        this.#watching.delete(watching);
      },
    };
  }

  /** The world's: one key has changed. */
  tell(entry: StoreEntry): void {
    if (this.#isCut) return;
    for (const watching of this.#watching) {
      if (watching.isDead) continue;
      this.#deliver(watching, () => watching.listener.onEntry(entry));
      if (this.#world.happens(this.#world.faults.doubles))
        this.#deliver(watching, () => watching.listener.onEntry(entry));
    }
  }

  publish(subject: string, text: string): void {
    if (this.#isCut || this.#isClosed) return;
    for (const client of this.#world.clients) client.#receive(subject, text);
  }

  subscribe(subject: string, onText: (text: string) => void): () => void {
    const listeners = this.#subscribed.get(subject) ?? new Set();
    this.#subscribed.set(subject, listeners.add(onText));
    return () => listeners.delete(onText);
  }

  ask(subject: string, text: string, { most, boundMs }: { most: number; boundMs: number }): Promise<string[]> {
    return new Promise((resolve) => {
      const answers: string[] = [];
      const cancel = this.#clock.schedule(boundMs, () => resolve(answers));
      const onAnswer = (answer: string) => {
        answers.push(answer);
        if (answers.length < most) return;
        cancel();
        resolve(answers);
      };
      if (this.#isCut || this.#isClosed) return;
      for (const client of this.#world.clients) client.#reply(subject, text, (answer) => this.#carry(onAnswer, answer));
    });
  }

  answer(subject: string, reply: (text: string) => Promise<string>): () => void {
    this.#answering.set(subject, reply);
    return () => this.#answering.delete(subject);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#world.clients.delete(this);
    for (const watching of this.#watching) watching.turn += 1;
    this.#watching.clear();
    this.#setStatus({ connected: false, why: 'closed' });
  }

  #setStatus(status: StoreStatus): void {
    this.status = status;
    for (const listener of this.#statusListeners) listener(status);
  }

  #begin(watching: Watching): void {
    watching.turn += 1;
    if (this.#isCut) return;
    watching.isDead = this.watchesDie;
    this.#deliver(watching, () => watching.listener.onBegin());
    if (watching.isDead) return;
    for (const entry of this.#world.entries()) this.#deliver(watching, () => watching.listener.onEntry(entry));
    this.#deliver(watching, () => watching.listener.onCaughtUp());
  }

  #deliver(watching: Watching, tell: () => void): void {
    const { turn } = watching;
    const nowMs = this.#world.clock.nowMs();
    watching.lastAtMs = Math.max(watching.lastAtMs, nowMs + this.#world.delayMs() + this.watchLagMs);
    this.#world.clock.schedule(watching.lastAtMs - nowMs, () => {
      if (this.#isCut) return;
      this.#clock.schedule(0, () => {
        if (watching.turn === turn) tell();
      });
    });
  }

  #receive(subject: string, text: string): void {
    for (const onText of this.#subscribed.get(subject) ?? []) {
      if (!this.#world.happens(this.#world.faults.lostMessages)) this.#carry(onText, text);
    }
  }

  #reply(subject: string, text: string, answerTo: (answer: string) => void): void {
    const reply = this.#answering.get(subject);
    if (reply === undefined) return;
    this.#carry(async (asked) => {
      const answer = await reply(asked);
      if (!this.#isCut) answerTo(answer);
    }, text);
  }

  /** One message on its way to this client. */
  #carry(arrive: (text: string) => unknown, text: string): void {
    this.#world.clock.schedule(this.#world.delayMs(), () => {
      if (!this.#isCut) this.#clock.schedule(0, () => void arrive(text));
    });
  }

  /** There and back. What is cut on either way, or lost, ends as unknown; on the way back it was done all the same. */
  #request<T>(act: () => T): Promise<T | UnknownOutcome> {
    return new Promise((resolve) => {
      const giveUp = () => resolve({ outcome: 'unknown', why: 'no answer' });
      if (this.#isClosed || (this.#isCut && !this.status.connected)) return giveUp();
      const cancel = this.#clock.schedule(ANSWER_BOUND_MS, giveUp);
      const world = this.#world;
      world.clock.schedule(world.delayMs(), () => {
        if (this.#isCut || !world.answers || world.happens(world.faults.lostRequests)) return;
        const answer = act();
        if (world.happens(world.faults.lostAnswers)) return;
        world.clock.schedule(world.delayMs(), () => {
          if (this.#isCut) return;
          this.#clock.schedule(0, () => {
            cancel();
            resolve(answer);
          });
        });
      });
    });
  }
}
