// One look at the host: a piece of POSIX shell that gathers facts and changes nothing, and a pure reading of what it printed.

/** What the readings need to know beside the facts. */
export interface HostContext {
  readonly sleep: 'S3' | 'S5';
  /** True where the host is put to sleep by its power button, as a BMC presses it. */
  readonly byButton: boolean;
  readonly ports: ReadonlyArray<{ readonly from: number; readonly to: number }>;
  /** Torpor's addresses as the host sees them, as far as they are configured. */
  readonly torporAddresses: readonly string[];
}

export interface HostVerdict {
  readonly outcome: 'free' | 'busy' | 'warning';
  readonly why: string;
}

export interface HostCheck {
  readonly name: string;
  /** Run in a subshell with `has`, `t` and `tag` of host-script.ts. Each line it prints begins with a tag of its own. */
  readonly snippet: (context: HostContext) => string;
  /** Throws where it cannot make sense of the facts: then nobody knows, which is not "free". */
  readonly read: (facts: HostFacts, context: HostContext) => HostVerdict;
}

/** What a snippet printed: lines by their tag, in their order, without it. */
export class HostFacts {
  readonly #lines: ReadonlyMap<string, readonly string[]>;

  constructor(output: string) {
    const lines = new Map<string, string[]>();
    for (const line of output.split('\n')) {
      const [tag = ''] = line.split(' ', 1);
      if (tag === '') continue;
      const text = line.slice(tag.length + 1).replace(/\r$/, '');
      const known = lines.get(tag);
      if (known === undefined) lines.set(tag, [text]);
      else known.push(text);
    }
    this.#lines = lines;
  }

  all(tag: string): readonly string[] {
    return this.#lines.get(tag) ?? [];
  }

  /** The only, or first, line of a tag; null where there is none. */
  first(tag: string): string | null {
    return this.all(tag)[0] ?? null;
  }
}

export const free = (why: string): HostVerdict => ({ outcome: 'free', why });
export const busy = (why: string): HostVerdict => ({ outcome: 'busy', why });
export const warning = (why: string): HostVerdict => ({ outcome: 'warning', why });

/** `one, two and 3 more`. */
export function listSome(items: readonly string[], named = 3): string {
  const shown = items.slice(0, named).join(', ');
  return items.length > named ? `${shown} and ${items.length - named} more` : shown;
}
