// `torpor demo`: plays the main job on simulated platforms, told line by line or as `torpor top` shows it. The play itself is src/demo's.
import { type Command, Option } from 'commander';
import { errorText } from '../../platform/errors.ts';
import { type CliIo, type PlayDemo, printLines } from '../cli-io.ts';
import { CommandFailed } from '../command-failed.ts';
import { clientFor, jsonOption } from '../command-options.ts';
import { showTop } from './top.ts';

interface DemoOptions {
  readonly once?: boolean;
  readonly json?: boolean;
  readonly top?: boolean;
}

/** The end of the play that stands on the terminal once the live view has given it back. */
const LAST_LINES = 20;

export function addDemoCommand(program: Command, io: CliIo): void {
  program
    .command('demo')
    .description('play it on two simulated platforms: no hardware, no configuration, loopback only')
    .option('--once', 'play one full cycle, and succeed only if every byte arrived once')
    .addOption(jsonOption())
    .addOption(new Option('--top', 'show it live, as torpor top does').conflicts('json'))
    .action((options: DemoOptions) => demo(options, io));
}

async function demo(options: DemoOptions, io: CliIo): Promise<void> {
  const playDemo = await io.loadPlayDemo();
  const stop = new AbortController();
  const forget = io.onStopSignal(() => (stop.signal.aborted ? io.exitNow(130) : stop.abort()));
  const { once = false, json = false } = options;
  try {
    const { ok } = options.top
      ? await playBehindTop(playDemo, once, io, stop.signal)
      : await playDemo({ once, json, print: (line) => printLines(io, line), signal: stop.signal });
    if (!ok) throw new CommandFailed();
  } finally {
    forget();
  }
}

/** The play goes on behind the view, which ends with it or with a signal; then the play's last lines are printed. */
async function playBehindTop(
  playDemo: PlayDemo,
  once: boolean,
  io: CliIo,
  signal: AbortSignal,
): Promise<{ ok: boolean }> {
  const over = new AbortController();
  const lines: string[] = [];
  let view: Promise<void> = Promise.resolve();
  const print = (line: string) => {
    lines.push(line);
    if (lines.length > LAST_LINES) lines.shift();
  };
  const onReady = (apiUrl: string) => {
    const end = AbortSignal.any([over.signal, signal]);
    view = showTop(clientFor(io, { api: apiUrl }), io, end).catch((error: unknown) => {
      // A look that the end of the demo cut off is none that failed.
      if (!end.aborted) print(`the live view ended: ${errorText(error)}`);
    });
  };
  try {
    return await playDemo({ once, json: false, print, signal, onReady, onEnding: () => over.abort() });
  } finally {
    over.abort();
    await view;
    printLines(io, ...lines);
  }
}
