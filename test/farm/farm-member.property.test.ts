// Three Torpors, clocks that run at different rates, a store that is slow, forgets answers and is cut off, processes that stand still or
// are killed: never may two press, never is committed what somebody has not agreed to, and once all is well a suspend comes about.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { liveMembers, parseRecord } from '../../src/farm/platform-record.ts';
import { drawSeed, randomFrom, runs } from '../core/support/seed.ts';
import { FarmScene, LEASE_MS, PLATFORM } from './support/farm-scene.ts';

const SEED = drawSeed('farm member');
const NAMES = ['a', 'b', 'c'];
/** Further apart than quartz ever is, and well within the margin of a lease. */
const RATES = [0.99, 1, 1.01];
const STEP_MS = 50;

const who = fc.constantFrom(...NAMES);
const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('seek' as const) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('active' as const), who, active: fc.nat({ max: 1 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('pause' as const, 'cut' as const), who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('resume' as const, 'mend' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('quorum' as const), answers: fc.boolean() }) },
);
const wait = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(1_000, 4_000, LEASE_MS, 2 * LEASE_MS));
const faults = fc.record({
  delayMs: fc.constantFrom([0, 5] as const, [0, 80] as const, [20, 400] as const),
  lostAnswers: fc.constantFrom(0, 0.05, 0.3),
  doubles: fc.constantFrom(0, 0.3),
  lostMessages: fc.constantFrom(0, 0.5),
});
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

class Story {
  readonly scene: FarmScene;
  #phase = 'awake';
  mostPressers = 0;
  commits = 0;

  constructor(seed: number) {
    const { u32 } = randomFrom(seed);
    this.scene = new FarmScene(() => u32() / 0x1_0000_0000);
    for (const [at, name] of NAMES.entries()) this.scene.run(name, { rate: RATES[at] as number });
    this.#watchWrites();
  }

  /** Each write is judged at the moment at which the store makes it. */
  #watchWrites(): void {
    const { world } = this.scene;
    const write = world.write.bind(world);
    world.write = (key, value, expected) => {
      const written = write(key, value, expected);
      if (written !== null && key === `platform.${PLATFORM}` && value !== null) this.#judge(value);
      return written;
    };
  }

  #judge(value: string): void {
    const record = parseRecord(value);
    if (record === null) throw new Error(`not a record: ${value}`);
    if (record.phase === 'committed' && this.#phase !== 'committed') {
      this.commits += 1;
      for (const [, member] of liveMembers(record, (id) => this.#isThere(id)))
        expect(member).toMatchObject({ active: 0, keeps: null, agreedTo: record.proposal });
    }
    this.#phase = record.phase;
  }

  /** As the store has it at this moment. */
  #isThere(id: string): boolean {
    const [name, boot] = id.split('@') as [string, string];
    const value = this.scene.world.entry(`instance.${name}`)?.value;
    return value != null && JSON.parse(value).boot === boot;
  }

  play(each: Act): void {
    const { scene } = this;
    if (each.kind === 'quorum') scene.world.answers = each.answers;
    else if (each.kind === 'seek' || each.kind === 'end') {
      for (const { controller, clock } of scene.instances.values()) {
        if (clock.isPaused || controller.peers?.owner !== controller.peers?.self) continue;
        if (each.kind === 'seek') controller.seek();
        else controller.end();
      }
    } else {
      const instance = scene.at(each.who);
      if (each.kind === 'active' && !instance.clock.isPaused) instance.controller.setActive(each.active);
      if (each.kind === 'pause') instance.clock.pause();
      if (each.kind === 'resume') instance.clock.resume();
      if (each.kind === 'cut') instance.store.cut({ silent: scene.world.random() < 0.5 });
      if (each.kind === 'mend') instance.store.mend();
      if (each.kind === 'kill') {
        instance.kill();
        scene.run(each.who, { rate: RATES[NAMES.indexOf(each.who)] as number });
      }
    }
    this.look();
  }

  /** Also those who stand still are asked: they would go on from just here. */
  look(): void {
    const pressers = [...this.scene.instances.values()].filter(({ mayPress }) => mayPress);
    this.mostPressers = Math.max(this.mostPressers, pressers.length);
    expect(pressers.map(({ name }) => name).length).toBeLessThan(2);
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      await this.scene.clock.advance(Math.min(STEP_MS, left));
      this.look();
    }
  }

  heal(): void {
    const { world, instances } = this.scene;
    world.answers = true;
    Object.assign(world.faults, { delayMs: [0, 20], lostAnswers: 0, doubles: 0, lostMessages: 0 });
    for (const { store, clock, controller } of instances.values()) {
      store.mend();
      clock.resume();
      controller.setActive(0);
    }
  }
}

describe('farm member', () => {
  it('any faults -> one presses, all have agreed; once all is well every proposal has ended and a suspend comes about', async () => {
    let commits = 0;
    let presses = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        faults,
        fc.array(fc.tuple(act, wait), { minLength: 5, maxLength: 30 }),
        async (seed, given, acts) => {
          const story = new Story(seed);
          await story.pass(4_000);
          Object.assign(story.scene.world.faults, given);
          for (const [each, waitMs] of acts) {
            story.play(each);
            await story.pass(waitMs);
          }
          story.heal();
          await story.pass(4 * LEASE_MS);
          story.play({ kind: 'end' });
          await story.pass(2_000);
          expect(story.scene.record.phase).toBe('awake');
          story.play({ kind: 'seek' });
          await story.pass(2_000);
          expect(story.scene.record.phase).toBe('committed');
          expect(story.scene.owner.mayPress).toBe(true);
          commits += story.commits;
          presses += story.mostPressers;
        },
      ),
      runs(25, SEED),
    );
    // It is not that nothing ever happened.
    expect(commits).toBeGreaterThanOrEqual(25);
    expect(presses).toBe(25 * Number(process.env.TORPOR_TIMES ?? 1));
  });
});
