// One line on a terminal's stderr while something takes longer than a second, gone when it is over. Elsewhere nothing is written.
import type { CliIo } from './cli-io.ts';

/** What is done by then shows nothing. */
const PATIENCE_MS = 1_000;
const FRAME_MS = 250;
const FRAMES = ['|', '/', '-', '\\'];
const CLEAR_LINE = '\r\x1b[K';

/** Ends it: the line is cleared. */
export type EndProgress = () => void;

export function showProgress(io: Pick<CliIo, 'env' | 'err' | 'errIsTerminal'>, what: () => string): EndProgress {
  if (!io.errIsTerminal || io.env.TERM === 'dumb') return () => {};
  const startedMs = performance.now();
  let frame = 0;
  let isShown = false;
  const timer = setInterval(() => {
    const passedMs = performance.now() - startedMs;
    if (passedMs < PATIENCE_MS) return;
    isShown = true;
    frame += 1;
    io.err(`${CLEAR_LINE}${FRAMES[frame % FRAMES.length]} ${what()} (${Math.floor(passedMs / 1000)} s)`);
  }, FRAME_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    if (isShown) io.err(CLEAR_LINE);
    isShown = false;
  };
}
