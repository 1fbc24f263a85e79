// Asks liblz4 for its verdict on blocks and frames, in batches: one process each, so that none of it can hang unseen.
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../native/lz4-oracle.c', import.meta.url));
const BATCH_TIMEOUT_MS = 120_000;
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;
const HEAD_BYTES = 9;

export interface Question {
  readonly kind: 'block' | 'frames';
  readonly bytes: Uint8Array;
  readonly capacity: number;
}

export class Lz4Oracle {
  readonly #program: string;

  /** Builds the oracle in `folder`. Throws what the compiler said. */
  constructor(folder: string) {
    this.#program = `${folder}/lz4-oracle`;
    execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', this.#program, SOURCE, '-llz4']);
  }

  /** What liblz4 restores of each, or null where it refuses. */
  ask(questions: readonly Question[]): Array<Buffer | null> {
    const parts = questions.flatMap(({ kind, bytes, capacity }) => {
      const head = Buffer.alloc(HEAD_BYTES);
      head.writeUInt8(kind === 'block' ? 0x62 : 0x66, 0);
      head.writeUInt32LE(bytes.length, 1);
      head.writeUInt32LE(capacity, 5);
      return [head, bytes];
    });
    const options = { input: Buffer.concat(parts), maxBuffer: MAX_ANSWER_BYTES, timeout: BATCH_TIMEOUT_MS };
    const { status, stdout, stderr } = spawnSync(this.#program, [], options);
    if (status !== 0) throw new Error(`the oracle failed (${status}): ${stderr.toString()}`);
    let at = 0;
    return questions.map(() => {
      const answer = stdout.readInt32LE(at);
      at += 4;
      if (answer < 0) return null;
      at += answer;
      return stdout.subarray(at - answer, at);
    });
  }
}

/** Null where liblz4's headers are there, else the reason to skip. */
export function missingLiblz4(): string | null {
  const { status } = spawnSync('gcc', ['-E', '-x', 'c', '-'], { input: '#include <lz4frame.h>\n' });
  return status === 0 ? null : 'gcc or liblz4-dev is not installed';
}
