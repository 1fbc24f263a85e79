// IRC: a client's lines. PING and PONG are the library's, every other line is somebody's. Source: RFC 2812 section 3.7.
import { REASON_INPUT } from '../reasons';
import { giveActive, giveProtocol } from '../verdict';

// Message state: u16 length of the line under way as far as it matters, u8 phase = bytes of it that were compared, or one of these.
const PHASE: usize = 2;
const PHASE_CHATTER: u8 = 254;
const PHASE_COUNTS: u8 = 255;

const LINE_FEED: u8 = 0x0a;
const CARRIAGE_RETURN: u8 = 0x0d;
const WORD_BYTES: u8 = 4;
const CASE_BIT: u8 = 0x20;
/** RFC 2812 section 2.3. What goes on beyond it counts, whatever it began with. */
const LINE_BYTES_MAX: u32 = 512;

/** Judges the client's bytes from `from` to `end`: a line counts from the byte on that makes it no PING and no PONG. */
export function judgeLines(message: usize, from: usize, end: usize): void {
  let length = <u32>load<u16>(message);
  let phase = load<u8>(message, PHASE);
  for (let at = from; at < end; ++at) {
    const byte = load<u8>(at);
    if (byte === LINE_FEED) {
      length = 0;
      phase = 0;
      continue;
    }
    if (length < LINE_BYTES_MAX) ++length;
    else phase = PHASE_COUNTS;
    if (phase < PHASE_CHATTER) phase = compare(phase, byte);
    else if (phase === PHASE_COUNTS) giveActive(REASON_INPUT, length);
  }
  store<u16>(message, <u16>length);
  store<u8>(message, phase, PHASE);
}

/** "PING" and "PONG" differ in their second letter. A carriage return before a line counts for nothing. */
function compare(phase: u8, byte: u8): u8 {
  if (phase === 0 && byte === CARRIAGE_RETURN) return 0;
  const letter = byte & ~CASE_BIT;
  if (phase < WORD_BYTES && isExpected(phase, letter)) return phase + 1;
  if (phase === WORD_BYTES && (byte === 0x20 || byte === CARRIAGE_RETURN)) {
    giveProtocol(WORD_BYTES);
    return PHASE_CHATTER;
  }
  giveActive(REASON_INPUT, <u32>phase + 1);
  return PHASE_COUNTS;
}

function isExpected(phase: u8, letter: u8): bool {
  if (phase === 0) return letter === 0x50;
  if (phase === 1) return letter === 0x49 || letter === 0x4f;
  return letter === (phase === 2 ? 0x4e : 0x47);
}
