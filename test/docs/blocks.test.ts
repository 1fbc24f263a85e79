// Every fenced block of the documentation says what it is; what a shell would be given, and what it answered, says where that was run.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { everyPage, MarkdownPage, ROOT } from './support/markdown-page.ts';

const LANGUAGES = ['sh', 'console', 'output', 'yaml', 'js', 'c', 'ini', 'text'];
/** Blocks in these languages hold commands or what they print. */
const RUN = ['sh', 'console', 'output'];
/** The test that records the blocks of a page. */
const RECORDING: Readonly<Record<string, string>> = {
  'docs/first-hour.md': 'test/docs/first-hour.conformance.test.ts',
  'docs/api.md': 'test/docs/pages.conformance.test.ts',
  'docs/bmc-log.md': 'test/docs/pages.conformance.test.ts',
  'docs/history.md': 'test/docs/pages.conformance.test.ts',
  'docs/inhibitors.md': 'test/docs/pages.conformance.test.ts',
  'docs/listeners.md': 'test/docs/pages.conformance.test.ts',
  'docs/power.md': 'test/docs/pages.conformance.test.ts',
  'docs/savings.md': 'test/docs/pages.conformance.test.ts',
};

function problemsOf(page: MarkdownPage): string[] {
  return page.blocks.flatMap(({ language, note, line, lines }) => {
    const problem = problemOfBlock(page, language, note) ?? problemOfLines(language, lines);
    return problem === null ? [] : [`${page.path}:${line}: ${problem}`];
  });
}

function problemOfBlock(page: MarkdownPage, language: string, note: string | null): string | null {
  if (!LANGUAGES.includes(language)) return `the block is of no known kind: ${LANGUAGES.join(', ')}`;
  if (!RUN.includes(language)) return null;
  const [, kind, what] = /^(recorded:|run by|not run:) (.+)$/.exec(note ?? '') ?? [];
  if (kind === undefined || what === undefined)
    return 'above it, say `recorded: NAME`, `run by PATH` or `not run: WHY` in a comment';
  if (kind === 'run by') return existsSync(`${ROOT}${what}`) ? null : `there is no ${what}`;
  if (kind === 'recorded:') return page.path in RECORDING ? null : `no test records ${page.path}`;
  return null;
}

function problemOfLines(language: string, lines: readonly string[]): string | null {
  if (language === 'console')
    return lines[0]?.startsWith('$ ') ? null : 'a console begins with the command, behind "$ "';
  if (language === 'sh') return lines.some((line) => line.startsWith('$ ')) ? 'output belongs into a console' : null;
  return null;
}

describe('the documentation', () => {
  it.each(everyPage().map((page) => [page.path, page] as const))(
    '%s -> what it shows says where it was run',
    (_, page) => {
      expect(problemsOf(page)).toEqual([]);
    },
  );

  it('the tests that record pages are there', () => {
    expect(Object.values(RECORDING).filter((path) => !existsSync(`${ROOT}${path}`))).toEqual([]);
  });
});

describe('what is wrong with a page', () => {
  it.each([
    ['a block of no kind', '```\ntorpor status\n```\n', 'of no known kind'],
    ['commands that nobody ran', '```sh\ntorpor status\n```\n', 'above it, say'],
    ['output that nobody recorded', '```console\n$ torpor status\nall is well\n```\n', 'above it, say'],
    ['a page that nobody records', '<!-- recorded: status -->\n```console\n$ torpor status\n```\n', 'no test records'],
    [
      'a test that is not there',
      '<!-- run by test/no.test.ts -->\n```sh\ntorpor run\n```\n',
      'there is no test/no.test.ts',
    ],
    ['output without a command', '<!-- not run: why -->\n```console\nall is well\n```\n', 'begins with the command'],
  ])('%s -> is told', (_, text, problem) => {
    expect(problemsOf(new MarkdownPage('mutant.md', text))).toEqual([expect.stringContaining(problem)]);
  });
});
