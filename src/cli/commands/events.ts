// `torpor events`: what happened, and with --follow what happens.
import type { Command } from 'commander';
import type { FarmEvent } from '../../platform/status.ts';
import { type CliIo, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption } from '../command-options.ts';
import type { SseMessage } from '../sse-parser.ts';
import { plainText, type Style, styleFor } from '../style.ts';

interface EventsOptions extends ClientOptions {
  readonly follow?: boolean;
}

/** Wide enough for the stable kinds, so that messages start in one column. */
const KIND_CHARS = 13;

export function addEventsCommand(program: Command, io: CliIo): void {
  program
    .command('events')
    .description('list what happened')
    .option('-f, --follow', 'go on with what happens, until interrupted')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((options: EventsOptions) => events(options, io));
}

async function events(options: EventsOptions, io: CliIo): Promise<void> {
  const client = clientFor(io, options);
  const style = styleFor(io);
  const print = (event: FarmEvent) => printLines(io, options.json ? JSON.stringify(event) : formatEvent(event, style));
  if (!options.follow) {
    for (const event of await client.recentEvents()) print(event);
    return;
  }
  const stop = new AbortController();
  const forget = io.onStopSignal(() => stop.abort());
  try {
    await client.followEvents((message) => printMessage(message, print, io), stop.signal);
  } finally {
    forget();
  }
}

/** A hole in the log is told on stderr: stdout is for events. */
function printMessage(message: SseMessage, print: (event: FarmEvent) => void, io: CliIo): void {
  if (message.event === 'message') print(JSON.parse(message.data) as FarmEvent);
  if (message.event === 'gap')
    io.err('torpor: some events are missing here: they were dropped, or Torpor was restarted\n');
}

/** One event on one line: local date and time, platform, kind, message. */
export function formatEvent(event: FarmEvent, style: Style): string {
  const time = style.faint(formatTime(event.atMs));
  const kind = event.kind === 'alarm' ? style.bad(event.kind.padEnd(KIND_CHARS)) : event.kind.padEnd(KIND_CHARS);
  return `${time} ${style.strong(plainText(event.platform))} ${kind} ${plainText(event.message)}`;
}

function formatTime(atMs: number): string {
  const date = new Date(atMs);
  const local = new Date(atMs - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 23).replace('T', ' ');
}
