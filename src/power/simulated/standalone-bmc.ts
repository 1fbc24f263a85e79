// A simulated platform with nothing but its BMC: what `torpor bmc sim` runs.
import type { AcpiState, Clock, Logger } from '../../platform/ports.ts';
import type { CipherSuiteId } from '../ipmi/cipher-suite.ts';
import { SimulatedBmc } from './simulated-bmc.ts';
import { type HostChange, SimulatedHost, type SimulatedHostOptions } from './simulated-host.ts';

export interface StandaloneBmcOptions extends Omit<SimulatedHostOptions, 'clock'> {
  readonly clock: Clock;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  /** This user has administrator privilege, which others' programs ask for by default. */
  readonly user: string;
  readonly password: string;
  /** Default 3 and 17. */
  readonly cipherSuites?: readonly CipherSuiteId[] | undefined;
  /** Whether there is a System ACPI Power State sensor. Default true. */
  readonly acpiSensor?: boolean | undefined;
  /** Whether Get ACPI Power State is implemented. Default true. */
  readonly acpiCommand?: boolean | 'told' | undefined;
  /** Whether DCMI is implemented. Default true. */
  readonly dcmi?: boolean | undefined;
  /** The BMC's own key K[G]; see SimulatedBmcOptions. */
  readonly kg?: string | undefined;
  readonly selRecords?: number | undefined;
  readonly log?: Logger | undefined;
  readonly onChange?: ((change: HostChange) => void) | undefined;
}

export interface StandaloneBmc {
  /** For another service beside it. */
  readonly machine: SimulatedHost;
  readonly port: number;
  /** The simulated BMC itself: its log, its watchdog, its faults. */
  readonly bmc: SimulatedBmc;
  powerState(): AcpiState;
  stop(): Promise<void>;
}

/** Rejects with ERR_IPMI_LISTEN where the port cannot be had, throws ERR_CONFIG_INVALID where user or password is too long. */
export async function startStandaloneBmc(options: StandaloneBmcOptions): Promise<StandaloneBmc> {
  const { user, password } = options;
  const machine = new SimulatedHost(options);
  const users = [{ name: user, password, privilege: 'administrator' as const }];
  const bmc = new SimulatedBmc({ ...options, machine, users });
  await bmc.start();
  if (options.onChange !== undefined) machine.onChange(options.onChange);
  return {
    machine,
    port: bmc.port,
    bmc,
    powerState: () => machine.powerState(),
    stop: async () => {
      machine.stop();
      await bmc.stop();
    },
  };
}
