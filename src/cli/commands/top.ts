// `torpor top`: platforms, who is active and what happened last, kept up to date. Also what `torpor demo --top` shows.
import type { Command } from 'commander';
import type { FarmEvent } from '../../platform/status.ts';
import { formatDuration } from '../../platform/units.ts';
import type { ApiClient } from '../api-client.ts';
import type { CliIo } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor } from '../command-options.ts';
import { showLive } from '../live-view.ts';
import { plainText, type Style, styleFor } from '../style.ts';
import { alignRows } from '../table.ts';
import { formatStatus } from './status.ts';

const STREAMS_SHOWN = 15;
const EVENTS_SHOWN = 12;

export function addTopCommand(program: Command, io: CliIo): void {
  program
    .command('top')
    .description('show platforms, active clients and the last events, and keep them up to date')
    .addOption(apiOption())
    .action((options: ClientOptions) => showTop(clientFor(io, options), io));
}

export function showTop(client: ApiClient, io: CliIo, signal?: AbortSignal): Promise<void> {
  const look = () => lookAll(client, styleFor(io));
  return showLive(io, signal === undefined ? { look } : { look, signal });
}

async function lookAll(client: ApiClient, style: Style): Promise<string[]> {
  const [platforms, streams, events] = await Promise.all([client.platforms(), client.streams(), client.recentEvents()]);
  const nowMs = client.nowMs();
  const active = streams.filter((stream) => stream.active).sort((a, b) => b.lastActiveAtMs - a.lastActiveAtMs);
  const rows = active
    .slice(0, STREAMS_SHOWN)
    .map((stream) => [
      plainText(stream.client),
      `${stream.platform}/${plainText(stream.vm)}`,
      stream.speaks,
      stream.idleAtMs === null ? '' : `idle in ${formatDuration(Math.max(0, stream.idleAtMs - nowMs))}`,
      plainText(stream.verdict),
    ]);
  const more = active.length - rows.length;
  return [
    ...formatStatus(platforms, nowMs, style),
    '',
    style.faint(`${active.length} of ${streams.length} connections are active`),
    ...alignRows(rows),
    ...(more > 0 ? [style.faint(`and ${more} more`)] : []),
    '',
    ...events
      .slice(-EVENTS_SHOWN)
      .reverse()
      .map((event) => formatEvent(event, nowMs, style)),
  ];
}

function formatEvent(event: FarmEvent, nowMs: number, style: Style): string {
  const age = style.faint(`${formatDuration(Math.max(0, nowMs - event.atMs))} ago`.padStart(12));
  const message = plainText(event.message);
  return `${age}  ${event.platform}  ${event.kind === 'alarm' ? style.bad(message) : message}`;
}
