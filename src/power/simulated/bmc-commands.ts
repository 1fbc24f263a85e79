// What the simulated BMC answers to the commands of sessions, chassis and sensors: handlers over the machine, the SDR and the sessions. Knows no packets.
import type { AcpiState } from '../../platform/ports.ts';
import { sensorBitsOf } from '../ipmi/acpi-power-state.ts';
import { ByteReader, concatBytes } from '../ipmi/byte-reader.ts';
import type { CipherSuite } from '../ipmi/cipher-suite.ts';
import { NET_FN } from '../ipmi/command.ts';
import { CHASSIS_CONTROL, type ChassisAction } from '../ipmi/commands/chassis-control.ts';
import { CLOSE_SESSION } from '../ipmi/commands/close-session.ts';
import { GET_ACPI_POWER_STATE } from '../ipmi/commands/get-acpi-power-state.ts';
import {
  GET_CHANNEL_AUTHENTICATION_CAPABILITIES,
  PRESENT_CHANNEL,
} from '../ipmi/commands/get-channel-authentication-capabilities.ts';
import {
  CIPHER_SUITE_CHUNK_BYTES,
  encodeCipherSuiteRecord,
  GET_CHANNEL_CIPHER_SUITES,
} from '../ipmi/commands/get-channel-cipher-suites.ts';
import { GET_CHASSIS_STATUS } from '../ipmi/commands/get-chassis-status.ts';
import { GET_DEVICE_ID } from '../ipmi/commands/get-device-id.ts';
import { GET_SDR } from '../ipmi/commands/get-sdr.ts';
import { GET_SDR_REPOSITORY_INFO } from '../ipmi/commands/get-sdr-repository-info.ts';
import { GET_SENSOR_READING } from '../ipmi/commands/get-sensor-reading.ts';
import { GET_SYSTEM_GUID } from '../ipmi/commands/get-system-guid.ts';
import { RESERVE_SDR_REPOSITORY } from '../ipmi/commands/reserve-sdr-repository.ts';
import { SET_ACPI_POWER_STATE } from '../ipmi/commands/set-acpi-power-state.ts';
import { SET_SESSION_PRIVILEGE_LEVEL } from '../ipmi/commands/set-session-privilege-level.ts';
import { COMPLETION } from '../ipmi/completion-code.ts';
import { privilegeNumber } from '../ipmi/privilege-level.ts';
import { type CommandTable, Refused } from './command-table.ts';
import { ACPI_STATE_SENSOR, POWER_METER_SENSOR, type SimulatedSdr } from './simulated-sdr.ts';

/** What a BMC sees and moves of its machine. `SimulatedHost` is one. */
export interface ManagedMachine {
  powerState(): AcpiState;
  powerBit(): boolean;
  watts(): number;
  readonly peakWatts: number;
  pressPowerButton(): void;
  powerOn(): void;
  powerOff(): void;
  reset(): void;
}

/** Source: IPMI v2.0 section 22.24: channel 1 is an 802.3 LAN (04h) with IPMB messages (01h), multi-session, of the IPMI forum. */
const CHANNEL_INFO = { name: 'Get Channel Info', netFn: NET_FN.app, code: 0x42 };
const LAN_CHANNEL_INFO = [0x04, 0x01, 0x80, 0xf2, 0x1b, 0x00, 0x00, 0x00];

/** Primary LAN channel of the simulated BMC. */
const LAN_CHANNEL = 1;
/** 0 would be the IANA's "reserved"; 20 bits. FFFFEh stands for "no manufacturer". */
const NO_MANUFACTURER = 0x0f_fffe;
/** SDR repository, SEL, sensor and chassis device. */
const SUPPORTS = 0x87;

export interface BmcCommandsOptions {
  readonly machine: ManagedMachine;
  readonly sdr: SimulatedSdr;
  readonly suites: ReadonlySet<CipherSuite>;
  readonly guid: Uint8Array;
  readonly needsKg: boolean;
  readonly wattsPerStep: number;
  readonly acpiSensor: boolean;
  readonly acpiCommand: boolean | 'told';
  readonly powerSensor: boolean;
  readonly closeSession: (managedSessionId: number) => boolean;
}

export class BmcCommands {
  readonly #options: BmcCommandsOptions;
  /** Every Chassis Control that was obeyed or refused, oldest first. */
  readonly chassisActions: ChassisAction[] = [];
  #poweredOnByCommand = false;
  /** What Set ACPI Power State said last. */
  #toldState: AcpiState | null = null;

  constructor(options: BmcCommandsOptions) {
    this.#options = options;
  }

  addCommands(table: CommandTable): void {
    this.#addSessionCommands(table);
    this.#addChassisCommands(table);
    this.#addAcpiCommands(table);
    this.#addSensorCommands(table);
  }

