// What counts as activity, protocol by protocol: golden bytes built by hand from the specifications, at every split.
import { beforeAll, describe, expect, it } from 'vitest';
import { FLAG_ACTIVE, FLAG_CHATTER, FLAG_LOST } from '../../src/core/abi.ts';
import { loadCore, type ProtocolName, type StreamCore, type StreamHandle } from '../../src/core/stream-core.ts';

let core: StreamCore;

const ascii = (text: string) => Buffer.from(text, 'latin1');
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** A masked WebSocket frame of a client. RFC 6455 section 5.2. */
function frame(opcode: number, payload: Buffer): Buffer {
  const mask = [0x11, 0x22, 0x33, 0x44];
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] as number));
  return Buffer.from([0x80 | opcode, 0x80 | payload.length, ...mask, ...masked]);
}

interface Dialogue {
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

/** RFC 6143; rfbproto; SPICE protocol; RFC 854; RFC 6455; MQTT 3.1.1; RFC 2812; NBD proto.md; RFC 7143. */
const DIALOGUES: Record<string, Dialogue> = {
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

function open(dialogue: Dialogue): StreamHandle {
  const stream = core.openStream(1000, 0);
  for (const [side, bytes] of dialogue.opening) core.observe(stream, side === 'c' ? 'client' : 'server', bytes, 0);
  return stream;
}

describe('activity of plaintext protocols', () => {
  beforeAll(async () => {
    core = await loadCore({ maxStreams: 8, heapBytes: 256 * 1024 });
  });

  const cases = Object.entries(DIALOGUES).flatMap(([name, dialogue]) => [
    ...Object.entries(dialogue.chatter).map(([message, bytes]) => ({ name, message, bytes, dialogue, counts: false })),
    ...Object.entries(dialogue.input).map(([message, bytes]) => ({ name, message, bytes, dialogue, counts: true })),
  ]);

  it.each(cases)(
    '$name: $message, judged where it lies -> the same verdict, and not a byte of it changed',
    async (each) => {
      const { dialogue, bytes, counts } = each;
      const roomy = await loadCore({ maxStreams: 2, heapBytes: 256 * 1024, reservableBytes: 4096 });
      const memory = roomy.reserve(4096);
      const stream = roomy.openStream(1000, 0);
      const show = (side: 'c' | 's', piece: Uint8Array, now: number) => {
        memory.set(piece, 100);
        const lies = memory.subarray(100, 100 + piece.length);
        const flags = roomy.observe(stream, side === 'c' ? 'client' : 'server', lies, now);
        expect(Buffer.from(lies).equals(piece)).toBe(true);
        return flags;
      };
      for (const [side, piece] of dialogue.opening) show(side, piece, 0);
      expect((show('c', bytes, 10) & FLAG_ACTIVE) !== 0).toBe(counts);
      expect(roomy.verdict(stream).protocol).toBe(dialogue.protocol);
    },
  );

  it.each(cases)('$name: $message, whole and at every split -> counts: $counts', ({ dialogue, bytes, counts }) => {
    for (let split = 0; split < bytes.length; split += 1) {
      const stream = open(dialogue);
      const first = core.observe(stream, 'client', bytes.subarray(0, split), 10);
      const flags = first | core.observe(stream, 'client', bytes.subarray(split), 11);
      expect({ split, counts: (flags & FLAG_ACTIVE) !== 0, lost: (flags & FLAG_LOST) !== 0 }).toEqual({
        split,
        counts,
        lost: false,
      });
      if (!counts) expect(flags & FLAG_CHATTER).toBe(FLAG_CHATTER);
      expect(core.verdict(stream).protocol).toBe(dialogue.protocol);
      // The place is kept: what follows is read as what it is.
      const [chatter, input] = [Object.values(dialogue.chatter)[0], Object.values(dialogue.input)[0]] as [
        Buffer,
        Buffer,
      ];
      expect(core.observe(stream, 'client', chatter, 12) & FLAG_ACTIVE).toBe(0);
      expect(core.observe(stream, 'client', input, 13) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
      core.releaseStream(stream);
    }
  });

  it.each([
    ['rfb', hex('2a 00 00 00')],
    ['spice', hex('0000 00000000')],
    ['nbd', hex('deadbeef')],
    ['websocket', hex('81 01 61')],
  ])('%s: bytes that are none of its messages -> lost, and everything counts from there on', (name, bytes) => {
    const dialogue = DIALOGUES[name] as Dialogue;
    const stream = open(dialogue);
    expect(core.observe(stream, 'client', bytes, 10) & (FLAG_ACTIVE | FLAG_LOST)).toBe(FLAG_ACTIVE | FLAG_LOST);
    const chatter = Object.values(dialogue.chatter)[0] as Buffer;
    expect(core.observe(stream, 'client', chatter, 11) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    expect(core.verdict(stream)).toMatchObject({ isLost: true, reason: 'lost' });
    core.releaseStream(stream);
  });

  it('nbd: the body of a write, in reads of its own -> counts to its end', () => {
    const stream = open(DIALOGUES.nbd as Dialogue);
    core.observe(stream, 'client', hex('25609513 0000 0001 0000000000000001 0000000000000000 00000020'), 10);
    expect(core.observe(stream, 'client', Buffer.alloc(16), 70_000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    expect(core.observe(stream, 'client', Buffer.alloc(16), 140_000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    const flush = (DIALOGUES.nbd as Dialogue).chatter.flush as Buffer;
    expect(core.observe(stream, 'client', flush, 150_000) & FLAG_ACTIVE).toBe(0);
    core.releaseStream(stream);
  });

  it('protocol raw -> every client byte counts, whatever it looks like', () => {
    const stream = core.openStream(1000, 0, { protocol: 'raw' });
    expect(core.observe(stream, 'client', hex('ff f1'), 1) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(stream);
  });
});

describe('activity of encrypted streams', () => {
  const VERSION = ascii('SSH-2.0-x\r\n');

  function openSsh(): StreamHandle {
    const stream = core.openStream(60_000, 0);
    core.observe(stream, 'client', VERSION, 0);
    return stream;
  }

  it('ssh: a keepalive every 15 s -> chatter from the third on, with its period in the verdict', () => {
    const stream = openSsh();
    const flags = [];
    for (let beat = 1; beat <= 10; beat += 1)
      flags.push(core.observe(stream, 'client', Buffer.alloc(52), beat * 15_000));
    expect(flags.slice(2).every((bits) => (bits & (FLAG_ACTIVE | FLAG_CHATTER)) === FLAG_CHATTER)).toBe(true);
    expect(core.verdict(stream)).toMatchObject({
      protocol: 'ssh',
      reason: 'timer',
      packetBytes: 52,
      periodTicks: 15_000,
    });
    core.releaseStream(stream);
  });

  it('ssh: a key of the size of a learned keepalive, between two of them -> counts at once', () => {
    const stream = openSsh();
    for (let beat = 1; beat <= 10; beat += 1) core.observe(stream, 'client', Buffer.alloc(52), beat * 15_000);
    expect(core.observe(stream, 'client', Buffer.alloc(52), 157_123) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    expect(core.observe(stream, 'client', Buffer.alloc(52), 165_000) & FLAG_ACTIVE).toBe(0);
    core.releaseStream(stream);
  });

  it('ssh: typed every 3 s to the millisecond -> every key counts', () => {
    const stream = openSsh();
    for (let key = 1; key <= 200; key += 1) {
      expect(core.observe(stream, 'client', Buffer.alloc(36), key * 3000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
      core.observe(stream, 'server', Buffer.alloc(36), key * 3000 + 1);
    }
    core.releaseStream(stream);
  });

  it('tls: another size with every packet, on a period -> every packet counts', () => {
    const stream = core.openStream(60_000, 0, { protocol: 'tls' });
    for (let packet = 1; packet <= 500; packet += 1) {
      const record = Buffer.alloc(25 + ((packet * packet) % 1009));
      record.set([23, 3, 3, (record.length - 5) >> 8, (record.length - 5) & 0xff]);
      expect(core.observe(stream, 'client', record, packet * 5000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    }
    core.releaseStream(stream);
  });

  it('any bytes at all, from a seeded source, at random times -> no trap, and unexplained ones never idle', () => {
    let seed = 20_260_101;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    for (let round = 0; round < 300; round += 1) {
      const stream = core.openStream(1000, 0);
      let now = 0;
      let counted = 0;
      for (let chunk = 0; chunk < 40; chunk += 1) {
        now += 1 + random(2000);
        const bytes = Buffer.from(Array.from({ length: 1 + random(60) }, () => random(256)));
        const flags = core.observe(stream, random(4) === 0 ? 'server' : 'client', bytes, now);
        if ((flags & FLAG_ACTIVE) !== 0) counted += 1;
      }
      expect({ seed: 20_260_101, round, counts: counted > 15 }).toEqual({ seed: 20_260_101, round, counts: true });
      core.releaseStream(stream);
    }
  });
});
