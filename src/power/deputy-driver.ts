// The power path of a Torpor that has handed over: it presses nothing itself, and asks the one that took over for a wake.
import type { PowerAnswer, PowerCapabilities, PowerDriver, PowerReading, WakeProof } from '../platform/ports.ts';

export interface DeputyDriverOptions {
  /** The platform's own path. It is read; nothing else is asked of it. */
  readonly driver: PowerDriver;
  /** Asks the Torpor that took over. */
  readonly askWake: () => void;
}

export class DeputyDriver implements PowerDriver {
  readonly name: string;
  readonly #driver: PowerDriver;
  readonly #askWake: () => void;

  constructor({ driver, askWake }: DeputyDriverOptions) {
    this.name = driver.name;
    this.#driver = driver;
    this.#askWake = askWake;
  }

  get wakeMethods(): readonly string[] {
    return this.#driver.wakeMethods;
  }

  async requestSleep(): Promise<PowerAnswer> {
    return { outcome: 'refused', attempts: ['nothing was sent: this Torpor has handed over'] };
  }

  async requestWake(): Promise<PowerAnswer> {
    this.#askWake();
    return { outcome: 'accepted', attempts: ['asked the Torpor that took over'] };
  }

  proveWake(signal: AbortSignal): Promise<WakeProof> {
    return this.#driver.proveWake(signal);
  }

  sleepWitness(): PowerCapabilities['readsSleepState'] {
    return this.#driver.sleepWitness();
  }

  readPower(signal: AbortSignal): Promise<PowerReading> {
    return this.#driver.readPower(signal);
  }

  capabilities(): PowerCapabilities {
    return this.#driver.capabilities();
  }

  close(): Promise<void> {
    return this.#driver.close();
  }
}
