// What moving VMs would have brought, as lines for people: each policy without, with, and the difference.
import { formatDuration, formatFixed } from '../platform/units.ts';
import type { EvacuationReport, PoolFigures } from '../policy/evacuation/evacuation-report.ts';
import type { Style } from './style.ts';
import { alignRows } from './table.ts';

const HEADING = ['', 'KWH', 'ASLEEP/DAY', 'CYCLES', 'AHEAD', 'WAITS', 'COST', 'MOVES'];

/** The table of the pool, and what was assumed. */
export function formatEvacuation(report: EvacuationReport, style: Style): string[] {
  const { days, policies } = report;
  const rows = [
    HEADING.map((cell) => style.faint(cell)),
    ...policies.flatMap(({ name, without, with: moved, difference }) => [
      figuresRow(name, without, days, ''),
      figuresRow('  evacuating', moved, days, ''),
      figuresRow('  difference', difference, days, '+'),
    ]),
  ];
  return [
    `${style.strong('Evacuation')}: ${evacuationHeading(report)}`,
    '',
    ...alignRows(rows),
    '',
    ...evacuationNotes(report).map((line) => style.faint(line)),
  ];
}

/** Whose figures these are. */
export function evacuationHeading({ platforms, vms, fromMs, toMs }: EvacuationReport): string {
  return `${platforms.length} platforms as one pool, ${vms} VMs, ${formatDuration(toMs - fromMs)}`;
}

/** What was assumed. */
export function evacuationNotes({ rule, moveCosts, moveMs }: EvacuationReport): string[] {
  const { vmsPerPlatform, activeAtMost, quietForMs, idleForMs, restForMs } = rule;
  const { gibPerVm, secondsPerGib, movingWatts } = moveCosts;
  return [
    `Assumed: each client uses a VM of its own, unless its record names the VM; a platform takes ${vmsPerPlatform}. Hardly used: ${activeAtMost} in use or fewer, for ${formatDuration(quietForMs)}.`,
    `VMs are moved when idle${idleForMs > 0 ? ` for ${formatDuration(idleForMs)}` : ''}, and rest for ${formatDuration(restForMs)}. A move copies ${gibPerVm} GiB in ${formatDuration(moveMs)} (${secondsPerGib} s per GiB), draws ${movingWatts} W on top, and keeps both awake.`,
    'Figures are of all platforms together; KWH and COST have what moving took.',
  ];
}

/** Cells of one row. `plus`: before what is more. */
export function figuresRow(name: string, figures: PoolFigures, days: number, plus: '' | '+'): string[] {
  const number = (value: number, digits: number) => {
    const text = formatFixed(value, digits);
    return Number(text) > 0 ? plus + text : text;
  };
  return [
    name,
    number(figures.kwh, 2),
    `${number(figures.asleepHours / days, 2)} h`,
    number(figures.cycles, 0),
    number(figures.preWakes, 0),
    number(figures.waits, 0),
    number(figures.cost, 2),
    number(figures.moves, 0),
  ];
}
