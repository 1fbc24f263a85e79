// A platform's hardware and operating system, simulated: ACPI states, their latencies, the power button, RAM and its boot id. Its BMC and VMs are elsewhere.
import { randomUUID } from 'node:crypto';
import type { AcpiState, Clock } from '../../platform/ports.ts';

/** Where the host stands. While `suspending`, `resuming` and `booting` power is up: a BMC reads S0. */
export type HostPhase = 'running' | 'suspending' | 'asleep' | 'resuming' | 'off' | 'booting';

/** A latency in milliseconds: fixed, or asked anew each time. */
export type Latency = number | (() => number);

export interface SimulatedHostOptions {
  readonly clock: Clock;
  /** From the button to S3, or to S5 where the button powers off. Default 300 ms. */
  readonly suspendMs?: Latency | undefined;
  /** From power up to running. Default 250 ms. */
  readonly resumeMs?: Latency | undefined;
  /** Default 5 s. */
  readonly bootMs?: Latency | undefined;
  /** What the operating system does when the power button is pressed. Default suspend. */
  readonly button?: 'suspend' | 'poweroff' | 'ignore' | undefined;
  /** What comes of a wake from S3. `boot`: firmware that cannot resume starts anew, RAM is lost. Default resume. */
  readonly wake?: 'resume' | 'boot' | undefined;
  /** What the chassis power bit says in S3: BMCs differ. Default false. */
  readonly powerBitInS3?: boolean | undefined;
  /** Modelled watts, not measured ones. Default 184, 8 and 4. */
  readonly watts?: HostWatts | undefined;
  /** The phase it starts in. Default running. */
  readonly startsIn?: 'running' | 'off' | undefined;
}

export interface HostWatts {
  readonly busy: number;
  readonly asleep: number;
  readonly off: number;
}

/** One change of phase. `why` is for people: "power button pressed", "chassis on". */
export interface HostChange {
  readonly phase: HostPhase;
  readonly acpi: AcpiState;
  readonly atMs: number;
  readonly why: string;
  readonly bootId: string;
}

const ACPI_OF: Readonly<Record<HostPhase, AcpiState>> = {
  running: 'S0',
  suspending: 'S0',
  asleep: 'S3',
  resuming: 'S0',
  off: 'S5',
  booting: 'S0',
};

const DEFAULT_WATTS: HostWatts = { busy: 184, asleep: 8, off: 4 };

/** Behaves as hardware does where it hurts: a second press wakes, "on" during a suspend is lost, a reset loses RAM. */
export class SimulatedHost {
  readonly #clock: Clock;
  readonly #options: SimulatedHostOptions;
  readonly #listeners = new Set<(change: HostChange) => void>();
  readonly #pressListeners = new Set<() => void>();
  #phase: HostPhase;
  #bootId = randomUUID();
  #presses = 0;
  #wakeWhenAsleep = false;
  /** True while it is asleep with its state on disk and its power off. */
  #hibernates = false;
  #cancelTimer: () => void = () => {};

  constructor(options: SimulatedHostOptions) {
    this.#clock = options.clock;
    this.#options = options;
    this.#phase = options.startsIn ?? 'running';
  }

  get phase(): HostPhase {
    return this.#phase;
  }

  /** Changes when RAM was lost, as Linux's /proc/sys/kernel/random/boot_id does. */
  get bootId(): string {
    return this.#bootId;
  }

  /** Times the power button was pressed, by whomever. */
  get buttonPresses(): number {
    return this.#presses;
  }

  powerState(): AcpiState {
    return this.#hibernates ? 'S4' : ACPI_OF[this.#phase];
  }

