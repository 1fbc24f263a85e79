// Addresses of names, as the system knows them. Each question to the system takes one of the few threads that also write the journal, for as
// long as a name service that is gone is waited for; and that service may be a VM of the very platform that sleeps. So few questions are open
// at once, one a name, and who asks while no answer comes gets the last one.
import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Clock } from './platform/ports.ts';
import { systemClock } from './system-clock.ts';

/** Of the thread pool's four. */
export const QUESTIONS_MAX = 2;
/** Who asks so soon after an answer gets that one. */
export const FRESH_MS = 1_000;
/** Then an older answer does. */
export const PATIENCE_MS = 500;
/** All names are the configuration's; this many are remembered. */
const NAMES_MAX = 4096;

type Answer = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void;
type AskSystem = (
  name: string,
  options: LookupOptions & { readonly all: true },
  answer: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

interface Question {
  readonly key: string;
  readonly name: string;
  readonly options: LookupOptions;
  readonly waiting: Set<Answer>;
}

interface Known {
  readonly addresses: readonly LookupAddress[];
  readonly atMs: number;
}

export interface NameLookupOptions {
  readonly clock: Clock;
  /** Default: getaddrinfo(3). */
  readonly ask?: AskSystem;
}

export class NameLookup {
  readonly #clock: Clock;
  readonly #ask: AskSystem;
  readonly #known = new Map<string, Known>();
  /** Open or in the queue, by name and what is asked for. */
  readonly #questions = new Map<string, Question>();
  readonly #queue: Question[] = [];
  #open = 0;

  constructor({ clock, ask = systemLookup }: NameLookupOptions) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** As `dns.lookup`, for the option `lookup` of sockets. */
  readonly lookup: LookupFunction = (name, options, callback) => {
    if (options.all !== true) return this.lookupOne(name, options, callback);
    this.#find(name, options, (error, addresses) => callback(error, [...addresses]));
  };

  /** The same for sockets of datagrams, which say but a family. */
  readonly lookupOne = (
    name: string,
    wanted: LookupOptions | number,
    callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
  ): void => {
    const options = typeof wanted === 'number' ? { family: wanted } : wanted;
    this.#find(name, options, (error, [first]) => callback(error, first?.address ?? '', first?.family ?? 0));
  };

  /** The first address. Rejects as `dns.lookup` does. */
  first(name: string): Promise<LookupAddress> {
    return new Promise((resolve, reject) => {
      this.#find(name, {}, (error, [address]) => {
        if (address === undefined) reject(error);
        else resolve(address);
      });
    });
  }

  /** `answer` runs once, never before this returns. */
  #find(name: string, options: LookupOptions, answer: Answer): void {
    const key = JSON.stringify([name, options.family ?? 0, options.hints ?? 0]);
    const known = this.#known.get(key);
    if (known !== undefined && this.#clock.nowMs() - known.atMs < FRESH_MS) {
      process.nextTick(answer, null, known.addresses);
      return;
    }
    let question = this.#questions.get(key);
    if (question === undefined) {
      question = { key, name, options, waiting: new Set() };
      this.#questions.set(key, question);
      this.#queue.push(question);
      this.#next();
    }
    const { waiting } = question;
    if (known === undefined) {
      waiting.add(answer);
      return;
    }
    const patient: Answer = (error, addresses) => {
      cancel();
      // A name that is gone is an answer; a service that is gone is none.
      if (error !== null && error.code !== 'ENOTFOUND') answer(null, known.addresses);
      else answer(error, addresses);
    };
    const cancel = this.#clock.schedule(PATIENCE_MS, () => {
      waiting.delete(patient);
      answer(null, known.addresses);
    });
    waiting.add(patient);
  }

  #next(): void {
    while (this.#open < QUESTIONS_MAX) {
      const question = this.#queue.shift();
      if (question === undefined) return;
      this.#open += 1;
      const { family, hints } = question.options;
      const asked = {
        all: true,
        ...(family === undefined ? {} : { family }),
        ...(hints === undefined ? {} : { hints }),
      } as const;
      this.#ask(question.name, asked, (error, addresses) => this.#take(question, error, addresses ?? []));
    }
  }

  #take({ key, waiting }: Question, error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]): void {
    this.#open -= 1;
    this.#questions.delete(key);
    if (error === null) this.#remember(key, addresses);
    // Whoever has that address by now is another.
    else if (error.code === 'ENOTFOUND') this.#known.delete(key);
    for (const answer of [...waiting]) answer(error, addresses);
    this.#next();
  }

  #remember(key: string, addresses: readonly LookupAddress[]): void {
    this.#known.delete(key);
    this.#known.set(key, { addresses, atMs: this.#clock.nowMs() });
    const [oldest] = this.#known.keys();
    if (this.#known.size > NAMES_MAX && oldest !== undefined) this.#known.delete(oldest);
  }
}

/** This process's. */
export const names = new NameLookup({ clock: systemClock });
