// `torpor demo`: plays the main job on simulated platforms. The play itself is src/demo's.
import type { Command } from 'commander';
import { type CliIo, printLines } from '../cli-io.ts';
import { CommandFailed } from '../command-failed.ts';
import { jsonOption } from '../command-options.ts';

interface DemoOptions {
  readonly once?: boolean;
  readonly json?: boolean;
}

export function addDemoCommand(program: Command, io: CliIo): void {
  program
    .command('demo')
    .description('play it on two simulated platforms: no hardware, no configuration, loopback only')
    .option('--once', 'play one full cycle, and succeed only if every byte arrived once')
    .addOption(jsonOption())
    .action((options: DemoOptions) => demo(options, io));
}

async function demo(options: DemoOptions, io: CliIo): Promise<void> {
  const playDemo = await io.loadPlayDemo();
  const stop = new AbortController();
  const forget = io.onStopSignal(() => (stop.signal.aborted ? io.exitNow(130) : stop.abort()));
  try {
    const { ok } = await playDemo({
      once: options.once ?? false,
      json: options.json ?? false,
      print: (line) => printLines(io, line),
      signal: stop.signal,
    });
    if (!ok) throw new CommandFailed();
  } finally {
    forget();
  }
}
