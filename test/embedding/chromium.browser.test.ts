// Both builds of the module in headless Chromium: core.vectors, in a page and in a worker, run by the same runner as in Node.
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BUILDS } from '../asm/support/raw-core.ts';
import { describeWhere, findProgram, requires } from '../support/requirements.ts';
import { pathOf } from './support/build-c.ts';
import { parseVectors } from './support/vectors.ts';

const BROWSER = 'chromium';
const VECTORS_TEXT = await readFile(pathOf('test/embedding/core.vectors'), 'utf8');

/** In the page or the worker: runs every vector against a fresh instance each; answers what each of them said. */
const RUN_ALL = `
import { parseVectors, runVector } from '/vectors.js';
export async function runAll(build) {
  const module = await WebAssembly.compileStreaming(fetch('/' + build));
  const vectors = parseVectors(await (await fetch('/core.vectors')).text());
  const seen = {};
  for (const vector of vectors) {
    const { exports } = await WebAssembly.instantiate(module, {});
    try {
      seen[vector.title] = 'as the file says, ' + runVector(vector, { memory: exports.memory, functions: exports }).length + ' calls';
    } catch (error) {
      seen[vector.title] = String(error);
    }
  }
  return seen;
}`;
const WORKER = `
import { runAll } from '/run-all.js';
onmessage = async ({ data }) => postMessage(await runAll(data));`;

async function answers(): Promise<Map<string, { type: string; body: string | Buffer }>> {
  const runner = await readFile(pathOf('test/embedding/support/vectors.ts'), 'utf8');
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const script = 'text/javascript';
  return new Map<string, { type: string; body: string | Buffer }>([
    ['/', { type: 'text/html', body: '<!doctype html><title>core</title>' }],
    ['/vectors.js', { type: script, body: ts.transpileModule(runner, { compilerOptions: options }).outputText }],
    ['/run-all.js', { type: script, body: RUN_ALL }],
    ['/worker.js', { type: script, body: WORKER }],
    ['/core.vectors', { type: 'text/plain', body: VECTORS_TEXT }],
    [`/${BUILDS[0]}`, { type: 'application/wasm', body: await readFile(pathOf(`build/${BUILDS[0]}`)) }],
    [`/${BUILDS[1]}`, { type: 'application/wasm', body: await readFile(pathOf(`build/${BUILDS[1]}`)) }],
  ]);
}

describeWhere(requires([BROWSER]), 'the core in Chromium', () => {
  let server: Server;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const files = await answers();
    server = createServer((request, response) => {
      const file = files.get(request.url ?? '');
      response.writeHead(file === undefined ? 404 : 200, { 'content-type': file?.type ?? 'text/plain' });
      response.end(file?.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    // No sandbox: the suite runs as root, and the page is our own.
    browser = await chromium.launch({ executablePath: findProgram(BROWSER) ?? BROWSER, args: ['--no-sandbox'] });
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    console.log(`Chromium ${browser.version()}`);
  });
  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => server.close(resolve));
  });

  const titles = parseVectors(VECTORS_TEXT).map(({ title }) => title);
  const expected = Object.fromEntries(
    titles.map((title) => [title, expect.stringMatching(/^as the file says, \d+ calls$/)]),
  );

  it.each(BUILDS)('%s in a page: -> every vector as the file says', async (build) => {
    expect(await page.evaluate(`import('/run-all.js').then(({ runAll }) => runAll('${build}'))`)).toEqual(expected);
  });

  it.each(BUILDS)('%s in a worker: -> every vector as the file says', async (build) => {
    const seen = await page.evaluate(`new Promise((resolve, reject) => {
      const worker = new Worker('/worker.js', { type: 'module' });
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = () => reject(new Error('the worker did not start'));
      worker.postMessage('${build}');
    })`);
    expect(seen).toEqual(expected);
  });
});
