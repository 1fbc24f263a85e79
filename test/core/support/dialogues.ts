// Dialogues of plaintext protocols, their bytes built by hand from the specifications: what counts in them, and what is chatter.
import type { ProtocolName, StreamCore, StreamHandle } from '../../../src/core/stream-core.ts';

/** The bytes of a text, one each. */
export const ascii = (text: string) => Buffer.from(text, 'latin1');
/** The bytes of hex digits; blanks are for the reader. */
export const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** A masked WebSocket frame of a client. RFC 6455 section 5.2. */
function frame(opcode: number, payload: Buffer): Buffer {
  const mask = [0x11, 0x22, 0x33, 0x44];
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] as number));
  return Buffer.from([0x80 | opcode, 0x80 | payload.length, ...mask, ...masked]);
}

/** A frame of HTTP/2. RFC 9113 section 4.1. */
export function http2Frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** What a client of HTTP/2 begins with. RFC 9113 section 3.4. */
export const HTTP2_PREFACE = ascii('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const HTTP2_SETTINGS = http2Frame(4, 0, 0, hex('0003 00000064'));
/** Three requests, one after the other, of RFC 7541 appendix C.4: the later ones name what the earlier ones inserted. */
export const HTTP2_BLOCKS = [
  hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff'),
  hex('8286 84be 5886 a8eb 1064 9cbf'),
  hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf'),
] as const;
/** Flags of a request without a body: END_STREAM, END_HEADERS. */
export const WHOLE_REQUEST = 5;

const [HTTP2_FIRST, HTTP2_SECOND, HTTP2_THIRD] = HTTP2_BLOCKS;
const HTTP2_CHATTER = {
  PING: http2Frame(6, 0, 0, hex('0102030405060708')),
  'PING acknowledged': http2Frame(6, 1, 0, hex('0102030405060708')),
  SETTINGS: http2Frame(4, 0, 0, hex('0004 00010000 0002 00000000')),
  'SETTINGS acknowledged': http2Frame(4, 1, 0, hex('')),
  WINDOW_UPDATE: http2Frame(8, 0, 1, hex('00010000')),
  PRIORITY: http2Frame(2, 0, 7, hex('00000000 0f')),
  GOAWAY: http2Frame(7, 0, 0, hex('00000000 00000000')),
};
const HTTP2_INPUT = {
  request: http2Frame(1, WHOLE_REQUEST, 5, HTTP2_THIRD),
  'request with padding and priority': http2Frame(
    1,
    WHOLE_REQUEST | 0x28,
    7,
    Buffer.concat([hex('03 80000000 0f'), HTTP2_THIRD, Buffer.alloc(3)]),
  ),
  'request in two frames': Buffer.concat([
    http2Frame(1, 1, 9, HTTP2_THIRD.subarray(0, 7)),
    http2Frame(9, 4, 9, HTTP2_THIRD.subarray(7)),
  ]),
  body: http2Frame(0, 1, 5, ascii('name=value')),
  'body with padding': http2Frame(0, 9, 5, Buffer.concat([hex('04'), ascii('a'), Buffer.alloc(4)])),
  'an empty body': http2Frame(0, 1, 5, hex('')),
  'large body': http2Frame(0, 1, 5, Buffer.alloc(2000, 1)),
  'a request called off': http2Frame(3, 0, 5, hex('00000008')),
  'a frame of unknown type': http2Frame(0xbe, 0, 0, hex('01')),
};

/** What a WebSocket begins with. */
const WEBSOCKET_OPENING = [
  ['c', ascii('GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')],
  ['s', ascii('HTTP/1.1 101 Switching Protocols\r\n\r\n')],
] as const;

/** One protocol: how it starts, and messages that count or do not. */
export interface Dialogue {
  readonly protocol: ProtocolName;
  /** What is said before: 'c' the client's bytes, 's' the server's. */
  readonly opening: ReadonlyArray<readonly ['c' | 's', Buffer]>;
  readonly chatter: Record<string, Buffer>;
  readonly input: Record<string, Buffer>;
}

const RFB_VERSIONS = [
  ['s', ascii('RFB 003.008\n')],
  ['c', ascii('RFB 003.008\n')],
] as const;
const RFB_OPENING = [
  ...RFB_VERSIONS,
  ['s', hex('01 01')],
  ['c', hex('01')],
  ['s', hex('00000000')],
  ['c', hex('01')],
] as const;
/** The link message of a channel. SPICE protocol, RedLinkMess. */
const spiceLink = (channel: number) =>
  hex(`52454451 02000000 02000000 1a000000 00000000 0${channel} 00 01000000 01000000 12000000 0d000000 0f000000`);
const SPICE_LINK = spiceLink(3);
const LOGIN = Buffer.concat([hex('43 87 0000 00 000000'), Buffer.alloc(40)]);

/** Golden bytes by hand. RFC 6143; rfbproto; SPICE protocol; RFC 854; RFC 6455; MQTT 3.1.1; RFC 2812; NBD proto.md; RFC 7143; RFC 9113. */
export const DIALOGUES: Record<string, Dialogue> = {
  rfb: {
    protocol: 'rfb',
    opening: RFB_OPENING,
    chatter: {
      FramebufferUpdateRequest: hex('03 01 0000 0000 0400 0300'),
      SetEncodings: hex('02 00 0002 00000000 00000001'),
      ClientFence: hex('f8 000000 80000001 04 01020304'),
      EnableContinuousUpdates: hex('96 01 0000 0000 0400 0300'),
    },
    input: {
      KeyEvent: hex('04 01 0000 00000061'),
      PointerEvent: hex('05 01 0010 0020'),
      ClientCutText: hex('06 000000 00000003 616263'),
      'QEMU extended key': hex('ff 00 0001 00000061 0000001e'),
      'xvp shutdown': hex('fa 00 01 02'),
    },
  },
  'rfb by way of tight, with a password': {
    protocol: 'rfb',
    opening: [...RFB_VERSIONS, ['c', hex('10')], ['c', hex('00000002')], ['c', Buffer.alloc(16, 9)], ['c', hex('00')]],
    chatter: { FramebufferUpdateRequest: hex('03 01 0000 0000 0400 0300') },
    input: { KeyEvent: hex('04 01 0000 00000061') },
  },
  'rfb by way of tight, shared, nothing asked': {
    protocol: 'rfb',
    opening: [...RFB_VERSIONS, ['c', hex('10')], ['c', hex('01')]],
    chatter: { FramebufferUpdateRequest: hex('03 01 0000 0000 0400 0300') },
    input: { KeyEvent: hex('04 01 0000 00000061') },
  },
  'rfb by way of tight, alone, nothing asked': {
    protocol: 'rfb',
    opening: [...RFB_VERSIONS, ['c', hex('10')], ['c', hex('00 00000000 20 18 00 01 00ff 00ff 00ff 10 08 00 000000')]],
    chatter: { FramebufferUpdateRequest: hex('03 01 0000 0000 0400 0300') },
    input: { KeyEvent: hex('04 01 0000 00000061') },
  },
  spice: {
    protocol: 'spice',
    opening: [
      ['c', SPICE_LINK],
      ['c', hex('01000000')],
      ['c', Buffer.alloc(128, 7)],
    ],
    chatter: { pong: hex('0300 0c000000 000102030405060708090a0b'), ack: hex('0200 00000000') },
    input: { 'key down': hex('6500 04000000 1e000000'), 'mouse motion': hex('6f00 0a000000 00010203040506070809') },
  },
  'spice, the display': {
    protocol: 'spice',
    opening: [
      ['c', spiceLink(2)],
      ['c', hex('01000000')],
      ['c', Buffer.alloc(128, 7)],
    ],
    chatter: { 'how a film plays': hex('6600 04000000 00000000') },
    input: { 'another message': hex('6700 01000000 01') },
  },
  telnet: {
    protocol: 'telnet',
    opening: [['c', hex('ff fd 03')]],
    chatter: { nop: hex('ff f1'), 'window size': hex('ff fa 1f 0050 0018 ff f0'), negotiation: hex('ff fb 1f') },
    input: { key: ascii('x'), interrupt: hex('ff f4'), 'a 255 as data': hex('ff ff') },
  },
  // RFC 2217: COM-PORT-OPTION is 44 (2c), a client's commands count from 0.
  'serial line in telnet': {
    protocol: 'telnet',
    opening: [['c', hex('ff fb 2c')]],
    chatter: {
      'its baud rate': hex('ff fa 2c 01 00 00 25 80 ff f0'),
      'a size that is the code of SET-CONTROL, and more': hex('ff fa 2c 02 05 05 ff f0'),
      'DTR on': hex('ff fa 2c 05 08 ff f0'),
      'BREAK off': hex('ff fa 2c 05 06 ff f0'),
      'which line states it wants': hex('ff fa 2c 0a ff ff ff f0'),
      'which modem states it wants': hex('ff fa 2c 0b 00 ff f0'),
      'a purge': hex('ff fa 2c 0c 03 ff f0'),
      'flow control': hex('ff fa 2c 08 ff f0 ff fa 2c 09 ff f0'),
      'its signature': hex('ff fa 2c 00 ff f0'),
      'a window size that reads like BREAK': hex('ff fa 1f 05 05 00 18 ff f0'),
    },
    input: { key: ascii('x'), BREAK: hex('ff fa 2c 05 05 ff f0') },
  },
  websocket: {
    protocol: 'websocket',
    opening: WEBSOCKET_OPENING,
    chatter: { pong: frame(10, ascii('')), 'ping with payload': frame(9, ascii('abc')) },
    input: { 'a key as text': frame(1, ascii('a')), 'long data': frame(2, Buffer.alloc(100, 1)) },
  },
  'rfb in websocket': {
    protocol: 'websocket',
    opening: [
      ...WEBSOCKET_OPENING,
      ['c', frame(2, ascii('RFB 003.008\n'))],
      ['c', frame(2, hex('01'))],
      ['c', frame(2, hex('01'))],
    ],
    chatter: { FramebufferUpdateRequest: frame(2, hex('03 01 0000 0000 0400 0300')) },
    input: { KeyEvent: frame(2, hex('04 01 0000 00000061')) },
  },
  http2: {
    protocol: 'http2',
    opening: [
      ['c', HTTP2_PREFACE],
      ['c', HTTP2_SETTINGS],
      ['s', http2Frame(4, 0, 0, hex(''))],
      ['c', http2Frame(1, WHOLE_REQUEST, 1, HTTP2_FIRST)],
      ['c', http2Frame(1, WHOLE_REQUEST, 3, HTTP2_SECOND)],
    ],
    chatter: HTTP2_CHATTER,
    input: HTTP2_INPUT,
  },
  'http2 by upgrade': {
    protocol: 'http2',
    opening: [
      ['c', ascii('GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n')],
      ['s', ascii('HTTP/1.1 101 Switching Protocols\r\n\r\n')],
      ['c', Buffer.concat([HTTP2_PREFACE, HTTP2_SETTINGS])],
      ['c', http2Frame(1, WHOLE_REQUEST, 3, HTTP2_FIRST)],
      ['c', http2Frame(1, WHOLE_REQUEST, 5, HTTP2_SECOND)],
    ],
    chatter: HTTP2_CHATTER,
    input: HTTP2_INPUT,
  },
  'spice in websocket': {
    protocol: 'websocket',
    opening: [
      ...WEBSOCKET_OPENING,
      ['c', frame(2, SPICE_LINK)],
      ['c', frame(2, hex('01000000'))],
      ['c', frame(2, Buffer.alloc(100, 7))],
      ['c', frame(2, Buffer.alloc(28, 7))],
    ],
    chatter: { pong: frame(2, hex('0300 0c000000 000102030405060708090a0b')), ack: frame(2, hex('0200 00000000')) },
    input: { 'key down': frame(2, hex('6500 04000000 1e000000')) },
  },
  'mqtt in websocket': {
    protocol: 'websocket',
    opening: [...WEBSOCKET_OPENING, ['c', frame(2, hex('10 0c 0004 4d515454 04 02 000a 0000'))]],
    chatter: { PINGREQ: frame(2, hex('c0 00')), PUBACK: frame(2, hex('40 02 0001')) },
    input: { PUBLISH: frame(2, hex('30 05 0001 61 6869')) },
  },
  // Apache Guacamole manual, protocol reference: an instruction is a list of lengths and values.
  guacamole: {
    protocol: 'websocket',
    opening: [...WEBSOCKET_OPENING, ['c', frame(1, ascii('0.,4.ping,13.1764439640000;'))]],
    chatter: {
      'ping of the tunnel': frame(1, ascii('0.,4.ping,13.1764439640500;')),
      sync: frame(1, ascii('4.sync,13.1764439640123,2.17;')),
      nop: frame(1, ascii('3.nop;')),
      'two answers at once': frame(1, ascii('3.ack,1.0,2.OK,1.0;4.sync,13.1764439640123;')),
    },
    input: {
      key: frame(1, ascii('3.key,2.97,1.1;')),
      mouse: frame(1, ascii('5.mouse,3.100,3.200,1.0;')),
      'a key behind an answer': frame(1, ascii('4.sync,13.1764439640123;3.key,2.97,1.1;')),
      'an instruction of another name': frame(1, ascii('4.argv,1.0;')),
      'a size': frame(1, ascii('4.size,4.1024,3.768;')),
      'what is no instruction': frame(1, ascii('x')),
    },
  },
  // ttyd, server.h: commands of the client.
  ttyd: {
    protocol: 'websocket',
    opening: [...WEBSOCKET_OPENING, ['c', frame(2, ascii('{"AuthToken":"","columns":80,"rows":24}'))]],
    chatter: { pause: frame(2, ascii('2')), resume: frame(2, ascii('3')) },
    input: { key: frame(2, ascii('02')), 'a size': frame(2, ascii('1{"columns":80,"rows":25}')) },
  },
  // Engine.IO protocol, revision 4: packet types, and the probe by which a client changes over to WebSocket.
  'engine.io': {
    protocol: 'websocket',
    opening: [...WEBSOCKET_OPENING, ['c', frame(1, ascii('2probe'))]],
    chatter: { upgrade: frame(1, ascii('5')), pong: frame(1, ascii('3')), ping: frame(1, ascii('2')) },
    input: { message: frame(1, ascii('42["input","2"]')) },
  },
  mqtt: {
    protocol: 'mqtt',
    opening: [['c', hex('10 0c 0004 4d515454 04 02 000a 0000')]],
    chatter: { PINGREQ: hex('c0 00'), PUBACK: hex('40 02 0001') },
    input: { PUBLISH: hex('30 05 0001 61 6869'), SUBSCRIBE: hex('82 06 0001 0001 61 00') },
  },
  irc: {
    protocol: 'irc',
    opening: [['c', ascii('NICK a\r\nUSER a 0 * :a\r\n')]],
    chatter: { PONG: ascii('PONG :server\r\n'), PING: ascii('PING 123\r\n') },
    input: { message: ascii('PRIVMSG #a :hello\r\n'), 'what only begins like a ping': ascii('PINGED\r\n') },
  },
  nbd: {
    protocol: 'nbd',
    opening: [
      ['s', ascii('NBDMAGICIHAVEOPT')],
      ['c', hex('00000003')],
      ['c', hex('49484156454f5054 00000007 00000006 00000000 0000')],
    ],
    chatter: { flush: hex('25609513 0000 0003 0000000000000001 0000000000000000 00000000') },
    input: {
      read: hex('25609513 0000 0000 0000000000000001 0000000000000000 00001000'),
      write: Buffer.concat([hex('25609513 0000 0001 0000000000000001 0000000000000000 00000008'), Buffer.alloc(8)]),
    },
  },
  iscsi: {
    protocol: 'iscsi',
    opening: [['c', LOGIN]],
    chatter: {
      'NOP-Out': Buffer.concat([hex('40 80'), Buffer.alloc(46)]),
      'TEST UNIT READY': Buffer.concat([hex('01 81'), Buffer.alloc(46)]),
      'MODE SENSE': Buffer.concat([hex('01 c1'), Buffer.alloc(30), hex('1a'), Buffer.alloc(15)]),
      'READ CAPACITY': Buffer.concat([hex('01 c1'), Buffer.alloc(30), hex('25'), Buffer.alloc(15)]),
    },
    input: {
      'a read': Buffer.concat([hex('01 c1'), Buffer.alloc(30), hex('28'), Buffer.alloc(15)]),
      'data out': Buffer.concat([hex('05 80 0000 00 000003'), Buffer.alloc(40), hex('61626300')]),
    },
  },
};

/** A stream that has said the dialogue's opening, at tick 0. */
export function openDialogue(core: StreamCore, dialogue: Dialogue): StreamHandle {
  const stream = core.openStream(1000, 0);
  for (const [side, bytes] of dialogue.opening) core.observe(stream, side === 'c' ? 'client' : 'server', bytes, 0);
  return stream;
}
