// `torpor release PLATFORM`: ends an operator's inhibitor, maintenance, and the record of failed wakes.
import type { Command } from 'commander';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption } from '../command-options.ts';

export function addReleaseCommand(program: Command, io: CliIo): void {
  program
    .command('release')
    .description('end an inhibitor, maintenance, and the record of failed wakes')
    .argument('<platform>', 'its name')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((platform: string, options: ClientOptions) => release(platform, options, io));
}

async function release(platform: string, options: ClientOptions, io: CliIo): Promise<void> {
  const status = await clientFor(io, options).release(platform);
  if (options.json) printJson(io, status);
  else printLines(io, `${status.name} is released; it is ${status.state}`);
}
