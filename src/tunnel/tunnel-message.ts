// Bounds and head bytes of torpor-lz4.v1, a stream compressed inside WebSocket messages. docs/web-tunnel.md describes the same for others. The same
// code runs at the server and in browsers: nothing here or beside it is Node's.
import { TorporError } from '../platform/errors.ts';

/** As it is asked for in Sec-WebSocket-Protocol. A later version has another name. */
export const TUNNEL_SUBPROTOCOL = 'torpor-lz4.v1';
/** What one message may restore to. */
export const MAX_MESSAGE_RAW_BYTES = 262_144;
/** Bit 5 of a piece's flags: a u16 of the bytes it takes follows, and behind those another piece. Bits 7:6 are 0. */
export const FLAG_MORE = 32;
export const RESERVED_FLAGS = 0xc0;
/** A message of this one byte: the sender's history is gone. */
export const FORGET = 3;
/** Flags, and what may stand before a piece's bytes. */
export const MAX_HEAD_BYTES = 1 + 2 + 2;

export function malformed(what: string): TorporError {
  return new TorporError('ERR_LINK_PROTOCOL', `${what}: the other end does not keep to ${TUNNEL_SUBPROTOCOL}`);
}
