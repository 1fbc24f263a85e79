// What a parser of binary messages and its driver (messages.ts) share: the message state's fields and a step's answers.
//
// Message state, from `message`: u8 phase, u8 header bytes kept, u8 parser's note, u32 bytes to skip, u32 note, then the header.

export const PHASE: usize = 0;
export const HAVE: usize = 1;
/** u8 for the parser: RFB's protocol minor version, SPICE's channel. */
export const NOTE: usize = 2;
/** u8: whether the message under way counts. */
export const COUNTS: usize = 3;
export const SKIP: usize = 4;
/** u32 for the parser. */
export const WIDE_NOTE: usize = 8;
export const HEADER: usize = 12;

/** A step's answer: more header bytes are needed. */
export const NEED_MORE: i64 = 0;
/** A step's answer: these bytes are not of this protocol. */
export const LOST: i64 = -1;
/** A step's answer: what follows is TLS. */
export const GOES_TLS: i64 = -2;
