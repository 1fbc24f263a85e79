// A command line as the documentation shows it, and what is wrong with it beside the program's own tree of commands.

import { type CommandNode, everyNode, type OptionNode, readTree } from '../../../src/cli/completion/command-tree.ts';
import { buildProgram } from '../../../src/cli/program.ts';
import { FakeIo } from '../../cli/fakes/fake-io.ts';

const TREE = readTree(buildProgram(new FakeIo()));
const HELP: OptionNode = { flags: '-h, --help', names: ['-h', '--help'], description: '', choices: [], value: null };
/** `PLATFORM`, `K_G`, `…`: the reader's own word stands there. */
const PLACEHOLDER = /^[A-Z][A-Z_]*(\.\.\.)?$|…/;

export function everyOption(): Set<string> {
  return new Set(everyNode(TREE).flatMap(({ options }) => options.flatMap(({ names }) => names)));
}

/** `status`, `bmc power on`, …: commands that do something. */
export function everyCommandName(): string[] {
  return everyNode(TREE)
    .filter(({ commands }) => commands.length === 0)
    .map(({ path }) => path.slice(1).join(' '));
}

/** The words of a shell line, quotes taken off; what a pipe, a redirection or a comment leads to is left out. */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [whole, double, single, bare] of line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)) {
    if (/^(\||>|<|&&|#.*|2>&1)$/.test(whole)) break;
    words.push(double ?? single ?? (bare as string));
  }
  return words;
}

/** The torpor command lines in a line of shell: behind `npx`, `sudo -u USER`, variables and `&&`, without a prompt. */
export function torporCommands(line: string): string[] {
  const known = /^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:sudo (?:-u \S+ )?)?(?:npx )?torpor (.+)$/;
  const npm = /^(?:\$ )?npm start -- (.+)$/;
  return line
    .trim()
    .split(/ && /)
    .flatMap((part) => known.exec(part)?.[1] ?? (npm.test(part) ? `demo ${npm.exec(part)?.[1]}` : []));
}

/**
 * What is wrong with `torpor` and these words; null: nothing. `strict` is for lines that a reader copies: they need all that the
 * command needs. Running text may leave that out, and may write `[--days]` and `on|off`.
 */
export function problemOf(words: readonly string[], strict: boolean): string | null {
  if (strict) return problemOfExact(words, true);
  const [first, ...others] = alternatives(words.map((word) => word.replace(/^\[|\]$/g, '')));
  return (
    [first ?? [], ...others].map((each) => problemOfExact(each, false)).find((problem) => problem !== null) ?? null
  );
}

function alternatives(words: readonly string[]): string[][] {
  return words.reduce<string[][]>(
    (lines, word) => lines.flatMap((line) => word.split(/\\?\|/).map((choice) => [...line, choice])),
    [[]],
  );
}

function problemOfExact(words: readonly string[], strict: boolean): string | null {
  const { node, rest } = descend(words);
  const options = [...everyNodeAbove(node.path).flatMap((each) => each.options), HELP];
  const values: string[] = [];
  for (let index = 0; index < rest.length; index++) {
    const word = rest[index] as string;
    if (!/^--?[a-zA-Z0-9]/.test(word)) {
      values.push(word);
      continue;
    }
    const [name, inline] = word.split('=', 2) as [string, string | undefined];
    const option = options.find(({ names }) => names.includes(name));
    if (option === undefined) return `"${node.path.join(' ')}" has no option ${name}`;
    if (option.value === null) continue;
    const isOptional = option.flags.includes('[');
    const value = inline ?? rest[index + 1];
    const hasValue = value !== undefined && (inline !== undefined || !value.startsWith('-'));
    if (!hasValue && !isOptional && strict) return `option ${name} needs a value`;
    if (hasValue && option.choices.length > 0 && !option.choices.includes(value) && !PLACEHOLDER.test(value))
      return `option ${name} takes no "${value}"`;
    if (hasValue && inline === undefined) index += 1;
  }
  return problemOfValues(node, values, strict);
}

function problemOfValues(node: CommandNode, values: readonly string[], strict: boolean): string | null {
  const name = node.path.join(' ');
  const isEndless = node.args.some(({ term }) => term.includes('...'));
  if (node.commands.length > 0) {
    if (values.length > 0) return `"${name}" has no command "${values[0]}"`;
    return strict ? `"${name}" needs a command` : null;
  }
  if (values.length > node.args.length && !isEndless) return `"${name}" takes no "${values[node.args.length]}"`;
  for (const [index, { term, choices }] of node.args.entries()) {
    const value = values[index];
    if (value === undefined) {
      if (strict && term.startsWith('<')) return `"${name}" needs ${term}`;
    } else if (choices.length > 0 && !choices.includes(value) && !PLACEHOLDER.test(value)) {
      return `"${name}" takes no "${value}" for ${term}`;
    }
  }
  return null;
}

/** As far down the tree as the first words lead. */
function descend(words: readonly string[]): { node: CommandNode; rest: readonly string[] } {
  let node = TREE;
  let rest = words;
  for (;;) {
    const next = node.commands.find(({ path }) => path.at(-1) === rest[0]);
    if (next === undefined) return { node, rest };
    node = next;
    rest = rest.slice(1);
  }
}

function everyNodeAbove(path: readonly string[]): CommandNode[] {
  return everyNode(TREE).filter((node) => node.path.every((name, index) => path[index] === name));
}
