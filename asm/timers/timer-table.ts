// Tables of timers, any number of them, each in a buffer of the host. To touch a timer the host itself stores its new deadline into the
// timer's record: nothing is called and nothing is moved. The wheel learns of it when the timer comes up, and files it anew then (lazy
// re-arm). Streams have timers of their own (activity/streams.ts); these are for whatever else has a deadline.
//
// A table: u32 timers, u32 whether the last advance ended at its bound, u64 latest tick seen, then the wheel, whose nodes are the
// timers: links, and the deadline as a u32. 12 bytes each, and 280 KB for the wheel, of which only the slots in use are touched.
import { isLiveRange } from '../arena';
import { STATUS_BAD_ARGUMENT, STATUS_BAD_RANGE, STATUS_OK } from '../status';
import { fileNode, startWheel, takeNode, unfileNode, WHEEL_NODES } from './timing-wheel';

const MAX_TIMERS: u32 = 1 << 24;
/** The most timers that one `advanceTimers` handles. */
const MAX_EXPIRIES: u32 = 65536;
/** Time starts one wrap above zero, so that a clock that steps back cannot reach below it. */
const ORIGIN: u64 = 1 << 32;

const TIMERS: usize = 0;
const UNFINISHED: usize = 4;
const LATEST: usize = 8;
const WHEEL: usize = 16;
const TIMER_BYTES: u32 = 12;
const DEADLINE: usize = 8;

/** Bytes of a table of `timers` (1..2^24), or STATUS_BAD_ARGUMENT. */
export function tableBytes(timers: u32): i32 {
  if (timers === 0 || timers > MAX_TIMERS) return STATUS_BAD_ARGUMENT;
  return <i32>(<u32>WHEEL + WHEEL_NODES + timers * TIMER_BYTES);
}

/** Makes a live buffer of at least `tableBytes(timers)` a table in which no timer runs. */
export function initTimers(table: usize, bytes: u32, timers: u32, now: u32): i32 {
  if (!isLiveRange(table, bytes)) return STATUS_BAD_RANGE;
  const needed = tableBytes(timers);
  if (needed < 0 || bytes < <u32>needed) return STATUS_BAD_ARGUMENT;
  memory.fill(table, 0, needed);
  store<u32>(table, timers, TIMERS);
  store<u64>(table, ORIGIN + now, LATEST);
  startWheel(table + WHEEL, ORIGIN + now);
  return STATUS_OK;
}

/** Starts a timer, or starts it anew, whatever its deadline was. `deadline`: up to 2^31-1 ticks after `now`. */
export function startTimer(table: usize, timer: u32, deadline: u32, now: u32): i32 {
  if (!isTable(table)) return STATUS_BAD_RANGE;
  const delay = deadline - now;
  if (timer >= load<u32>(table, TIMERS) || <i32>delay < 0) return STATUS_BAD_ARGUMENT;
  const node = nodeOf(timer);
  unfileNode(table + WHEEL, node);
  store<u32>(table + WHEEL + node, deadline, DEADLINE);
  fileNode(table + WHEEL, node, widenIn(table, now) + delay);
  return STATUS_OK;
}

/** Stops a timer; one that does not run stays as it is. */
export function stopTimer(table: usize, timer: u32): i32 {
  if (!isTable(table)) return STATUS_BAD_RANGE;
  if (timer >= load<u32>(table, TIMERS)) return STATUS_BAD_ARGUMENT;
  unfileNode(table + WHEEL, nodeOf(timer));
  return STATUS_OK;
}

/**
 * Where timer 0's deadline lies, a u32; each further timer's lies TIMER_BYTES behind. To touch a timer that runs, the host stores a
 * deadline there that is no earlier than the one before. Valid as long as the table. 0 where there is no table.
 */
export function timerDeadlines(table: usize): usize {
  return isTable(table) ? table + WHEEL + WHEEL_NODES + DEADLINE : 0;
}

/**
 * Moves time on to `now` and writes the numbers of the timers that expired to `out`, 4 bytes each; answers how many. They run no more.
 * Never early; each once. It handles at most `max` (1..MAX_EXPIRIES) timers, due or not: while `timersPending` answers 1 there may be
 * more, so call again with the same `now`.
 */
export function advanceTimers(table: usize, now: u32, out: usize, max: u32): i32 {
  if (!isTable(table)) return STATUS_BAD_RANGE;
  if (max === 0 || max > MAX_EXPIRIES) return STATUS_BAD_ARGUMENT;
  if (!isLiveRange(out, max * 4)) return STATUS_BAD_RANGE;
  const wheel = table + WHEEL;
  const tick = widenIn(table, now);
  let next = out;
  for (let left = max; left !== 0; --left) {
    const node = takeNode(wheel, tick);
    if (node === 0) {
      store<u32>(table, 0, UNFINISHED);
      return <i32>((next - out) >> 2);
    }
    const ahead = <i32>(load<u32>(wheel + node, DEADLINE) - now);
    if (ahead > 0) {
      fileNode(wheel, node, tick + ahead);
    } else {
      store<u32>(next, (node - WHEEL_NODES) / TIMER_BYTES);
      next += 4;
    }
  }
  store<u32>(table, 1, UNFINISHED);
  return <i32>((next - out) >> 2);
}

/** 1 where the table's last `advanceTimers` ended at its bound of work, so that timers may be due that it did not report. */
export function timersPending(table: usize): u32 {
  return isTable(table) ? load<u32>(table, UNFINISHED) : 0;
}

/** Whether `table` is a live buffer whose header can be believed as far as memory goes. */
function isTable(table: usize): bool {
  if (!isLiveRange(table, <u32>WHEEL)) return false;
  const bytes = tableBytes(load<u32>(table, TIMERS));
  return bytes > 0 && isLiveRange(table, bytes);
}

function nodeOf(timer: u32): u32 {
  return WHEEL_NODES + timer * TIMER_BYTES;
}

/** The wide tick meant by `now`: of all ticks with these low 32 bits the one nearest to the latest seen. */
function widenIn(table: usize, now: u32): u64 {
  const latest = load<u64>(table, LATEST);
  const step = <i64>(<i32>(now - <u32>latest));
  const tick = latest + step;
  if (step > 0) store<u64>(table, tick, LATEST);
  return tick;
}
