// A learner's fixed memory, field by field: what is common to all of a stream's packets, then a class per size of packet.
// Leaves a class's timer to timer-evidence.ts and its reply record to reply-evidence.ts.
import { MESSAGE_BYTES } from './state';

/** u16: bytes left of the frame under way; within its header, its length. */
export const FRAME_LEFT: usize = 0;
export const FRAME_LENGTH: usize = FRAME_LEFT;
/** u8: header bytes kept. */
export const FRAME_HAVE: usize = 2;
/** u8, the same place, for protocols without frames: 1 + the class of a packet whose answer is awaited, and how it was judged. */
export const AWAITED: usize = FRAME_HAVE;
/** The packet whose answer is awaited was not taken for activity. */
export const AWAITED_IGNORED: u8 = 0x80;
/** It was ignored on weak evidence: an echo always makes up for that. */
export const AWAITED_WEAK: u8 = 0x40;
/** It was ignored for its period alone. */
export const AWAITED_TIMED: u8 = 0x20;
/** The server was speaking when it came, and may go on: only what no flow of output looks like is its echo. */
export const AWAITED_AMID: u8 = 0x10;
export const AWAITED_CLASS: u8 = 0x0f;
/** u8: the frame's type. */
export const FRAME_TYPE: usize = 3;
/** u8, the same place, for SSH: packets ignored on weak evidence since one was explained (two bits), and the client's pace (learner.ts). */
export const WEAK: usize = FRAME_TYPE;
/** u16: how long the server had been silent before it spoke last, in ticks. */
export const SILENCE: usize = 4;
/** u16: bytes of the server's last chunk. */
export const SERVER_SIZE: usize = 6;
/** u8: bursts of the server, modulo 16 (low half); exchanges of the connection's start (high half). */
export const COUNTERS: usize = 8;
/** u8: BIT_ below; the three highest: how many window adjustments came when they were due. */
export const LEARNER_BITS: usize = 9;
/** u32 each: ticks at which the sides spoke last. */
export const SERVER_AT: usize = 10;
export const CLIENT_AT: usize = 14;
/** u16 each: leaky buckets. */
export const CLIENT_BUCKET: usize = 18;
export const SERVER_BUCKET: usize = 20;
/** u16 each, WINDOW_UNIT_BYTES: the server's bytes since the last window adjustment, and what it usually takes. */
export const WINDOW_USED: usize = 22;
export const WINDOW_USUAL: usize = 24;
/** u8: 1 + the round trip to the client's program, DELAY_UNIT_TICKS each; 0 until it is known. */
export const ROUND_TRIP: usize = 26;
/** u8 each, DELAY_UNIT_TICKS: how long before SERVER_AT the two bursts before the last one ended; 255 for longer. */
export const BURST_BEFORE: usize = 27;
export const BURST_BEFORE_THAT: usize = 28;
export const CLASSES_AT: usize = 29;

export const BIT_SERVER_SPOKE: u8 = 1;
export const BIT_CLIENT_SPOKE: u8 = 2;
/** The client has spoken since the server did: the server's next bytes are a new burst. */
export const BIT_CLIENT_LAST: u8 = 4;
/** The server's last burst came right after the client's bytes: it may be the answer to them. */
export const BIT_CAUSED: u8 = 8;
/** While the round trip is being told: the last exchange was far shorter than those before. */
export const BIT_ODD: u8 = 16;
/** The same bit once that is over: what may have been the connection's first keepalive was ignored. */
export const BIT_FIRST_KEPT: u8 = BIT_ODD;

/** Unit of delays that a byte keeps. */
export const DELAY_UNIT_TICKS: u32 = 2;

/** A class: a timer, a reply record, u16 size. */
export const TIMER_BYTES: u32 = 12;
export const REPLY_BYTES: u32 = 8;
export const REPLY: usize = TIMER_BYTES;
export const CLASS_SIZE: usize = TIMER_BYTES + REPLY_BYTES;
export const CLASS_BYTES: u32 = TIMER_BYTES + REPLY_BYTES + 2;
export const CLASSES: u32 = (MESSAGE_BYTES - <u32>CLASSES_AT) / CLASS_BYTES;

/** The class at `index`, 0 to CLASSES - 1. */
export function classAt(learner: usize, index: u32): usize {
  return learner + CLASSES_AT + <usize>index * CLASS_BYTES;
}
