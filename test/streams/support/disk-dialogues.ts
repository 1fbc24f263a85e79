// What disks' clients and their servers say, by hand from the NBD protocol's document (proto.md) and RFC 7143: who says it, the bytes, and how many requests
// are in flight after it.

export type Turn = readonly ['c' | 's', Buffer, number];

/** Hexadecimal, blanks for the eye. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
}

const NEWSTYLE = Buffer.from('NBDMAGICIHAVEOPT', 'latin1');
const CLISERV = hex('0000420281861253');
const GREETING: Turn = ['s', Buffer.concat([NEWSTYLE, hex('0003')]), 0];
const OPTION_REPLY = '0003e889045565a9';

/** Client flags, structured replies asked for and acknowledged, NBD_OPT_GO with its information and acknowledgement. */
const STRUCTURED_OPENING: readonly Turn[] = [
  GREETING,
  ['c', hex('00000003'), 0],
  ['c', hex('49484156454f5054 00000008 00000000'), 0],
  ['s', hex(`${OPTION_REPLY} 00000008 00000001 00000000`), 0],
  ['c', hex('49484156454f5054 00000007 00000006 00000000 0000'), 0],
  ['s', hex(`${OPTION_REPLY} 00000007 00000003 0000000c 0000 0000000000100000 016d`), 0],
  ['s', hex(`${OPTION_REPLY} 00000007 00000001 00000000`), 0],
];

/** Answered by the export's size and flags, without a magic. */
const EXPORT_NAME = hex('49484156454f5054 00000001 00000003 61626c');
const EXPORT = hex('0000000000100000 016d');

/** Flags, command, cookie, length. The offset is 0. */
export function nbdRequest(command: number, cookie: number, length: number, payload = 0): Buffer {
  const header = hex('25609513 0000 0000 0000000000000000 0000000000000000 00000000');
  header.writeUInt16BE(command, 6);
  header.writeUInt32BE(cookie, 12);
  header.writeUInt32BE(length, 24);
  return Buffer.concat([header, Buffer.alloc(payload, 0x25)]);
}

export function nbdReply(cookie: number, payload = 0, error = 0): Buffer {
  const header = hex('67446698 00000000 0000000000000000');
  header.writeUInt32BE(error, 4);
  header.writeUInt32BE(cookie, 12);
  return Buffer.concat([header, Buffer.alloc(payload, 0x67)]);
}

function nbdChunk(flags: number, type: number, cookie: number, payload: Buffer): Buffer {
  const header = hex('668e33ef 0000 0000 0000000000000000 00000000');
  header.writeUInt16BE(flags, 4);
  header.writeUInt16BE(type, 6);
  header.writeUInt32BE(cookie, 12);
  header.writeUInt32BE(payload.length, 16);
  return Buffer.concat([header, payload]);
}

/** The handshake of a client that names its export, and leaves the zeroes out. */
export const NBD_OPENING: readonly Turn[] = [
  GREETING,
  ['c', hex('00000003'), 0],
  ['c', EXPORT_NAME, 0],
  ['s', EXPORT, 0],
];

const EXTENDED = (command: string, flags: string, cookie: string, length: string) =>
  hex(`21e41c71 ${flags} ${command} ${cookie} 0000000000000000 ${length}`);

