// Several Torpors for real: three processes, a cluster of three nats-servers, platforms over RMCP+, clients whose every byte is counted; and one
// after the other whatever can die of it.
import { expect, it } from 'vitest';
import { describeWhere, requires } from '../support/requirements.ts';
import { askedAnywhere } from './scenes/asked-anywhere.ts';
import { ownerIsCutOff } from './scenes/cut-off.ts';
import { ownerDies } from './scenes/owner-dies.ts';
import { ownerStandsStill } from './scenes/owner-stands-still.ts';
import { torporAndStoreNodeDie, twoTorporsDie } from './scenes/pairs-die.ts';
import { sleepElsewhere } from './scenes/sleep-elsewhere.ts';
import { sleepsAndWakes } from './scenes/sleeps-and-wakes.ts';
import { storeNodesDie } from './scenes/store-nodes-die.ts';
import { FarmPlatform, TorporFarm } from './support/torpor-farm.ts';

const TORPORS = ['torpor-1', 'torpor-2', 'torpor-3'];
const PLATFORMS = ['vdi-01', 'vdi-02', 'vdi-03'];
/** Its clients count for an hour: it sleeps where somebody orders it. */
const PATIENT_PLATFORM = 'vdi-04';
const LEASE = '4s';

type Three = [FarmPlatform, FarmPlatform, FarmPlatform];

describeWhere(requires(['nats-server']), 'several Torpors', () => {
  it('owners and store nodes die, alone and in pairs, one stands still, one is cut off -> every press agreed to by all, no active client slept over, no byte lost', async () => {
    const [first, second, third] = PLATFORMS.map((name) => new FarmPlatform(name)) as Three;
    const fourth = new FarmPlatform(PATIENT_PLATFORM, '1h');
    const platforms = [first, second, third, fourth];
    await using farm = await TorporFarm.open(TORPORS, platforms, LEASE);
    const play = async (scene: (farm: TorporFarm, platform: FarmPlatform) => Promise<void>, platform: FarmPlatform) => {
      await scene(farm, platform);
      expect(farm.findFaults()).toEqual([]);
    };
    try {
      await play(sleepsAndWakes, first);
      await play(askedAnywhere, third);
      await play(sleepElsewhere, fourth);
      await play(ownerDies, second);
      await play(ownerStandsStill, third);
      await play(ownerIsCutOff, first);
      await play(twoTorporsDie, second);
      await play(torporAndStoreNodeDie, third);
      await play(storeNodesDie, first);
      farm.note(farm.summary());
    } finally {
      console.log(farm.timeline().join('\n'));
    }
  }, 400_000);
});
