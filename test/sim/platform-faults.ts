// What is wrong with one simulated platform now, and how each kind of fault comes and goes. When they come is the plan's.
import type { SimulatedHost } from '../../src/power/simulated/simulated-host.ts';
import type { Random } from '../platform/random.ts';
import type { EventClock } from './event-clock.ts';
import { type Fault, HOUR_MS, MINUTE_MS, type PlatformFaultKind, type ProcessFaultKind } from './fault-plan.ts';
import type { SimBmc } from './sim-bmc.ts';
import type { SimTorpor } from './sim-torpor.ts';
import type { SimVm } from './sim-vm.ts';

/** What a fault leaves behind is over after this. */
export const RECOVERY_MS = 5 * MINUTE_MS;
const MOST_LOST_WAKES = 9;

export interface FaultsWorld {
  readonly clock: EventClock;
  readonly random: Random;
  /** Null: any of them. */
  crash(torpor: SimTorpor | null, forMs: number): void;
  pause(torpor: SimTorpor | null, forMs: number): void;
}

export interface FaultyPlatform {
  readonly host: SimulatedHost;
  readonly bmc: SimBmc;
  readonly vms: readonly SimVm[];
  exclude(forMs: number): void;
}

export type Moment = 'save' | 'write' | 'press';

export class PlatformFaults {
  diskSlow = false;
  diskFails = false;
  sleepsLate = false;
  /** Half of what is on the way to this one or from it is lost. */
  packetsLost: SimVm | null = null;
  /** Nothing reaches this one, and nothing comes from it. */
  cutOff: SimVm | null = null;
  wakesAlone = false;
  readonly #world: FaultsWorld;
  readonly #platform: FaultyPlatform;
  readonly #armed = new Map<Moment, (torpor: SimTorpor) => void>();

  constructor(world: FaultsWorld, platform: FaultyPlatform) {
    this.#world = world;
    this.#platform = platform;
  }

  strike(fault: Fault<ProcessFaultKind | PlatformFaultKind>): void {
    this.#kinds[fault.kind](fault);
  }

  /** At the next such moment. */
  arm(moment: Moment, strike: (torpor: SimTorpor) => void): void {
    this.#armed.set(moment, strike);
  }

  /** One process is at a moment at which a fault may wait for it. */
  hit(moment: Moment, torpor: SimTorpor): void {
    const strike = this.#armed.get(moment);
    this.#armed.delete(moment);
    strike?.(torpor);
  }

  disarm(): void {
    this.#armed.clear();
  }

  /** One entry for each kind. */
  readonly #kinds: Readonly<Record<ProcessFaultKind | PlatformFaultKind, (fault: Fault) => void>> = {
    crash: ({ forMs }) => this.#world.crash(null, forMs),
    pause: ({ forMs }) => this.#world.pause(null, forMs),
    'crash-at-write': ({ forMs }) => void this.#armed.set('write', (torpor) => this.#world.crash(torpor, forMs)),
    'crash-at-press': ({ forMs }) => void this.#armed.set('press', (torpor) => this.#world.crash(torpor, forMs)),
    'pause-at-save': ({ forMs }) => void this.#armed.set('save', (torpor) => this.#world.pause(torpor, forMs)),
    'pause-at-write': ({ forMs }) => void this.#armed.set('write', (torpor) => this.#world.pause(torpor, forMs)),
    'bmc-silent': (fault) => this.#lasts(fault, 'once', (on) => this.#tellBmc({ isSilent: on })),
    'bmc-slow': (fault) => this.#lasts(fault, 'twice', (on) => this.#tellBmc({ isSlow: on })),
    'bmc-loses-answers': (fault) => this.#lasts(fault, 'twice', (on) => this.#tellBmc({ losesAnswers: on })),
    'bmc-refuses-sleep': (fault) => this.#lasts(fault, 'twice', (on) => this.#tellBmc({ refusesSleep: on })),
    'button-ignored': (fault) => this.#lasts(fault, 'twice', (on) => this.#tellBmc({ ignoresButton: on })),
    'bmc-stale': (fault) => {
      const stuckAt = this.#platform.host.powerState();
      this.#lasts(fault, 'once', (on) => this.#tellBmc({ stuckAt: on ? stuckAt : null }));
    },
    'bmc-lies': (fault) => {
      const stuckAt = this.#platform.host.powerState() === 'S3' ? 'S0' : 'S3';
      this.#lasts(fault, 'once', (on) => this.#tellBmc({ stuckAt: on ? stuckAt : null }));
    },
    'wake-fails': () => this.#tellBmc({ lostWakes: this.#world.random.between(1, MOST_LOST_WAKES) }),
    'memory-lost': () => this.#tellBmc({ losesMemory: true }),
    'wakes-by-itself': () => {
      this.wakesAlone = true;
    },
    'powered-off': (fault) => {
      const { host, vms } = this.#platform;
      this.#lasts(fault, 'once', (on) => {
        if (!on) return host.powerOn();
        host.powerOff();
        for (const vm of vms) vm.loseMemory();
      });
    },
    'sleeps-late': (fault) => {
      this.#lasts(fault, 'twice', (on) => {
        this.sleepsLate = on;
      });
    },
    'vm-packets-lost': (fault) => {
      const vm = this.#anyVm();
      this.#lasts(fault, 'once', (on) => {
        this.packetsLost = on ? vm : null;
      });
    },
    'vm-cut-off': (fault) => {
      const vm = this.#anyVm();
      this.#lasts(fault, 'twice', (on) => {
        this.cutOff = on ? vm : null;
      });
    },
    'disk-slow': (fault) => {
      this.#lasts(fault, 'once', (on) => {
        this.diskSlow = on;
      });
    },
    'disk-fails': (fault) => {
      this.#lasts(fault, 'twice', (on) => {
        this.diskFails = on;
      });
    },
  };

  #anyVm(): SimVm {
    const { vms } = this.#platform;
    return vms[vms.length === 1 ? 0 : this.#world.random.between(0, vms.length - 1)] as SimVm;
  }

  #tellBmc(change: Partial<SimBmc['faults']>): void {
    Object.assign(this.#platform.bmc.faults, change);
  }

  /** `twice`: presses may fail by it, and the back-off after the last one is as long as all of them took. */
  #lasts({ forMs }: Fault, leaves: 'once' | 'twice', set: (on: boolean) => void): void {
    const afterMs = leaves === 'twice' ? Math.min(2 * forMs + 10 * MINUTE_MS, 4 * HOUR_MS) : forMs;
    this.#platform.exclude(afterMs + RECOVERY_MS);
    set(true);
    this.#world.clock.schedule(forMs, () => set(false));
  }
}
