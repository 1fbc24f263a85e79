// Reads a job back from its file, in pieces.
import type { FrameMemory } from '../../core/frame-memory.ts';
import { Lz4FrameDecoder } from '../../core/lz4-frame-decoder.ts';
import { HEAD_BYTES } from './job-file.ts';
import type { SpoolDisk } from './spool-disk.ts';

/** Read from disk at once. */
const PIECE_BYTES = 64 * 1024;

export interface FrameToRead {
  readonly disk: SpoolDisk;
  readonly memory: FrameMemory;
  readonly path: string;
  /** Where the frame, or what there is of it, ends. */
  readonly endAt: number;
  /** False: its end mark is not there yet. */
  readonly isWhole: boolean;
}

/** Throws ERR_LZ4_FRAME where the file is damaged or too short, ERR_CORE_MEMORY, and what the disk throws. */
export async function* readFrame({
  disk,
  memory,
  path,
  endAt,
  isWhole,
}: FrameToRead): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new Lz4FrameDecoder(memory);
  try {
    for (let at = HEAD_BYTES; at < endAt; ) {
      const piece = await disk.read(path, at, Math.min(PIECE_BYTES, endAt - at));
      if (piece.length === 0) break;
      at += piece.length;
      yield* decoder.push(piece);
    }
    if (isWhole) decoder.end();
  } finally {
    decoder.release();
  }
}
