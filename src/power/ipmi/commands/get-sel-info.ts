// Get SEL Info: how full the system event log is. Torpor's client does not use it; others' programs ask our BMC.
import { ByteReader, concatBytes, u16Bytes, u32Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** Source: IPMI v2.0 section 31.2. Time stamps as in the SDR repository. */
export interface SelInfo {
  readonly entryCount: number;
  readonly freeBytes: number;
  readonly lastAdditionSeconds: number;
  readonly lastEraseSeconds: number;
}

/** Request: empty. Response: 14 bytes: version 51h, count, free space, two time stamps, operations supported (none). */
export const GET_SEL_INFO: IpmiCommand<void, SelInfo> = {
  name: 'Get SEL Info',
  netFn: NET_FN.storage,
  code: 0x40,
  encodeRequest: () => NO_BODY,
  decodeRequest: () => undefined,
  encodeResponse: (info) =>
    concatBytes(
      Uint8Array.of(0x51),
      u16Bytes(info.entryCount),
      u16Bytes(info.freeBytes),
      u32Bytes(info.lastAdditionSeconds),
      u32Bytes(info.lastEraseSeconds),
      Uint8Array.of(0x00),
    ),
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get SEL Info response');
    reader.skip(1);
    const entryCount = reader.u16();
    const freeBytes = reader.u16();
    const lastAdditionSeconds = reader.u32();
    const lastEraseSeconds = reader.u32();
    reader.skip(1);
    return { entryCount, freeBytes, lastAdditionSeconds, lastEraseSeconds };
  },
};
