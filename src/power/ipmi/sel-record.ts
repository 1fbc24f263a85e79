// One record of a system event log (SEL), as its 16 bytes have it. What standard events mean in words is sel-words.ts, Torpor's own records torpor-record.ts.
import { ByteReader } from './byte-reader.ts';

/** Record types. Source: IPMI v2.0 section 32, tables 32-1 to 32-3. */
const SYSTEM_EVENT = 0x02;
const OEM_TIMESTAMPED_FIRST = 0xc0;
const OEM_TIMESTAMPED_LAST = 0xdf;
/** Time stamps below are seconds since the BMC's own start, FFFFFFFFh is none. Source: IPMI v2.0 section 37. */
const FIRST_CALENDAR_SECOND = 0x2000_0000;
const NO_TIME = 0xffff_ffff;

/** True where bytes 4 to 7 of the record are a time stamp, which the BMC puts in. */
export function isTimestamped(recordType: number): boolean {
  return recordType === SYSTEM_EVENT || (recordType >= OEM_TIMESTAMPED_FIRST && recordType <= OEM_TIMESTAMPED_LAST);
}

/** When a record was written, as far as it says. */
export type SelTime =
  | { readonly kind: 'calendar'; readonly seconds: number }
  | { readonly kind: 'since-start'; readonly seconds: number }
  | { readonly kind: 'none' };

interface RecordHead {
  readonly recordId: number;
  readonly recordType: number;
  readonly time: SelTime;
}

/** Record type 02h. Source: IPMI v2.0 table 32-1. */
export interface SystemEvent extends RecordHead {
  readonly kind: 'event';
  /** Slave address of a controller (bit 0 clear) or software id (bit 0 set). */
  readonly generatorAddress: number;
  readonly sensorType: number;
  readonly sensorNumber: number;
  readonly asserted: boolean;
  readonly eventType: number;
  /** Three bytes; bits 3:0 of the first are the offset. */
  readonly eventData: Uint8Array;
}

/** Record types C0h to DFh (with time stamp and manufacturer, 6 bytes of data), E0h to FFh and unknown ones (13 bytes). */
export interface OemRecord extends RecordHead {
  readonly kind: 'oem';
  /** IANA enterprise number; null where the record type has none. */
  readonly manufacturerId: number | null;
  readonly data: Uint8Array;
}

export type SelRecord = SystemEvent | OemRecord;

/** Throws ERR_IPMI_PROTOCOL where there are fewer than 16 bytes. */
export function decodeSelRecord(bytes: Uint8Array): SelRecord {
  const reader = new ByteReader(bytes, 'SEL record');
  const recordId = reader.u16();
  const recordType = reader.u8();
  const timed = isTimestamped(recordType);
  const head = { recordId, recordType, time: timed ? selTime(reader.u32()) : ({ kind: 'none' } as const) };
  if (recordType === SYSTEM_EVENT) return { ...head, kind: 'event', ...decodeEvent(reader) };
  if (!timed) return { ...head, kind: 'oem', manufacturerId: null, data: reader.take(13) };
  const manufacturerId = reader.u16() | (reader.u8() << 16);
  return { ...head, kind: 'oem', manufacturerId, data: reader.take(6) };
}

function decodeEvent(reader: ByteReader): Omit<SystemEvent, keyof RecordHead | 'kind'> {
  const generatorAddress = reader.u8();
  reader.skip(2); // channel and LUN, event message revision
  const sensorType = reader.u8();
  const sensorNumber = reader.u8();
  const directionAndType = reader.u8();
  return {
    generatorAddress,
    sensorType,
    sensorNumber,
    asserted: (directionAndType & 0x80) === 0,
    eventType: directionAndType & 0x7f,
    eventData: reader.take(3),
  };
}

function selTime(seconds: number): SelTime {
  if (seconds === NO_TIME) return { kind: 'none' };
  return seconds < FIRST_CALENDAR_SECOND ? { kind: 'since-start', seconds } : { kind: 'calendar', seconds };
}
