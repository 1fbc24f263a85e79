// Where the lines of a log go: stdout. A disk that is full or a reader that is gone, or stands still, costs lines, and never whoever writes
// them, who has clients to carry. What stands in the lines is create-log.ts's.
import { errorText } from '../platform/errors.ts';

export interface LogOutputOptions {
  /** Writes a line, and tells whether it is written, at once or later. Does not throw. */
  readonly write: (text: string, done: (error?: Error | null) => void) => void;
  /** What people must know, once per trouble. */
  readonly tell: (text: string) => void;
}

/** Characters that wait for a reader who stands still. */
export const WAITING_MAX = 1024 * 1024;

export class LogOutput {
  readonly #options: LogOutputOptions;
  #isLost = false;
  #waiting = 0;
  #unread = 0;

  constructor(options: LogOutputOptions) {
    this.#options = options;
  }

  /** Each line is tried: a disk has room again, some day. */
  write(text: string): void {
    // The line before may stand there in half.
    const line = this.#isLost ? `\n${text}` : text;
    if (this.#waiting + line.length > WAITING_MAX) {
      this.#unread += 1;
      return;
    }
    this.#waiting += line.length;
    this.#options.write(line, (error) => {
      this.#waiting -= line.length;
      this.#tellUnread();
      const isLost = error !== undefined && error !== null;
      if (isLost && !this.#isLost)
        this.#options.tell(`torpor: the log cannot be written: ${errorText(error)}; its lines are lost\n`);
      this.#isLost = isLost;
    });
  }

  /** Once all that waited is read: before, nobody would see it. */
  #tellUnread(): void {
    if (this.#unread === 0 || this.#waiting > 0) return;
    this.#options.tell(`torpor: nobody read the log for a while; ${this.#unread} of its lines are lost\n`);
    this.#unread = 0;
  }
}
