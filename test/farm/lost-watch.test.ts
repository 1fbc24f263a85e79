// A watch over the store whose server dies: whoever does not hear the store any more begins to hear it anew.
import { describe, expect, it } from 'vitest';
import { FarmScene, LEASE_MS } from './support/farm-scene.ts';

describe('farm member: a watch that has fallen silent', () => {
  it.each(['owner', 'guest'] as const)(
    'dies at the %s before it has told all -> begun anew after a lease, and a suspend comes about',
    async (who) => {
      const scene = await FarmScene.of('a', 'b', 'c');
      const { store, controller } = who === 'owner' ? scene.owner : (scene.guests[0] as (typeof scene)['owner']);
      store.watchesDie = true;
      store.cut();
      store.mend();
      await scene.clock.advance(100);
      expect(controller.peers?.uncertain).not.toBeNull();
      store.watchesDie = false;
      await scene.clock.advance(2 * LEASE_MS);
      expect(controller.peers?.uncertain).toBeNull();
      scene.owner.controller.seek();
      await scene.clock.advance(1_000);
      expect(scene.owner.controller).toMatchObject({ agreed: true, why: 'a, b, c agreed' });
    },
  );
});
