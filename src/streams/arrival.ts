// A client of whom something was read before it became a stream, as the stream takes it over.
import type { Asked } from './asked-name.ts';
import type { ConnectionEnds } from './proxy-header.ts';
import type { SocketPort } from './socket-port.ts';

export interface Arrival {
  /** Reads its socket already; null: nothing does. */
  readonly port: SocketPort | null;
  /** As its proxy tells them; null: as the socket has them. */
  readonly ends: ConnectionEnds | null;
  /** Its proxy says that no client is behind the connection, as of its own checks: it counts from its first byte that does. */
  readonly isCheck: boolean;
  /** Whom its first bytes ask for; null: its listener serves one target only. */
  readonly asked: Asked | null;
  /** What was read and is the stream's, perhaps nothing. */
  readonly firstBytes: Uint8Array;
}
