// What a bench may be told on its command line, from one table for each: reads it, tells it for --help, and says in one line what is wrong.
import { parseArgs } from 'node:util';

/** Kinds of values: what stands for one in a usage, what one must be, and how it is read (undefined: this is none). */
export const WHOLE = { sign: 'N', mustBe: 'a whole number', read: (text) => wholeNumber(text, 0) };
export const COUNT = { sign: 'N', mustBe: 'a whole number above 0', read: (text) => wholeNumber(text, 1) };
export const COUNTS = {
  sign: 'N,N',
  mustBe: 'whole numbers above 0, with commas between',
  read: (text) => wholeNumbers(text),
};
export const AMOUNT = { sign: 'X', mustBe: 'a number', read: (text) => amount(text) };
export const FILE = { sign: 'FILE', mustBe: 'a file', read: (text) => text };
export const FOLDER = { sign: 'FOLDER', mustBe: 'a folder', read: (text) => text };
export const NAME = { sign: 'NAME', mustBe: 'a name', read: (text) => text };

/** One of some words. */
export function oneOf(...words) {
  return {
    sign: words.join('|'),
    mustBe: `one of ${words.join(', ')}`,
    read: (text) => (words.includes(text) ? text : undefined),
  };
}

/** Some of some words, with commas between. */
export function someOf(...words) {
  return {
    sign: `${words[0]},${words[1]}`,
    mustBe: `some of ${words.join(', ')}, with commas between`,
    read: (text) => (text.split(',').every((word) => words.includes(word)) ? text.split(',') : undefined),
  };
}

const HELP = { help: { about: 'tells this' } };

/**
 * Answers what this process was told, by option; with `--help` it prints the usage and ends with 0, with something that the table does not
 * have it says so and ends with 2. `table`: `script` as package.json names it, `about`, `needs` beside a build, and `options` by name:
 * `kind` (none: a flag), `default`, `quick` (the default with --quick), `multiple`, and `about` (none: not for people).
 */
export function readOptions(table) {
  const { values, usage, wrong } = parseOptions(table, process.argv.slice(2));
  if (usage !== undefined) {
    console.log(usage);
    process.exit(0);
  }
  if (wrong !== undefined) {
    console.error(`${table.script}: ${wrong}; --help tells what there is`);
    process.exit(2);
  }
  return values;
}

/** The same as one of `values`, `usage` and `wrong`, a clause. */
export function parseOptions(table, words) {
  const options = { ...table.options, ...HELP };
  const { tokens } = parseArgs({
    args: words,
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(options).map(([name, { kind }]) => [name, { type: kind === undefined ? 'boolean' : 'string' }]),
    ),
  });
  const told = new Map();
  for (const token of tokens) {
    const { wrong, value } = readToken(options, token);
    if (wrong !== undefined) return { wrong };
    if (token.kind === 'option') told.set(token.name, [...(told.get(token.name) ?? []), value]);
  }
  if (told.has('help')) return { usage: usageOf(table.script, table, options) };
  return { values: valuesOf(table.options, told) };
}

function readToken(options, token) {
  if (token.kind === 'positional') return { wrong: `"${token.value}" is no option` };
  if (token.kind !== 'option') return {};
  if (!Object.hasOwn(options, token.name)) return { wrong: `there is no option ${token.rawName}` };
  const { kind } = options[token.name];
  if (kind === undefined)
    return token.value === undefined ? { value: true } : { wrong: `${token.rawName} takes no value` };
  if (token.value === undefined || token.value.startsWith('-'))
    return { wrong: `${token.rawName} needs ${kind.mustBe}` };
  const value = kind.read(token.value);
  return value === undefined ? { wrong: `${token.rawName} ${token.value} must be ${kind.mustBe}` } : { value };
}

function valuesOf(options, told) {
  const isQuick = told.has('quick');
  const entries = Object.entries(options).map(([name, option]) => {
    const given = told.get(name);
    if (option.multiple) return [name, given ?? []];
    if (given !== undefined) return [name, given.at(-1)];
    if (option.kind === undefined) return [name, false];
    return [name, isQuick ? (option.quick ?? option.default) : option.default];
  });
  return Object.fromEntries(entries);
}

function usageOf(script, { about, needs }, options) {
  const told = Object.entries(options).filter(([, option]) => option.about !== undefined);
  const headings = told.map(([name, { kind }]) => (kind === undefined ? `--${name}` : `--${name} ${kind.sign}`));
  const columns = Math.max(...headings.map((heading) => heading.length));
  const lines = told.map(([, option], at) => `  ${headings[at].padEnd(columns)}  ${option.about}${noteOf(option)}`);
  const start = `npm run ${script} -- [OPTION...]`;
  return [start, about, ...(needs === undefined ? [] : [`Needs ${needs}.`]), '', ...lines].join('\n');
}

function noteOf(option) {
  if (option.multiple) return '; also several times';
  if (option.default === undefined) return '';
  const quick = option.quick === undefined ? '' : `, with --quick ${option.quick}`;
  return ` (${option.default}${quick})`;
}

function wholeNumber(text, least) {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) && number >= least ? number : undefined;
}

function wholeNumbers(text) {
  const numbers = text.split(',').map((each) => wholeNumber(each, 1));
  return numbers.includes(undefined) ? undefined : numbers;
}

function amount(text) {
  return /^\d*\.?\d+$/.test(text) ? Number(text) : undefined;
}
