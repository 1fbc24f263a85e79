// A watch over the store that tells late: what its owner reads meanwhile may name Torpors of which it has not heard.
import { describe, expect, it } from 'vitest';
import { FarmScene } from './support/farm-scene.ts';

describe('platform member: the owner reads the record ahead of its watch', () => {
  it('a Torpor joins while it commits -> not committed without that one', async () => {
    const scene = await FarmScene.of('a', 'b');
    const { owner } = scene;
    owner.store.watchLagMs = 500;
    owner.controller.seek();
    await scene.clock.advance(300);
    scene.run('c').controller.answersHeld = false;
    await scene.clock.advance(400);
    expect(Object.keys(scene.record.members)).toContainEqual(expect.stringMatching(/^c@/));
    expect([scene.record.phase, owner.mayPress]).toEqual(['proposed', false]);
    await scene.clock.advance(31_000);
    expect([scene.record.phase, owner.mayPress, owner.controller.why]).toEqual(['awake', false, 'c did not answer']);
  });

  it('nobody joins -> committed as soon as all is told', async () => {
    const scene = await FarmScene.of('a', 'b');
    const { owner } = scene;
    owner.store.watchLagMs = 500;
    owner.controller.seek();
    await scene.clock.advance(1_000);
    expect(owner.controller).toMatchObject({ agreed: true, why: 'a, b agreed' });
  });
});
