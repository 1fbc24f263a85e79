// `torpor sleep` at a Torpor that does not own the platform, asked of its owner over NATS: refused as there while somebody is active anywhere, forced all
// the same. The platform's clients count for an hour, so that nothing but an order puts it to sleep.
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { FarmPlatform, FarmTorpor, TorporFarm } from '../support/torpor-farm.ts';

export async function sleepElsewhere(farm: TorporFarm, platform: FarmPlatform): Promise<void> {
  const owner = await farm.owner(platform);
  const [guest, other] = farm.others(owner) as [FarmTorpor, FarmTorpor];
  const { name } = platform;
  const talk = await farm.connect(other, platform);
  await talk.ask('hello');
  const isCounted = async () => (await owner.blockers(name)).some(({ kind }) => kind === 'peers');
  await eventually(`its count at ${owner.name}`, isCounted, farm.patient());

  const refused = await farm.command(guest, 'sleep', name);
  expect(refused.output).toContain(`${name} is in use by 1 active client at ${other.name}`);
  expect(refused.output).toContain(`${owner.name} says so, which owns it`);
  expect([refused.code, platform.host.phase]).toEqual([1, 'running']);
  farm.note(
    `torpor sleep ${name} at ${guest.name}: ${owner.name}, which owns it, refuses for a client at ${other.name}`,
  );

  const forced = await farm.command(guest, 'sleep', name, '--force', '--wait');
  expect(forced).toMatchObject({ code: 0, output: expect.stringContaining(`${name} is asleep`) });
  expect(platform.host.phase).toBe('asleep');
  expect(farm.presses.findLast((press) => press.platform === name)?.by).toBe(owner.name);
  const notes = (await owner.process.events()).map(({ message }) => message);
  expect(notes).toContain(`asked to sleep by an operator at ${guest.name}`);
  farm.note(`with --force and --wait it sleeps`);
  const again = await farm.command(guest, 'sleep', name);
  expect(again).toMatchObject({ code: 0, output: expect.stringContaining(`${name} is asleep`) });
  await talk.ask('wakes it');
}
