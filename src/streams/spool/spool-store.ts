// The jobs of one listener that are safe on disk, in the order in which they became so. Who brings and takes them is the queue's.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { FrameMemory } from '../../core/frame-memory.ts';
import { errorText, TorporError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/ports.ts';
import { decodeHead, HEAD_BYTES, type JobHead } from './job-file.ts';
import { readFrame } from './job-reader.ts';
import { JobWriter } from './job-writer.ts';
import type { SpoolDisk } from './spool-disk.ts';

const JOB = /^(\d{12})-[0-9a-f]{8}\.job$/;
const PART = /^[0-9a-f]{8}\.(\d+)\.part$/;
const NUMBER_DIGITS = 12;
export const JOB_NUMBER_BASE = 2 ** 30;

/** One job that is safe. */
export interface SpooledJob extends JobHead {
  /** Unique in its listener's spool; sorts as it came. */
  readonly id: string;
}

export interface SpoolStoreOptions {
  readonly folder: string;
  readonly disk: SpoolDisk;
  readonly memory: FrameMemory;
  readonly log: Logger;
  /** Paths of the parts that this process is writing, shared by the stores of one folder: there may be a former one. Default: its own. */
  readonly parts?: Set<string>;
  /** Default: asks the kernel. */
  readonly isAlive?: (pid: number) => boolean;
}

/**
 * A job is safe once it is there as NUMBER-RANDOM.job, which it becomes by a rename of a file that is on disk. Whatever else lies there is
 * the rest of one whose client was never told so (`.part`: removed), or damaged (`.torn`: kept for people).
 */
export class SpoolStore {
  readonly #options: SpoolStoreOptions;
  #jobs: SpooledJob[] = [];
  #lastNumber = 0;
  /** Of jobs that are written just now, and their parts. */
  readonly #writers = new Map<JobWriter, string>();
  readonly #parts: Set<string>;
  /** Not safe yet: the name may be there before its commit says so, and a scan that took it would have it delivered twice. */
  readonly #coming = new Set<string>();
  /** Removed, set aside, or not committed, as far as this process knows: a scan under way must not bring them back. */
  readonly #gone = new Set<string>();

  constructor(options: SpoolStoreOptions) {
    this.#options = options;
    this.#parts = options.parts ?? new Set();
  }

  /** Oldest first. */
  get jobs(): readonly SpooledJob[] {
    return this.#jobs;
  }

  /** On disk, those included that are written just now. */
  get fileBytes(): number {
    const written = [...this.#writers.keys()].reduce((sum, { fileBytes }) => sum + fileBytes, 0);
    return this.#jobs.reduce((sum, { fileBytes }) => sum + fileBytes, written);
  }

  /** Reads what lies there, at the start and whenever another process may have added to it. Rejects where the folder cannot be used. */
  async scan(): Promise<void> {
    const { disk, folder } = this.#options;
    await disk.makeFolder(folder);
    const known = new Set(this.#jobs.map(({ id }) => id));
    const names = (await disk.list(folder)).sort();
    for (const id of this.#gone) if (!names.includes(`${id}.job`)) this.#gone.delete(id);
    for (const name of names) {
      const [, pid] = PART.exec(name) ?? [];
      if (pid !== undefined) await this.#removePart(name, Number(pid));
      const [, number] = JOB.exec(name) ?? [];
      const id = name.replace(/\.job$/, '');
      if (number === undefined || known.has(id) || this.#isElsewhere(id)) continue;
      this.#lastNumber = Math.max(this.#lastNumber, Number(number));
      const job = await this.#readJob(id);
      // Meanwhile it may have been committed here, or taken.
      if (job !== null && !this.#isElsewhere(id) && !this.#jobs.some((each) => each.id === id)) this.#add(job);
    }
  }

  /** A job that comes in. Throws ERR_CORE_MEMORY where too many do at once. */
  begin(): JobWriter {
    const { disk, memory, folder } = this.#options;
    const partName = `${randomName()}.${process.pid}.part`;
    const writer = new JobWriter({ disk, memory, folder, partName });
    this.#writers.set(writer, join(folder, partName));
    this.#parts.add(join(folder, partName));
    return writer;
  }

  /**
   * Resolves when the job is safe. Jobs get their order by the order of the calls. `name`: 8 hexadecimal digits that were given out for it (null:
   * any). Rejects as JobWriter.commit does.
   */
  async commit(
    writer: JobWriter,
    head: Omit<JobHead, 'contentBytes' | 'fileBytes'>,
    name: string | null = null,
  ): Promise<SpooledJob> {
    this.#lastNumber += 1;
    const id = `${String(this.#lastNumber).padStart(NUMBER_DIGITS, '0')}-${name ?? this.#freshName()}`;
    this.#coming.add(id);
    try {
      const job = { id, ...(await writer.commit(`${id}.job`, head)) };
      this.#parts.delete(this.#takeWriter(writer));
      this.#add(job);
      return job;
    } catch (thrown) {
      // Its file may be there all the same, until it is dropped: whoever waits brings it.
      this.#gone.add(id);
      throw thrown;
    } finally {
      this.#coming.delete(id);
    }
  }

  /** The job is not to be. Does not reject. */
  async drop(writer: JobWriter): Promise<void> {
    const part = this.#takeWriter(writer);
    await writer.drop();
    this.#parts.delete(part);
  }

  /** It writes no more. Its part. */
  #takeWriter(writer: JobWriter): string {
    const part = this.#writers.get(writer) ?? '';
    this.#writers.delete(writer);
    return part;
  }

  /** The job's bytes. Throws ERR_LZ4_FRAME at the place where it is damaged. */
  read({ id, fileBytes }: SpooledJob): AsyncGenerator<Uint8Array, void, undefined> {
    const { disk, memory } = this.#options;
    return readFrame({ disk, memory, path: this.#path(id), endAt: fileBytes, isWhole: true });
  }

  /**
   * Reads all of it and says whether it is whole: half a job must not be printed. False: its file is gone, and with it the job. Rejects with
   * ERR_LZ4_FRAME or what the disk says.
   */
  async verify(job: SpooledJob): Promise<boolean> {
    let bytes = 0;
    try {
      for await (const piece of this.read(job)) bytes += piece.length;
    } catch (thrown) {
      if (!isMissing(thrown)) throw thrown;
      this.#forget(job.id);
      return false;
    }
    if (bytes === job.contentBytes) return true;
    throw new TorporError('ERR_LZ4_FRAME', `it holds ${bytes} bytes of ${job.contentBytes}`);
  }

  /** It was delivered, or is not wanted. Resolves when a power cut does not bring it back. */
  async remove(job: SpooledJob): Promise<void> {
    const { disk, folder } = this.#options;
    this.#forget(job.id);
    await disk.remove(this.#path(job.id)).catch((thrown: unknown) => {
      if (!isMissing(thrown)) throw thrown;
    });
    await disk.syncFolder(folder);
  }

  /** It is damaged: kept under another name for people to look at. */
  async setAside(id: string, why: string): Promise<void> {
    const { disk, folder, log } = this.#options;
    this.#forget(id);
    const torn = join(folder, `${id}.torn`);
    log.error({ file: torn }, `a spooled job is damaged and is not delivered (${why}): it is kept as ${torn}`);
    await disk.rename(this.#path(id), torn).catch((thrown: unknown) => log.warn({ file: torn }, errorText(thrown)));
  }

  /** Somebody else in this process says what becomes of it. */
  #isElsewhere(id: string): boolean {
    return this.#gone.has(id) || this.#coming.has(id);
  }

  /** No other job here has its number. */
  #freshName(): string {
    for (;;) {
      const name = randomName();
      if (!this.#jobs.some(({ id }) => jobNumber(id) === jobNumber(name))) return name;
    }
  }

  #add(job: SpooledJob): void {
    this.#jobs = [...this.#jobs, job].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #forget(id: string): void {
    this.#gone.add(id);
    this.#jobs = this.#jobs.filter((job) => job.id !== id);
  }

  #path(id: string): string {
    return join(this.#options.folder, `${id}.job`);
  }

  async #readJob(id: string): Promise<SpooledJob | null> {
    const { disk } = this.#options;
    try {
      const head = decodeHead(await disk.read(this.#path(id), 0, HEAD_BYTES));
      const bytes = await disk.size(this.#path(id));
      if (head !== null && bytes === head.fileBytes) return { id, ...head };
      await this.setAside(id, head === null ? 'it has no head' : `it has ${bytes} bytes instead of ${head.fileBytes}`);
    } catch (thrown) {
      // Another process may have delivered it meanwhile.
      this.#options.log.warn({ job: id }, `a spooled job could not be read: ${errorText(thrown)}`);
    }
    return null;
  }

  /** Its client was never told that it is safe, and half a job is not printed. */
  async #removePart(name: string, pid: number): Promise<void> {
    const { disk, folder, log, isAlive = isRunning } = this.#options;
    const path = join(folder, name);
    if (pid === process.pid ? this.#parts.has(path) : isAlive(pid)) return;
    log.warn(
      { file: path },
      'a job that had not come in whole when Torpor ended is dropped: its client was not told that it is safe',
    );
    await disk.remove(path).catch((thrown: unknown) => log.warn({ file: path }, errorText(thrown)));
  }
}

/** A number for clients that ask for one: above 2^30, where no printer's own numbers are. The same after a restart. */
export function jobNumber(id: string): number {
  return JOB_NUMBER_BASE + (Number.parseInt(id.slice(-8), 16) % JOB_NUMBER_BASE);
}

/** Jobs that are safe in a folder; 0 where there is none. Reads no job. */
export async function countJobs(disk: SpoolDisk, folder: string): Promise<number> {
  const names = await disk.list(folder).catch(() => []);
  return names.filter((name) => JOB.test(name)).length;
}

function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === 'ENOENT';
}

function randomName(): string {
  return randomBytes(4).toString('hex');
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
