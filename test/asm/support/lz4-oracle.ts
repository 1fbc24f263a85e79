// Asks liblz4 to restore or compress, in batches: one process each, so that none of it can hang unseen.
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../native/lz4-oracle.c', import.meta.url));
const BATCH_TIMEOUT_MS = 120_000;
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;
const HEAD_BYTES = 9;

/** What is asked of the oracle, by the letter that lz4-oracle.c knows it by. */
const KINDS = { block: 'b', frames: 'f', compress: 'c', 'compress linked': 'l', linked: 'm' } as const;

export interface Question {
  /** Restore a block, frames, or a stream's next linked block; compress a block, or a stream's next linked block. */
  readonly kind: keyof typeof KINDS;
  readonly bytes: Uint8Array;
  /** When restoring: the most bytes. When compressing a block: 0 for LZ4_compress_default, else the level of LZ4_compress_HC. */
  readonly number: number;
}

export class Lz4Oracle {
  readonly #program: string;

  /** Builds the oracle in `folder`. Throws what the compiler said. */
  constructor(folder: string) {
    this.#program = `${folder}/lz4-oracle`;
    execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', this.#program, SOURCE, '-llz4']);
  }

  /** What liblz4 makes of each, or null where it refuses. Linked blocks of one batch are one stream per direction. */
  ask(questions: readonly Question[]): Array<Buffer | null> {
    const parts = questions.flatMap(({ kind, bytes, number }) => {
      const head = Buffer.alloc(HEAD_BYTES);
      head.write(KINDS[kind], 'latin1');
      head.writeUInt32LE(bytes.length, 1);
      head.writeUInt32LE(number, 5);
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
