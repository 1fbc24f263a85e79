// Since when VMs are idle and platforms hardly used, and until when they rest after a move. Decides nothing; forgotten when Torpor ends, so that all begins anew.
import type { EvacuationMove } from './evacuation-rule.ts';
import type { Clock } from './ports.ts';

export class EvacuationTimes {
  readonly #clock: Clock;
  readonly #idleSinceMs = new Map<string, number>();
  readonly #quietSinceMs = new Map<string, number>();
  readonly #restsUntilMs = new Map<string, number>();
  readonly #tookUntilMs = new Map<string, number>();
  readonly #gaveUntilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Since when nobody uses the VM; null: somebody does. */
  noteUse(vm: string, isUsed: boolean): number | null {
    return isUsed ? end(this.#idleSinceMs, vm) : begin(this.#idleSinceMs, vm, this.#clock.nowMs());
  }

  /** Since when the platform is hardly used; null: it is used more. */
  noteQuiet(platform: string, isQuiet: boolean): number | null {
    return isQuiet ? begin(this.#quietSinceMs, platform, this.#clock.nowMs()) : end(this.#quietSinceMs, platform);
  }

  noteMoved({ vm, from, to }: EvacuationMove, untilMs: number): void {
    this.#restsUntilMs.set(vm, untilMs);
    this.#gaveUntilMs.set(from, untilMs);
    this.#tookUntilMs.set(to, untilMs);
  }

  /** Neither is it tried elsewhere, nor with another VM. */
  noteFailed({ vm, from, to }: EvacuationMove, untilMs: number): void {
    this.#restsUntilMs.set(vm, untilMs);
    this.#tookUntilMs.set(from, untilMs);
    this.#gaveUntilMs.set(to, untilMs);
  }

  restsUntilMs(vm: string): number {
    return this.#restsUntilMs.get(vm) ?? 0;
  }

  tookUntilMs(platform: string): number {
    return this.#tookUntilMs.get(platform) ?? 0;
  }

  gaveUntilMs(platform: string): number {
    return this.#gaveUntilMs.get(platform) ?? 0;
  }
}

function begin(moments: Map<string, number>, key: string, nowMs: number): number {
  const known = moments.get(key) ?? nowMs;
  moments.set(key, known);
  return known;
}

function end(moments: Map<string, number>, key: string): null {
  moments.delete(key);
  return null;
}
