// Chassis Control: power, reset and the ACPI power button. Which of them is safe when is the driver's business.
import { ByteReader } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/**
 * What the chassis is told. `soft` is "initiate a soft-shutdown of the OS via ACPI by emulating a fatal overtemperature":
 * in practice BMCs press the ACPI power button, and the OS decides whether that means suspend or power off.
 */
export type ChassisAction = 'power-off' | 'power-on' | 'power-cycle' | 'hard-reset' | 'diagnostic-interrupt' | 'soft';

const NUMBERS: Readonly<Record<ChassisAction, number>> = {
  'power-off': 0,
  'power-on': 1,
  'power-cycle': 2,
  'hard-reset': 3,
  'diagnostic-interrupt': 4,
  soft: 5,
};

/**
 * Request: 1 byte, bits 3:0 the action, bits 7:4 zero. Response: empty. Needs operator privilege. Source: IPMI v2.0
 * section 28.3. Deviations: some BMCs power up on "cycle" while off; some answer D5h to "on" while on, some to "soft"
 * while off; in S3 "on" wakes where the BMC emulates the power button, whatever the power bit says.
 */
export const CHASSIS_CONTROL: IpmiCommand<ChassisAction, void> = {
  name: 'Chassis Control',
  netFn: NET_FN.chassis,
  code: 0x02,
  acts: true,
  encodeRequest: (action) => Uint8Array.of(NUMBERS[action]),
  decodeRequest: (body) => {
    const reader = new ByteReader(body, 'Chassis Control request');
    const number = reader.u8() & 0x0f;
    for (const action of Object.keys(NUMBERS) as ChassisAction[]) if (NUMBERS[action] === number) return action;
    return reader.refuse(`action ${number} is not known`);
  },
  encodeResponse: () => NO_BODY,
  decodeResponse: () => undefined,
};
