import { beforeEach, describe, expect, it } from 'vitest';
import { loadCore } from '../../src/core/stream-core.ts';
import { EXPIRIES_PER_TURN, StreamRegistry, TICK_INTERVAL_MS } from '../../src/streams/stream-registry.ts';
import { FakeClock } from '../support/fake-clock.ts';

const KEY = Uint8Array.of(0x61);
const TIMEOUT_MS = 10_000;

let clock: FakeClock;
let registry: StreamRegistry;
let latenessMs: number;

beforeEach(async () => {
  clock = new FakeClock();
  registry = new StreamRegistry({ core: await loadCore({ maxStreams: 2048, heapBytes: 1024 * 1024 }), clock });
  registry.start();
  latenessMs = TICK_INTERVAL_MS + registry.core.tickMs;
});

/** A stream that remembers when it went idle. */
function openSeat(timeoutMs = TIMEOUT_MS) {
  const expiredAtMs: number[] = [];
  const openedAtMs = clock.nowMs();
  const seat = registry.open(timeoutMs, { onExpired: () => expiredAtMs.push(clock.nowMs() - openedAtMs) });
  return { seat, expiredAtMs };
}

describe('StreamRegistry', () => {
  it('a silent stream: its timeout passes -> idle once, never early, late by one interval at most', async () => {
    const { seat, expiredAtMs } = openSeat();
    await clock.advance(TIMEOUT_MS - 1);
    expect([expiredAtMs, registry.isActive(seat)]).toEqual([[], true]);
    await clock.advance(10 * TIMEOUT_MS);
    expect(expiredAtMs).toHaveLength(1);
    expect(expiredAtMs[0]).toBeGreaterThanOrEqual(TIMEOUT_MS);
    expect(expiredAtMs[0]).toBeLessThanOrEqual(TIMEOUT_MS + latenessMs);
    expect(registry.isActive(seat)).toBe(false);
  });

  it('client bytes: in time, then after the timeout -> stays, and enters again', async () => {
    const { seat, expiredAtMs } = openSeat();
    await clock.advance(TIMEOUT_MS - 500);
    expect(registry.observe(seat, 'client', KEY)).toEqual({ isActive: true, hasEntered: false });
    await clock.advance(TIMEOUT_MS - 500);
    expect(expiredAtMs).toEqual([]);
    await clock.advance(1000);
    expect(expiredAtMs).toHaveLength(1);
    expect(registry.observe(seat, 'client', KEY)).toEqual({ isActive: true, hasEntered: true });
    await clock.advance(TIMEOUT_MS + latenessMs);
    expect(expiredAtMs).toHaveLength(2);
  });

  it('server bytes: of an active and of an idle stream -> no activity', async () => {
    const { seat, expiredAtMs } = openSeat();
    await clock.advance(TIMEOUT_MS / 2);
    expect(registry.observe(seat, 'server', KEY)).toEqual({ isActive: false, hasEntered: false });
    await clock.advance(TIMEOUT_MS / 2 + latenessMs);
    expect(expiredAtMs).toHaveLength(1);
  });

  it('wake: an active stream, an idle one -> nothing, and active for a whole timeout', async () => {
    const { seat, expiredAtMs } = openSeat();
    expect(registry.wake(seat)).toBe(false);
    await clock.advance(TIMEOUT_MS + latenessMs);
    expect(registry.wake(seat)).toBe(true);
    expect([registry.isActive(seat), registry.size]).toEqual([true, 1]);
    await clock.advance(TIMEOUT_MS - 1000);
    expect(expiredAtMs).toHaveLength(1);
    await clock.advance(1000 + latenessMs);
    expect(expiredAtMs).toHaveLength(2);
  });

  it('close: active stream -> reported after its grace; released -> never', async () => {
    const closed = openSeat();
    const released = openSeat();
    registry.close(closed.seat, 2000);
    registry.release(released.seat);
    await clock.advance(1999);
    expect(closed.expiredAtMs).toEqual([]);
    await clock.advance(TIMEOUT_MS * 2);
    expect(closed.expiredAtMs).toHaveLength(1);
    expect(closed.expiredAtMs[0]).toBeLessThanOrEqual(2000 + latenessMs);
    expect(released.expiredAtMs).toEqual([]);
    expect(registry.size).toBe(1);
  });

  it('more expiries than fit one turn: all due at once -> each reported once, none an interval later', async () => {
    const streams = Array.from({ length: 2 * EXPIRIES_PER_TURN + 1 }, () => openSeat());
    await clock.advance(TIMEOUT_MS + latenessMs);
    expect(streams.filter(({ expiredAtMs }) => expiredAtMs.length === 1)).toHaveLength(streams.length);
  });

  it('stopped and started again: deadlines in between -> reported after the start', async () => {
    const { expiredAtMs } = openSeat();
    registry.stop();
    expect(clock.pending).toBe(0);
    await clock.advance(5 * TIMEOUT_MS);
    expect(expiredAtMs).toEqual([]);
    registry.start();
    await clock.advance(latenessMs);
    expect(expiredAtMs).toHaveLength(1);
  });

  it('a core without room: one stream too many -> ERR_CORE_STREAMS_EXHAUSTED, room again after a release', async () => {
    const tiny = new StreamRegistry({ core: await loadCore({ maxStreams: 1, heapBytes: 1024 * 1024 }), clock });
    const seat = tiny.open(TIMEOUT_MS, { onExpired() {} });
    expect(() => tiny.open(TIMEOUT_MS, { onExpired() {} })).toThrow(
      expect.objectContaining({ code: 'ERR_CORE_STREAMS_EXHAUSTED' }),
    );
    tiny.release(seat);
    expect(() => tiny.open(TIMEOUT_MS, { onExpired() {} })).not.toThrow();
  });
});
