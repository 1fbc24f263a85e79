// `torpor report`: what platforms slept, what they would have slept in observe mode, and who kept them awake.
import type { Command } from 'commander';
import { TorporError } from '../../platform/errors.ts';
import type { PlatformReport, SleepSum } from '../../platform/status.ts';
import { formatDuration } from '../../platform/units.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption } from '../command-options.ts';
import { plainText, type Style, styleFor } from '../style.ts';
import { alignRows } from '../table.ts';

export function addReportCommand(program: Command, io: CliIo): void {
  program
    .command('report')
    .description('tell what platforms slept, or would have slept in observe mode, and who kept them awake')
    .argument('[platform]', 'its name; left out: all')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((platform: string | undefined, options: ClientOptions) => report(platform, options, io));
}

async function report(platform: string | undefined, options: ClientOptions, io: CliIo): Promise<void> {
  const all = await clientFor(io, options).report();
  const found = platform === undefined ? all : all.filter((each) => each.platform === platform);
  if (platform !== undefined && found.length === 0) {
    const known = all.map((each) => each.platform).join(', ');
    throw new TorporError(
      'ERR_PLATFORM_UNKNOWN',
      `no platform is called "${plainText(platform)}"; there are: ${known}`,
    );
  }
  if (options.json) printJson(io, found);
  else
    printLines(
      io,
      ...found.flatMap((each, index) => [...(index > 0 ? [''] : []), ...formatReport(each, Date.now(), styleFor(io))]),
    );
}

/** One platform: what it slept, then the clients with the most time in its pool. */
export function formatReport(report: PlatformReport, nowMs: number, style: Style): string[] {
  const spanMs = Math.max(1, nowMs - report.sinceMs);
  const lines = [
    `${style.strong(report.platform)} (${report.mode}), since Torpor started ${formatDuration(spanMs)} ago:`,
    `  slept ${formatSleep(report.slept, spanMs)}`,
  ];
  if (report.mode === 'observe') lines.push(`  would have slept ${formatSleep(report.wouldHaveSlept, spanMs)}`);
  if (report.keptAwakeBy.length === 0) return [...lines, '  nobody was active'];
  const heading = ['  WHO KEPT IT AWAKE', 'VM', 'ACTIVE', 'OF THAT ALONE', 'TIMES'].map((cell) => style.faint(cell));
  const rows = report.keptAwakeBy.map(({ client, vm, activeMs, aloneMs, entries }) => [
    `  ${plainText(client)}`,
    plainText(vm),
    formatDuration(activeMs),
    formatDuration(aloneMs),
    String(entries),
  ]);
  const others = report.othersActiveMs === 0 ? [] : [`  others together ${formatDuration(report.othersActiveMs)}`];
  return [...lines, ...alignRows([heading, ...rows]), ...others];
}

function formatSleep({ totalMs, suspends, wakes }: SleepSum, spanMs: number): string {
  if (suspends === 0) return 'never';
  const share = ((totalMs / spanMs) * 100).toFixed(0);
  return `${formatDuration(totalMs)} (${share} % of the time): ${count(suspends, 'suspend')}, ${count(wakes, 'wake')}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
