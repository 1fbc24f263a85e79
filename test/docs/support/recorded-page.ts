// A page of the docs whose shown commands were run: reads its recorded blocks, compares them with what the commands print today, and writes them anew.
import { readFileSync, writeFileSync } from 'node:fs';

const BLOCK = /<!-- recorded: ([a-z0-9 -]+) -->\n```console\n([\s\S]*?)\n```\n/g;

/** What differs from run to run and says nothing: moments, durations, sizes, ports, counts, the machine's time zone, and how wide a column became. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?/g, 'MOMENT'],
  [/\b\d{2}:\d{2}:\d{2}(\.\d+)?\b/g, 'TIME'],
  [/\b\d+(\.\d+)? ?(d|h|ms|m|s)( \d+(\.\d+)? ?(h|m|s|ms))*\b/g, 'DURATION'],
  [/\b\d+(\.\d+)? (B|KiB|MiB)\b/g, 'SIZE'],
  [/\bkWh\b/g, 'Wh'],
  [/127\.0\.0\.1:\d+/g, 'ADDRESS'],
  [/ -?\d+(\.\d+)?/g, ' NUMBER'],
  [/\d+(\.\d+)?/g, 'NUMBER'],
  [/\(days of [\w/+-]+\)/g, '(days of ZONE)'],
  [/ {2,}/g, '  '],
  [/─+/g, '─'],
];

export function withoutWhatChanges(text: string): string {
  return CHANGING.reduce((done, [what, word]) => done.replace(what, word), text).replace(/ +$/gm, '');
}

export class RecordedPage {
  readonly #path: URL;
  #text: string;

  constructor(path: URL) {
    this.#path = path;
    this.#text = readFileSync(path, 'utf8');
  }

  /** The names of its blocks, in order. */
  get names(): string[] {
    return [...this.#text.matchAll(BLOCK)].map(([, name]) => name as string);
  }

  /** What the page shows under this name, prompt and command included. */
  shown(name: string): string {
    const block = [...this.#text.matchAll(BLOCK)].find(([, found]) => found === name);
    if (block === undefined) throw new Error(`${this.#path.pathname} has no block "recorded: ${name}"`);
    return block[2] as string;
  }

  /** Puts what was recorded in the place of what is shown, and the page on disk. */
  rewrite(recorded: ReadonlyMap<string, string>): void {
    this.#text = this.#text.replace(BLOCK, (whole, name: string, shown: string) => {
      const now = recorded.get(name);
      const isSame = now === undefined || withoutWhatChanges(now) === withoutWhatChanges(shown);
      return isSame ? whole : `<!-- recorded: ${name} -->\n\`\`\`console\n${now}\n\`\`\`\n`;
    });
    writeFileSync(this.#path, this.#text);
  }
}
