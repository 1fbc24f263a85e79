// What a child process says, both streams, kept for failures and read for answers.
import type { ChildProcess } from 'node:child_process';

const MAX_CHARS = 100_000;

/** Answers what `child` has said so far. Its pipes are read from now on, so that it never waits for a reader. */
export function pipeText(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (piece: string) => {
      text = (text + piece).slice(-MAX_CHARS);
    });
  }
  return () => text;
}
