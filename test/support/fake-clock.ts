// A clock that moves only when a test says so. Callbacks run in order of their moments.
import type { Clock } from '../../src/platform/ports.ts';

interface Appointment {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  #nowMs: number;
  #order = 0;
  #appointments: Appointment[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  /** Appointments that still stand. */
  get pending(): number {
    return this.#appointments.length;
  }

  schedule(delayMs: number, run: () => void): () => void {
    const appointment = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, run };
    this.#order += 1;
    this.#appointments.push(appointment);
    return () => {
      this.#appointments = this.#appointments.filter((each) => each !== appointment);
    };
  }

  /** Moves time on and runs what falls due, letting promises settle before and after each callback. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    await settle();
    for (let next = this.#nextUntil(endMs); next !== undefined; next = this.#nextUntil(endMs)) {
      this.#appointments = this.#appointments.filter((each) => each !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
      await settle();
    }
    this.#nowMs = endMs;
  }

  #nextUntil(endMs: number): Appointment | undefined {
    const due = this.#appointments.filter((each) => each.atMs <= endMs);
    return due.sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
  }
}

/** Lets promise chains that wait for nothing outside run to their ends. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
