// MQTT control packets of a client. Source: MQTT 3.1.1 section 2.2, MQTT 5.0 section 2.1. Leaves chunk boundaries to messages.ts.
import { REASON_HANDSHAKE, REASON_INPUT } from '../reasons';
import { giveActive, giveProtocol } from '../verdict';
import { LOST, NEED_MORE } from './step';

const CONNECT: u32 = 1;
const PUBACK: u32 = 4;
const PUBCOMP: u32 = 7;
const PINGREQ: u32 = 12;
/** A remaining length has at most four bytes of seven bits each. */
const LENGTH_BYTES: u32 = 4;

/** One step through a client's bytes: acknowledgements and pings are the library's, all else is somebody's. */
export function stepMqtt(header: usize, have: u32): i64 {
  const type = <u32>load<u8>(header) >> 4;
  if (have === 1) return type === 0 ? LOST : NEED_MORE;
  if ((load<u8>(header + have - 1) & 0x80) !== 0) return have === 1 + LENGTH_BYTES ? LOST : NEED_MORE;
  let length: i64 = 0;
  for (let index = have - 1; index > 0; --index) length = (length << 7) | (load<u8>(header + index) & 0x7f);
  if ((type >= PUBACK && type <= PUBCOMP) || type === PINGREQ) giveProtocol(have);
  else giveActive(type === CONNECT ? REASON_HANDSHAKE : REASON_INPUT, have);
  return have + length;
}
