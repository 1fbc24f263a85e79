// What one BMC can do, asked once and told in words: suites, ACPI state, watts, watchdog, log. Presses and changes nothing.
import { TorporError } from '../../platform/errors.ts';
import type { AcpiState } from '../../platform/ports.ts';
import { hexByte } from './byte-reader.ts';
import { AUTO_SUITES, type CipherSuite } from './cipher-suite.ts';
import type { IpmiCommand } from './command.ts';
import { GET_ACPI_POWER_STATE } from './commands/get-acpi-power-state.ts';
import { PRESENT_CHANNEL } from './commands/get-channel-authentication-capabilities.ts';
import {
  CIPHER_SUITE_CHUNK_BYTES,
  cipherSuiteIds,
  GET_CHANNEL_CIPHER_SUITES,
  MAX_CIPHER_SUITE_CHUNKS,
} from './commands/get-channel-cipher-suites.ts';
import {
  GET_DCMI_CAPABILITIES,
  SUPPORTED_CAPABILITIES,
  supportsPowerManagement,
} from './commands/get-dcmi-capabilities.ts';
import { type DeviceId, GET_DEVICE_ID } from './commands/get-device-id.ts';
import { GET_SEL_INFO, type SelInfo } from './commands/get-sel-info.ts';
import { GET_SYSTEM_GUID } from './commands/get-system-guid.ts';
import { GET_WATCHDOG_TIMER, type WatchdogTimer } from './commands/get-watchdog-timer.ts';
import { labelOf, type WattsSource } from './power-witness.ts';
import type { PrivilegeLevel } from './privilege-level.ts';
import type { CommandRunner } from './sensor-directory.ts';
import type { SensorRecord } from './sensor-record.ts';

/** `null` is "the BMC does not say, or has none". */
export interface BmcProfile {
  readonly device: DeviceId;
  /** 16 bytes as the BMC sends them, in hex. */
  readonly guid: string | null;
  /** The ids it offers, and the one that is spoken. */
  readonly offeredSuites: readonly number[] | null;
  readonly suite: CipherSuite;
  readonly privilege: PrivilegeLevel;
  /** Get ACPI Power State. `unsupported`: not implemented; `unknown`: implemented, and nobody told the BMC. */
  readonly acpiCommand: AcpiState | 'unknown' | 'unsupported';
  readonly acpiSensor: { readonly name: string; readonly number: number } | null;
  readonly dcmi: { readonly version: string; readonly measuresPower: boolean } | null;
  /** `dcmi`, a sensor's name, or null where nothing tells watts. */
  readonly wattsFrom: { readonly kind: 'dcmi' } | { readonly kind: 'sensor'; readonly name: string } | null;
  readonly watchdog: WatchdogTimer | null;
  readonly sel: SelInfo | null;
}

/** What was learned elsewhere: by opening the session, and by the first reading. */
export interface KnownBefore {
  readonly suite: CipherSuite;
  readonly privilege: PrivilegeLevel;
  readonly stateSensor: SensorRecord | null;
  readonly wattsSource: WattsSource;
}

/** Eight requests or so. Rejects as the session does; what a BMC refuses is null in the profile. */
export async function readProfile(
  session: CommandRunner,
  known: KnownBefore,
  signal: AbortSignal,
): Promise<BmcProfile> {
  const device = await session.run(GET_DEVICE_ID, undefined, { signal });
  const guid = await askOptional(session, GET_SYSTEM_GUID, undefined, signal);
  const acpi = await askOptional(session, GET_ACPI_POWER_STATE, undefined, signal);
  const dcmi = await askOptional(session, GET_DCMI_CAPABILITIES, SUPPORTED_CAPABILITIES, signal);
  const { stateSensor, wattsSource } = known;
  return {
    device,
    guid: guid === null ? null : Buffer.from(guid).toString('hex'),
    offeredSuites: await readOfferedSuites(session, signal),
    suite: known.suite,
    privilege: known.privilege,
    acpiCommand: acpi === null ? 'unsupported' : (acpi.system ?? 'unknown'),
    acpiSensor: stateSensor === null ? null : { name: labelOf(stateSensor), number: stateSensor.sensorNumber },
    dcmi: dcmi === null ? null : { version: dcmi.version, measuresPower: supportsPowerManagement(dcmi) },
    wattsFrom: sourceOf(wattsSource),
    watchdog: await askOptional(session, GET_WATCHDOG_TIMER, undefined, signal),
    sel: await askOptional(session, GET_SEL_INFO, undefined, signal),
  };
}

function sourceOf(source: WattsSource): BmcProfile['wattsFrom'] {
  if (source.kind === 'none') return null;
  return source.kind === 'dcmi' ? source : { kind: 'sensor', name: labelOf(source.sensor) };
}

const REFUSALS: ReadonlySet<string> = new Set(['ERR_IPMI_COMPLETION', 'ERR_IPMI_PRIVILEGE', 'ERR_IPMI_PROTOCOL']);

