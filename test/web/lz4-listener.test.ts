// A WebSocket listener that speaks torpor-lz4.v1, at real loopback sockets: bytes both ways, what is no message, and who comes when there is no room.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Lz4Tunnels } from '../../src/web/lz4-tunnel.ts';
import { makeData } from '../core/support/block-data.ts';
import { SocketReader } from '../streams/support/socket-reader.ts';
import { type RigOptions, StreamRig, VmServer } from '../streams/support/stream-rig.ts';
import { comesTrue } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { WEB_RULE, WebClient } from './support/web-rig.ts';

const LZ4 = 'torpor-lz4.v1';
const FORGET = Uint8Array.of(3);

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** One tunnel at most at the server; `page` is the other end, in a core of its own. */
async function startRig() {
  const clock = new FakeClock();
  const vm = await VmServer.start();
  closers.push(() => vm.close());
  const tunnels = await Lz4Tunnels.load({ clock, maxTunnels: 1 });
  const page = (await Lz4Tunnels.load({ clock, maxTunnels: 1 })).open();
  const rig = await StreamRig.start({
    target: vm.port,
    clock,
    readUnacked: async () => new Map(),
    listeners: [{ webSocket: { ...WEB_RULE, subprotocols: [LZ4, 'binary'] } }],
    ...({ subprotocols: [tunnels] } as RigOptions),
  });
  closers.push(() => rig.close());
  const call = (offers: string[]) => {
    const client = new WebClient(rig.port(), { offers });
    closers.push(() => client.socket.terminate());
    return client;
  };
  return { rig, vm, tunnels, page, call };
}

describe('lz4 listener', () => {
  it('bytes both ways -> the same ones, fewer on the line; a word about the history is no byte and no activity', async () => {
    const { rig, vm, page, call } = await startRig();
    const client = await call([LZ4, 'binary']).opened();
    expect(client.socket.protocol).toBe(LZ4);
    await comesTrue(() => expect(vm.sockets.length).toBe(1));
    const socket = vm.sockets[0] as Socket;
    const reader = new SocketReader(socket);
    const words = Buffer.from(makeData('words', 50_000, 4));
    client.socket.send(page.encode(words));
    await reader.until(words.length);
    expect(rig.set.streams()[0]?.bytesFromClient).toBe(words.length);
    client.socket.send(FORGET);
    // Aside, as a page sends what is short and begins no history.
    client.socket.send(Buffer.from('\0after'));
    await reader.until(words.length + 5);
    expect(rig.set.streams()[0]?.bytesFromClient).toBe(words.length + 5);

    const back: Buffer[] = [];
    client.socket.on('message', (message: Buffer) => back.push(Buffer.from(page.decode(message))));
    socket.write(words);
    await comesTrue(() => expect(Buffer.concat(back).length).toBe(words.length));
    expect(Buffer.compare(Buffer.concat(back), words)).toBe(0);
    expect(client.bytes.length).toBeLessThan(words.length * 0.8);
  });

  it('what is no message -> 1007, and the place is free again', async () => {
    const { tunnels, call } = await startRig();
    const client = await call([LZ4]).opened();
    expect(tunnels.hasRoom).toBe(false);
    client.socket.send(Uint8Array.of(2, 0, 9, 1));
    expect(await client.ended()).toBe(1007);
    await comesTrue(() => expect(tunnels.hasRoom).toBe(true));
  });

  it('no room for another -> `binary` for who offers it, 400 for who does not', async () => {
    const { call } = await startRig();
    expect((await call([LZ4, 'binary']).opened()).socket.protocol).toBe(LZ4);
    expect((await call([LZ4, 'binary']).opened()).socket.protocol).toBe('binary');
    expect(await call([LZ4]).turnedAway()).toBe(400);
  });
});
