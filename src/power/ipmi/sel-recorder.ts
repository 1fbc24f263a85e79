// Writes what happens to a platform into its BMC's own log (SEL), within bounds: so many records an hour, and none while hardware might need the room.
import { hostOfClient } from '../../platform/endpoint.ts';
import { errorText } from '../../platform/errors.ts';
import type { Clock, Logger } from '../../platform/ports.ts';
import { ADD_SEL_ENTRY } from './commands/add-sel-entry.ts';
import { SEL_RECORD_BYTES } from './commands/get-sel-entry.ts';
import { GET_SEL_INFO, SEL_FREE_AT_LEAST, type SelInfo } from './commands/get-sel-info.ts';
import type { CommandRunner } from './sensor-directory.ts';
import { encodeTorporRecord, type TorporRecord } from './torpor-record.ts';

/** Records that wait to be written. What comes beyond it is left out, and counted. */
export const MAX_WAITING_RECORDS = 64;
const HOUR_MS = 3_600_000;
/** For the two requests that one record takes; then it is left out. */
const WRITE_BOUND_MS = 20_000;

/** One event of the platform, as the farm's log has it. Others than transitions, and entries and exits of the pool, are passed over. */
export interface RecordedEvent {
  readonly kind: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

export interface SelRecorderOptions {
  readonly session: CommandRunner;
  /** `host:port`, for people. */
  readonly bmc: string;
  readonly transitions: boolean;
  readonly clients: boolean;
  /** Records at most within any hour. */
  readonly perHour: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told once when it stops writing, and once when it goes on. Must not throw. */
  readonly report: (message: string) => void;
}

/** True while less than a quarter of the log is free: that is left to hardware faults. Nothing is ever erased. */
export function isTooFull({ entryCount, freeBytes, overflowed }: SelInfo): boolean {
  if (freeBytes >= SEL_FREE_AT_LEAST) return false;
  return overflowed || 4 * freeBytes < entryCount * SEL_RECORD_BYTES + freeBytes;
}

/** One record at a time, in the order of events. The power path never waits for it. */
export class SelRecorder {
  readonly #options: SelRecorderOptions;
  readonly #stopping = new AbortController();
  #waiting: TorporRecord[] = [];
  #writing = false;
  /** When the records of the last hour were written, oldest first; at most `perHour`. */
  #writtenAtMs: number[] = [];
  #leftOut = 0;
  #problem: 'none' | 'full' | 'rate' | 'error' = 'none';

  constructor(options: SelRecorderOptions) {
    this.#options = options;
  }

  /** Takes an event; returns at once. */
  note(event: RecordedEvent): void {
    if (this.#stopping.signal.aborted) return;
    const record = this.#recordOf(event);
    if (record === null) return;
    if (this.#waiting.length >= MAX_WAITING_RECORDS) {
      this.#leftOut += 1;
      return;
    }
    this.#waiting.push(this.#withGap(record));
    if (!this.#writing) void this.#writeAll();
  }

  /** What waits is dropped; one write may still be under way. Idempotent. */
  stop(): void {
    this.#stopping.abort();
    this.#waiting = [];
  }

  /** Only transitions have room to say how many records before them are missing. */
  #withGap(record: TorporRecord): TorporRecord {
    if (record.kind !== 'transition') return record;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return { ...record, leftOut };
  }

  #recordOf({ kind, facts }: RecordedEvent): TorporRecord | null {
    const { transitions, clients } = this.#options;
    if (kind === 'transition' && transitions) {
      const pool = typeof facts.pool === 'number' ? facts.pool : 0;
      return { kind, from: String(facts.from), to: String(facts.to), pool, leftOut: 0 };
    }
    if (!clients || typeof facts.client !== 'string') return null;
    if (kind === 'stream-active') return { kind: 'client-entered', client: hostOfClient(facts.client) };
    return kind === 'stream-idle' ? { kind: 'client-left', client: hostOfClient(facts.client) } : null;
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (await this.#write(next)) continue;
      this.#leftOut += 1 + (next.kind === 'transition' ? next.leftOut : 0);
    }
    this.#writing = false;
  }

  /** False where the record was left out. Never rejects. */
  async #write(record: TorporRecord): Promise<boolean> {
    const { session, clock, bmc, log } = this.#options;
    if (!this.#isWithinRate()) return this.#tell('rate');
    const patience = new AbortController();
    const cancel = clock.schedule(WRITE_BOUND_MS, () => patience.abort());
    const signal = AbortSignal.any([this.#stopping.signal, patience.signal]);
    try {
      if (isTooFull(await session.run(GET_SEL_INFO, undefined, { signal }))) return this.#tell('full');
      await session.run(ADD_SEL_ENTRY, encodeTorporRecord(record), { signal });
      this.#writtenAtMs.push(clock.nowMs());
      this.#tell('none');
      return true;
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return false;
      log.debug({ bmc, why: errorText(thrown) }, 'record not written into the BMC log');
      return this.#tell('error', errorText(thrown));
    } finally {
      cancel();
    }
  }

  #isWithinRate(): boolean {
    const sinceMs = this.#options.clock.nowMs() - HOUR_MS;
    this.#writtenAtMs = this.#writtenAtMs.filter((atMs) => atMs > sinceMs);
    return this.#writtenAtMs.length < this.#options.perHour;
  }

  /** Once per change. Always false, for a record that was left out. */
  #tell(problem: 'none' | 'full' | 'rate' | 'error', why = ''): false {
    if (problem === this.#problem) return false;
    this.#problem = problem;
    const { bmc, perHour, report } = this.#options;
    const words: Readonly<Record<typeof problem, string>> = {
      none: 'records are written again',
      full: 'less than a quarter of it is free, which is left to hardware faults: nothing is written until it is cleared on the BMC',
      rate: `${perHour} records in an hour are written already: further ones are left out, and counted in the next`,
      error: `records cannot be written, and are left out meanwhile: ${why}`,
    };
    report(`log of BMC ${bmc}: ${words[problem]}`);
    return false;
  }
}
