// A platform's context across a sleep: its parts in their order, and what identities show. What a part saves is its own affair.
import { errorText } from '../../platform/errors.ts';
import type { PlatformContext, RestoredContext } from '../../platform/ports.ts';
import type { IdentityWatch } from './identity-watch.ts';

/** One thing that is done before a sleep and undone after it: a saver of VMs, the owner's hooks. */
export interface ContextPart {
  readonly name: string;
  /**
   * Null where done, else why there must be no sleep. Ends soon after the signal aborts, with nothing under way; what it has
   * done by then `restore` undoes.
   */
  save(signal: AbortSignal): Promise<string | null>;
  /** Null where all is as before, else what is not. May be called again, and without a `save` before it. */
  restore(signal: AbortSignal): Promise<string | null>;
}

/** Saves in the order of the parts and restores in the opposite one, those that have begun to save. */
export class ContextChain implements PlatformContext {
  readonly #parts: readonly ContextPart[];
  readonly #identities: IdentityWatch;
  /** Parts that the last save has reached; null where nobody knows, after a start of Torpor or somebody else's sleep. */
  #begun: ReadonlySet<ContextPart> | null = null;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(parts: readonly ContextPart[], identities: IdentityWatch) {
    this.#parts = parts;
    this.#identities = identities;
  }

  save(signal: AbortSignal): Promise<{ veto: string | null }> {
    return this.#afterOthers(() => this.#save(signal));
  }

  restore(signal: AbortSignal): Promise<RestoredContext> {
    return this.#afterOthers(() => this.#restore(signal));
  }

  forget(): void {
    void this.#afterOthers(async () => this.#forget());
  }

  async #save(signal: AbortSignal): Promise<{ veto: string | null }> {
    const begun = new Set<ContextPart>();
    this.#begun = begun;
    await this.#identities.remember(signal);
    for (const part of this.#parts) {
      if (signal.aborted) return { veto: 'called off' };
      begun.add(part);
      const veto = await attempt(() => part.save(signal));
      if (veto !== null) return { veto };
    }
    return { veto: null };
  }

  async #restore(signal: AbortSignal): Promise<RestoredContext> {
    const problems: string[] = [];
    for (const part of this.#parts.toReversed()) {
      if (this.#begun !== null && !this.#begun.has(part)) continue;
      const problem = await attempt(() => part.restore(signal));
      if (problem !== null) problems.push(problem);
    }
    const isDone = problems.length === 0;
    const compared = await this.#identities.compare(signal, isDone);
    if (isDone) this.#forget();
    return { ...compared, problem: isDone ? null : problems.join('; ') };
  }

  #forget(): void {
    this.#begun = null;
    this.#identities.forget();
  }

  /** One at a time: a restoring that the machine has given up may still be under way, and would fight the next one. */
  #afterOthers<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(run);
    this.#tail = done.catch(() => {});
    return done;
  }
}

/** A part that fails in a way it did not foresee is as good as one that says no. */
async function attempt(run: () => Promise<string | null>): Promise<string | null> {
  try {
    return await run();
  } catch (thrown) {
    return errorText(thrown);
  }
}
