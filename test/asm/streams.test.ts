// The life of a stream: open, observe, idle, active again, close, release; and what stale or wrong calls answer.
import { beforeEach, describe, expect, it } from 'vitest';
import {
  DIRECTION_CLIENT,
  DIRECTION_CONTINUES,
  DIRECTION_SERVER,
  FLAG_ACTIVE,
  FLAG_ENTERED,
  STATUS_BAD_ARGUMENT,
  STATUS_BAD_RANGE,
  STATUS_STREAM_UNKNOWN,
  STATUS_STREAMS_EXHAUSTED,
} from '../../src/core/abi.ts';
import { type RawCore, rawCore } from './support/raw-core.ts';

let core: RawCore;
let chunk = 0;
let out = 0;
beforeEach(async () => {
  core = await rawCore(4, 64 * 1024);
  chunk = core.buffer_alloc(4096);
  out = core.buffer_alloc(4096);
});

const clientBytes = (stream: number, length: number, now: number) =>
  core.observe(stream, DIRECTION_CLIENT, chunk, length, now);
const serverBytes = (stream: number, length: number, now: number) =>
  core.observe(stream, DIRECTION_SERVER, chunk, length, now);

/** The handles that `advance` reports, all of them. */
function expired(now: number, max = 16): number[] {
  const handles: number[] = [];
  do {
    const count = core.advance(now, out, max);
    expect(count).toBeGreaterThanOrEqual(0);
    for (let index = 0; index < count; index += 1) handles.push(core.bytes().readInt32LE(out + index * 4));
  } while (core.advance_pending() === 1);
  return handles;
}

const tallyOf = (stream: number) => {
  expect(core.stream_tally(stream, out)).toBe(32);
  return [0, 8, 16, 24].map((offset) => Number(core.bytes().readBigUInt64LE(out + offset)));
};

describe('stream', () => {
  it('stream: opened -> active, its deadline one idle timeout away', () => {
    const stream = core.stream_open(600, 1000);
    expect(stream).toBeGreaterThan(0);
    expect(core.stream_is_active(stream)).toBe(1);
    expect(core.stream_deadline(stream)).toBe(1600n);
  });

  it('stream: silent until its deadline -> reported once, at the deadline and not before', () => {
    const stream = core.stream_open(600, 1000);
    expect(expired(1599)).toEqual([]);
    expect(core.stream_is_active(stream)).toBe(1);
    expect(expired(1600)).toEqual([stream]);
    expect(core.stream_is_active(stream)).toBe(0);
    expect(expired(1600)).toEqual([]);
    expect(expired(1_000_000)).toEqual([]);
  });

  it('stream: client bytes -> ACTIVE, and the deadline moves on', () => {
    const stream = core.stream_open(600, 1000);
    expect(clientBytes(stream, 1, 1500)).toBe(FLAG_ACTIVE);
    expect(core.stream_deadline(stream)).toBe(2100n);
    expect(expired(2099)).toEqual([]);
    expect(expired(2100)).toEqual([stream]);
  });

  it('stream: server bytes -> no verdict, and the deadline stays', () => {
    const stream = core.stream_open(600, 1000);
    expect(serverBytes(stream, 1000, 1500)).toBe(0);
    expect(core.stream_deadline(stream)).toBe(1600n);
    expect(expired(1600)).toEqual([stream]);
    expect(serverBytes(stream, 1000, 1700)).toBe(0);
    expect(core.stream_is_active(stream)).toBe(0);
  });

  it('stream: idle, then client bytes -> ENTERED once, and it expires again', () => {
    const stream = core.stream_open(600, 1000);
    expired(1600);
    expect(clientBytes(stream, 5, 5000)).toBe(FLAG_ACTIVE | FLAG_ENTERED);
    expect(clientBytes(stream, 5, 5001)).toBe(FLAG_ACTIVE);
    expect(core.stream_is_active(stream)).toBe(1);
    expect(expired(5600)).toEqual([]);
    expect(expired(5601)).toEqual([stream]);
  });

  it('stream: client bytes after the deadline but before the report -> stays active, nothing is reported', () => {
    const stream = core.stream_open(600, 1000);
    expect(clientBytes(stream, 1, 1650)).toBe(FLAG_ACTIVE);
    expect(expired(1700)).toEqual([]);
  });

  it('stream: an empty chunk -> neither activity nor a chunk', () => {
    const stream = core.stream_open(600, 1000);
    expect(clientBytes(stream, 0, 1500)).toBe(0);
    expect(core.stream_deadline(stream)).toBe(1600n);
    expect(tallyOf(stream)).toEqual([0, 0, 0, 0]);
  });

  it('stream: chunks of both sides, one in pieces -> bytes and chunks are counted per direction', () => {
    const stream = core.stream_open(600, 0);
    clientBytes(stream, 10, 1);
    clientBytes(stream, 4096, 2);
    core.observe(stream, DIRECTION_CLIENT | DIRECTION_CONTINUES, chunk, 100, 2);
    serverBytes(stream, 7, 3);
    core.observe(stream, DIRECTION_SERVER | DIRECTION_CONTINUES, chunk, 1, 3);
    expect(tallyOf(stream)).toEqual([4206, 2, 8, 1]);
  });

  it('stream: idle timeout 0 -> reported by the next advance of the same tick', () => {
    const stream = core.stream_open(0, 1000);
    expect(expired(1000)).toEqual([stream]);
  });

  it('stream: the clock steps back -> nothing expires early, and no deadline moves back', () => {
    const stream = core.stream_open(600, 10_000);
    expect(expired(10_100)).toEqual([]);
    expect(clientBytes(stream, 1, 9000)).toBe(FLAG_ACTIVE);
    expect(core.stream_deadline(stream)).toBe(10_600n);
    expect(expired(9000)).toEqual([]);
    expect(expired(10_599)).toEqual([]);
    expect(expired(10_600)).toEqual([stream]);
  });

  it('stream: opened while the clock is behind, its deadline before the last advance -> reported once time is back there', () => {
    core.stream_open(100_000, 10_000);
    expect(expired(10_100)).toEqual([]);
    const stream = core.stream_open(50, 9000);
    expect(expired(9049)).toEqual([]);
    expect(expired(10_100)).toEqual([stream]);
  });

  it('stream: first one after a gap of half the clock, then a step back -> nothing expires early', () => {
    core.stream_release(core.stream_open(10, 0));
    const start = 2 ** 31 + 100;
    const stream = core.stream_open(600, start);
    expect(expired(start - 1000)).toEqual([]);
    expect(expired(start + 599)).toEqual([]);
    expect(expired(start + 600)).toEqual([stream]);
  });
});

