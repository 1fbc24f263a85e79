// `torpor inhibit PLATFORM`: keeps a platform awake for a while, with a reason; `--list` tells what keeps platforms awake.
import { type Command, Option } from 'commander';
import { TorporError } from '../../platform/errors.ts';
import { DEFAULT_INHIBITOR } from '../../platform/inhibitor.ts';
import type { PlatformStatus } from '../../platform/status.ts';
import { formatDuration } from '../../platform/units.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption, parsePositiveDuration } from '../command-options.ts';
import { plainText, type Style, styleFor } from '../style.ts';
import { alignRows } from '../table.ts';

interface InhibitOptions extends ClientOptions {
  readonly for?: string;
  readonly why?: string;
  readonly name?: string;
  readonly list?: boolean;
}

export function addInhibitCommand(program: Command, io: CliIo): void {
  program
    .command('inhibit')
    .description('keep a platform from sleeping, for a while or until it is released')
    .argument('[platform]', 'its name')
    .option('--for <duration>', 'how long, such as 2h (default: until released)', parsePositiveDuration)
    .option('--why <text>', 'the reason, for whoever asks')
    .option('--name <name>', `tells several apart; the same name again replaces it (default: ${DEFAULT_INHIBITOR})`)
    .addOption(new Option('--list', 'tell what keeps this platform, or all, awake').conflicts(['for', 'why', 'name']))
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((platform: string | undefined, options: InhibitOptions) =>
      options.list ? list(platform, options, io) : inhibit(platform, options, io),
    );
}

async function inhibit(platform: string | undefined, options: InhibitOptions, io: CliIo): Promise<void> {
  if (platform === undefined) throw new TorporError('ERR_CLI_USAGE', "missing required argument 'platform'");
  if (options.why === undefined) {
    throw new TorporError('ERR_CLI_USAGE', "required option '--why <text>' not specified: say why, for whoever asks");
  }
  const client = clientFor(io, options);
  const status = await client.inhibit(platform, options.name ?? null, options.for ?? null, options.why);
  const release = options.name === undefined ? '' : ` --name ${options.name}`;
  const until = options.for === undefined ? `until: torpor release ${status.name}${release}` : `for ${options.for}`;
  if (options.json) printJson(io, status);
  else printLines(io, `${status.name} will not be put to sleep ${until}`);
}

async function list(platform: string | undefined, options: InhibitOptions, io: CliIo): Promise<void> {
  const client = clientFor(io, options);
  const platforms = platform === undefined ? await client.platforms() : [await client.platform(platform)];
  const listed = platforms.flatMap(({ name, inhibitors }) =>
    inhibitors.map((inhibitor) => ({ platform: name, ...inhibitor })),
  );
  if (options.json) printJson(io, listed);
  else printLines(io, ...formatInhibitors(platforms, client.nowMs(), styleFor(io)));
}

/** One line per inhibitor, oldest first within its platform. */
export function formatInhibitors(platforms: readonly PlatformStatus[], nowMs: number, style: Style): string[] {
  const rows = platforms.flatMap(({ name, inhibitors }) =>
    [...inhibitors]
      .sort((a, b) => a.sinceMs - b.sinceMs)
      .map((inhibitor) => [
        style.strong(name),
        inhibitor.kind,
        plainText(inhibitor.name),
        formatDuration(nowMs - inhibitor.sinceMs),
        inhibitor.untilMs === null ? '-' : formatDuration(inhibitor.untilMs - nowMs),
        plainText(inhibitor.why),
      ]),
  );
  if (rows.length === 0) return ['nothing inhibits a sleep (torpor explain PLATFORM tells what else keeps it awake)'];
  const heading = ['PLATFORM', 'KIND', 'NAME', 'SINCE', 'LEFT', 'WHY'];
  return alignRows([heading.map((cell) => style.faint(cell)), ...rows]);
}
