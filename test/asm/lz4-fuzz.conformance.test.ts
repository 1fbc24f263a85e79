// Damaged and invented LZ4 blocks and frames against liblz4: LZ4_decompress_safe and LZ4F_decompress, asked in batches. Every block
// goes through both builds, into output full of 00 and full of FF, between guards.
// TORPOR_FUZZ_BLOCKS and TORPOR_FUZZ_FRAMES set the counts, TORPOR_SEED repeats a run.
//
// Where the verdicts may differ, each case being checked against the independent reader and counted:
// - An offset of 0 is invalid by the format; liblz4 takes it. We refuse: stricter.
// - A block that breaks the rules for its end (the last 5 bytes are literals, no match starts in the last 12): the format binds
//   encoders to them; liblz4 refuses what breaks them near the end of the capacity, and may take it elsewhere. We take it.
// - Frames: a dictionary id without that dictionary. The format says that the reader needs it; liblz4 goes on without. We refuse.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FrameMemory } from '../../src/core/frame-memory.ts';
import { Lz4FrameDecoder } from '../../src/core/lz4-frame-decoder.ts';
import { Lz4FrameEncoder } from '../../src/core/lz4-frame-encoder.ts';
import { TorporError } from '../../src/platform/errors.ts';
import { KINDS, makeData } from '../core/support/block-data.ts';
import { readBlock } from '../core/support/block-reader.ts';
import { drawSeed, randomFrom } from '../core/support/seed.ts';
import { describeWhere } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { GuardedOutput, makeHostileBlocks, mutate } from './support/block-fuzz.ts';
import { Lz4Oracle, missingLiblz4 } from './support/lz4-oracle.ts';
import { BUILDS, rawCore } from './support/raw-core.ts';

const BLOCKS = Number(process.env.TORPOR_FUZZ_BLOCKS ?? 180_000);
const FRAMES = Number(process.env.TORPOR_FUZZ_FRAMES ?? 20_000);
const BATCH = 10_000;
const FRAME_CAPACITY_BYTES = 1024 * 1024;
const MIN_MATCH = 4;
const LAST_LITERALS = 5;
const LAST_MATCH_DISTANCE = 12;

/** Why we and liblz4 may differ over a block, or null where they may not. `ours`, `theirs`: what was restored, null for a refusal. */
function excuseOf(block: Uint8Array, capacity: number, ours: Buffer | null, theirs: Buffer | null): string | null {
  const reading = readBlock(block, capacity);
  const { hasOffsetZero, breaksEnd } = walkSequences(block);
  if ('fault' in reading) return ours === null && theirs !== null && hasOffsetZero ? 'offset 0' : null;
  if (ours === null || theirs !== null || !ours.equals(reading.content)) return null;
  if (breaksEnd) return 'end of block';
  // liblz4 takes an empty content for a capacity of 0 only as the one byte 00.
  return reading.content.length === 0 && capacity === 0 ? 'empty content' : null;
}

/** What a block's sequences are like, by their lengths alone: whatever lies before the block, and whether or not it is valid. */
function walkSequences(block: Uint8Array): { hasOffsetZero: boolean; breaksEnd: boolean } {
  let at = 0;
  let hasOffsetZero = false;
  /** Bytes from the start of the last match; none yet. */
  let sinceMatch = Number.POSITIVE_INFINITY;
  let literals = 0;
  const lengthOf = (field: number): number => {
    let length = field;
    for (let more = field === 15; more; at += 1) {
      length += block[at] ?? 0;
      more = block[at] === 255;
    }
    return length;
  };
  while (at < block.length) {
    const token = block[at++] as number;
    literals = lengthOf(token >> 4);
    at += literals;
    sinceMatch += literals;
    if (at >= block.length) break;
    if (block[at] === 0 && block[at + 1] === 0) hasOffsetZero = true;
    at += 2;
    sinceMatch = lengthOf(token & 15) + MIN_MATCH;
    literals = 0;
  }
  const hasMatch = sinceMatch !== Number.POSITIVE_INFINITY;
  return { hasOffsetZero, breaksEnd: hasMatch && (literals < LAST_LITERALS || sinceMatch < LAST_MATCH_DISTANCE) };
}

