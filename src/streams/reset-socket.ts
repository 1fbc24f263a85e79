// Ends a TCP connection by RST. When to do so, and what must have arrived before, is the caller's.
import type { StreamSocket } from './stream-socket.ts';

/**
 * Closes with RST. Works at any moment, also while the socket's FIN is on its way into the kernel, when
 * `resetAndDestroy` alone fails and leaks the handle. Errors of a dying socket are of no interest any more.
 */
export function resetSocket(socket: StreamSocket): void {
  if (socket.destroyed) return;
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  socket.on('error', ignore);
  if (isEnding) socket.once('finish', () => resetSocket(socket));
  else socket.resetAndDestroy();
}

function ignore(): void {}
