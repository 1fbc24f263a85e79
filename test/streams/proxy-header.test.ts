import { describe, expect, it } from 'vitest';
import { crc32c } from '../../src/streams/crc32c.ts';
import { encodeProxyHeader, readProxyHeader, V1_MAX_BYTES, V2_MAX_BYTES } from '../../src/streams/proxy-header.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
}

/** A version 2 header by its parts, as section 2.2 lays them out. */
function v2(command: string, family: string, rest: string): Buffer {
  const body = bytesOf(rest);
  const length = body.length.toString(16).padStart(4, '0');
  return Buffer.concat([bytesOf(SIGNATURE + command + family + length), body]);
}

/** 192.0.2.33:51234 to 203.0.113.7:443. */
const INET = 'c0000221 cb007107 c822 01bb';
/** [2001:db8::21]:51234 to [2001:db8::7]:443. */
const INET6 = '20010db8000000000000000000000021 20010db8000000000000000000000007 c822 01bb';

const ENDS = { client: { host: '192.0.2.33', port: 51_234 }, server: { host: '203.0.113.7', port: 443 } };
const ENDS6 = { client: { host: '2001:db8::21', port: 51_234 }, server: { host: '2001:db8::7', port: 443 } };

describe('crc32c', () => {
  // RFC 3720 appendix B.4; the check value of the catalogue of CRCs ("CRC-32/ISCSI").
  it.each([
    ['32 bytes of 0', Buffer.alloc(32), 0x8a9136aa],
    ['32 bytes of ff', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
    ['123456789', Buffer.from('123456789'), 0xe3069283],
  ])('%s -> the published value', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });
});

describe('readProxyHeader, version 1', () => {
  // The lines of section 2.1, "worst case" included.
  it.each([
    ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', '255.255.255.255', 65_535],
    [
      'PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n',
      'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
      65_535,
    ],
    [
      'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\nHost: 192.168.0.11\r\n\r\n',
      '192.168.0.1',
      56_324,
    ],
    ['PROXY TCP6 ::ffff:10.1.2.3 ::1 1 0\r\n', '10.1.2.3', 1],
  ])('%j -> the client', (line, host, port) => {
    const reading = readProxyHeader(Buffer.from(line));
    expect(reading).toMatchObject({ kind: 'header', bytes: line.indexOf('\n') + 1, ends: { client: { host, port } } });
  });

  it.each(['PROXY UNKNOWN\r\n', 'PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n'])(
    '%j -> a header without a client',
    (line) => {
      expect(readProxyHeader(Buffer.from(line))).toEqual({ kind: 'header', bytes: line.length, ends: null });
    },
  );

  it.each([
    'GET / HTTP/1.1\r\n',
    'PROXY\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n',
    'PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.256 1 2\r\n',
    'PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n',
    'PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n',
    'PROXY UNKNOWNS\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rx',
    'PROXY TCP4 1.2.3.4\0',
    `PROXY UNKNOWN ${'x'.repeat(V1_MAX_BYTES)}`,
  ])('%j -> wrong', (line) => {
    expect(readProxyHeader(Buffer.from(line)).kind).toBe('wrong');
  });

  it('a line of 107 bytes, of 108 -> read, wrong; neither waits for more', () => {
    const line = (bytes: number) => Buffer.from(`PROXY UNKNOWN ${'x'.repeat(bytes - 16)}\r\n`);
    expect(readProxyHeader(line(107))).toMatchObject({ kind: 'header', bytes: 107 });
    expect(readProxyHeader(line(107).subarray(0, 106)).kind).toBe('incomplete');
    expect(readProxyHeader(line(108)).kind).toBe('wrong');
    expect(readProxyHeader(line(108).subarray(0, 107)).kind).toBe('wrong');
  });
});

