// Every Torpor shows the whole farm, and what an operator orders at one holds at all: `torpor status`, and `inhibit` and `release` where the platform is not owned.
import { eventually } from '../../support/eventually.ts';
import type { FarmPlatform, FarmTorpor, TorporFarm } from '../support/torpor-farm.ts';

const INHIBITOR = 'firmware';

export async function askedAnywhere(farm: TorporFarm, platform: FarmPlatform): Promise<void> {
  const owner = await farm.owner(platform);
  const [guest, other] = farm.others(owner) as [FarmTorpor, FarmTorpor];
  const talks = await Promise.all(farm.torpors.map((torpor) => farm.connect(torpor, platform)));
  await Promise.all(talks.map((talk) => talk.ask('hello')));
  for (const torpor of farm.torpors)
    await eventually(`${torpor.name} to show all`, () => showsAll(farm, torpor), farm.patient());
  farm.note('torpor status shows the connections of all three at each of them');

  await order(farm, guest, 'inhibit', platform.name, '--name', INHIBITOR, '--why', 'an update', '--for', '1h');
  const isInhibited = async () => {
    const { inhibitors } = await owner.process.platform(platform.name);
    return inhibitors.some(({ name }) => name === INHIBITOR);
  };
  await eventually(`${owner.name} to be inhibited`, isInhibited, farm.patient());
  farm.note(`${owner.name} keeps ${platform.name} awake, as was ordered at ${guest.name}`);
  await order(farm, other, 'release', platform.name, '--name', INHIBITOR);
  await eventually(`${owner.name} to be released`, async () => !(await isInhibited()), farm.patient());
}

async function order(farm: TorporFarm, torpor: FarmTorpor, ...words: readonly string[]): Promise<void> {
  const { code, output } = await farm.command(torpor, ...words);
  if (code !== 0) throw new Error(`torpor ${words.join(' ')} at ${torpor.name} ended with ${code}: ${output}`);
}

/** Every Torpor answered, and each carries a stream. */
async function showsAll(farm: TorporFarm, torpor: FarmTorpor): Promise<boolean> {
  const { output } = await farm.command(torpor, 'status');
  const shown = farm.torpors.map(({ name }) => {
    const streams = new RegExp(`^torpor ${name} \\S+: (\\d+) streams?$`, 'm').exec(output.replaceAll(', this one', ''));
    return Number(streams?.[1] ?? 0);
  });
  if (shown.every((streams) => streams > 0)) return true;
  throw new Error(output);
}
