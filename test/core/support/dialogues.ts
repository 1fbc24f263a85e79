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

/** One protocol: how it starts, and messages that count or do not. */
export interface Dialogue {
  readonly protocol: ProtocolName;
  /** What is said before: 'c' the client's bytes, 's' the server's. */
  readonly opening: ReadonlyArray<readonly ['c' | 's', Buffer]>;
  readonly chatter: Record<string, Buffer>;
  readonly input: Record<string, Buffer>;
}

const RFB_OPENING = [
  ['s', ascii('RFB 003.008\n')],
  ['c', ascii('RFB 003.008\n')],
  ['s', hex('01 01')],
  ['c', hex('01')],
  ['s', hex('00000000')],
  ['c', hex('01')],
] as const;
const SPICE_LINK = hex(
  '52454451 02000000 02000000 1a000000 00000000 03 00 01000000 01000000 12000000 0d000000 0f000000',
);
const LOGIN = Buffer.concat([hex('43 87 0000 00 000000'), Buffer.alloc(40)]);

/** Golden bytes by hand. RFC 6143; rfbproto; SPICE protocol; RFC 854; RFC 6455; MQTT 3.1.1; RFC 2812; NBD proto.md; RFC 7143. */
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
    },
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
  telnet: {
    protocol: 'telnet',
    opening: [['c', hex('ff fd 03')]],
    chatter: { nop: hex('ff f1'), 'window size': hex('ff fa 1f 0050 0018 ff f0'), negotiation: hex('ff fb 1f') },
    input: { key: ascii('x'), interrupt: hex('ff f4'), 'a 255 as data': hex('ff ff') },
  },
  websocket: {
    protocol: 'websocket',
    opening: [
      ['c', ascii('GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')],
      ['s', ascii('HTTP/1.1 101 Switching Protocols\r\n\r\n')],
    ],
    chatter: { pong: frame(10, ascii('')), 'ping with payload': frame(9, ascii('abc')) },
    input: { 'a key as text': frame(1, ascii('a')), 'long data': frame(2, Buffer.alloc(100, 1)) },
  },
  'rfb in websocket': {
    protocol: 'websocket',
    opening: [
      ['c', ascii('GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')],
      ['s', ascii('HTTP/1.1 101 Switching Protocols\r\n\r\n')],
      ['c', frame(2, ascii('RFB 003.008\n'))],
      ['c', frame(2, hex('01'))],
      ['c', frame(2, hex('01'))],
    ],
    chatter: { FramebufferUpdateRequest: frame(2, hex('03 01 0000 0000 0400 0300')) },
    input: { KeyEvent: frame(2, hex('04 01 0000 00000061')) },
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
