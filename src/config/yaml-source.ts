// One YAML text with the line of every key and value in it. What the values mean is left to the schema.
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml';
import { errorText, TorporError } from '../platform/errors.ts';
import { escapeControls } from './escape-controls.ts';

/** A place in the file: keys and list positions from the top. */
export type ConfigPath = ReadonlyArray<string | number>;

/** More would expand a few lines into gigabytes. */
const MAX_ALIASES = 100;
/** What may stand behind such a key is never shown. */
const SECRET_KEY = /(pass(?!\w*(?:File|Env)\b)\w*|secret\w*|token\w*)(["']?\s*:\s*)\S.*$/i;
const MAX_LINE_CHARS = 160;

/** A parsed YAML text. `fileName` stands in errors as it was given. */
export class YamlSource {
  readonly value: unknown;
  readonly warnings: readonly string[];
  readonly #document: Document;
  readonly #lines: LineCounter;

  /** Throws ERR_CONFIG_SYNTAX with file, line, column and the line itself where the text is no YAML. */
  constructor(text: string, fileName: string) {
    this.#lines = new LineCounter();
    try {
      this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, logLevel: 'error' });
    } catch (error) {
      throw new TorporError('ERR_CONFIG_SYNTAX', `${fileName}: cannot be read as YAML: ${errorText(error)}`, {
        cause: error,
      });
    }
    const [problem] = this.#document.errors;
    if (problem !== undefined) throw this.#syntaxError(text, fileName, problem.pos[0], withoutQuote(problem.message));
    this.#refuseLooseAliases(text, fileName);
    try {
      this.value = this.#document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
    } catch (error) {
      throw new TorporError('ERR_CONFIG_SYNTAX', `${fileName}: cannot be read as YAML: ${errorText(error)}`, {
        cause: error,
      });
    }
    this.warnings = this.#document.warnings.map(
      (warning) => `${fileName}:${this.#lineAt(warning.pos[0])}: ${escapeControls(withoutQuote(warning.message))}`,
    );
  }

  /** The line, from 1, of the value at a path; where it is missing, of the nearest thing around it. */
  lineOf(path: ConfigPath): number {
    return this.#lineAt(this.#walk(path).offset);
  }

  /** The line, from 1, of a key of the mapping at a path. */
  lineOfKey(path: ConfigPath, key: string): number {
    return this.#lineAt(this.#walk([...path, key], true).offset);
  }

  /** The part of the path that exists in the file, and one step more if what it ends in is a mapping. */
  shownPath(path: ConfigPath): ConfigPath {
    const { depth, endsInMapping } = this.#walk(path);
    return path.slice(0, endsInMapping ? depth + 1 : depth);
  }

  #walk(path: ConfigPath, wantsKey = false): { offset: number; depth: number; endsInMapping: boolean } {
    let node = this.#resolve(this.#document.contents);
    let offset = startOf(node) ?? 0;
    for (const [depth, step] of path.entries()) {
      if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
        node = this.#resolve(node.items[step]);
        offset = startOf(node) ?? offset;
        continue;
      }
      const pair = isMap(node) ? node.items.find((item) => keyText(item.key) === String(step)) : undefined;
      if (pair === undefined) return { offset, depth, endsInMapping: isMap(node) };
      const keyOffset = startOf(pair.key) ?? offset;
      node = this.#resolve(pair.value);
      const last = depth === path.length - 1;
      offset = (last && wantsKey) || isEmptyScalar(node) ? keyOffset : (startOf(node) ?? keyOffset);
    }
    return { offset, depth: path.length, endsInMapping: false };
  }

  #resolve(node: unknown): unknown {
    return isAlias(node) ? (node.resolve(this.#document) ?? node) : node;
  }

  #lineAt(offset: number): number {
    return Math.max(1, this.#lines.linePos(offset).line);
  }

  #refuseLooseAliases(text: string, fileName: string): void {
    const loose: Alias[] = [];
    visit(this.#document, {
      Alias: (_, alias) => {
        if (alias.resolve(this.#document) !== undefined) return undefined;
        loose.push(alias);
        return visit.BREAK;
      },
    });
    const [alias] = loose;
    if (alias === undefined) return;
    const what = `the alias *${alias.source} names no anchor above it`;
    throw this.#syntaxError(text, fileName, startOf(alias) ?? 0, what);
  }

  #syntaxError(text: string, fileName: string, offset: number, what: string): TorporError {
    const { line, col } = this.#lines.linePos(offset);
    const shown = (text.split('\n')[line - 1] ?? '').replace(SECRET_KEY, '$1$2***').trimEnd();
    const quoted = shown.length > MAX_LINE_CHARS ? `${shown.slice(0, MAX_LINE_CHARS)}…` : shown;
    return new TorporError(
      'ERR_CONFIG_SYNTAX',
      `${fileName}:${line}:${col}: ${escapeControls(what)}\n  ${line} | ${escapeControls(quoted)}`,
    );
  }
}

/** The parser ends some messages with the offending text, which may be a secret: the line is shown instead, checked. */
function withoutQuote(message: string): string {
  return message
    .replace(/: ".*"?$/s, '')
    .replace(/\s+/g, ' ')
    .trim();
}

function startOf(node: unknown): number | undefined {
  if (isPair(node)) return startOf(node.key);
  return isNode(node) ? node.range?.[0] : undefined;
}

function isEmptyScalar(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}