describe('stream, closed', () => {
  it('close: active stream -> active through its grace, then reported once', () => {
    const stream = core.stream_open(600_000, 1000);
    expect(core.stream_close(stream, 50, 1100)).toBe(0);
    expect(core.stream_is_active(stream)).toBe(1);
    expect(expired(1149)).toEqual([]);
    expect(expired(1150)).toEqual([stream]);
    expect(core.stream_is_active(stream)).toBe(0);
    expect(expired(2_000_000)).toEqual([]);
  });

  it('close: idle deadline nearer than the grace -> the grace counts', () => {
    const stream = core.stream_open(600, 1000);
    core.stream_close(stream, 500, 1550);
    expect(expired(2049)).toEqual([]);
    expect(expired(2050)).toEqual([stream]);
  });

  it('close: idle stream -> not active, reported by the next advance, once', () => {
    const stream = core.stream_open(600, 1000);
    expired(1600);
    expect(core.stream_close(stream, 5000, 1700)).toBe(0);
    expect(core.stream_is_active(stream)).toBe(0);
    expect(expired(1700)).toEqual([stream]);
    expect(expired(100_000)).toEqual([]);
  });

  it('close: twice -> the first grace stands', () => {
    const stream = core.stream_open(600_000, 1000);
    core.stream_close(stream, 50, 1100);
    expect(core.stream_close(stream, 50_000, 1120)).toBe(0);
    expect(expired(1150)).toEqual([stream]);
    expect(core.stream_close(stream, 50, 1200)).toBe(0);
    expect(expired(1_000_000)).toEqual([]);
  });

  it('close: late bytes of either side -> counted, never activity', () => {
    const stream = core.stream_open(600, 1000);
    core.stream_close(stream, 50, 1100);
    expect(clientBytes(stream, 3, 1140)).toBe(0);
    expect(expired(1150)).toEqual([stream]);
    expect(clientBytes(stream, 4, 1160)).toBe(0);
    expect(serverBytes(stream, 5, 1160)).toBe(0);
    expect(tallyOf(stream)).toEqual([7, 2, 5, 1]);
    expect(expired(1_000_000)).toEqual([]);
  });

  it('release: in any state -> never reported, and every use of the handle is refused', () => {
    const active = core.stream_open(600, 1000);
    const idle = core.stream_open(100, 1000);
    const closing = core.stream_open(600, 1000);
    expect(expired(1100)).toEqual([idle]);
    core.stream_close(closing, 50, 1100);
    for (const stream of [active, idle, closing]) {
      expect(core.stream_release(stream)).toBe(0);
      expect(core.stream_release(stream)).toBe(STATUS_STREAM_UNKNOWN);
      expect(core.stream_close(stream, 0, 1100)).toBe(STATUS_STREAM_UNKNOWN);
      expect(core.stream_is_active(stream)).toBe(STATUS_STREAM_UNKNOWN);
      expect(core.stream_deadline(stream)).toBe(BigInt(STATUS_STREAM_UNKNOWN));
      expect(core.stream_tally(stream, out)).toBe(STATUS_STREAM_UNKNOWN);
      expect(clientBytes(stream, 1, 1100)).toBe(STATUS_STREAM_UNKNOWN);
    }
    expect(expired(10_000)).toEqual([]);
  });
});