  /** The chassis power bit. */
  powerBit(): boolean {
    if (this.#phase === 'asleep') return !this.#hibernates && (this.#options.powerBitInS3 ?? false);
    return this.#phase !== 'off';
  }

  watts(): number {
    const watts = this.#options.watts ?? DEFAULT_WATTS;
    if (this.#phase === 'asleep' && !this.#hibernates) return watts.asleep;
    return this.#phase === 'off' || this.#hibernates ? watts.off : watts.busy;
  }

  /** The most the power meter will ever show, in watts. */
  get peakWatts(): number {
    const { busy, asleep, off } = this.#options.watts ?? DEFAULT_WATTS;
    return Math.max(busy, asleep, off);
  }

  /** Running: the OS decides. Suspending: a wake event for when it sleeps. Asleep: wakes. Off: starts. */
  pressPowerButton(): void {
    this.#presses += 1;
    for (const listener of [...this.#pressListeners]) listener();
    const why = 'power button pressed';
    if (this.#phase === 'running') this.#obeyButton(why);
    else if (this.#phase === 'suspending') this.#wakeWhenAsleep = true;
    else if (this.#phase === 'asleep') this.#resume(why);
    else if (this.#phase === 'off') this.#boot(why);
  }

  #obeyButton(why: string): void {
    const button = this.#options.button ?? 'suspend';
    if (button === 'ignore') return;
    this.#wakeWhenAsleep = false;
    this.#enter('suspending', why);
    this.#after(this.#options.suspendMs ?? 300, () => {
      if (button === 'poweroff') this.#enter('off', 'the operating system powered off');
      else this.#fallAsleep();
    });
  }

  /** What Redfish's `Suspend` asks for: state to disk, then off. Memory is back after the next start. Nothing while it does not run. */
  hibernate(): void {
    if (this.#phase !== 'running') return;
    this.#wakeWhenAsleep = false;
    this.#enter('suspending', 'state to disk asked for');
    this.#after(this.#options.suspendMs ?? 300, () => {
      this.#hibernates = true;
      this.#enter('asleep', 'the operating system saved its state to disk and powered off');
    });
  }

  #fallAsleep(): void {
    this.#enter('asleep', 'the operating system suspended to RAM');
    if (this.#wakeWhenAsleep) this.#resume('power button pressed during the suspend');
  }

  /** "Power up". Wakes from S3, starts from S5; while power is up, also during a suspend, it does nothing. */
  powerOn(): void {
    if (this.#phase === 'asleep') this.#resume('chassis on');
    else if (this.#phase === 'off') this.#boot('chassis on');
  }

  /** Power is cut: RAM is lost. */
  powerOff(): void {
    if (this.#phase !== 'off') this.#enter('off', 'chassis off');
  }

  /** A hard reset: RAM is lost, the host starts again. Nothing happens while it is off. */
  reset(): void {
    if (this.#phase !== 'off') this.#boot('chassis reset');
  }

  /** What a timer, a keyboard or Wake-on-LAN does: somebody other than the BMC wakes it. */
  wakeByOther(why: string): void {
    if (this.#phase === 'asleep') this.#resume(why);
  }

  #resume(why: string): void {
    if (this.#options.wake === 'boot') {
      this.#boot(why);
      return;
    }
    this.#enter('resuming', why);
    this.#after(this.#options.resumeMs ?? 250, () => this.#enter('running', 'resumed from RAM'));
  }

  #boot(why: string): void {
    this.#bootId = randomUUID();
    this.#enter('booting', why);
    this.#after(this.#options.bootMs ?? 5000, () => this.#enter('running', 'booted'));
  }

  #after(latency: Latency, run: () => void): void {
    const delayMs = typeof latency === 'number' ? latency : latency();
    this.#cancelTimer = this.#clock.schedule(delayMs, run);
  }

  #enter(phase: HostPhase, why: string): void {
    this.#cancelTimer();
    if (phase !== 'asleep') this.#hibernates = false;
    this.#phase = phase;
    const change = { phase, acpi: this.powerState(), atMs: this.#clock.nowMs(), why, bootId: this.#bootId };
    for (const listener of [...this.#listeners]) listener(change);
  }

  /** Calls back at each change until the returned function is called. */
  onChange(listener: (change: HostChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back at each press of the power button, before anything comes of it, until the returned function is called. */
  onPress(listener: () => void): () => void {
    this.#pressListeners.add(listener);
    return () => this.#pressListeners.delete(listener);
  }

  /** Stops time for it: what is under way never ends. */
  stop(): void {
    this.#cancelTimer();
    this.#listeners.clear();
    this.#pressListeners.clear();
  }
}
