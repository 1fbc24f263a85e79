// The streams: slots, handles, and their life from open to release. Leaves counting to tally.ts, judging to detector.ts, and the
// finding of deadlines that have passed to the wheel.
//
//            observe: activity                 stream_close            advance: reported
//   open -> ACTIVE <-------------- IDLE       ACTIVE -> CLOSING_ACTIVE ------------------> CLOSED
//             +--- advance: reported --^      IDLE   -> CLOSING_IDLE -------- at once ---------^      release: from any
import { isLiveRange } from '../arena';
import { ensureLayout, maxStreams, STREAM_BYTES, streamsBase } from '../layout';
import {
  STATUS_BAD_ARGUMENT,
  STATUS_BAD_RANGE,
  STATUS_NO_MEMORY,
  STATUS_OK,
  STATUS_STREAM_UNKNOWN,
  STATUS_STREAMS_EXHAUSTED,
} from '../status';
import { restart, widen } from '../timers/clock';
import { fileTimer, resetWheel, takeTimer, unfileTimer } from '../timers/wheel';
import { judgeChunk, openDetector, setPolicy } from './detector';
import { FLAG_ACTIVE, FLAG_ENTERED, POLICY_ALL } from './flags';
import { PROTOCOL_HINTS } from './protocols';
import { BITS, PERIOD, PERIOD_MASK, PROTOCOL, REASON, SEEN, SIZE } from './state';
import { countChunk, countedBytes, isDirection, TALLY_BYTES } from './tally';

/** The longest delay of a stream, so that a deadline and the time before it differ by less than half the range of u32. */
const MAX_DELAY_TICKS: u32 = 0x7fffffff;
/** The most timers that one `advance` handles. */
const MAX_EXPIRIES: u32 = 65536;

/** A handle is generation * 2^16 + slot, with a generation of 1..32767: positive, and never 0. */
const INDEX_BITS: u32 = 16;
const INDEX_MASK: u32 = 0xffff;
const MAX_GENERATION: u32 = 0x7fff;

// A stream's record: u32 generation, u32 state, u64 deadline (wide ticks), u32 idle timeout, u32 next free slot + 1,
// 8 bytes unused, then the tally, then the detector (state.ts).
const STATE: usize = 4;
const DEADLINE: usize = 8;
const IDLE_TIMEOUT: usize = 16;
const NEXT_FREE: usize = 20;
const TALLY: usize = 32;
const DETECTOR: usize = 64;
/** What `readVerdict` writes. */
const VERDICT_BYTES: u32 = 12;

const STATE_FREE: u32 = 0;
const STATE_ACTIVE: u32 = 1;
const STATE_IDLE: u32 = 2;
/** Closed, and in its grace. */
const STATE_CLOSING_ACTIVE: u32 = 3;
/** Closed while idle, and not reported yet. */
const STATE_CLOSING_IDLE: u32 = 4;
/** Closed and reported. */
const STATE_CLOSED: u32 = 5;

/** Slots from here on were never used. Those given back wait in a queue, oldest first, until all have been used once. */
let freshSlots: u32 = 0;
let firstFree: u32 = 0;
let lastFree: u32 = 0;
let openStreams: u32 = 0;
/** Whether the last `advance` ended at its bound of work. */
let unfinished: u32 = 0;

/**
 * Opens a stream: active from `now`, with its deadline `idleTimeoutTicks` later. `hint`: the protocol as a number of protocols.ts;
 * `port`: the target's, 0 where it says nothing; `family`: what streams of one client share, 0 for none. Answers its handle, or
 * STATUS_STREAMS_EXHAUSTED, STATUS_BAD_ARGUMENT, STATUS_NO_MEMORY.
 */
export function openStream(idleTimeoutTicks: u32, now: u32, hint: u32, port: u32, family: u32): i32 {
  if (idleTimeoutTicks > MAX_DELAY_TICKS || hint >= PROTOCOL_HINTS) return STATUS_BAD_ARGUMENT;
  if (!ensureLayout()) return STATUS_NO_MEMORY;
  const index = takeSlot();
  if (index < 0) return STATUS_STREAMS_EXHAUSTED;
  const tick = openStreams === 0 ? restart(now) : widen(now);
  if (openStreams === 0) resetWheel(tick);
  ++openStreams;
  const record = recordOf(index);
  store<u32>(record, STATE_ACTIVE, STATE);
  store<u64>(record, tick + idleTimeoutTicks, DEADLINE);
  store<u32>(record, idleTimeoutTicks, IDLE_TIMEOUT);
  fileTimer(index, tick + idleTimeoutTicks);
  openDetector(record + DETECTOR, hint, port, family === 0 ? handleOf(index) : family);
  return handleOf(index);
}

/**
 * The client connection is over: an active stream is reported at `now` + `graceTicks`, whatever its deadline was; an idle
 * one by the next `advance`. Closing twice changes nothing.
 */
