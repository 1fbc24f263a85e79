// Get SDR: part of one sensor data record, and the id of the next. Walking the repository is sensor-directory.ts.
import { ByteReader, concatBytes, u16Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN } from '../command.ts';

/** Record ids that are none: where a walk starts, and what the last record names as its next. */
export const FIRST_RECORD_ID = 0x0000;
export const NO_RECORD_ID = 0xffff;

/** Source: IPMI v2.0 section 33.12. `lengthBytes` FFh asks for all; Torpor reads in parts, since many BMCs answer CAh. */
export interface SdrRequest {
  readonly reservationId: number;
  readonly recordId: number;
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface SdrPart {
  readonly nextRecordId: number;
  readonly data: Uint8Array;
}

/** Request: 6 bytes. Response: the next record's id, 2 bytes, and data. C5h: the reservation is no longer valid. */
export const GET_SDR: IpmiCommand<SdrRequest, SdrPart> = {
  name: 'Get SDR',
  netFn: NET_FN.storage,
  code: 0x23,
  encodeRequest: ({ reservationId, recordId, offset, lengthBytes }) =>
    concatBytes(u16Bytes(reservationId), u16Bytes(recordId), Uint8Array.of(offset, lengthBytes)),
  decodeRequest: (body) => {
    const reader = new ByteReader(body, 'Get SDR request');
    const reservationId = reader.u16();
    const recordId = reader.u16();
    return { reservationId, recordId, offset: reader.u8(), lengthBytes: reader.u8() };
  },
  encodeResponse: ({ nextRecordId, data }) => concatBytes(u16Bytes(nextRecordId), data),
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get SDR response');
    return { nextRecordId: reader.u16(), data: reader.rest() };
  },
};
