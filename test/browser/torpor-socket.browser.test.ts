// torpor/browser in headless Chromium: TorporSocket against the server's end of torpor-lz4.v1, and against servers that know nothing of it or err.
import { createHash } from 'node:crypto';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { Lz4Tunnels } from '../../src/web/lz4-tunnel.ts';
import { makeData } from '../core/support/block-data.ts';
import { drawSeed } from '../core/support/seed.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { describeWhere, findProgram, requires } from '../support/requirements.ts';
import { PageServer } from './support/page-server.ts';

const BROWSER = 'chromium';
const SEED = drawSeed('torpor/browser');
const LZ4 = 'torpor-lz4.v1';
const SCALAR = '/node_modules/torpor/build/torpor-core.scalar.wasm';
const SIMD = '/node_modules/torpor/build/torpor-core.wasm';

/** In the page: what the tests use, from the package as a page gets it. */
const LOAD = `(async () => {
  Object.assign(globalThis, await import('/node_modules/torpor/dist/browser/index.js'));
  globalThis.heard = [];
  globalThis.watch = (socket) => {
    for (const type of ['open', 'message', 'error', 'close'])
      socket.addEventListener(type, (event) => heard.push(type === 'close' ? 'close ' + event.code : type));
    return socket;
  };
  globalThis.opened = (socket) => new Promise((resolve, reject) => {
    socket.addEventListener('open', () => resolve(socket));
    socket.addEventListener('close', ({ code }) => reject(new Error('closed with ' + code)));
  });
  globalThis.whenClosed = (socket) => new Promise((resolve) => socket.addEventListener('close', resolve));
  /** Sends everything, resolves with what came back once it is as much. */
  globalThis.echo = (socket, parts) => new Promise((resolve, reject) => {
    const wanted = parts.reduce((sum, part) => sum + part.byteLength, 0);
    const back = new Uint8Array(wanted);
    let at = 0;
    socket.onclose = () => reject(new Error('closed after ' + at + ' of ' + wanted));
    socket.onmessage = ({ data }) => {
      back.set(new Uint8Array(data), at);
      at += data.byteLength;
      if (at === wanted) resolve(back);
    };
    for (const part of parts) socket.send(part);
  });
  globalThis.digest = async (bytes) => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');
})()`;

