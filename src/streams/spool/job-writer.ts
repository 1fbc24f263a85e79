// Writes one job while its client sends it, so that nothing of it is lost where the disk refuses. When it is safe is told by `commit`.
import { join } from 'node:path';
import type { FrameMemory } from '../../core/frame-memory.ts';
import { Lz4FrameEncoder } from '../../core/lz4-frame-encoder.ts';
import { encodeHead, HEAD_BYTES, type JobHead } from './job-file.ts';
import { readFrame } from './job-reader.ts';
import type { SpoolDisk, SpoolFile } from './spool-disk.ts';

/** Content is compressed and written in pieces of one LZ4 block (block size 4 of the format). */
const BLOCK_BYTES = 64 * 1024;
const FRAME = { blockSizeId: 4, linked: false, blockChecksums: true, contentChecksum: true } as const;

export interface JobWriterOptions {
  readonly disk: SpoolDisk;
  readonly memory: FrameMemory;
  readonly folder: string;
  /** Of the file while it is written: nobody takes it for a job. */
  readonly partName: string;
}

/** After any rejection it takes nothing more, and `content` still tells all that it was given. */
export class JobWriter {
  readonly #options: JobWriterOptions;
  readonly #encoder: Lz4FrameEncoder;
  readonly #block = new Uint8Array(BLOCK_BYTES);
  /** Content that no complete block on disk holds. */
  #blockBytes = 0;
  #file: SpoolFile | null = null;
  #path: string;
  /** The file is whole up to here. */
  #at = HEAD_BYTES;
  #isReleased = false;
  contentBytes = 0;

  /** Throws ERR_CORE_MEMORY where too many jobs are written at once. */
  constructor(options: JobWriterOptions) {
    this.#options = options;
    this.#path = join(options.folder, options.partName);
    this.#encoder = new Lz4FrameEncoder(options.memory, FRAME);
  }

  /** Of the file so far. */
  get fileBytes(): number {
    return this.#at;
  }

  /** Takes a copy. One call at a time. Rejects with what the disk says; then `rest` has what was not taken. */
  async add(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + BLOCK_BYTES - this.#blockBytes);
      this.#block.set(part, this.#blockBytes);
      this.#blockBytes += part.length;
      at += part.length;
      this.contentBytes += part.length;
      if (this.#blockBytes < BLOCK_BYTES) continue;
      try {
        await this.#append(this.#encoder.push(this.#block));
      } catch (thrown) {
        this.#rest = chunk.slice(at);
        this.contentBytes += chunk.length - at;
        throw thrown;
      }
      this.#blockBytes = 0;
    }
  }

  #rest: Uint8Array = new Uint8Array(0);

  /**
   * Resolves when the whole job is on disk under `name`: file, then name, then the folder. Rejects with what the disk says; the job may be
   * there all the same.
   */
  async commit(name: string, head: Omit<JobHead, 'contentBytes' | 'fileBytes'>): Promise<JobHead> {
    const { disk, folder } = this.#options;
    const left = this.#block.subarray(0, this.#blockBytes);
    const encoder = this.#encoder;
    await this.#append([...encoder.push(left), ...encoder.end()]);
    this.#blockBytes = 0;
    const whole: JobHead = { ...head, contentBytes: this.contentBytes, fileBytes: this.#at };
    const file = await this.#opened();
    await file.write(encodeHead(whole), 0);
    await file.sync();
    await this.#close();
    const path = join(folder, name);
    await disk.rename(this.#path, path);
    this.#path = path;
    await disk.syncFolder(folder);
    return whole;
  }

  /** Everything it was given, in order, from the disk and from memory. */
  async *content(): AsyncGenerator<Uint8Array, void, undefined> {
    const { disk, memory } = this.#options;
    if (this.#at > HEAD_BYTES) yield* readFrame({ disk, memory, path: this.#path, endAt: this.#at, isWhole: false });
    if (this.#blockBytes > 0) yield this.#block.slice(0, this.#blockBytes);
    if (this.#rest.length > 0) yield this.#rest;
  }

  /** Nobody needs the file. Does not reject: what cannot be removed is removed at the next start. */
  async drop(): Promise<void> {
    const hasFile = this.#file !== null || this.#at > HEAD_BYTES;
    await this.#close();
    if (hasFile) await this.#options.disk.remove(this.#path).catch(() => {});
  }

  /** Several blocks in one write. The place moves on only when all of it is written. */
  async #append(blocks: Iterable<Uint8Array>): Promise<void> {
    const bytes = Buffer.concat([...blocks]);
    await (await this.#opened()).write(bytes, this.#at);
    this.#at += bytes.length;
  }

  async #opened(): Promise<SpoolFile> {
    this.#file ??= await this.#options.disk.create(this.#path);
    return this.#file;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (!this.#isReleased) this.#encoder.release();
    this.#isReleased = true;
    await file?.close().catch(() => {});
  }
}
