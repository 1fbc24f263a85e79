// Listeners that speak WebSocket, at real loopback sockets with the library ws as the client: bytes, endings, pings, who is let in, what is bounded.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { WebSocketRule } from '../../src/platform/web-socket-rule.ts';
import { DOORSTEP_BOUND_MS } from '../../src/streams/doorstep.ts';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import type { TunnelSubprotocol } from '../../src/web/tunnel-codec.ts';
import { DEAF_MS, UNANSWERED_MAX } from '../../src/web/web-stream.ts';
import { SocketReader } from '../streams/support/socket-reader.ts';
import { type ReadingWay, type RigOptions, StreamRig, VmServer } from '../streams/support/stream-rig.ts';
import { comesTrue } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { WEB_RULE, WebClient } from './support/web-rig.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  StreamRig.reading = 'raw';
});

interface Ask extends Partial<Omit<ListenerOptions, 'webSocket'>> {
  readonly web?: Partial<WebSocketRule>;
  readonly rig?: RigOptions;
}

async function startRig({ web = {}, rig: more = {}, ...listener }: Ask = {}) {
  const vm = await VmServer.start();
  closers.push(() => vm.close());
  const clock = new FakeClock();
  const rig = await StreamRig.start({
    target: vm.port,
    clock,
    readUnacked: async () => new Map(),
    listeners: [{ webSocket: { ...WEB_RULE, ...web }, ...listener }],
    ...more,
  });
  closers.push(() => rig.close());
  return { rig, vm, clock };
}

type ClientAsk = ConstructorParameters<typeof WebClient>[1];

function call(rig: StreamRig, options: ClientAsk = {}): WebClient {
  const client = new WebClient(rig.port(), options);
  closers.push(() => client.socket.terminate());
  return client;
}

async function atVm(vm: VmServer): Promise<{ socket: Socket; reader: SocketReader }> {
  await comesTrue(() => expect(vm.sockets.length).toBe(1));
  const socket = vm.sockets[0] as Socket;
  return { socket, reader: new SocketReader(socket) };
}

function patterned(bytes: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + (at >> 8)) & 0xff));
}

for (const way of ['raw', 'direct', 'plain'] satisfies ReadingWay[]) {
  describe(`web listener, ${way} reads`, () => {
    it('messages both ways, then a Close -> the VM gets their bytes and a FIN, the client one message for each chunk', async () => {
      StreamRig.reading = way;
      const { rig, vm } = await startRig();
      const client = await call(rig, { offers: ['binary'] }).opened();
      expect(client.socket.protocol).toBe('binary');
      for (const word of ['RFB ', '003.008', '\n']) client.socket.send(Buffer.from(word));
      const { socket, reader } = await atVm(vm);
      await reader.until(12);
      expect(reader.text).toBe('RFB 003.008\n');
      socket.write('RFB 003.008\n');
      await comesTrue(() => expect(client.bytes.toString()).toBe('RFB 003.008\n'));
      expect(rig.set.streams()[0]).toMatchObject({ bytesFromClient: 12, bytesToClient: 12, mode: 'flowing' });
      expect(rig.set.streams()[0]?.client).toMatch(/^127\.0\.0\.1:\d+$/);
      client.socket.close();
      await comesTrue(() => expect(reader.end).toBe('fin'));
      socket.end();
      await comesTrue(() => expect(rig.seen.of('closed')[0]?.why).toMatch(/the client closed the connection/));
    });

    it('megabytes from the VM, then its FIN -> every byte, then Close 1000; its RST -> 1011', async () => {
      StreamRig.reading = way;
      const { rig, vm } = await startRig();
      const client = await call(rig).opened();
      const { socket } = await atVm(vm);
      const bytes = patterned(3 * 1024 * 1024);
      socket.end(bytes);
      expect(await client.ended()).toBe(1000);
      expect(client.bytes.equals(bytes)).toBe(true);
      await comesTrue(() => expect(socket.destroyed || socket.readableEnded).toBe(true));
      const second = await call(rig).opened();
      await comesTrue(() => expect(vm.sockets.length).toBe(2));
      vm.sockets[1]?.resetAndDestroy();
      expect(await second.ended()).toBe(1011);
    });

    it('a VM that does not read -> the client is not read on and on; once it reads -> every byte, in order', async () => {
      StreamRig.reading = way;
      const { rig, vm } = await startRig();
      const client = await call(rig).opened();
      const { socket } = await atVm(vm);
      socket.pause();
      const piece = patterned(256 * 1024);
      const pieces = 128;
      for (let at = 0; at < pieces; at += 1) client.socket.send(piece);
      await comesTrue(() => expect(rig.set.streams()[0]?.bytesFromClient).toBeGreaterThan(0));
      expect(rig.set.streams()[0]?.bytesFromClient).toBeLessThan(pieces * piece.length);
      let got = 0;
      const [hash, expected] = [createHash('sha256'), createHash('sha256')];
      for (let at = 0; at < pieces; at += 1) expected.update(piece);
      socket.on('data', (chunk: Buffer) => {
        got += chunk.length;
        hash.update(chunk);
      });
      socket.resume();
      await comesTrue(() => expect(got).toBe(pieces * piece.length), 60_000);
      expect(hash.digest('hex')).toBe(expected.digest('hex'));
    });
  });
}

