// The host of the simulated world: what is really true of power, memory and VMs, whatever anybody believes.
import type { AcpiState } from '../../src/platform/ports.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

export interface HostPlan {
  readonly sleep: 'S3' | 'S5';
  /** What the power button does. */
  readonly button: 'suspend' | 'ignore' | 'poweroff';
  /** From the press to the sleep, and how much of it the VMs still answer. */
  readonly entryMs: readonly [number, number];
  readonly entryAnswersPart: number;
  readonly resumeMs: readonly [number, number];
  /** Which of the wake methods have an effect. */
  readonly wakeMethods: Readonly<Record<string, boolean>>;
  /** VMs that never answer, whatever happens. */
  readonly deafVms: readonly string[];
}

export class WorldHost {
  state: 'runs' | 'entering' | 'sleeps' | 'resuming' = 'runs';
  sleptIn: 'S3' | 'S5' = 'S3';
  /** Sleeps that began, and presses that met a host which slept already: these would wake it. */
  sleeps = 0;
  pressedAsleep = 0;
  readonly #plan: HostPlan;
  readonly #timeline: Timeline;
  readonly #random: Random;
  /** VMs that a hook saved: silent until it restores them. */
  #savedVms = false;
  #vmsFrozen = false;

  constructor(plan: HostPlan, timeline: Timeline, random: Random) {
    this.#plan = plan;
    this.#timeline = timeline;
    this.#random = random;
  }

  get isUp(): boolean {
    return this.state === 'runs' || this.state === 'entering';
  }

  answers(vm: string): boolean {
    return this.isUp && !this.#vmsFrozen && !this.#savedVms && !this.#plan.deafVms.includes(vm);
  }

  acpi(): AcpiState {
    return this.isUp ? 'S0' : this.sleptIn;
  }

  press(): void {
    if (this.state === 'sleeps') {
      this.pressedAsleep += 1;
      this.#resume();
      return;
    }
    if (this.state !== 'runs' || this.#plan.button === 'ignore') return;
    this.state = 'entering';
    this.sleptIn = this.#plan.button === 'poweroff' ? 'S5' : this.#plan.sleep;
    const entryMs = this.#random.between(...this.#plan.entryMs);
    this.#timeline.after(entryMs * this.#plan.entryAnswersPart, () => {
      this.#vmsFrozen = true;
    });
    this.#timeline.after(entryMs, () => {
      this.#vmsFrozen = true;
      this.state = 'sleeps';
      this.sleeps += 1;
    });
  }

  wake(method: string): void {
    if (this.state === 'sleeps' && this.#plan.wakeMethods[method] === true) this.#resume();
  }

  /** By itself, or by somebody at its keyboard. */
  wakeAlone(): void {
    if (this.state === 'sleeps') this.#resume();
  }

  saveVms(): void {
    if (this.isUp) this.#savedVms = true;
  }

  /** False where the host does not run: the hook cannot reach it. */
  restoreVms(): boolean {
    if (!this.isUp) return false;
    this.#savedVms = false;
    return true;
  }

  #resume(): void {
    this.state = 'resuming';
    this.#timeline.after(this.#random.between(...this.#plan.resumeMs), () => {
      this.state = 'runs';
      this.#vmsFrozen = false;
    });
  }
}