const NBD: Record<string, readonly Turn[]> = {
  'NBD by export name, simple replies, every command': [
    ...NBD_OPENING,
    ['c', nbdRequest(0, 1, 512), 1],
    ['c', nbdRequest(1, 2, 64, 64), 2],
    ['c', nbdRequest(3, 3, 0), 3],
    ['s', nbdReply(2), 2],
    ['s', nbdReply(1, 512), 1],
    ['c', nbdRequest(4, 4, 4096), 2],
    ['c', nbdRequest(5, 5, 4096), 3],
    ['c', nbdRequest(6, 6, 4096), 4],
    ['s', nbdReply(3), 3],
    ['s', nbdReply(4, 0, 22), 2],
    ['s', nbdReply(6), 1],
    ['s', nbdReply(5), 0],
    // A read that failed brings nothing along.
    ['c', nbdRequest(0, 7, 512), 1],
    ['s', nbdReply(7, 0, 5), 0],
    ['c', nbdRequest(2, 8, 0), 0],
  ],
  'NBD by export name, with 124 zeroes': [
    GREETING,
    ['c', hex('00000001'), 0],
    ['c', EXPORT_NAME, 0],
    ['s', Buffer.concat([EXPORT, Buffer.alloc(124)]), 0],
    ['c', nbdRequest(1, 1, 8, 8), 1],
    ['s', nbdReply(1), 0],
  ],
  'NBD, oldstyle': [
    ['s', Buffer.concat([Buffer.from('NBDMAGIC'), CLISERV, hex('0000000000100000 00000001'), Buffer.alloc(124)]), 0],
    ['c', nbdRequest(1, 1, 8, 8), 1],
    ['s', nbdReply(1), 0],
  ],
  'NBD, structured replies in pieces': [
    ...STRUCTURED_OPENING,
    ['c', nbdRequest(0, 1, 1024), 1],
    // NBD_REPLY_TYPE_OFFSET_DATA, twice, then one of OFFSET_HOLE with DONE.
    ['s', nbdChunk(0, 1, 1, Buffer.alloc(8 + 256, 0x67)), 1],
    ['s', nbdChunk(0, 1, 1, Buffer.alloc(8 + 256, 0x66)), 1],
    ['s', nbdChunk(1, 2, 1, Buffer.alloc(12)), 0],
    ['c', nbdRequest(7, 2, 4096), 1],
    ['s', nbdChunk(1, 5, 2, Buffer.alloc(12)), 0],
    ['c', nbdRequest(1, 3, 8, 8), 1],
    ['s', nbdReply(3), 0],
  ],
  'NBD, extended headers': [
    ...STRUCTURED_OPENING,
    ['c', Buffer.concat([EXTENDED('0001', '0020', '0000000000000001', '0000000000000008'), Buffer.alloc(8)]), 1],
    ['c', EXTENDED('0006', '0000', '0000000000000002', '0000000200000000'), 2],
    ['s', hex('6e8a278c 0001 0000 0000000000000001 0000000000000000 0000000000000000'), 1],
    ['s', hex('6e8a278c 0001 8001 0000000000000002 0000000000000000 0000000000000006 00000005 0000'), 0],
  ],
  'NBD, an export that is refused, then another': [
    GREETING,
    ['c', hex('00000003'), 0],
    ['c', hex('49484156454f5054 00000007 00000007 00000001 78 0000'), 0],
    ['s', hex(`${OPTION_REPLY} 00000007 80000006 00000002 6e6f`), 0],
    ...STRUCTURED_OPENING.slice(4),
    ['c', nbdRequest(1, 1, 8, 8), 1],
    ['s', nbdReply(1), 0],
  ],
};

