// Expands a calendar in a thread of its own, within a bound: a single invitation whose rule never comes true (the 30th of February, day
// by day) would else stop the whole process. What a calendar means is read-calendar.ts's.
import { Worker } from 'node:worker_threads';
import { errorText, TorporError } from '../platform/errors.ts';
import type { BusyTime, CalendarRules } from './read-calendar.ts';

/** As many occurrences as are read take a second, on a small machine ten. */
export const EXPAND_TIMEOUT_MS = 30_000;
/** The most memory that the thread may take: some twenty times the longest calendar. */
const THREAD_MEMORY_MB = 256;

/** Which time is asked for, and whose calendar it is. */
export type CalendarSpan = Omit<CalendarRules, 'offsetOf'>;

/** The thread's answer. */
export type Expanded = { readonly times: BusyTime[] } | { readonly problem: string };

/** The built program, seen from the sources as from beside it: a thread runs no TypeScript on every Node that Torpor runs on. */
const THREAD_PROGRAM = new URL('../../dist/calendars/calendar-thread.js', import.meta.url);

/**
 * `readCalendar` with the zones of this machine. Rejects with ERR_CALENDAR_READ, also where it takes longer than `timeoutMs`, and where
 * `stopping` says so.
 */
export function expandInThread(
  text: string,
  span: CalendarSpan,
  stopping: AbortSignal,
  timeoutMs = EXPAND_TIMEOUT_MS,
): Promise<BusyTime[]> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new TorporError('ERR_CALENDAR_READ', why));
    const resourceLimits = { maxOldGenerationSizeMb: THREAD_MEMORY_MB };
    const worker = new Worker(THREAD_PROGRAM, { workerData: { text, span }, resourceLimits });
    worker.unref();
    const end = () => {
      clearTimeout(timer);
      stopping.removeEventListener('abort', end);
      // Seen to its end also where nothing else keeps the process.
      worker.ref();
      void worker.terminate();
    };
    const timer = setTimeout(() => {
      fail(
        `the calendar cannot be read: it is not expanded within ${timeoutMs / 1000} s; one of its rules may never come true`,
      );
      end();
    }, timeoutMs);
    timer.unref();
    stopping.addEventListener('abort', end);
    worker.on('message', (expanded: Expanded) => {
      if ('times' in expanded) resolve(expanded.times);
      else fail(expanded.problem);
      end();
    });
    worker.on('error', (thrown) => fail(`the calendar cannot be read: ${errorText(thrown)}`));
    // Whatever ended it without an answer; after one this changes nothing.
    worker.on('exit', () => {
      end();
      fail('the calendar cannot be read: its thread has ended');
    });
    if (stopping.aborted) end();
  });
}
