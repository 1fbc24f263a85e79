// Reads a BMC's whole system event log (SEL), record by record. Erases nothing; what records mean is sel-record.ts's and sel-words.ts's.
import { errorText, TorporError } from '../../platform/errors.ts';
import { concatBytes } from './byte-reader.ts';
import {
  FIRST_SEL_RECORD,
  GET_SEL_ENTRY,
  NO_SEL_RECORD,
  SEL_RECORD_BYTES,
  type SelEntryPart,
  WHOLE_SEL_RECORD,
} from './commands/get-sel-entry.ts';
import { GET_SEL_INFO, type SelInfo } from './commands/get-sel-info.ts';
import { RESERVE_SEL } from './commands/reserve-sel.ts';
import { COMPLETION, CompletionError } from './completion-code.ts';
import type { CommandRunner } from './sensor-directory.ts';

/** Record ids are 16 bits, so no log is longer. */
export const MAX_SEL_RECORDS = 0xffff;
/** Reservations lost (C5h) in one walk, because somebody wrote meanwhile, before it is given up with that error. */
const MAX_RESERVATIONS_LOST = 16;
/** Bytes asked for in one part, where the BMC cannot return whole records. */
const PART_BYTES = 8;

const ANSWERED: ReadonlySet<string> = new Set(['ERR_IPMI_COMPLETION', 'ERR_IPMI_PROTOCOL', 'ERR_IPMI_PRIVILEGE']);

export interface SelLog {
  readonly info: SelInfo;
  /** 16 bytes each, in the order of the log. */
  readonly records: readonly Uint8Array[];
  /** Why the walk ended before the last record, in words; null where it did not. */
  readonly problem: string | null;
}

/**
 * One request per record. Where the BMC answers with an error in the middle, the walk ends there and keeps what it has.
 * Rejects where the BMC cannot be asked, or has no log. `each` is told of every record as it comes.
 */
export async function readSel(
  session: CommandRunner,
  signal: AbortSignal,
  each: (record: Uint8Array) => void = () => {},
): Promise<SelLog> {
  const info = await session.run(GET_SEL_INFO, undefined, { signal });
  const walk = new SelWalk(session, signal);
  const records: Uint8Array[] = [];
  if (info.entryCount === 0) return { info, records, problem: null };
  // Deviation: some logs name a record as next that was read already. That ends the walk too.
  const seen = new Set<number>();
  let recordId = FIRST_SEL_RECORD;
  try {
    while (recordId !== NO_SEL_RECORD && !seen.has(recordId) && records.length < MAX_SEL_RECORDS) {
      seen.add(recordId);
      const { nextRecordId, data } = await walk.read(recordId);
      records.push(data);
      each(data);
      recordId = nextRecordId;
    }
    return { info, records, problem: null };
  } catch (thrown) {
    const answered = thrown instanceof TorporError && ANSWERED.has(thrown.code);
    if (!answered) throw thrown;
    return { info, records, problem: errorText(thrown) };
  }
}

class SelWalk {
  readonly #session: CommandRunner;
  readonly #signal: AbortSignal;
  #inParts = false;
  #reservationId = 0;
  #reservationsLost = 0;

  constructor(session: CommandRunner, signal: AbortSignal) {
    this.#session = session;
    this.#signal = signal;
  }

  async read(recordId: number): Promise<SelEntryPart> {
    if (this.#inParts) return await this.#readParts(recordId);
    try {
      const part = await this.#ask(recordId, 0, WHOLE_SEL_RECORD);
      if (part.data.length === SEL_RECORD_BYTES) return part;
    } catch (thrown) {
      if (!isCode(thrown, COMPLETION.cannotReturnLength)) throw thrown;
    }
    // Deviation: a few BMCs return records in parts alone.
    this.#inParts = true;
    this.#reservationId = await this.#session.run(RESERVE_SEL, undefined, { signal: this.#signal });
    return await this.#readParts(recordId);
  }

  async #readParts(recordId: number): Promise<SelEntryPart> {
    for (;;) {
      try {
        const first = await this.#ask(recordId, 0, PART_BYTES);
        const second = await this.#ask(recordId, PART_BYTES, SEL_RECORD_BYTES - PART_BYTES);
        return { nextRecordId: first.nextRecordId, data: concatBytes(first.data, second.data) };
      } catch (thrown) {
        this.#reservationsLost += 1;
        const lost = isCode(thrown, COMPLETION.reservationCancelled);
        if (!lost || this.#reservationsLost > MAX_RESERVATIONS_LOST) throw thrown;
        this.#reservationId = await this.#session.run(RESERVE_SEL, undefined, { signal: this.#signal });
      }
    }
  }

  #ask(recordId: number, offset: number, lengthBytes: number): Promise<SelEntryPart> {
    const request = { reservationId: this.#reservationId, recordId, offset, lengthBytes };
    return this.#session.run(GET_SEL_ENTRY, request, { signal: this.#signal });
  }
}

function isCode(thrown: unknown, completionCode: number): boolean {
  return thrown instanceof CompletionError && thrown.completionCode === completionCode;
}
