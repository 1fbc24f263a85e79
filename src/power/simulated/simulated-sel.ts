// The system event log of the simulated BMC: a bounded store of records that stamps, reserves and reads in parts. It is never erased.
import type { Clock } from '../../platform/ports.ts';
import { u16Bytes, u32Bytes } from '../ipmi/byte-reader.ts';
import { ADD_SEL_ENTRY } from '../ipmi/commands/add-sel-entry.ts';
import {
  FIRST_SEL_RECORD,
  GET_SEL_ENTRY,
  NO_SEL_RECORD,
  SEL_RECORD_BYTES,
  type SelEntryPart,
  type SelEntryRequest,
  WHOLE_SEL_RECORD,
} from '../ipmi/commands/get-sel-entry.ts';
import { GET_SEL_INFO, SEL_FREE_AT_LEAST, type SelInfo } from '../ipmi/commands/get-sel-info.ts';
import { GET_SEL_TIME } from '../ipmi/commands/get-sel-time.ts';
import { RESERVE_SEL } from '../ipmi/commands/reserve-sel.ts';
import { COMPLETION } from '../ipmi/completion-code.ts';
import { isTimestamped } from '../ipmi/sel-record.ts';
import { type CommandTable, Refused } from './command-table.ts';

/** Records a real BMC of the smaller kind has room for. */
export const DEFAULT_SEL_RECORDS = 512;
/** "Never", for time stamps of things that did not happen. */
const NEVER_SECONDS = 0xffff_ffff;

/** Record ids count from 1 in the order of arrival. */
export class SimulatedSel {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #records: Uint8Array[] = [];
  #reservationId = 0;
  #lastAdditionSeconds = NEVER_SECONDS;
  #overflowed = false;

  constructor(clock: Clock, capacity = DEFAULT_SEL_RECORDS) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  /** Copies of all records, oldest first. */
  get records(): readonly Uint8Array[] {
    return this.#records.map((record) => Uint8Array.from(record));
  }

  info(): SelInfo {
    const freeBytes = (this.#capacity - this.#records.length) * SEL_RECORD_BYTES;
    return {
      entryCount: this.#records.length,
      freeBytes: Math.min(freeBytes, SEL_FREE_AT_LEAST),
      lastAdditionSeconds: this.#lastAdditionSeconds,
      lastEraseSeconds: NEVER_SECONDS,
      overflowed: this.#overflowed,
      reservable: true,
    };
  }

  /** Appends one record of 16 bytes, as a sensor or a command does. Answers its id, or null where there is no room. */
  add(record: Uint8Array): number | null {
    if (this.#records.length >= this.#capacity) {
      this.#overflowed = true;
      return null;
    }
    const recordId = this.#records.length + 1;
    const stored = Uint8Array.from(record);
    stored.set(u16Bytes(recordId), 0);
    const nowSeconds = this.#nowSeconds();
    if (isTimestamped(stored[2] as number)) stored.set(u32Bytes(nowSeconds), 3);
    this.#records.push(stored);
    this.#lastAdditionSeconds = nowSeconds;
    this.cancelReservation();
    return recordId;
  }

  /** A new reservation; the one before is no longer valid. */
  reserve(): number {
    this.#reservationId = this.#reservationId >= 0xffff ? 1 : this.#reservationId + 1;
    return this.#reservationId;
  }

  /** As a new record, or a BMC reset, does. */
  cancelReservation(): void {
    this.reserve();
  }

  read(request: SelEntryRequest): SelEntryPart {
    const index = this.#indexOf(request.recordId);
    const record = this.#records[index];
    if (record === undefined) throw new Refused(COMPLETION.notPresent);
    if (request.offset > 0 && request.reservationId !== this.#reservationId) {
      throw new Refused(COMPLETION.reservationCancelled);
    }
    if (request.offset >= record.length) throw new Refused(COMPLETION.parameterOutOfRange);
    const end = request.lengthBytes === WHOLE_SEL_RECORD ? record.length : request.offset + request.lengthBytes;
    if (end > record.length) throw new Refused(COMPLETION.parameterOutOfRange);
    const nextRecordId = index + 1 < this.#records.length ? index + 2 : NO_SEL_RECORD;
    return { nextRecordId, data: record.subarray(request.offset, end) };
  }

  #indexOf(recordId: number): number {
    if (recordId === FIRST_SEL_RECORD) return 0;
    return recordId === NO_SEL_RECORD ? this.#records.length - 1 : recordId - 1;
  }

  #nowSeconds(): number {
    return Math.floor(this.#clock.nowMs() / 1000);
  }

  addCommands(table: CommandTable): void {
    table.add(GET_SEL_INFO, 'user', () => this.info());
    table.add(RESERVE_SEL, 'user', () => this.reserve());
    table.add(GET_SEL_ENTRY, 'user', (request) => this.read(request));
    table.add(ADD_SEL_ENTRY, 'operator', (record) => {
      const recordId = this.add(record);
      if (recordId === null) throw new Refused(COMPLETION.outOfSpace);
      return recordId;
    });
    table.add(GET_SEL_TIME, 'user', () => this.#nowSeconds());
  }
}
