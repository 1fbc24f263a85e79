// The header of an LZ4 frame: what its bits say, and its bytes. Leaves blocks, checksums and streaming to encoder and decoder.
// Source: LZ4 Frame Format Description (lz4_Frame_format.md).
import { TorporError } from '../platform/errors.ts';

/** "Magic Number: 4 Bytes, Little endian format." */
export const FRAME_MAGIC = 0x184d2204;
export const LEGACY_MAGIC = 0x184c2102;
/** "0x184D2A5X": sixteen of them begin a frame that decoders skip. */
export const SKIPPABLE_MAGIC = 0x184d2a50;
/** "If the highest bit is set, the block is uncompressed." */
export const STORED_BIT = 0x8000_0000;
/** History that a linked block may reach back. */
export const WINDOW_BYTES = 65_536;

/** "Block Maximum Size", by its number in the header. */
export const BLOCK_BYTES_BY_ID: Readonly<Record<number, number>> = {
  4: 64 * 1024,
  5: 256 * 1024,
  6: 1024 * 1024,
  7: 4 * 1024 * 1024,
};
export type BlockSizeId = 4 | 5 | 6 | 7;

const VERSION = 1;

/** What a frame's blocks may repeat from before their first byte, and which id says so in a header. */
export interface Lz4Dictionary {
  /** Where it is told, it goes into the header, or has to be the header's. The tool `lz4` tells none. */
  readonly id?: number;
  /** Only the last 64 KiB are of use. */
  readonly bytes: Uint8Array;
}

/** What a frame's header says. */
export interface FrameHeader {
  readonly blockSizeId: BlockSizeId;
  /** Blocks may repeat from the 64 KiB before them. */
  readonly linked: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  /** Bytes of the whole content, where the header tells them. */
  readonly contentBytes?: number;
  readonly dictionaryId?: number;
}

/** The header's bytes, magic number included; `checksum` is XXH32 of the bytes between magic number and itself. */
export function encodeFrameHeader(header: FrameHeader, checksum: (bytes: Uint8Array) => number): Uint8Array {
  const { contentBytes, dictionaryId } = header;
  const bytes = new Uint8Array(7 + (contentBytes === undefined ? 0 : 8) + (dictionaryId === undefined ? 0 : 4));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, FRAME_MAGIC, true);
  bytes[4] =
    (VERSION << 6) |
    (header.linked ? 0 : 1 << 5) |
    (header.blockChecksums ? 1 << 4 : 0) |
    (contentBytes === undefined ? 0 : 1 << 3) |
    (header.contentChecksum ? 1 << 2 : 0) |
    (dictionaryId === undefined ? 0 : 1);
  bytes[5] = header.blockSizeId << 4;
  if (contentBytes !== undefined) view.setBigUint64(6, BigInt(contentBytes), true);
  if (dictionaryId !== undefined) view.setUint32(bytes.length - 5, dictionaryId, true);
  bytes[bytes.length - 1] = (checksum(bytes.subarray(4, -1)) >>> 8) & 0xff;
  return bytes;
}

/** Bytes of the header behind FLG and BD: optional fields and the header's checksum. */
export function restOfHeaderBytes(flags: number): number {
  return ((flags >> 3) & 1) * 8 + (flags & 1) * 4 + 1;
}

/** Reads FLG, BD and what follows them. Throws ERR_LZ4_FRAME where a bit or the checksum is not as it has to be. */
export function parseFrameHeader(bytes: Uint8Array, checksum: (bytes: Uint8Array) => number): FrameHeader {
  const [flags = 0, sizes = 0] = bytes;
  if (flags >> 6 !== VERSION) throw frameError(`its version is ${flags >> 6}, this reader knows version ${VERSION}`);
  if ((flags & 0b10) !== 0 || (sizes & 0b1000_1111) !== 0) throw frameError('a reserved bit of its header is set');
  const blockSizeId = sizes >> 4;
  if (!(blockSizeId in BLOCK_BYTES_BY_ID)) throw frameError(`its block size ${blockSizeId} is not one of 4 to 7`);
  if (bytes.at(-1) !== ((checksum(bytes.subarray(0, -1)) >>> 8) & 0xff)) throw frameError('its header is damaged');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const told = (flags & 0b1000) !== 0;
  return {
    blockSizeId: blockSizeId as BlockSizeId,
    linked: (flags & (1 << 5)) === 0,
    blockChecksums: (flags & (1 << 4)) !== 0,
    contentChecksum: (flags & (1 << 2)) !== 0,
    ...(told ? { contentBytes: Number(view.getBigUint64(2, true)) } : {}),
    ...((flags & 1) !== 0 ? { dictionaryId: view.getUint32(told ? 10 : 2, true) } : {}),
  };
}

/** Why a frame is refused. */
export function frameError(why: string, advice = 'the data is damaged or was not written as LZ4'): TorporError {
  return new TorporError('ERR_LZ4_FRAME', `could not read an LZ4 frame: ${why}; ${advice}`);
}