/** The answer, or null where the BMC refuses it or answers something else. */
export async function askOptional<Request, Response>(
  session: CommandRunner,
  command: IpmiCommand<Request, Response>,
  request: Request,
  signal: AbortSignal,
): Promise<Response | null> {
  try {
    return await session.run(command, request, { signal });
  } catch (thrown) {
    if (thrown instanceof TorporError && REFUSALS.has(thrown.code)) return null;
    throw thrown;
  }
}

async function readOfferedSuites(session: CommandRunner, signal: AbortSignal): Promise<readonly number[] | null> {
  const records: number[] = [];
  for (let index = 0; index < MAX_CIPHER_SUITE_CHUNKS; index += 1) {
    const request = { channel: PRESENT_CHANNEL, index };
    const chunk = await askOptional(session, GET_CHANNEL_CIPHER_SUITES, request, signal);
    if (chunk === null) return index === 0 ? null : cipherSuiteIds(Uint8Array.from(records));
    records.push(...chunk.records);
    if (chunk.records.length < CIPHER_SUITE_CHUNK_BYTES) break;
  }
  return cipherSuiteIds(Uint8Array.from(records));
}

// ------------------------------------------------------------------------------------------------ in words

/** One fact of a profile for people. `doubt` says what to do where it is not as one would wish it. */
export interface ProfileLine {
  readonly subject: string;
  readonly what: string;
  readonly doubt: string | null;
}

/** The profile as lines, in the order in which `torpor check` prints them. */
export function describeProfile(profile: BmcProfile): ProfileLine[] {
  return [suiteLine(profile), acpiLine(profile), wattsLine(profile), watchdogLine(profile), selLine(profile)];
}

function suiteLine({ suite, offeredSuites }: BmcProfile): ProfileLine {
  const offered = offeredSuites === null ? 'the BMC does not say' : offeredSuites.join(', ');
  const what = `${offered}; spoken: ${suite.id}`;
  const best = AUTO_SUITES[0];
  let doubt: string | null = null;
  if (suite.confidentialityAlgorithm === 0) doubt = 'nothing is encrypted: set cipherSuite to auto';
  else if (offeredSuites?.includes(0)) {
    doubt = 'the BMC also offers suite 0, which asks nobody for a password: disable it on the BMC';
  } else if (suite.id !== best && (offeredSuites?.includes(best as number) ?? false)) {
    doubt = `the BMC offers ${best}, too, which is better: set cipherSuite to auto`;
  }
  return { subject: 'suites offered', what, doubt };
}

function acpiLine({ acpiSensor, acpiCommand }: BmcProfile): ProfileLine {
  const sensor =
    acpiSensor === null
      ? 'no ACPI state sensor (type 22h) among its sensor records'
      : `ACPI state sensor ${acpiSensor.name}, number ${hexByte(acpiSensor.number)}`;
  const command: Readonly<Record<string, string>> = {
    unsupported: 'Get ACPI Power State is not implemented',
    unknown: 'Get ACPI Power State is implemented, but nobody tells the BMC',
  };
  const what = `${sensor}; ${command[acpiCommand] ?? `Get ACPI Power State says ${acpiCommand}`}`;
  return { subject: 'ACPI state', what, doubt: null };
}

function wattsLine({ dcmi, wattsFrom }: BmcProfile): ProfileLine {
  const has = dcmi === null ? 'no DCMI' : `DCMI ${dcmi.version}${dcmi.measuresPower ? '' : ' without power readings'}`;
  if (wattsFrom === null) {
    const doubt = 'set power.watts to what was measured, if the savings are to be told';
    return { subject: 'watts', what: `${has}; nothing tells them`, doubt };
  }
  const from = wattsFrom.kind === 'dcmi' ? 'read by DCMI' : `read from sensor ${wattsFrom.name}`;
  return { subject: 'watts', what: `${has}; ${from}`, doubt: null };
}

function watchdogLine({ watchdog }: BmcProfile): ProfileLine {
  if (watchdog === null) return { subject: 'watchdog', what: 'the BMC tells of none', doubt: null };
  if (!watchdog.running) return { subject: 'watchdog', what: 'not running', doubt: null };
  const seconds = Math.round(watchdog.presentMs / 1000);
  const what = `running for ${watchdog.use}: ${watchdog.action.replace('-', ' ')} in ${seconds} s unless somebody resets it`;
  if (watchdog.action === 'none') return { subject: 'watchdog', what, doubt: null };
  const doubt = 'it goes on counting while the platform sleeps, and would cost it its memory: stop it before a suspend';
  return { subject: 'watchdog', what, doubt };
}

function selLine({ sel }: BmcProfile): ProfileLine {
  if (sel === null) return { subject: 'BMC log', what: 'the BMC tells of none', doubt: null };
  const free = sel.freeBytes >= 0xffff ? '64 KiB or more' : `${sel.freeBytes} bytes`;
  const what = `${sel.entryCount} records, ${free} free`;
  const doubt = sel.overflowed ? 'records were lost for lack of space: read and clear it on the BMC' : null;
  return { subject: 'BMC log', what, doubt };
}
