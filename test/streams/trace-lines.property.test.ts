// Traces of any bytes in any pieces: nothing throws, no byte is miscounted, and cuts change neither records nor secrecy.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadCore } from '../../src/core/stream-core.ts';
import { TraceLines } from '../../src/streams/trace-lines.ts';
import { replayTraces } from '../../src/streams/trace-replay.ts';
import { drawSeed, runs } from '../core/support/seed.ts';

const SEED = drawSeed('TraceLines');
const START_MS = 1_795_439_844_521;

interface Line {
  readonly dir: 'c2s' | 's2c';
  readonly n: number;
  readonly head_hex: string;
  readonly full?: string;
  readonly tls?: number[];
}

type Read = readonly ['client' | 'server', Uint8Array];

function textOf(reads: readonly Read[]): string {
  const lines = new TraceLines(START_MS);
  const texts = reads.flatMap(([direction, bytes], index) => lines.note(direction, bytes, START_MS + index));
  return [lines.meta(1, 2), ...texts, ...lines.end('client', START_MS + reads.length)].join('');
}

function linesOf(reads: readonly Read[]): Line[] {
  const lines = textOf(reads).trim().split('\n').slice(1, -1);
  return lines.map((line) => JSON.parse(line) as Line);
}

/** Cuts bytes into pieces of the given sizes, over and over. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] as number;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 });
/** Bytes that begin like protocols do, so that every branch is met. */
const start = fc.constantFrom(
  '',
  'SSH-2.0-x\r\n',
  '\x16\x03\x01',
  '\x16\x03\x01\x00\x04\x01\x00\x00\x00',
  '\x03\x00',
  'RFB 003.008\n',
  'GET / ',
);
const bytes = fc
  .tuple(start, fc.uint8Array({ maxLength: 200 }))
  .map(([head, rest]) => Buffer.concat([Buffer.from(head, 'latin1'), rest]));

describe('TraceLines', () => {
  it('any bytes in any pieces -> sizes as read, and a trace that can be replayed', async () => {
    const core = await loadCore({ maxStreams: 1, heapBytes: 256 * 1024 });
    const read = fc.tuple(fc.constantFrom('client' as const, 'server' as const), bytes);
    fc.assert(
      fc.property(fc.array(read, { maxLength: 12 }), sizes, (parts, pieces) => {
        const reads = parts.flatMap(([side, part]) => cut(part, pieces).map((piece) => [side, piece] as const));
        const lines = linesOf(reads);
        const total = (dir: string) => lines.filter((line) => line.dir === dir).reduce((sum, { n }) => sum + n, 0);
        const sent = (side: string) =>
          reads.filter(([from]) => from === side).reduce((sum, [, piece]) => sum + piece.length, 0);
        expect([total('c2s'), total('s2c')]).toEqual([sent('client'), sent('server')]);
        for (const line of lines) expect(line.head_hex.length).toBeLessThanOrEqual(2 * Math.min(16, line.n));
        replayTraces([{ name: 'any', text: textOf(reads) }], { core });
      }),
      runs(300, SEED),
    );
  });

  it('TLS in any pieces -> the same records, each once, and no byte of an encrypted body', () => {
    // A ClientHello that fills its record, then application data of bytes that occur nowhere else.
    const hello = Buffer.concat([Buffer.from('160301003401000030', 'hex'), Buffer.alloc(48, 7)]);
    const bodies = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 15 });
    fc.assert(
      fc.property(bodies, sizes, (lengths, pieces) => {
        const data = lengths.map((length) =>
          Buffer.concat([Buffer.from([23, 3, 3, 0, length]), Buffer.alloc(length, 0xee)]),
        );
        const lines = linesOf([
          ['client', hello],
          ...cut(Buffer.concat(data), pieces).map((piece) => ['client', piece] as const),
        ]);
        expect(lines.flatMap(({ tls }) => tls ?? [])).toEqual([22, 52, ...lengths.flatMap((length) => [23, length])]);
        expect(JSON.stringify(lines)).not.toContain('ee');
      }),
      runs(300, SEED),
    );
  });
});