export function closeStream(stream: i32, graceTicks: u32, now: u32): i32 {
  if (graceTicks > MAX_DELAY_TICKS) return STATUS_BAD_ARGUMENT;
  const record = findStream(stream);
  if (record === 0) return STATUS_STREAM_UNKNOWN;
  const state = load<u32>(record, STATE);
  const tick = widen(now);
  if (state === STATE_ACTIVE) {
    rearm(record, indexOf(stream), STATE_CLOSING_ACTIVE, tick + graceTicks);
  } else if (state === STATE_IDLE) {
    rearm(record, indexOf(stream), STATE_CLOSING_IDLE, tick);
  }
  return STATUS_OK;
}

/** Forgets a stream in whatever state: it is not reported any more, its record is wiped, its handle is stale. */
export function releaseStream(stream: i32): i32 {
  const record = findStream(stream);
  if (record === 0) return STATUS_STREAM_UNKNOWN;
  const index = indexOf(stream);
  unfileTimer(index);
  const generation = load<u32>(record);
  memory.fill(record, 0, STREAM_BYTES);
  store<u32>(record, generation === MAX_GENERATION ? 1 : generation + 1);
  --openStreams;
  if (lastFree === 0) firstFree = index + 1;
  else store<u32>(recordOf(lastFree - 1), index + 1, NEXT_FREE);
  lastFree = index + 1;
  return STATUS_OK;
}

/** 1 while the stream counts as active (its grace included), 0 after it was reported. */
export function isActive(stream: i32): i32 {
  const record = findStream(stream);
  if (record === 0) return STATUS_STREAM_UNKNOWN;
  const state = load<u32>(record, STATE);
  return state === STATE_ACTIVE || state === STATE_CLOSING_ACTIVE ? 1 : 0;
}

/** The tick at which the stream goes idle if nothing comes, or at which it went: 0..2^32-1, or a negative status. */
export function readDeadline(stream: i32): i64 {
  const record = findStream(stream);
  if (record === 0) return STATUS_STREAM_UNKNOWN;
  return load<u64>(record, DEADLINE) & 0xffffffff;
}

/** Writes the tally (TALLY_BYTES, see tally.ts) to `out`; answers its bytes. */
export function readTally(stream: i32, out: usize): i32 {
  const record = findStream(stream);
  if (record === 0) return STATUS_STREAM_UNKNOWN;
  if (!isLiveRange(out, TALLY_BYTES)) return STATUS_BAD_RANGE;
  memory.copy(out, record + TALLY, TALLY_BYTES);
  return TALLY_BYTES;
}

/**
 * Writes what the stream was told to be and why its client's last chunk was judged as it was, VERDICT_BYTES to `out`: u8 protocol,
 * u8 reason, u8 bits (state.ts), u8 zero, u16 packet size, u16 seen, u32 period in ticks. Answers VERDICT_BYTES.
 */
export function readVerdict(stream: i32, out: usize): i32 {
  const record = findStream(stream);
  if (record === 0) return STATUS_STREAM_UNKNOWN;
  if (!isLiveRange(out, VERDICT_BYTES)) return STATUS_BAD_RANGE;
  const detector = record + DETECTOR;
  store<u8>(out, load<u8>(detector, PROTOCOL));
  store<u8>(out, load<u8>(detector, REASON), 1);
  store<u8>(out, load<u8>(detector, BITS), 2);
  store<u8>(out, 0, 3);
  store<u16>(out, load<u16>(detector, SIZE), 4);
  store<u16>(out, load<u8>(detector, SEEN), 6);
  store<u32>(out, load<u32>(detector, PERIOD) & PERIOD_MASK, 8);
  return VERDICT_BYTES;
}

/** What the stream's owner decides where bytes alone cannot tell: POLICY_ bits of flags.ts, none at first. */
export function policyStream(stream: i32, switches: u32): i32 {
  const record = findStream(stream);
  if (record === 0) return STATUS_STREAM_UNKNOWN;
  if (switches > POLICY_ALL) return STATUS_BAD_ARGUMENT;
  setPolicy(record + DETECTOR, switches);
  return STATUS_OK;
}

/** Another idle timeout, counted from the stream's last activity: an active one goes idle at `now` at the earliest. */
export function timeoutStream(stream: i32, idleTimeoutTicks: u32, now: u32): i32 {
  const record = findStream(stream);
  if (record === 0) return STATUS_STREAM_UNKNOWN;
  if (idleTimeoutTicks > MAX_DELAY_TICKS) return STATUS_BAD_ARGUMENT;
  const activeTick = load<u64>(record, DEADLINE) - load<u32>(record, IDLE_TIMEOUT);
  store<u32>(record, idleTimeoutTicks, IDLE_TIMEOUT);
  if (load<u32>(record, STATE) !== STATE_ACTIVE) return STATUS_OK;
  rearm(record, indexOf(stream), STATE_ACTIVE, max<u64>(widen(now), activeTick + idleTimeoutTicks));
  return STATUS_OK;
}

