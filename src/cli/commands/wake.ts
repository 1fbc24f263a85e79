// `torpor wake PLATFORM`: asks for a wake, and with --wait stays until it runs.
import type { Command } from 'commander';
import type { CliIo } from '../cli-io.ts';
import { apiOption, clientFor, jsonOption, waitTimeoutOption } from '../command-options.ts';
import { type ChangeOptions, reportChange, waitForState } from '../state-change.ts';

export function addWakeCommand(program: Command, io: CliIo): void {
  program
    .command('wake')
    .description('wake a platform')
    .argument('<platform>', 'its name')
    .option('--wait', 'wait until it is awake, and fail if it does not become so')
    .addOption(waitTimeoutOption())
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((platform: string, options: ChangeOptions) => wake(platform, options, io));
}

async function wake(platform: string, options: ChangeOptions, io: CliIo): Promise<void> {
  const client = clientFor(io, options);
  const before = await client.platform(platform);
  const asked = await client.wake(platform);
  if (!options.wait)
    return reportChange(asked, options, io, asked.state === 'awake' ? 'is awake' : 'was asked to wake');
  const reached = await waitForState({ client, before, goal: 'awake', options, io });
  return reportChange(reached, options, io, 'is awake');
}
