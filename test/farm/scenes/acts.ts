// What every scene of several Torpors does: waits for sleep, and forgives what a busy machine did.
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/eventually.ts';
import type { FarmPlatform, FarmTorpor, TorporFarm } from '../support/torpor-farm.ts';

/** Between two lines of somebody who goes on typing. */
const TYPING_MS = 100;

/** A busy machine that calls a suspend off makes a Torpor wait before the next, which an operator forgives. */
export async function forgive(farm: TorporFarm, platform: FarmPlatform): Promise<void> {
  for (const torpor of farm.there) await forgiveAt(torpor, platform);
}

async function forgiveAt(torpor: FarmTorpor, { name }: FarmPlatform): Promise<void> {
  const blockers = await torpor.blockers(name);
  torpor.says = `${name}: ${blockers.map(({ kind, why }) => `${kind}: ${why}`).join('; ')}`;
  if (blockers.some(({ kind }) => kind === 'back-off')) await torpor.process.ask(name, 'release');
}

export function untilAsleep(farm: TorporFarm, platform: FarmPlatform): Promise<true> {
  const isAsleep = async () => {
    if (platform.host.phase === 'asleep') return true;
    await forgive(farm, platform);
    return false;
  };
  return eventually(`the host of ${platform.name} to sleep`, isAsleep, { ...farm.patient(), everyMs: 100 });
}

/** Somebody types until that is done; resolves with what came of it. */
export async function typingUntil<T>(talk: { ask(what: string): Promise<void> }, done: Promise<T>): Promise<T> {
  let isDone = false;
  const ended = done.finally(() => {
    isDone = true;
  });
  ended.catch(() => {});
  while (!isDone) {
    await talk.ask('still here');
    await sleep(TYPING_MS);
  }
  return ended;
}
