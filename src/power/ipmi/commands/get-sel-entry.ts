// Get SEL Entry: one record of the system event log, or a part of it, and the id of the next. Walking the log is sel-reader.ts.
import { ByteReader, concatBytes, u16Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN } from '../command.ts';

/** Every record has as many. Source: IPMI v2.0 section 32. */
export const SEL_RECORD_BYTES = 16;
/** Record ids that are none: the first record, and the last one or "there is no next". */
export const FIRST_SEL_RECORD = 0x0000;
export const NO_SEL_RECORD = 0xffff;
/** "All of it". */
export const WHOLE_SEL_RECORD = 0xff;

/** Source: IPMI v2.0 section 31.5. A reservation is needed for parts with an offset above 0 alone; else 0. */
export interface SelEntryRequest {
  readonly reservationId: number;
  readonly recordId: number;
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface SelEntryPart {
  readonly nextRecordId: number;
  readonly data: Uint8Array;
}

/** Request: 6 bytes. Response: the next record's id, 2 bytes, and data. CBh: no such record; an empty log has no first one. */
export const GET_SEL_ENTRY: IpmiCommand<SelEntryRequest, SelEntryPart> = {
  name: 'Get SEL Entry',
  netFn: NET_FN.storage,
  code: 0x43,
  completionWords: { 129: 'the log is being erased' },
  encodeRequest: ({ reservationId, recordId, offset, lengthBytes }) =>
    concatBytes(u16Bytes(reservationId), u16Bytes(recordId), Uint8Array.of(offset, lengthBytes)),
  decodeRequest: (body) => {
    const reader = new ByteReader(body, 'Get SEL Entry request');
    const reservationId = reader.u16();
    const recordId = reader.u16();
    return { reservationId, recordId, offset: reader.u8(), lengthBytes: reader.u8() };
  },
  encodeResponse: ({ nextRecordId, data }) => concatBytes(u16Bytes(nextRecordId), data),
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get SEL Entry response');
    return { nextRecordId: reader.u16(), data: reader.take(Math.min(reader.remaining, SEL_RECORD_BYTES)) };
  },
};