describe('stream slots', () => {
  it('slots: all taken -> refused; one released -> its slot opens again, clean, under a new handle', () => {
    const streams = [1, 2, 3, 4].map(() => core.stream_open(600, 0));
    expect(new Set(streams).size).toBe(4);
    expect(core.stream_open(600, 0)).toBe(STATUS_STREAMS_EXHAUSTED);
    const old = streams[1] as number;
    clientBytes(old, 100, 5);
    core.stream_release(old);
    const again = core.stream_open(700, 10);
    expect(again).toBeGreaterThan(0);
    expect(again & 0xffff).toBe(old & 0xffff);
    expect(again).not.toBe(old);
    expect(tallyOf(again)).toEqual([0, 0, 0, 0]);
    expect(core.stream_is_active(old)).toBe(STATUS_STREAM_UNKNOWN);
    expect(core.stream_open(600, 10)).toBe(STATUS_STREAMS_EXHAUSTED);
  });

  it('slots: released ones -> used again oldest first', () => {
    const streams = [1, 2, 3, 4].map(() => core.stream_open(600, 0));
    for (const index of [2, 0, 3]) core.stream_release(streams[index] as number);
    const again = [1, 2, 3].map(() => core.stream_open(600, 0) & 0xffff);
    expect(again).toEqual([2, 0, 3].map((index) => (streams[index] as number) & 0xffff));
  });

  it('slots: one slot used 100,000 times -> every handle positive, each refused once it is stale', async () => {
    const single = await rawCore(1, 4096);
    let before = single.stream_open(1, 0);
    for (let round = 0; round < 100_000; round += 1) {
      single.stream_release(before);
      const handle = single.stream_open(1, 0);
      if (handle <= 0 || handle === before || single.stream_is_active(before) !== STATUS_STREAM_UNKNOWN) {
        expect.fail(`round ${round}: ${handle} after ${before}`);
      }
      before = handle;
    }
  });

  it.each([0, -1, 1, 4, 5, 65_535, 65_536 + 4, 2 ** 31 - 1, -(2 ** 31), 131_072])(
    'slots: handle %i that was never given out -> refused',
    (handle) => {
      core.stream_open(600, 0);
      expect(core.stream_is_active(handle)).toBe(STATUS_STREAM_UNKNOWN);
      expect(core.stream_release(handle)).toBe(STATUS_STREAM_UNKNOWN);
    },
  );

  it('slots: a released slot -> holds nothing of its stream', () => {
    const stream = core.stream_open(0x1234567, 0);
    clientBytes(stream, 4000, 0x7654321);
    core.stream_release(stream);
    const base = 131_072 + (stream & 0xffff) * 64;
    // Its first word is the generation of the next handle; all else is gone.
    expect(core.read(base + 4, 60).every((byte) => byte === 0)).toBe(true);
  });
});

describe('misuse', () => {
  it('misuse: numbers out of bounds -> a status each, and the stream is as before', () => {
    const stream = core.stream_open(600, 1000);
    expect(core.stream_open(-1, 1000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.stream_open(2 ** 31, 1000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.stream_close(stream, -1, 1000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.observe(stream, 5, chunk, 1, 1000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.observe(stream, 8, chunk, 1, 1000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.observe(stream, -1, chunk, 1, 1000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.observe(stream, 0, chunk, 4097, 1000)).toBe(STATUS_BAD_RANGE);
    expect(core.observe(stream, 0, chunk, -1, 1000)).toBe(STATUS_BAD_RANGE);
    expect(core.observe(stream, 0, 0, 1, 1000)).toBe(STATUS_BAD_RANGE);
    expect(core.stream_tally(stream, 0)).toBe(STATUS_BAD_RANGE);
    expect(core.stream_tally(stream, out + 4090)).toBe(STATUS_BAD_RANGE);
    expect(core.advance(5000, out, 0)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.advance(5000, out, 65_537)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.advance(5000, out, 1025)).toBe(STATUS_BAD_RANGE);
    expect(core.advance(5000, 0, 1)).toBe(STATUS_BAD_RANGE);
    expect(core.stream_deadline(stream)).toBe(1600n);
    expect(tallyOf(stream)).toEqual([0, 0, 0, 0]);
    expect(expired(5000)).toEqual([stream]);
  });
});
