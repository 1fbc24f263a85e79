// Plays seeds one after the other, sums up what came of them, and tells how to see a failure again.
import { parseArgs } from 'node:util';
import { type SimFigures, type SimPlan, SimWorld } from './sim-world.ts';

const LAST_LINES = 60;
const DEFAULTS = { seeds: '10', from: '1', platforms: '2', days: '1' };

export interface Played {
  readonly plan: SimPlan;
  readonly world: SimWorld;
  readonly figures: SimFigures | null;
  readonly invariant: string | null;
  readonly why: string;
}

export async function playSeed(plan: SimPlan): Promise<Played> {
  const { world, figures, problem } = await SimWorld.play(plan);
  return { plan, world, figures, invariant: problem?.invariant ?? null, why: problem?.message ?? '' };
}

/** Leaves out one fault after the other as long as the same invariant fails. */
export async function shrinkFaults(failed: Played): Promise<Played> {
  let least = failed;
  let places = failed.plan.faults ?? failed.world.faults.map((_, place) => place);
  for (const place of [...places]) {
    const fewer = places.filter((other) => other !== place);
    const played = await playSeed({ ...failed.plan, faults: fewer });
    if (played.invariant !== failed.invariant) continue;
    places = fewer;
    least = played;
  }
  return least;
}

export class SimTotals {
  readonly faults: Record<string, number> = {};
  readonly #sums: Record<string, number> = {};
  seeds = 0;

  add(figures: SimFigures): void {
    this.seeds += 1;
    for (const [name, value] of Object.entries(figures))
      if (typeof value === 'number') this.#sums[name] = (this.#sums[name] ?? 0) + value;
    for (const [kind, count] of Object.entries(figures.faults)) this.faults[kind] = (this.faults[kind] ?? 0) + count;
  }

  of(name: keyof SimFigures): number {
    return this.#sums[name] ?? 0;
  }

  /** For people. `cpuMs`: of the whole run. */
  text(cpuMs: number): string {
    const hours = (ms: number) => (ms / 3_600_000).toFixed(1);
    const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(2)} %`;
    const days = this.of('platformDays') + this.of('shortDays');
    const faults = Object.entries(this.faults).sort(([a], [b]) => (a < b ? -1 : 1));
    const counted = [
      'steps',
      'streams',
      'bytesThere',
      'bytesBack',
      'sleeps',
      'wakes',
      'presses',
      'failedWakes',
      'alarms',
      'lives',
    ];
    return [
      `${this.seeds} seeds, ${this.of('platformDays')} platform-days, and ${this.of('shortDays')} that were too short to count`,
      counted.map((name) => `${name} ${this.of(name as keyof SimFigures)}`).join(', '),
      `faults: ${faults.map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
      `asleep ${hours(this.of('asleepMs'))} h of a perfect controller's ${hours(this.of('perfectMs'))} h: ${percent(this.of('asleepMs'), this.of('perfectMs'))}`,
      `with what is excluded around faults (${percent(this.of('excludedMs'), days * 86_400_000)} of the time): ${percent(this.of('asleepAllMs'), this.of('perfectAllMs'))}`,
      `CPU ${(cpuMs / 1000 / days).toFixed(2)} s a platform-day`,
    ].join('\n');
  }
}

export async function main(args: readonly string[]): Promise<number> {
  const string = { type: 'string' } as const;
  const options = {
    seed: string,
    seeds: string,
    from: string,
    platforms: string,
    days: string,
    faults: string,
    mutation: string,
    packets: { type: 'boolean' },
    'every-tick': { type: 'boolean' },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  const one = values.seed === undefined ? null : Number(values.seed);
  const from = one ?? Number(values.from ?? DEFAULTS.from);
  const seeds = one === null ? Number(values.seeds ?? DEFAULTS.seeds) : 1;
  const platforms = Number(values.platforms ?? DEFAULTS.platforms);
  const days = Number(values.days ?? DEFAULTS.days);
  const faults = values.faults?.split(',').filter(Boolean).map(Number) ?? null;
  const began = process.cpuUsage();
  const totals = new SimTotals();
  for (let seed = from; seed < from + seeds; seed += 1) {
    const played = await playSeed({
      seed,
      platforms,
      days,
      faults,
      packets: values.packets === true,
      everyTick: values['every-tick'] === true,
    });
    if (played.invariant !== null) {
      await tellFailure(played, totals, values.mutation ?? null);
      return 1;
    }
    totals.add(played.figures as SimFigures);
    if (one !== null) console.log(`seed ${seed}: ${played.figures?.hash}`);
  }
  const { user, system } = process.cpuUsage(began);
  console.log(totals.text((user + system) / 1000));
  return 0;
}

async function tellFailure(played: Played, totals: SimTotals, mutation: string | null): Promise<void> {
  const { seed, platforms, days } = played.plan;
  const before = `${totals.seeds} seeds and ${totals.of('platformDays') + totals.of('shortDays')} platform-days before it were right`;
  if (mutation !== null) {
    console.log(`${mutation}: found by ${played.invariant} in seed ${seed}; ${before}\n  ${played.why}`);
    return;
  }
  const least = await shrinkFaults(played);
  console.log(least.world.lines.slice(-LAST_LINES).join('\n'));
  const kept = least.plan.faults === null ? '' : ` --faults '${least.plan.faults.join(',')}'`;
  console.log(`seed ${seed} is wrong (${before}): ${played.why}`);
  console.log(`again, with all its faults: npm run test:sim -- --seed ${seed} --platforms ${platforms} --days ${days}`);
  console.log(
    `with the ${least.world.faults.length} it needs: npm run test:sim -- --seed ${seed} --platforms ${platforms} --days ${days}${kept}`,
  );
}
