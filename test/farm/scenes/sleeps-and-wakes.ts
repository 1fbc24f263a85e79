// Clients at all Torpors: the platform sleeps once all are idle, and each of them wakes it.
import type { FarmPlatform, FarmTorpor, TorporFarm } from '../support/torpor-farm.ts';
import { untilAsleep } from './acts.ts';

export async function sleepsAndWakes(farm: TorporFarm, platform: FarmPlatform): Promise<void> {
  const owner = await farm.owner(platform);
  const [guest, other] = farm.others(owner) as [FarmTorpor, FarmTorpor];
  const [atOwner, atGuest, atOther] = await Promise.all([
    farm.connect(owner, platform),
    farm.connect(guest, platform),
    farm.connect(other, platform),
  ]);
  const talks = [atOwner, atGuest, atOther];
  await Promise.all(talks.map((talk) => talk.ask('hello')));
  await untilAsleep(farm, platform);
  farm.note(`a client at ${guest.name} types, which does not own ${platform.name}`);
  await atGuest.ask('wakes it');
  await untilAsleep(farm, platform);
  farm.note(`a client at ${other.name} types`);
  await atOther.ask('wakes it, too');
  await Promise.all(talks.map((talk) => talk.ask('and goes on')));
}
