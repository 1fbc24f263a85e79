// The least of the LZ4 frame format that the lz4 tool needs: independent blocks, no checksums but the header's.
// Source: LZ4 Frame Format Description (lz4_Frame_format.md).
import { xxh32OfShort } from './xxh32.ts';

const MAGIC = 0x184d2204;
/** FLG: version 01, blocks independent, nothing optional. */
const FLG = 0b0110_0000;
/** BD: blocks of at most 4 MB. */
const BD = 0b0111_0000;
const UNCOMPRESSED_BIT = 0x8000_0000;

export interface FrameBlock {
  readonly data: Buffer;
  /** The frame keeps a block as it is where compression would enlarge it. */
  readonly compressed: boolean;
}

/** One frame of compressed blocks. */
export function buildFrame(blocks: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(7);
  header.writeUInt32LE(MAGIC);
  header[4] = FLG;
  header[5] = BD;
  header[6] = (xxh32OfShort(header.subarray(4, 6)) >>> 8) & 0xff;
  const parts: Uint8Array[] = [header];
  for (const block of blocks) {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length);
    parts.push(size, block);
  }
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

/** The blocks of a frame without optional fields or checksums, as `lz4 --no-frame-crc` writes it. */
export function readFrame(frame: Buffer): FrameBlock[] {
  if (frame.readUInt32LE(0) !== MAGIC) throw new Error('no LZ4 frame');
  const flags = frame[4] as number;
  if ((flags & 0b1100_0000) !== 0b0100_0000 || (flags & 0b0001_1101) !== 0) {
    throw new Error(`frame flags ${flags.toString(2)} are not read here`);
  }
  const blocks: FrameBlock[] = [];
  let at = 7;
  for (;;) {
    const size = frame.readUInt32LE(at);
    at += 4;
    if (size === 0) return blocks;
    const bytes = size % UNCOMPRESSED_BIT;
    blocks.push({ data: frame.subarray(at, at + bytes), compressed: size < UNCOMPRESSED_BIT });
    at += bytes;
  }
}
