// Runs the commands that a page shows, in its order, and compares what they print with what stands there; with TORPOR_WRITE_DOCS=1 it
// writes the page anew instead.
import { expect } from 'vitest';
import { wordsOf } from './documented-command.ts';
import { RecordedPage, withoutWhatChanges } from './recorded-page.ts';

const WRITES = process.env.TORPOR_WRITE_DOCS === '1';

export interface Stand {
  /** Runs a torpor command, to its end. */
  run(args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }>;
  /** The stand's own names of files and addresses for those that the page shows, and back. */
  asRun(word: string): string;
  asShown(text: string): string;
}

export interface Shown {
  /** Default 0. */
  readonly exitCode?: number;
  /** As `| head -n` and `| tail -n` show it. */
  readonly head?: number;
  readonly tail?: number;
}

export class PageRecorder {
  readonly #path: string;
  readonly #page: RecordedPage;
  readonly #stand: () => Stand;
  readonly #recorded = new Map<string, string>();

  /** `path` from the root of the project. */
  constructor(path: string, stand: () => Stand) {
    this.#path = path;
    this.#page = new RecordedPage(new URL(`../../../${path}`, import.meta.url));
    this.#stand = stand;
  }

  /** Runs a command as the page shows it, and keeps or compares what it prints. Resolves with all of that. */
  async show(name: string, command: string, shown: Shown = {}): Promise<string> {
    const stand = this.#stand();
    const args = wordsOf(command).map((word) => stand.asRun(word));
    const { code, output } = await stand.run(args);
    expect(code, output).toBe(shown.exitCode ?? 0);
    const lines = stand.asShown(output).trimEnd().split('\n');
    const { pipe, part } = cut(lines, shown);
    const text = `$ torpor ${command}${pipe}\n${part.join('\n')}`;
    this.#recorded.set(name, text);
    if (!WRITES)
      expect(withoutWhatChanges(text), `${this.#path}, "${name}"; npm run docs writes it anew`).toBe(
        withoutWhatChanges(this.#page.shown(name)),
      );
    return output;
  }

  /** Writes the page, if that is asked for. */
  finish(): void {
    if (WRITES) this.#page.rewrite(this.#recorded);
  }

  /** Every block that says it was recorded was, here. */
  expectAll(): void {
    expect(this.#page.names).toEqual([...this.#recorded.keys()]);
  }
}

function cut(lines: readonly string[], { head, tail }: Shown): { pipe: string; part: readonly string[] } {
  if (head !== undefined) return { pipe: ` | head -n ${head}`, part: lines.slice(0, head) };
  if (tail !== undefined) return { pipe: ` | tail -n ${tail}`, part: lines.slice(-tail) };
  return { pipe: '', part: lines };
}
