// Two at once are killed: two Torpors of three, then a Torpor and a store node. Whoever is left owns the platform, puts it to sleep and wakes it.
import { eventually } from '../../support/eventually.ts';
import type { FarmPlatform, FarmTorpor, TorporFarm } from '../support/torpor-farm.ts';
import { untilAsleep } from './acts.ts';

export async function twoTorporsDie(farm: TorporFarm, platform: FarmPlatform): Promise<void> {
  const owner = await farm.owner(platform);
  const [guest, left] = farm.others(owner) as [FarmTorpor, FarmTorpor];
  const talks = await Promise.all([owner, guest, left].map((each) => farm.connect(each, platform)));
  await Promise.all(talks.map((talk) => talk.ask('hello')));
  await farm.kill(owner, guest);
  farm.note(`${owner.name} and ${guest.name} are killed; ${owner.name} owned ${platform.name}`);
  await untilOwnedBy(platform, [left], farm);
  await untilAsleep(farm, platform);
  await talks[2]?.ask('wakes it, at the last Torpor');
  await runAgain(farm, owner, guest);
}

export async function torporAndStoreNodeDie(farm: TorporFarm, platform: FarmPlatform): Promise<void> {
  const owner = await farm.owner(platform);
  const guests = farm.others(owner);
  const [guest] = guests as [FarmTorpor];
  const talk = await farm.connect(guest, platform);
  await talk.ask('hello');
  const node = farm.servers.names.at(-1) as string;
  await Promise.all([farm.kill(owner), farm.servers.kill(node)]);
  farm.note(`${owner.name}, which owned ${platform.name}, and ${node} are killed`);
  await untilOwnedBy(platform, guests, farm);
  await untilAsleep(farm, platform);
  await talk.ask('wakes it');
  farm.servers.run(node);
  await runAgain(farm, owner);
}

function untilOwnedBy(platform: FarmPlatform, torpors: readonly FarmTorpor[], farm: TorporFarm): Promise<unknown> {
  return eventually('another owner', () => torpors.some((torpor) => platform.isOwnedBy(torpor)), farm.patient());
}

async function runAgain(farm: TorporFarm, ...torpors: readonly FarmTorpor[]): Promise<void> {
  await Promise.all(torpors.map((torpor) => torpor.run()));
  await farm.allTakePart();
  farm.note(`${torpors.map(({ name }) => name).join(' and ')} run again`);
}
