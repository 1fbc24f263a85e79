import { describe, expect, it } from 'vitest';
import type { WakeRow } from '../../src/history/history-rows.ts';
import { DELIVERY_BOUND_MS, WakeTracker } from '../../src/history/wake-tracker.ts';
import type { FarmEvent } from '../../src/platform/status.ts';
import { FakeClock } from '../support/fake-clock.ts';

describe('WakeTracker', () => {
  function scene() {
    const clock = new FakeClock(0);
    const wakes: WakeRow[] = [];
    const tracker = new WakeTracker(clock, (wake) => wakes.push(wake));
    const note = (kind: string, facts: FarmEvent['facts']) =>
      tracker.note({ id: 1, atMs: clock.nowMs(), platform: 'vdi-01', kind, message: '', facts });
    return { clock, wakes, tracker, note };
  }
  const toWaking = { from: 'asleep', to: 'waking', reason: 'client' };

  it('a client waits -> total until its first held byte; the platform had from the request to its VM’s answer', async () => {
    const { clock, wakes, note } = scene();
    note('transition', toWaking);
    await clock.advance(1000);
    const facts = { from: 'waking', to: 'awake', requestedAtMs: 5, answeredAtMs: 985, waitingSinceMs: 0 };
    note('transition', facts);
    await clock.advance(8);
    note('delivered', {});
    await clock.advance(2);
    note('delivered', {});
    await clock.advance(DELIVERY_BOUND_MS);
    expect(wakes).toEqual([
      {
        table: 'wake',
        platform: 'vdi-01',
        atMs: 0,
        outcome: 'awake',
        reason: 'client',
        totalMs: 1008,
        platformMs: 980,
        torporMs: 28,
        waited: 2,
      },
    ]);
  });

  it('a client came while it was falling asleep -> its wait counts from there', async () => {
    const { clock, wakes, note } = scene();
    await clock.advance(700);
    note('transition', { ...toWaking, from: 'suspending' });
    await clock.advance(300);
    note('transition', { from: 'waking', to: 'awake', requestedAtMs: 701, answeredAtMs: 900, waitingSinceMs: 100 });
    await clock.advance(DELIVERY_BOUND_MS);
    expect(wakes).toMatchObject([{ atMs: 100, totalMs: 900, platformMs: 199, torporMs: 701, waited: 0 }]);
  });

  it('no VM is probed -> a total without a split', async () => {
    const { clock, wakes, note } = scene();
    note('transition', toWaking);
    await clock.advance(400);
    note('transition', { from: 'waking', to: 'awake', requestedAtMs: 1, answeredAtMs: null, waitingSinceMs: null });
    await clock.advance(DELIVERY_BOUND_MS);
    expect(wakes).toMatchObject([{ totalMs: 400, platformMs: null, torporMs: null }]);
  });

  it('nobody asked for it -> no wake of Torpor’s', async () => {
    const { clock, wakes, note } = scene();
    note('transition', toWaking);
    note('transition', { from: 'waking', to: 'awake', requestedAtMs: null, answeredAtMs: 3, waitingSinceMs: null });
    await clock.advance(DELIVERY_BOUND_MS);
    expect(wakes).toEqual([]);
  });

  it('it fails, then the next try succeeds -> one of each', async () => {
    const { clock, wakes, note } = scene();
    note('transition', toWaking);
    await clock.advance(60_000);
    note('transition', { from: 'waking', to: 'failed', requestedAtMs: 1, answeredAtMs: null, waitingSinceMs: 0 });
    note('transition', { ...toWaking, from: 'failed' });
    await clock.advance(500);
    note('transition', { from: 'waking', to: 'awake', requestedAtMs: 60_001, answeredAtMs: 60_400, waitingSinceMs: 0 });
    await clock.advance(DELIVERY_BOUND_MS);
    expect(wakes.map(({ outcome, totalMs }) => [outcome, totalMs])).toEqual([
      ['failed', 60_000],
      ['awake', 60_500],
    ]);
  });

  it('stop: awake just now -> told; still waking -> not', async () => {
    const { clock, wakes, tracker, note } = scene();
    note('transition', toWaking);
    tracker.stop();
    expect(wakes).toEqual([]);
    await clock.advance(10);
    note('transition', { from: 'waking', to: 'awake', requestedAtMs: 1, answeredAtMs: 9, waitingSinceMs: null });
    tracker.stop();
    expect(wakes).toHaveLength(1);
    await clock.advance(DELIVERY_BOUND_MS);
    expect(wakes).toHaveLength(1);
  });
});
