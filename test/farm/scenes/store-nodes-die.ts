// NATS servers are killed, one, then a second: one of three is nothing; without a majority nothing is suspended, wakes go on, and every Torpor says so.
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { FarmPlatform, FarmTorpor, TorporFarm } from '../support/torpor-farm.ts';
import { untilAsleep } from './acts.ts';

export async function storeNodesDie(farm: TorporFarm, platform: FarmPlatform): Promise<void> {
  const [n1, n2] = farm.servers.names as [string, string];
  const [torpor] = farm.torpors as [FarmTorpor];
  const talk = await farm.connect(torpor, platform);
  await talk.ask('hello');
  await farm.servers.kill(n1);
  farm.note(`${n1} is killed`);
  await untilAsleep(farm, platform);
  await farm.servers.kill(n2);
  farm.note(`${n2} is killed, too`);
  await talk.ask('wakes it without the store');
  farm.note(`woken by ${torpor.name} alone`);
  for (const each of farm.torpors)
    await eventually(`${each.name} to say so`, () => each.isUnsure(platform.name), farm.patient());
  farm.note('all say that they are not sure of the others');
  // Idle for long, and nobody may suspend it: there is no majority that could have stored a commit.
  await eventually(
    'it to be idle',
    async () => (await torpor.process.platform(platform.name)).pool === 0,
    farm.patient(),
  );
  expect(platform.host.phase).toBe('running');
  farm.servers.run(n1);
  farm.servers.run(n2);
  farm.note('both run again');
  await untilAsleep(farm, platform);
}
