// The dashboard's files as a browser gets them: all that the page asks for is there, nothing else is, and its policy goes along.
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildApi } from '../../src/api/build-api.ts';
import { readDashboardFiles } from '../../src/api/dashboard-files.ts';
import { KeptLog } from '../support/kept-log.ts';
import { FakeFarm } from './fakes/fake-farm.ts';

const files = readDashboardFiles();
const HOST = { host: '127.0.0.1:7070' };
let api: FastifyInstance;
beforeAll(() => {
  api = buildApi(new FakeFarm(), { log: new KeptLog(), version: '0', listenHost: '127.0.0.1', files });
});
afterAll(() => api.close());

function ask(url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' | 'POST' = 'GET') {
  return api.inject({ url, method, headers: { ...HOST, ...headers } });
}

it('the page -> HTML with a policy that allows its own files alone', async () => {
  const response = await ask('/');
  expect(response.headers['content-type']).toBe('text/html; charset=utf-8');
  const policy = String(response.headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  expect(response.body).not.toMatch(/<script>|style=|onload=|https?:\/\//);
});

it('everything that a file names -> is there, with its type', async () => {
  const urls = new Set(files.map(({ url }) => url));
  for (const { url, bytes, type } of files) {
    if (!/html|css|javascript/.test(type)) continue;
    const text = bytes.toString();
    const named = [
      ...text.matchAll(/(?:href|src)="([^"#]+)"|url\("([^"]+)"\)|^(?:import|export) .*?from ['"](\.[^'"]+)['"]/gm),
    ];
    for (const [, attribute, css, script] of named) {
      const target = attribute ?? css ?? new URL(script as string, `http://x${url}`).pathname;
      expect(urls, `${url} names ${target}`).toContain(target);
    }
  }
});

it('a file again -> 304 by its tag; compressed where the browser takes that; HEAD without a body', async () => {
  const first = await ask('/assets/style.css');
  const etag = String(first.headers.etag);
  expect((await ask('/assets/style.css', { 'if-none-match': etag })).statusCode).toBe(304);
  const small = await ask('/assets/style.css', { 'accept-encoding': 'gzip, br' });
  expect(small.headers['content-encoding']).toBe('br');
  expect(small.rawPayload.length).toBeLessThan(first.rawPayload.length / 2);
  expect((await ask('/', {}, 'HEAD')).body).toBe('');
});

it.each([
  '/assets/',
  '/assets/../package.json',
  '/assets/%2e%2e/package.json',
  '/assets/style.css/',
  '/dashboard',
  '/index.html',
])('%s -> no such path', async (url) => {
  expect((await ask(url)).statusCode).toBe(404);
});

it('a link from another site -> the page; anything else from there, or a frame -> 403', async () => {
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  expect((await ask('/', link)).statusCode).toBe(200);
  expect((await ask('/', { ...link, 'sec-fetch-dest': 'iframe' })).statusCode).toBe(403);
  expect((await ask('/api/v1/platforms', link)).statusCode).toBe(403);
  expect((await ask('/', {}, 'POST')).statusCode).toBe(405);
});
