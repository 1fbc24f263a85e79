// Every link of the documentation leads to a file and a heading that are there, and every file of the project that it names exists.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { everyPage, MarkdownPage, ROOT } from './support/markdown-page.ts';

/** What is made by a build or a run, or is the reader's own. */
const MADE = /^(build|dist|artifacts|coverage|node_modules)\//;
const FOLDERS = readdirSync(ROOT, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !MADE.test(`${entry.name}/`))
  .map((entry) => entry.name);

function problemsOf(page: MarkdownPage): string[] {
  const links = page.links.map(({ text, line }) => [line, problemOfLink(page, text)] as const);
  const paths = page.code.map(({ text, line }) => [line, problemOfPath(page, text)] as const);
  return [...links, ...paths].flatMap(([line, problem]) =>
    problem === null ? [] : [`${page.path}:${line}: ${problem}`],
  );
}

function problemOfLink(page: MarkdownPage, target: string): string | null {
  if (/^https:\/\//.test(target)) return null;
  const [path, anchor] = target.split('#', 2) as [string, string | undefined];
  const file = path === '' ? page.path : normalize(join(dirname(page.path), path));
  if (file !== page.path && !existsSync(`${ROOT}${file}`)) return `there is no ${file}`;
  if (anchor === undefined) return null;
  const there = file === page.path ? page : MarkdownPage.load(file);
  return there.anchors.has(anchor) ? null : `${file} has no heading #${anchor}`;
}

/** `src/…`, `docs/…`: a path from the root of the project, or from the page's own folder; `test/e2e/bmc` is a test there. */
function problemOfPath(page: MarkdownPage, text: string): string | null {
  const [folder] = text.split('/', 1) as [string];
  if (!/^[\w.-]+\/[\w./-]*$/.test(text) || !FOLDERS.includes(folder)) return null;
  const near = [text, join(dirname(page.path), text)];
  // `x-policy.ts` stands for whichever.
  if (/\/x-[\w-]+\.ts$/.test(text))
    return existsSync(`${ROOT}${dirname(text)}`) ? null : `there is no ${dirname(text)}`;
  const found = near.some((path) => existsSync(`${ROOT}${path}`) || isTest(path) || isBeginning(path));
  return found ? null : `there is no ${text}`;
}

function isTest(path: string): boolean {
  return ['.test.ts', '.conformance.test.ts', '.ts'].some((end) => existsSync(`${ROOT}${path}${end}`));
}

/** `test/live/slow-resume` of `slow-resume.test.ts`, `…/decoders.property` likewise. */
function isBeginning(path: string): boolean {
  const folder = `${ROOT}${dirname(path)}`;
  const name = path.slice(dirname(path).length + 1);
  return (
    existsSync(folder) &&
    statSync(folder).isDirectory() &&
    readdirSync(folder).some((each) => each.startsWith(`${name}.`))
  );
}

describe('the documentation', () => {
  it.each(everyPage().map((page) => [page.path, page] as const))(
    '%s -> its links and paths lead somewhere',
    (_, page) => {
      expect(problemsOf(page)).toEqual([]);
    },
  );
});

describe('what is wrong with a page', () => {
  it.each([
    ['a file that is not there', 'See [power](powr.md).', 'there is no docs/powr.md'],
    ['a heading that is not there', 'See [IPMI](power.md#ipmy).', 'docs/power.md has no heading #ipmy'],
    ['a heading of its own', '# One\n\n[two](#two)\n', 'has no heading #two'],
    ['a path', 'Look into `src/power/ipmy/`.', 'there is no src/power/ipmy/'],
    ['a test', 'Shown by `test/e2e/bmc-fault`.', 'there is no test/e2e/bmc-fault'],
  ])('%s -> is told', (_, text, problem) => {
    expect(problemsOf(new MarkdownPage('docs/mutant.md', text))).toEqual([expect.stringContaining(problem)]);
  });

  it('what is right -> is not told', () => {
    const text = '# One `x`, two\n\n[one](#one-x-two), [IPMI](power.md#ipmi), `test/e2e/bmc-faults`, `a/b`\n';
    expect(problemsOf(new MarkdownPage('docs/mutant.md', text))).toEqual([]);
  });
});