/** A PDU: bytes 0 to 3, task tag, then whatever stands elsewhere; its data are padded. */
export function pdu(
  start: string,
  tag: number,
  data = Buffer.alloc(0),
  set: (header: Buffer) => void = () => {},
): Buffer {
  const header = Buffer.alloc(48);
  hex(start).copy(header);
  header.writeUIntBE(data.length, 5, 3);
  header.writeUInt32BE(tag, 16);
  set(header);
  return Buffer.concat([header, data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}

const keys = (...pairs: string[]) => Buffer.from(pairs.map((pair) => `${pair}\0`).join(''));
const ONE_STAGE = '43870000';
const LOGIN_KEYS = keys('InitiatorName=iqn.2026-01.example:a', 'HeaderDigest=CRC32C,None', 'DataDigest=None');

function login(headerDigest = 'None'): readonly Turn[] {
  return [
    ['c', pdu(ONE_STAGE, 1, LOGIN_KEYS), 1],
    ['s', pdu('23870000', 1, keys('TargetPortalGroupTag=1', `HeaderDigest=${headerDigest}`, 'DataDigest=None')), 0],
  ];
}

const unit = (number: number) => (header: Buffer) => header.writeUInt16BE(number, 8);
const cdb = (command: number) => (header: Buffer) => header.writeUInt8(command, 32);
const both =
  (...sets: Array<(header: Buffer) => void>) =>
  (header: Buffer) => {
    for (const set of sets) set(header);
  };
/** READ(10), final and with R. */
const READ = '01c10000';
/** WRITE(10), final and with W. */
const WRITE = '01a10000';
const TEST_UNIT_READY = '01810000';
const DIGEST = hex('deadbeef');

/** The same PDU with digests of header and data. */
function digested(bytes: Buffer, ofData: boolean): Buffer {
  const data = bytes.subarray(48);
  return Buffer.concat([bytes.subarray(0, 48), DIGEST, data, data.length > 0 && ofData ? DIGEST : Buffer.alloc(0)]);
}

const ISCSI: Record<string, readonly Turn[]> = {
  'iSCSI: reads, writes, immediate and solicited data': [
    ...login(),
    ['c', pdu(READ, 2, undefined, cdb(0x28)), 1],
    ['c', pdu(WRITE, 3, Buffer.alloc(510, 7), cdb(0x2a)), 2],
    // Data-In without S, then with S: no SCSI Response follows.
    ['s', pdu('25000000', 2, Buffer.alloc(512, 1)), 2],
    ['s', pdu('31800000', 3), 2],
    ['c', pdu('05800000', 3, Buffer.alloc(512, 7)), 2],
    ['s', pdu('25810000', 2, Buffer.alloc(3, 1)), 1],
    ['s', pdu('21800000', 3), 0],
    // SYNCHRONIZE CACHE(10) moves nothing, and is a request.
    ['c', pdu('01810000', 4, undefined, cdb(0x35)), 1],
    ['s', pdu('21800000', 4, Buffer.alloc(20)), 0],
  ],
  'iSCSI: additional header segments': [
    ...login(),
    [
      'c',
      Buffer.concat([
        pdu(WRITE, 2, undefined, (header) => {
          header[4] = 2;
          header[7] = 4;
          header[32] = 0x2a;
        }),
        Buffer.alloc(8 + 4, 9),
      ]),
      1,
    ],
    ['s', pdu('21800000', 2), 0],
  ],
  'iSCSI: chatter is no request': [
    ...login(),
    ['c', pdu('40800000', 9), 0],
    ['s', pdu('20800000', 9), 0],
    ['c', pdu(TEST_UNIT_READY, 10), 0],
    ['s', pdu('21800000', 10), 0],
    ['s', pdu('20800000', 0xffffffff), 0],
  ],
  'iSCSI: tasks that are aborted get no answer': [
    ...login(),
    ['c', pdu(WRITE, 2, undefined, both(unit(1), cdb(0x2a))), 1],
    ['c', pdu(WRITE, 3, undefined, both(unit(1), cdb(0x2a))), 2],
    ['c', pdu(WRITE, 4, undefined, both(unit(2), cdb(0x2a))), 3],
    [
      'c',
      pdu(
        '42810000',
        5,
        undefined,
        both(unit(1), (header) => header.writeUInt32BE(3, 20)),
      ),
      4,
    ],
    ['s', pdu('22800000', 5), 2],
    ['c', pdu('42850000', 6, undefined, unit(1)), 3],
    ['s', pdu('22800000', 6), 1],
    // A reset that is refused ends nothing.
    ['c', pdu('42860000', 7), 2],
    ['s', pdu('22800500', 7), 1],
    ['c', pdu('42860000', 8), 2],
    ['s', pdu('22800000', 8), 0],
  ],
  'iSCSI: text and logout': [
    ...login(),
    ['c', pdu('04800000', 2, keys('SendTargets=All')), 1],
    ['s', pdu('24800000', 2, keys('TargetName=iqn.2026-01.example:t')), 0],
    ['c', pdu('46800000', 3), 1],
    ['s', pdu('26800000', 3), 0],
  ],
  'iSCSI: a header digest': [
    ...login('CRC32C'),
    ['c', digested(pdu(WRITE, 2, Buffer.alloc(512, 7), cdb(0x2a)), false), 1],
    ['s', digested(pdu('21800000', 2), false), 0],
    ['c', digested(pdu(READ, 3, undefined, cdb(0x28)), false), 1],
    ['s', digested(pdu('25810000', 3, Buffer.alloc(509, 1)), false), 0],
  ],
  'iSCSI: digests of header and data, in a login of two stages': [
    ['c', pdu('43810000', 1, keys('AuthMethod=None')), 1],
    ['s', pdu('23810000', 1, keys('AuthMethod=None')), 0],
    ['c', pdu(ONE_STAGE, 1, keys('HeaderDigest=CRC32C', 'DataDigest=CRC32C')), 1],
    ['s', pdu('23870000', 1, keys('HeaderDigest=CRC32C', 'DataDigest=CRC32C')), 0],
    ['c', digested(pdu(WRITE, 2, Buffer.alloc(511, 7), cdb(0x2a)), true), 1],
    ['s', digested(pdu('21800000', 2), true), 0],
    ['c', digested(pdu(READ, 3, undefined, cdb(0x28)), true), 1],
    ['s', digested(pdu('25810000', 3, Buffer.alloc(509, 1)), true), 0],
  ],
};

export const DISK_DIALOGUES: Record<string, readonly Turn[]> = { ...NBD, ...ISCSI };
