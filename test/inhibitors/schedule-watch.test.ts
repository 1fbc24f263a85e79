import { describe, expect, it } from 'vitest';
import { Schedule } from '../../src/inhibitors/schedule.ts';
import { MISSED_COUNTED_MAX, type NamedSchedule, ScheduleWatch } from '../../src/inhibitors/schedule-watch.ts';
import type { PlatformEvent } from '../../src/platform/model.ts';
import { FakeClock } from '../support/fake-clock.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

function schedule(change: Partial<NamedSchedule> & { cron?: string; forMs?: number } = {}): NamedSchedule {
  const { cron = '0 3 * * *', forMs = HOUR_MS, ...rest } = change;
  return {
    name: 'backup',
    why: 'nightly backup',
    wakes: true,
    schedule: new Schedule({ cron, timezone: 'UTC', forMs }),
    ...rest,
  };
}

/** A watch at a moment of the wall clock, which may be set apart from the steady one. */
class Stage {
  readonly clock = new FakeClock(1_000_000);
  readonly events: PlatformEvent[] = [];
  readonly told: string[] = [];
  readonly remembered: string[] = [];
  offsetMs: number;
  readonly watch: ScheduleWatch;

  constructor(iso: string, schedules: readonly NamedSchedule[], dealtUntil: string | null = null) {
    this.offsetMs = Date.parse(iso) - this.clock.nowMs();
    this.watch = new ScheduleWatch({
      schedules,
      clock: this.clock,
      wallNowMs: () => this.clock.nowMs() + this.offsetMs,
      memory: {
        dealtUntilMs: dealtUntil === null ? null : Date.parse(dealtUntil),
        remember: (wallMs) => this.remembered.push(new Date(wallMs).toISOString()),
      },
      onEvent: (event) => this.events.push(event),
      report: (kind, message) => this.told.push(`${kind}: ${message}`),
    });
    this.watch.start();
  }

  take(): PlatformEvent[] {
    return this.events.splice(0);
  }
}

describe('ScheduleWatch', () => {
  it('wake time: its moment comes -> inhibited until its end first, then woken, once; lifted at the end', async () => {
    const stage = new Stage('2026-11-29T02:59:00Z', [schedule()]);
    expect(stage.take()).toEqual([]);
    await stage.clock.advance(MINUTE_MS - 1);
    expect(stage.take()).toEqual([]);
    await stage.clock.advance(60);
    const untilMs = Date.parse('2026-11-29T04:00:00Z') - stage.offsetMs;
    expect(stage.take()).toEqual([
      { kind: 'inhibit', by: 'schedule', name: 'backup', why: 'nightly backup', untilMs },
      { kind: 'scheduledWake', why: 'schedule backup: nightly backup', untilMs },
    ]);
    await stage.clock.advance(HOUR_MS - 2 * MINUTE_MS);
    expect(stage.take()).toEqual([]);
    await stage.clock.advance(3 * MINUTE_MS);
    expect(stage.take()).toEqual([{ kind: 'lift', by: 'schedule', name: 'backup', why: 'its window is over' }]);
  });

  it('awake window: -> inhibited, nobody is woken', async () => {
    const stage = new Stage('2026-11-29T02:59:00Z', [schedule({ wakes: false })]);
    await stage.clock.advance(2 * MINUTE_MS);
    expect(stage.take().map(({ kind }) => kind)).toEqual(['inhibit']);
  });

  it('started within a window -> inhibited for the rest, and woken although its moment has passed', () => {
    const stage = new Stage('2026-11-29T03:40:00Z', [schedule()], '2026-11-28T12:00:00Z');
    const [inhibit, wake] = stage.take();
    expect(inhibit).toMatchObject({ kind: 'inhibit', untilMs: stage.clock.nowMs() + 20 * MINUTE_MS });
    expect(wake).toMatchObject({ kind: 'scheduledWake' });
    expect(stage.told).toEqual([]);
  });

  it('started after a window -> told as missed, not made up for', () => {
    const stage = new Stage('2026-11-29T09:00:00Z', [schedule()], '2026-11-26T12:00:00Z');
    expect(stage.take()).toEqual([]);
    expect(stage.told).toEqual([
      'alarm: wake time backup was missed, 3 times, last at 2026-11-29T03:00:00.000Z: Torpor was not running',
    ]);
    expect(stage.remembered).toEqual(['2026-11-29T09:00:00.000Z']);
  });

  it('started for the first time, or missed too many to count -> nothing; at least so many', () => {
    expect(new Stage('2026-11-29T09:00:00Z', [schedule()]).told).toEqual([]);
    const many = new Stage(
      '2026-11-29T09:00:00Z',
      [schedule({ cron: '0 * * * *', forMs: MINUTE_MS })],
      '2025-01-01T00:00:00Z',
    );
    expect(many.told[0]).toContain(`missed, at least ${MISSED_COUNTED_MAX} times`);
  });

  it('an awake window that passed while Torpor was down -> nobody missed anything', () => {
    const stage = new Stage('2026-11-29T09:00:00Z', [schedule({ wakes: false })], '2026-11-26T12:00:00Z');
    expect(stage.told).toEqual([]);
  });

  it('the wall clock is set into a window -> noticed within a minute; out of it -> lifted', async () => {
    const stage = new Stage('2026-11-29T01:00:00Z', [schedule()]);
    stage.offsetMs += 2.5 * HOUR_MS;
    await stage.clock.advance(MINUTE_MS);
    expect(stage.take().map(({ kind }) => kind)).toEqual(['inhibit', 'scheduledWake']);
    stage.offsetMs -= 2.5 * HOUR_MS;
    await stage.clock.advance(MINUTE_MS);
    expect(stage.take().map(({ kind }) => kind)).toEqual(['lift']);
  });

  it('windows that overlap -> one inhibitor that is put off, one wake per start', async () => {
    const stage = new Stage('2026-11-29T02:59:59Z', [schedule({ cron: '0,30 * * * *' })]);
    stage.take();
    await stage.clock.advance(HOUR_MS);
    const events = stage.take();
    expect(events.filter(({ kind }) => kind === 'lift')).toEqual([]);
    expect(events.filter(({ kind }) => kind === 'scheduledWake')).toHaveLength(2);
  });

  it('stopped -> no timer is left', async () => {
    const stage = new Stage('2026-11-29T02:59:00Z', [schedule()]);
    stage.watch.stop();
    expect(stage.clock.pending).toBe(0);
    await stage.watch.ask();
    expect(stage.events).toEqual([]);
  });
});
