// Lines that are drawn again and again in the same place of a terminal, until a signal. What stands in them is the commands' choice.
import { pause } from './api-client.ts';
import type { CliIo } from './cli-io.ts';

const REFRESH_MS = 1_000;
/** ECMA-48: cursor home; erase to the end of line, of screen; private modes 25 (cursor) and 1049 (alternate screen) of xterm. */
const HOME = '\x1b[H';
const ERASE_LINE = '\x1b[K';
const ERASE_BELOW = '\x1b[J';
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';

export interface LiveViewOptions {
  /** The lines as they are now. What it throws ends the view. */
  readonly look: () => Promise<readonly string[]>;
  /** Ends it, besides SIGINT and SIGTERM. */
  readonly signal?: AbortSignal;
}

/** On a terminal a screen of its own, cut to its size. Elsewhere the lines are written once per change. */
export async function showLive(io: CliIo, { look, signal }: LiveViewOptions): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  const forget = io.onStopSignal(end);
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted === true) end();
  let written = '';
  // The first look may fail: then the screen was not touched.
  let lines = await look().catch((error: unknown) => {
    forget();
    throw error;
  });
  if (io.outIsTerminal) io.out(ENTER);
  try {
    while (!stop.signal.aborted) {
      const text = io.outIsTerminal ? screenOf(lines, io.outSize()) : `${lines.join('\n')}\n`;
      if (io.outIsTerminal || text !== written) io.out(text);
      written = text;
      await pause(REFRESH_MS, stop.signal);
      if (!stop.signal.aborted) lines = await look();
    }
  } finally {
    forget();
    signal?.removeEventListener('abort', end);
    if (io.outIsTerminal) io.out(LEAVE);
  }
}

function screenOf(lines: readonly string[], { columns, rows }: { columns: number; rows: number }): string {
  const shown = lines.slice(0, Math.max(1, rows - 1)).map((line) => `${cutLine(line, columns)}${ERASE_LINE}\n`);
  return `${HOME}${shown.join('')}${ERASE_BELOW}`;
}

/** The first so many characters; colours take no place, and are ended where the line is cut. */
export function cutLine(line: string, columns: number): string {
  let shown = '';
  let width = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for.
  for (const [part] of line.matchAll(/\x1b\[[0-9;]*m|./gsu)) {
    const isColour = part.startsWith('\x1b');
    if (!isColour && width === columns) return `${shown}\x1b[0m`;
    if (!isColour) width += 1;
    shown += part;
  }
  return shown;
}
