// Ends a TCP connection by RST. When to do so, and what must have arrived before, is the caller's.
import type { StreamSocket } from './stream-socket.ts';

/**
 * Closes with RST. Works at any moment, also while the socket's FIN is on its way into the kernel, when
 * `resetAndDestroy` alone fails and leaks the handle. Errors of a dying socket are of no interest any more. A Unix socket knows no RST: it is
 * closed, and its peer is told of a reset (by Linux) only where it had sent what nobody read.
 */
export function resetSocket(socket: StreamSocket): void {
  if (socket.destroyed) return;
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  socket.on('error', ignore);
  if (isEnding) socket.once('finish', () => resetSocket(socket));
  else if (isUnix(socket)) socket.destroy();
  else socket.resetAndDestroy();
}

/** A stream's socket over a path; what Node's types do not say is that its handle cannot be reset. */
function isUnix(socket: StreamSocket): boolean {
  const handle = (socket as { _handle?: object | null })._handle;
  return handle !== undefined && handle !== null && !('reset' in handle);
}

function ignore(): void {}
