import { describe, expect, it } from 'vitest';
import {
  type DrawPolicy,
  type DrawState,
  idleWatts,
  LEARN_MEMORY_MS,
  NO_DRAW,
  takeDraw,
} from '../../src/inhibitors/draw-rule.ts';
import { WATTS_PATIENCE_MS, WattsWatch } from '../../src/inhibitors/watts-watch.ts';
import type { PlatformEvent } from '../../src/platform/model.ts';

const POLICY: DrawPolicy = { margin: 60, forMs: 120_000, idle: 180 };
const PACE_MS = 3_000;

/** Readings every three seconds, as a platform that runs is read. */
class Meter {
  state: DrawState = NO_DRAW;
  nowMs = 1_000_000;
  readonly policy: DrawPolicy;

  constructor(policy: DrawPolicy = POLICY) {
    this.policy = policy;
  }

  draws(watts: number, forMs: number): this {
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; this.nowMs += PACE_MS) {
      this.state = takeDraw(this.state, watts, this.nowMs, this.policy);
    }
    return this;
  }
}

describe('the rule on draw', () => {
  it.each([
    [240, false],
    [240.1, true],
    [310, true],
    [180, false],
  ])('draw: %d W for longer than it takes, idle 180, margin 60 -> busy: %s', (watts, busy) => {
    expect(new Meter().draws(watts, 130_000).state.busy).toBe(busy);
  });

  it('draw: above the line for a little less than it takes -> not busy; a peak in between begins anew', () => {
    expect(new Meter().draws(310, 120_000).state.busy).toBe(false);
    expect(new Meter().draws(310, 117_000).draws(200, 6_000).draws(310, 117_000).state.busy).toBe(false);
  });

  it('draw: busy, then between half the margin and the margin -> stays busy; below half of it -> ends', () => {
    const meter = new Meter().draws(310, 130_000).draws(215, 600_000);
    expect(meter.state.busy).toBe(true);
    expect(meter.draws(209, 117_000).state.busy).toBe(true);
    expect(meter.draws(209, 9_000).state.busy).toBe(false);
  });

  it('draw: a gap between readings -> the time in it counts for nothing', () => {
    const meter = new Meter().draws(310, 60_000);
    meter.nowMs += 60_000;
    expect(meter.draws(310, 9_000).state.busy).toBe(false);
  });

  it('draw: readings out of order, or of the same moment -> ignored', () => {
    const state = takeDraw(NO_DRAW, 310, 1_000, POLICY);
    expect(takeDraw(state, 180, 1_000, POLICY)).toBe(state);
    expect(takeDraw(state, 180, 999, POLICY)).toBe(state);
  });

  it('idle learned: not known before a minute, then the least mean of a minute', () => {
    const meter = new Meter({ ...POLICY, idle: null }).draws(200, 57_000);
    expect(idleWatts(meter.state, meter.policy)).toBeNull();
    meter.draws(200, 6_000).draws(181, 70_000).draws(260, 70_000);
    expect(idleWatts(meter.state, meter.policy)).toBeCloseTo(181, 0);
    expect(meter.draws(310, 200_000).state.busy).toBe(true);
  });

  it('idle learned: one low reading is no idle', () => {
    const meter = new Meter({ ...POLICY, idle: null }).draws(200, 120_000).draws(20, PACE_MS).draws(200, 120_000);
    expect(idleWatts(meter.state, meter.policy)).toBeGreaterThan(185);
  });

  it('idle learned: forgotten after a week, when it idles higher; little is kept', () => {
    const meter = new Meter({ ...POLICY, idle: null }).draws(150, 120_000);
    for (let hour = 0; hour < 24 * 8; hour += 1) {
      meter.draws(200 + (hour % 7) / 10, 70_000);
      meter.nowMs += 3_600_000 - 70_000;
    }
    expect(LEARN_MEMORY_MS).toBe(7 * 86_400_000);
    expect(idleWatts(meter.state, meter.policy)).toBeCloseTo(200, 0);
    expect(meter.state.least.length).toBeLessThan(20);
  });
});

