// Reads into shared memory, and the same where this Node cannot: bytes, order, pauses and ends are those of a socket.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { READ_BYTES, SharedReads } from '../../src/link/shared-reads.ts';

let server: Server | null = null;
const open: Socket[] = [];

afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
  server = null;
});

/** Both sides of a connection; the first was accepted. */
async function pair(): Promise<[Socket, Socket]> {
  server ??= await new Promise<Server>((resolve) => {
    const made = createServer({ allowHalfOpen: true });
    made.listen(0, '127.0.0.1', () => resolve(made));
  });
  const accepted = once(server, 'connection');
  const peer = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1', allowHalfOpen: true });
  const [socket] = (await accepted) as [Socket];
  if (peer.connecting) await once(peer, 'connect');
  for (const each of [socket, peer]) each.on('error', () => {});
  open.push(socket, peer);
  return [socket, peer];
}

const makers = [
  { name: 'shared', make: () => SharedReads.open() },
  { name: 'memory of its own', make: async () => new SharedReads(null) },
] as const;

describe.each(makers)('reads, $name', ({ make }) => {
  it('a megabyte each way of two connections, with pauses -> every byte, in order, then the end', async () => {
    const reads = await make();
    const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, at) => (at * at) % 253));
    const pairs = await Promise.all([pair(), pair()]);
    const got = await Promise.all(
      pairs.flat().map(async (socket) => {
        const chunks: Buffer[] = [];
        reads.listen(socket, (chunk) => {
          chunks.push(Buffer.from(chunk));
          if (chunks.length % 5 !== 0) return true;
          setImmediate(() => socket.resume());
          return false;
        });
        socket.end(bytes);
        await once(socket, 'end');
        return Buffer.concat(chunks);
      }),
    );
    expect(got.map((each) => each.equals(bytes))).toEqual([true, true, true, true]);
  });

  it('bytes that the socket had read before -> come first', async () => {
    const reads = await make();
    const [socket, peer] = await pair();
    socket.pause();
    const arrived = once(socket, 'readable');
    peer.write('early, ');
    await arrived;
    socket.removeAllListeners('readable');
    const chunks: string[] = [];
    reads.listen(socket, (chunk) => chunks.push(String(chunk)) > 0);
    peer.end('late');
    await once(socket, 'end');
    expect(chunks.join('')).toBe('early, late');
  });
});

describe('SharedReads', () => {
  it('this Node -> both sockets read into the same memory, wiped when one is gone', async () => {
    const reads = await SharedReads.open();
    const [[one, onePeer], [other, otherPeer]] = [await pair(), await pair()];
    const seen: Buffer[] = [];
    const read = (socket: Socket) =>
      new Promise<void>((resolve) => {
        reads.listen(socket, (chunk) => {
          seen.push(chunk);
          resolve();
          return true;
        });
      });
    const first = read(one);
    onePeer.write('a secret');
    await first;
    expect(String(seen[0])).toBe('a secret');
    const second = read(other);
    otherPeer.write('b');
    await second;
    expect([seen[0]?.buffer === seen[1]?.buffer, seen[0]?.buffer.byteLength]).toEqual([true, READ_BYTES]);
    onePeer.destroy();
    one.end();
    await once(one, 'close');
    expect(seen[0]?.every((byte) => byte === 0)).toBe(true);
  });
});