describeWhere(requires([BROWSER]), 'torpor/browser in Chromium', () => {
  let pages: PageServer;
  let browser: Browser;
  let page: Page;
  let server: WebSocketServer;
  let tunnels: Lz4Tunnels;
  /** What the server does: the subprotocols it knows, and with a connection. */
  let known: string[];
  let serve: (socket: WebSocket) => void;

  beforeAll(async () => {
    pages = await PageServer.start();
    tunnels = await Lz4Tunnels.load({ clock: new FakeClock(), maxTunnels: 8 });
    server = new WebSocketServer({
      server: pages.server,
      perMessageDeflate: false,
      handleProtocols: (offered) => known.find((name) => offered.has(name)) ?? false,
    });
    server.on('connection', (socket) => serve(socket));
    // No sandbox: the suite runs as root, and the page is our own.
    browser = await chromium.launch({ executablePath: findProgram(BROWSER) ?? BROWSER, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    for (const socket of server.clients) socket.terminate();
    await pages?.close();
  });
  beforeEach(async () => {
    known = [LZ4, 'binary'];
    serve = echoCompressed;
    pages.missing = [];
    pages.hasWasmType = true;
    pages.requests.length = 0;
    page = await browser.newPage();
    await page.goto(`${pages.origin}/`);
  });
  afterEach(async () => {
    await page.close();
  });

  function echoCompressed(socket: WebSocket): void {
    const tunnel = tunnels.open();
    socket.on('message', (message: Buffer) => {
      const bytes = tunnel.decode(message);
      if (bytes.length > 0) socket.send(tunnel.encode(bytes));
    });
    socket.on('close', () => tunnel.close());
  }

  const echoPlain = (socket: WebSocket) => {
    socket.on('message', (message: Buffer, isBinary: boolean) => socket.send(message, { binary: isBinary }));
  };

  const wsUrl = () => `ws://127.0.0.1:${pages.port}/`;
  const load = () => page.evaluate(LOAD);

  /** Mixed bytes through an echo and back: their hash there, and what the connection carried. */
  async function echoMixed(): Promise<{ protocol: string; digest: string; wanted: string; ratio: number }> {
    const parts = [
      makeData('words', 300_000, SEED),
      makeData('random', 70_000, SEED),
      makeData('copies', 40_000, SEED),
      makeData('zeros', 1, SEED),
      makeData('sparse', 90_000, SEED),
      makeData('words', 20, SEED),
    ].map((part) => Buffer.from(part));
    const texts = JSON.stringify(parts.map((part) => part.toString('base64')));
    const seen = await page.evaluate(`(async () => {
      const socket = new TorporSocket('${wsUrl()}');
      socket.binaryType = 'arraybuffer';
      await opened(socket);
      const parts = ${texts}.map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
      const back = await echo(socket, parts);
      const { sentBytes, sentCodedBytes, receivedBytes, receivedCodedBytes } = socket.traffic;
      return { protocol: socket.protocol, digest: await digest(back), ratio: (sentCodedBytes + receivedCodedBytes) / (sentBytes + receivedBytes) };
    })()`);
    const wanted = createHash('sha256').update(Buffer.concat(parts)).digest('hex');
    return { ...(seen as { protocol: string; digest: string; ratio: number }), wanted };
  }

  it('a server that knows it -> compressed both ways, the same bytes back', async () => {
    await load();
    const seen = await echoMixed();
    expect([seen.protocol, seen.digest]).toEqual([LZ4, seen.wanted]);
    console.log(`coded to raw: ${seen.ratio.toFixed(3)} (seed ${SEED})`);
    expect(seen.ratio).toBeLessThan(0.75);
    expect(pages.requests.filter((path) => path.endsWith('.wasm'))).toEqual([SIMD]);
  });

  it('a server that knows `binary` only -> plain, the same bytes back; text stays text', async () => {
    known = ['binary'];
    serve = echoPlain;
    await load();
    const seen = await echoMixed();
    expect(seen).toEqual({ protocol: 'binary', digest: seen.wanted, wanted: seen.wanted, ratio: 1 });
    const text = await page.evaluate(`(async () => {
      const socket = await opened(new TorporSocket('${wsUrl()}', ['binary']));
      return new Promise((resolve) => { socket.onmessage = ({ data }) => resolve(data); socket.send('a line'); });
    })()`);
    expect(text).toBe('a line');
  });

  it('a browser without SIMD -> the scalar module, compressed all the same', async () => {
    await page.evaluate('WebAssembly.validate = () => false');
    await load();
    const seen = await echoMixed();
    expect([seen.protocol, seen.digest]).toEqual([LZ4, seen.wanted]);
    expect(pages.requests.filter((path) => path.endsWith('.wasm'))).toEqual([SCALAR]);
  });

  it('a server that has no type for .wasm -> the core starts all the same', async () => {
    pages.hasWasmType = false;
    await load();
    expect(await page.evaluate('loadCore().then((core) => core.abi_version())')).toBe(3);
  });

  it('no core to be had -> the connection is plain, and loadCore says why', async () => {
    pages.missing = ['/node_modules/torpor/build/'];
    serve = echoPlain;
    await load();
    const seen = await echoMixed();
    expect([seen.protocol, seen.digest, seen.ratio]).toEqual(['binary', seen.wanted, 1]);
    expect(await page.evaluate('loadCore().catch((error) => error.code + error.message)')).toMatch(
      /^ERR_CORE_LOAD.*HTTP 404/,
    );
  });

  it('text and nothing in a compressed stream -> bytes, and no message', async () => {
    const got: Buffer[] = [];
    serve = (socket) => {
      const tunnel = tunnels.open();
      socket.on('message', (message: Buffer) => got.push(Buffer.from(tunnel.decode(message))));
      socket.on('close', () => tunnel.close());
    };
    await load();
    await page.evaluate(`(async () => {
      const socket = await opened(new TorporSocket('${wsUrl()}'));
      socket.send('');
      socket.send('häh');
      socket.send(new Uint16Array([0x4241]).subarray(0, 1));
      socket.send(new ArrayBuffer(0));
      socket.send(Uint8Array.of(33).buffer);
    })()`);
    await eventually('all messages', () => got.length >= 3);
    expect(got.map((bytes) => bytes.toString('utf8'))).toEqual(['häh', 'AB', '!']);
  });

  it.each([
    ['what is no message', (socket: WebSocket) => socket.send(Uint8Array.of(2, 0, 9, 1))],
    ['text', (socket: WebSocket) => socket.send('hello')],
  ])('a server that sends %s -> an error, 4007 at the server, and nothing after it is heard', async (_, send) => {
    const codes: number[] = [];
    serve = (socket) => {
      socket.on('close', (code) => codes.push(code));
      socket.send(Uint8Array.of(0, 65));
      send(socket);
      socket.send(Uint8Array.of(0, 66));
    };
    await load();
    await page.evaluate(`whenClosed(watch(new TorporSocket('${wsUrl()}')))`);
    expect(await page.evaluate('heard')).toEqual(['open', 'message', 'error', 'close 4007']);
    await eventually('the server to see the end', () => codes.length === 1);
    expect(codes).toEqual([4007]);
  });

  it('the API at its edges -> as a WebSocket does it', async () => {
    await load();
    expect(
      await page.evaluate(`(async () => {
        const said = [];
        const attempt = (run) => { try { said.push(typeof run()); } catch (error) { said.push(error.name); } };
        attempt(() => new TorporSocket('ftp://x/'));
        attempt(() => new TorporSocket('ws://'));
        const socket = watch(new TorporSocket('${wsUrl()}'));
        said.push(socket.readyState, socket.binaryType, socket.protocol, socket.bufferedAmount);
        attempt(() => socket.send('early'));
        attempt(() => socket.close(1001));
        const order = [];
        socket.addEventListener('open', () => order.push('first'));
        socket.onopen = () => order.push('replaced');
        socket.addEventListener('open', () => order.push('third'));
        socket.onopen = () => order.push('second');
        await opened(socket);
        said.push(order.join(), socket.readyState, socket.onopen instanceof Function, socket.onerror);
        const blob = new Promise((resolve) => { socket.onmessage = ({ data }) => resolve(data); });
        socket.send('x');
        said.push(await (await blob).text());
        attempt(() => socket.send(new Blob(['x'])));
        socket.close(3001, 'enough');
        said.push(socket.readyState);
        const { code, wasClean } = await whenClosed(socket);
        said.push(code, wasClean, socket.readyState);
        const early = watch(new TorporSocket('${wsUrl()}'));
        early.close();
        said.push(early.readyState);
        const { code: earlyCode } = await whenClosed(early);
        said.push(earlyCode, early.readyState);
        return said;
      })()`),
    ).toEqual([
      ...['SyntaxError', 'SyntaxError', 0, 'blob', '', 0, 'InvalidStateError', 'InvalidAccessError'],
      ...['first,second,third', 1, true, null, 'x', 'TypeError', 2, 3001, true, 3, 2, 1006, 3],
    ]);
    expect(await page.evaluate('heard')).toEqual(['open', 'message', 'close 3001', 'error', 'close 1006']);
  });

  it('nobody there, and many that are closed before they connect -> errors and 1006; all places are free again', async () => {
    await load();
    await page.evaluate(`(async () => {
      await whenClosed(watch(new TorporSocket('ws://127.0.0.1:1/')));
      for (let times = 0; times < 70; times += 1) {
        const socket = watch(new TorporSocket('${wsUrl()}'));
        socket.close();
        await whenClosed(socket);
      }
    })()`);
    expect(await page.evaluate('[heard.length, ...new Set(heard)]')).toEqual([142, 'error', 'close 1006']);
    expect((await echoMixed()).protocol).toBe(LZ4);
  });

  it('a stream that is quiet -> the server is told that its history is gone, and it goes on', async () => {
    const messages: Buffer[] = [];
    serve = (socket) => {
      socket.on('message', (message: Buffer) => messages.push(message));
      echoCompressed(socket);
    };
    await page.clock.install();
    await load();
    await page.evaluate(`(async () => {
      globalThis.socket = new TorporSocket('${wsUrl()}');
      socket.binaryType = 'arraybuffer';
      await opened(socket);
      await echo(socket, [new Uint8Array(1000)]);
    })()`);
    await page.clock.runFor(20_000);
    await eventually('the word', () => messages.some((message) => message.length === 1 && message[0] === 3));
    expect(await page.evaluate('echo(socket, [new Uint8Array(1000)]).then((back) => back.length)')).toBe(1000);
    // It begins anew, after the word.
    expect(messages.map((message) => message[0])).toEqual([0x12, 3, 0x12]);
  });
});
