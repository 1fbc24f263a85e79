// The protocols by number: what a host hints at, and what a stream's first bytes turned out to be. Leaves the telling to recognise.ts.

/** Nothing is known and nothing shall be assumed: every client byte is activity. */
export const PROTOCOL_RAW: u8 = 0;
/** To be told from the first bytes. */
export const PROTOCOL_AUTO: u8 = 1;
export const PROTOCOL_SSH: u8 = 2;
/** RDP in the clear or in its own old encryption: TPKT and fast-path frames. */
export const PROTOCOL_RDP: u8 = 3;
export const PROTOCOL_RFB: u8 = 4;
export const PROTOCOL_SPICE: u8 = 5;
export const PROTOCOL_TELNET: u8 = 6;
export const PROTOCOL_HTTP: u8 = 7;
export const PROTOCOL_WEBSOCKET: u8 = 8;
export const PROTOCOL_TLS: u8 = 9;
export const PROTOCOL_MQTT: u8 = 10;
export const PROTOCOL_IRC: u8 = 11;
export const PROTOCOL_NBD: u8 = 12;
export const PROTOCOL_ISCSI: u8 = 13;
/** Printer job language, and print jobs on a raw port. */
export const PROTOCOL_PRINT: u8 = 14;
export const PROTOCOL_POSTGRES: u8 = 15;
export const PROTOCOL_MYSQL: u8 = 16;
/** RDP that went over to TLS after its X.224 exchange. */
export const PROTOCOL_RDP_TLS: u8 = 17;
/** RFB that went over to TLS after its VeNCrypt exchange. */
export const PROTOCOL_RFB_TLS: u8 = 18;
/** `auto`, and the first bytes are of no protocol known here. */
export const PROTOCOL_UNKNOWN: u8 = 19;
/** HTTP/2 in the clear, from its preface on. */
export const PROTOCOL_HTTP2: u8 = 20;
/** One more than the largest number that a host may hint at. */
export const PROTOCOL_HINTS: u32 = 17;