describe('web listener, towards a sleeper', () => {
  it('-> open at once, pings answered and never activity, messages held, delivered once', async () => {
    const { rig, vm } = await startRig({ wakeOn: 'input', rig: { initiallyHeld: true } });
    const client = await call(rig).opened();
    for (const word of ['one', 'two', 'three']) {
      client.socket.ping(word);
      await comesTrue(() => expect(client.pongs.at(-1)).toBe(word));
    }
    expect(rig.seen.of('held-activity')).toEqual([]);
    expect(rig.set.waitingVms()).toEqual([]);
    client.socket.send(Buffer.from('typed'));
    client.socket.ping('behind');
    await comesTrue(() => expect(client.pongs.at(-1)).toBe('behind'));
    await comesTrue(() => expect(rig.seen.of('held-activity').length).toBe(1));
    expect(rig.set.streams()[0]).toMatchObject({ heldBytes: 5, bytesFromClient: 5 });
    rig.set.release(null);
    const { socket, reader } = await atVm(vm);
    await reader.until(5);
    socket.write('awake');
    await comesTrue(() => expect(client.bytes.toString()).toBe('awake'));
    expect(reader.text).toBe('typed');
  });

  it('a client that typed and left -> its bytes and a FIN come to the VM when it runs', async () => {
    const { rig, vm } = await startRig({ rig: { initiallyHeld: true } });
    const client = await call(rig).opened();
    client.socket.send(Buffer.from('last words'));
    client.socket.close(1001);
    await client.ended();
    rig.set.release(null);
    const { reader } = await atVm(vm);
    await comesTrue(() => expect(reader.end).toBe('fin'));
    expect(reader.text).toBe('last words');
  });

  it('a client that left while its server talks on -> nothing is lost of what it sent, and the server is reset after DEAF_MS', async () => {
    const { rig, vm, clock } = await startRig();
    const client = await call(rig).opened();
    client.socket.send(Buffer.from('go'));
    const { socket, reader } = await atVm(vm);
    client.socket.close();
    await comesTrue(() => expect(reader.end).toBe('fin'));
    expect(reader.text).toBe('go');
    socket.write('for nobody');
    await comesTrue(() => expect(rig.set.streams()[0]?.bytesToClient).toBe(10));
    expect(socket.destroyed).toBe(false);
    await clock.advance(DEAF_MS);
    await comesTrue(() => expect(rig.seen.of('closed')[0]?.why).toMatch(/the client reset the connection/));
    // It has read the FIN already: only a write meets the RST.
    await comesTrue(() => {
      socket.write('still for nobody');
      expect(socket.destroyed).toBe(true);
    });
  });

  it('a source that woke it too often (wakeRate) -> Close 1013', async () => {
    const { rig } = await startRig({ wakeRate: { count: 1, perMs: 3_600_000 }, rig: { initiallyHeld: true } });
    await call(rig).opened();
    await comesTrue(() => expect(rig.set.waitingVms()).toEqual(['alice']));
    rig.set.release(null);
    rig.set.hold();
    expect(await call(rig).ended()).toBe(1013);
    expect(rig.set.refusedClients()).toEqual({ 'wake-rate': 1 });
  });
});

