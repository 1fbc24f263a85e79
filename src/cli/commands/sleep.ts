// `torpor sleep PLATFORM`: asks for sleep, and with --wait stays until it sleeps.
import type { Command } from 'commander';
import type { StateName } from '../../platform/status.ts';
import type { CliIo } from '../cli-io.ts';
import { apiOption, clientFor, jsonOption, waitTimeoutOption } from '../command-options.ts';
import { type ChangeOptions, reportChange, waitForState } from '../state-change.ts';

interface SleepOptions extends ChangeOptions {
  readonly force?: boolean;
}

/** Nothing has to be asked then; it may only turn back. */
const ON_ITS_WAY: ReadonlySet<StateName> = new Set(['saving', 'suspending']);

export function addSleepCommand(program: Command, io: CliIo): void {
  program
    .command('sleep')
    .description('put a platform to sleep as soon as its guards allow')
    .argument('<platform>', 'its name')
    .option('--force', 'even while clients are active')
    .option('--wait', 'wait until it sleeps, and fail if it does not')
    .addOption(waitTimeoutOption())
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((platform: string, options: SleepOptions) => sleep(platform, options, io));
}

async function sleep(platform: string, options: SleepOptions, io: CliIo): Promise<void> {
  const client = clientFor(io, options);
  const before = await client.platform(platform);
  if (before.state === 'asleep') return reportChange(before, options, io, 'is asleep');
  const asked = ON_ITS_WAY.has(before.state) ? before : await client.sleep(platform, options.force ?? false);
  if (!options.wait) return reportChange(asked, options, io, 'was asked to sleep');
  const reached = await waitForState({ client, before, goal: 'asleep', options, io });
  return reportChange(reached, options, io, 'is asleep');
}
