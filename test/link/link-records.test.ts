// Records byte by byte, as docs/link.md gives them, and read back however they are cut.
import { describe, expect, it } from 'vitest';
import {
  decodeAck,
  decodeCredit,
  decodeGreeting,
  decodeOpening,
  encodeAck,
  encodeCredit,
  encodeGreeting,
  encodeOpening,
  encodeRecord,
  type LinkRecord,
  RECORD_TYPES,
  RecordReader,
} from '../../src/link/link-records.ts';

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex');

function read(bytes: Buffer, cuts: readonly number[] = []): LinkRecord[] {
  const records: LinkRecord[] = [];
  const reader = new RecordReader();
  const ends = [...cuts, bytes.length];
  let at = 0;
  for (const end of ends) {
    reader.push(bytes.subarray(at, end), (record) => {
      records.push({ ...record, payload: Buffer.from(record.payload) });
      return true;
    });
    at = end;
  }
  return records;
}

describe('link records', () => {
  // Written by hand from the tables of docs/link.md.
  it.each([
    ['an ack', encodeAck(0x0102_0304_0506), '04 00 0006 00000000 010203040506'],
    ['credit', encodeCredit(7, 65_536), '14 00 0004 00000007 00010000'],
    ['an end', encodeRecord(RECORD_TYPES.end, 258), '12 00 0000 00000102'],
    ['an opening', encodeOpening(1, { service: 'vnc', client: '::1' }), '10 00 0008 00000001 03 766e63 03 3a3a31'],
    [
      'a greeting',
      encodeGreeting(RECORD_TYPES.hello, {
        session: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'),
        isResumed: true,
        receivedBytes: 5,
        historyBytes: 256,
        creditBytes: 16,
      }),
      '01 00 0020 00000000 01 01 000102030405060708090a0b0c0d0e0f 000000000005 00000100 00000010',
    ],
  ])('%s -> the bytes of the description', (_, bytes, wanted) => {
    expect(bytes).toEqual(hex(wanted));
  });

  it('four records, cut at every two places -> the same four', () => {
    const bytes = Buffer.concat([
      encodeAck(9),
      encodeRecord(RECORD_TYPES.data, 3, Buffer.from('some bytes'), 1),
      encodeRecord(RECORD_TYPES.end, 3),
      encodeCredit(3, 10),
    ]);
    const whole = read(bytes);
    expect(whole.map(({ type }) => type)).toEqual([4, 17, 18, 20]);
    expect(decodeAck(whole[0] as LinkRecord)).toBe(9);
    expect(whole[1]).toMatchObject({ flags: 1, stream: 3, payload: Buffer.from('some bytes') });
    expect(decodeCredit(whole[3] as LinkRecord)).toBe(10);
    for (let one = 0; one <= bytes.length; one += 1) {
      for (let other = one; other <= bytes.length; other += 1) expect(read(bytes, [one, other])).toEqual(whole);
    }
  });

  it('the longest record, byte by byte -> whole', () => {
    const record = encodeRecord(RECORD_TYPES.data, 1, Buffer.alloc(65_535, 7));
    const cuts = Array.from({ length: record.length - 1 }, (_, n) => n + 1);
    expect(read(record, cuts)[0]?.payload.equals(Buffer.alloc(65_535, 7))).toBe(true);
  });

  it('a reader that is told to stop -> reads no further', () => {
    let seen = 0;
    new RecordReader().push(Buffer.concat([encodeAck(1), encodeAck(2)]), () => {
      seen += 1;
      return false;
    });
    expect(seen).toBe(1);
  });

  const record = (text: string) => read(hex(text))[0] as LinkRecord;
  it.each([
    ['an ack of five bytes', () => decodeAck(record('04 00 0005 00000000 0102030405'))],
    ['credit without a number', () => decodeCredit(record('14 00 0000 00000001'))],
    ['an opening whose names run over', () => decodeOpening(record('10 00 0003 00000001 09 76 76'))],
    ['an opening without a client', () => decodeOpening(record('10 00 0002 00000001 01 76'))],
    ['an opening with more behind', () => decodeOpening(record('10 00 0005 00000001 01 76 01 3a ff'))],
    ['an empty greeting', () => decodeGreeting(record('01 00 0000 00000000'))],
    ['a greeting that is cut', () => decodeGreeting(record('01 00 0003 00000000 01 00 00'))],
    ['a greeting of version 2', () => decodeGreeting(record('01 00 0001 00000000 02'))],
  ])('%s -> refused', (_, decode) => {
    expect(decode).toThrow(expect.objectContaining({ code: 'ERR_LINK_PROTOCOL' }));
  });
});
