// What a trace keeps of a stream, and what it must not: expectations by hand from the format and the protocols' documents.
import { describe, expect, it } from 'vitest';
import {
  FULL_MOST_BYTES,
  HEAD_BYTES,
  LINE_RECORDS_MAX,
  TraceLines,
  WAITING_LINES_MAX,
} from '../../src/streams/trace-lines.ts';

const START_MS = 1_795_439_844_521;
/** What must never stand in a trace of an encrypted stream. */
const SECRET = Buffer.from('correct horse battery staple');

interface Line {
  readonly t_ms: number;
  readonly dir: string;
  readonly n: number;
  readonly head_hex: string;
  readonly full?: string;
  readonly tls?: number[];
}

/** Reads in order, each a direction and its bytes, one every 10 ms. */
function record(...reads: ReadonlyArray<readonly ['client' | 'server', Buffer]>): Line[] {
  const lines = new TraceLines(START_MS);
  const texts = reads.flatMap(([direction, bytes], index) => lines.note(direction, bytes, START_MS + index * 10));
  return [...texts, ...lines.end(null, START_MS)].map((text) => JSON.parse(text) as Line);
}

function tlsRecord(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 3, body.length >> 8, body.length & 0xff]), body]);
}

/** A handshake message of a type, in a record. RFC 8446 section 4. */
function handshake(type: number, bodyBytes: number): Buffer {
  return tlsRecord(
    22,
    Buffer.concat([Buffer.from([type, 0, bodyBytes >> 8, bodyBytes & 0xff]), Buffer.alloc(bodyBytes, 7)]),
  );
}

const HELLO = handshake(1, 200);
const SERVER_HELLO = handshake(2, 90);

/** An SSH packet with a message number. RFC 4253 section 6. */
function sshPacket(message: number, bodyBytes: number): Buffer {
  const packet = Buffer.alloc(4 + 1 + 1 + bodyBytes, 1);
  packet.writeUInt32BE(packet.length - 4, 0);
  packet[4] = 4;
  packet[5] = message;
  return packet;
}

