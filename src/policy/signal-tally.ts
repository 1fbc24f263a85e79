// What was seen of each phase of a client's signals, and the rate of return that follows: its own, drawn towards that of all clients.
import { hasOwnRate, PHASE_PRIORS, PHASES } from './signal-phase.ts';

/** Events worth of trust in what is assumed, and in what was seen of all. */
const TRUST_IN_PRIOR = 2;
const TRUST_IN_ALL = 2;

/** Returns in each phase; and how long it lasted, or, of phases that only weaken habits, how many returns habits made expect. */
export class SignalTally {
  readonly events = new Float64Array(PHASES);
  readonly exposure = new Float64Array(PHASES);

  add(phase: number, events: number, exposure: number): void {
    this.events[phase] = (this.events[phase] as number) + events;
    this.exposure[phase] = (this.exposure[phase] as number) + exposure;
  }

  /** A rate per millisecond where the phase has its own, else a factor. `weight`: what one event of now counts. */
  rate(phase: number, all: SignalTally, weight: number): number {
    const pooled = drawn(all, phase, TRUST_IN_PRIOR * weight, PHASE_PRIORS[phase] as number);
    return drawn(this, phase, TRUST_IN_ALL * weight, pooled);
  }

  /** [phase, events, exposure] of what was seen, as JSON can hold it: exposure in seconds where it is a time. */
  snapshot(weight: number): Array<[number, number, number]> {
    const seen: Array<[number, number, number]> = [];
    for (let phase = 0; phase < PHASES; phase += 1) {
      const [events, exposure] = [this.events[phase] as number, this.exposure[phase] as number];
      if (events > 0 || exposure > 0) seen.push([phase, events / weight, exposure / weight / unitOf(phase)]);
    }
    return seen;
  }

  restore(seen: ReadonlyArray<readonly [number, number, number]>): void {
    for (const [phase, events, exposure] of seen) this.add(phase, events, exposure * unitOf(phase));
  }
}

function unitOf(phase: number): number {
  return hasOwnRate(phase) ? 1000 : 1;
}

function drawn({ events, exposure }: SignalTally, phase: number, trust: number, towards: number): number {
  return ((events[phase] as number) + trust) / ((exposure[phase] as number) + trust / towards);
}
