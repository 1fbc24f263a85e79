// The waiting page: who is answered in a sleeping server's place, who is held, and that what is held is never touched.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HEAD_MAX_BYTES, WaitingPage, type WaitingPageRule } from '../../src/streams/waiting-page.ts';
import { waitingPage } from '../../src/streams/waiting-page-html.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

const NOTICE = { vm: 'wiki', elapsedMs: 0, usualMs: null };
const BROWSER = 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

function request(first: string, ...headers: string[]): string {
  return `${first} HTTP/1.1\r\nHost: wiki.example\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`;
}

/** page, unavailable, hold or more. */
function judge(text: string, rule: WaitingPageRule = 'browsers', chunkBytes = text.length): string {
  const page = new WaitingPage(rule);
  const bytes = Buffer.from(text, 'latin1');
  let verdict: ReturnType<WaitingPage['judge']> = 'more';
  for (let at = 0; at < bytes.length && verdict === 'more'; at += chunkBytes) {
    page.add(bytes.subarray(at, at + chunkBytes));
    verdict = page.judge(NOTICE);
  }
  if (typeof verdict === 'string') return verdict;
  return verdict.includes('text/html') ? 'page' : 'unavailable';
}

describe('one request', () => {
  it.each([
    ['a page that somebody opens', request('GET /', BROWSER), 'page', 'page'],
    ['the same, as browsers of today say it', request('GET /a?b', BROWSER, 'Sec-Fetch-Dest: document'), 'page', 'page'],
    ['a script that would take HTML', request('GET /', BROWSER, 'Sec-Fetch-Dest: empty'), 'hold', 'unavailable'],
    ['a frame of another page', request('GET /', BROWSER, 'Sec-Fetch-Dest: iframe'), 'hold', 'unavailable'],
    ['a guess of the browser’s', request('GET /', BROWSER, 'Sec-Purpose: prefetch'), 'hold', 'unavailable'],
    ['an API client', request('GET /api', 'Accept: application/json'), 'hold', 'unavailable'],
    ['a client that says nothing', request('GET /'), 'hold', 'unavailable'],
    ['HTML refused', request('GET /', 'Accept: text/html;q=0, */*'), 'hold', 'unavailable'],
    ['HEAD', request('HEAD /', BROWSER), 'hold', 'unavailable'],
    ['the page’s own question', request('HEAD /', 'torpor-wait: 1'), 'hold', 'hold'],
    ['a form', `${request('POST /', BROWSER, 'Content-Length: 3')}a=1`, 'hold', 'hold'],
    ['a deletion', request('DELETE /', BROWSER), 'hold', 'hold'],
    ['a body', `${request('GET /', BROWSER, 'Content-Length: 3')}a=1`, 'hold', 'hold'],
    ['a body to come', request('GET /', BROWSER, 'Content-Length: 3'), 'hold', 'hold'],
    ['a chunked body', request('GET /', BROWSER, 'Transfer-Encoding: chunked'), 'hold', 'hold'],
    ['two requests in one', request('GET /', BROWSER) + request('GET /b', BROWSER), 'hold', 'hold'],
    ['a websocket', request('GET /', BROWSER, 'Upgrade: websocket', 'Connection: Upgrade'), 'hold', 'hold'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'hold', 'hold'],
    ['TLS', '\x16\x03\x01\x02\x00\x01', 'hold', 'hold'],
    ['no HTTP at all', 'GET me\r\n\r\n', 'hold', 'hold'],
    ['a broken header', 'GET / HTTP/1.1\r\nno colon\r\n\r\n', 'hold', 'hold'],
    ['half a head', 'GET / HTTP/1.1\r\nHost:', 'more', 'more'],
    ['a head without end', `GET / HTTP/1.1\r\nA: ${'x'.repeat(HEAD_MAX_BYTES)}`, 'hold', 'hold'],
  ])('%s -> by the rules browsers and all as listed, in single bytes the same', (_what, text, browsers, all) => {
    expect([judge(text), judge(text, 'all')]).toEqual([browsers, all]);
    // Byte by byte the end of a first head comes before what follows it: such a client is known by its next bytes only.
    if (!/two requests/.test(_what)) expect(judge(text, 'browsers', 1)).toBe(browsers);
  });

  it('the page -> 503 that nobody keeps, whole in itself, its script and style the only ones its policy allows', () => {
    const text = waitingPage({ vm: '<img src=x onerror=alert(1)>', elapsedMs: 3000, usualMs: 12_000 }).toString();
    expect(text).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(text).toContain('Retry-After: 9\r\n');
    expect(text).toContain('Cache-Control: no-store\r\n');
    expect(text).toMatch(
      /Content-Security-Policy: default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'/,
    );
    expect(text).not.toContain('<img');
    expect(text).not.toMatch(/https?:\/\//);
    const [head, body] = text.split('\r\n\r\n') as [string, string];
    expect(Number(/Content-Length: (\d+)/.exec(head)?.[1])).toBe(Buffer.byteLength(body));
  });
});

describe('on the wire', () => {
  const closers: Array<() => unknown> = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function sleeper(waitingPageRule: WaitingPageRule, initiallyHeld = true) {
    const vm = await VmServer.start();
    const clock = new FakeClock();
    const listener = { protocol: 'http', wakeOn: 'preface', waitingPage: waitingPageRule } as const;
    const rig = await StreamRig.start({ target: vm.port, clock, initiallyHeld, listeners: [listener] });
    closers.push(
      () => vm.close(),
      () => rig.close(),
    );
    return { vm, rig, clock };
  }

  async function ask(rig: StreamRig, text: string) {
    const client = await rig.connect();
    const reader = new SocketReader(client);
    client.write(text);
    return { client, reader };
  }

  const wakes = (rig: StreamRig) => rig.seen.of('held-activity').map(({ why }) => why);
  const atVm = (vm: VmServer, nth = 0): Promise<Socket> =>
    eventually('the VM to accept', () => vm.sockets[nth], { everyMs: 2 });

  it('a browser -> the page and a clean end; the platform is woken once, and the VM never hears of it', async () => {
    const { vm, rig } = await sleeper('browsers');
    const { client, reader } = await ask(rig, request('GET /', BROWSER));
    await eventually('the page', () => reader.end === 'fin', { everyMs: 2 });
    expect(reader.text).toContain('alice is waking up');
    expect(wakes(rig)).toEqual(['valid start of http']);
    expect(rig.seen.of('closed')[0]?.why).toContain('answered with the waiting page, and not forwarded');
    expect(rig.set.heldBytes()).toEqual({ heldBytes: 0, heldStoredBytes: 0 });
    client.end();
    rig.set.release(null);
    // Whoever comes now is the VM's first.
    const next = await ask(rig, request('GET /', BROWSER));
    const reached = new SocketReader(await atVm(vm));
    await reached.until(request('GET /', BROWSER).length);
    expect([vm.sockets.length, next.reader.text]).toEqual([1, '']);
  });

  it('its own question beside it -> held, and forwarded whole when the VM runs; the next page knows how long that took', async () => {
    const { vm, rig, clock } = await sleeper('browsers');
    await ask(rig, request('GET /', BROWSER));
    const question = request('HEAD /', 'torpor-wait: 1');
    await ask(rig, question);
    await eventually('it to be held', () => rig.set.heldBytes().heldBytes === question.length, { everyMs: 2 });
    expect(rig.set.waitingVms()).toEqual(['alice']);
    await clock.advance(7000);
    rig.set.release(null);
    const reached = new SocketReader(await atVm(vm));
    await reached.until(question.length);
    expect(reached.text).toBe(question);
    rig.set.hold();
    const { reader } = await ask(rig, request('GET /', BROWSER));
    await eventually('the page', () => reader.end === 'fin', { everyMs: 2 });
    expect(reader.text).toContain('data-usual="7000"');
  });

  it.each([
    ['an API client', request('GET /api', 'Accept: application/json')],
    ['a form', `${request('POST /', BROWSER, 'Content-Length: 5')}a=1&b`],
    ['two requests in one', request('GET /', BROWSER) + request('GET /b', BROWSER)],
  ])('%s, rule browsers -> held whole, answered by the VM alone', async (_who, text) => {
    const { vm, rig } = await sleeper('browsers');
    const { reader } = await ask(rig, text);
    await eventually('it to be held', () => rig.set.heldBytes().heldBytes === text.length, { everyMs: 2 });
    rig.set.release(null);
    const socket = await atVm(vm);
    const reached = new SocketReader(socket);
    await reached.until(text.length);
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    await reader.until(19);
    expect([reached.text, reader.text]).toEqual([text, 'HTTP/1.1 200 OK\r\n\r\n']);
  });

  it('an API client, rule all -> 503 with Retry-After and a problem document, and the wake', async () => {
    const { rig } = await sleeper('all');
    const { reader } = await ask(rig, request('GET /api', 'Accept: application/json'));
    await eventually('the answer', () => reader.end === 'fin', { everyMs: 2 });
    expect(reader.text).toMatch(/^HTTP\/1\.1 503 .*Retry-After: 10\r\n.*"type":"urn:torpor:waking"/s);
    expect(wakes(rig)).toHaveLength(1);
  });

  it('a connection that its VM knew before it slept -> held, whatever it asks', async () => {
    const { vm, rig } = await sleeper('all', false);
    const { client, reader } = await ask(rig, request('GET /', BROWSER));
    const reached = new SocketReader(await atVm(vm));
    await reached.until(request('GET /', BROWSER).length);
    rig.set.hold();
    client.write(request('GET /b', BROWSER));
    await eventually('it to be held', () => rig.set.heldBytes().heldBytes > 0, { everyMs: 2 });
    expect(reader.text).toBe('');
    rig.set.release(null);
    await reached.until(2 * request('GET /', BROWSER).length + 1);
    expect(reached.text).toContain('GET /b HTTP/1.1');
  });
});
