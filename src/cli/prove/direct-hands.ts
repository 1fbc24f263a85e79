// Presses and wakes through a power driver of this process's own: for a platform that no running Torpor holds.
import type { ProofHands } from '../../controller/prove-platform.ts';
import type { PlatformContext, PowerAnswer, PowerDriver, PowerReading } from '../../platform/ports.ts';

const REQUEST_BOUND_MS = 65_000;

export class DirectHands implements ProofHands {
  readonly wakeMethods: readonly string[];
  readonly savesContext: boolean;
  readonly sleepBoundMs = REQUEST_BOUND_MS;
  readonly #driver: PowerDriver;
  readonly #context: PlatformContext;

  constructor(driver: PowerDriver, context: PlatformContext, savesContext: boolean) {
    this.#driver = driver;
    this.#context = context;
    this.wakeMethods = driver.wakeMethods;
    this.savesContext = savesContext;
  }

  readPower(signal: AbortSignal): Promise<PowerReading> {
    return this.#driver.readPower(signal);
  }

  /** Never to sleep what cannot be woken: some way to wake must be as far in order as that shows without pressing. */
  async prepare(signal: AbortSignal): Promise<string | null> {
    const proof = await this.#driver.proveWake(signal);
    if (!proof.proven && proof.needsRecord !== true) return `no way to wake it is in order: ${proof.why}`;
    return (await this.#context.save(signal)).veto;
  }

  requestSleep(signal: AbortSignal): Promise<PowerAnswer> {
    return this.#driver.requestSleep(signal);
  }

  requestWake(method: string, signal: AbortSignal): Promise<PowerAnswer> {
    return this.#driver.requestWake(method, signal);
  }

  async finish(signal: AbortSignal): Promise<Awaited<ReturnType<ProofHands['finish']>>> {
    const { identity, problem } = await this.#context.restore(signal);
    return { identity, problem, wokeBy: null };
  }
}
