// WebSockets that pass through a listener: their pings while the VM is held, and every other byte.
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';
import { ANSWER, bare, CLOSE, FIRST, masked, PING, PONG, REQUEST } from './support/web-frames.ts';

const IDLE_TIMEOUT_MS = 1_000;
const WAIT_MS = 30_000;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Start {
  readonly listener?: Partial<ListenerOptions>;
  readonly request?: Buffer;
  readonly answer?: Buffer;
}

/** One client and its VM, which have shaken hands; everything goes idle before a hold. */
async function start({ listener = {}, request = REQUEST, answer = ANSWER }: Start = {}) {
  const clock = new FakeClock();
  const vm = await VmServer.start();
  closers.push(() => vm.close());
  const listeners = [{ protocol: 'auto', activity: 'learned', ...listener } as const];
  const rig = await StreamRig.start({ clock, target: vm.port, idleTimeoutMs: IDLE_TIMEOUT_MS, listeners });
  closers.push(() => rig.close());
  const client = await rig.connect();
  const server = await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 });
  const [atVm, atClient] = [new SocketReader(server), new SocketReader(client)];
  const send = async (bytes: Buffer) => {
    const before = rig.set.streams()[0]?.bytesFromClient ?? 0;
    client.write(bytes);
    const arrived = () => (rig.set.streams()[0]?.bytesFromClient ?? 0) >= before + bytes.length;
    await eventually('the bytes in Torpor', arrived, { everyMs: 2 });
  };
  const say = async (bytes: Buffer) => {
    const wanted = atClient.receivedBytes + bytes.length;
    server.write(bytes);
    await atClient.until(wanted);
  };
  const fallAsleep = async () => {
    await clock.advance(2 * IDLE_TIMEOUT_MS);
    rig.set.hold();
  };
  /** What the VM got behind the request, once it has `bytes` of it. */
  const vmGets = async (bytes: Buffer) => {
    await atVm.until(request.length + bytes.length);
    expect(atVm.received.subarray(request.length).toString('hex')).toBe(bytes.toString('hex'));
  };
  const clientGets = async (bytes: Buffer) => {
    await atClient.until(answer.length + bytes.length);
    expect(atClient.received.subarray(answer.length).toString('hex')).toBe(bytes.toString('hex'));
  };
  await send(request);
  await atVm.until(request.length);
  await say(answer);
  return { clock, rig, client, server, atVm, atClient, send, say, fallAsleep, vmGets, clientGets };
}

