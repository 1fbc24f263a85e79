// Reads one calendar on a period and hands its busy times on; tells in words when that fails, and keeps the last good ones.
import { readFile, stat } from 'node:fs/promises';
import { errorText, TorporError } from '../platform/errors.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import type { CalendarSpan } from './expand-in-process.ts';
import type { BusyTime } from './read-calendar.ts';

export const CALENDAR_BYTES_MAX = 4 * 1024 * 1024;
const READ_TIMEOUT_MS = 30_000;
const DAY_MS = 86_400_000;
/** How far back and ahead times are kept: the last good ones outlive a source that is gone for two weeks. */
const BEHIND_MS = 2 * DAY_MS;
const AHEAD_MS = 15 * DAY_MS;

export type CalendarPlace = { readonly file: string } | { readonly url: string };

export interface CalendarWatchOptions {
  /** For people: never the URL itself, which is often the secret that opens the calendar. */
  readonly name: string;
  readonly place: CalendarPlace;
  readonly isEverybodys: boolean;
  readonly everyMs: number;
  /** What the calendar says; rejects in words for people. A rule of it may take for ever: this has a bound, and ends with the signal. */
  readonly expand: (text: string, span: CalendarSpan, stopping: AbortSignal) => Promise<readonly BusyTime[]>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onTimes: (times: readonly BusyTime[]) => void;
}

export class CalendarWatch {
  readonly #options: CalendarWatchOptions;
  readonly #stopping = new AbortController();
  #cancelTimer: () => void = () => {};
  #told = '';
  #problem: string | null = null;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: CalendarWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#reading = this.#read();
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelTimer();
    await this.#reading;
  }

  async #read(): Promise<void> {
    const { clock, name, log, everyMs } = this.#options;
    try {
      await this.#take(await fetchText(this.#options.place, this.#stopping.signal));
      if (this.#problem !== null) log.info({ calendar: name }, 'the calendar is read again');
      this.#problem = null;
    } catch (thrown) {
      const problem = errorText(thrown);
      const isNew = problem !== this.#problem && !this.#stopping.signal.aborted;
      if (isNew) log.warn({ calendar: name, problem }, 'a calendar cannot be read: what it said last still holds');
      this.#problem = problem;
    }
    if (this.#stopping.signal.aborted) return;
    this.#cancelTimer = clock.schedule(everyMs, () => this.start());
  }

  async #take(text: string): Promise<void> {
    const { clock, isEverybodys, expand, onTimes, name, log } = this.#options;
    const nowMs = clock.nowMs();
    const span = { fromMs: nowMs - BEHIND_MS, toMs: nowMs + AHEAD_MS, isEverybodys };
    const times = await expand(text, span, this.#stopping.signal);
    const told = JSON.stringify(times);
    if (told === this.#told || this.#stopping.signal.aborted) return;
    if (this.#told === '') log.info({ calendar: name, busyTimes: times.length }, 'a calendar was read');
    this.#told = told;
    onTimes(times);
  }
}

/** A calendar's text. Throws ERR_CALENDAR_READ: gone, too long, too slow, or no answer that holds one. */
export async function fetchText(place: CalendarPlace, stopping: AbortSignal): Promise<string> {
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(READ_TIMEOUT_MS)]);
  try {
    return 'file' in place ? await readBounded(place.file, signal) : await fetchBounded(place.url, signal);
  } catch (cause) {
    const reason = signal.aborted && !stopping.aborted ? `no answer within ${READ_TIMEOUT_MS / 1000} s` : whyOf(cause);
    throw new TorporError('ERR_CALENDAR_READ', reason, { retryable: true, cause });
  }
}

async function readBounded(path: string, signal: AbortSignal): Promise<string> {
  const { size } = await stat(path);
  if (size > CALENDAR_BYTES_MAX) throw new Error(tooLong());
  return readFile(path, { encoding: 'utf8', signal });
}

async function fetchBounded(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal, headers: { accept: 'text/calendar, */*;q=0.1' } });
  if (!response.ok) throw new Error(`its server answered with status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > CALENDAR_BYTES_MAX) throw new Error(tooLong());
    chunks.push(chunk as Uint8Array);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function tooLong(): string {
  return `it is longer than ${CALENDAR_BYTES_MAX / 1024 ** 2} MiB`;
}

/** fetch hides what happened in its cause. */
function whyOf(thrown: unknown): string {
  const { cause } = thrown as Error;
  return cause instanceof Error ? cause.message : errorText(thrown);
}
