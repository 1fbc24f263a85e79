// Get Device ID: which BMC this is and what it runs. The cheapest sign of life of a session.
import { ByteReader, concatBytes, u16Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** Source: IPMI v2.0 section 20.1. */
export interface DeviceId {
  readonly deviceId: number;
  /** Bits 3:0 of the second byte. */
  readonly deviceRevision: number;
  readonly firmwareMajor: number;
  /** As people read it: BCD 23h is 23. */
  readonly firmwareMinor: number;
  /** "2.0". On the wire BCD with the least significant digit first: 02h. */
  readonly ipmiVersion: string;
  /** IANA enterprise number, 20 bits. */
  readonly manufacturerId: number;
  readonly productId: number;
  /** False while the firmware is being updated: other commands may fail then. */
  readonly available: boolean;
  /** Bit set: sensor 0, SDR repository 1, SEL 2, FRU 3, event receiver 4, event generator 5, bridge 6, chassis 7. */
  readonly supports: number;
}

function bcd(byte: number): number {
  return (byte >> 4) * 10 + (byte & 0x0f);
}

/** Request: empty. Response: 11 bytes, and 4 of auxiliary firmware information that many BMCs leave out. */
export const GET_DEVICE_ID: IpmiCommand<void, DeviceId> = {
  name: 'Get Device ID',
  netFn: NET_FN.app,
  code: 0x01,
  encodeRequest: () => NO_BODY,
  decodeRequest: () => undefined,
  encodeResponse: (device) => {
    const [major, minor] = device.ipmiVersion.split('.').map(Number) as [number, number];
    const head = [device.deviceId, device.deviceRevision & 0x0f];
    const firmware = (device.available ? 0 : 0x80) | (device.firmwareMajor & 0x7f);
    const minorBcd = (Math.floor(device.firmwareMinor / 10) << 4) | (device.firmwareMinor % 10);
    const manufacturer = concatBytes(u16Bytes(device.manufacturerId), Uint8Array.of(device.manufacturerId >> 16));
    return concatBytes(
      Uint8Array.of(...head, firmware, minorBcd, (minor << 4) | major, device.supports),
      manufacturer,
      u16Bytes(device.productId),
    );
  },
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get Device ID response');
    const deviceId = reader.u8();
    const deviceRevision = reader.u8() & 0x0f;
    const firmware = reader.u8();
    const firmwareMinor = bcd(reader.u8());
    const version = reader.u8();
    const supports = reader.u8();
    const manufacturerId = (reader.u16() | (reader.u8() << 16)) & 0x0f_ffff;
    return {
      deviceId,
      deviceRevision,
      firmwareMajor: firmware & 0x7f,
      firmwareMinor,
      ipmiVersion: `${version & 0x0f}.${version >> 4}`,
      manufacturerId,
      productId: reader.u16(),
      available: (firmware & 0x80) === 0,
      supports,
    };
  },
};
