// How IPMI numbers ACPI system states, in the System ACPI Power State sensor (type 22h) and in Get ACPI Power State.
import type { AcpiState } from '../../platform/ports.ts';

/** Sensor type "System ACPI Power State". Source: IPMI v2.0 table 42-3. */
export const ACPI_STATE_SENSOR_TYPE = 0x22;

/**
 * Numbers 00h to 0Ah, the same in both (tables 42-3 and 20-8). "S4/S5, cannot be told apart", "G3" and "S5 by override" read as S5;
 * "sleeping, S1 to S3" and "G1 sleeping" as S3, the deepest that still answers to both.
 */
const BY_NUMBER: Readonly<Record<number, AcpiState>> = {
  0: 'S0',
  1: 'S1',
  2: 'S2',
  3: 'S3',
  4: 'S4',
  5: 'S5',
  6: 'S5',
  7: 'S5',
  8: 'S3',
  9: 'S3',
  10: 'S5',
};
/** Offsets of sensor type 22h (table 42-3): legacy on and off, and unknown, which reads as nothing. */
const BY_SENSOR_OFFSET: Readonly<Record<number, AcpiState>> = { ...BY_NUMBER, 11: 'S0', 12: 'S5' };
/** System power state enumeration of Get ACPI Power State (table 20-8): legacy on is 20h and off 21h. */
const BY_COMMAND_NUMBER: Readonly<Record<number, AcpiState>> = { ...BY_NUMBER, 32: 'S0', 33: 'S5' };

const ACPI_STATES: readonly AcpiState[] = ['S0', 'S1', 'S2', 'S3', 'S4', 'S5'];

/** The state whose offset is asserted in a sensor's 15 state bits; null where none, an unknown one, or two that disagree are. */
export function acpiStateOfSensor(stateBits: number): AcpiState | null {
  let found: AcpiState | null = null;
  for (let offset = 0; offset < 15; offset += 1) {
    if ((stateBits & (1 << offset)) === 0) continue;
    const state = BY_SENSOR_OFFSET[offset] ?? null;
    if (state === null || (found !== null && found !== state)) return null;
    found = state;
  }
  return found;
}

/** The sensor's state bits for one state: exactly one is set. */
export function sensorBitsOf(state: AcpiState): number {
  return 1 << ACPI_STATES.indexOf(state);
}

/** The state of a Get ACPI Power State answer; null for "unknown" (2Ah) and for numbers outside the table. */
export function acpiStateOfNumber(number: number): AcpiState | null {
  return BY_COMMAND_NUMBER[number & 0x7f] ?? null;
}

/** The number Get ACPI Power State has for one state. */
export function acpiNumberOf(state: AcpiState): number {
  return ACPI_STATES.indexOf(state);
}
