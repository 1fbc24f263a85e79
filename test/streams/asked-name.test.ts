import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { ASKED_MAX_BYTES, readAskedName } from '../../src/streams/asked-name.ts';

/** RFC 8448 section 3: the ClientHello of the simple 1-RTT handshake, for "server". */
const RFC_8448 = Buffer.from(
  `16030100c4010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302010000910000000b00
09000006736572766572ff01000100000a00140012001d00170018001901000101010201030104002300000033002600240
01d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e04
030503060302030804080508060401050106010201040205020602020200 2d00020101001c00024001`.replaceAll(/\s/g, ''),
  'hex',
);
/** [MS-RDPBCGR] section 4.1.1: the Connection Request of its annotated dump. */
const RDP_REQUEST = Buffer.from(
  '0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000',
  'hex',
);

/** What OpenSSL, by way of Node, sends first. */
async function helloOf(servername: string | undefined, options: object = {}): Promise<Buffer> {
  return new Promise((resolve) => {
    const transport = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk);
        done();
      },
    });
    const socket = connectTls({ socket: transport, ...(servername === undefined ? {} : { servername }), ...options });
    socket.on('error', () => {});
  });
}

/** The same handshake message in records of so many bytes. */
function inRecords(hello: Buffer, bytes: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += bytes) {
    const fragment = message.subarray(at, at + bytes);
    records.push(Buffer.of(22, 3, 1, fragment.length >> 8, fragment.length & 255), fragment);
  }
  return Buffer.concat(records);
}

function request(token: string): Buffer {
  const bytes = Buffer.concat([RDP_REQUEST.subarray(0, 11), Buffer.from(token, 'latin1'), RDP_REQUEST.subarray(-8)]);
  bytes.writeUInt16BE(bytes.length, 2);
  bytes[4] = bytes.length - 5;
  return bytes;
}

function cutEverywhere(bytes: Buffer): Array<ReturnType<typeof readAskedName>> {
  return Array.from({ length: bytes.length + 1 }, (_, cut) => readAskedName(bytes.subarray(0, cut)));
}

describe('readAskedName, TLS', () => {
  it('the hello of RFC 8448 -> its name with the last byte, and not before', () => {
    const answers = cutEverywhere(RFC_8448);
    expect(answers.pop()).toEqual({ via: 'tls', host: 'server', rdp: null });
    expect(answers.every((answer) => answer === null)).toBe(true);
  });

  it.each([
    ['Alice.Example', {}, 'alice.example'],
    ['alice.example', { maxVersion: 'TLSv1.2' }, 'alice.example'],
    [undefined, {}, null],
  ])("OpenSSL's hello for %s %j -> %s", async (servername, options, host) => {
    expect(readAskedName(await helloOf(servername, options))).toEqual({ via: 'tls', host, rdp: null });
  });

  it.each([1, 2, 3, 4, 5, 100])('in records of %d bytes, cut anywhere -> the same name, once it is whole', (bytes) => {
    const answers = cutEverywhere(inRecords(RFC_8448, bytes));
    expect(answers.pop()).toMatchObject({ host: 'server' });
    expect(answers.every((answer) => answer === null)).toBe(true);
  });

  it.each([
    ['another message', '160301000402000000'],
    ['SSL 2 after its first byte', '1602'],
    ['a hello longer than is read', '16030100040100ffff'],
    ['an empty record', '1603010000'],
    ['another record in between', '1603010004010000c01503'],
  ])('%s -> nobody, at once', (_, hex) => {
    expect(readAskedName(Buffer.from(hex, 'hex'))).toEqual({ via: 'tls', host: null, rdp: null });
  });

  it('a name that is no host name, lengths that lie -> nobody', () => {
    const spoilt = Buffer.from(RFC_8448);
    spoilt.write('s rver', spoilt.indexOf('server'));
    expect(readAskedName(spoilt)).toEqual({ via: 'tls', host: null, rdp: null });
    const lying = Buffer.from(RFC_8448);
    lying.writeUInt16BE(0xffff, lying.indexOf('server') - 2);
    expect(readAskedName(lying)).toEqual({ via: 'tls', host: null, rdp: null });
  });
});

describe('readAskedName, HTTP', () => {
  it.each([
    ['GET / HTTP/1.1\r\nHost: alice.example\r\n\r\n', 'alice.example'],
    ['GET / HTTP/1.1\r\nAccept: */*\r\nhOST:\tAlice.Example.:8080 \r\n\r\n', 'alice.example'],
    ['GET http://bob.example:80/x?y HTTP/1.1\r\nHost: alice.example\r\n\r\n', 'bob.example'],
    ['OPTIONS * HTTP/1.1\r\nHost: alice.example\r\n\r\nbody', 'alice.example'],
    ['GET / HTTP/1.0\r\n\r\n', null],
    ['GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n', null],
    ['GET / HTTP/1.1\r\nHost:\r\n\r\n', null],
    ['GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n', null],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', null],
    ['GARBAGE\r\n\r\n', null],
  ])('%j -> %s, once the head is whole', (text, host) => {
    const bytes = Buffer.from(text, 'latin1');
    const end = text.indexOf('\r\n\r\n') + 4;
    const answers = cutEverywhere(bytes);
    const told = answers.find((answer) => answer !== null);
    expect(told?.host ?? null).toBe(host);
    if (told?.via === 'http') expect(answers.slice(0, end).every((answer) => answer === null)).toBe(true);
  });

  it('other protocols -> nobody, by the byte that tells', () => {
    expect(readAskedName(Buffer.from('SSH-2.0-x\r\n'))).toMatchObject({ host: null });
    expect(readAskedName(Buffer.from('RFB 003.008\n'.slice(0, 3)))).toBeNull();
    expect(readAskedName(Buffer.from([0xff]))).toEqual({ via: 'none', host: null, rdp: null });
    expect(readAskedName(Buffer.from([0x03, 0x01]))).toEqual({ via: 'none', host: null, rdp: null });
  });
});

describe('readAskedName, RDP', () => {
  it.each([
    [RDP_REQUEST, 'eltons'],
    [request('Cookie: mstshash=LAB\\Alice\r\n'), 'lab\\alice'],
    [request('vm=Alice\r\n'), 'vm=alice'],
    [request('Cookie: msts=3640205228.15629.0000\r\n'), 'cookie: msts=3640205228.15629.0000'],
    [request(''), null],
    [request('no end'), null],
  ])('%s -> %s', (bytes, rdp) => {
    const answers = cutEverywhere(bytes);
    expect(answers.pop()).toEqual({ via: 'rdp', host: null, rdp });
    expect(answers.every((answer) => answer === null)).toBe(true);
  });

  it('a packet longer than is read, no Connection Request -> nobody', () => {
    const long = Buffer.from(RDP_REQUEST);
    long.writeUInt16BE(ASKED_MAX_BYTES + 1, 2);
    expect(readAskedName(long)).toMatchObject({ via: 'none' });
    expect(readAskedName(Buffer.from('0300000b06d00000000000', 'hex'))).toMatchObject({ via: 'none' });
  });
});
