// Every torpor command and every npm script that the documentation names, beside the program's own commands and package.json.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BENCHES, usageOf } from './support/bench-usage.ts';
import { everyCommandName, everyOption, problemOf, torporCommands, wordsOf } from './support/documented-command.ts';
import { everyPage, MarkdownPage, ROOT } from './support/markdown-page.ts';

/** Languages whose lines are meant for a shell. */
const SHELL = ['sh', 'console'];

const scripts = Object.keys(JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')).scripts);
const options = everyOption();
/** What npm scripts of their own take after `-- `: the benches and the simulation. */
const benches = [
  ...BENCHES.map(({ file }) => usageOf(file)),
  ...['test/sim/main.mjs', 'test/sim/run-seeds.ts'].map((path) => readFileSync(`${ROOT}${path}`, 'utf8')),
].join('\n');

/** Everything of a page that names a command, an option or a script which does not exist. */
function problemsOf(page: MarkdownPage): string[] {
  const told = (line: number, problem: string | null) => (problem === null ? [] : [`${page.path}:${line}: ${problem}`]);
  const shown = page.blocks
    .filter(({ language }) => SHELL.includes(language))
    .flatMap(({ lines, line, language }) =>
      lines.flatMap((text, index) => {
        if (language === 'console' && !text.startsWith('$ ')) return [];
        const commands = torporCommands(text).flatMap((each) => told(line + index, problemOf(wordsOf(each), true)));
        return [...commands, ...told(line + index, problemOfScript(text))];
      }),
    );
  const said = page.code.flatMap(({ text, line }) => [
    ...torporCommands(text).flatMap((each) => told(line, problemOf(wordsOf(each), false))),
    ...told(line, problemOfScript(text)),
    ...told(line, problemOfLoneOption(text)),
  ]);
  return [...shown, ...said];
}

function problemOfScript(text: string): string | null {
  for (const [, run, short] of text.matchAll(/\bnpm (?:run (?:--silent )?([a-z0-9:-]+)|(start|test)\b)/g)) {
    const name = run ?? (short as string);
    if (!scripts.includes(name)) return `package.json has no script "${name}"`;
  }
  return null;
}

/** `--for` of a command that was named before; `-- --cost` of a bench. */
function problemOfLoneOption(text: string): string | null {
  if (text.startsWith('-- --')) {
    const missing = wordsOf(text).filter((word) => /^--[a-z]/.test(word) && !benches.includes(word));
    return missing.length === 0 ? null : `no bench knows ${missing.join(', ')}`;
  }
  const [name] = /^--[a-z][a-z-]*/.exec(text) ?? [];
  return name === undefined || options.has(name) ? null : `no command has the option ${name}`;
}

/** What the README's table of commands calls by name, the words that follow included. */
function tableOfCommands(page: MarkdownPage): string[] {
  const heading = page.headings.find(({ text }) => text === 'Commands')?.line ?? Number.POSITIVE_INFINITY;
  const end = page.headings.find(({ line }) => line > heading)?.line ?? Number.POSITIVE_INFINITY;
  return page.code.filter(({ line }) => line > heading && line < end).map(({ text }) => text.replace(/^torpor /, ''));
}

const page = (text: string) => new MarkdownPage('mutant.md', text);

describe('the documentation', () => {
  it.each(everyPage().map((each) => [each.path, each] as const))('%s -> its commands and scripts exist', (_, each) => {
    expect(problemsOf(each)).toEqual([]);
  });

  it('the README -> its table has every command', () => {
    const named = tableOfCommands(MarkdownPage.load('README.md')).flatMap((text) =>
      text.split(/\\?\|/).length > 1 ? spell(text) : [text],
    );
    const missing = everyCommandName().filter((name) => !named.some((text) => `${text} `.startsWith(`${name} `)));
    expect(missing).toEqual([]);
  });
});

/** `token add|list NAME` as `token add NAME` and `token list NAME`. */
function spell(text: string): string[] {
  return text
    .split(' ')
    .reduce<string[]>(
      (lines, word) => lines.flatMap((line) => word.split(/\\?\|/).map((choice) => `${line} ${choice}`.trim())),
      [''],
    );
}

describe('what is wrong with a page', () => {
  it.each([
    ['a command that does not exist', '```sh\ntorpor statu\n```\n', 'has no command "statu"'],
    ['an option that does not exist', '```sh\nnpx torpor check --confg torpor.yaml\n```\n', 'no option --confg'],
    ['a value outside the choices', '```sh\ntorpor token add ops --role admin\n```\n', '--role takes no "admin"'],
    ['an argument too few', '```console\n$ torpor explain\n```\n', 'needs <platform>'],
    ['an argument too many', '```sh\ntorpor explain a b\n```\n', 'takes no "b"'],
    ['an option without its value', '```sh\ntorpor run --config\n```\n', '--config needs a value'],
    ['behind sudo and a variable', '```sh\nA=1 sudo -u torpor torpor chek\n```\n', 'has no command "chek"'],
    ['in running text', 'Run `torpor inhibit PLATFORM --fro 2h`.', 'no option --fro'],
    ['one of several choices', 'Run `torpor bmc power|sell`.', 'has no command "sell"'],
    ['an option alone', 'With `--setle 3s` it waits.', 'no command has the option --setle'],
    ['a script', 'Run `npm run bench:pathes`.', 'no script "bench:pathes"'],
    ['an option of a bench', 'With `-- --peturb` it is worse.', 'no bench knows --peturb'],
  ])('%s -> is told', (_, text, problem) => {
    expect(problemsOf(page(text))).toEqual([expect.stringContaining(problem)]);
  });

  it('what is right -> is not told', () => {
    const text =
      '```console\n$ torpor explain vdi-01 | tail -n 3\nno torpor here\n```\n`torpor savings [--days]`, `--html FILE`\n';
    expect(problemsOf(page(text))).toEqual([]);
  });
});
