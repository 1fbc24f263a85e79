// Every piece of configuration that the documentation shows is one that Torpor takes.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { problemOfPiece } from './support/documented-yaml.ts';
import { everyPage, MarkdownPage, ROOT } from './support/markdown-page.ts';

/** Words that are keys somewhere in the configuration's schemas. */
const KEYS = new Set(
  readdirSync(`${ROOT}src/config`)
    .filter((name) => /schema\.ts$|fields\.ts$/.test(name))
    .flatMap((name) => [...readFileSync(`${ROOT}src/config/${name}`, 'utf8').matchAll(/^\s*(\w+): /gm)])
    .map(([, key]) => key as string),
);

function problemsOf(page: MarkdownPage): string[] {
  const blocks = page.blocks
    .filter(({ language }) => language === 'yaml')
    .map(({ lines, line }) => [line, problemOfPiece(lines.join('\n'))] as const);
  const said = page.code.flatMap(({ text, line }) =>
    piecesIn(text).map((piece) => [line, problemOfPiece(piece)] as const),
  );
  return [...blocks, ...said].flatMap(([line, problem]) =>
    problem === null ? [] : [`${page.path}:${line}: ${problem.split('\n')[0]}`],
  );
}

/** `wakeOn: preface`, `viewing: active \| ignore`: pieces of configuration in running text. */
function piecesIn(text: string): string[] {
  const [, key, value] = /^([a-zA-Z]+): (.+)$/.exec(text) ?? [];
  if (key === undefined || value === undefined || !KEYS.has(key) || /^[A-Z]/.test(value)) return [];
  // `{ fromClient, fromServer }` only names the keys that there are.
  if (/^\{[^:]*\}$/.test(value)) return [];
  return /^[\w -]+(\\?\|[\w -]+)+$/.test(value) ? value.split(/\\?\|/).map((each) => `${key}: ${each.trim()}`) : [text];
}

describe('the documentation', () => {
  it.each(everyPage().map((page) => [page.path, page] as const))('%s -> its configuration is taken', (_, page) => {
    expect(problemsOf(page)).toEqual([]);
  });

  it('there are pieces of configuration -> they are found', () => {
    const counts = everyPage().map(
      (page) =>
        page.blocks.filter(({ language }) => language === 'yaml').length +
        page.code.flatMap(({ text }) => piecesIn(text)).length,
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(40);
  });
});

describe('what is wrong with a page', () => {
  it.each([
    ['a key that does not exist', '```yaml\npower:\n  sleepBye: host\n```\n', 'sleepBye'],
    ['a value outside the choices', '```yaml\nmqtt:\n  url: amqp://broker\n```\n', 'mqtt'],
    ['a whole file', '```yaml\nplatforms:\n  - name: a\n    mode: armd\n```\n', 'armd'],
    ['no YAML', '```yaml\nplatforms: [\n```\n', 'no YAML'],
    ['in running text', 'Say `wakeOn: prefase` there.', 'wakeOn'],
    ['one of several choices', 'Say `viewing: active \\| ignored`.', 'viewing'],
  ])('%s -> is told', (_, text, problem) => {
    expect(problemsOf(new MarkdownPage('mutant.md', text))).toEqual([expect.stringContaining(problem)]);
  });
});
