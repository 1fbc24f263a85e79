// `learned` itself at a live platform in virtual time: taught by weeks of the platform's own events, it sleeps, wakes ahead of who is expected.
import { describe, expect, it } from 'vitest';
import { IdlePolicyWatch } from '../../src/inhibitors/idle-policy-watch.ts';
import type { PlatformEvent } from '../../src/platform/model.ts';
import { BusyCalendar } from '../../src/policy/busy-times.ts';
import { DEFAULT_COSTS, idleLagMs, toRates } from '../../src/policy/cost-model.ts';
import { LearnedPolicy } from '../../src/policy/learned-policy.ts';
import { DAY_MS } from '../../src/policy/local-time.ts';
import { FakeClock } from '../support/fake-clock.ts';

const MONDAY_MS = Date.UTC(2026, 0, 5);
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const LAG_MS = idleLagMs(DEFAULT_COSTS);

/** A platform that does as it is told, and says when: it sleeps when nothing keeps it awake, resumes within eight seconds. */
class LivePlatform {
  readonly clock = new FakeClock(MONDAY_MS);
  readonly busy = new BusyCalendar();
  readonly policy = new LearnedPolicy(toRates(DEFAULT_COSTS), () => 0, LAG_MS, this.busy);
  kept: unknown = null;
  asleep = false;
  wokenAheadMs: number[] = [];
  #inhibited = false;
  #pool = 0;
  #id = 0;
  #watch: IdlePolicyWatch;

  constructor() {
    this.#watch = this.#run(this.policy);
  }

  /** As after a restart of Torpor: another instance takes up what is on disk. */
  restart(): LearnedPolicy {
    this.#watch.stop();
    const policy = new LearnedPolicy(toRates(DEFAULT_COSTS), () => 0, LAG_MS, this.busy);
    expect(policy.restore(JSON.parse(JSON.stringify(this.kept)))).toBe(true);
    this.#watch = this.#run(policy);
    return policy;
  }

  #run(policy: LearnedPolicy): IdlePolicyWatch {
    const watch = new IdlePolicyWatch({
      policy,
      snapshot: () => policy.snapshot(),
      memory: {
        remember: (snapshot) => {
          this.kept = snapshot;
        },
      },
      lagMs: LAG_MS,
      changeMs: DEFAULT_COSTS.suspendMs + DEFAULT_COSTS.resumeMs,
      drowsyForMs: 0,
      clock: this.clock,
      isAsleep: () => this.asleep,
      onEvent: (event) => this.#obey(event),
    });
    watch.start();
    return watch;
  }

  #obey(event: PlatformEvent): void {
    if (event.kind === 'inhibit') this.#inhibited = true;
    if (event.kind === 'lift') this.#inhibited = false;
    if (event.kind === 'scheduledWake') {
      this.wokenAheadMs.push(this.clock.nowMs());
      this.asleep = false;
      // As the machine does: a scheduled wake holds until its own end.
      this.#inhibited = true;
    }
    if (!this.#inhibited && this.#pool === 0) this.asleep = true;
  }

  #tell(kind: string): void {
    this.#id += 1;
    const facts = { stream: 's1', vm: 'vm', client: '10.0.0.7:4000' };
    this.#watch.note({ id: this.#id, atMs: this.clock.nowMs(), platform: 'p', kind, message: '', facts });
  }

  opens(): void {
    this.#watch.noteOpening('10.0.0.7', this.clock.nowMs());
  }

  /** Somebody connects and works; true where the platform was there at once. */
  async work(fromMs: number, toMs: number): Promise<boolean> {
    await this.clock.advance(fromMs - this.clock.nowMs());
    const wasAwake = !this.asleep;
    this.#pool = 1;
    this.#tell('stream-open');
    this.#tell('stream-active');
    this.asleep = false;
    await this.clock.advance(toMs - this.clock.nowMs());
    this.#tell('stream-closed');
    this.#pool = 0;
    this.#tell('stream-idle');
    return wasAwake;
  }
}

/** Work from eight, up to four minutes later by turns, to five. */
async function teach(platform: LivePlatform, days: number, opens: boolean): Promise<void> {
  for (let day = 0; day < days; day += 1) {
    const eightMs = MONDAY_MS + day * DAY_MS + 8 * HOUR_MS + (day % 5) * MINUTE_MS;
    // Where only the machine's opening tells, hours are all over the morning.
    const fromMs = opens ? eightMs + ((day * 7) % 13) * 15 * MINUTE_MS : eightMs;
    if (opens) {
      await platform.clock.advance(fromMs - MINUTE_MS - platform.clock.nowMs());
      platform.opens();
    }
    await platform.work(fromMs, MONDAY_MS + day * DAY_MS + 17 * HOUR_MS);
  }
}

describe('learned at a live platform', () => {
  it('three weeks of the same hours, a restart -> asleep in the night, woken ahead of eight, nobody waits', async () => {
    const platform = new LivePlatform();
    await teach(platform, 21, false);
    const policy = platform.restart();
    const dayMs = MONDAY_MS + 21 * DAY_MS;
    platform.wokenAheadMs = [];
    await platform.clock.advance(dayMs + 6 * HOUR_MS - platform.clock.nowMs());
    expect(policy.source).toBe('forecast');
    expect(platform.asleep).toBe(true);
    expect(await platform.work(dayMs + 8 * HOUR_MS + 2 * MINUTE_MS, dayMs + 17 * HOUR_MS)).toBe(true);
    const [wokenMs] = platform.wokenAheadMs as [number];
    expect(platform.wokenAheadMs).toHaveLength(1);
    expect(wokenMs).toBeGreaterThan(dayMs + 7.5 * HOUR_MS);
    expect(wokenMs).toBeLessThan(dayMs + 8 * HOUR_MS);
  });

  it('its figures over three more weeks -> a third of the waits of the fixed time, one each morning, or fewer', async () => {
    const platform = new LivePlatform();
    await teach(platform, 21, false);
    let waits = 0;
    for (let day = 21; day < 42; day += 1) {
      const fromMs = MONDAY_MS + day * DAY_MS + 8 * HOUR_MS + (day % 5) * MINUTE_MS;
      if (!(await platform.work(fromMs, MONDAY_MS + day * DAY_MS + 17 * HOUR_MS))) waits += 1;
    }
    // The fixed time would have had 21.
    expect(waits).toBeLessThan(7);
  });

  it('hours all over the morning, a machine that opens a minute before -> woken at its opening', async () => {
    const platform = new LivePlatform();
    await teach(platform, 28, true);
    platform.wokenAheadMs = [];
    const openedMs = MONDAY_MS + 28 * DAY_MS + 8.7 * HOUR_MS;
    await platform.clock.advance(openedMs - platform.clock.nowMs());
    expect(platform.asleep).toBe(true);
    platform.opens();
    expect(platform.wokenAheadMs).toEqual([openedMs]);
    expect(platform.asleep).toBe(false);
  });
});