/** The compressed blocks of the first frame of ours, as far as there are any. Source: LZ4 Frame Format Description. */
function* blocksOf(frame: Buffer): Generator<Uint8Array> {
  const flags = frame[4] ?? 0;
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0);
  while (at + 4 <= frame.length) {
    const word = frame.readUInt32LE(at);
    const size = word & 0x7fff_ffff;
    if (size === 0) return;
    if (word === size) yield frame.subarray(at + 4, at + 4 + size);
    at += 4 + size + ((flags & 0x10) !== 0 ? 4 : 0);
  }
}

const same = (one: Buffer | null, other: Buffer | null) =>
  one === null || other === null ? one === other : one.equals(other);

describeWhere(missingLiblz4(), 'LZ4 and liblz4 on hostile input', () => {
  const seed = drawSeed('LZ4 fuzz against liblz4');
  const folder = new TempFolder('fuzz');
  let oracle: Lz4Oracle;
  beforeAll(() => {
    oracle = new Lz4Oracle(folder.path);
  });
  afterAll(() => folder.remove());

  it(`blocks: ${BLOCKS} hostile ones, both builds, into 00 and FF -> one verdict, liblz4's but for what the head of this file says`, {
    timeout: 120_000 + BLOCKS,
  }, async () => {
    const random = randomFrom(seed);
    const cores = await Promise.all(BUILDS.map((build) => rawCore(1, 256 * 1024, build)));
    const outputs = cores.map((core) => new GuardedOutput(core));
    const hostile = makeHostileBlocks(cores[0] as (typeof cores)[0], random);
    const seen: Record<string, number> = { accepted: 0, refused: 0 };
    for (let done = 0; done < BLOCKS; ) {
      const batch = Array.from({ length: Math.min(BATCH, BLOCKS - done) }, () => hostile.next().value);
      const answers = oracle.ask(
        batch.map(({ block, capacity }) => ({ kind: 'block', bytes: block, number: capacity })),
      );
      for (const [index, { block, capacity }] of batch.entries()) {
        const [first, ...others] = outputs.flatMap((output) => [
          output.decode(block, capacity, 0x00),
          output.decode(block, capacity, 0xff),
        ]);
        const text = () => `block ${done + index}, capacity ${capacity}: ${block.toString('hex')} (seed ${seed})`;
        for (const other of others) {
          if (other.status !== first?.status || !other.content.equals(first.content)) {
            expect.fail(`statuses ${first?.status} and ${other.status}, or other content: ${text()}`);
          }
        }
        const ours = first === undefined || first.status < 0 ? null : first.content;
        const theirs = answers[index] ?? null;
        const excuse = same(ours, theirs) ? null : excuseOf(block, capacity, ours, theirs);
        if (!same(ours, theirs) && excuse === null) {
          expect.fail(`we: ${ours?.length ?? 'refused'}, liblz4: ${theirs?.length ?? 'refused'}: ${text()}`);
        }
        const what = excuse ?? (ours === null ? 'refused' : 'accepted');
        seen[what] = (seen[what] ?? 0) + 1;
      }
      done += batch.length;
    }
    console.log(`LZ4 fuzz: ${BLOCKS} blocks, seed ${seed}: ${JSON.stringify(seen)}`);
    expect(seen.accepted).toBeGreaterThan(BLOCKS / 50);
    expect(seen.refused).toBeGreaterThan(BLOCKS / 50);
  });

  it(`frames: ${FRAMES} mutated ones, in chunks of any size -> liblz4's verdict but for what the head of this file says`, {
    timeout: 120_000 + FRAMES * 10,
  }, async () => {
    const random = randomFrom(seed + 1);
    const memory = await FrameMemory.create();
    const seen: Record<string, number> = { accepted: 0, refused: 0 };
    const nextFrame = makeHostileFrames(memory, random);
    for (let done = 0; done < FRAMES; ) {
      const batch = Array.from({ length: Math.min(BATCH, FRAMES - done) }, nextFrame);
      const answers = oracle.ask(batch.map((bytes) => ({ kind: 'frames', bytes, number: FRAME_CAPACITY_BYTES })));
      for (const [index, frame] of batch.entries()) {
        const ours = decodeFrames(memory, frame, random);
        const theirs = answers[index] ?? null;
        const agree = same(ours.content, theirs);
        const excuse = agree ? null : excuseOfFrame(frame, ours, theirs);
        if (!agree && excuse === null) {
          expect.fail(
            `frame ${done + index}: we: ${ours.content?.length ?? ours.reason}, liblz4: ${theirs?.length ?? 'refused'}: ${frame.toString('hex')} (seed ${seed})`,
          );
        }
        const what = excuse ?? (ours.content === null ? 'refused' : 'accepted');
        seen[what] = (seen[what] ?? 0) + 1;
      }
      done += batch.length;
    }
    console.log(`LZ4 fuzz: ${FRAMES} frames, seed ${seed}: ${JSON.stringify(seen)}`);
    expect(seen.accepted).toBeGreaterThan(FRAMES / 100);
    expect(seen.refused).toBeGreaterThan(FRAMES / 10);
  });
});

