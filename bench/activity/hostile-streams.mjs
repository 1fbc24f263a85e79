// Streams made to be dear: what a client can send that has most work in fewest bytes. Each is an opening (the carried session whose it is, or a
// protocol to open with) and an endless row of chunks. Times nothing.
import { randomFrom } from '../corpus.mjs';

const FULL_BYTES = 64 * 1024;

/** `{ name, session | protocol, opening?, chunk(index) }`. */
export const HOSTILE_STREAMS = [
  { name: 'raw: 1 B per chunk', protocol: 'raw', chunk: () => new Uint8Array(1) },
  { name: 'ssh: 1 B per chunk', session: 'ssh_a_idle_sa5_ca15', chunk: () => new Uint8Array(1) },
  { name: 'ssh: another size with every packet', session: 'ssh_a_idle_sa5_ca15', chunk: sizes(1, 1400) },
  { name: 'tls: another size with every record', session: 'rfbtls_b_typing_clock', chunk: tlsSizes(1400) },
  { name: 'tls: records byte by byte', session: 'rfbtls_b_typing_clock', chunk: byteOf(tlsRecord(20)) },
  { name: 'tls: 64 KiB of empty records', session: 'rfbtls_b_typing_clock', chunk: full(tlsRecord(0)) },
  { name: 'tls: 64 KiB of records of 1 to 9 B', session: 'rfbtls_b_typing_clock', chunk: tinyRecords() },
  { name: 'rdp: 64 KiB of frames of 2 B', protocol: 'rdp', chunk: full([0x04, 2]) },
  { name: 'rfb: 64 KiB of pointer events', session: 'rfb_b_typing_clock', chunk: full([5, 0, 0, 1, 0, 1]) },
  { name: 'rfb: key events byte by byte', session: 'rfb_b_typing_clock', chunk: byteOf([4, 1, 0, 0, 0, 0, 0, 97]) },
  { name: 'spice: 64 KiB of acks', session: 'spice_b_typing_clock', chunk: full([2, 0, 0, 0, 0, 0]) },
  { name: 'telnet: 64 KiB of IAC NOP', session: 'telnet_b_typing_nop10', chunk: full([255, 241]) },
  { name: 'websocket: 64 KiB of empty pongs', session: 'ws_b_typing_ping5', chunk: full([0x8a, 0x80, 1, 2, 3, 4]) },
  { name: 'websocket: 64 KiB in one frame', session: 'ws_b_typing_ping5', chunk: wholeFrame() },
  { name: 'http: another path with every request', protocol: 'http', chunk: requests() },
  {
    name: 'http2: 64 KiB of PING',
    opening: http2Preface(),
    chunk: full([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
  },
  {
    name: 'http2: 64 KiB of requests of one byte',
    opening: http2Preface(),
    chunk: full([0, 0, 1, 1, 5, 0, 0, 0, 1, 0x82]),
  },
  { name: 'http2: another path with every request', opening: http2Preface(), chunk: http2Requests() },
  { name: 'mqtt: 64 KiB of PINGREQ', protocol: 'mqtt', opening: mqttConnect(), chunk: full([0xc0, 0]) },
  { name: 'irc: 64 KiB of empty lines', protocol: 'irc', chunk: full([13, 10]) },
  { name: 'iscsi: 64 KiB of NOP-Out', protocol: 'iscsi', chunk: full([0x40, 0x80, ...new Array(46).fill(0)]) },
];

/** As many whole messages as go into FULL_BYTES. */
function full(message) {
  const bytes = new Uint8Array(Math.floor(FULL_BYTES / message.length) * message.length);
  for (let at = 0; at < bytes.length; at += message.length) bytes.set(message, at);
  return () => bytes;
}

function byteOf(message) {
  return (index) => Uint8Array.of(message[index % message.length]);
}

function sizes(least, most) {
  const random = randomFrom(1);
  return () => new Uint8Array(least + Math.floor(random() * (most - least)));
}

function tlsRecord(bodyBytes) {
  return [23, 3, 3, bodyBytes >> 8, bodyBytes & 0xff, ...new Array(bodyBytes).fill(0)];
}

function tlsSizes(most) {
  const random = randomFrom(2);
  return () => Uint8Array.from(tlsRecord(Math.floor(random() * most)));
}

function tinyRecords() {
  const random = randomFrom(3);
  const records = [];
  while (records.length + 14 <= FULL_BYTES) records.push(...tlsRecord(1 + Math.floor(random() * 9)));
  return () => Uint8Array.from(records);
}

/** A masked binary frame with a 64-bit length. RFC 6455 section 5.2. */
function wholeFrame() {
  const body = FULL_BYTES - 14;
  const bytes = new Uint8Array(FULL_BYTES);
  bytes.set([0x82, 0xff, 0, 0, 0, 0, 0, 0, body >> 8, body & 0xff, 1, 2, 3, 4]);
  return () => bytes;
}

function requests() {
  return (index) => Buffer.from(`GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`, 'latin1');
}

/** RFC 9113 section 3.4. */
function http2Preface() {
  return Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
}

/** GET, http, a path that is not inserted (RFC 7541 section 6.2.2), in a frame of its own. */
function http2Requests() {
  return (index) => {
    const path = Buffer.from(`/${index}`, 'latin1');
    const header = [0, 0, path.length + 4, 1, 5, 0, 0, 0, 1];
    return Buffer.from([...header, 0x82, 0x86, 0x04, path.length, ...path]);
  };
}

/** CONNECT, MQTT 3.1.1 section 3.1. */
function mqttConnect() {
  return Uint8Array.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 10, 0, 0);
}