describe('readProxyHeader, version 2', () => {
  it('PROXY over INET, INET6 -> both ends; what follows is not its own', () => {
    const inet = v2('21', '11', INET);
    expect(readProxyHeader(Buffer.concat([inet, Buffer.from('SSH-')]))).toEqual({
      kind: 'header',
      bytes: 28,
      ends: ENDS,
    });
    expect(readProxyHeader(v2('21', '21', INET6))).toEqual({ kind: 'header', bytes: 52, ends: ENDS6 });
  });

  it('an IPv4-mapped client -> its IPv4 address', () => {
    const header = v2('21', '21', `00000000000000000000ffffc0000221 00000000000000000000ffffcb007107 c822 01bb`);
    expect(readProxyHeader(header)).toMatchObject({ ends: ENDS });
  });

  it.each([
    ['LOCAL with nothing', v2('20', '00', '')],
    ['LOCAL with addresses', v2('20', '11', INET)],
    ['LOCAL with a family that there is not', v2('20', '9f', 'ffff')],
    ['PROXY of no family', v2('21', '00', '')],
    ['PROXY over UNIX', v2('21', '31', '00'.repeat(216))],
  ])('%s -> a header without a client', (_, header) => {
    expect(readProxyHeader(header)).toEqual({ kind: 'header', bytes: header.length, ends: null });
  });

  it('triplets: ALPN, SSL, NOOP, of a type unknown -> skipped', () => {
    // Section 2.2.2 and following: 01 ALPN, 20 SSL with 21 its version, 04 NOOP, ea custom.
    const types = '01 0002 6832   20 000f 01 00000000 21 0007 544c5376312e33   04 0003 000000   ea 0000';
    expect(readProxyHeader(v2('21', '11', `${INET} ${types}`))).toMatchObject({ kind: 'header', ends: ENDS });
  });

  it('a checksum that is right, wrong, of another size -> believed, refused, refused', () => {
    const cleared = v2('21', '11', `${INET} 03 0004 00000000`);
    const sealed = Buffer.from(cleared);
    sealed.writeUInt32BE(crc32c(cleared), 31);
    expect(readProxyHeader(sealed)).toMatchObject({ kind: 'header', ends: ENDS });
    for (let at = 16; at < sealed.length; at += 1) {
      const spoilt = Buffer.from(sealed);
      spoilt[at] = (spoilt[at] as number) ^ 0x01;
      // A triplet of another type has no checksum, and one of another length is cut short or is no checksum.
      if (at !== 28) expect(readProxyHeader(spoilt).kind, `byte ${at}`).toBe('wrong');
    }
    expect(readProxyHeader(v2('21', '11', `${INET} 03 0003 000000`)).kind).toBe('wrong');
  });

  it.each([
    ['version 1', v2('11', '11', INET)],
    ['command 2', v2('22', '11', INET)],
    ['family 4', v2('21', '41', INET)],
    ['transport 3', v2('21', '13', INET)],
    ['too short for its family', v2('21', '21', INET)],
    ['a triplet cut in its head', v2('21', '11', `${INET} 0400`)],
    ['a triplet cut in its value', v2('21', '11', `${INET} 04 0002 00`)],
    ['longer than is read', v2('21', '11', `${INET} 04 2000 ${'00'.repeat(0x2000)}`)],
  ])('%s -> wrong', (_, header) => {
    expect(readProxyHeader(header).kind).toBe('wrong');
  });

  it('a length beyond the bound -> wrong before it is read', () => {
    expect(V2_MAX_BYTES).toBe(8192);
    expect(readProxyHeader(bytesOf(`${SIGNATURE}2111ffff`)).kind).toBe('wrong');
  });
});

describe('encodeProxyHeader', () => {
  it('version 1 -> the line', () => {
    const text = (ends: typeof ENDS | null) => Buffer.from(encodeProxyHeader('v1', ends)).toString('latin1');
    expect(text(ENDS)).toBe('PROXY TCP4 192.0.2.33 203.0.113.7 51234 443\r\n');
    expect(text(ENDS6)).toBe('PROXY TCP6 2001:db8::21 2001:db8::7 51234 443\r\n');
    expect(text({ client: ENDS.client, server: ENDS6.server })).toBe(
      'PROXY TCP6 ::ffff:c000:221 2001:db8::7 51234 443\r\n',
    );
    expect(text(null)).toBe('PROXY UNKNOWN\r\n');
    expect(text({ client: { host: '', port: 0 }, server: ENDS.server })).toBe('PROXY UNKNOWN\r\n');
  });

  it('version 2 -> the bytes', () => {
    const hex = (ends: typeof ENDS | null) => Buffer.from(encodeProxyHeader('v2', ends)).toString('hex');
    expect(hex(ENDS)).toBe(v2('21', '11', INET).toString('hex'));
    expect(hex(ENDS6)).toBe(v2('21', '21', INET6).toString('hex'));
    expect(hex(null)).toBe(v2('20', '00', '').toString('hex'));
    // As a dual-stack listener shows its IPv4 clients.
    expect(
      hex({ client: { host: '::ffff:192.0.2.33', port: 51_234 }, server: { host: '::ffff:203.0.113.7', port: 443 } }),
    ).toBe(v2('21', '11', INET).toString('hex'));
  });
});
