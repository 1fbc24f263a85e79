// An owner stands still (SIGSTOP) from its commit on, until another Torpor has taken over: when it goes on it may not press for what it had committed.
import { eventually } from '../../support/eventually.ts';
import type { FarmPlatform, FarmTorpor, TorporFarm } from '../support/torpor-farm.ts';
import { forgive, typingUntil } from './acts.ts';

export async function ownerStandsStill(farm: TorporFarm, platform: FarmPlatform): Promise<void> {
  const stopped = await stopAtCommit(farm, platform);
  farm.note(`${stopped.name} stands still: it has written its commit for ${platform.name} and not heard the answer`);
  const [guest] = farm.others(stopped) as [FarmTorpor];
  const talk = await farm.connect(guest, platform);
  const isTaken = () => farm.there.some((torpor) => platform.isOwnedBy(torpor));
  await typingUntil(talk, eventually('another owner', isTaken, farm.patient()));
  for (const proxy of stopped.proxies) proxy.goOn();
  process.kill(stopped.process.pid, 'SIGCONT');
  stopped.isThere = true;
  farm.note(`${stopped.name} goes on`);
  const takesPart = async () =>
    platform.members.length === farm.torpors.length && !(await stopped.isUnsure(platform.name));
  // Whatever it presses from here on it must have committed anew: the log tells.
  await typingUntil(talk, eventually('it to take part again', takesPart, farm.patient()));
}

/** Whoever owns it is stopped at the moment at which its commit is on its way to the store. Nothing may be asked of it from then on. */
function stopAtCommit(farm: TorporFarm, platform: FarmPlatform): Promise<FarmTorpor> {
  const commit = new RegExp(`\\$KV\\.torpor\\.platform\\.${platform.name} [^$]*"phase":"committed"`);
  const proxies = farm.torpors.flatMap((torpor) => torpor.proxies);
  return new Promise((resolve, reject) => {
    let isStopped = false;
    const stop = (torpor: FarmTorpor) => {
      for (const proxy of proxies) proxy.disarm();
      process.kill(torpor.process.pid, 'SIGSTOP');
      torpor.isThere = false;
      isStopped = true;
      resolve(torpor);
    };
    for (const torpor of farm.torpors)
      for (const proxy of torpor.proxies) proxy.keepAnswersAfter(commit, () => stop(torpor));
    const seek = async () => {
      if (isStopped) return true;
      if (platform.host.phase !== 'running') await wake(farm, platform);
      await forgive(farm, platform);
      return false;
    };
    eventually('a commit', seek, { ...farm.patient(), everyMs: 100 }).catch(reject);
  });
}

async function wake(farm: TorporFarm, platform: FarmPlatform): Promise<void> {
  const [guest] = farm.others(await farm.owner(platform)) as [FarmTorpor];
  await (await farm.connect(guest, platform)).ask('wakes it');
}