describe('Stream with a WebSocket, its VM held', () => {
  it('a ping -> a pong with its payload; nothing held, nobody told, and the VM never hears of it', async () => {
    const { rig, send, fallAsleep, vmGets, clientGets } = await start();
    await fallAsleep();
    const told = rig.seen.told.length;
    await send(masked(PING, 'are you there?'));
    await send(masked(PING, ''));
    await clientGets(Buffer.concat([bare(PONG, 'are you there?'), bare(PONG, '')]));
    expect([rig.set.heldBytes().heldBytes, rig.seen.told.slice(told)]).toEqual([0, []]);
    rig.set.release(null);
    await send(masked(FIRST.text, 'hi'));
    await vmGets(masked(FIRST.text, 'hi'));
    expect(rig.set.streams()[0]?.active).toBe(true);
  });

  it('activity every-byte -> a ping wakes nobody all the same, a key does', async () => {
    const { rig, send, fallAsleep } = await start({ listener: { activity: 'every-byte' } });
    await fallAsleep();
    await send(masked(PING, 'p'));
    expect(rig.seen.of('held-activity')).toEqual([]);
    await send(masked(FIRST.text, 'k'));
    expect(rig.seen.of('held-activity')).toHaveLength(1);
  });

  it('onKeepalive wake -> no ping that was answered is overdue', async () => {
    const { clock, rig, send, fallAsleep } = await start({
      listener: { onKeepalive: 'wake', keepaliveWaitMs: WAIT_MS },
    });
    await fallAsleep();
    await send(masked(PING, 'p'));
    await clock.advance(10 * WAIT_MS);
    expect(rig.seen.of('keepalive')).toEqual([]);
  });

  it('pings between and within messages, byte by byte -> only they are cut out of what is held', async () => {
    const { rig, send, fallAsleep, vmGets, clientGets } = await start();
    await fallAsleep();
    const parts = [
      masked(FIRST.textBegins, 'once '),
      masked(PING, 'one'),
      masked(FIRST.ends, 'upon a time'),
      masked(FIRST.deflated, Buffer.alloc(130, PING)),
      masked(PING, Buffer.alloc(60, 7)),
      masked(PONG, 'unasked'),
    ];
    for (const byte of Buffer.concat(parts)) await send(Buffer.of(byte));
    await clientGets(Buffer.concat([bare(PONG, 'one'), bare(PONG, Buffer.alloc(60, 7))]));
    rig.set.release(null);
    await vmGets(Buffer.concat(parts.filter((part) => part[0] !== PING)));
  });

  it('asleep in the middle of a frame that was begun -> its rest is held whole, the ping behind it answered', async () => {
    const { rig, send, fallAsleep, vmGets, clientGets } = await start();
    const ping = masked(PING, 'cut');
    await send(ping.subarray(0, 7));
    await fallAsleep();
    await send(Buffer.concat([ping.subarray(7), masked(PING, 'whole')]));
    await clientGets(bare(PONG, 'whole'));
    rig.set.release(null);
    await vmGets(ping);
  });

  it('awake in the middle of a ping -> all of it goes to the VM, behind what was held', async () => {
    const { rig, send, fallAsleep, vmGets, clientGets } = await start();
    await fallAsleep();
    const ping = masked(PING, 'cut');
    await send(Buffer.concat([masked(FIRST.text, 'a'), ping.subarray(0, 5)]));
    rig.set.release(null);
    await vmGets(Buffer.concat([masked(FIRST.text, 'a'), ping.subarray(0, 5)]));
    rig.set.hold();
    await send(Buffer.concat([ping.subarray(5), masked(PING, 'next')]));
    await clientGets(bare(PONG, 'next'));
    rig.set.release(null);
    await vmGets(Buffer.concat([masked(FIRST.text, 'a'), ping]));
  });

  it('its client ends in the middle of a ping -> the VM gets what came of it, and the end', async () => {
    const { rig, client, atVm, send, fallAsleep, vmGets } = await start();
    await fallAsleep();
    await send(masked(PING, 'cut').subarray(0, 3));
    expect(rig.set.heldBytes().heldBytes).toBe(0);
    client.end();
    await eventually('the end in Torpor', () => rig.set.heldBytes().heldBytes === 3, { everyMs: 2 });
    expect(rig.seen.of('held-activity')).toEqual([]);
    rig.set.release(null);
    await vmGets(masked(PING, 'cut').subarray(0, 3));
    await atVm.untilEnd('fin');
  });

  it('the server stopped in the middle of a frame -> pings are held; behind its end they are answered again', async () => {
    const { rig, send, say, fallAsleep, vmGets, clientGets } = await start();
    const frame = bare(FIRST.binary, Buffer.alloc(70_000, 1));
    await say(frame.subarray(0, 4));
    await fallAsleep();
    await send(masked(PING, 'early'));
    expect(rig.set.heldBytes().heldBytes).toBe(masked(PING, 'early').length);
    await say(frame.subarray(4));
    await send(masked(PING, 'late'));
    await clientGets(Buffer.concat([frame, bare(PONG, 'late')]));
    rig.set.release(null);
    await vmGets(masked(PING, 'early'));
  });

  it.each([
    ['an unmasked frame', bare(FIRST.text, 'x')],
    ['a control frame in fragments', masked(0x09, 'x')],
    ['a control frame that is too long', masked(PING, Buffer.alloc(126))],
    ['a reserved opcode', masked(0x83, 'x')],
    ['a Close', masked(CLOSE, '')],
  ])('%s before -> not certain any more: everything is held', async (_what, frame) => {
    const { rig, atClient, send, fallAsleep, vmGets } = await start();
    await fallAsleep();
    await send(Buffer.concat([frame, masked(PING, 'p')]));
    await send(masked(PING, 'q'));
    rig.set.release(null);
    await vmGets(Buffer.concat([frame, masked(PING, 'p'), masked(PING, 'q')]));
    expect(atClient.receivedBytes).toBe(ANSWER.length);
  });

  it('the server said Close -> no pong behind it', async () => {
    const { rig, send, say, fallAsleep, vmGets, clientGets } = await start();
    await say(bare(CLOSE, ''));
    await fallAsleep();
    await send(masked(PING, 'p'));
    rig.set.release(null);
    await vmGets(masked(PING, 'p'));
    await clientGets(bare(CLOSE, ''));
  });

  const refused = Buffer.from('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
  const plain = Buffer.from('GET / HTTP/1.1\r\nHost: desk.example\r\n\r\n');
  const other = Buffer.from(REQUEST.toString().replace('Version: 13', 'Version: 0'));
  const old = Buffer.from(ANSWER.toString().replace('WebSocket\r\n', 'h2c\r\n'));
  it.each<[string, Start]>([
    ['a refused upgrade', { answer: refused }],
    ['a request for no upgrade', { request: plain }],
    ['another version of the protocol', { request: other }],
    ['an upgrade to something else', { answer: old }],
    ['a second request', { request: Buffer.concat([plain, REQUEST]) }],
    ['protocol raw', { listener: { protocol: 'raw' } }],
  ])('%s -> what looks like a ping is held', async (_what, options) => {
    const { rig, atClient, send, fallAsleep, vmGets } = await start(options);
    const before = atClient.receivedBytes;
    await fallAsleep();
    await send(masked(PING, 'p'));
    rig.set.release(null);
    await vmGets(masked(PING, 'p'));
    expect(atClient.receivedBytes).toBe(before);
  });

  it('heads and first frames in one piece each -> told all the same', async () => {
    const first = masked(FIRST.text, 'at once');
    const greeting = bare(FIRST.text, 'hello');
    const [request, answer] = [Buffer.concat([REQUEST, first]), Buffer.concat([ANSWER, greeting])];
    const { send, fallAsleep, clientGets } = await start({ request, answer });
    await fallAsleep();
    await send(masked(PING, 'p'));
    await clientGets(bare(PONG, 'p'));
  });

  it('a client that does not take its pongs -> pings are held from then on, and none is lost', async () => {
    const { rig, client, atVm, atClient, fallAsleep } = await start();
    await fallAsleep();
    atClient.pause();
    const pings = Buffer.concat(Array.from({ length: 500 }, () => masked(PING, Buffer.alloc(125, 1))));
    let sent = 0;
    while (rig.set.heldBytes().heldBytes === 0) {
      if (client.writableLength === 0) {
        client.write(pings);
        sent += 500;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    atClient.resume();
    rig.set.release(null);
    const pingBytes = masked(PING, Buffer.alloc(125)).length;
    const pongBytes = bare(PONG, Buffer.alloc(125)).length;
    await eventually('each ping at the VM or answered', () => {
      const atServer = (atVm.receivedBytes - REQUEST.length) / pingBytes;
      return atServer + (atClient.receivedBytes - ANSWER.length) / pongBytes === sent;
    });
    expect(rig.set.streams()).toHaveLength(1);
  });

  it('ws at both ends, with deflate: pings while held, a message before and after -> one answer each, the messages whole', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: { threshold: 0 } });
    closers.push(() => server.close());
    await eventually('the server to listen', () => server.address() !== null);
    const seen: string[] = [];
    server.on('connection', (peer) => {
      peer.on('message', (data) => seen.push(String(data)));
      peer.on('ping', (data) => seen.push(`ping ${data}`));
    });
    const target = (server.address() as { port: number }).port;
    const rig = await StreamRig.start({ target, listeners: [{ protocol: 'http' }] });
    closers.push(() => rig.close());
    const client = new WebSocket(`ws://127.0.0.1:${rig.port()}/`);
    closers.push(() => client.terminate());
    const pongs: string[] = [];
    client.on('pong', (data) => pongs.push(String(data)));
    await eventually('the handshake', () => client.readyState === WebSocket.OPEN);
    client.send('evening '.repeat(100));
    await eventually('the first message', () => seen.length === 1);
    rig.set.hold();
    for (const each of ['a', 'b', 'c']) client.ping(each);
    client.send('morning '.repeat(100));
    await eventually('the pongs', () => pongs.length === 3);
    rig.set.release(null);
    client.ping('d');
    await eventually('the last pong', () => pongs.length === 4);
    expect(pongs).toEqual(['a', 'b', 'c', 'd']);
    expect(seen).toEqual(['evening '.repeat(100), 'morning '.repeat(100), 'ping d']);
  });
});
