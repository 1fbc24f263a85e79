// Get Sensor Reading: the raw value or the states of one sensor. What they mean is in its sensor data record.
import { ByteReader } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN } from '../command.ts';

/** Source: IPMI v2.0 section 35.14. */
export interface SensorReading {
  /** Raw analog value; 0 for sensors without one. */
  readonly value: number;
  /** Asserted states, bit n for offset n, 15 bits; 0 where the BMC sent none. */
  readonly stateBits: number;
  /** False where scanning is disabled or the reading is unavailable (sleeping sensor, BMC still starting): ignore the rest. */
  readonly valid: boolean;
}

/** Request: the sensor number, 1 byte, to the sensor's LUN. Response: value, flags, and up to two bytes of states. */
export const GET_SENSOR_READING: IpmiCommand<number, SensorReading> = {
  name: 'Get Sensor Reading',
  netFn: NET_FN.sensor,
  code: 0x2d,
  encodeRequest: (sensorNumber) => Uint8Array.of(sensorNumber),
  decodeRequest: (body) => new ByteReader(body, 'Get Sensor Reading request').u8(),
  // Flags C0h: event messages and scanning enabled; 20h: unavailable. Bit 7 of the last byte is reserved, returned as 1.
  encodeResponse: ({ value, stateBits, valid }) =>
    Uint8Array.of(value, valid ? 0xc0 : 0xe0, stateBits & 0xff, 0x80 | (stateBits >> 8)),
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get Sensor Reading response');
    const value = reader.u8();
    const flags = reader.u8();
    const low = reader.remaining > 0 ? reader.u8() : 0;
    const high = reader.remaining > 0 ? reader.u8() & 0x7f : 0;
    return { value, stateBits: low | (high << 8), valid: (flags & 0x40) !== 0 && (flags & 0x20) === 0 };
  },
};
