// `torpor savings`: what sleeping saved, per platform and day, against platforms that are always on.
import type { Command } from 'commander';
import type { EnergySum, SavingsReport } from '../../platform/history.ts';
import { formatDuration } from '../../platform/units.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import {
  apiOption,
  type ClientOptions,
  clientFor,
  jsonOption,
  parsePositiveDuration,
  readDurationMs,
} from '../command-options.ts';
import { plainText, type Style, styleFor } from '../style.ts';
import { alignRows } from '../table.ts';

interface SavingsOptions extends ClientOptions {
  readonly last: string;
  readonly days?: boolean;
}

export function addSavingsCommand(program: Command, io: CliIo): void {
  program
    .command('savings')
    .description('tell what sleeping saved: energy, money and CO2e, against platforms that are always on')
    .option('--last <duration>', 'how far to look back', parsePositiveDuration, '30d')
    .option('--days', 'day by day')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((options: SavingsOptions) => savings(options, io));
}

async function savings(options: SavingsOptions, io: CliIo): Promise<void> {
  const toMs = Date.now();
  const fromMs = Math.max(0, toMs - readDurationMs(options.last));
  const report = await clientFor(io, options).savings(fromMs, toMs);
  if (options.json) printJson(io, report);
  else printLines(io, ...formatSavings(report, options.days === true, styleFor(io)));
}

/** A line per platform, or per platform and day; then Torpor's own draw and what is left. */
export function formatSavings(report: SavingsReport, byDay: boolean, style: Style): string[] {
  const { currency, own, total, fromMs, toMs, timeZone } = report;
  const first = byDay ? ['PLATFORM', 'DAY'] : ['PLATFORM'];
  const heading = [...first, 'ALWAYS ON', 'USED', 'SAVED', currency, 'CO2E', 'ASLEEP', 'WAKES', 'NOT KNOWN', 'WATTS'];
  const rows = report.platforms.flatMap(({ platform, days, total: sum }) =>
    byDay
      ? days.map((day) => [plainText(platform), day.day, ...cells(day)])
      : [[style.strong(plainText(platform)), ...cells(sum)]],
  );
  const lines = alignRows([heading.map((cell) => style.faint(cell)), ...rows]);
  const isKnown = total.wattsSource !== 'none';
  return [
    `The last ${formatDuration(toMs - fromMs)} (days of ${timeZone}):`,
    ...lines,
    `Torpor's own machine: ${own.watts} W, ${kwh(own.kwh)}`,
    isKnown
      ? `${style.strong('Saved together')}, its own draw taken off: ${kwh(total.savedKwh)}, ${total.money.toFixed(2)} ${currency}, ${total.co2eKg.toFixed(1)} kg CO2e`
      : 'No watts are known: let the BMC be read, or write power.watts into the configuration.',
  ];
}

function cells(sum: EnergySum): string[] {
  return [
    kwh(sum.alwaysOnKwh),
    kwh(sum.usedKwh),
    kwh(sum.savedKwh),
    sum.money.toFixed(2),
    `${sum.co2eKg.toFixed(1)} kg`,
    formatDuration(sum.asleepMs),
    String(sum.wakes),
    formatDuration(sum.unknownMs),
    sum.wattsSource,
  ];
}

function kwh(value: number): string {
  return `${value.toFixed(Math.abs(value) < 1 ? 3 : 1)} kWh`;
}
