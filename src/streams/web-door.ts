// The port behind which web clients are let in before they are streams. HTTP and WebSocket are src/web's.
import type { WebSocketRule } from '../platform/web-socket-rule.ts';
import type { Arrival } from './arrival.ts';
import type { StreamSocket } from './stream-socket.ts';

/** stream: it may come in; `accept` answers its request and gives what a stream needs, or throws where there is no room. */
export type WebVerdict =
  | { readonly kind: 'stream'; accept(): StreamSocket }
  | { readonly kind: 'refused'; readonly why: string; readonly answer: Uint8Array };

export interface WebDoor {
  /** Judges the request that is the first of `arrival`'s bytes, whole. */
  judge(client: StreamSocket, arrival: Arrival, rule: WebSocketRule): WebVerdict;
}
