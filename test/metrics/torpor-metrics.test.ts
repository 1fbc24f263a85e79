import { describe, expect, it } from 'vitest';
import type { PlatformLook } from '../../src/energy/present-watts.ts';
import { METRICS } from '../../src/metrics/metric-table.ts';
import { TorporMetrics } from '../../src/metrics/torpor-metrics.ts';
import type { FarmEvent } from '../../src/platform/status.ts';
import { FakeFarm, fakePlatform } from '../api/fakes/fake-farm.ts';
import { FakeClock } from '../support/fake-clock.ts';

function scene() {
  const clock = new FakeClock(1_700_000_000_000);
  const farm = new FakeFarm();
  const look: { now: PlatformLook } = { now: { state: 'awake', sinceMs: 0, pool: 0, reading: null } };
  const counts = { written: 10, dropped: 2, thinned: 3, queued: 4, fileBytes: 8192 };
  const metrics = new TorporMetrics({
    platforms: [{ name: 'vdi-01', watts: { busy: 300, idle: 175, asleep: 8 }, look: () => look.now }],
    version: '1.2.3',
    clock,
    history: { counts: () => counts },
  });
  const note = (kind: string, facts: FarmEvent['facts'] = {}, platform = 'vdi-01') =>
    metrics.note({ id: 1, atMs: clock.nowMs(), platform, kind, message: '', facts });
  const page = () => metrics.page(farm).render();
  /** The value of one series, by its whole name with labels. */
  const value = async (series: string) => {
    const line = (await page()).split('\n').find((each) => each.startsWith(`${series} `));
    return line === undefined ? null : Number(line.slice(series.length + 1));
  };
  return { clock, farm, look, counts, metrics, note, page, value };
}

