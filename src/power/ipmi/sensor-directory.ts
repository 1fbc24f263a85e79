// Finds sensors in a BMC's SDR repository, in partial reads under a reservation. Reads no sensor.
import { errorText, TorporError } from '../../platform/errors.ts';
import type { IpmiCommand } from './command.ts';
import { FIRST_RECORD_ID, GET_SDR, NO_RECORD_ID } from './commands/get-sdr.ts';
import { GET_SDR_REPOSITORY_INFO, type SdrRepositoryInfo } from './commands/get-sdr-repository-info.ts';
import { RESERVE_SDR_REPOSITORY } from './commands/reserve-sdr-repository.ts';
import { COMPLETION, CompletionError, isPassing } from './completion-code.ts';
import {
  decodeSdrHeader,
  decodeSensorRecord,
  SDR_COMPACT_SENSOR,
  SDR_FULL_SENSOR,
  SDR_HEADER_BYTES,
  type SensorRecord,
} from './sensor-record.ts';

/** Records read at most in one walk; a repository that goes on is read no further. The largest known have about 500. */
export const MAX_SDR_RECORDS = 2048;
/** Bytes asked for in one part; halved each time the BMC says that it cannot return as many (CAh). */
const PART_BYTES = 24;
const MIN_PART_BYTES = 4;
/** Reservations lost (C5h) in one walk before it is given up with that error. */
const MAX_RESERVATIONS_LOST = 8;
/** The body up to and with the event/reading type: enough to tell whether the sensor is wanted. */
const SENSOR_KIND_BYTES = 9;

/** Errors that are an answer: asking again would bring the same. */
const ANSWERED: ReadonlySet<string> = new Set(['ERR_IPMI_COMPLETION', 'ERR_IPMI_PROTOCOL', 'ERR_IPMI_PRIVILEGE']);

/** What a walk needs of a session. */
export interface CommandRunner {
  run<Request, Response>(
    command: IpmiCommand<Request, Response>,
    request: Request,
    options: { readonly signal: AbortSignal },
  ): Promise<Response>;
}

/** The wanted sensors of one BMC, and the state of the repository they were read from. */
export interface SensorDirectory {
  readonly sensors: readonly SensorRecord[];
  /** Records of any type that were looked at. */
  readonly recordCount: number;
  /** Null where the BMC has no SDR repository. */
  readonly repository: SdrRepositoryInfo | null;
  /** Why the walk ended before the last record, in words; null where it did not. */
  readonly problem: string | null;
  /** True where that will pass: the BMC was starting, busy, or its records were changing. */
  readonly mayPass: boolean;
}

/** True where a directory read earlier still describes the repository: same count, same time stamps. */
export function isSameRepository(left: SdrRepositoryInfo, right: SdrRepositoryInfo): boolean {
  return (
    left.recordCount === right.recordCount &&
    left.lastAdditionSeconds === right.lastAdditionSeconds &&
    left.lastEraseSeconds === right.lastEraseSeconds
  );
}

/** Null where the BMC answers that it has no repository. Rejects as the session does. */
export async function readRepositoryInfo(
  session: CommandRunner,
  signal: AbortSignal,
): Promise<SdrRepositoryInfo | null> {
  try {
    return await session.run(GET_SDR_REPOSITORY_INFO, undefined, { signal });
  } catch (thrown) {
    if (thrown instanceof CompletionError && !thrown.retryable && thrown.code === 'ERR_IPMI_COMPLETION') return null;
    throw thrown;
  }
}

/**
 * Walks the whole repository and keeps the full and compact sensor records whose sensor type `isWanted`. Two requests for
 * each record that is not wanted, a few more for each that is: slow, so do it rarely. Where the BMC answers with an error
 * or with something unreadable, the walk ends there and keeps what it has. Rejects where the BMC cannot be asked.
 */
export async function readSensorDirectory(
  session: CommandRunner,
  isWanted: (sensorType: number) => boolean,
  signal: AbortSignal,
): Promise<SensorDirectory> {
  const repository = await readRepositoryInfo(session, signal);
  if (repository === null || repository.recordCount === 0) {
    return { sensors: [], recordCount: 0, repository, problem: null, mayPass: false };
  }
  const walk = new SdrWalk(session, isWanted, signal);
  let problem: string | null = null;
  let mayPass = false;
  try {
    await walk.run();
  } catch (thrown) {
    const answered = thrown instanceof TorporError && ANSWERED.has(thrown.code);
    if (!answered) throw thrown;
    problem = errorText(thrown);
    mayPass =
      thrown instanceof CompletionError && (isPassing(thrown.completionCode, false) || isReservationLost(thrown));
  }
  return { sensors: walk.sensors, recordCount: walk.recordCount, repository, problem, mayPass };
}

