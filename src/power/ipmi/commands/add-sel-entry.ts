// Add SEL Entry: appends one record to the system event log. What Torpor writes into it is torpor-record.ts.
import { ByteReader, u16Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN } from '../command.ts';
import { SEL_RECORD_BYTES } from './get-sel-entry.ts';

/**
 * Request: the record, 16 bytes; the BMC puts in its own record id, and its own time into record types 02h and C0h to DFh.
 * Response: the new record's id. Needs operator privilege. C4h: no space is left. Source: IPMI v2.0 section 31.6.
 */
export const ADD_SEL_ENTRY: IpmiCommand<Uint8Array, number> = {
  name: 'Add SEL Entry',
  netFn: NET_FN.storage,
  code: 0x44,
  acts: true,
  completionWords: { 128: 'records of this type are not taken', 129: 'the log is being erased' },
  encodeRequest: (record) => record,
  decodeRequest: (body) => Uint8Array.from(new ByteReader(body, 'Add SEL Entry request').take(SEL_RECORD_BYTES)),
  encodeResponse: (recordId) => u16Bytes(recordId),
  decodeResponse: (body) => new ByteReader(body, 'Add SEL Entry response').u16(),
};
