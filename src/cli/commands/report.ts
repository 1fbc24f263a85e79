// `torpor report`: what platforms slept, what they would have slept in observe mode, and who kept them awake.
import type { Command } from 'commander';
import { TorporError } from '../../platform/errors.ts';
import type { PredictedSavings, SavingsReport } from '../../platform/history.ts';
import type { PlatformReport, SleepSum } from '../../platform/status.ts';
import { formatDuration, formatFixed, formatKwh } from '../../platform/units.ts';
import type { ApiClient } from '../api-client.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption } from '../command-options.ts';
import { plainText, type Style, styleFor } from '../style.ts';
import { alignRows } from '../table.ts';

type Prediction = PredictedSavings & { readonly currency: string };

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
  const client = clientFor(io, options);
  const all = await client.report();
  const found = platform === undefined ? all : all.filter((each) => each.platform === platform);
  if (platform !== undefined && found.length === 0) {
    const known = all.map((each) => each.platform).join(', ');
    throw new TorporError(
      'ERR_PLATFORM_UNKNOWN',
      `no platform is called "${plainText(platform)}"; there are: ${known}`,
    );
  }
  if (options.json) return printJson(io, found);
  const nowMs = client.nowMs();
  const savings = await predictedSavings(found, client, nowMs);
  for (const [index, each] of found.entries()) {
    const saved = savings?.platforms.find(({ platform: name }) => name === each.platform)?.predicted ?? null;
    const prediction = saved === null || savings === null ? null : { ...saved, currency: savings.currency };
    printLines(io, ...(index > 0 ? [''] : []), ...formatReport(each, nowMs, styleFor(io), prediction));
  }
}

/** Null where none of them only observes, or where Torpor keeps no history to reckon with. */
async function predictedSavings(
  reports: readonly PlatformReport[],
  client: ApiClient,
  nowMs: number,
): Promise<SavingsReport | null> {
  const observing = reports.filter(({ mode }) => mode === 'observe');
  if (observing.length === 0) return null;
  const sinceMs = Math.min(...observing.map((each) => each.sinceMs));
  try {
    return await client.savings(Math.floor(sinceMs), Math.max(nowMs, Math.floor(sinceMs) + 1));
  } catch {
    // Without a history the report is whole but for this line.
    return null;
  }
}

/** One platform: what it slept, then the clients with the most time in its pool. */
export function formatReport(
  report: PlatformReport,
  nowMs: number,
  style: Style,
  prediction: Prediction | null = null,
): string[] {
  const spanMs = Math.max(1, nowMs - report.sinceMs);
  const lines = [
    `${style.strong(report.platform)} (${report.mode}), since Torpor started ${formatDuration(spanMs)} ago:`,
    `  slept ${formatSleep(report.slept, spanMs)}`,
  ];
  if (report.mode === 'observe') {
    lines.push(`  would have slept ${formatSleep(report.wouldHaveSlept, spanMs)}`);
    if (prediction !== null) lines.push(`  would have saved ${formatPrediction(prediction)}`);
  }
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

function formatPrediction({ savedKwh, money, currency, wattsSource }: Prediction): string {
  if (wattsSource === 'none') return 'nobody knows how much: write power.watts.asleep and power.watts.idle';
  return `${formatKwh(savedKwh)}, ${formatFixed(money, 2)} ${currency} (predicted, watts ${wattsSource})`;
}

function formatSleep({ totalMs, suspends, wakes }: SleepSum, spanMs: number): string {
  if (suspends === 0) return 'never';
  const share = ((totalMs / spanMs) * 100).toFixed(0);
  return `${formatDuration(totalMs)} (${share} % of the time): ${count(suspends, 'suspend')}, ${count(wakes, 'wake')}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