  #addSessionCommands(table: CommandTable): void {
    const { guid, suites, closeSession, needsKg } = this.#options;
    const channel = LAN_CHANNEL;
    table.add(GET_CHANNEL_AUTHENTICATION_CAPABILITIES, 'none', ({ wantsV2 }) => {
      return { channel, supportsV2: wantsV2, needsKg };
    });
    const records = concatBytes(...[...suites].map(encodeCipherSuiteRecord));
    table.add(GET_CHANNEL_CIPHER_SUITES, 'none', ({ index }) => {
      const start = index * CIPHER_SUITE_CHUNK_BYTES;
      return { channel, records: records.subarray(start, start + CIPHER_SUITE_CHUNK_BYTES) };
    });
    table.addRaw(CHANNEL_INFO, 'user', (body) => {
      const asked = new ByteReader(body, CHANNEL_INFO.name).u8() & 0x0f;
      if (asked !== channel && asked !== PRESENT_CHANNEL) throw new Refused(COMPLETION.invalidField);
      return Uint8Array.of(channel, ...LAN_CHANNEL_INFO);
    });
    table.add(GET_SYSTEM_GUID, 'none', () => guid);
    table.add(SET_SESSION_PRIVILEGE_LEVEL, 'user', (wanted, session) => {
      const level = session?.setPrivilege(wanted) ?? null;
      if (level === null) throw new Refused(0x81);
      return privilegeNumber(level);
    });
    table.add(CLOSE_SESSION, 'user', (managedSessionId, session) => {
      // One's own alone: closing others' would need administrator.
      if (managedSessionId !== session?.managedSessionId || !closeSession(managedSessionId)) throw new Refused(0x87);
    });
    table.add(GET_DEVICE_ID, 'user', () => ({
      deviceId: 0x20,
      deviceRevision: 1,
      firmwareMajor: 1,
      firmwareMinor: 0,
      ipmiVersion: '2.0',
      manufacturerId: NO_MANUFACTURER,
      productId: 0,
      available: true,
      supports: SUPPORTS,
    }));
  }

  #addChassisCommands(table: CommandTable): void {
    const { machine } = this.#options;
    table.add(GET_CHASSIS_STATUS, 'user', () => ({
      powerOn: machine.powerBit(),
      powerOverload: false,
      powerFault: false,
      lastPowerOnByCommand: this.#poweredOnByCommand,
    }));
    table.add(CHASSIS_CONTROL, 'operator', (action) => this.#control(action));
  }

  /** `told`: as on most boards, the BMC knows what somebody told it and nothing else. */
  #addAcpiCommands(table: CommandTable): void {
    const { machine, acpiCommand } = this.#options;
    if (acpiCommand === false) return;
    const told = acpiCommand === 'told';
    table.add(GET_ACPI_POWER_STATE, 'user', () => ({ system: told ? this.#toldState : machine.powerState() }));
    table.add(SET_ACPI_POWER_STATE, 'administrator', ({ system }) => {
      this.#toldState = system ?? this.#toldState;
    });
  }

  #control(action: ChassisAction): void {
    const { machine } = this.#options;
    const isOff = machine.powerState() === 'S5';
    this.chassisActions.push(action);
    if (action === 'diagnostic-interrupt') throw new Refused(COMPLETION.invalidField);
    if (isOff && (action === 'hard-reset' || action === 'power-cycle')) throw new Refused(COMPLETION.notInPresentState);
    if (action === 'power-on' && isOff) this.#poweredOnByCommand = true;
    if (action === 'soft') machine.pressPowerButton();
    else if (action === 'power-on') machine.powerOn();
    else if (action === 'power-off') machine.powerOff();
    else machine.reset();
  }

  #addSensorCommands(table: CommandTable): void {
    const { sdr } = this.#options;
    table.add(GET_SDR_REPOSITORY_INFO, 'user', () => sdr.info());
    table.add(RESERVE_SDR_REPOSITORY, 'user', () => sdr.reserve());
    table.add(GET_SDR, 'user', (request) => {
      const answer = sdr.read(request);
      if (answer.kind === 'refused') throw new Refused(answer.completionCode);
      return answer.part;
    });
    table.add(GET_SENSOR_READING, 'user', (sensorNumber) => this.#readSensor(sensorNumber));
  }

  #readSensor(sensorNumber: number): { value: number; stateBits: number; valid: boolean } {
    const { machine, acpiSensor, powerSensor, wattsPerStep } = this.#options;
    if (acpiSensor && sensorNumber === ACPI_STATE_SENSOR) {
      return { value: 0, stateBits: sensorBitsOf(machine.powerState()), valid: true };
    }
    if (powerSensor && sensorNumber === POWER_METER_SENSOR) {
      const value = Math.min(255, Math.round(machine.watts() / wattsPerStep));
      return { value, stateBits: 0, valid: true };
    }
    throw new Refused(COMPLETION.notPresent);
  }
}
