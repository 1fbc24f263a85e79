// A Torpor of a farm leaves its place to the process that follows it: the same run for the others, who take nothing and suspend nothing meanwhile.
import { describe, expect, it } from 'vitest';
import { FarmScene, type Instance, LEASE_MS } from './support/farm-scene.ts';

/** As a process that hands over and one that comes up a while later; the others are idle. */
async function follow(scene: FarmScene, former: Instance, afterMs = 3_000): Promise<Instance> {
  await former.member.rest();
  await scene.clock.advance(afterMs);
  const next = scene.run(former.name, { follows: true });
  await scene.clock.advance(4_000);
  return next;
}

describe('hand-over in a farm', () => {
  it('the owner has somebody active -> it stays the owner, that one counts throughout, nobody else may suspend', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const { owner } = scene;
    owner.controller.setActive(1);
    await scene.clock.advance(1_000);
    const before = scene.record;
    await owner.member.rest();
    for (let waitedMs = 0; waitedMs < 4_000; waitedMs += 500) {
      for (const guest of scene.guests) guest.controller.seek();
      await scene.clock.advance(500);
      expect(scene.record).toMatchObject({ owner: before.owner, epoch: before.epoch, phase: 'awake' });
    }
    const next = scene.run(owner.name, { follows: true });
    next.controller.setActive(2);
    await scene.clock.advance(4_000);
    expect(scene.record.owner).toBe(before.owner);
    expect(Object.keys(scene.record.members).sort()).toEqual(Object.keys(before.members).sort());
    for (const guest of scene.guests)
      expect(guest.controller.peers).toMatchObject({ owner: owner.name, uncertain: null });
    next.controller.setActive(0);
    await scene.clock.advance(1_000);
    next.controller.seek();
    await scene.clock.advance(1_000);
    expect(next.controller).toMatchObject({ agreed: true, why: 'a, b, c agreed' });
    expect(next.mayPress).toBe(true);
    expect(owner.mayPress).toBe(false);
    // The former one ends: its key is the other's.
    await owner.member.stop();
    await scene.clock.advance(2 * LEASE_MS);
    expect(scene.record.owner).toBe(before.owner);
  });

  it('the platform sleeps by the former one’s proposal -> it goes on to sleep, and its end is the next one’s to tell', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const { owner } = scene;
    owner.controller.seek();
    await scene.clock.advance(1_000);
    const { proposal } = scene.record;
    const next = await follow(scene, owner);
    expect(scene.record).toMatchObject({ phase: 'committed', proposal });
    expect(next.mayPress).toBe(false);
    next.controller.setActive(1);
    await scene.clock.advance(1_000);
    expect(scene.record).toMatchObject({ phase: 'awake', why: `${owner.name} has 1 active` });
  });

  it('the platform sleeps by the former one’s proposal and is woken by nobody of the farm -> the next one, which sees it run, ends it', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const { owner } = scene;
    owner.controller.seek();
    await scene.clock.advance(1_000);
    const next = await follow(scene, owner);
    expect(scene.record.phase).toBe('committed');
    next.controller.seeItRun();
    await scene.clock.advance(1_000);
    expect(scene.record.phase).toBe('awake');
    next.controller.seek();
    await scene.clock.advance(1_000);
    expect(next.controller.agreed).toBe(true);
  });

  it('it comes up after the lease is over -> takes part as another run, and another may own it', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const { owner } = scene;
    const next = await follow(scene, owner, 2 * LEASE_MS);
    await scene.clock.advance(LEASE_MS);
    expect(scene.record.epoch).toBeGreaterThan(1);
    expect(Object.keys(scene.record.members)).toHaveLength(3);
    expect(next.controller.peers?.uncertain).toBeNull();
  });

  it('it does not come up -> the former one goes on as the same run, also where the other had begun to', async () => {
    for (const hadBegun of [false, true]) {
      const scene = await FarmScene.of('a', 'b', 'c');
      const { owner } = scene;
      const before = scene.record.owner;
      await owner.member.rest();
      await scene.clock.advance(1_000);
      if (hadBegun) {
        const next = scene.run(owner.name, { follows: true });
        await scene.clock.advance(3_000);
        next.kill();
        scene.instances.set(owner.name, owner);
      }
      owner.member.start();
      await scene.clock.advance(6_000);
      expect(scene.record.owner).toBe(before);
      owner.controller.seek();
      await scene.clock.advance(1_000);
      expect(owner.controller).toMatchObject({ agreed: true });
      expect(owner.mayPress).toBe(true);
    }
  });
});
