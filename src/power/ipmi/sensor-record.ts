// One sensor data record (SDR): which sensor it describes, and how its raw value becomes a number. Reading the repository is sensor-directory.ts.
import { ByteReader } from './byte-reader.ts';

/** Length of the header every record starts with. Source: IPMI v2.0 section 43.1. */
export const SDR_HEADER_BYTES = 5;
/** Record types. Source: IPMI v2.0 sections 43.1 and 43.2. */
export const SDR_FULL_SENSOR = 0x01;
export const SDR_COMPACT_SENSOR = 0x02;
/** Base unit "watts". Source: IPMI v2.0 table 43-15. */
export const UNIT_WATTS = 6;

/** id (2 bytes), SDR version 51h, record type, number of bytes after the header. */
export interface SdrHeader {
  readonly recordId: number;
  readonly recordType: number;
  readonly bodyBytes: number;
}

export function decodeSdrHeader(bytes: Uint8Array): SdrHeader {
  const reader = new ByteReader(bytes, 'sensor data record header');
  const recordId = reader.u16();
  reader.skip(1);
  return { recordId, recordType: reader.u8(), bodyBytes: reader.u8() };
}

/** What full and compact sensor records have in common, as far as Torpor uses it. */
export interface SensorRecord {
  readonly recordId: number;
  /** Slave address of the controller that owns the sensor, or a software id (bit 0 set). The BMC's own is 20h. */
  readonly ownerAddress: number;
  readonly ownerLun: number;
  readonly sensorNumber: number;
  readonly sensorType: number;
  readonly eventReadingType: number;
  /** From the ID string; empty where it is in another coding than 8-bit ASCII. */
  readonly name: string;
  /** How a raw analog value becomes a number of `unit`; null for compact records and for values that are not linear. */
  readonly conversion: LinearConversion | null;
}

/** value = (m · raw + b · 10^bExponent) · 10^rExponent. Source: IPMI v2.0 section 36.3. */
export interface LinearConversion {
  readonly unit: number;
  readonly format: 'unsigned' | 'ones-complement' | 'twos-complement';
  readonly m: number;
  readonly b: number;
  readonly bExponent: number;
  readonly rExponent: number;
}

/** The value of `raw` (0 to 255) in the conversion's unit. */
export function convertReading(conversion: LinearConversion, raw: number): number {
  const { m, b, bExponent, rExponent, format } = conversion;
  let x = raw;
  if (format === 'ones-complement' && raw > 127) x = raw - 255;
  if (format === 'twos-complement' && raw > 127) x = raw - 256;
  return (m * x + b * 10 ** bExponent) * 10 ** rExponent;
}

/** Offsets from the start of the record. Source: IPMI v2.0 tables 43-1 and 43-2. */
const FULL_ID_STRING_OFFSET = 47;
const COMPACT_ID_STRING_OFFSET = 31;

/** Throws ERR_IPMI_PROTOCOL where a full or compact record is too short; answers null for records of other types. */
export function decodeSensorRecord(bytes: Uint8Array): SensorRecord | null {
  const { recordId, recordType } = decodeSdrHeader(bytes);
  if (recordType !== SDR_FULL_SENSOR && recordType !== SDR_COMPACT_SENSOR) return null;
  const full = recordType === SDR_FULL_SENSOR;
  const reader = new ByteReader(bytes, `sensor data record ${recordId}`);
  reader.skip(SDR_HEADER_BYTES);
  const ownerAddress = reader.u8();
  const ownerLun = reader.u8() & 0x03;
  const sensorNumber = reader.u8();
  reader.skip(4);
  const sensorType = reader.u8();
  const eventReadingType = reader.u8();
  reader.skip(6);
  const conversion = full ? decodeConversion(reader) : null;
  const idOffset = full ? FULL_ID_STRING_OFFSET : COMPACT_ID_STRING_OFFSET;
  const name = decodeIdString(bytes.subarray(idOffset));
  return { recordId, ownerAddress, ownerLun, sensorNumber, sensorType, eventReadingType, name, conversion };
}

/** Bytes 21 to 30 of a full sensor record: units, linearization, M, B, accuracy and exponents. */
function decodeConversion(reader: ByteReader): LinearConversion | null {
  const units = reader.u8();
  const unit = reader.u8();
  const modifierUnit = reader.u8();
  const linearization = reader.u8() & 0x7f;
  const mLow = reader.u8();
  const mHigh = reader.u8() >> 6;
  const bLow = reader.u8();
  const bHigh = reader.u8() >> 6;
  reader.skip(1);
  const exponents = reader.u8();
  const format = (['unsigned', 'ones-complement', 'twos-complement', null] as const)[units >> 6] ?? null;
  // A rate ("per hour"), a percentage or a modifier unit makes it another quantity than the base unit's name.
  const plain = (units & 0x3f) === 0 && modifierUnit === 0;
  if (format === null || linearization !== 0 || !plain) return null;
  return {
    unit,
    format,
    m: signed(mLow | (mHigh << 8), 10),
    b: signed(bLow | (bHigh << 8), 10),
    bExponent: signed(exponents & 0x0f, 4),
    rExponent: signed(exponents >> 4, 4),
  };
}

/** Two's complement of `bits` bits. */
function signed(value: number, bits: number): number {
  return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

/** Type/length byte and string; only "8-bit ASCII + Latin 1" (11b) is read. Source: IPMI v2.0 section 43.15. */
function decodeIdString(bytes: Uint8Array): string {
  const typeLength = bytes[0];
  if (typeLength === undefined || typeLength >> 6 !== 0x03) return '';
  const text = Buffer.from(bytes.subarray(1, 1 + (typeLength & 0x1f))).toString('latin1');
  // Printable characters only: names go into logs and onto terminals.
  return text.replace(/[^\x20-\x7e\xa0-\xff]/g, '').trim();
}
