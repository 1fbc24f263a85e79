// Judges whether a client's first bytes are a valid start of its protocol. Keeps no state and reads nothing beyond them.
import type { Protocol } from '../platform/ports.ts';

/** incomplete: all bytes so far fit, more are needed to tell. */
export type PrefaceVerdict = 'valid' | 'invalid' | 'incomplete';

/** No protocol here needs more first bytes than this to be told. */
export const PREFACE_MAX_BYTES = 32;

type Judge = (bytes: Uint8Array) => PrefaceVerdict;

const TELNET_IAC = 0xff;
/** Lowest telnet command, SE. Source: RFC 854, "TELNET command structure"; RFC 885 adds 239 (EOR). */
const TELNET_COMMAND_MIN = 0xef;
const TLS_HANDSHAKE = 22;
const TLS_CLIENT_HELLO = 1;
/** Largest TLSPlaintext fragment. Source: RFC 8446 section 5.1. */
const TLS_FRAGMENT_MAX_BYTES = 1 << 14;
/** X.224 Connection Request: high half of the code byte. Source: ITU-T X.224 section 13.3. */
const X224_CONNECTION_REQUEST = 0xe0;
/** TPKT header (4 bytes) and the fixed part of a Connection Request (7 bytes). */
const RDP_REQUEST_MIN_BYTES = 11;
/** Longest request method that is looked for; the registered ones have at most 17 letters (UPDATEREDIRECTREF). */
const HTTP_METHOD_MAX_BYTES = 20;

/**
 * What `bytes`, everything a client has sent so far, says about its being a `protocol` client. `raw` and `auto` take any
 * byte: what is not known cannot be wrong. A verdict other than `incomplete` never changes when more bytes follow.
 */
export function judgePreface(protocol: Protocol, bytes: Uint8Array): PrefaceVerdict {
  return bytes.length === 0 ? 'incomplete' : JUDGES[protocol](bytes);
}

const JUDGES: Readonly<Record<Protocol, Judge>> = {
  auto: () => 'valid',
  raw: () => 'valid',
  // RFC 4253 section 4.2: the identification string; only a server may send lines before it.
  ssh: startsWith('SSH-'),
  // [MS-RDPBCGR] 1.3.1.1 (X.224 Connection Request) and 5.4.2.2 (direct approach: TLS at once).
  rdp: either(judgeConnectionRequest, judgeTls),
  // RFC 6143 section 7.1.1: the answer to the server's version. In a TLS tunnel the client speaks first.
  rfb: either(startsWith('RFB '), judgeTls),
  // SPICE protocol, RedLinkMess: the magic number; or TLS on the secure port.
  spice: either(startsWith('REDQ'), judgeTls),
  telnet: either(judgeTelnet, judgeTls),
  http: either(judgeHttp, judgeTls),
  websocket: either(startsWith('GET '), judgeTls),
};

function startsWith(text: string): Judge {
  const expected = Buffer.from(text, 'latin1');
  return (bytes) => {
    const known = Math.min(bytes.length, expected.length);
    for (let index = 0; index < known; index += 1) if (bytes[index] !== expected[index]) return 'invalid';
    return known === expected.length ? 'valid' : 'incomplete';
  };
}

function either(first: Judge, second: Judge): Judge {
  return (bytes) => {
    const verdicts = [first(bytes), second(bytes)];
    if (verdicts.includes('valid')) return 'valid';
    return verdicts.includes('incomplete') ? 'incomplete' : 'invalid';
  };
}

/** TPKT version 3, then an X.224 Connection Request. Source: [MS-RDPBCGR] 2.2.1.1, RFC 1006 section 6. */
function judgeConnectionRequest(bytes: Uint8Array): PrefaceVerdict {
  if (bytes[0] !== 3 || (bytes.length > 1 && bytes[1] !== 0)) return 'invalid';
  if (bytes.length < 6) return 'incomplete';
  const packetBytes = ((bytes[2] as number) << 8) | (bytes[3] as number);
  const isRequest = ((bytes[5] as number) & 0xf0) === X224_CONNECTION_REQUEST;
  return isRequest && packetBytes >= RDP_REQUEST_MIN_BYTES ? 'valid' : 'invalid';
}

/** A TLS record that carries a ClientHello. Source: RFC 8446 sections 5.1 and 4. */
function judgeTls(bytes: Uint8Array): PrefaceVerdict {
  if (bytes[0] !== TLS_HANDSHAKE) return 'invalid';
  if (bytes.length > 1 && bytes[1] !== 3) return 'invalid';
  if (bytes.length > 2 && (bytes[2] as number) > 4) return 'invalid';
  if (bytes.length < 6) return 'incomplete';
  const fragmentBytes = ((bytes[3] as number) << 8) | (bytes[4] as number);
  const fits = fragmentBytes >= 4 && fragmentBytes <= TLS_FRAGMENT_MAX_BYTES;
  return fits && bytes[5] === TLS_CLIENT_HELLO ? 'valid' : 'invalid';
}

/** IAC and a command. Source: RFC 854. */
function judgeTelnet(bytes: Uint8Array): PrefaceVerdict {
  if (bytes[0] !== TELNET_IAC) return 'invalid';
  if (bytes.length < 2) return 'incomplete';
  return (bytes[1] as number) >= TELNET_COMMAND_MIN ? 'valid' : 'invalid';
}

/** A method in capitals, hyphens allowed, and a space. Source: RFC 9112 section 3, RFC 9110 section 16.1. */
function judgeHttp(bytes: Uint8Array): PrefaceVerdict {
  const known = Math.min(bytes.length, HTTP_METHOD_MAX_BYTES + 1);
  for (let index = 0; index < known; index += 1) {
    const byte = bytes[index] as number;
    if (byte === 0x20) return index >= 3 ? 'valid' : 'invalid';
    const isMethodByte = (byte >= 0x41 && byte <= 0x5a) || (byte === 0x2d && index > 0);
    if (!isMethodByte) return 'invalid';
  }
  return known > HTTP_METHOD_MAX_BYTES ? 'invalid' : 'incomplete';
}
