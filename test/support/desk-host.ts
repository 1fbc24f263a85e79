// The parts around one controller that a test has in place of real ones: a BMC that does as it is told, streams that do nothing, and the probe of the VM `desk`.
import type {
  AcpiState,
  Clock,
  PlatformContext,
  PowerDriver,
  ProbeResult,
  Prober,
  StreamGate,
} from '../../src/platform/ports.ts';

/** The host that BMC and VM belong to. */
export interface DeskHost {
  acpi: AcpiState;
}

/** Sleeps and wakes at once; reads true. `changes` is what this test's BMC does otherwise. */
export function deskDriver(host: DeskHost, clock: Clock, changes: Partial<PowerDriver> = {}): PowerDriver {
  return {
    name: 'fake',
    wakeMethods: ['chassis-on'],
    sleepWitness: () => 'sensor',
    capabilities: () => ({ sleep: 'S3', retainsRam: true, readsSleepState: 'sensor', wakeMethods: ['chassis-on'] }),
    readPower: async () => {
      return { atMs: clock.nowMs(), acpi: host.acpi, acpiSource: 'sensor', powerBit: true, watts: null };
    },
    requestSleep: async (_signal, fence) => {
      const whyNot = fence?.() ?? null;
      if (whyNot !== null) return { outcome: 'refused', attempts: [whyNot] };
      host.acpi = 'S3';
      return { outcome: 'accepted', attempts: ['sent'] };
    },
    requestWake: async () => {
      host.acpi = 'S0';
      return { outcome: 'accepted', attempts: ['sent'] };
    },
    proveWake: async () => ({ proven: true, why: 'operator session, sensor read' }),
    close: async () => {},
    ...changes,
  };
}

/** Has no streams, holds and drains at once. `changes` is what this test's streams do otherwise. */
export function emptyGate(changes: Partial<StreamGate> = {}): StreamGate {
  return {
    hold: () => {},
    drain: async () => ({ drained: true, unackedBytes: 0, source: 'proc' }),
    release: () => {},
    giveUp: () => {},
    loseSessions: () => {},
    refresh: async () => {},
    workers: { wanted: 1, running: 1 },
    streams: () => [],
    waitingVms: () => [],
    heldBytes: () => ({ heldBytes: 0, heldStoredBytes: 0 }),
    carriedBytes: () => ({ fromClients: 0, toClients: 0 }),
    refusedClients: () => ({}),
    ...changes,
  };
}

/** Nothing is saved, and no identity known. */
export const EMPTY_CONTEXT: PlatformContext = {
  save: async () => ({ veto: null }),
  restore: async () => ({ identity: 'unknown', lostVms: [], problem: null }),
  forget: () => {},
};

/** Asks the VM at the pace that it is given, and is answered at once. */
export class DeskProber implements Prober {
  readonly vm = 'desk';
  paceMs: number | null = null;
  readonly #clock: Clock;
  readonly #answers: () => boolean;
  readonly #onResult: (result: ProbeResult) => void;
  #cancel = () => {};

  constructor(clock: Clock, answers: () => boolean, onResult: (result: ProbeResult) => void) {
    this.#clock = clock;
    this.#answers = answers;
    this.#onResult = onResult;
  }

  setPace(paceMs: number | null): void {
    if (paceMs === this.paceMs) return;
    this.paceMs = paceMs;
    this.#cancel();
    if (paceMs !== null) this.#cancel = this.#clock.schedule(paceMs, () => this.#ask());
  }

  stop(): void {
    this.paceMs = null;
    this.#cancel();
  }

  #ask(): void {
    const atMs = this.#clock.nowMs();
    this.#onResult({ answered: this.#answers(), askedAtMs: atMs, atMs });
    this.#cancel = this.paceMs === null ? () => {} : this.#clock.schedule(this.paceMs, () => this.#ask());
  }
}
