// What the other Torpors are told of one's part of a platform, and when: with transitions and lease-like renewals, never for bytes.
import { beforeEach, describe, expect, it } from 'vitest';
import { DEADLINE_LOOK_MS, ShareTeller } from '../../src/controller/share-teller.ts';
import { ActivityTable } from '../../src/platform/activity-table.ts';
import { createPlatform } from '../../src/platform/machine.ts';
import type { StreamGate, StreamStatus } from '../../src/platform/ports.ts';
import type { OwnShare, PlatformShare } from '../../src/platform/share.ts';
import { fakeStream } from '../api/fakes/fake-farm.ts';
import { DESK_POLICY } from '../support/desk-policy.ts';
import { FakeClock } from '../support/fake-clock.ts';

const TIMEOUT_MS = 900_000;

class Scene {
  readonly clock = new FakeClock();
  readonly table = new ActivityTable();
  readonly told: OwnShare[] = [];
  streams: StreamStatus[] = [];
  /** How often all streams were looked at. */
  looks = 0;
  readonly #model = createPlatform(DESK_POLICY, true, null, this.clock.nowMs());
  readonly teller = new ShareTeller({
    share: { tell: (own) => this.told.push(own) } as Partial<PlatformShare> as PlatformShare,
    table: this.table,
    gate: {
      refresh: async () => {},
      streams: () => {
        this.looks += 1;
        return this.streams;
      },
    } as Partial<StreamGate> as StreamGate,
    clock: this.clock,
  });

  /** As bytes do: it is active until so much later. */
  isActive(id: string): void {
    const idleAtMs = this.clock.nowMs() + TIMEOUT_MS;
    this.streams = [...this.streams.filter((each) => each.id !== id), fakeStream({ id, active: true, idleAtMs })];
    this.table.enter(id, 'client bytes', this.clock.nowMs());
    this.step();
  }

  isIdle(id: string): void {
    this.streams = this.streams.filter((each) => each.id !== id);
    this.table.exit(id, 'idle', this.clock.nowMs());
    this.step();
  }

  step(): void {
    this.teller.tell(this.#model);
  }
}

describe('share teller', () => {
  let scene: Scene;
  beforeEach(() => {
    scene = new Scene();
    scene.step();
  });

  it('nobody -> told once, without a deadline; the first client -> with the deadline of the latest', () => {
    expect(scene.told).toMatchObject([{ active: 0, newestDeadlineMs: null }]);
    const idle = fakeStream({ id: 'quiet', active: false, idleAtMs: null });
    scene.streams = [idle, fakeStream({ id: 'short', active: true, idleAtMs: scene.clock.nowMs() + 1_000 })];
    scene.isActive('a');
    expect(scene.told.at(-1)).toMatchObject({ active: 1, newestDeadlineMs: scene.clock.nowMs() + TIMEOUT_MS });
    scene.isIdle('a');
    expect(scene.told.at(-1)).toMatchObject({ active: 0, newestDeadlineMs: null });
  });

  it('types for an hour -> told again shortly before each told deadline is over, streams looked at only then', async () => {
    scene.isActive('a');
    const deadlines = [scene.told.at(-1)?.newestDeadlineMs ?? 0];
    scene.looks = 0;
    for (let seconds = 0; seconds < 3_600; seconds += 1) {
      await scene.clock.advance(1_000);
      scene.isActive('a');
      const told = scene.told.at(-1)?.newestDeadlineMs ?? 0;
      expect(told).toBeGreaterThan(scene.clock.nowMs());
      if (told !== deadlines.at(-1)) deadlines.push(told);
    }
    expect(deadlines.length).toBe(1 + Math.floor(3_600 / 841));
    expect(scene.looks).toBe(deadlines.length - 1);
    expect(scene.told.length).toBe(1 + deadlines.length);
  });

  it('a deadline that is over, or not known -> null, and looked for again after five minutes', async () => {
    scene.streams = [fakeStream({ id: 'a', active: true, idleAtMs: scene.clock.nowMs() - 1 })];
    scene.table.enter('a', 'client bytes', scene.clock.nowMs());
    scene.step();
    expect(scene.told.at(-1)).toMatchObject({ active: 1, newestDeadlineMs: null });
    const later = scene.clock.nowMs() + 2 * DEADLINE_LOOK_MS;
    scene.streams = [fakeStream({ id: 'a', active: true, idleAtMs: later })];
    await scene.clock.advance(DEADLINE_LOOK_MS - 1);
    scene.step();
    await scene.clock.advance(1);
    expect(scene.told.at(-1)?.newestDeadlineMs).toBeNull();
    scene.step();
    await scene.clock.advance(1);
    expect(scene.told.at(-1)?.newestDeadlineMs).toBe(later);
  });

  it('stopped while it looks -> tells nothing more', async () => {
    scene.isActive('a');
    await scene.clock.advance(TIMEOUT_MS);
    const before = scene.told.length;
    scene.isActive('a');
    scene.teller.stop();
    await scene.clock.advance(1);
    expect(scene.told.length).toBe(before);
  });
});
