// Get Power Reading of DCMI: the platform's watts as the BMC measures them.
import { ByteReader, concatBytes, u16Bytes, u32Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN } from '../command.ts';
import { DCMI_GROUP, readDcmiGroup } from './get-dcmi-capabilities.ts';

/** "System power statistics": the present reading, and its history since the BMC began to count. */
const SYSTEM_POWER_STATISTICS = 0x01;
/** Bit 6 of the last byte. */
const MEASURING = 0x40;

/** Source: DCMI v1.5 section 6.6.1. Watts. */
export interface DcmiPowerReading {
  readonly presentWatts: number;
  readonly minimumWatts: number;
  readonly maximumWatts: number;
  readonly averageWatts: number;
  /** Seconds since 1970 by the BMC's own clock. */
  readonly takenSeconds: number;
  /** Over which minimum, maximum and average were taken. */
  readonly periodMs: number;
  /** False where the BMC does not measure at present: the watts mean nothing. */
  readonly active: boolean;
}

/**
 * Request: group, mode 01h, and two bytes that mode leaves zero. Response: group, four readings of 2 bytes, time stamp,
 * period in ms, state. Deviation: some BMCs without a meter answer 00h and 0 W.
 */
export const GET_DCMI_POWER_READING: IpmiCommand<void, DcmiPowerReading> = {
  name: 'Get DCMI Power Reading',
  netFn: NET_FN.groupExtension,
  code: 0x02,
  encodeRequest: () => Uint8Array.of(DCMI_GROUP, SYSTEM_POWER_STATISTICS, 0, 0),
  decodeRequest: (body) => {
    const reader = new ByteReader(body, 'Get DCMI Power Reading request');
    readDcmiGroup(reader);
    const mode = reader.u8();
    if (mode !== SYSTEM_POWER_STATISTICS) reader.refuse(`mode ${mode} is not known`);
    reader.skip(2);
  },
  encodeResponse: (reading) =>
    concatBytes(
      Uint8Array.of(DCMI_GROUP),
      u16Bytes(reading.presentWatts),
      u16Bytes(reading.minimumWatts),
      u16Bytes(reading.maximumWatts),
      u16Bytes(reading.averageWatts),
      u32Bytes(reading.takenSeconds),
      u32Bytes(reading.periodMs),
      Uint8Array.of(reading.active ? MEASURING : 0),
    ),
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get DCMI Power Reading response');
    readDcmiGroup(reader);
    return {
      presentWatts: reader.u16(),
      minimumWatts: reader.u16(),
      maximumWatts: reader.u16(),
      averageWatts: reader.u16(),
      takenSeconds: reader.u32(),
      periodMs: reader.u32(),
      active: (reader.u8() & MEASURING) !== 0,
    };
  },
};
