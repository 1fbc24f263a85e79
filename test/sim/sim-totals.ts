// What came of many simulated runs, summed up; and how it is told to people.
import { DAY_MS, HOUR_MS } from './fault-plan.ts';
import type { SimFigures } from './sim-world.ts';

const COUNTED = ['streams', 'bytesThere', 'bytesBack', 'presses', 'sleeps', 'wakes', 'failedWakes', 'alarms'] as const;

/** Plain data, so that processes can send it to each other. */
export interface SimSums {
  seeds: number;
  cpuMs: number;
  readonly faults: Record<string, number>;
  readonly sums: Record<string, number>;
}

export class SimTotals implements SimSums {
  readonly faults: Record<string, number> = {};
  readonly sums: Record<string, number> = {};
  seeds = 0;
  cpuMs = 0;

  add(figures: SimFigures): void {
    const numbers = Object.entries(figures).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
    this.join({ seeds: 1, cpuMs: 0, faults: { ...figures.faults }, sums: Object.fromEntries(numbers) });
  }

  join(other: SimSums): void {
    this.seeds += other.seeds;
    this.cpuMs += other.cpuMs;
    addTo(this.sums, other.sums);
    addTo(this.faults, other.faults);
  }

  of(name: keyof SimFigures): number {
    return this.sums[name] ?? 0;
  }

  /** Those that count, and those that were too short to. */
  get days(): number {
    return this.of('platformDays') + this.of('shortDays');
  }

  /** For people, on a line while it goes on. */
  line(): string {
    return `${this.seeds} seeds, ${this.of('platformDays')} platform-days, ${(this.cpuMs / 1000).toFixed(0)} s of CPU`;
  }

  text(): string {
    const faults = Object.entries(this.faults).sort(([a], [b]) => (a < b ? -1 : 1));
    const count = faults.reduce((sum, [, struck]) => sum + struck, 0);
    return [
      `${this.seeds} seeds, ${this.of('platformDays')} platform-days, and ${this.of('shortDays')} that were too short to count`,
      [...COUNTED, 'lives' as const, 'steps' as const].map((name) => `${name} ${this.of(name)}`).join(', '),
      `${count} faults: ${faults.map(([kind, struck]) => `${kind} ${struck}`).join(', ')}`,
      `asleep ${hours(this.of('asleepMs'))} h of a perfect controller's ${hours(this.of('perfectMs'))} h: ${percent(this.of('asleepMs'), this.of('perfectMs'))}`,
      `with what is excluded around faults (${percent(this.of('excludedMs'), this.days * DAY_MS)} of the time): ${percent(this.of('asleepAllMs'), this.of('perfectAllMs'))}`,
      `CPU ${(this.cpuMs / 1000).toFixed(0)} s, ${(this.cpuMs / 1000 / this.days).toFixed(3)} s a platform-day`,
    ].join('\n');
  }
}

function addTo(sums: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + value;
}

function hours(ms: number): string {
  return (ms / HOUR_MS).toFixed(1);
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(2)} %`;
}
