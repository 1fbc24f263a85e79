// Get Chassis Status: the power bit, and why power is as it is.
import { ByteReader } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** Source: IPMI v2.0 section 28.2. */
export interface ChassisStatus {
  /**
   * Bit 0 of byte 1. On in S0, off in S4 and S5. In S3 it depends on the BMC: some report the main power rail (off), some
   * the system's power state as the chipset latches it (on).
   */
  readonly powerOn: boolean;
  readonly powerOverload: boolean;
  readonly powerFault: boolean;
  /** Byte 2 bit 4: power came on by an IPMI command. */
  readonly lastPowerOnByCommand: boolean;
}

/** Request: empty. Response: 3 bytes, and a fourth (front panel buttons) that may be left out. */
export const GET_CHASSIS_STATUS: IpmiCommand<void, ChassisStatus> = {
  name: 'Get Chassis Status',
  netFn: NET_FN.chassis,
  code: 0x01,
  encodeRequest: () => NO_BODY,
  decodeRequest: () => undefined,
  encodeResponse: (status) => {
    const power = (status.powerOn ? 0x01 : 0) | (status.powerOverload ? 0x02 : 0) | (status.powerFault ? 0x08 : 0);
    return Uint8Array.of(power, status.lastPowerOnByCommand ? 0x10 : 0, 0);
  },
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get Chassis Status response');
    const power = reader.u8();
    const lastEvent = reader.u8();
    reader.skip(1);
    return {
      powerOn: (power & 0x01) !== 0,
      powerOverload: (power & 0x02) !== 0,
      powerFault: (power & 0x08) !== 0,
      lastPowerOnByCommand: (lastEvent & 0x10) !== 0,
    };
  },
};
