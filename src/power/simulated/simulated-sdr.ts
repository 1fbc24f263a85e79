// The SDR repository of the simulated BMC: records built byte by byte, reservations, partial reads.
import { u16Bytes } from '../ipmi/byte-reader.ts';
import { FIRST_RECORD_ID, NO_RECORD_ID, type SdrPart, type SdrRequest } from '../ipmi/commands/get-sdr.ts';
import type { SdrRepositoryInfo } from '../ipmi/commands/get-sdr-repository-info.ts';
import { COMPLETION } from '../ipmi/completion-code.ts';

/** Sensor numbers of the simulated BMC. */
export const ACPI_STATE_SENSOR = 1;
export const POWER_METER_SENSOR = 2;
/** "Return everything". Source: IPMI v2.0 section 33.12. */
const WHOLE_RECORD = 0xff;

export interface SimulatedSdrOptions {
  readonly acpiSensor: boolean;
  readonly powerSensor: boolean;
  /** Watts per step of the power meter's raw value, 1 to 511. */
  readonly wattsPerStep: number;
  readonly createdSeconds: number;
}

/** Header (record id, version 51h, type, body length), body. */
function record(recordId: number, recordType: number, body: readonly number[]): Uint8Array {
  return Uint8Array.from([...u16Bytes(recordId), 0x51, recordType, body.length, ...body]);
}

function idString(name: string): number[] {
  return [0xc0 | name.length, ...Buffer.from(name, 'latin1')];
}

/** Management controller device locator, type 12h: no sensor, but every BMC has one. Source: IPMI v2.0 table 43-7. */
function locatorRecord(recordId: number): Uint8Array {
  // slave address, channel, notification, capabilities (chassis, SDR repository, sensor), reserved, entity 6.1, OEM
  return record(recordId, 0x12, [0x20, 0, 0, 0x83, 0, 0, 0, 0x06, 0x01, 0, ...idString('Simulated BMC')]);
}

/** Compact record, type 02h: System ACPI Power State, sensor-specific states. Source: IPMI v2.0 table 43-2. */
function acpiStateRecord(recordId: number): Uint8Array {
  const owner = [0x20, 0x00, ACPI_STATE_SENSOR];
  const entity = [0x07, 0x01]; // system board 1
  const kind = [0x67, 0x40, 0x22, 0x6f]; // initialization, capabilities, sensor type, event/reading type
  const masks = [0xff, 0x3f, 0x00, 0x00, 0xff, 0x3f]; // assertions, deassertions, readable states
  const units = [0xc0, 0x00, 0x00]; // no analog reading
  const sharing = [0x01, 0x00, 0x00, 0x00, 0, 0, 0, 0]; // one sensor, no hysteresis, reserved, OEM
  return record(recordId, 0x02, [
    ...owner,
    ...entity,
    ...kind,
    ...masks,
    ...units,
    ...sharing,
    ...idString('ACPI State'),
  ]);
}

/** Full record, type 01h: "other units" in watts, linear, unsigned. Source: IPMI v2.0 table 43-1. */
function powerMeterRecord(recordId: number, wattsPerStep: number): Uint8Array {
  const owner = [0x20, 0x00, POWER_METER_SENSOR];
  const entity = [0x07, 0x01];
  const kind = [0x7f, 0x00, 0x0b, 0x01]; // no thresholds, sensor type 0Bh, threshold reading
  const masks = [0, 0, 0, 0, 0, 0];
  const units = [0x00, 0x06, 0x00, 0x00]; // unsigned, watts, no modifier, linear
  const factors = [wattsPerStep & 0xff, (wattsPerStep >> 8) << 6, 0, 0, 0, 0]; // M, B, accuracy, exponents 0
  const limits = new Array<number>(17).fill(0); // analog flags, readings, thresholds, hysteresis, reserved, OEM
  return record(recordId, 0x01, [
    ...[...owner, ...entity, ...kind, ...masks],
    ...[...units, ...factors, ...limits],
    ...idString('Power Meter'),
  ]);
}

/** What a request for part of a record comes to: data, or a completion code. */
export type SdrAnswer =
  | { readonly kind: 'part'; readonly part: SdrPart }
  | { readonly kind: 'refused'; readonly completionCode: number };

export class SimulatedSdr {
  readonly #records: readonly Uint8Array[];
  #changedSeconds: number;
  #reservationId = 0;

  constructor(options: SimulatedSdrOptions) {
    const records = [locatorRecord(1)];
    if (options.acpiSensor) records.push(acpiStateRecord(records.length + 1));
    if (options.powerSensor) records.push(powerMeterRecord(records.length + 1, options.wattsPerStep));
    this.#records = records;
    this.#changedSeconds = options.createdSeconds;
  }

  info(): SdrRepositoryInfo {
    const changedSeconds = this.#changedSeconds;
    return {
      recordCount: this.#records.length,
      freeBytes: 0,
      lastAdditionSeconds: changedSeconds,
      lastEraseSeconds: changedSeconds,
    };
  }

  /** A new reservation; the one before is no longer valid. */
  reserve(): number {
    this.#reservationId = this.#reservationId >= 0xffff ? 1 : this.#reservationId + 1;
    return this.#reservationId;
  }

  /** Says that records changed at this time. */
  touch(nowSeconds: number): void {
    this.#changedSeconds = nowSeconds;
    this.cancelReservation();
  }

  /** As a change of the repository, or a BMC reset, does. */
  cancelReservation(): void {
    this.reserve();
  }

  read(request: SdrRequest): SdrAnswer {
    const index = this.#indexOf(request.recordId);
    const data = this.#records[index];
    if (data === undefined) return refused(COMPLETION.notPresent);
    if (request.offset > 0 && request.reservationId !== this.#reservationId) {
      return refused(COMPLETION.reservationCancelled);
    }
    if (request.offset >= data.length) return refused(COMPLETION.parameterOutOfRange);
    const end = request.lengthBytes === WHOLE_RECORD ? data.length : request.offset + request.lengthBytes;
    if (end > data.length) return refused(COMPLETION.parameterOutOfRange);
    const nextRecordId = index + 1 < this.#records.length ? index + 2 : NO_RECORD_ID;
    return { kind: 'part', part: { nextRecordId, data: data.subarray(request.offset, end) } };
  }

  /** Record ids count from 1; 0000h asks for the first, FFFFh for the last. */
  #indexOf(recordId: number): number {
    if (recordId === FIRST_RECORD_ID) return 0;
    return recordId === NO_RECORD_ID ? this.#records.length - 1 : recordId - 1;
  }
}

function refused(completionCode: number): SdrAnswer {
  return { kind: 'refused', completionCode };
}
