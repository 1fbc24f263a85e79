// `torpor drain PLATFORM` and `torpor undrain PLATFORM`: a pool places nobody new there, or does so again.
import type { Command } from 'commander';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption } from '../command-options.ts';

export function addDrainCommands(program: Command, io: CliIo): void {
  for (const [name, on, description] of [
    ['drain', true, 'have no pool place anybody new on a platform; connections that are open stay'],
    ['undrain', false, 'have pools place clients on a drained platform again'],
  ] as const) {
    program
      .command(name)
      .description(description)
      .argument('<platform>', 'its name')
      .addOption(apiOption())
      .addOption(jsonOption())
      .action((platform: string, options: ClientOptions) => drain(on, platform, options, io));
  }
}

async function drain(on: boolean, platform: string, options: ClientOptions, io: CliIo): Promise<void> {
  const status = await clientFor(io, options).drain(platform, on);
  if (options.json) return printJson(io, status);
  const { name, streams } = status;
  if (on)
    printLines(
      io,
      `${name} is drained: nobody new is placed there, ${streams} open connections stay, until: torpor undrain ${name}`,
    );
  else printLines(io, `${name} takes new clients again`);
}