describe('TraceLines', () => {
  it('meta -> the first line of a trace, with the ports', () => {
    expect(new TraceLines(START_MS).meta(13_205, 6005)).toBe(
      '{"meta":1,"wall":1795439844521,"listen":13205,"target":6005}\n',
    );
  });

  it('reads in the clear -> first 16 bytes of each, and a client’s whole where it has more, up to the bound', () => {
    const bytes = (count: number) => Buffer.alloc(count, 'k');
    const lines = record(
      ['client', bytes(16)],
      ['client', bytes(17)],
      ['client', bytes(FULL_MOST_BYTES)],
      ['client', bytes(FULL_MOST_BYTES + 1)],
      ['server', bytes(100)],
    );
    expect(lines.map(({ dir, n, t_ms }) => [dir, n, t_ms])).toEqual([
      ['c2s', 16, 0],
      ['c2s', 17, 10],
      ['c2s', FULL_MOST_BYTES, 20],
      ['c2s', FULL_MOST_BYTES + 1, 30],
      ['s2c', 100, 40],
    ]);
    expect(lines.every(({ head_hex }) => head_hex === '6b'.repeat(HEAD_BYTES))).toBe(true);
    expect(lines.map(({ full }) => full?.length ?? 0)).toEqual([0, 34, 2 * FULL_MOST_BYTES, 0, 0]);
  });

  it('an RFB version, as a fixture has it -> the same line', () => {
    const [line] = record(['client', Buffer.from('RFB 003.008\n')]);
    expect(line).toEqual({ t_ms: 0, dir: 'c2s', n: 12, head_hex: '524642203030332e3030380a' });
  });

  it('SSH: banners and key exchange, then what is encrypted -> heads up to NEWKEYS, and no byte after it', () => {
    const banner = Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n');
    const lines = record(
      ['client', banner],
      ['server', Buffer.concat([Buffer.from('Authorised use only.\r\n'), banner, sshPacket(20, 1000)])],
      ['client', sshPacket(20, 1500)],
      // NEWKEYS and the first encrypted packet in one read.
      ['client', Buffer.concat([sshPacket(21, 10), SECRET])],
      ['client', SECRET],
      ['server', Buffer.concat([sshPacket(31, 400), sshPacket(21, 10), SECRET, SECRET])],
      ['server', SECRET],
    );
    expect(lines.map(({ head_hex }) => head_hex.length / 2)).toEqual([16, 16, 16, 16, 0, 16, 0]);
    expect(lines.some(({ full }) => full !== undefined)).toBe(false);
    expect(JSON.stringify(lines)).not.toContain(SECRET.toString('hex').slice(0, 8));
  });

  it('SSH: NEWKEYS cut at any byte -> nothing after it is kept', () => {
    const sent = Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), sshPacket(20, 30), sshPacket(21, 10), SECRET]);
    const plainBytes = sent.length - SECRET.length;
    for (let at = 1; at < sent.length; at += 1) {
      const [first, second] = record(['client', sent.subarray(0, at)], ['client', sent.subarray(at)]) as [Line, Line];
      expect(first.head_hex.length / 2).toBe(Math.min(16, at, plainBytes));
      expect(second.head_hex.length / 2).toBe(Math.max(0, Math.min(16, plainBytes - at)));
    }
  });

  it('SSH: a packet that is none -> taken for encrypted', () => {
    const lines = record(
      ['client', Buffer.from('SSH-2.0-x\r\n')],
      ['client', Buffer.alloc(64, 0xff)],
      ['client', SECRET],
    );
    expect(lines.map(({ head_hex }) => head_hex)).toEqual([expect.any(String), 'ffffffffffff', '']);
  });

  it('TLS -> handshakes with their heads, then record headers only, and every record by type and length', () => {
    const lines = record(
      ['client', HELLO],
      ['server', Buffer.concat([SERVER_HELLO, tlsRecord(20, Buffer.of(1)), tlsRecord(23, SECRET)])],
      ['client', Buffer.concat([tlsRecord(20, Buffer.of(1)), tlsRecord(23, SECRET)])],
      ['client', tlsRecord(23, SECRET)],
      ['server', tlsRecord(23, SECRET)],
    );
    expect(lines.map(({ tls }) => tls)).toEqual([
      [22, 204],
      [22, 94, 20, 1, 23, 28],
      [20, 1, 23, 28],
      [23, 28],
      [23, 28],
    ]);
    expect(lines.map(({ head_hex }) => head_hex.length / 2)).toEqual([16, 16, 5, 5, 5]);
    expect(lines.some(({ full }) => full !== undefined)).toBe(false);
    expect(JSON.stringify(lines)).not.toContain(SECRET.toString('hex').slice(0, 8));
  });

  it('TLS: a record cut at any byte -> named where its header begins, and no byte of it kept', () => {
    const sent = tlsRecord(23, SECRET);
    for (let at = 1; at < sent.length; at += 1) {
      const [, first, second] = record(
        ['client', HELLO],
        ['client', sent.subarray(0, at)],
        ['client', sent.subarray(at)],
      ) as Line[];
      expect(first).toMatchObject({
        n: at,
        tls: [23, 28],
        head_hex: sent.subarray(0, Math.min(5, at)).toString('hex'),
      });
      expect(second).toMatchObject({ n: sent.length - at, head_hex: '' });
      expect(second?.tls).toBeUndefined();
    }
  });

  it('TLS: a header that never completes -> its line goes out at the end, the others do not pile up', () => {
    const lines = new TraceLines(START_MS);
    lines.note('client', HELLO, START_MS);
    expect(lines.note('client', Buffer.of(23, 3), START_MS)).toEqual([]);
    let written = 0;
    for (let index = 0; index < 2 * WAITING_LINES_MAX; index += 1)
      written += lines.note('server', Buffer.of(1), START_MS).length;
    expect(written).toBeGreaterThanOrEqual(2 * WAITING_LINES_MAX);
    const unfinished = new TraceLines(START_MS);
    unfinished.note('client', HELLO, START_MS);
    unfinished.note('client', Buffer.of(23, 3), START_MS);
    expect(unfinished.end('server', START_MS + 5).map((text) => JSON.parse(text))).toEqual([
      { t_ms: 0, dir: 'c2s', n: 2, head_hex: '1703' },
      { t_ms: 5, end: 's' },
    ]);
  });

  it('TLS: more records in a read than a line names -> the first ones', () => {
    const many = Buffer.concat(Array.from({ length: LINE_RECORDS_MAX + 5 }, () => tlsRecord(23, Buffer.of(1))));
    const lines = record(['client', HELLO], ['client', many]);
    expect(lines[1]?.tls).toHaveLength(2 * LINE_RECORDS_MAX);
  });

  it('TLS after bytes in the clear, in a read of its own or within one -> from there no payload', () => {
    const clear = Buffer.from('RFB 003.008\n');
    for (const reads of [
      [
        ['client', clear],
        ['client', HELLO],
        ['client', tlsRecord(23, SECRET)],
      ],
      [['client', Buffer.concat([clear, HELLO, tlsRecord(23, SECRET)])]],
    ] as const) {
      const lines = record(...(reads as ReadonlyArray<readonly ['client', Buffer]>));
      expect(lines[0]).toMatchObject({ n: 12, head_hex: clear.toString('hex') });
      expect(lines.slice(1).flatMap(({ tls }) => tls ?? [])).toEqual([22, 204, 23, 28]);
      expect(JSON.stringify(lines)).not.toContain(SECRET.toString('hex').slice(0, 8));
    }
  });

  it('RDP: the name in the Connection Request -> not kept beyond the head', () => {
    // [MS-RDPBCGR] section 4.1.1.
    const request = Buffer.from(
      '0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000',
      'hex',
    );
    const [line] = record(['client', request]);
    expect(line).toEqual({ t_ms: 0, dir: 'c2s', n: 44, head_hex: '0300002c27e00000000000436f6f6b69' });
  });
});