describe('web listener, messages', () => {
  it('a text: refused (1003), or its UTF-8 bytes; one that is too long: 1009; fragments: joined', async () => {
    const { rig, vm } = await startRig();
    const texter = await call(rig).opened();
    texter.socket.send('héllo');
    expect(await texter.ended()).toBe(1003);
    await comesTrue(() => expect(rig.seen.of('closed')[0]?.why).toMatch(/the client reset the connection/));
    const { rig: other, vm: otherVm } = await startRig({ web: { text: 'bytes', maxMessageBytes: 1024 } });
    const client = await call(other).opened();
    client.socket.send('hé', { fin: false });
    client.socket.send('llo', { fin: true });
    const { reader } = await atVm(otherVm);
    await comesTrue(() => expect(reader.text).toBe(Buffer.from('héllo').toString('latin1')));
    client.socket.send(Buffer.alloc(1025));
    expect(await client.ended()).toBe(1009);
    expect(vm.sockets.length).toBe(1);
  });

  it('a subprotocol with a codec -> judged, counted and sent on as it decodes; what it throws for -> 1007', async () => {
    const flip = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte) => byte ^ 0xff);
    let closed = 0;
    const mirror: TunnelSubprotocol = {
      name: 'mirror.v1',
      open: () => ({
        decode(message) {
          if (message.length === 3) throw new Error('three');
          return flip(message);
        },
        encode: flip,
        close() {
          closed += 1;
        },
      }),
    };
    const { rig, vm } = await startRig({
      web: { subprotocols: ['binary', 'mirror.v1'] },
      rig: { subprotocols: [mirror] } as RigOptions,
    });
    const client = await call(rig, { offers: ['mirror.v1', 'binary'] }).opened();
    expect(client.socket.protocol).toBe('mirror.v1');
    client.socket.send(flip(Buffer.from('plain')));
    const { socket, reader } = await atVm(vm);
    await reader.until(5);
    expect(reader.text).toBe('plain');
    socket.write('answer');
    await comesTrue(() => expect(Buffer.from(flip(client.bytes)).toString()).toBe('answer'));
    client.socket.send(Buffer.from('xyz'));
    expect(await client.ended()).toBe(1007);
    await comesTrue(() => expect(closed).toBe(1));
  });
});

describe('web listener, pings of its own', () => {
  it('a client that answers -> stays; one that does not -> gone after UNANSWERED_MAX', async () => {
    const { rig, clock } = await startRig({ web: { pingEveryMs: 30_000 } });
    const alive = await call(rig).opened();
    const dead = await call(rig, { autoPong: false }).opened();
    await comesTrue(() => expect(rig.set.streams().length).toBe(2));
    for (let round = 1; round <= UNANSWERED_MAX; round += 1) {
      await clock.advance(30_000);
      await comesTrue(() => expect([alive.pings, dead.pings]).toEqual([round, round]));
      // A message of the client's tells that its pong, which it sent before, was read.
      alive.socket.send(Buffer.from('.'));
      await comesTrue(() => expect(rig.set.streams()[0]?.bytesFromClient).toBe(round));
    }
    await clock.advance(30_000);
    expect(await dead.ended()).toBe(1006);
    await comesTrue(() => expect(rig.seen.of('closed')[0]?.why).toMatch(/ETIMEDOUT/));
    expect(alive.closed).toBe(null);
  });
});