describe('TorporMetrics', () => {
  it('the page -> every metric of the table, with its type and help', async () => {
    const { metrics, page, farm } = scene();
    metrics.noteWake({
      platform: 'vdi-01',
      outcome: 'awake',
      reason: 'client',
      totalMs: 9,
      platformMs: 8,
      torporMs: 1,
    });
    farm.change('vdi-01', { heldBytes: 10, heldStoredBytes: 4 });
    const text = await page();
    for (const [name, { type, help }] of Object.entries(METRICS)) {
      expect(text).toContain(`# HELP ${name} ${help}\n`);
      expect(text).toContain(`# TYPE ${name} ${type}\n`);
    }
    expect(text).toContain(`torpor_build_info{version="1.2.3",node="${process.version}"} 1`);
    expect(text).toMatch(/^process_cpu_seconds_total \d/m);
  });

  it('a platform’s status -> its gauges; one state is 1, all others 0', async () => {
    const { value, page } = scene();
    const text = await page();
    const states = [...text.matchAll(/^torpor_platform_state\{platform="vdi-01",state="(\w+)"\} (\d)$/gm)];
    expect(states.filter(([, , is]) => is === '1').map(([, state]) => state)).toEqual(['awake']);
    expect(states).toHaveLength(8);
    expect(await value('torpor_pool_streams{platform="vdi-01"}')).toBe(1);
    expect(await value('torpor_blockers{platform="vdi-01",kind="pool"}')).toBe(1);
    expect(await value('torpor_received_bytes_total{platform="vdi-01"}')).toBe(1000);
    expect(await value('torpor_history_rows_total{outcome="dropped"}')).toBe(2);
  });

  it('asked twice -> sums are not counted twice, and what ended is not told any more', async () => {
    const { value, farm } = scene();
    farm.change('vdi-01', { bmcErrors: 3, heldBytes: 90, heldStoredBytes: 30 });
    expect(await value('torpor_bmc_errors_total{platform="vdi-01"}')).toBe(3);
    expect(await value('torpor_bmc_errors_total{platform="vdi-01"}')).toBe(3);
    expect(await value('torpor_hold_compression_ratio{platform="vdi-01"}')).toBe(3);
    farm.change('vdi-01', { bmcErrors: 5, heldBytes: 0, heldStoredBytes: 0, blockers: [] });
    expect(await value('torpor_bmc_errors_total{platform="vdi-01"}')).toBe(5);
    expect(await value('torpor_hold_compression_ratio{platform="vdi-01"}')).toBeNull();
    expect(await value('torpor_blockers{platform="vdi-01",kind="pool"}')).toBeNull();
  });

  it('a sum that falls (a process died) -> the counter stays', async () => {
    const { value, farm } = scene();
    expect(await value('torpor_sent_bytes_total{platform="vdi-01"}')).toBe(50_000);
    farm.change('vdi-01', { bytesToClients: 10 });
    expect(await value('torpor_sent_bytes_total{platform="vdi-01"}')).toBe(50_000);
  });

  it('transitions and alarms -> counted by reason; time is counted for the state that it was spent in', async () => {
    const { clock, note, value, farm } = scene();
    note('transition', { from: 'starting', to: 'awake', reason: 'evidence' });
    await clock.advance(60_000);
    note('transition', { from: 'awake', to: 'drowsy', reason: 'idle' });
    note('alarm');
    note('alarm', {}, '-');
    await clock.advance(5000);
    farm.change('vdi-01', { state: 'drowsy' });
    const labels = 'platform="vdi-01",from="awake",to="drowsy",reason="idle"';
    expect(await value(`torpor_transitions_total{${labels}}`)).toBe(1);
    expect(await value('torpor_alarms_total{platform="-"}')).toBe(1);
    expect(await value('torpor_platform_state_seconds_total{platform="vdi-01",state="awake"}')).toBe(60);
    expect(await value('torpor_platform_state_seconds_total{platform="vdi-01",state="drowsy"}')).toBe(5);
  });

  it('wakes -> the histogram in its parts; failed ones are counted and not timed', async () => {
    const { metrics, value } = scene();
    const wake = { platform: 'vdi-01', reason: 'client' } as const;
    metrics.noteWake({ ...wake, outcome: 'awake', totalMs: 1030, platformMs: 1000, torporMs: 30 });
    metrics.noteWake({ ...wake, outcome: 'awake', totalMs: 500, platformMs: null, torporMs: null });
    metrics.noteWake({ ...wake, outcome: 'failed', totalMs: 60_000, platformMs: null, torporMs: null });
    expect(await value('torpor_wake_seconds_count{platform="vdi-01",part="total"}')).toBe(2);
    expect(await value('torpor_wake_seconds_sum{platform="vdi-01",part="torpor"}')).toBeCloseTo(0.03, 9);
    expect(await value('torpor_wake_seconds_bucket{le="0.05",platform="vdi-01",part="torpor"}')).toBe(1);
    expect(await value('torpor_wakes_total{platform="vdi-01",outcome="failed",reason="client"}')).toBe(1);
  });

  it('an hour awake, then an hour asleep -> energy on both sides, and what was saved', async () => {
    const { clock, look, note, value } = scene();
    await clock.advance(3_600_000);
    look.now = { state: 'asleep', sinceMs: clock.nowMs(), pool: 0, reading: null };
    note('transition', { from: 'suspending', to: 'asleep', reason: 'evidence' });
    await clock.advance(3_600_000);
    expect(await value('torpor_power_watts{platform="vdi-01",source="configured"}')).toBe(8);
    expect(await value('torpor_energy_used_joules_total{platform="vdi-01"}')).toBeCloseTo(3600 * 183, 3);
    expect(await value('torpor_energy_always_on_joules_total{platform="vdi-01"}')).toBeCloseTo(3600 * 350, 3);
    expect(await value('torpor_saved_joules{platform="vdi-01"}')).toBeCloseTo(3600 * 167, 3);
  });

  it('measured while idle -> that is what it would have drawn', async () => {
    const { clock, look, value } = scene();
    look.now = { ...look.now, reading: { atMs: clock.nowMs() + 10 ** 9, watts: 100 } };
    await clock.advance(3_600_000);
    look.now = { state: 'asleep', sinceMs: clock.nowMs(), pool: 0, reading: null };
    await clock.advance(3_600_000);
    expect(await value('torpor_saved_joules{platform="vdi-01"}')).toBeGreaterThan(0.99 * 3600 * 92);
    expect(await value('torpor_saved_joules{platform="vdi-01"}')).toBeLessThan(1.01 * 3600 * 92);
  });

  it('labels -> closed sets only: no client, stream or text of theirs', async () => {
    const { note, page, farm } = scene();
    farm.statuses = [fakePlatform({ why: 'alice from 10.9.8.7:50123 is active' })];
    note('stream-active', { stream: 's1', vm: 'alice', client: '10.9.8.7:50123', why: 'client bytes', pool: 1 });
    note('transition', { from: 'asleep', to: 'waking', reason: 'client' });
    expect(await page()).not.toMatch(/10\.9\.8\.7|alice/);
  });
});
