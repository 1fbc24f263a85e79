// What the simulated BMC answers to each command: a table of handlers over the machine, the SDR and the sessions. Knows no packets.
import type { AcpiState } from '../../platform/ports.ts';
import { sensorBitsOf } from '../ipmi/acpi-power-state.ts';
import { concatBytes } from '../ipmi/byte-reader.ts';
import type { CipherSuite } from '../ipmi/cipher-suite.ts';
import type { IpmiCommand } from '../ipmi/command.ts';
import { CHASSIS_CONTROL, type ChassisAction } from '../ipmi/commands/chassis-control.ts';
import { CLOSE_SESSION } from '../ipmi/commands/close-session.ts';
import { GET_ACPI_POWER_STATE } from '../ipmi/commands/get-acpi-power-state.ts';
import { GET_CHANNEL_AUTHENTICATION_CAPABILITIES } from '../ipmi/commands/get-channel-authentication-capabilities.ts';
import {
  CIPHER_SUITE_CHUNK_BYTES,
  encodeCipherSuiteRecord,
  GET_CHANNEL_CIPHER_SUITES,
} from '../ipmi/commands/get-channel-cipher-suites.ts';
import { GET_CHASSIS_STATUS } from '../ipmi/commands/get-chassis-status.ts';
import { GET_DEVICE_ID } from '../ipmi/commands/get-device-id.ts';
import { GET_SDR } from '../ipmi/commands/get-sdr.ts';
import { GET_SDR_REPOSITORY_INFO } from '../ipmi/commands/get-sdr-repository-info.ts';
import { GET_SEL_INFO } from '../ipmi/commands/get-sel-info.ts';
import { GET_SENSOR_READING } from '../ipmi/commands/get-sensor-reading.ts';
import { GET_SYSTEM_GUID } from '../ipmi/commands/get-system-guid.ts';
import { RESERVE_SDR_REPOSITORY } from '../ipmi/commands/reserve-sdr-repository.ts';
import { SET_SESSION_PRIVILEGE_LEVEL } from '../ipmi/commands/set-session-privilege-level.ts';
import { COMPLETION } from '../ipmi/completion-code.ts';
import { type PrivilegeLevel, privilegeNumber } from '../ipmi/privilege-level.ts';
import type { ManagedSession } from './managed-session.ts';
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
  readonly wattsPerStep: number;
  readonly acpiSensor: boolean;
  readonly acpiCommand: boolean;
  readonly powerSensor: boolean;
  readonly closeSession: (managedSessionId: number) => boolean;
}

/** The answer to one command. */
export interface CommandAnswer {
  readonly completionCode: number;
  readonly body: Uint8Array;
}

/** Thrown by a handler to answer with another completion code than 00h. */
class Refused extends Error {
  readonly completionCode: number;

  constructor(completionCode: number) {
    super(`completion code ${completionCode}`);
    this.completionCode = completionCode;
  }
}

/** The session is null for what arrived outside any. */
type Handler = (body: Uint8Array, session: ManagedSession | null) => Uint8Array;

interface Entry {
  readonly name: string;
  readonly needs: PrivilegeLevel | 'none';
  /** True where doing it twice is not the same as doing it once: a repeated request gets the old answer. */
  readonly isDeed: boolean;
  readonly handle: Handler;
}

export class BmcCommands {
  readonly #options: BmcCommandsOptions;
  readonly #entries = new Map<number, Entry>();
  #poweredOnByCommand = false;

  constructor(options: BmcCommandsOptions) {
    this.#options = options;
    this.#addSessionCommands();
    this.#addChassisCommands();
    this.#addStorageCommands();
  }

  /** Looks a command up by network function and number. */
  find(netFn: number, code: number): { readonly name: string; readonly isDeed: boolean } | null {
    return this.#entries.get((netFn << 8) | code) ?? null;
  }

  answer(netFn: number, code: number, body: Uint8Array, session: ManagedSession | null): CommandAnswer {
    const entry = this.#entries.get((netFn << 8) | code);
    if (entry === undefined)
      return refusal(session === null ? COMPLETION.insufficientPrivilege : COMPLETION.invalidCommand);
    const held = session === null ? 0 : privilegeNumber(session.privilege);
    if (entry.needs !== 'none' && held < privilegeNumber(entry.needs)) return refusal(COMPLETION.insufficientPrivilege);
    try {
      return { completionCode: COMPLETION.ok, body: entry.handle(body, session) };
    } catch (thrown) {
      if (thrown instanceof Refused) return refusal(thrown.completionCode);
      // A body that is too short or holds an unknown value.
      return refusal(COMPLETION.requestLengthInvalid);
    }
  }

