// Get SEL Info: how full the system event log is.
import { ByteReader, concatBytes, u16Bytes, u32Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** What `freeBytes` says where there is as much or more. */
export const SEL_FREE_AT_LEAST = 0xffff;

/** Source: IPMI v2.0 section 31.2. Time stamps as in the SDR repository. */
export interface SelInfo {
  readonly entryCount: number;
  /** FFFFh: 65,535 or more. */
  readonly freeBytes: number;
  readonly lastAdditionSeconds: number;
  readonly lastEraseSeconds: number;
  /** Bit 7 of the last byte: events were dropped for lack of space. */
  readonly overflowed: boolean;
  /** Bit 1: Reserve SEL is known, so records can be read in parts. */
  readonly reservable: boolean;
}

/** Request: empty. Response: 14 bytes: version 51h, count, free space, two time stamps, operations supported. */
export const GET_SEL_INFO: IpmiCommand<void, SelInfo> = {
  name: 'Get SEL Info',
  netFn: NET_FN.storage,
  code: 0x40,
  completionWords: { 129: 'the log is being erased' },
  encodeRequest: () => NO_BODY,
  decodeRequest: () => undefined,
  encodeResponse: (info) =>
    concatBytes(
      Uint8Array.of(0x51),
      u16Bytes(info.entryCount),
      u16Bytes(info.freeBytes),
      u32Bytes(info.lastAdditionSeconds),
      u32Bytes(info.lastEraseSeconds),
      Uint8Array.of((info.overflowed ? 0x80 : 0) | (info.reservable ? 0x02 : 0)),
    ),
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get SEL Info response');
    reader.skip(1);
    const entryCount = reader.u16();
    const freeBytes = reader.u16();
    const lastAdditionSeconds = reader.u32();
    const lastEraseSeconds = reader.u32();
    const operations = reader.u8();
    return {
      entryCount,
      freeBytes,
      lastAdditionSeconds,
      lastEraseSeconds,
      overflowed: (operations & 0x80) !== 0,
      reservable: (operations & 0x02) !== 0,
    };
  },
};
