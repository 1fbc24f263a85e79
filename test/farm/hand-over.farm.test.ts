// A Torpor of a farm hands over to a new process, for real: its platform stays its own, no client that is active is slept over, every byte arrives.
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { isAlive } from '../support/is-alive.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { handedOverTo } from '../support/torpor-process.ts';
import { FarmPlatform, type FarmTorpor, TorporFarm } from './support/torpor-farm.ts';

const LEASE = '4s';

describeWhere(requires(['nats-server']), 'hand-over in a farm', () => {
  it('SIGUSR2 at the owner, whose client alone is active -> the next process owns it as the same run, nobody suspends it; old and new streams go on', async () => {
    const platform = new FarmPlatform('vdi-01', '1h');
    await using farm = await TorporFarm.open(['torpor-1', 'torpor-2'], [platform], LEASE);
    const owner = await farm.owner(platform);
    const [guest] = farm.others(owner) as [FarmTorpor];
    const talk = await farm.connect(owner, platform);
    await talk.ask('hello');
    const isCounted = async () => (await guest.blockers(platform.name)).some(({ kind }) => kind === 'peers');
    await eventually('its count', isCounted, farm.patient());
    const before = platform.record;
    const presses = farm.presses.length;

    process.kill(owner.process.pid, 'SIGUSR2');
    const next = await eventually('the hand-over', () => handedOverTo(owner.process.output), farm.patient());
    try {
      farm.note(`${owner.name} has handed over to a process of its own name`);
      const fresh = await farm.connect(owner, platform);
      await Promise.all([fresh.ask('at the next process'), talk.ask('at the former one')]);
      const isSure = async () => !(await owner.isUnsure(platform.name)) && !(await guest.isUnsure(platform.name));
      await eventually('both to be sure of each other', isSure, farm.patient());
      const { owner: now, epoch, proposal } = platform.record;
      expect({ now, epoch, proposal }).toEqual({ now: before.owner, epoch: before.epoch, proposal: before.proposal });
      expect([platform.host.phase, farm.presses.length]).toEqual(['running', presses]);
      const goesOn = farm.log.writes.filter(({ key, value }) => key === `instance.${owner.name}` && value === null);
      expect(goesOn).toEqual([]);

      talk.end();
      await eventually('the former process to end', () => !isAlive(owner.process.pid), farm.patient());
      await fresh.ask('and goes on');
      expect(platform.record.owner).toBe(before.owner);
      const asked = await farm.command(guest, 'sleep', platform.name, '--force');
      expect(asked.code).toBe(0);
      await eventually('it to sleep', () => platform.host.phase === 'asleep', farm.patient());
      await fresh.ask('wakes it');
      expect(farm.findFaults()).toEqual([]);
    } finally {
      console.log(farm.timeline().join('\n'));
      if (isAlive(next)) process.kill(next, 'SIGTERM');
      await eventually('the next process to end', () => !isAlive(next));
    }
  });
});
