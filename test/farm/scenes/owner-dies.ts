// An owner with an active client is killed: that client counts until its lease ends, then another Torpor owns the platform and puts it to sleep.
import { eventually } from '../../support/eventually.ts';
import type { FarmPlatform, TorporFarm } from '../support/torpor-farm.ts';
import { typingUntil, untilAsleep } from './acts.ts';

export async function ownerDies(farm: TorporFarm, platform: FarmPlatform): Promise<void> {
  const owner = await farm.owner(platform);
  const talk = await farm.connect(owner, platform);
  const isCounted = () => Object.entries(platform.record.members).some(isActiveAt(owner.name));
  await typingUntil(talk, eventually(`its count at ${owner.name}`, isCounted, farm.patient()));
  const { epoch } = platform.record;
  await farm.kill(owner);
  farm.note(`${owner.name} is killed, which owned ${platform.name}; its client was active`);
  await eventually('another owner', () => platform.record.epoch > epoch, farm.patient());
  await untilAsleep(farm, platform);
  await owner.run();
  await farm.allTakePart();
  await owner.process.waitForState(platform.name, 'asleep');
  farm.note(`${owner.name} runs again, and has found ${platform.name} asleep`);
}

function isActiveAt(name: string) {
  return ([id, { active }]: [string, { active: number }]) => id.startsWith(`${name}@`) && active > 0;
}
