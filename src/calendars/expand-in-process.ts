// Expands a calendar in a process of its own, within a bound: a single invitation whose rule never comes true (the 30th of February, day
// by day) would else stop Torpor, or end it: in a thread what runs out of memory takes the others with it. What a calendar means is
// read-calendar.ts's.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { errorText, TorporError } from '../platform/errors.ts';
import type { BusyTime, CalendarRules } from './read-calendar.ts';

/** What a calendar may take. */
export interface ExpandBounds {
  /** As many occurrences as are read take a second, on a small machine ten. */
  readonly timeoutMs: number;
  /** For objects: some twenty times the longest calendar. */
  readonly memoryMb: number;
}

export const EXPAND_BOUNDS: ExpandBounds = { timeoutMs: 30_000, memoryMb: 256 };
/** The process ends by itself so long after its parent would have ended it. */
const ORPHAN_MS = 1000;

/** Which time is asked for, and whose calendar it is. */
export interface CalendarSpan extends Omit<CalendarRules, 'offsetOf'> {
  /** The people's own zone by its IANA name; this machine's where it is left out. */
  readonly timeZone?: string | undefined;
}

/** What the process is told. */
export interface ExpandTask {
  readonly text: string;
  readonly span: CalendarSpan;
  readonly timeoutMs: number;
}

/** The process's answer. */
export type Expanded = { readonly times: BusyTime[] } | { readonly problem: string };

/** The built program, seen from the sources as from beside it: not every Node that Torpor runs on runs TypeScript. */
const PROGRAM = fileURLToPath(new URL('../../dist/calendars/calendar-process.js', import.meta.url));

/**
 * `readCalendar` with the zones that this machine knows. Rejects with ERR_CALENDAR_READ, also where it takes more time or memory than
 * it may, and where `stopping` says so.
 */
export function expandInProcess(
  text: string,
  span: CalendarSpan,
  stopping: AbortSignal,
  { timeoutMs, memoryMb }: ExpandBounds = EXPAND_BOUNDS,
): Promise<BusyTime[]> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      reject(new TorporError('ERR_CALENDAR_READ', `the calendar cannot be read: ${why}`));
    };
    // Without its output: where memory runs out V8 writes a page about itself.
    const execArgv = [`--max-old-space-size=${memoryMb}`];
    const child = fork(PROGRAM, [], { execArgv, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const end = () => {
      clearTimeout(timer);
      stopping.removeEventListener('abort', end);
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => {
      fail(`it is not expanded within ${timeoutMs / 1000} s; one of its rules may never come true`);
      end();
    }, timeoutMs);
    stopping.addEventListener('abort', end);
    child.on('message', (expanded: Expanded) => {
      if ('times' in expanded) resolve(expanded.times);
      else reject(new TorporError('ERR_CALENDAR_READ', expanded.problem));
      end();
    });
    child.on('error', (thrown) => {
      fail(errorText(thrown));
      end();
    });
    // Whatever ended it without an answer; after one this changes nothing.
    child.on('exit', () => {
      end();
      fail('its process ended, as where memory runs out; one of its rules may never come true');
    });
    // Not before: without descriptors or processes to spare there is nobody to send to.
    child.on('spawn', () => {
      child.send({ text, span, timeoutMs: timeoutMs + ORPHAN_MS } satisfies ExpandTask, (error) => {
        if (error !== null) fail(errorText(error));
      });
    });
    if (stopping.aborted) end();
  });
}
