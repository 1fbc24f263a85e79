// Protocols of requests whose content is not looked into: HTTP, databases, whatever is unknown and in the clear. A request that
// keeps a period is a poll, everything else is somebody's. Leaves the periods to polls.ts.
//
// One read of the client is one request here: its key is its length and its first bytes, for HTTP without the query. A read that
// holds more, or less, than a request has another length, and thus another key, and counts.

import { judgePoll, mixPoll, pollKey } from '../polls';
import { PROTOCOL_HTTP } from '../protocols';

/** Bytes of a request that make its key. */
const KEY_BYTES: u32 = 64;
const QUESTION_MARK: u8 = 0x3f;
const LINE_FEED: u8 = 0x0a;

/** Judges one read of `bytes` bytes. */
export function judgeRequest(protocol: u8, family: u32, from: usize, bytes: u32, now: u32): void {
  let key = mixPoll(pollKey(family), bytes);
  const looked = min(bytes, KEY_BYTES);
  for (let index: u32 = 0; index < looked; ++index) {
    const byte = load<u8>(from + index);
    if (protocol === PROTOCOL_HTTP && (byte === QUESTION_MARK || byte === LINE_FEED)) break;
    key = mixPoll(key, byte);
  }
  judgePoll(key, bytes, now);
}
