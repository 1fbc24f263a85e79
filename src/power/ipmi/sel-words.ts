// Entries of a system event log (SEL) in words: the standard's sensor types and offsets, and Torpor's own records. What the manufacturer means by its own is not known here.
import { hexByte } from './byte-reader.ts';
import { decodeSelRecord, type SelRecord, type SelTime, type SystemEvent } from './sel-record.ts';
import { EVENT_OFFSETS, GENERIC_OFFSETS, SENSOR_TYPES, THRESHOLD_OFFSETS } from './sel-tables.ts';
import { describeTorporRecord, type TorporRecord, torporRecordOf } from './torpor-record.ts';

/** Event/reading types. Source: IPMI v2.0 table 42-1. */
const THRESHOLD = 0x01;
const SENSOR_SPECIFIC = 0x6f;
/** "Not specified" in event data bytes 2 and 3. */
const UNSPECIFIED = 0xff;

/** One entry of the log for people and programs. */
export interface SelEntry {
  readonly recordId: number;
  readonly recordType: number;
  readonly time: SelTime;
  readonly words: string;
  /** Null where it is not one of Torpor's. */
  readonly torpor: TorporRecord | null;
  readonly hex: string;
}

/** `sensorNames` by sensor number, where the BMC's sensor records were read. Throws ERR_IPMI_PROTOCOL below 16 bytes. */
export function describeSelRecord(bytes: Uint8Array, sensorNames: ReadonlyMap<number, string> = new Map()): SelEntry {
  const record = decodeSelRecord(bytes);
  const torpor = torporRecordOf(record);
  const { recordId, recordType, time } = record;
  const words = torpor === null ? wordsOf(record, sensorNames) : describeTorporRecord(torpor);
  return { recordId, recordType, time, words, torpor, hex: Buffer.from(bytes.subarray(0, 16)).toString('hex') };
}

function wordsOf(record: SelRecord, sensorNames: ReadonlyMap<number, string>): string {
  if (record.kind === 'event') return eventWords(record, sensorNames);
  const data = Buffer.from(record.data).toString('hex').replace(/../g, '$& ').trim();
  const maker = record.manufacturerId === null ? '' : ` of manufacturer ${record.manufacturerId}`;
  return `OEM record ${hexByte(record.recordType)}${maker}: ${data}`;
}

function eventWords(event: SystemEvent, sensorNames: ReadonlyMap<number, string>): string {
  const type = SENSOR_TYPES[event.sensorType] ?? `sensor type ${hexByte(event.sensorType)}`;
  const name = sensorNames.get(event.sensorNumber) || `#${hexByte(event.sensorNumber)}`;
  const direction = event.asserted ? '' : ' (deasserted)';
  return `${type} ${name}: ${offsetWords(event)}${direction}${dataWords(event)}${generatorWords(event)}`;
}

function offsetWords({ sensorType, eventType, eventData }: SystemEvent): string {
  const offset = (eventData[0] as number) & 0x0f;
  const known =
    eventType === THRESHOLD
      ? THRESHOLD_OFFSETS[offset]
      : eventType === SENSOR_SPECIFIC
        ? EVENT_OFFSETS[sensorType]?.[offset]
        : GENERIC_OFFSETS[eventType]?.[offset];
  return known || `event type ${hexByte(eventType)}, offset ${hexByte(offset)}`;
}

/** For thresholds the raw reading and its trigger; else whatever bytes 2 and 3 hold, as they are. */
function dataWords({ eventType, eventData }: SystemEvent): string {
  const [flags, second, third] = [...eventData] as [number, number, number];
  const hasSecond = flags >> 6 !== 0 && second !== UNSPECIFIED;
  const hasThird = ((flags >> 4) & 0x03) !== 0 && third !== UNSPECIFIED;
  if (eventType === THRESHOLD && hasSecond) {
    return `, raw reading ${hexByte(second)}${hasThird ? `, threshold ${hexByte(third)}` : ''}`;
  }
  const data = [hasSecond ? hexByte(second) : '', hasThird ? hexByte(third) : ''].filter((text) => text !== '');
  return data.length === 0 ? '' : `, data ${data.join(' ')}`;
}

/** Who logged it, where it was not the BMC itself. Source: IPMI v2.0 section 5.5 and table 5-4. */
function generatorWords({ generatorAddress }: SystemEvent): string {
  if (generatorAddress === 0x20) return '';
  if ((generatorAddress & 1) === 0) return `, by controller ${hexByte(generatorAddress)}`;
  const id = generatorAddress >> 1;
  if (id <= 0x0f) return ', by the BIOS';
  if (id <= 0x1f) return ', by an SMI handler';
  return id >= 0x40 && id <= 0x46 ? ', by a remote console' : ', by system software';
}
