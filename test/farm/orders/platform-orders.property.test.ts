// Operators who order at three Torpors that are cut off, restarted and served badly: once all is well all hold the same, and nothing that
// nobody released is lost.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OrderChange } from '../../../src/farm/orders/farm-orders.ts';
import { drawSeed, randomFrom, runs } from '../../core/support/seed.ts';
import { LEASE_MS, OrdersScene } from './support/orders-scene.ts';

const SEED = drawSeed('platform orders');
const NAMES = ['a', 'b', 'c'];
const INHIBITORS = ['operator', 'backup'];

const who = fc.constantFrom(...NAMES);
const name = fc.constantFrom(...INHIBITORS);
const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('inhibit' as const), who, name }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('lift' as const), who, name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), who }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('maintenance' as const, 'drain' as const), who, on: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('cut' as const, 'mend' as const, 'restart' as const), who }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('quorum' as const), answers: fc.boolean() }) },
);
const wait = fc.constantFrom(0, 0, 20, 300, 4_000);
const faults = fc.record({
  delayMs: fc.constantFrom([0, 5] as const, [0, 80] as const, [20, 400] as const),
  lostAnswers: fc.constantFrom(0, 0.3),
  doubles: fc.constantFrom(0, 0.3),
});
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

class Story {
  readonly scene: OrdersScene;
  /** By the inhibitor's name: what was said last in it, until somebody who saw it released it. */
  readonly owed = new Map<string, string>();
  #given = 0;

  constructor(seed: number) {
    const { u32 } = randomFrom(seed);
    this.scene = new OrdersScene(() => u32() / 0x1_0000_0000);
  }

  async play(each: Act): Promise<void> {
    const { scene } = this;
    if (each.kind === 'quorum') {
      scene.world.answers = each.answers;
      return;
    }
    const instance = scene.at(each.who);
    if (each.kind === 'cut') instance.store.cut({ silent: scene.world.random() < 0.5 });
    else if (each.kind === 'mend') instance.store.mend();
    else if (each.kind === 'restart') await scene.restart(each.who);
    else if (each.kind === 'inhibit') {
      this.#given += 1;
      const why = `order ${this.#given}`;
      this.owed.set(each.name, why);
      await instance.order({ kind: 'inhibit', name: each.name, why, untilMs: null });
    } else {
      const names = each.kind === 'lift' ? [each.name] : each.kind === 'release' ? INHIBITORS : [];
      for (const inhibitor of names) {
        // Of several that were given apart the latest is shown, and all end.
        const hasSeen = instance.orders.orders.inhibitors.some(({ why }) => why === this.owed.get(inhibitor));
        if (hasSeen) this.owed.delete(inhibitor);
      }
      const why = `maintenance ${this.#given}`;
      await instance.order({ why, ...each } as OrderChange);
    }
  }

  async heal(): Promise<void> {
    const { world, all, clock } = this.scene;
    world.answers = true;
    Object.assign(world.faults, { delayMs: [0, 20], lostAnswers: 0, doubles: 0 });
    for (const { store } of all) store.mend();
    await clock.advance(4 * LEASE_MS);
  }

  expectAgreement(): void {
    const [first, ...others] = this.scene.all;
    for (const other of others) expect(other.view).toEqual(first?.view);
  }
}

describe('platform orders', () => {
  it('any orders, any faults -> once all is well all hold the same; what nobody released is there, what was released is not', async () => {
    let kept = 0;
    let split = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        faults,
        fc.array(fc.tuple(act, wait), { minLength: 3, maxLength: 25 }),
        async (seed, given, acts) => {
          const story = new Story(seed);
          const { scene } = story;
          for (const each of NAMES) await scene.run(each);
          await scene.clock.advance(4_000);
          Object.assign(scene.world.faults, given);
          for (const [each, waitMs] of acts) {
            await story.play(each);
            await scene.clock.advance(waitMs);
          }
          const [a, b] = scene.all;
          if (JSON.stringify(a?.view) !== JSON.stringify(b?.view)) split += 1;
          await story.heal();
          story.expectAgreement();
          for (const [inhibitor] of story.owed) {
            kept += 1;
            expect(scene.at('a').held.inhibitors.map((held) => held.name)).toContain(inhibitor);
          }
          await scene.at('b').order({ kind: 'release' });
          await scene.clock.advance(2_000);
          story.expectAgreement();
          expect(scene.at('c').view).toMatchObject({ inhibitors: [], maintenance: null });
        },
      ),
      runs(40, SEED),
    );
    // It is not that nothing ever happened.
    expect(kept).toBeGreaterThan(0);
    expect(split).toBeGreaterThan(0);
  });
});
