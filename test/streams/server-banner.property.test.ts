// A served banner and the server's own: whatever the chunks, the client sees the server's bytes once.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BannerMemory, ServerBanner } from '../../src/streams/server-banner.ts';
import { drawSeed } from '../core/support/seed.ts';

const SEED = drawSeed('ServerBanner');
const BANNER = Buffer.from('RFB 003.008\n');

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    if (at >= bytes.length) break;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  if (at < bytes.length) chunks.push(bytes.subarray(at));
  return chunks;
}

describe('ServerBanner', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 20 });

  it('served or not, any chunks: what the client gets -> the bytes of the server, once', () => {
    fc.assert(
      fc.property(sizes, fc.uint8Array({ maxLength: 40 }), fc.boolean(), (pieces, after, isServed) => {
        const memory = new BannerMemory();
        memory.learn(BANNER);
        const stream = new ServerBanner(memory);
        const greeting = isServed ? (stream.serve() as Buffer) : Buffer.alloc(0);
        const sent = Buffer.concat([BANNER, after]);
        const got = cut(sent, pieces).map((chunk) => stream.pass(chunk) as Buffer);
        expect(Buffer.concat([greeting, ...got]).equals(sent)).toBe(true);
        expect(memory.banner?.equals(BANNER)).toBe(true);
      }),
      { seed: SEED },
    );
  });

  it('served, and the server begins otherwise: any chunks -> null with the chunk that differs, and forgotten', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 11 }), (pieces, at) => {
        const memory = new BannerMemory();
        memory.learn(BANNER);
        const stream = new ServerBanner(memory);
        stream.serve();
        const other = Buffer.from(BANNER);
        other[at] = (other[at] as number) ^ 1;
        let passed = 0;
        for (const chunk of cut(other, pieces)) {
          const rest = stream.pass(chunk);
          if (rest === null) break;
          expect(rest.length).toBe(0);
          passed += chunk.length;
        }
        expect(passed).toBeLessThanOrEqual(at);
        expect(memory.banner).toBeNull();
      }),
      { seed: SEED },
    );
  });

  it('what is no RFB banner -> passes, and nothing is served', () => {
    const memory = new BannerMemory();
    const stream = new ServerBanner(memory);
    expect(stream.serve()).toBeNull();
    expect(stream.pass(Buffer.from('SSH-2.0-OpenSSH'))?.toString()).toBe('SSH-2.0-OpenSSH');
    expect(memory.banner).toBeNull();
  });

  it('no memory -> everything passes untouched', () => {
    const stream = new ServerBanner(null);
    const chunk = Buffer.from('RFB 003.008\nx');
    expect([stream.serve(), stream.pass(chunk)]).toEqual([null, chunk]);
  });
});
