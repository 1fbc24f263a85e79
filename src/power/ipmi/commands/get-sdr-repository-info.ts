// Get SDR Repository Info: how many sensor data records there are and when they last changed.
import { ByteReader, concatBytes, u16Bytes, u32Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** Source: IPMI v2.0 section 33.9. Time stamps are seconds since 1970 by the BMC's own clock. */
export interface SdrRepositoryInfo {
  readonly recordCount: number;
  readonly freeBytes: number;
  readonly lastAdditionSeconds: number;
  readonly lastEraseSeconds: number;
}

/** Request: empty. Response: 14 bytes: version 51h, count, free space, two time stamps, operations supported. */
export const GET_SDR_REPOSITORY_INFO: IpmiCommand<void, SdrRepositoryInfo> = {
  name: 'Get SDR Repository Info',
  netFn: NET_FN.storage,
  code: 0x20,
  encodeRequest: () => NO_BODY,
  decodeRequest: () => undefined,
  // Operation support 22h: reservations, modal update only.
  encodeResponse: (info) =>
    concatBytes(
      Uint8Array.of(0x51),
      u16Bytes(info.recordCount),
      u16Bytes(info.freeBytes),
      u32Bytes(info.lastAdditionSeconds),
      u32Bytes(info.lastEraseSeconds),
      Uint8Array.of(0x22),
    ),
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get SDR Repository Info response');
    reader.skip(1);
    const recordCount = reader.u16();
    const freeBytes = reader.u16();
    const lastAdditionSeconds = reader.u32();
    const lastEraseSeconds = reader.u32();
    reader.skip(1);
    return { recordCount, freeBytes, lastAdditionSeconds, lastEraseSeconds };
  },
};
