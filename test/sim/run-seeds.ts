// `npm run test:sim`: what is to be played, by how many processes and for how long; progress, failures and the sum are told.
import { Command, InvalidArgumentError, Option } from 'commander';
import { type BlockPlan, playBlock } from './play-seed.ts';
import { type PoolEnd, playPool } from './seed-pool.ts';
import { VM_NAMES } from './sim-vm.ts';

const PROGRESS_EVERY_MS = 10_000;
const DEFAULT_SEEDS = 10;
const MUTATION_SEEDS = 400;
/** Of several Torpors, whose beats cost the same for one platform as for several. */
const MUTATION_PLATFORMS = 4;

interface Given {
  readonly seed?: [number, number];
  readonly seeds?: [number, number];
  readonly for?: number;
  readonly platforms: number;
  readonly days: number;
  readonly torpors: number;
  readonly vms: number;
  readonly workers: number;
  readonly faults?: readonly number[];
  readonly packets?: boolean;
  readonly packetsEvery: number;
  readonly everyTick?: boolean;
  readonly mutation?: string;
  readonly worker?: boolean;
}

interface Wanted extends BlockPlan {
  readonly workers: number;
  readonly boundMs: number;
  readonly mutation: string | null;
}

/** Of a test's program: its options are read here, so that a wrong one is said in words and `--help` tells of all. */
function commandOf(): Command {
  const command = new Command('npm run test:sim --')
    .description(
      'Torpor, its platforms and its people under one virtual clock and one seed: plays seeds, and checks every invariant at every step',
    )
    .option('--seed <seeds>', 'one seed, or FROM..TO; a single one prints the hash of its story', seedsOf)
    .option('--seeds <seeds>', 'the same', seedsOf)
    .option('--for <seconds>', 'no seed is begun after this time', countOf)
    .option('--platforms <n>', 'platforms of a seed', countOf, 1)
    .option('--days <n>', 'simulated days of a seed', countOf, 1)
    .option('--torpors <n>', 'Torpors that share the platforms', countOf, 1)
    .option('--vms <n>', `VMs of a platform, ${VM_NAMES.length} at most`, countOf, 1)
    .option('--workers <n>', 'processes that play', countOf, 1)
    .option('--faults <places>', 'only these of the faults that the seed draws, by their places: 0,4,7', placesOf)
    .option('--packets', 'BMCs are spoken to in RMCP+ packets')
    .option('--packets-every <n>', 'one seed of so many speaks RMCP+', countOf, 0)
    .option('--every-tick', 'leaves no reading out that would find nothing new')
    .option('--mutation <name>', 'a guard that is taken out of the code, or all; each must be found')
    .addOption(new Option('--worker').hideHelp());
  return command.allowExcessArguments(false).showHelpAfterError('(--help tells of all options)');
}

function readArgs(args: readonly string[]): Wanted & { readonly isWorker: boolean } {
  const given = commandOf().parse(args, { from: 'user' }).opts<Given>();
  // Without seeds: the first ten, or as many as there is time for.
  const unbounded = given.for === undefined ? DEFAULT_SEEDS : Number.MAX_SAFE_INTEGER;
  const [from, to] = given.seed ?? given.seeds ?? [1, unbounded];
  return {
    from,
    to,
    platforms: given.platforms,
    days: given.days,
    torpors: given.torpors,
    vms: Math.min(given.vms, VM_NAMES.length),
    faults: given.faults ?? null,
    packets: given.packets === true,
    packetsEvery: given.packetsEvery,
    everyTick: given.everyTick === true,
    tells: true,
    workers: given.workers,
    boundMs: given.for === undefined ? Number.POSITIVE_INFINITY : 1000 * given.for,
    mutation: given.mutation ?? null,
    isWorker: given.worker === true,
  };
}

/** `7`, `100..200`. */
function seedsOf(text: string): [number, number] {
  const [, from, to = from] = /^(\d+)(?:\.\.(\d+))?$/.exec(text) ?? [];
  if (from === undefined || Number(to) < Number(from)) throw new InvalidArgumentError('Seeds are 7 or 100..200.');
  return [Number(from), Number(to)];
}

function placesOf(text: string): number[] {
  const places = text.split(',').filter(Boolean).map(Number);
  if (!places.every(Number.isInteger)) throw new InvalidArgumentError('Places are 0,4,7.');
  return places;
}

function countOf(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('A whole number is expected.');
  return Number(text);
}

/** By their names; `torpors`: how many must share the platforms. */
type Mutations = Readonly<Record<string, { readonly torpors?: number }>>;

/** `mutations`: those that there are. */
export async function main(args: readonly string[], mutations: Mutations): Promise<number> {
  const { isWorker, ...wanted } = readArgs(args);
  if (isWorker) return serve();
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
