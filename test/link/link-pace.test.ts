// The pace of a link against a line of known rate and delay, reckoned in virtual time.
import { describe, expect, it } from 'vitest';
import { LinkPace, MIN_FLIGHT_BYTES } from '../../src/link/link-pace.ts';

const STEP_MS = 0.1;

/** A line: what is sent lies in a queue, passes at a rate, and is acknowledged after the way there and back. */
class Line {
  nowMs = 0;
  sentBytes = 0;
  bytesPerMs: number;
  roundMs: number;
  longestQueueMs = 0;
  readonly pace = new LinkPace();
  #freeAtMs = 0;
  #acks: { atMs: number; upToBytes: number }[] = [];

  constructor(bytesPerMs: number, roundMs: number) {
    this.bytesPerMs = bytesPerMs;
    this.roundMs = roundMs;
  }

  /** `feed`: how much the streams have to send in a step. */
  run(forMs: number, feed: () => number, pieceBytes = 4096): number {
    const before = this.sentBytes;
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; this.nowMs += STEP_MS) {
      while (this.#acks[0] !== undefined && this.#acks[0].atMs <= this.nowMs)
        this.pace.noteAcked((this.#acks.shift() as { upToBytes: number }).upToBytes, this.nowMs);
      let left = feed();
      while (left > 0 && this.pace.roomBytes > 0) {
        const bytes = Math.min(left, pieceBytes);
        left -= bytes;
        this.#send(bytes, left > 0);
      }
    }
    return (this.sentBytes - before) / forMs;
  }

  #send(bytes: number, hasMore: boolean): void {
    this.sentBytes += bytes;
    this.pace.noteSent(bytes, this.nowMs, hasMore);
    this.longestQueueMs = Math.max(this.longestQueueMs, this.#freeAtMs - this.nowMs);
    this.#freeAtMs = Math.max(this.#freeAtMs, this.nowMs) + bytes / this.bytesPerMs;
    this.#acks.push({ atMs: this.#freeAtMs + this.roundMs, upToBytes: this.sentBytes });
  }
}

const bulk = () => 1e9;

describe('link pace', () => {
  it.each([
    [2500, 50],
    [2500, 5],
    [125, 120],
    [125_000, 2],
  ])('%d bytes a millisecond, %d ms -> the line is used, its rate is told, the queue stays short', (rate, roundMs) => {
    const line = new Line(rate, roundMs);
    line.run(3000, bulk);
    line.longestQueueMs = 0;
    const used = line.run(8000, bulk);
    expect(used / rate).toBeGreaterThan(0.85);
    // Steps upwards are seen a few rounds later; and beyond what the least allowance is worth on a line as slow.
    expect(line.longestQueueMs).toBeLessThan(30 + MIN_FLIGHT_BYTES / rate);
    const told = line.pace.bytesPerMs;
    if (rate < 10_000) expect(told / rate).toBeGreaterThan(0.8);
    if (rate < 10_000) expect(told / rate).toBeLessThan(1.25);
  });

  it('streams that do not fill the line -> no rate is claimed', () => {
    const line = new Line(2500, 50);
    line.run(5000, () => 20, 400);
    expect(line.pace.bytesPerMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('a line that becomes twice as fast -> its use follows within two seconds', () => {
    const line = new Line(1000, 30);
    line.run(3000, bulk);
    line.bytesPerMs = 2000;
    line.run(2000, bulk);
    expect(line.run(2000, bulk)).toBeGreaterThan(1700);
  });

  it('a line that becomes half as fast -> the queue is short again within three seconds', () => {
    const line = new Line(2000, 30);
    line.run(3000, bulk);
    line.bytesPerMs = 1000;
    line.run(3000, bulk);
    line.longestQueueMs = 0;
    line.run(3000, bulk);
    expect(line.longestQueueMs).toBeLessThan(40);
  });

  it('a way that becomes longer -> taken for its length after ten seconds', () => {
    const line = new Line(2500, 20);
    line.run(2000, bulk);
    line.roundMs = 80;
    line.run(25_000, bulk);
    expect(line.run(3000, bulk) / 2500).toBeGreaterThan(0.8);
  });

  it('a connection that goes on at a byte -> counts from there', () => {
    const pace = new LinkPace(1_000_000);
    expect(pace.underWayBytes).toBe(0);
    pace.noteSent(500, 0, false);
    pace.noteAcked(1_000_200, 3);
    expect(pace.underWayBytes).toBe(300);
    pace.noteAcked(1_000_500, 4);
    expect(pace.roundTripMs).toBe(4);
  });
});
