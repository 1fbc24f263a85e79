// The machine's clock is set under a running Torpor.
import { describe, expect, it } from 'vitest';
import { ClockWatch, LEAST_MS, LOOK_MS } from '../src/clock-watch.ts';
import { FakeClock } from './support/fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const told: string[] = [];
  const wall = { aheadMs: 0 };
  const watch = new ClockWatch({ clock, wallMs: () => clock.nowMs() + wall.aheadMs, tell: (why) => told.push(why) });
  watch.start();
  return { clock, told, wall, watch };
}

describe("the machine's clock", () => {
  it('set by the network after the start -> told once, by how much and what to do; set back -> told, too', async () => {
    const { clock, told, wall } = setUp();
    await clock.advance(10 * LOOK_MS);
    expect(told).toEqual([]);
    wall.aheadMs = 8 * 3_600_000 + 180_000;
    await clock.advance(10 * LOOK_MS);
    expect(told).toEqual([expect.stringMatching(/was set forward by 8h 3m since Torpor started: .*SIGUSR2/)]);
    wall.aheadMs = -7_200_000;
    await clock.advance(10 * LOOK_MS);
    expect(told).toEqual([expect.anything(), expect.stringMatching(/was set back by 2h /)]);
    wall.aheadMs = 0;
    await clock.advance(10 * LOOK_MS);
    expect(told.slice(2)).toEqual(["the machine's clock agrees with Torpor's again"]);
  });

  it('corrected little by little, as time services do -> told where it comes to a minute', async () => {
    const { clock, told, wall } = setUp();
    for (let step = 1; step * 1000 < LEAST_MS; step += 1) {
      wall.aheadMs = step * 1000;
      await clock.advance(LOOK_MS);
    }
    expect(told).toEqual([]);
    wall.aheadMs = LEAST_MS;
    await clock.advance(LOOK_MS);
    expect(told).toHaveLength(1);
  });

  it('stopped -> looks no more', async () => {
    const { clock, told, wall, watch } = setUp();
    watch.stop();
    wall.aheadMs = 3_600_000;
    await clock.advance(10 * LOOK_MS);
    expect({ told, pending: clock.pending }).toEqual({ told: [], pending: 0 });
  });
});
