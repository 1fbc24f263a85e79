// A file in the VM that takes each key as it arrives: what a terminal program wrote there has really passed the session.
import { readFileSync } from 'node:fs';

export class KeyPad {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** For /bin/sh on a terminal: takes keys one by one, which the terminal echoes, and writes them to the pad. */
  get command(): string {
    return `stty -icanon min 1 && exec cat >${this.#path}`;
  }

  /** The keys so far, in the order of their arrival. */
  get keys(): string {
    try {
      return readFileSync(this.#path, 'utf8');
    } catch {
      return '';
    }
  }
}
