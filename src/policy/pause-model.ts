// Pauses of clients that stay connected: how likely one is to end soon, by when it began, and how long those last that do.
import { QUARTERS, WEEK_QUARTERS } from './local-time.ts';

/** What lasts longer is no pause: whoever is idle is at lunch, or gone with the session left open. */
export const PAUSE_MS = 30 * 60_000;
/** Shorter idleness is none: see IDLE_JOIN_MS. */
const PAUSE_FROM_MS = 60_000;
const BIN_UNTIL_MS = [90, 120, 180, 240, 360, 480, 660, 900, 1200, PAUSE_MS / 1000].map((seconds) => seconds * 1000);
const BINS = BIN_UNTIL_MS.length;
/** Indices of a snapshot: quarters of the week, then bins of how long pauses lasted. */
export const PAUSE_INDICES = WEEK_QUARTERS + BINS;

/** Pauses worth of trust in the coarser share. */
const TRUST_IN_ALL = 2;
/** How much quarters count by their distance in time: of one client, and of all. Less is known of one, so more of them do. */
const NEAR = bell(4, 2);
const NEAR_OF_ALL = bell(2, 1.5);

/** What one client's pauses showed, by the quarter of the week in which they began. */
export class PauseTally {
  readonly begun = new Float64Array(WEEK_QUARTERS);
  readonly ended = new Float64Array(WEEK_QUARTERS);
  readonly lasted = new Float64Array(BINS);
  /** How likely a pause is to end within PAUSE_MS, as of the last rebuild. */
  readonly shares = new Float64Array(WEEK_QUARTERS).fill(0.5);

  /** Counts idleness that lasted longer than PAUSE_FROM_MS; `ageMs` at its end, PAUSE_MS or more where that was no pause. */
  add(quarter: number, ageMs: number, weight: number): void {
    this.begun[quarter] = (this.begun[quarter] as number) + weight;
    if (ageMs >= PAUSE_MS) return;
    this.ended[quarter] = (this.ended[quarter] as number) + weight;
    const bin = pauseBin(ageMs);
    this.lasted[bin] = (this.lasted[bin] as number) + weight;
  }

  /** [index, ended, begun], of bins [index, how many, 0], of what was seen, as JSON can hold it. */
  snapshot(weight: number): Array<[number, number, number]> {
    const { begun, ended, lasted } = this;
    const all: Array<[number, number, number]> = [];
    for (const [quarter, count] of begun.entries()) {
      if (count > 0) all.push([quarter, (ended[quarter] as number) / weight, count / weight]);
    }
    for (const [bin, count] of lasted.entries()) if (count > 0) all.push([WEEK_QUARTERS + bin, count / weight, 0]);
    return all;
  }

  restore(seen: ReadonlyArray<readonly [number, number, number]>): void {
    for (const [index, ended, begun] of seen) {
      if (index >= WEEK_QUARTERS) {
        this.lasted[index - WEEK_QUARTERS] = ended;
        continue;
      }
      this.ended[index] = ended;
      this.begun[index] = begun;
    }
  }
}

/** What all clients' pauses showed: each one's shares are drawn towards it, and how long pauses last is taken to be the same for all. */
export class PauseModel {
  readonly #all = new PauseTally();
  /** Of the pauses that end, the share that has before each bin. */
  readonly #endedBefore = new Float64Array(BINS + 1);

  rebuild(tallies: readonly PauseTally[], weight: number): void {
    const { begun, ended, lasted, shares } = this.#all;
    addUp(begun, tallies, (tally) => tally.begun);
    addUp(ended, tallies, (tally) => tally.ended);
    addUp(lasted, tallies, (tally) => tally.lasted);
    const pauses = sum(lasted) + BINS * weight;
    for (let bin = 0; bin < BINS; bin += 1) {
      this.#endedBefore[bin + 1] = (this.#endedBefore[bin] as number) + ((lasted[bin] as number) + weight) / pauses;
    }
    const overall = (sum(ended) + weight) / (sum(begun) + 2 * weight);
    const trust = TRUST_IN_ALL * weight;
    drawShares(this.#all, NEAR_OF_ALL, trust, new Float64Array(WEEK_QUARTERS).fill(overall));
    for (const tally of tallies) drawShares(tally, NEAR, trust, shares);
  }

  /**
   * The rate of return per millisecond, of a client idle for `ageMs`, below PAUSE_MS, if pauses end with this share. The longer it has been
   * idle, the likelier it is one of those that do not come back.
   */
  rate(share: number, ageMs: number): number {
    const bin = pauseBin(ageMs);
    const before = this.#endedBefore[bin] as number;
    const ends = (share * ((this.#endedBefore[bin + 1] as number) - before)) / (1 - share * before);
    const fromMs = bin === 0 ? PAUSE_FROM_MS : (BIN_UNTIL_MS[bin - 1] as number);
    return -Math.log1p(-ends) / ((BIN_UNTIL_MS[bin] as number) - fromMs);
  }
}

/** Until what age the rate at this one holds. */
export function pauseRateUntilMs(ageMs: number): number {
  return BIN_UNTIL_MS[pauseBin(ageMs)] as number;
}

function pauseBin(ageMs: number): number {
  let bin = 0;
  while (bin < BINS - 1 && ageMs >= (BIN_UNTIL_MS[bin] as number)) bin += 1;
  return bin;
}

function drawShares({ begun, ended, shares }: PauseTally, near: Float64Array, trust: number, towards: Float64Array) {
  const reach = near.length - 1;
  for (let quarter = 0; quarter < WEEK_QUARTERS; quarter += 1) {
    const dayFrom = quarter < QUARTERS ? 0 : QUARTERS;
    const to = Math.min(dayFrom + QUARTERS - 1, quarter + reach);
    let seen = trust * (towards[quarter] as number);
    let of = trust;
    for (let other = Math.max(dayFrom, quarter - reach); other <= to; other += 1) {
      const counts = near[Math.abs(other - quarter)] as number;
      seen += counts * (ended[other] as number);
      of += counts * (begun[other] as number);
    }
    shares[quarter] = seen / of;
  }
}

function addUp(into: Float64Array, tallies: readonly PauseTally[], read: (tally: PauseTally) => Float64Array): void {
  into.fill(0);
  for (const tally of tallies) {
    const values = read(tally);
    for (let index = 0; index < into.length; index += 1) {
      into[index] = (into[index] as number) + (values[index] as number);
    }
  }
}

function sum(values: Float64Array): number {
  return values.reduce((total, each) => total + each, 0);
}

/** A normal bell's height at distances 0 to `reach`. */
function bell(reach: number, deviation: number): Float64Array {
  return Float64Array.from({ length: reach + 1 }, (_, distance) => Math.exp(-0.5 * (distance / deviation) ** 2));
}