function isReservationLost(thrown: unknown): boolean {
  return thrown instanceof CompletionError && thrown.completionCode === COMPLETION.reservationCancelled;
}

class SdrWalk {
  readonly sensors: SensorRecord[] = [];
  recordCount = 0;
  readonly #session: CommandRunner;
  readonly #isWanted: (sensorType: number) => boolean;
  readonly #signal: AbortSignal;
  #reservationId = 0;
  #reservationsLost = 0;
  #partBytes = PART_BYTES;

  constructor(session: CommandRunner, isWanted: (sensorType: number) => boolean, signal: AbortSignal) {
    this.#session = session;
    this.#isWanted = isWanted;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    await this.#reserve();
    // Deviation: some repositories name a record as next that was read already. That ends the walk too.
    const seen = new Set<number>();
    let recordId = FIRST_RECORD_ID;
    while (recordId !== NO_RECORD_ID && !seen.has(recordId) && this.recordCount < MAX_SDR_RECORDS) {
      seen.add(recordId);
      recordId = await this.#readRecord(recordId);
      this.recordCount += 1;
    }
  }

  async #reserve(): Promise<void> {
    this.#reservationId = await this.#session.run(RESERVE_SDR_REPOSITORY, undefined, { signal: this.#signal });
  }

  /** Answers the next record's id. A lost reservation starts the record anew, for it may have changed. */
  async #readRecord(recordId: number): Promise<number> {
    for (;;) {
      try {
        return await this.#readReserved(recordId);
      } catch (thrown) {
        const lost = isReservationLost(thrown);
        this.#reservationsLost += lost ? 1 : 0;
        if (!lost || this.#reservationsLost > MAX_RESERVATIONS_LOST) throw thrown;
        await this.#reserve();
      }
    }
  }

  async #readReserved(recordId: number): Promise<number> {
    const part = { reservationId: this.#reservationId, recordId, offset: 0, lengthBytes: SDR_HEADER_BYTES };
    const { nextRecordId, data } = await this.#session.run(GET_SDR, part, { signal: this.#signal });
    const { recordType, bodyBytes } = decodeSdrHeader(data);
    const describesSensor = recordType === SDR_FULL_SENSOR || recordType === SDR_COMPACT_SENSOR;
    if (!describesSensor || bodyBytes < SENSOR_KIND_BYTES) return nextRecordId;
    // Some records name another id than the one they are read by: reading goes on under the latter.
    const record = new Uint8Array(SDR_HEADER_BYTES + bodyBytes);
    record.set(data.subarray(0, SDR_HEADER_BYTES));
    const kindEnd = SDR_HEADER_BYTES + SENSOR_KIND_BYTES;
    await this.#readInto(record, recordId, SDR_HEADER_BYTES, kindEnd);
    if (!this.#isWanted(record[kindEnd - 2] as number)) return nextRecordId;
    await this.#readInto(record, recordId, kindEnd, record.length);
    const sensor = decodeSensorRecord(record);
    if (sensor !== null) this.sensors.push(sensor);
    return nextRecordId;
  }

  /** Fills `record` from `start` to `end`, in parts that the BMC can return. */
  async #readInto(record: Uint8Array, recordId: number, start: number, end: number): Promise<void> {
    let offset = start;
    while (offset < end) {
      const lengthBytes = Math.min(this.#partBytes, end - offset);
      const part = { reservationId: this.#reservationId, recordId, offset, lengthBytes };
      try {
        const { data } = await this.#session.run(GET_SDR, part, { signal: this.#signal });
        // An empty answer would go on for ever: what was not read stays zero.
        if (data.length === 0) return;
        record.set(data.subarray(0, lengthBytes), offset);
        offset += Math.min(data.length, lengthBytes);
      } catch (thrown) {
        const tooLong = thrown instanceof CompletionError && thrown.completionCode === COMPLETION.cannotReturnLength;
        if (!tooLong || this.#partBytes <= MIN_PART_BYTES) throw thrown;
        this.#partBytes = Math.max(MIN_PART_BYTES, this.#partBytes >> 1);
      }
    }
  }
}
