// Records streams into files that `torpor classify` replays: names, bounds and modes of the files. What is written is trace-lines.ts's.
import { createWriteStream, type WriteStream } from 'node:fs';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Direction } from '../core/stream-core.ts';
import { errorText, TorporError } from '../platform/errors.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import { formatBytes } from '../platform/units.ts';
import { TraceLines } from './trace-lines.ts';

export interface TraceRecorderOptions {
  /** Made, for its owner only, at `open`. */
  readonly folder: string;
  /** Traces in the folder, those that were there before included. At the bound nothing more is recorded: nothing is removed either. */
  readonly maxFiles: number;
  /** Processes that record into the folder: each expects the others to begin as many traces as itself. Default 1. */
  readonly sharers?: number;
  /** A trace that reaches it ends; its stream goes on. */
  readonly maxFileBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Of a connection, for the name of its file and its first line. */
export interface TraceSubject {
  /** The stream's id. */
  readonly stream: string;
  readonly vm: string;
  readonly listenPort: number;
  readonly targetPort: number;
}

const EXTENSION = '.jsonl';
/** With as many traces as may be, the folder is looked at this often at most. */
const RECOUNT_MS = 10_000;

/** One folder of traces. Files have mode 600 and are never overwritten. */
export class TraceRecorder {
  readonly #options: TraceRecorderOptions;
  readonly #open = new Set<StreamTrace>();
  #files = 0;
  #isFullSaid = false;
  #countedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(options: TraceRecorderOptions, files: number) {
    this.#options = options;
    this.#files = files;
  }

  /** Throws ERR_TRACE_FOLDER where the folder cannot be made or read. */
  static async open(options: TraceRecorderOptions): Promise<TraceRecorder> {
    try {
      const made = await mkdir(options.folder, { recursive: true, mode: 0o700 });
      if (made !== undefined) await chmod(options.folder, 0o700);
      return new TraceRecorder(options, await countTraces(options.folder));
    } catch (cause) {
      const what = `cannot record into ${options.folder}: ${errorText(cause)}`;
      throw new TorporError('ERR_TRACE_FOLDER', `${what}; name a folder that this user may write`, { cause });
    }
  }

  /** Begins the trace of a connection that starts now; null where there are enough. */
  begin(subject: TraceSubject): StreamTrace | null {
    const { folder, maxFiles, log } = this.#options;
    if (this.#files >= maxFiles) {
      if (!this.#isFullSaid)
        log.warn({ folder }, `no more streams are recorded: ${maxFiles} traces are in ${folder}; move some`);
      this.#isFullSaid = true;
      void this.#countAgain();
      return null;
    }
    this.#files += this.#options.sharers ?? 1;
    const stamp = new Date(this.#options.clock.nowMs()).toISOString().replaceAll(':', '-');
    const path = join(folder, `${stamp}_${subject.stream}_${subject.vm}${EXTENSION}`);
    const trace = new StreamTrace(path, subject, this.#options, () => this.#open.delete(trace));
    this.#open.add(trace);
    return trace;
  }

  /** Somebody may have moved traces away: the next connections are recorded then. */
  async #countAgain(): Promise<void> {
    const { folder, clock, log } = this.#options;
    if (clock.nowMs() - this.#countedAtMs < RECOUNT_MS) return;
    this.#countedAtMs = clock.nowMs();
    try {
      this.#files = await countTraces(folder);
      if (this.#files < this.#options.maxFiles) this.#isFullSaid = false;
    } catch (error) {
      log.warn({ folder }, `the traces in ${folder} cannot be counted: ${errorText(error)}`);
    }
  }

  /** Ends all traces; resolves when they are written. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((trace) => trace.end(null)));
  }
}

async function countTraces(folder: string): Promise<number> {
  return (await readdir(folder)).filter((name) => name.endsWith(EXTENSION)).length;
}

/** One stream's file. Trouble with it is told once and ends the trace, never the stream. */
export class StreamTrace {
  readonly path: string;
  readonly #options: TraceRecorderOptions;
  readonly #lines: TraceLines;
  readonly #file: WriteStream;
  readonly #closed: Promise<void>;
  #writtenBytes = 0;
  #isOver = false;

  constructor(path: string, subject: TraceSubject, options: TraceRecorderOptions, onClosed: () => void) {
    this.path = path;
    this.#options = options;
    this.#lines = new TraceLines(options.clock.nowMs());
    this.#file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
    this.#file.on('error', (error) => {
      this.#isOver = true;
      options.log.warn({ path }, `the trace ${path} ends here: ${errorText(error)}`);
    });
    this.#closed = new Promise((resolve) => {
      this.#file.on('close', () => {
        onClosed();
        resolve();
      });
    });
    this.#write([this.#lines.meta(subject.listenPort, subject.targetPort)]);
  }

  /** Takes note of one read of the stream. What is written is at most `maxFileBytes`, and so is what waits for the disk. */
  note(direction: Direction, chunk: Uint8Array): void {
    if (!this.#isOver) this.#write(this.#lines.note(direction, chunk, this.#options.clock.nowMs()));
  }

  /** The stream was ended by one side, or by Torpor (null). Resolves when the file is closed. Idempotent. */
  end(by: Direction | null): Promise<void> {
    if (!this.#isOver) this.#write(this.#lines.end(by, this.#options.clock.nowMs()));
    this.#finish();
    return this.#closed;
  }

  #write(lines: readonly string[]): void {
    for (const line of lines) {
      if (this.#isOver) return;
      if (this.#writtenBytes + line.length > this.#options.maxFileBytes) {
        const bound = formatBytes(this.#options.maxFileBytes);
        this.#options.log.info({ path: this.path }, `the trace ${this.path} ends here: it has ${bound}`);
        this.#finish();
        return;
      }
      this.#writtenBytes += line.length;
      this.#file.write(line);
    }
  }

  #finish(): void {
    this.#isOver = true;
    if (!this.#file.writableEnded && !this.#file.destroyed) this.#file.end();
  }
}
