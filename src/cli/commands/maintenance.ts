// `torpor maintenance on|off PLATFORM`: hands off a platform, or takes it back.
import { Argument, type Command } from 'commander';
import { TorporError } from '../../platform/errors.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption } from '../command-options.ts';
import { plainText } from '../style.ts';

interface MaintenanceOptions extends ClientOptions {
  readonly why?: string;
}

export function addMaintenanceCommand(program: Command, io: CliIo): void {
  program
    .command('maintenance')
    .description('hands off a platform: no client wakes it and nothing suspends it, until this is taken back')
    .addArgument(new Argument('<on|off>', 'whether it is in maintenance').choices(['on', 'off']))
    .argument('<platform>', 'its name')
    .option('--why <text>', 'the reason, for whoever asks')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((word: string, platform: string, options: MaintenanceOptions) =>
      maintenance(word === 'on', platform, options, io),
    );
}

async function maintenance(on: boolean, platform: string, options: MaintenanceOptions, io: CliIo): Promise<void> {
  if (!on && options.why !== undefined) throw new TorporError('ERR_CLI_USAGE', '--why goes with on: leave it out');
  const status = await clientFor(io, options).maintenance(platform, on, options.why ?? null);
  if (options.json) return printJson(io, status);
  const until = `no client wakes it and nothing suspends it, until: torpor maintenance off ${status.name}`;
  if (on) printLines(io, `${status.name} is in maintenance (${plainText(status.maintenanceWhy)}): ${until}`);
  else printLines(io, `${status.name} is out of maintenance; it is ${status.state}`);
}
