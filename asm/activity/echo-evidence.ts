// What a server does after packets of one size: it echoes what is typed, refuses a keepalive, or says nothing. For protocols whose
// servers echo (SSH). Leaves when packets are ignored to learner.ts.
//
// One byte of the reply record: 3 bits of the trigger's (reply-evidence.ts), 3 bits how usual an answer is, 2 bits how often there
// was none.
import { ECHO_PART, ECHO_TICKS, LEAST_ECHO_TICKS } from './thresholds';

export const ECHO: usize = 5;
export const ECHO_MASK: u8 = 0xf8;
/** Bits 3 to 5 and 6 to 7. */
const USUAL_SHIFT: u8 = 3;
const USUAL_MOST: u8 = 7;
const QUIET_SHIFT: u8 = 6;
const QUIET_MOST: u8 = 3;

/** From here on answers are usual, and tell nothing. */
const ANSWERS_USUAL: u8 = 3;
const ANSWERED_MORE: u8 = 4;
/** So often without an answer: it is no key. */
const QUIET_ENOUGH: u8 = 2;
/**
 * How much smaller than the packet the refusal of a keepalive is: payloads of 27 and 1 bytes, padded to blocks of 8 or 16 (RFC 4254
 * section 4, RFC 4253 section 6). The echo of a key is as large as the key, or a bell's size.
 */
const LEAST_REFUSAL_LESS_BYTES: u32 = 16;
const MOST_REFUSAL_LESS_BYTES: u32 = 32;

/** Ticks within which an echo comes, where the server was silent for `silenceTicks`: so soon it rarely speaks by chance. */
export function echoTicks(silenceTicks: u32): u32 {
  return min(max(silenceTicks / ECHO_PART, LEAST_ECHO_TICKS), ECHO_TICKS);
}

/** Whether an answer of `answer` bytes to a packet of `bytes` is the refusal of a keepalive rather than an echo. */
export function isRefusal(answer: u32, bytes: u32): bool {
  return answer + LEAST_REFUSAL_LESS_BYTES <= bytes && answer + MOST_REFUSAL_LESS_BYTES >= bytes;
}

/** What may be an echo came. `isExplained`: the packet had a better explanation; answers whether it counts nevertheless. */
export function takeEcho(reply: usize, isExplained: bool): bool {
  const byte = load<u8>(reply, ECHO);
  const usual = (byte >> USUAL_SHIFT) & USUAL_MOST;
  const next = isExplained ? min<u8>(usual + ANSWERED_MORE, USUAL_MOST) : usual;
  store<u8>(reply, (byte & ~ECHO_MASK) | (next << USUAL_SHIFT), ECHO);
  return usual < ANSWERS_USUAL;
}

/** No echo came, but the refusal of a keepalive, or nothing. */
export function takeQuiet(reply: usize, isRefused: bool): void {
  const byte = load<u8>(reply, ECHO);
  const usual = (byte >> USUAL_SHIFT) & USUAL_MOST;
  const quiet = <u8>(byte >> QUIET_SHIFT);
  const more = isRefused ? quiet : min<u8>(quiet + 1, QUIET_MOST);
  const less = usual === 0 ? usual : usual - 1;
  store<u8>(reply, (byte & ~ECHO_MASK) | (less << USUAL_SHIFT) | (more << QUIET_SHIFT), ECHO);
}

/** Whether packets like this were never echoed of late. */
export function isQuiet(reply: usize): bool {
  return <u8>(load<u8>(reply, ECHO) >> QUIET_SHIFT) >= QUIET_ENOUGH;
}
