// Hierarchical timing wheel: 6 levels of 64 slots, one bitmap of occupied slots per level. It files timers under a tick and
// hands them out once that tick is reached; whether one is really due (lazy re-arm) is its owner's affair.
//
// Level L's slots are 64^L ticks wide. A timer lies at the level of the highest 6-bit digit in which its tick differs from
// `elapsed`, in the slot of that digit; so all of a level's timers lie before all of the next one's. Ticks are u64.
import { WHEEL_LEVELS, WHEEL_LINK_BYTES, WHEEL_SENTINELS, WHEEL_SLOTS, wheelBitsBase, wheelLinksBase } from '../layout';

const DIGIT_BITS: u32 = 6;
const DIGIT_MASK: u64 = 63;
/** The furthest ahead that a timer is filed, well below the 64^6 ticks that the levels cover. Later ones are filed anew then. */
const MAX_AHEAD: u64 = 1 << 35;

/** Nodes: 0 none, then the list heads, then the timers. Lists are rings, so a timer leaves without knowing its list. */
const NODE_NONE: u32 = 0;
const NODE_OPENED: u32 = WHEEL_SENTINELS - 1;

/** All filed timers lie at or after this tick, except those in the opened list. */
let elapsed: u64 = 0;

/** Makes all lists empty and starts at `tick`. Only while no timer is filed. */
export function resetWheel(tick: u64): void {
  for (let head: u32 = 1; head < WHEEL_SENTINELS; ++head) makeEmpty(head);
  elapsed = tick;
}

/** Files `timer` (below the layout's streams, not filed) under `tick`; under the earliest possible one if it has passed. */
export function fileTimer(timer: u32, tick: u64): void {
  let when = tick > elapsed ? tick : elapsed;
  if (when - elapsed > MAX_AHEAD) when = elapsed + MAX_AHEAD;
  const level = levelOf(elapsed ^ when);
  const slot = <u32>((when >> (level * DIGIT_BITS)) & DIGIT_MASK);
  const head = headOf(level, slot);
  const node = timer + WHEEL_SENTINELS;
  const last = previousOf(head);
  setNext(last, node);
  setPrevious(node, last);
  setNext(node, head);
  setPrevious(head, node);
  setOccupied(level, occupied(level) | ((<u64>1) << slot));
}

/** Takes `timer` out, if it is filed. */
export function unfileTimer(timer: u32): void {
  const node = timer + WHEEL_SENTINELS;
  const next = nextOf(node);
  if (next === NODE_NONE) return;
  const previous = previousOf(node);
  setNext(previous, next);
  setPrevious(next, previous);
  setNext(node, NODE_NONE);
  setPrevious(node, NODE_NONE);
  // Both neighbours are the list's head: the slot is empty now.
  if (next === previous && next < NODE_OPENED) {
    const slot = next - 1;
    const level = slot / WHEEL_SLOTS;
    setOccupied(level, occupied(level) & ~((<u64>1) << (slot % WHEEL_SLOTS)));
  }
}

/**
 * Takes out one timer that may be due at `target`, or answers -1 when there is none. Those it answers are filed under a tick
 * up to `target`, or in a slot that starts up to there; the owner files anew what is not due yet. Constant work.
 */
export function takeTimer(target: u64): i32 {
  if (nextOf(NODE_OPENED) === NODE_OPENED && !openSlot(target)) return -1;
  const timer = nextOf(NODE_OPENED) - WHEEL_SENTINELS;
  unfileTimer(timer);
  return timer;
}

/** Moves the earliest occupied slot's list to the opened list and time to that slot; if it starts after `target`, time to `target`. */
function openSlot(target: u64): bool {
  for (let level: u32 = 0; level < WHEEL_LEVELS; ++level) {
    const bits = occupied(level);
    if (bits === 0) continue;
    const shift = level * DIGIT_BITS;
    const position = elapsed >> shift;
    const ahead = ctz(rotr(bits, position & DIGIT_MASK));
    const start = (position + ahead) << shift;
    if (start > target) break;
    if (start > elapsed) elapsed = start;
    const slot = <u32>((position + ahead) & DIGIT_MASK);
    setOccupied(level, bits & ~((<u64>1) << slot));
    moveList(headOf(level, slot), NODE_OPENED);
    return true;
  }
  if (target > elapsed) elapsed = target;
  return false;
}

function levelOf(difference: u64): u32 {
  const level: u32 = (63 - <u32>clz(difference | DIGIT_MASK)) / DIGIT_BITS;
  return level < WHEEL_LEVELS ? level : WHEEL_LEVELS - 1;
}

function headOf(level: u32, slot: u32): u32 {
  return 1 + level * WHEEL_SLOTS + slot;
}

/** Gives a non-empty list to another, empty head. */
function moveList(from: u32, to: u32): void {
  const first = nextOf(from);
  const last = previousOf(from);
  setNext(to, first);
  setPrevious(first, to);
  setNext(last, to);
  setPrevious(to, last);
  makeEmpty(from);
}

function makeEmpty(head: u32): void {
  setNext(head, head);
  setPrevious(head, head);
}

function occupied(level: u32): u64 {
  return load<u64>(wheelBitsBase + <usize>level * 8);
}

function setOccupied(level: u32, bits: u64): void {
  store<u64>(wheelBitsBase + <usize>level * 8, bits);
}

function nextOf(node: u32): u32 {
  return load<u32>(wheelLinksBase + <usize>node * WHEEL_LINK_BYTES);
}

function previousOf(node: u32): u32 {
  return load<u32>(wheelLinksBase + <usize>node * WHEEL_LINK_BYTES, 4);
}

function setNext(node: u32, next: u32): void {
  store<u32>(wheelLinksBase + <usize>node * WHEEL_LINK_BYTES, next);
}

function setPrevious(node: u32, previous: u32): void {
  store<u32>(wheelLinksBase + <usize>node * WHEEL_LINK_BYTES, previous, 4);
}
