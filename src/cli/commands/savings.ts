// `torpor savings`: what sleeping saved, per platform and day, against platforms that are always on; and what it would have saved where
// a platform only observes.
import type { Command } from 'commander';
import type { EnergySum, SavingsReport } from '../../platform/history.ts';
import { formatDuration, formatFixed, formatKwh } from '../../platform/units.ts';
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
    `Torpor's own machine: ${own.watts} W, ${formatKwh(own.kwh)}`,
    isKnown
      ? `${style.strong('Saved together')}, its own draw taken off: ${formatKwh(total.savedKwh)}, ${formatFixed(total.money, 2)} ${currency}, ${formatFixed(total.co2eKg, 1)} kg CO2e`
      : 'No watts are known: let the BMC be read, or write power.watts into the configuration.',
    ...formatPredicted(report, style),
  ];
}

function cells(sum: EnergySum): string[] {
  return [
    formatKwh(sum.alwaysOnKwh),
    formatKwh(sum.usedKwh),
    formatKwh(sum.savedKwh),
    formatFixed(sum.money, 2),
    `${formatFixed(sum.co2eKg, 1)} kg`,
    formatDuration(sum.asleepMs),
    String(sum.wakes),
    formatDuration(sum.unknownMs),
    sum.wattsSource,
  ];
}

/** What would have been, and was not: never summed with what was. */
function formatPredicted({ platforms, currency }: SavingsReport, style: Style): string[] {
  const observed = platforms.flatMap(({ platform, predicted }) =>
    predicted === null ? [] : [{ platform, predicted }],
  );
  if (observed.length === 0) return [];
  const heading = ['PLATFORM', 'WOULD HAVE SAVED', currency, 'CO2E', 'ASLEEP', 'WAKES', 'WATTS'];
  const rows = observed.map(({ platform, predicted }) => {
    const { savedKwh, money, co2eKg, asleepMs, wakes, wattsSource } = predicted;
    const isKnown = wattsSource !== 'none';
    const energy = isKnown
      ? [formatKwh(savedKwh), formatFixed(money, 2), `${formatFixed(co2eKg, 1)} kg`]
      : ['-', '-', '-'];
    return [style.strong(plainText(platform)), ...energy, formatDuration(asleepMs), String(wakes), wattsSource];
  });
  const isAllKnown = observed.every(({ predicted }) => predicted.wattsSource !== 'none');
  return [
    '',
    'Predicted, for the time in which platforms only observed (mode: observe) and could have slept:',
    ...alignRows([heading.map((cell) => style.faint(cell)), ...rows]),
    ...(isAllKnown ? [] : ['What a sleeper draws is not known: write power.watts.asleep, and power.watts.idle, too.']),
  ];
}
