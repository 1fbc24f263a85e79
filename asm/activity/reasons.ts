// Why a chunk was judged as it was: small codes, kept per stream, that the host turns into words.

export const REASON_NONE: u32 = 0;
/** A protocol whose messages are not looked into: every byte of the client counts. */
export const REASON_BYTES: u32 = 1;
/** The exchange at a connection's start. */
export const REASON_HANDSHAKE: u32 = 2;
/** A message that says a person acted: key, pointer, text, request. */
export const REASON_INPUT: u32 = 3;
/** A message whose kind is not known. */
export const REASON_UNKNOWN_MESSAGE: u32 = 4;
/** The parser lost its place. */
export const REASON_LOST: u32 = 5;
/** A packet that no reply and no timer explains. */
export const REASON_UNEXPLAINED: u32 = 6;
/** A packet that would be explained, if the evidence were stronger. */
export const REASON_LEARNING: u32 = 7;
/** More packets than the server's bytes call for. */
export const REASON_SURPLUS: u32 = 8;
/** The server's answer to a packet is not the one it always gave: an echo. */
export const REASON_ECHO: u32 = 9;
/** Machine work: reads, writes, a job, a bulk transfer. */
export const REASON_WORK: u32 = 10;
/** Chatter: a message that the protocol sends by itself. */
export const REASON_PROTOCOL: u32 = 11;
/** Chatter: keeps a learned period. */
export const REASON_TIMER: u32 = 12;
/** Chatter: comes at the learned delay after the server's bytes. */
export const REASON_REPLY: u32 = 13;
/** Chatter: the same request again, on its period. */
export const REASON_POLL: u32 = 14;
