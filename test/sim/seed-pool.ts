// Processes that play blocks of seeds until a range or a time is over, or a seed is wrong.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BlockEnd, BlockPlan, Failure } from './play-seed.ts';
import { SimTotals } from './sim-totals.ts';

const BLOCK_SEEDS = 8;
/** Where several Torpors play, a seed takes seconds. */
const SHARED_BLOCK_SEEDS = 1;
const MAIN = fileURLToPath(new URL('./main.mjs', import.meta.url));

export interface PoolPlan extends BlockPlan {
  readonly workers: number;
  /** No block is begun after this, milliseconds. May be infinite. */
  readonly boundMs: number;
  readonly mutation: string | null;
  onProgress(totals: SimTotals): void;
}

export interface PoolEnd {
  readonly totals: SimTotals;
  readonly failure: Failure | null;
  readonly hash: string | null;
  /** All seeds from the first to this one were played; infinite where none was. */
  readonly lastSeed: number;
}

export async function playPool(plan: PoolPlan): Promise<PoolEnd> {
  const { workers, boundMs, mutation, onProgress, ...block } = plan;
  const totals = new SimTotals();
  const blockSeeds = (plan.torpors ?? 1) > 1 ? SHARED_BLOCK_SEEDS : BLOCK_SEEDS;
  const endMs = Date.now() + boundMs;
  let next = plan.from;
  let failure: Failure | null = null;
  let hash: string | null = null;
  const takeBlock = (): BlockPlan | null => {
    if (failure !== null || next > plan.to || Date.now() >= endMs) return null;
    const from = next;
    next = Math.min(plan.to, from + blockSeeds - 1) + 1;
    return { ...block, from, to: next - 1 };
  };
  const onEnd = (end: BlockEnd) => {
    totals.join(end.totals);
    // Which of two is found first is chance; the lower one is told.
    if (end.failure !== null && (failure === null || end.failure.seed < failure.seed)) failure = end.failure;
    hash = end.hash;
    onProgress(totals);
  };
  await Promise.all(Array.from({ length: workers }, () => serveWorker(mutation, takeBlock, onEnd)));
  return { totals, failure, hash, lastSeed: next - 1 };
}

/** One process, which is given a block after the other. */
function serveWorker(
  mutation: string | null,
  takeBlock: () => BlockPlan | null,
  onEnd: (end: BlockEnd) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, TORPOR_SIM_MUTATION: mutation ?? '' };
    const child: ChildProcess = fork(MAIN, ['--worker', ...process.argv.slice(2)], { env });
    let isDone = false;
    const give = () => {
      const block = takeBlock();
      isDone = block === null;
      if (block === null) child.disconnect();
      else child.send(block);
    };
    child.on('message', (end: BlockEnd) => {
      onEnd(end);
      give();
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (isDone) resolve();
      else reject(new Error(`a process that plays seeds ended with ${code}`));
    });
    give();
  });
}
