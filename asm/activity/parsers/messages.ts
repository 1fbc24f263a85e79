// Protocols of binary messages: gathers each message's header, asks the protocol's own file for its meaning and length, and
// skips the rest. At any chunk boundary; what is kept is a header, never a body.
import { PROTOCOL_ISCSI, PROTOCOL_MQTT, PROTOCOL_NBD, PROTOCOL_RFB } from '../protocols';
import { REASON_LOST, REASON_WORK } from '../reasons';
import { gaveActive, giveActive, watchActive } from '../verdict';
import { stepIscsi } from './iscsi';
import { stepMqtt } from './mqtt';
import { stepNbd } from './nbd';
import { stepRfb } from './rfb';
import { stepSpice } from './spice';
import { COUNTS, GOES_TLS, HAVE, HEADER, NEED_MORE, SKIP } from './step';

/** What became of the chunk. */
export const OUTCOME_DONE: u32 = 0;
export const OUTCOME_LOST: u32 = 1;
export const OUTCOME_TLS: u32 = 2;

/** Where the last `judgeMessages` stopped, for OUTCOME_TLS. */
export let stoppedAt: usize = 0;

/** Judges the client's bytes from `from` to `end` with room for `headerBytes` of header at `message`. */
export function judgeMessages(protocol: u8, message: usize, headerBytes: u32, from: usize, end: usize): u32 {
  let at = from;
  while (at < end) {
    const skip = load<u32>(message, SKIP);
    if (skip !== 0) {
      const taken = <u32>min<usize>(skip, end - at);
      store<u32>(message, skip - taken, SKIP);
      // The body of a message that counts goes on counting: a long write, a large paste.
      if (load<u8>(message, COUNTS) !== 0) giveActive(REASON_WORK, taken);
      at += taken;
      continue;
    }
    const have = <u32>load<u8>(message, HAVE) + 1;
    store<u8>(message + have - 1, load<u8>(at), HEADER);
    ++at;
    if (have === 1) store<u8>(message, 0, COUNTS);
    watchActive();
    const length = step(protocol, message, message + HEADER, have);
    if (gaveActive) store<u8>(message, 1, COUNTS);
    if (length === NEED_MORE && have < headerBytes) {
      store<u8>(message, <u8>have, HAVE);
      continue;
    }
    store<u8>(message, 0, HAVE);
    if (length === GOES_TLS) {
      stoppedAt = at;
      return OUTCOME_TLS;
    }
    if (length < <i64>have || length - have > 0xffffffff) {
      giveActive(REASON_LOST, have);
      return OUTCOME_LOST;
    }
    store<u32>(message, <u32>(length - have), SKIP);
  }
  return OUTCOME_DONE;
}

/** The whole message's length once its header is complete; gives the verdict as soon as its kind is known. */
function step(protocol: u8, message: usize, header: usize, have: u32): i64 {
  if (protocol === PROTOCOL_RFB) return stepRfb(message, header, have);
  if (protocol === PROTOCOL_MQTT) return stepMqtt(header, have);
  if (protocol === PROTOCOL_NBD) return stepNbd(message, header, have);
  if (protocol === PROTOCOL_ISCSI) return stepIscsi(header, have);
  return stepSpice(message, header, have);
}
