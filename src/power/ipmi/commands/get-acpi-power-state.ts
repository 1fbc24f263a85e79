// Get ACPI Power State: what the BMC was told, or worked out, about the system's ACPI state.
import type { AcpiState } from '../../../platform/ports.ts';
import { acpiNumberOf, acpiStateOfNumber } from '../acpi-power-state.ts';
import { ByteReader } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** Source: IPMI v2.0 section 20.7. `system` is null where the BMC says "unknown". The device state is not used. */
export interface AcpiPowerState {
  readonly system: AcpiState | null;
}

/**
 * Request: empty. Response: 2 bytes, system and device state. Deviation: many BMCs answer C1h (OpenIPMI's ipmi_sim among
 * them), and some always say S0 because nothing ever tells them (Set ACPI Power State is firmware's or the OS's to send).
 */
export const GET_ACPI_POWER_STATE: IpmiCommand<void, AcpiPowerState> = {
  name: 'Get ACPI Power State',
  netFn: NET_FN.app,
  code: 0x07,
  encodeRequest: () => NO_BODY,
  decodeRequest: () => undefined,
  encodeResponse: ({ system }) => Uint8Array.of(system === null ? 0x2a : acpiNumberOf(system), 0),
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get ACPI Power State response');
    const system = acpiStateOfNumber(reader.u8());
    reader.skip(1);
    return { system };
  },
};
