// Set ACPI Power State: system software tells the BMC the state it is about to enter. Torpor's client never says it; a host's firmware or OS does.
import type { AcpiState } from '../../../platform/ports.ts';
import { acpiNumberOf, acpiStateOfNumber } from '../acpi-power-state.ts';
import { ByteReader } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** Bit 7 of each byte: "set it". 7Fh without it: no change. */
const SET = 0x80;
const NO_CHANGE = 0x7f;

/** `null` leaves a state as it is, or says one that Torpor has no name for ("unknown", 2Ah). */
export interface AcpiStateChange {
  readonly system: AcpiState | null;
}

/**
 * Request: 2 bytes, system and device state, each with bit 7 as its "set" flag. Response: empty. Needs administrator
 * privilege. Source: IPMI v2.0 section 20.6. Deviations: many BMCs answer C1h, others take it and go on telling S0.
 */
export const SET_ACPI_POWER_STATE: IpmiCommand<AcpiStateChange, void> = {
  name: 'Set ACPI Power State',
  netFn: NET_FN.app,
  code: 0x06,
  encodeRequest: ({ system }) => Uint8Array.of(system === null ? NO_CHANGE : SET | acpiNumberOf(system), NO_CHANGE),
  decodeRequest: (body) => {
    const reader = new ByteReader(body, 'Set ACPI Power State request');
    const system = reader.u8();
    reader.skip(1);
    return { system: (system & SET) === 0 ? null : acpiStateOfNumber(system & NO_CHANGE) };
  },
  encodeResponse: () => NO_BODY,
  decodeResponse: () => undefined,
};
