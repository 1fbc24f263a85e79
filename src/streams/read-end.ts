// Tells a FIN from a RST that looks like one. What to do about either is the caller's.
import type { StreamSocket } from './stream-socket.ts';

const NOTHING = new Uint8Array();

/**
 * To be called on the `end` of a net.Socket (a RawSocket tells them apart itself). Runs `onFin` where it was a FIN; where it was a RST nothing runs, and the socket's
 * `error` and `close` follow.
 *
 * Why: where bytes and a RST wait together to be read, libuv (uv__stream_io, the short-circuit on POLLHUP) reports the
 * bytes and then an orderly end. An empty write puts no packet on the wire, but fails on a connection that was reset. It
 * cannot be tried once this side has ended too: then a RST that arrives together with bytes is taken for a FIN.
 */
export function readEnd(socket: StreamSocket, onFin: () => void): void {
  // Behind bytes that wait the write would wait too. They fail by themselves on a connection that was reset.
  if (socket.writableEnded || socket.writableLength > 0) {
    onFin();
    return;
  }
  socket.write(NOTHING, (error) => {
    if (error === null || error === undefined) onFin();
  });
}
