// Raw printing: a job is work, a question after the printer's state is chatter, and what is short and keeps a period is a poll. Source: HP PJL Technical Reference, chapters 2
// (Universal Exit Language), 7 (status readback: INFO, INQUIRE, DINQUIRE, ECHO, USTATUS) and 3 (COMMENT).
//
// A question is told within one read: what is cut in two, or holds anything else, is none.
import { PROTOCOL_PRINT } from '../protocols';
import { giveProtocol, giveWork } from '../verdict';
import { judgeRequest } from './requests';

/** No query of a printer's state needs more; what does is a job. */
const QUERY_BYTES: u32 = 256;

const ESCAPE: u8 = 0x1b;
const AT: u8 = 0x40;
const LINE_FEED: u8 = 0x0a;
const CARRIAGE_RETURN: u8 = 0x0d;
/** ESC %-12345X: its bytes, and the first eight of them, little-endian. */
const UEL_BYTES: usize = 9;
const UEL_TAG: u64 = 0x35343332312d251b;
/** "@PJL", little-endian. */
const PJL_TAG: u32 = 0x4c4a5040;
const PJL_BYTES: usize = 4;

// The first four letters of the commands that only ask, little-endian.
const INFO: u32 = 0x4f464e49;
const INQUIRE: u32 = 0x55514e49;
const DINQUIRE: u32 = 0x514e4944;
const ECHO: u32 = 0x4f484345;
const USTATUS: u32 = 0x41545355;
const COMMENT: u32 = 0x4d4d4f43;

/** Judges one read of `bytes` bytes. */
export function judgePrint(message: usize, family: u32, from: usize, bytes: u32, now: u32): void {
  const first = load<u8>(from);
  if (isQuestion(from, from + bytes)) giveProtocol(bytes);
  else if (bytes <= QUERY_BYTES && (first === ESCAPE || first === AT))
    judgeRequest(PROTOCOL_PRINT, message, family, from, bytes, now);
  else giveWork(bytes);
}

/** Whether a read holds exit sequences and questions alone, at least one of either. */
function isQuestion(from: usize, end: usize): bool {
  let at = from;
  while (at < end) {
    const byte = load<u8>(at);
    if (byte === LINE_FEED || byte === CARRIAGE_RETURN) {
      ++at;
    } else if (byte === ESCAPE) {
      if (!isExit(at, end)) return false;
      at += UEL_BYTES;
    } else {
      if (byte !== AT || !isAsking(at, end)) return false;
      while (at < end && load<u8>(at) !== LINE_FEED) ++at;
    }
  }
  return true;
}

function isExit(at: usize, end: usize): bool {
  return at + UEL_BYTES <= end && load<u64>(at) === UEL_TAG;
}

/** "@PJL", a space, and a command that asks; or "@PJL" alone. */
function isAsking(at: usize, end: usize): bool {
  if (at + PJL_BYTES > end || load<u32>(at) !== PJL_TAG) return false;
  const next = at + PJL_BYTES;
  if (next === end || load<u8>(next) === LINE_FEED || load<u8>(next) === CARRIAGE_RETURN) return true;
  if (next + 5 > end) return false;
  const word = load<u32>(next + 1);
  return (
    word === INFO || word === INQUIRE || word === DINQUIRE || word === ECHO || word === USTATUS || word === COMMENT
  );
}
