// UDP sockets by their descriptors: which of them are taken for a listener's, and where they are bound.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { boundDatagrams, descriptorOf, findBound } from '../../../src/streams/datagrams/datagram-descriptor.ts';

const HEADER =
  '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             ';
// Lines by hand from the format strings of net/ipv4/udp.c ("%5d: %08X:%04X %08X:%04X %02X %08X:%08X %02X:%08lX %08X %5u %8d %lu %d %pK %u") and
// net/ipv6/datagram.c (four words per address), for a little-endian machine.
const V4 =
  '  712: 0B00000A:0202 00000000:0000 07 00000000:00000300 00:00000000 00000000     0        0 33873 2 0000000000000000 5          ';
const CONNECTED =
  '  713: 0B00000A:A3F1 1501000A:0D3D 01 00000000:00000000 00:00000000 00000000     0        0 33874 2 0000000000000000 0          ';
const V6 =
  '  714: B80D0120000000000000000007000000:0D3F 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 40000 2 0000000000000000 0';
const TABLE = `${[HEADER, V4, CONNECTED, V6].join('\n')}\n`;

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

async function bind(kind: 'udp4' | 'udp6', address: string): Promise<Socket> {
  const socket = createSocket(kind);
  open.push(socket);
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

describe('UDP sockets by their descriptors', () => {
  it('the kernel’s tables: by its inode, whatever is in its queue -> address and port; connected, or not there -> null', () => {
    expect(findBound(TABLE, 33_873, 'LE')).toEqual({ host: '10.0.0.11', port: 514 });
    expect(findBound(TABLE, 40_000, 'LE')).toEqual({ host: '2001:db8::7', port: 3391 });
    expect([findBound(TABLE, 33_874, 'LE'), findBound(TABLE, 3387, 'LE')]).toEqual([null, null]);
    expect(findBound(TABLE.replace('0B00000A', '0A00000B'), 33_873, 'BE')?.host).toBe('10.0.0.11');
  });

  it.each([
    ['udp4', '127.0.0.1'],
    ['udp4', '0.0.0.0'],
    ['udp6', '::1'],
    ['udp6', '::'],
  ] as const)('a socket of this process, %s on %s -> where it is bound', async (kind, host) => {
    const socket = await bind(kind, host);
    expect(boundDatagrams(descriptorOf(socket) as number)).toEqual({ host, port: socket.address().port });
  });

  it('a connected one, a listening TCP socket, a closed one -> none', async () => {
    const [far, near] = [await bind('udp4', '127.0.0.1'), await bind('udp4', '127.0.0.1')];
    near.connect(far.address().port, '127.0.0.1');
    await once(near, 'connect');
    expect(boundDatagrams(descriptorOf(near) as number)).toBeNull();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(boundDatagrams((server as unknown as { _handle: { fd: number } })._handle.fd)).toBeNull();
    server.close();
    const closed = createSocket('udp4');
    closed.close();
    expect(descriptorOf(closed)).toBeNull();
  });
});
