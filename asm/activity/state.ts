// A detector's fixed memory, field by field. It holds no byte of what was said beyond the header of a message under way.
//
//   0..11    what every protocol needs, below
//   11..128  a parser's message state (MESSAGE), or the learner's classes (learner.ts)

/** Bytes of one detector. */
export const DETECTOR_BYTES: u32 = 128;

/** u8: a number of protocols.ts; PROTOCOL_AUTO or a hint until BIT_TOLD. */
export const PROTOCOL: usize = 0;
/** u8 of BIT_ below. */
export const BITS: usize = 1;
/** u8: first bytes of the client kept while the protocol is being told. */
export const CLIENT_HEAD: usize = 2;
/** u8: the protocol that the port says, PROTOCOL_UNKNOWN where it says none. */
export const PORT: usize = 7;
/** u8: reason of the last verdict on a client's chunk, a number of reasons.ts. */
export const REASON: usize = 3;
/** u16: size of the packet that the last verdict was about. */
export const SIZE: usize = 4;
/** u8: how often its like was seen, 255 for more. */
export const SEEN: usize = 6;
/** u24: its period in milliseconds, 0 where it has none. */
export const PERIOD: usize = 8;
export const PERIOD_MASK: u32 = 0xffffff;
/** A parser's message state, or the learner's. */
export const MESSAGE: usize = 11;
export const MESSAGE_BYTES: u32 = DETECTOR_BYTES - 11;
/** u32, at the end of a parser's message state: streams of one client share a family, and with it what was learned about polls. */
export const FAMILY: usize = 124;
export const FAMILY_BYTES: u32 = 4;

/** Input that keeps a period is not somebody's: its owner says so. */
export const BIT_PERIODIC: u8 = 8;
/** The same of a pointer's movements alone. */
export const BIT_MOVES: u8 = 32;
/** Requests that keep a period count: its owner says so. */
export const BIT_REQUESTS: u8 = 16;
/** A parser lost its place. */
export const BIT_LOST: u8 = 1;
/** The protocol is told. */
export const BIT_TOLD: u8 = 2;
/** The server has spoken: its first bytes were looked at. */
export const BIT_SERVER_TOLD: u8 = 4;
