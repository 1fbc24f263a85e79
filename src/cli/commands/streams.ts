// `torpor streams`: every client connection on one line.
import type { Command } from 'commander';
import type { FarmStream } from '../../platform/status.ts';
import { formatBytes, formatDuration } from '../../platform/units.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption } from '../command-options.ts';
import { plainText, type Style, styleFor } from '../style.ts';
import { alignRows } from '../table.ts';

export function addStreamsCommand(program: Command, io: CliIo): void {
  program
    .command('streams')
    .description('list the client connections')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((options: ClientOptions) => streams(options, io));
}

async function streams(options: ClientOptions, io: CliIo): Promise<void> {
  const client = clientFor(io, options);
  const found = await client.streams();
  if (options.json) printJson(io, found);
  else printLines(io, ...formatStreams(found, client.nowMs(), styleFor(io)));
}

/** The table of streams: a heading, then one line each. `AT`, where there are several Torpors, is who carries it. */
export function formatStreams(streams: readonly FarmStream[], nowMs: number, style: Style): string[] {
  if (streams.length === 0) return ['no streams'];
  const heading = [
    'PLATFORM',
    'VM',
    'CLIENT',
    'TARGET',
    'SPEAKS',
    'MODE',
    'ACTIVE',
    'LAST ACTIVE',
    'OPEN',
    'IN',
    'OUT',
    'HELD',
    'VERDICT',
  ];
  const isShared = streams.some(({ instance }) => instance != null);
  if (isShared) heading.unshift('AT');
  const rows = streams.map((stream) => [
    ...(isShared ? [plainText(stream.instance ?? '')] : []),
    plainText(stream.platform),
    plainText(stream.vm),
    plainText(stream.client),
    plainText(stream.target),
    plainText(stream.speaks),
    stream.mode,
    stream.active ? style.good('yes') : 'no',
    `${formatDuration(nowMs - stream.lastActiveAtMs)} ago`,
    formatDuration(nowMs - stream.openedAtMs),
    formatBytes(stream.bytesFromClient),
    formatBytes(stream.bytesToClient),
    stream.heldBytes === 0 ? '-' : formatBytes(stream.heldBytes),
    plainText(stream.verdict),
  ]);
  return alignRows([heading.map((cell) => style.faint(cell)), ...rows]);
}
