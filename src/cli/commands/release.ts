// `torpor release PLATFORM`: ends what operators asked for: inhibitors, maintenance; and the record of failed wakes.
import type { Command } from 'commander';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption } from '../command-options.ts';

interface ReleaseOptions extends ClientOptions {
  readonly name?: string;
}

export function addReleaseCommand(program: Command, io: CliIo): void {
  program
    .command('release')
    .description("end operators' inhibitors, maintenance, and the record of failed wakes")
    .argument('<platform>', 'its name')
    .option('--name <name>', 'end only this inhibitor (torpor inhibit --list tells them)')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((platform: string, options: ReleaseOptions) => release(platform, options, io));
}

async function release(platform: string, options: ReleaseOptions, io: CliIo): Promise<void> {
  const status = await clientFor(io, options).release(platform, options.name ?? null);
  if (options.json) printJson(io, status);
  else printLines(io, `${status.name} is released; it is ${status.state}`);
}