  #add<Request, Response>(
    command: IpmiCommand<Request, Response>,
    needs: PrivilegeLevel | 'none',
    handle: (request: Request, session: ManagedSession | null) => Response,
    isDeed = false,
  ): void {
    this.#entries.set((command.netFn << 8) | command.code, {
      name: command.name,
      needs,
      isDeed,
      handle: (body, session) => command.encodeResponse(handle(command.decodeRequest(body), session)),
    });
  }

  #addSessionCommands(): void {
    const { guid, suites, closeSession } = this.#options;
    const channel = LAN_CHANNEL;
    this.#add(GET_CHANNEL_AUTHENTICATION_CAPABILITIES, 'none', ({ wantsV2 }) => {
      return { channel, supportsV2: wantsV2, needsKg: false };
    });
    const records = concatBytes(...[...suites].map(encodeCipherSuiteRecord));
    this.#add(GET_CHANNEL_CIPHER_SUITES, 'none', ({ index }) => {
      const start = index * CIPHER_SUITE_CHUNK_BYTES;
      return { channel, records: records.subarray(start, start + CIPHER_SUITE_CHUNK_BYTES) };
    });
    this.#add(GET_SYSTEM_GUID, 'none', () => guid);
    this.#add(SET_SESSION_PRIVILEGE_LEVEL, 'user', (wanted, session) => {
      const level = session?.setPrivilege(wanted) ?? null;
      if (level === null) throw new Refused(0x81);
      return privilegeNumber(level);
    });
    this.#add(CLOSE_SESSION, 'user', (managedSessionId, session) => {
      // One's own alone: closing others' would need administrator.
      if (managedSessionId !== session?.managedSessionId || !closeSession(managedSessionId)) throw new Refused(0x87);
    });
    this.#add(GET_DEVICE_ID, 'user', () => ({
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

  #addChassisCommands(): void {
    const { machine, acpiCommand } = this.#options;
    this.#add(GET_CHASSIS_STATUS, 'user', () => ({
      powerOn: machine.powerBit(),
      powerOverload: false,
      powerFault: false,
      lastPowerOnByCommand: this.#poweredOnByCommand,
    }));
    this.#add(CHASSIS_CONTROL, 'operator', (action) => this.#control(action), true);
    if (acpiCommand) this.#add(GET_ACPI_POWER_STATE, 'user', () => ({ system: machine.powerState() }));
  }

  #control(action: ChassisAction): void {
    const { machine } = this.#options;
    const isOff = machine.powerState() === 'S5';
    if (action === 'diagnostic-interrupt') throw new Refused(COMPLETION.invalidField);
    if (isOff && (action === 'hard-reset' || action === 'power-cycle')) throw new Refused(COMPLETION.notInPresentState);
    if (action === 'power-on' && isOff) this.#poweredOnByCommand = true;
    if (action === 'soft') machine.pressPowerButton();
    else if (action === 'power-on') machine.powerOn();
    else if (action === 'power-off') machine.powerOff();
    else machine.reset();
  }

  #addStorageCommands(): void {
    const { sdr } = this.#options;
    this.#add(GET_SDR_REPOSITORY_INFO, 'user', () => sdr.info());
    this.#add(RESERVE_SDR_REPOSITORY, 'user', () => sdr.reserve());
    this.#add(GET_SDR, 'user', (request) => {
      const answer = sdr.read(request);
      if (answer.kind === 'refused') throw new Refused(answer.completionCode);
      return answer.part;
    });
    this.#add(GET_SENSOR_READING, 'user', (sensorNumber) => this.#readSensor(sensorNumber));
    // The log stays empty: this BMC records no events.
    const never = { lastAdditionSeconds: 0xffff_ffff, lastEraseSeconds: 0xffff_ffff };
    const free = { freeBytes: 0xffff, overflowed: false, reservable: false };
    this.#add(GET_SEL_INFO, "user", () => ({ entryCount: 0, ...free, ...never }));
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

function refusal(completionCode: number): CommandAnswer {
  return { completionCode, body: new Uint8Array(0) };
}
