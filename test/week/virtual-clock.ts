// A clock for weeks of virtual time: a heap of appointments, in order of their moments. FakeClock is for tests of minutes.
import type { Clock } from '../../src/platform/ports.ts';
import { Appointments } from '../support/appointments.ts';

export class VirtualClock implements Clock {
  readonly #appointments = new Appointments();
  #nowMs = 1_700_000_000_000;
  /** Appointments that were kept. */
  kept = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): () => void {
    return this.#appointments.make(this.#nowMs + Math.max(0, delayMs), run);
  }

  /** Runs what falls due, and lets promises settle behind each. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    for (
      let next = this.#appointments.first;
      next !== undefined && next.atMs <= endMs;
      next = this.#appointments.first
    ) {
      this.#appointments.pop();
      if (next.run === null) continue;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.kept += 1;
      next.run();
      for (let turn = 0; turn < 6; turn += 1) await Promise.resolve();
    }
    this.#nowMs = endMs;
  }
}
