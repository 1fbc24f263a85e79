// `torpor inhibit PLATFORM`: keeps a platform awake for a while, with a reason.
import type { Command } from 'commander';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption, parsePositiveDuration } from '../command-options.ts';

interface InhibitOptions extends ClientOptions {
  readonly for?: string;
  readonly why: string;
}

export function addInhibitCommand(program: Command, io: CliIo): void {
  program
    .command('inhibit')
    .description('keep a platform from sleeping, for a while or until it is released')
    .argument('<platform>', 'its name')
    .option('--for <duration>', 'how long, such as 2h (default: until released)', parsePositiveDuration)
    .requiredOption('--why <text>', 'the reason, for whoever asks')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((platform: string, options: InhibitOptions) => inhibit(platform, options, io));
}

async function inhibit(platform: string, options: InhibitOptions, io: CliIo): Promise<void> {
  const status = await clientFor(io, options).inhibit(platform, options.for ?? null, options.why);
  const until = options.for === undefined ? `until: torpor release ${status.name}` : `for ${options.for}`;
  if (options.json) printJson(io, status);
  else printLines(io, `${status.name} will not be put to sleep ${until}`);
}