type Random = ReturnType<typeof randomFrom>;

/** Frames of every kind of ours with damage somewhere; the header is left alone in most, or nothing behind it would be reached. */
function makeHostileFrames(memory: FrameMemory, random: Random): () => Buffer {
  let base: Buffer = Buffer.alloc(0);
  let made = 0;
  return () => {
    if (made % 100 === 0) base = makeFrame(memory, random);
    made += 1;
    if (random.below(10) === 0) return mutate(base, random);
    const header = base.subarray(0, 7);
    return Buffer.concat([header, mutate(base.subarray(7), random)]);
  };
}

function makeFrame(memory: FrameMemory, random: Random): Buffer {
  const kind = KINDS[random.below(KINDS.length)] as (typeof KINDS)[number];
  const content = makeData(kind, random.below(3000), random.u32());
  const encoder = new Lz4FrameEncoder(memory, {
    blockSizeId: 4,
    linked: random.below(2) === 0,
    blockChecksums: random.below(4) === 0,
    contentChecksum: random.below(4) === 0,
    ...(random.below(4) === 0 ? { contentBytes: content.length } : {}),
  });
  try {
    const parts: Uint8Array[] = [];
    for (const part of chunksOf(content, random, 1500)) parts.push(...encoder.push(part));
    return Buffer.concat([...parts, ...encoder.end()]);
  } finally {
    encoder.release();
  }
}

function* chunksOf(bytes: Uint8Array, random: Random, most: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(most));
    yield bytes.subarray(at, end);
    at = end;
  }
}

interface FrameVerdict {
  readonly content: Buffer | null;
  readonly reason: string;
}

function decodeFrames(memory: FrameMemory, frames: Uint8Array, random: Random): FrameVerdict {
  const decoder = new Lz4FrameDecoder(memory);
  try {
    const parts: Uint8Array[] = [];
    for (const part of chunksOf(frames, random, 600)) parts.push(...decoder.push(part));
    decoder.end();
    return { content: Buffer.concat(parts), reason: '' };
  } catch (error) {
    if (error instanceof TorporError && error.code === 'ERR_LZ4_FRAME') return { content: null, reason: error.message };
    throw error;
  } finally {
    decoder.release();
  }
}

/** Why we and liblz4 may differ over a frame, or null where they may not. */
function excuseOfFrame(frame: Buffer, { content, reason }: FrameVerdict, theirs: Buffer | null): string | null {
  const walks = [...blocksOf(frame)].map(walkSequences);
  if (content !== null) return theirs === null && walks.some(({ breaksEnd }) => breaksEnd) ? 'end of block' : null;
  if (/dictionary/.test(reason)) return 'dictionary';
  return walks.some(({ hasOffsetZero }) => hasOffsetZero) ? 'offset 0' : null;
}
