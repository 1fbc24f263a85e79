// The thread in which a calendar is expanded, once: rules that never come true keep the library searching for ever, which must not be
// the main thread's time. Whoever started it ends it.
import { parentPort, workerData } from 'node:worker_threads';
import { errorText } from '../platform/errors.ts';
import { zoneOffset } from '../zone-offset.ts';
import type { CalendarSpan, Expanded } from './expand-in-thread.ts';
import { readCalendar } from './read-calendar.ts';

const port = parentPort;
if (port === null) throw new Error('calendar-thread.ts runs as a worker thread only');
const { text, span } = workerData as { readonly text: string; readonly span: CalendarSpan };
port.postMessage(expand());

function expand(): Expanded {
  try {
    return { times: readCalendar(text, { ...span, offsetOf: (zone) => zoneOffset(zone ?? undefined) }) };
  } catch (thrown) {
    return { problem: errorText(thrown) };
  }
}
