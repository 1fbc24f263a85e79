// The process in which a calendar is expanded, once: rules that never come true keep the library searching for ever, and some of them
// until memory runs out, which ends a process with all its threads. It ends by itself, also where its parent is gone.
import { createContext, runInContext } from 'node:vm';
import { errorText } from '../platform/errors.ts';
import { zoneOffset } from '../zone-offset.ts';
import type { Expanded, ExpandTask } from './expand-in-process.ts';
import { type BusyTime, readCalendar } from './read-calendar.ts';

process.once('message', (task: ExpandTask) => process.send?.(expand(task), () => process.disconnect()));

function expand({ text, span, timeoutMs }: ExpandTask): Expanded {
  const { timeZone, ...rules } = span;
  const read = () => readCalendar(text, { ...rules, offsetOf: (zone) => zoneOffset(zone ?? timeZone) });
  try {
    // Node's only bound on what does not come back.
    return { times: runInContext('read()', createContext({ read }), { timeout: timeoutMs }) as BusyTime[] };
  } catch (thrown) {
    return { problem: errorText(thrown) };
  }
}
