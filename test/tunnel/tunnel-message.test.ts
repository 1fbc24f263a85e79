// torpor-lz4.v1 byte by byte, as docs/web-tunnel.md gives it, and what is refused.
import { beforeAll, describe, expect, it } from 'vitest';
import { TunnelDecoder } from '../../src/tunnel/tunnel-decoder.ts';
import { TunnelEncoder } from '../../src/tunnel/tunnel-encoder.ts';
import { BUILDS } from '../asm/support/raw-core.ts';
import { openCodec, type TestCodec } from './support/open-codec.ts';

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex');
const text = (...messages: Uint8Array[]) => Buffer.concat(messages).toString('latin1');

describe.each(BUILDS)('torpor-lz4.v1 messages, %s', (build) => {
  let core: TestCodec;
  beforeAll(async () => {
    core = await openCodec(build);
  });

  // By hand from docs/web-tunnel.md and the LZ4 block format: token 6 literals, then a match of 4 + 10 at offset 6, then 5 literals.
  const BLOCK = '6a 616263646566 0600 50 6768696a6b';
  const RESTORED = `abcdef${'abcdefabcdefab'}ghijk`;

  it.each([
    ['aside', ['00 616263'], 'abc'],
    ['stored at the begin of a history', ['11 616263'], 'abc'],
    ['a block that begins a history', [`12 0019 ${BLOCK}`], RESTORED],
    [
      'a block that repeats from what was stored',
      ['11 6162636465666768', '02 0011 08 0800 50 3132333435'],
      `abcdefgh${'abcdefghabcd'}12345`,
    ],
    ['three pieces in one message', [`31 0003 616263 20 0001 64 12 0019 ${BLOCK}`], `abcd${RESTORED}`],
    ['an end of the history between two', ['11 616263', '03', '11 646566'], 'abcdef'],
    ['an end of a history that never was', ['03'], ''],
    ['nothing', ['00'], ''],
  ])('%s -> the bytes', (_, messages, wanted) => {
    const decoder = new TunnelDecoder(core.codec);
    try {
      expect(text(...messages.map((message) => decoder.decode(hex(message))))).toBe(wanted);
    } finally {
      decoder.close();
    }
  });

  it.each([
    ['no bytes at all', ''],
    ['a form that is none', '07 61'],
    ['an end of the history with bytes', '03 61'],
    ['a reserved flag', '40 61'],
    ['another reserved flag', '80 61'],
    ['a size that is cut', '20 00'],
    ['a piece that is cut', '20 0003 6162'],
    ['nothing behind a piece that says more follows', '20 0001 61'],
    ['a linked block without its size', '12 00'],
    ['a linked block without bytes', '12 0001'],
    ['a linked block of nothing', '12 0000 00'],
    ['a history that did not begin', `02 0019 ${BLOCK}`],
    ['a block that is shorter than it says', `12 0020 ${BLOCK}`],
    ['a block that is longer than it says', `12 0018 ${BLOCK}`],
    ['a match before the first byte', '12 0019 6a 616263646566 0700 50 6768696a6b'],
    ['a block larger than its tier keeps', `12 17e1 ${BLOCK}`],
    ['a piece stored in a tier that cannot keep it', `11 ${'61'.repeat(6113)}`],
    ['a piece of more than 32,768 bytes', `00 ${'61'.repeat(32_769)}`],
    ['nine pieces that are too much together', `${`20 8000 ${'61'.repeat(32_768)}`.repeat(8)} 00 61`],
  ])('%s -> ERR_LINK_PROTOCOL', (_, message) => {
    const decoder = new TunnelDecoder(core.codec);
    try {
      expect(() => decoder.decode(hex(message))).toThrow(expect.objectContaining({ code: 'ERR_LINK_PROTOCOL' }));
    } finally {
      decoder.close();
    }
  });

  it('eight pieces of 32,768 bytes -> all that a message may hold', () => {
    const decoder = new TunnelDecoder(core.codec);
    const whole = hex(`${`20 8000 ${'61'.repeat(32_768)}`.repeat(7)} 00 ${'61'.repeat(32_768)}`);
    expect(decoder.decode(whole).length).toBe(262_144);
    expect(() => new TunnelEncoder(core.codec).encode(new Uint8Array(262_145))).toThrow(RangeError);
  });

  it('a key, then text, then a key -> aside without a history, then in one', () => {
    const encoder = new TunnelEncoder(core.codec);
    expect(encoder.encode(hex('0401000000000061'))).toEqual(new Uint8Array(hex('00 0401000000000061')));
    expect(core.codec.usedBytes).toBe(0);
    const line = encoder.encode(Buffer.from('the same words, the same words, the same words'));
    expect([line[0], line.length < 40]).toEqual([0x12, true]);
    expect(encoder.encode(hex('0401000000000061'))).toEqual(new Uint8Array(hex('01 0401000000000061')));
    encoder.close();
    expect(core.codec.usedBytes).toBe(0);
  });

  it('a sweep after use -> nothing; a second one without any -> the history is given up, and said to be', () => {
    const encoder = new TunnelEncoder(core.codec);
    const words = Buffer.from('the same words, the same words, the same words');
    encoder.encode(words);
    expect(encoder.sweep()).toBe(null);
    encoder.encode(hex('0401000000000061'));
    expect(encoder.sweep()).toEqual(Uint8Array.of(3));
    expect([encoder.sweep(), core.codec.usedBytes]).toEqual([null, 0]);
    expect(encoder.encode(words)[0]).toBe(0x12);
    encoder.close();
  });

  it.each([
    ['a TLS handshake', hex('160303002a')],
    ['an SSH greeting', Buffer.from('SSH-2.0-x')],
  ])('%s -> nothing is compressed any more', (_, greeting) => {
    const encoder = new TunnelEncoder(core.codec);
    const zeros = new Uint8Array(1000);
    expect(encoder.encode(zeros).length).toBeLessThan(50);
    expect(encoder.encode(Buffer.concat([greeting, zeros]))[0]).toBe(0);
    expect(encoder.encode(zeros)).toEqual(new Uint8Array(1001));
    encoder.close();
  });
});
