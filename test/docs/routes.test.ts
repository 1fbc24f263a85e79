// Every route of the HTTP API that the documentation names is one that is served, with the queries that it takes, and docs/api.md has all.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { everyPage, type Located, MarkdownPage, ROOT } from './support/markdown-page.ts';

interface Operation {
  readonly parameters?: ReadonlyArray<{ readonly name: string; readonly in: string }>;
}

const PATHS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = JSON.parse(
  readFileSync(`${ROOT}docs/openapi.json`, 'utf8'),
).paths;
/** Served, and no part of the API: the dashboard. */
const PAGES = ['GET /'];

/** `GET /healthz`, `/readyz`: the second has the first one's method. */
function routesOf(page: MarkdownPage): Located[] {
  let method = 'GET';
  let line = 0;
  return page.code.flatMap((code) => {
    if (code.line !== line) method = 'GET';
    line = code.line;
    const [, named, path] =
      /^(?:(GET|POST|DELETE) )?(\/(?:api\/|healthz|readyz|metrics|openapi)\S*|\/)$/.exec(code.text) ?? [];
    method = named ?? method;
    if (path === undefined || (named === undefined && path === '/')) return [];
    return spell(path.replaceAll('\\|', '|')).map((text) => ({ text: `${method} ${text}`, line: code.line }));
  });
}

/** `/a/b|c?x=` as `/a/b?x=` and `/a/c?x=`. */
function spell(path: string): string[] {
  const [route, query] = path.split('?', 2) as [string, string | undefined];
  const [last, ...others] = route.split('/').reverse() as [string, ...string[]];
  const above = others.reverse().join('/');
  return last.split('|').map((each) => `${above}/${each}${query === undefined ? '' : `?${query}`}`);
}

function keyOf(route: string): string {
  return route.split('?')[0]?.replace('/NAME', '/{name}') ?? route;
}

function problemsOf(page: MarkdownPage): string[] {
  return routesOf(page).flatMap(({ text, line }) => {
    const [method, path] = keyOf(text).split(' ') as [string, string];
    if (PAGES.includes(`${method} ${path}`)) return [];
    const operation = PATHS[path]?.[method.toLowerCase()];
    if (operation === undefined) return [`${page.path}:${line}: ${method} ${path} is not served`];
    const asked = [...(text.split('?')[1] ?? '').matchAll(/(\w+)=/g)].map(([, name]) => name as string);
    const known = (operation.parameters ?? []).filter((each) => each.in === 'query').map(({ name }) => name);
    const missing = asked.filter((name) => !known.includes(name));
    return missing.map((name) => `${page.path}:${line}: ${method} ${path} takes no "${name}"`);
  });
}

describe('the documentation', () => {
  it.each(everyPage().map((page) => [page.path, page] as const))('%s -> its routes are served', (_, page) => {
    expect(problemsOf(page)).toEqual([]);
  });

  it('docs/api.md -> every route that is served', () => {
    const page = MarkdownPage.load('docs/api.md');
    const named = new Set(routesOf(page).map(({ text }) => keyOf(text)));
    const served = Object.entries(PATHS).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    // "`GET`, `POST`, `DELETE /api/v1/session`" and "`/openapi.json`" are named once.
    const short = ['GET /api/v1/session', 'POST /api/v1/session'];
    expect(served.filter((route) => !named.has(route) && !short.includes(route))).toEqual([]);
  });
});

describe('what is wrong with a page', () => {
  it.each([
    ['a route', 'Ask `GET /api/v1/platform`.', 'GET /api/v1/platform is not served'],
    ['a method', 'Ask `POST /api/v1/report`.', 'POST /api/v1/report is not served'],
    ['one of several', 'Ask `POST /api/v1/platforms/NAME/wake\\|slep`.', '/slep is not served'],
    ['a query', 'Ask `GET /api/v1/streams?platfrom=`.', 'takes no "platfrom"'],
  ])('%s -> is told', (_, text, problem) => {
    expect(problemsOf(new MarkdownPage('mutant.md', text))).toEqual([expect.stringContaining(problem)]);
  });
});
