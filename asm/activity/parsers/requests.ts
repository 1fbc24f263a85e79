// Protocols of requests whose content is not looked into: HTTP, databases, whatever is unknown and in the clear. A request that
// keeps a period is a poll; one that is asked again as soon as its late answer is there is a long poll; everything else is
// somebody's. Leaves the periods to polls.ts.
//
// One read of the client is one request here: its key is its length and its first bytes, for HTTP without the query. A read that
// holds more, or less, than a request has another length, and thus another key, and counts.
//
// Message state: u32 key of the last request, u32 tick of it, u32 tick of the first and u32 of the last bytes that answered it, u8 whether
// there were any.

import { judgePoll, mixPoll, pollKey } from '../polls';
import { PROTOCOL_HTTP } from '../protocols';

const ASKED_AT: usize = 4;
const ANSWERED_AT: usize = 8;
const SERVER_AT: usize = 12;
const IS_ANSWERED: usize = 16;
/** Bytes of the state above. */
export const REQUEST_STATE_BYTES: usize = 20;

/** Bytes of a request that make its key. */
const KEY_BYTES: u32 = 64;
const QUESTION_MARK: u8 = 0x3f;
const LINE_FEED: u8 = 0x0a;

/** An answer that comes so late was held back for its client: a long poll. RFC 6202 section 2. */
const HELD_BACK_TICKS: u32 = 1000;
/** Programs ask again within so many ticks of the answer's end; people read it first. */
const ASKED_AGAIN_TICKS: u32 = 250;

/** Judges one read of `bytes` bytes. */
export function judgeRequest(protocol: u8, message: usize, family: u32, from: usize, bytes: u32, now: u32): void {
  let key = mixPoll(pollKey(family), bytes);
  const looked = min(bytes, KEY_BYTES);
  for (let index: u32 = 0; index < looked; ++index) {
    const byte = load<u8>(from + index);
    if (protocol === PROTOCOL_HTTP && (byte === QUESTION_MARK || byte === LINE_FEED)) break;
    key = mixPoll(key, byte);
  }
  const isAnswered = load<u8>(message, IS_ANSWERED) !== 0;
  const isLongPoll = isAnswered && load<u32>(message) === key && isAskedAgain(message, now);
  judgePoll(key, bytes, now, isAnswered ? now - load<u32>(message, SERVER_AT) : 0xffffffff, isLongPoll);
  store<u32>(message, key);
  store<u32>(message, now, ASKED_AT);
  store<u8>(message, 0, IS_ANSWERED);
}

/** Takes note of a server's bytes. */
export function noteResponse(message: usize, now: u32): void {
  if (load<u8>(message, IS_ANSWERED) === 0) store<u32>(message, now, ANSWERED_AT);
  store<u32>(message, now, SERVER_AT);
  store<u8>(message, 1, IS_ANSWERED);
}

function isAskedAgain(message: usize, now: u32): bool {
  const heldTicks = load<u32>(message, ANSWERED_AT) - load<u32>(message, ASKED_AT);
  return heldTicks >= HELD_BACK_TICKS && now - load<u32>(message, SERVER_AT) <= ASKED_AGAIN_TICKS;
}
