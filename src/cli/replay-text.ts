// A replay as lines for people: one row per policy, always-on and the optimum beside them.
import { formatDuration } from '../platform/units.ts';
import type { CourseFigures, PolicyFigures, ReplayReport } from '../policy/replay-report.ts';
import { plainText, type Style } from './style.ts';
import { alignRows } from './table.ts';

/** The table of one platform, and what its columns mean. */
export function formatReplay(report: ReplayReport, style: Style): string[] {
  const { platform, people, intervals, alwaysOn, optimum, optimumNoWake, policies } = report;
  const span = formatDuration(report.toMs - report.fromMs);
  const heading = [
    '',
    'KWH',
    'ASLEEP/DAY',
    'CYCLES',
    'AHEAD',
    'WAITS',
    'PER USER-DAY',
    'COST',
    'S',
    'G',
    'WAITS=',
    'SLEEP=',
  ];
  const rows = [
    heading.map((cell) => style.faint(cell)),
    courseRow(alwaysOn),
    ...policies.map((figures) => [
      ...courseRow(figures),
      share(figures.waitsAtEqualSleep),
      share(figures.sleepAtEqualWaits),
    ]),
    courseRow(optimumNoWake),
    courseRow(optimum),
  ];
  return [
    `${style.strong(plainText(platform))}: ${span}, ${people} ${people === 1 ? 'person' : 'people'}, ${intervals} idle intervals`,
    '',
    ...alignRows(rows),
    '',
    ...LEGEND.map((line) => style.faint(line)),
  ];
}

const LEGEND = [
  'AHEAD: wakes before anybody came. COST: energy while idle or asleep, waits and wear, in money. S: share of what the optimum saves.',
  'G: share of the way from fixed 10m to the optimum. WAITS=: waits at the hours asleep of fixed 10m, against it. SLEEP=: the reverse.',
];

function courseRow(figures: CourseFigures | PolicyFigures): string[] {
  return [
    figures.name,
    figures.kwh.toFixed(1),
    `${figures.asleepHoursPerDay.toFixed(2)} h`,
    String(figures.cycles),
    String(figures.preWakes),
    String(figures.waits),
    figures.waitsPerUserDay.toFixed(3),
    figures.cost.toFixed(2),
    percent(figures.saved),
    percent(figures.gain),
  ];
}

function percent(value: number | null): string {
  return value === null ? '-' : `${(value * 100).toFixed(1)} %`;
}

function share(value: number | null): string {
  return value === null ? '-' : `${value > 0 ? '+' : ''}${(value * 100).toFixed(1)} %`;
}
