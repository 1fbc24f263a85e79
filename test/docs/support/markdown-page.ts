// A page of the documentation as its readers meet it: fenced blocks, code in running text, links, headings, each with its line.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface FencedBlock {
  /** Behind the opening fence; empty where nothing stands there. */
  readonly language: string;
  /** The comment right above it, such as `recorded: status`; null: there is none. */
  readonly note: string | null;
  readonly lines: readonly string[];
  /** Of its first line of content, from 1. */
  readonly line: number;
}

export interface Located {
  readonly text: string;
  readonly line: number;
}

const FENCE = /^\s*```(\S*)\s*$/;
const NOTE = /^\s*<!-- (.+) -->\s*$/;
const CODE = /`([^`]+)`/g;
const LINK = /\]\(([^)\s]+)\)/g;

export class MarkdownPage {
  /** From the root of the project. */
  readonly path: string;
  readonly blocks: FencedBlock[] = [];
  readonly code: Located[] = [];
  readonly links: Located[] = [];
  readonly headings: Located[] = [];

  constructor(path: string, text: string) {
    this.path = path;
    this.#read(text.split('\n'));
  }

  static load(path: string): MarkdownPage {
    return new MarkdownPage(path, readFileSync(`${ROOT}${path}`, 'utf8'));
  }

  /** What headings are called in an address, as GitHub makes it of them. */
  get anchors(): Set<string> {
    const anchors = new Set<string>();
    for (const { text } of this.headings) {
      const plain = text.replace(/[`*]/g, '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
      const slug = plain
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- _]/gu, '')
        .replaceAll(' ', '-');
      let unique = slug;
      for (let again = 1; anchors.has(unique); again++) unique = `${slug}-${again}`;
      anchors.add(unique);
    }
    return anchors;
  }

  #read(lines: readonly string[]): void {
    let block: { language: string; note: string | null; lines: string[]; line: number; indent: number } | null = null;
    for (const [index, line] of lines.entries()) {
      const fence = FENCE.exec(line);
      if (block !== null) {
        if (fence === null) block.lines.push(line.slice(Math.min(block.indent, line.search(/\S|$/))));
        else {
          this.blocks.push(block);
          block = null;
        }
      } else if (fence !== null) {
        const note = NOTE.exec(lines[index - 1] ?? '')?.[1] ?? null;
        block = { language: fence[1] as string, note, lines: [], line: index + 2, indent: line.search(/\S/) };
      } else {
        this.#readText(line, index + 1);
      }
    }
    if (block !== null) throw new Error(`${this.path}:${block.line}: the block is never closed`);
  }

  #readText(line: string, number: number): void {
    const heading = /^#{1,6} (.+)$/.exec(line)?.[1];
    if (heading !== undefined) this.headings.push({ text: heading, line: number });
    for (const [, text] of line.matchAll(CODE)) this.code.push({ text: text as string, line: number });
    for (const [, text] of line.replace(CODE, '``').matchAll(LINK))
      this.links.push({ text: text as string, line: number });
  }
}

/** Every page that users and developers are sent to. */
export function everyPage(): MarkdownPage[] {
  const docs = readdirSync(`${ROOT}docs`).filter((name) => name.endsWith('.md'));
  return [
    'README.md',
    'ARCHITECTURE.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'test/rig/platform/README.md',
    ...docs.map((name) => `docs/${name}`),
  ].map((path) => MarkdownPage.load(path));
}
