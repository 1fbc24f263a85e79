// The owner is cut off from the store, by a network that drops everything: it suspends nothing and says so, its clients wake the platform all the same, and it comes back.
import { eventually } from '../../support/eventually.ts';
import type { FarmPlatform, TorporFarm } from '../support/torpor-farm.ts';
import { typingUntil, untilAsleep } from './acts.ts';

export async function ownerIsCutOff(farm: TorporFarm, platform: FarmPlatform): Promise<void> {
  const owner = await farm.owner(platform);
  const talk = await farm.connect(owner, platform);
  await talk.ask('hello');
  for (const proxy of owner.proxies) proxy.drop();
  farm.note(`${owner.name} is cut off from the store; it owned ${platform.name}`);
  const saysSo = () => owner.isUnsure(platform.name);
  await typingUntil(talk, eventually(`${owner.name} to say so`, saysSo, farm.patient()));
  farm.note(`${owner.name} says that it is not sure of the others`);
  // Once its lease is over: the others do not know of its client any more.
  const isTaken = () => farm.others(owner).some((torpor) => platform.isOwnedBy(torpor));
  await eventually('another owner', isTaken, farm.patient());
  await untilAsleep(farm, platform);
  await talk.ask('wakes it all the same');
  farm.note(`woken by ${owner.name}, which hears nothing of the store`);
  for (const proxy of owner.proxies) proxy.mend();
  farm.note(`${owner.name} is connected again`);
  const takesPart = async () => platform.members.includes(owner.name) && !(await owner.isUnsure(platform.name));
  await eventually('it to take part again', takesPart, farm.patient());
  await untilAsleep(farm, platform);
  await talk.ask('wakes it as a member of the farm');
}