describe('WattsWatch', () => {
  class Stage {
    readonly events: PlatformEvent[] = [];
    readonly watch: WattsWatch;
    nowMs = 1_000_000;

    constructor(policy: DrawPolicy = POLICY, provenWatts: number | null = null) {
      const provenIdle = provenWatts === null ? null : { watts: provenWatts, atMs: this.nowMs };
      this.watch = new WattsWatch({ policy, provenIdle, onEvent: (event) => this.events.push(event) });
      this.watch.start();
    }

    reads(watts: number | null, forMs: number): this {
      for (const endMs = this.nowMs + forMs; this.nowMs < endMs; this.nowMs += PACE_MS) {
        this.watch.onPower({ atMs: this.nowMs, acpi: 'S0', acpiSource: 'sensor', powerBit: true, watts });
      }
      return this;
    }

    get last(): PlatformEvent | undefined {
      return this.events.at(-1);
    }
  }

  it('watts: nothing read yet -> blocks; read and idle -> lifted; work -> blocks, in words', () => {
    const stage = new Stage();
    expect(stage.last).toMatchObject({ kind: 'inhibit', by: 'watts', why: 'no power reading yet' });
    stage.watch.setPace('running');
    stage.reads(184.6, 3_000);
    expect(stage.last).toEqual({ kind: 'lift', by: 'watts', name: 'watts', why: 'draws 185 W, idle is 180 W' });
    stage.reads(310, 130_000);
    expect(stage.last).toMatchObject({ kind: 'inhibit', why: 'draws 310 W, idle is 180 W: work without clients' });
    expect(stage.watch.checks()).toMatchObject([{ kind: 'watts', outcome: 'busy', blocks: true }]);
  });

  it('watts: idle is known by a proof -> judged from the first reading on; it draws less -> that is idle', () => {
    const stage = new Stage({ ...POLICY, idle: null }, 180);
    stage.watch.setPace('running');
    stage.reads(181, 3_000);
    expect(stage.last).toMatchObject({ kind: 'lift', why: 'draws 181 W, idle is 180 W (learned)' });
    stage.reads(310, 130_000);
    expect(stage.last).toMatchObject({
      kind: 'inhibit',
      why: expect.stringContaining('idle is 180 W (learned): work'),
    });
    stage.reads(150, 200_000);
    expect(stage.last).toMatchObject({ kind: 'lift', why: 'draws 150 W, idle is 150 W (learned)' });
  });

  it('watts: idle is said by its owner -> a proof’s is of no account', () => {
    const stage = new Stage(POLICY, 20);
    stage.watch.setPace('running');
    stage.reads(185, 3_000);
    expect(stage.last).toMatchObject({ kind: 'lift', why: 'draws 185 W, idle is 180 W' });
  });

  it('watts: idle is not known yet -> blocks until it is', () => {
    const stage = new Stage({ ...POLICY, idle: null });
    stage.watch.setPace('running');
    stage.reads(200, 30_000);
    expect(stage.last).toMatchObject({ why: 'draws 200 W; what it draws at rest is not known yet' });
    stage.reads(200, 40_000);
    expect(stage.last).toMatchObject({ kind: 'lift', why: 'draws 200 W, idle is 200 W (learned)' });
  });

  it('watts: the BMC gives none -> blocks at once where it never did, after a minute where it did', () => {
    const stage = new Stage();
    stage.watch.setPace('running');
    stage.reads(null, 3_000);
    expect(stage.last).toMatchObject({
      kind: 'inhibit',
      why: expect.stringContaining('no power reading: busyWatts'),
    });
    stage.reads(180, 3_000).reads(null, WATTS_PATIENCE_MS);
    expect(stage.last).toMatchObject({ kind: 'lift' });
    stage.reads(null, 6_000);
    expect(stage.last).toMatchObject({ kind: 'inhibit', why: expect.stringContaining('no power reading for 1m') });
  });

  it('watts: what a sleeper draws is no measure of idle', () => {
    const stage = new Stage({ ...POLICY, idle: null });
    stage.watch.setPace('running');
    stage.reads(200, 70_000);
    stage.watch.setPace('resting');
    stage.reads(9, 600_000);
    stage.watch.setPace('running');
    stage.reads(205, 70_000);
    expect(stage.last).toMatchObject({ kind: 'lift', why: 'draws 205 W, idle is 200 W (learned)' });
  });
});
