// A test's own sockets in place of those that connect by bare handles.
import type { Endpoint } from '../../src/platform/endpoint.ts';
import type { RawOpener, RawSocket, RawSockets } from '../../src/streams/raw-socket.ts';
import type { StreamSocket } from '../../src/streams/stream-socket.ts';

/** `connect` makes a socket that says `connect`, or `error`, later. */
export function rawSocketsOf(connect: (target: Endpoint) => StreamSocket): RawSockets {
  const openFor = (target: Endpoint, opener: RawOpener | null) => {
    const socket = connect(target);
    let waiting = opener;
    socket.on('connect', () => {
      waiting?.onOpened(socket as RawSocket);
      waiting = null;
    });
    socket.on('error', (error: Error) => {
      waiting?.onOpenFailed(socket as RawSocket, error);
      waiting = null;
    });
    return socket;
  };
  return { connect: openFor } as unknown as RawSockets;
}
