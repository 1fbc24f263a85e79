import { describe, expect, it } from 'vitest';
import type { Protocol } from '../../src/platform/ports.ts';
import { judgePreface, PREFACE_MAX_BYTES } from '../../src/streams/preface.ts';

/** First bytes as the protocols' documents or captures of real clients show them. */
const VALID: ReadonlyArray<readonly [Protocol, string, Buffer]> = [
  ['ssh', 'RFC 4253 section 4.2', Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n')],
  // [MS-RDPBCGR] section 4.1.1, Client X.224 Connection Request PDU (its annotated dump).
  ['rdp', '[MS-RDPBCGR] 4.1.1', Buffer.from('0300002c27e00000000000436f6f6b69653a206d737473686173683d65', 'hex')],
  ['rdp', 'TLS at once', Buffer.from('16030100c8010000c40303', 'hex')],
  ['rfb', 'RFC 6143 section 7.1.1', Buffer.from('RFB 003.008\n')],
  ['rfb', 'in a TLS tunnel', Buffer.from('16030100c4010000c00303cb34ecb1e7', 'hex')],
  ['telnet', 'in a TLS tunnel', Buffer.from('16030100c4010000c00303cb34ecb1e7', 'hex')],
  ['spice', 'RedLinkMess', Buffer.from('5245445102000000020000001200000000000000', 'hex')],
  // IAC DO SUPPRESS-GO-AHEAD, as BSD telnet begins.
  ['telnet', 'RFC 854', Buffer.from('fffd03fffb18', 'hex')],
  ['http', 'RFC 9112 section 2.1', Buffer.from('GET /hello.txt HTTP/1.1\r\n')],
  ['http', 'RFC 3253', Buffer.from('VERSION-CONTROL /a HTTP/1.1\r\n')],
  ['http', 'RFC 9113 section 3.4', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  // RFC 8448 section 3: the record header and start of the ClientHello of the "Simple 1-RTT Handshake".
  ['http', 'RFC 8448 section 3', Buffer.from('16030100c4010000c00303cb34ecb1e7', 'hex')],
  ['websocket', 'RFC 6455 section 1.2', Buffer.from('GET /chat HTTP/1.1\r\n')],
];

const INVALID: ReadonlyArray<readonly [Protocol, string, Buffer]> = [
  ['ssh', 'HTTP', Buffer.from('GET / HTTP/1.0\r\n\r\n')],
  ['ssh', 'lower case', Buffer.from('ssh-2.0-x')],
  ['rdp', 'TPKT version 2', Buffer.from('0200002c27e0', 'hex')],
  ['rdp', 'reserved byte set', Buffer.from('0301002c27e0', 'hex')],
  ['rdp', 'X.224 data instead of a request', Buffer.from('0300002c02f0', 'hex')],
  ['rdp', 'length shorter than a request', Buffer.from('0300000a05e0', 'hex')],
  ['rdp', 'TLS alert', Buffer.from('15030100020228', 'hex')],
  ['http', 'TLS record without ClientHello', Buffer.from('160301002002', 'hex')],
  ['http', 'TLS record too large', Buffer.from('160301400101', 'hex')],
  ['http', 'TLS record too small', Buffer.from('160301000301', 'hex')],
  ['http', 'TLS major version 2', Buffer.from('160201002001', 'hex')],
  ['http', 'two letters', Buffer.from('AB /')],
  ['http', 'endless method', Buffer.alloc(40, 'A')],
  ['http', 'SSH', Buffer.from('SSH-2.0-x')],
  ['rfb', 'REDQ', Buffer.from('REDQ')],
  ['spice', 'RFB', Buffer.from('RFB 003.008\n')],
  ['telnet', 'a letter', Buffer.from('a')],
  ['telnet', 'IAC and no command', Buffer.from('ff41', 'hex')],
  ['websocket', 'POST', Buffer.from('POST / HTTP/1.1')],
];

describe('judgePreface', () => {
  it.each(VALID)('%s: %s -> valid, and incomplete at every earlier place', (protocol, _source, bytes) => {
    const verdicts = Array.from(bytes, (_, index) => judgePreface(protocol, bytes.subarray(0, index + 1)));
    const firstValid = verdicts.indexOf('valid');
    expect(firstValid).toBeGreaterThanOrEqual(0);
    expect(firstValid).toBeLessThan(PREFACE_MAX_BYTES);
    expect(new Set(verdicts.slice(0, firstValid)).has('invalid')).toBe(false);
    expect(new Set(verdicts.slice(firstValid))).toEqual(new Set(['valid']));
  });

  it.each(INVALID)('%s: %s -> invalid, and never valid before or after', (protocol, _what, bytes) => {
    const verdicts = Array.from(bytes, (_, index) => judgePreface(protocol, bytes.subarray(0, index + 1)));
    expect(verdicts.at(-1)).toBe('invalid');
    expect(verdicts).not.toContain('valid');
    expect(new Set(verdicts.slice(verdicts.indexOf('invalid')))).toEqual(new Set(['invalid']));
  });

  it.each(['raw', 'auto'] as const)('%s: any byte -> valid', (protocol) => {
    for (let byte = 0; byte < 256; byte += 1) expect(judgePreface(protocol, Uint8Array.of(byte))).toBe('valid');
  });

  it('no bytes: any protocol -> incomplete', () => {
    const protocols = ['auto', 'raw', 'ssh', 'rdp', 'rfb', 'spice', 'telnet', 'http', 'websocket'] as const;
    for (const protocol of protocols) expect(judgePreface(protocol, new Uint8Array())).toBe('incomplete');
  });

  it('length byte of TLS: each boundary -> as RFC 8446 section 5.1 says', () => {
    const hello = (bytes: number) => Uint8Array.of(22, 3, 1, bytes >> 8, bytes & 0xff, 1);
    expect([3, 4, 16_384, 16_385].map((bytes) => judgePreface('http', hello(bytes)))).toEqual([
      'invalid',
      'valid',
      'valid',
      'invalid',
    ]);
  });
});
