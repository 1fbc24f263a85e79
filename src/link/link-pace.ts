// How much of a link may be under way at once, and how fast it is: told from when the peer acknowledges what. Keeps the queue in the
// network short, so that a key does not wait behind a bulk transfer. Knows no records and sends nothing.

/** Under way at first, and never less: a few packets, however slow the link. */
export const MIN_FLIGHT_BYTES = 16_384;
/** Kept for a repeat at most; 1 Gbit/s over 60 ms. */
export const MAX_FLIGHT_BYTES = 8 * 1024 * 1024;
/** Delay in the network's queue that is aimed at: below it more is sent at once, above it less. */
const QUEUE_TARGET_MS = 4;
/** The shortest round trip counts for so long; then the queue is let run empty for a round to measure it anew. */
const BASE_AGE_MS = 10_000;
/** Over how many rounds the highest rate counts. */
const RATE_ROUNDS = 8;
/** A queue stands when it was there in so many rounds; one late round may be a processor that was busy. */
const QUEUE_ROUNDS = 3;
/** So many full rounds without a queue: the link has become faster than what was measured. */
const OPEN_ROUNDS = 8;
/** One step down keeps so much. */
const LEAST_KEPT = 0.7;
/** So many rounds in which less was under way than might be, though more waited: the encoders are slower than the link. */
const STARVED_ROUNDS = 16;

interface Sample {
  /** When all bytes up to here are acknowledged the round is over. */
  readonly endBytes: number;
  readonly sentAtMs: number;
  readonly deliveredBytes: number;
  /** As much was under way as may be: the rate of this round is the link's and not the streams'. */
  readonly isFull: boolean;
  /** More waited to be sent. */
  readonly hasMore: boolean;
}

/** All moments in milliseconds of one steady clock, finer than a millisecond. */
export class LinkPace {
  #sentBytes: number;
  #ackedBytes: number;
  #flightBytes = 4 * MIN_FLIGHT_BYTES;
  #isSlowStart = true;
  #baseMs = Number.POSITIVE_INFINITY;
  #baseAtMs = 0;
  #drainUntilBytes = 0;
  #lastMs: number | null = null;
  #sample: Sample | null = null;
  #rates: number[] = [];
  #rounds: number[] = [];
  #starvedRounds = 0;
  #openRounds = 0;
  #isLimited = false;

  /** `startBytes`: what the connection's first byte is in the count of sent and acknowledged ones. */
  constructor(startBytes = 0) {
    this.#sentBytes = startBytes;
    this.#ackedBytes = startBytes;
  }

  /** What may be under way. */
  get flightBytes(): number {
    return this.#drainUntilBytes > this.#ackedBytes ? this.#flightBytes / 2 : this.#flightBytes;
  }

  /** Sent and not acknowledged. */
  get underWayBytes(): number {
    return this.#sentBytes - this.#ackedBytes;
  }

  get roomBytes(): number {
    return Math.max(0, this.flightBytes - this.underWayBytes);
  }

  /** Bytes a millisecond that the link carries; infinite while the streams have not filled it. */
  get bytesPerMs(): number {
    return this.#isLimited && this.#rates.length > 0 ? Math.max(...this.#rates) : Number.POSITIVE_INFINITY;
  }

  /** The last round trip, its queue included; null before the first. */
  get roundTripMs(): number | null {
    return this.#lastMs;
  }

  get shortestRoundTripMs(): number | null {
    return Number.isFinite(this.#baseMs) ? this.#baseMs : null;
  }

  noteSent(bytes: number, nowMs: number, hasMore: boolean): void {
    this.#sentBytes += bytes;
    this.#sample ??= {
      endBytes: this.#sentBytes,
      sentAtMs: nowMs,
      deliveredBytes: this.#ackedBytes,
      isFull: this.underWayBytes >= this.flightBytes / 2,
      hasMore,
    };
  }

  noteAcked(upToBytes: number, nowMs: number): void {
    this.#ackedBytes = Math.max(this.#ackedBytes, upToBytes);
    const sample = this.#sample;
    if (sample === null || this.#ackedBytes < sample.endBytes) return;
    this.#sample = null;
    this.#endRound(sample, nowMs);
  }

  #endRound(sample: Sample, nowMs: number): void {
    const roundMs = Math.max(0.05, nowMs - sample.sentAtMs);
    this.#lastMs = roundMs;
    if (roundMs <= this.#baseMs) {
      this.#baseMs = roundMs;
      this.#baseAtMs = nowMs;
    } else if (nowMs - this.#baseAtMs > BASE_AGE_MS) {
      // Nothing as short for long: the way may have become longer, or it is our own queue. A round with half under way tells.
      this.#baseMs = roundMs;
      this.#baseAtMs = nowMs;
      this.#drainUntilBytes = this.#sentBytes + 1;
      return;
    }
    if (!sample.isFull) {
      this.#noteStarved(sample.hasMore);
      return;
    }
    this.#starvedRounds = 0;
    this.#rounds.push(roundMs);
    if (this.#rounds.length > QUEUE_ROUNDS) this.#rounds.shift();
    // At first one round is enough: what is doubled once more would lie in the queue.
    const queueMs = (this.#isSlowStart ? roundMs : Math.min(...this.#rounds)) - this.#baseMs;
    this.#rates.push((this.#ackedBytes - sample.deliveredBytes) / roundMs);
    if (this.#rates.length > RATE_ROUNDS) this.#rates.shift();
    this.#steer(queueMs);
  }

  #noteStarved(hasMore: boolean): void {
    this.#starvedRounds = hasMore ? this.#starvedRounds + 1 : 0;
    if (this.#starvedRounds < STARVED_ROUNDS) return;
    this.#starvedRounds = 0;
    this.#isLimited = false;
    this.#rates = [];
  }

  /** While there is a queue what arrives tells the link's rate, and that what the way holds without one. */
  #steer(queueMs: number): void {
    if (queueMs > QUEUE_TARGET_MS) {
      this.#isLimited = true;
      this.#openRounds = 0;
      this.#isSlowStart = false;
      const wanted = Math.max(...this.#rates) * (this.#baseMs + QUEUE_TARGET_MS);
      this.#flightBytes = clamp(Math.max(wanted, this.#flightBytes * LEAST_KEPT));
      return;
    }
    if (this.#isSlowStart) this.#flightBytes = clamp(this.#flightBytes * 2);
    else this.#flightBytes = clamp(this.#flightBytes + Math.max(4096, this.#flightBytes / 16));
    this.#openRounds = queueMs < QUEUE_TARGET_MS / 4 ? this.#openRounds + 1 : 0;
    if (this.#openRounds > OPEN_ROUNDS) this.#isLimited = false;
  }
}

function clamp(bytes: number): number {
  return Math.min(MAX_FLIGHT_BYTES, Math.max(MIN_FLIGHT_BYTES, bytes));
}
