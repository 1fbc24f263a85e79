// NBD client messages. Source: the NBD protocol (doc/proto.md), newstyle negotiation and transmission. Leaves chunk boundaries to
// messages.ts.
import { REASON_HANDSHAKE, REASON_UNKNOWN_MESSAGE } from '../reasons';
import { giveActive, giveProtocol, giveWork } from '../verdict';
import { LOST, NEED_MORE, PHASE } from './step';

const PHASE_FLAGS: u8 = 0;
const PHASE_OPTIONS: u8 = 1;
const PHASE_REQUESTS: u8 = 2;

const IHAVEOPT_HIGH: u32 = 0x49484156;
const IHAVEOPT_LOW: u32 = 0x454f5054;
const OPTION_BYTES: u32 = 16;
const OPTION_EXPORT_NAME: u32 = 1;
const REQUEST_MAGIC: u32 = 0x25609513;
const EXTENDED_MAGIC: u32 = 0x21e41c71;
const REQUEST_BYTES: u32 = 28;
const EXTENDED_BYTES: u32 = 32;

const COMMAND_READ: u32 = 0;
const COMMAND_WRITE: u32 = 1;
const COMMAND_DISCONNECT: u32 = 2;
const COMMAND_FLUSH: u32 = 3;
const COMMAND_TRIM: u32 = 4;
const COMMAND_WRITE_ZEROES: u32 = 6;

/** One step through a client's bytes; see messages.ts. */
export function stepNbd(message: usize, header: usize, have: u32): i64 {
  if (have < 4) return NEED_MORE;
  const phase = load<u8>(message, PHASE);
  const magic = bswap(load<u32>(header));
  if (phase === PHASE_FLAGS) {
    giveActive(REASON_HANDSHAKE, 4);
    store<u8>(message, PHASE_OPTIONS, PHASE);
    return 4;
  }
  if (phase === PHASE_OPTIONS && magic === IHAVEOPT_HIGH) return stepOption(message, header, have);
  if (magic === REQUEST_MAGIC) return have < REQUEST_BYTES ? NEED_MORE : judgeRequest(message, header, REQUEST_BYTES);
  if (magic === EXTENDED_MAGIC)
    return have < EXTENDED_BYTES ? NEED_MORE : judgeRequest(message, header, EXTENDED_BYTES);
  return LOST;
}

function stepOption(message: usize, header: usize, have: u32): i64 {
  giveActive(REASON_HANDSHAKE, have);
  if (have < OPTION_BYTES) return NEED_MORE;
  const option = bswap(load<u32>(header, 8));
  if (bswap(load<u32>(header, 4)) !== IHAVEOPT_LOW) return LOST;
  if (option === OPTION_EXPORT_NAME) store<u8>(message, PHASE_REQUESTS, PHASE);
  return OPTION_BYTES + <i64>bswap(load<u32>(header, 12));
}

/** A flush of its own and a goodbye move no data; everything that touches blocks is work. */
function judgeRequest(message: usize, header: usize, headerBytes: u32): i64 {
  store<u8>(message, PHASE_REQUESTS, PHASE);
  const command = <u32>bswap(load<u16>(header, 6));
  const length = <i64>bswap(load<u32>(header + headerBytes - 4));
  if (command === COMMAND_FLUSH || command === COMMAND_DISCONNECT) giveProtocol(headerBytes);
  else if (command === COMMAND_READ || (command >= COMMAND_TRIM && command <= COMMAND_WRITE_ZEROES))
    giveWork(headerBytes);
  else if (command === COMMAND_WRITE) giveWork(headerBytes);
  else giveActive(REASON_UNKNOWN_MESSAGE, headerBytes);
  return command === COMMAND_WRITE ? headerBytes + length : headerBytes;
}
