// A terminal as a log's way out: Node's own stream of one waits until it takes the bytes, and with it the whole process. One that is stopped
// by Ctrl-S, or whose SSH connection hangs, takes none.
import { constants, openSync, writeSync } from 'node:fs';

/** Between two tries while the terminal takes nothing. */
const AGAIN_MS = 100;

interface Waiting {
  bytes: Buffer;
  readonly done: (error?: Error | null) => void;
}

export class PatientTerminal {
  readonly #fd: number;
  readonly #onError: (error: NodeJS.ErrnoException) => void;
  readonly #queue: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  private constructor(fd: number, onError: (error: NodeJS.ErrnoException) => void) {
    this.#fd = fd;
    this.#onError = onError;
    // What it takes at the end without being waited for.
    process.once('exit', () => this.#drain());
  }

  /**
   * The terminal behind a descriptor, opened anew: that it does not wait is true of this way in alone, not of the shell's. null where it
   * cannot be opened (another user's; no /proc). `onError`: it is gone.
   */
  static open(fd: number, onError: (error: NodeJS.ErrnoException) => void): PatientTerminal | null {
    try {
      const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
      return new PatientTerminal(openSync(`/proc/self/fd/${fd}`, flags), onError);
    } catch {
      return null;
    }
  }

  /** In order. `done` runs once all of it is taken, or cannot be. */
  write(text: string, done: (error?: Error | null) => void): void {
    this.#queue.push({ bytes: Buffer.from(text), done });
    if (this.#timer === undefined) this.#drain();
  }

  #drain(): void {
    this.#timer = undefined;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      try {
        next.bytes = next.bytes.subarray(writeSync(this.#fd, next.bytes));
        if (next.bytes.length > 0) continue;
        this.#queue.shift();
        next.done();
      } catch (thrown) {
        const error = thrown as NodeJS.ErrnoException;
        if (error.code === 'EAGAIN') {
          this.#timer = setTimeout(() => this.#drain(), AGAIN_MS).unref();
          return;
        }
        this.#queue.shift();
        next.done(error);
        this.#onError(error);
      }
    }
  }
}