describe('web listener, who is let in', () => {
  it('a path, a version, a method that is not meant -> told by status, counted', async () => {
    const { rig } = await startRig({ web: { path: '/websockify' } });
    expect(await call(rig, { path: '/other' }).turnedAway()).toBe(404);
    expect(await call(rig, { path: '/websockify', protocolVersion: 8 }).turnedAway()).toBe(426);
    expect(await call(rig, { path: '/websockify', offers: ['base64'] }).turnedAway()).toBe(400);
    const page = await fetch(`http://127.0.0.1:${rig.port()}/websockify`);
    expect([page.status, page.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(await page.text()).toMatch(/only WebSockets are served here/);
    await call(rig, { path: '/websockify?x=1' }).opened();
    expect(rig.set.refusedClients()).toEqual({ 'web-request': 4 });
  });

  it('origins: the same host by default, a list, all -> others 403', async () => {
    const { rig } = await startRig();
    const port = rig.port();
    await call(rig, { origin: `http://127.0.0.1:${port}` }).opened();
    for (const origin of ['http://evil.example', 'http://127.0.0.1', 'null', `ftp://127.0.0.1:${port}`])
      expect(await call(rig, { origin }).turnedAway()).toBe(403);
    const { rig: listed } = await startRig({ web: { origins: ['https://desk.example'] } });
    await call(listed, { origin: 'https://desk.example' }).opened();
    expect(await call(listed, { origin: 'http://desk.example' }).turnedAway()).toBe(403);
    const { rig: open } = await startRig({ web: { origins: ['*'] } });
    await call(open, { origin: 'https://anywhere.example' }).opened();
  });

  it('a token by header, query or subprotocol -> in; none or a wrong one -> 401; never in the log', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'torpor-web-'));
    closers.push(() => rmSync(folder, { recursive: true }));
    const tokenFile = join(folder, 'tokens');
    const token = 'correct-horse-battery';
    writeFileSync(tokenFile, `# who: noVNC\n${token}\n`, { mode: 0o600 });
    const { rig } = await startRig({ web: { tokenFile } });
    await call(rig, { headers: { authorization: `Bearer ${token}` } }).opened();
    await call(rig, { path: `/?token=${token}` }).opened();
    await call(rig, { offers: ['binary', `torpor-token.${token}`] }).opened();
    const wrong = call(rig, { path: '/?token=wrong-horse-battery' });
    expect(await wrong.turnedAway()).toBe(401);
    expect(wrong.refused?.headers['www-authenticate']).toMatch(/^Bearer/);
    expect(await call(rig).turnedAway()).toBe(401);
    expect(JSON.stringify(rig.log)).not.toMatch(/horse/);
    // A file that changed is read anew; one that others may read opens to nobody.
    writeFileSync(tokenFile, 'another-token-of-mine\n');
    await call(rig, { path: '/?token=another-token-of-mine' }).opened();
    rmSync(tokenFile);
    expect(await call(rig, { path: '/?token=another-token-of-mine' }).turnedAway()).toBe(503);
  });

  it('a PROXY header in front -> the client that it names', async () => {
    const acceptFrom = [{ bytes: Uint8Array.of(127, 0, 0, 0), prefixBits: 8 }];
    const { rig } = await startRig({ proxyProtocol: { acceptFrom, send: null } });
    const client = await rig.connect();
    const reader = new SocketReader(client);
    client.write('PROXY TCP4 192.0.2.33 203.0.113.7 51234 443\r\n');
    client.write(
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    // The key and its answer are those of RFC 6455 section 1.3.
    await comesTrue(() => expect(reader.text).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n'));
    expect(rig.set.streams()[0]?.client).toBe('192.0.2.33:51234');
  });

  it('half a request, or TLS -> reset after the bound, or at once; in no table, counted', async () => {
    const { rig, clock } = await startRig();
    const slow = await rig.connect();
    const slowReader = new SocketReader(slow);
    slow.write('GET / HTTP/1.1\r\nHost: x\r\n');
    const secure = await rig.connect();
    const secureReader = new SocketReader(secure);
    secure.write(Buffer.of(0x16, 3, 1));
    await comesTrue(() => expect(secureReader.end).toBe('rst'));
    expect(rig.set.streams()).toEqual([]);
    await clock.advance(DOORSTEP_BOUND_MS);
    await comesTrue(() => expect(slowReader.end).toBe('rst'));
    expect(rig.set.refusedClients()).toEqual({ 'web-request': 2 });
  });

  it('more than maxStreams -> reset, the place is free again once one has left', async () => {
    const { rig, vm } = await startRig({ maxStreams: 1 });
    const first = await call(rig).opened();
    await comesTrue(() => expect(vm.sockets.length).toBe(1));
    expect(await call(rig).ended()).toBe(1006);
    expect(rig.set.refusedClients()).toEqual({ 'max-streams': 1 });
    first.socket.close();
    await first.ended();
    vm.sockets[0]?.end();
    await comesTrue(() => expect(rig.seen.of('closed').length).toBe(1));
    await call(rig).opened();
  });
});
