// What the Torpors of a farm ask each other at the moment, beside what stands in the store: that the owner puts a platform to sleep, and who is
// connected. Bounded.
import { TorporError } from '../platform/errors.ts';
import { type InstanceView, readView, type ViewDetail } from './farm-views.ts';
import type { SharedStore } from './shared-store.ts';

/** The owner answers at once, or it cannot be reached. */
const SLEEP_BOUND_MS = 2_000;
const SLEEP_SUBJECT = 'sleep.';
/** Somebody waits for a page meanwhile. */
const VIEW_BOUND_MS = 1_000;
const VIEW_SUBJECT = 'view.';
/** What a refusal there may say here. */
const REFUSALS = ['ERR_PLATFORM_BUSY', 'ERR_PLATFORM_STATE', 'ERR_PLATFORM_UNKNOWN'] as const;
type Refusal = (typeof REFUSALS)[number];

/** What others may ask of this Torpor. */
export interface TalkAnswers {
  /** As an operator's call here. Rejects where it is refused. */
  sleep(platform: string, force: boolean, by: string): Promise<void>;
  /** Its own view, as text. */
  view(detail: ViewDetail): Promise<string>;
}

export class FarmTalk {
  readonly #store: SharedStore;
  readonly #self: string;
  #ends: Array<() => void> = [];

  /** `self`: this Torpor's name in the farm. */
  constructor(store: SharedStore, self: string) {
    this.#store = store;
    this.#self = self;
  }

  start(answers: TalkAnswers): void {
    this.stop();
    this.#ends = [
      this.#store.answer(SLEEP_SUBJECT + this.#self, (text) => answerSleep(text, answers)),
      this.#store.answer(VIEW_SUBJECT + this.#self, (text) => answers.view(text === 'streams' ? 'streams' : 'sums')),
    ];
  }

  stop(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
  }

  /** Asks the owner for it. Rejects with what it refused with, and with ERR_STORE_UNREACHABLE where it does not answer. */
  async askSleep(owner: string, platform: string, force: boolean): Promise<void> {
    const question = JSON.stringify({ platform, force, by: this.#self });
    const [text] = await this.#store.ask(SLEEP_SUBJECT + owner, question, { most: 1, boundMs: SLEEP_BOUND_MS });
    const answer = text === undefined ? null : readObject(text);
    if (answer?.outcome === 'asked') return;
    if (answer?.outcome === 'refused') throw refusalOf(answer, owner);
    const { connected, why } = this.#store.status;
    const reason = connected ? `it did not answer within ${SLEEP_BOUND_MS / 1_000} s` : `the shared store: ${why}`;
    const advice = `ask there, or again`;
    const what = `${platform} was not asked to sleep: ${owner} owns it, and ${reason}: ${advice}`;
    throw new TorporError('ERR_STORE_UNREACHABLE', what, { retryable: true });
  }

  /** Null: it does not answer. Never rejects. */
  async askView(instance: string, detail: ViewDetail): Promise<InstanceView | null> {
    const [text] = await this.#store.ask(VIEW_SUBJECT + instance, detail, { most: 1, boundMs: VIEW_BOUND_MS });
    return text === undefined ? null : readView(text);
  }
}

async function answerSleep(text: string, answers: TalkAnswers): Promise<string> {
  const { platform, force, by } = readObject(text) ?? {};
  try {
    await answers.sleep(String(platform), force === true, String(by));
    return JSON.stringify({ outcome: 'asked' });
  } catch (thrown) {
    if (!(thrown instanceof TorporError)) throw thrown;
    const { code, message, retryable } = thrown;
    return JSON.stringify({ outcome: 'refused', code, message, retryable });
  }
}

function refusalOf({ code, message, retryable }: Record<string, unknown>, owner: string): TorporError {
  const known = REFUSALS.find((each): each is Refusal => each === code) ?? 'ERR_PLATFORM_STATE';
  return new TorporError(known, `${String(message)} (${owner} says so, which owns it)`, {
    retryable: retryable === true,
  });
}

function readObject(text: string): Record<string, unknown> | null {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'object' && read !== null ? (read as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
