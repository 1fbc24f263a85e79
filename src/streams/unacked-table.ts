// Reads the kernel's table of send queues, whole, and finds a socket in it. When that is worth its time is the caller's.
import { closeSync, openSync, readSync } from 'node:fs';
import { addUnacked, type SocketKey, type SocketPair, socketKey } from './proc-net-tcp.ts';
import type { StreamSocket } from './stream-socket.ts';

/** Interval at which the table is read while somebody waits for it. */
export const QUEUE_POLL_MS = 25;
/** What is read of the table at once; the kernel gives about a page. */
const TABLE_PIECE_BYTES = 16 * 1024;
/**
 * Pieces that are read in one turn of the event loop: 0.2 to 0.4 ms. A piece costs the kernel 20 to 40 us, which is less than what it takes
 * to have another thread read it: that took half as much time again (3.9 in place of 2.5 us a line).
 */
const TURN_PIECES = 8;

/** Reads the kernel's send queues: bytes per connection with a non-empty one. null: this system has no such table. */
export type ReadUnacked = () => Promise<ReadonlyMap<SocketKey, number> | null>;

/** Reads /proc/net/tcp and tcp6 of this process's network namespace; null elsewhere than on Linux. */
export async function readProcUnacked(): Promise<ReadonlyMap<SocketKey, number> | null> {
  const unacked = new Map<SocketKey, number>();
  const hasIpv4 = await readTable('/proc/net/tcp', unacked);
  const hasIpv6 = await readTable('/proc/net/tcp6', unacked);
  return hasIpv4 || hasIpv6 ? unacked : null;
}

/** In turns: a table of ten thousands of lines in one go would keep the streams waiting. False: there is none. */
async function readTable(path: string, unacked: Map<SocketKey, number>): Promise<boolean> {
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
    const buffer = Buffer.allocUnsafe(TABLE_PIECE_BYTES);
    let torn = '';
    for (let pieces = 1; ; pieces += 1) {
      const bytesRead = readSync(file, buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      const text = torn + buffer.toString('latin1', 0, bytesRead);
      const end = text.lastIndexOf('\n') + 1;
      addUnacked(text.slice(0, end), unacked);
      torn = text.slice(end);
      if (pieces % TURN_PIECES === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    addUnacked(torn, unacked);
    return true;
  } catch {
    return false;
  } finally {
    if (file !== null) closeSync(file);
  }
}

/** Both ends of a connected socket; null where it has none (any more). */
export function endsOf(socket: StreamSocket): SocketPair | null {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (localAddress === undefined || localPort === undefined) return null;
  if (remoteAddress === undefined || remotePort === undefined) return null;
  return { localAddress, localPort, remoteAddress, remotePort };
}

/** Its name in the table. */
export function keyOf(socket: StreamSocket): SocketKey | null {
  const ends = endsOf(socket);
  return ends === null ? null : socketKey(ends);
}
