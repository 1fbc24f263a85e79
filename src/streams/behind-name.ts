// What stands behind a name, or a seat, of a shared port: a listener without a port of its own.
import type { Arrival } from './arrival.ts';
import type { StreamSocket } from './stream-socket.ts';

/** Takes a client that asked for a listener's name at the port of another, perhaps another platform's. */
export interface BehindName {
  /** null: nothing was read of it. */
  admit(client: StreamSocket, arrival: Arrival | null): void;
}