/** Activity of which the stream's bytes say nothing: the deadline moves as if some had. Answers 1 where it was idle, else 0. */
export function touchStream(stream: i32, now: u32): i32 {
  const record = findStream(stream);
  if (record === 0) return STATUS_STREAM_UNKNOWN;
  const state = load<u32>(record, STATE);
  if (state > STATE_IDLE) return 0;
  return touch(record, indexOf(stream), widen(now)) ? 1 : 0;
}

/**
 * Takes note of one chunk: counts it, judges it, and moves the deadline if it is activity. Answers FLAG_ bits, or a negative
 * status. A touch is one store: the wheel learns of the new deadline when the old one comes up. The chunk of a closed stream is
 * counted and answers 0. The chunk is left as it was: it may lie where it is sent on from.
 */
export function observe(stream: i32, direction: u32, chunk: usize, bytes: u32, now: u32): i32 {
  const record = findStream(stream);
  if (record === 0) return STATUS_STREAM_UNKNOWN;
  if (!isDirection(direction)) return STATUS_BAD_ARGUMENT;
  if (!isLiveRange(chunk, bytes)) return STATUS_BAD_RANGE;
  if (bytes === 0) return 0;
  const before = countedBytes(record + TALLY, direction);
  countChunk(record + TALLY, direction, bytes);
  const state = load<u32>(record, STATE);
  if (state > STATE_IDLE) return 0;
  const flags = judgeChunk(record + DETECTOR, <u32>stream, direction, before, chunk, bytes, now);
  if ((flags & FLAG_ACTIVE) === 0) return flags;
  return touch(record, indexOf(stream), widen(now)) ? flags | FLAG_ENTERED : flags;
}

/**
 * Moves time on to `now` and writes the handles of streams whose deadline it reached to `out`, 4 bytes each; answers how
 * many. Never early; each stream once. It handles at most `max` (1..MAX_EXPIRIES) timers, due or not: while `advancePending` answers
 * 1 there may be more, so call again with the same `now`.
 */
export function advance(now: u32, out: usize, max: u32): i32 {
  if (max === 0 || max > MAX_EXPIRIES) return STATUS_BAD_ARGUMENT;
  if (!isLiveRange(out, max * 4)) return STATUS_BAD_RANGE;
  unfinished = 0;
  if (openStreams === 0) return 0;
  const tick = widen(now);
  let count: u32 = 0;
  for (let handled: u32 = 0; handled < max; ++handled) {
    const timer = takeTimer(tick);
    if (timer < 0) return count;
    const record = recordOf(timer);
    const deadline = load<u64>(record, DEADLINE);
    if (deadline > tick) {
      fileTimer(timer, deadline);
    } else {
      store<u32>(record, load<u32>(record, STATE) === STATE_ACTIVE ? STATE_IDLE : STATE_CLOSED, STATE);
      store<u32>(out + <usize>count * 4, handleOf(timer));
      ++count;
    }
  }
  unfinished = 1;
  return count;
}

/** 1 where the last `advance` ended at its bound of work, so that streams may be due that it did not report. */
export function advancePending(): u32 {
  return unfinished;
}

/** Moves an open stream's deadline, and answers whether it was idle. */
function touch(record: usize, index: u32, tick: u64): bool {
  const deadline = tick + load<u32>(record, IDLE_TIMEOUT);
  if (load<u32>(record, STATE) === STATE_IDLE) {
    rearm(record, index, STATE_ACTIVE, deadline);
    return true;
  }
  // A clock that steps back never shortens an active stream's time.
  if (deadline > load<u64>(record, DEADLINE)) store<u64>(record, deadline, DEADLINE);
  return false;
}

/** Gives a stream a state and a deadline, which may be earlier than the one it had. */
function rearm(record: usize, index: u32, state: u32, deadline: u64): void {
  store<u32>(record, state, STATE);
  store<u64>(record, deadline, DEADLINE);
  unfileTimer(index);
  fileTimer(index, deadline);
}

/** A slot's index, or -1 where all are taken. Its state is still STATE_FREE. */
function takeSlot(): i32 {
  if (freshSlots < maxStreams) {
    store<u32>(recordOf(freshSlots), 1);
    return freshSlots++;
  }
  if (firstFree === 0) return -1;
  const index = firstFree - 1;
  firstFree = load<u32>(recordOf(index), NEXT_FREE);
  if (firstFree === 0) lastFree = 0;
  store<u32>(recordOf(index), 0, NEXT_FREE);
  return index;
}

/** The record of the stream that `stream` names, or 0 where it is stale or was never given out. */
function findStream(stream: i32): usize {
  const index = indexOf(stream);
  if (index >= maxStreams) return 0;
  const record = recordOf(index);
  return load<u32>(record, STATE) !== STATE_FREE && load<u32>(record) === <u32>stream >> INDEX_BITS ? record : 0;
}

function handleOf(index: u32): u32 {
  return (load<u32>(recordOf(index)) << INDEX_BITS) | index;
}

function indexOf(stream: i32): u32 {
  return <u32>stream & INDEX_MASK;
}

function recordOf(index: u32): usize {
  return streamsBase + <usize>index * STREAM_BYTES;
}
