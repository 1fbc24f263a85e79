// `npm run test:sim`: what is to be played, by how many processes and for how long; progress, failures and the sum are told.
// Usage: npm run test:sim -- [--seed N | --seeds N | --seeds A..B] [--for SECONDS] [--days N] [--platforms N] [--torpors N] [--workers N] [--packets] [--every-tick] [--mutation NAME|all]
import { parseArgs } from 'node:util';
import { type BlockPlan, playBlock } from './play-seed.ts';
import { type PoolEnd, playPool } from './seed-pool.ts';

const PROGRESS_EVERY_MS = 10_000;
const DEFAULT_SEEDS = 10;
const MUTATION_SEEDS = 400;
/** Of several Torpors, whose beats cost the same for one platform as for several. */
const MUTATION_PLATFORMS = 4;

const string = { type: 'string' } as const;
const OPTIONS = {
  seed: string,
  seeds: string,
  for: string,
  platforms: string,
  days: string,
  torpors: string,
  workers: string,
  faults: string,
  mutation: string,
  packets: { type: 'boolean' },
  'packets-every': string,
  'every-tick': { type: 'boolean' },
  worker: { type: 'boolean' },
} as const;

interface Wanted extends BlockPlan {
  readonly workers: number;
  readonly boundMs: number;
  readonly mutation: string | null;
}

function readArgs(args: readonly string[]): Wanted {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const [from, to] = seedsOf(values.seed ?? values.seeds ?? null, values.for !== undefined);
  return {
    from,
    to,
    platforms: Number(values.platforms ?? 1),
    days: Number(values.days ?? 1),
    torpors: Number(values.torpors ?? 1),
    faults: values.faults?.split(',').filter(Boolean).map(Number) ?? null,
    packets: values.packets === true,
    packetsEvery: Number(values['packets-every'] ?? 0),
    everyTick: values['every-tick'] === true,
    tells: true,
    workers: Number(values.workers ?? 1),
    boundMs: values.for === undefined ? Number.POSITIVE_INFINITY : 1000 * Number(values.for),
    mutation: values.mutation ?? null,
  };
}

/** `7`, `100..200`; without: the first ten, or as many as there is time for. */
function seedsOf(text: string | null, isTimed: boolean): [number, number] {
  if (text === null) return [1, isTimed ? Number.MAX_SAFE_INTEGER : DEFAULT_SEEDS];
  const [from, to = from] = text.split('..').map(Number);
  if (!Number.isInteger(from) || !Number.isInteger(to)) throw new Error(`seeds are 7 or 100..200, not ${text}`);
  return [from as number, to as number];
}

/** By their names; `torpors`: how many must share the platforms. */
type Mutations = Readonly<Record<string, { readonly torpors?: number }>>;

/** `mutations`: those that there are. */
export async function main(args: readonly string[], mutations: Mutations): Promise<number> {
  const wanted = readArgs(args);
  if (args.includes('--worker')) return serve();
  if (wanted.mutation !== null) {
    const names = Object.keys(mutations).filter((name) => wanted.mutation === 'all' || wanted.mutation === name);
    if (names.length === 0) throw new Error(`no mutation has the name ${wanted.mutation}`);
    return playMutations(wanted, mutations, names);
  }
  const end = await playPool({ ...wanted, onProgress: progressEvery(PROGRESS_EVERY_MS) });
  const { totals, failure, hash, lastSeed } = end;
  if (failure !== null) {
    console.log(failure.story);
    console.log(`seed ${failure.seed} is wrong (${totals.line()} were played): ${failure.why}`);
    return 1;
  }
  if (wanted.from === wanted.to) console.log(`seed ${wanted.from}: ${hash}`);
  console.log(
    `seeds ${wanted.from} to ${lastSeed}, ${wanted.platforms} platforms, ${wanted.days} days: every invariant holds`,
  );
  console.log(totals.text());
  return 0;
}

function progressEvery(everyMs: number): (totals: PoolEnd['totals']) => void {
  let toldAtMs = Date.now();
  return (totals) => {
    if (Date.now() - toldAtMs < everyMs) return;
    toldAtMs = Date.now();
    console.error(totals.line());
  };
}

/** Each guard taken out of the shipped code: found, by what, and how soon. Fails where one is not. */
async function playMutations(wanted: Wanted, mutations: Mutations, names: readonly string[]): Promise<number> {
  let missed = 0;
  const to = wanted.from + MUTATION_SEEDS - 1;
  for (const name of names) {
    const torpors = Math.max(wanted.torpors ?? 1, mutations[name]?.torpors ?? 1);
    const { totals, failure } = await playPool({
      ...wanted,
      to,
      torpors,
      platforms: torpors === 1 ? wanted.platforms : Math.max(wanted.platforms, MUTATION_PLATFORMS),
      mutation: name,
      tells: false,
      onProgress: () => {},
    });
    const days = totals.days + (failure === null ? 0 : wanted.days * (torpors === 1 ? 1 : MUTATION_PLATFORMS));
    const after = `${days} platform-days, ${(totals.cpuMs / 1000).toFixed(1)} s of CPU`;
    if (failure === null) missed += 1;
    console.log(
      failure === null
        ? `${name}: NOT FOUND in ${after}`
        : `${name}: found by ${failure.invariant} in seed ${failure.seed}, ${after}`,
    );
  }
  return missed === 0 ? 0 : 1;
}

/** What another process wants played, a block after the other, until it has enough. */
function serve(): Promise<number> {
  return new Promise((resolve, reject) => {
    process.on('message', (block: BlockPlan) => {
      playBlock(block).then((end) => process.send?.(end), reject);
    });
    process.on('disconnect', () => resolve(0));
  });
}
