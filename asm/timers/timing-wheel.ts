// Hierarchical timing wheel over any piece of zero-filled memory: 3 levels of 2,048 slots, each with a bitmap of the occupied ones. It
// files nodes under a tick and hands them out once that tick is reached; whether one is really due (lazy re-arm) is its owner's
// affair.
//
// Level L's slots are 2048^L ticks wide. A node lies at the level of the highest 11-bit digit in which its tick differs from `elapsed`,
// in the slot of that digit; so all of a level's nodes lie before all of the next one's. Ticks are u64. Levels are this wide so that a
// timer of up to 69 minutes is handled twice in its life: when it comes down from level 1, and when it is due. Where there are a
// million, each handling waits for memory; so the slots of the upper levels have 8 lists each, which are emptied in turn: while
// one node is handled, those of the other lists are on their way.
//
//   0        elapsed (u64): all filed nodes lie at or after this tick, except the opened ones
//   8        which opened lists have nodes (u32, a bit each), and whose turn it is (u32)
//   16       per level: u64 with a bit per word of its bitmap that is not 0, then the bitmap's 32 words
//   832      the opened lists' heads: what is left of the slot that is being emptied
//   896      heads of level 0, one per slot; then of levels 1 and 2, 8 per slot
//   279,424  the owner's nodes, which begin with their links: u32 next, u32 previous
//
// A link is a distance in bytes from the wheel's start, so that nodes may be of any size; 0 in a head says that its list is empty, in a
// node that it is not filed. Lists are rings: a node leaves without knowing its list.

const LEVELS: u32 = 3;
const SLOTS: u32 = 2048;
const DIGIT_BITS: u32 = 11;
const DIGIT_MASK: u64 = 2047;
/** The furthest ahead that a node is filed, well below the 2048^3 ticks that the levels cover. Later ones are filed anew then. */
const MAX_AHEAD: u64 = 1 << 32;

const OPENED_MASK: usize = 8;
const TURN: usize = 12;
const BITMAPS: u32 = 16;
const BITMAP_BYTES: u32 = 8 + SLOTS / 8;
const WORD_BITS: u32 = 64;
const LAST_WORD: u32 = 31;

const CHAINS: u32 = 8;
const LAST_CHAIN: u32 = 7;
const HEAD_BYTES: u32 = 8;
const SLOT_BYTES: u32 = CHAINS * HEAD_BYTES;
const OPENED: u32 = 832;
const HEADS: u32 = OPENED + SLOT_BYTES;
const UPPER_HEADS: u32 = HEADS + SLOTS * HEAD_BYTES;

/** Where the owner's nodes begin, as a link. */
export const WHEEL_NODES: u32 = UPPER_HEADS + (LEVELS - 1) * SLOTS * SLOT_BYTES;
/** Bytes of a node's links. */
export const WHEEL_LINK_BYTES: u32 = 8;

/** Lets time begin at `tick`. Only while no node is filed. */
export function startWheel(wheel: usize, tick: u64): void {
  store<u64>(wheel, tick);
}

/** Files a node (not filed) under `tick`; under the earliest possible one if it has passed. */
export function fileNode(wheel: usize, node: u32, tick: u64): void {
  const elapsed = load<u64>(wheel);
  let when = tick > elapsed ? tick : elapsed;
  if (when - elapsed > MAX_AHEAD) when = elapsed + MAX_AHEAD;
  const level = levelOf(elapsed ^ when);
  const slot = <u32>((when >> (level * DIGIT_BITS)) & DIGIT_MASK);
  const head =
    level === 0
      ? HEADS + slot * HEAD_BYTES
      : UPPER_HEADS + ((level - 1) * SLOTS + slot) * SLOT_BYTES + ((node >> 4) & LAST_CHAIN) * HEAD_BYTES;
  let last = previousOf(wheel, head);
  if (last === 0) {
    last = head;
    occupy(wheel, level, slot);
  }
  setNext(wheel, last, node);
  setPrevious(wheel, head, node);
  setNext(wheel, node, head);
  setPrevious(wheel, node, last);
}

/** Takes a node out, if it is filed. */
export function unfileNode(wheel: usize, node: u32): void {
  const next = nextOf(wheel, node);
  if (next === 0) return;
  const previous = previousOf(wheel, node);
  setNext(wheel, node, 0);
  if (next !== previous || next >= WHEEL_NODES) {
    setNext(wheel, previous, next);
    setPrevious(wheel, next, previous);
    return;
  }
  // Both neighbours are the list's head: the list is empty now.
  store<u64>(wheel + next, 0);
  if (next < HEADS) {
    const chain = (next - OPENED) / HEAD_BYTES;
    store<u32>(wheel, load<u32>(wheel, OPENED_MASK) & ~(1 << chain), OPENED_MASK);
  } else if (next < UPPER_HEADS) vacate(wheel, 0, (next - HEADS) / HEAD_BYTES);
  else vacateUpper(wheel, (next - UPPER_HEADS) / SLOT_BYTES);
}

/**
 * Takes out one node that may be due at `target`, or answers 0 when there is none. Those it answers were filed under a tick up to
 * `target`, or in a slot that starts up to there; the owner files anew what is not due yet. Constant work.
 */
export function takeNode(wheel: usize, target: u64): u32 {
  do {
    const opened = load<u32>(wheel, OPENED_MASK);
    if (opened !== 0) return takeOpened(wheel, opened);
    const elapsed = load<u64>(wheel);
    const ahead = aheadOf(wheel, 0, <u32>(elapsed & DIGIT_MASK));
    if (ahead !== SLOTS) {
      const start = elapsed + ahead;
      if (start > target) break;
      store<u64>(wheel, start);
      return takeEarliest(wheel, <u32>(start & DIGIT_MASK));
    }
  } while (openSlot(wheel, target));
  if (target > load<u64>(wheel)) store<u64>(wheel, target);
  return 0;
}

/** Takes the first node of a slot of level 0, which has one. */
function takeEarliest(wheel: usize, slot: u32): u32 {
  const head = HEADS + slot * HEAD_BYTES;
  const node = nextOf(wheel, head);
  if (takeFirst(wheel, head, node)) vacate(wheel, 0, slot);
  return node;
}

/** Takes the first node of the opened list whose turn it is. */
function takeOpened(wheel: usize, opened: u32): u32 {
  const turn = load<u32>(wheel, TURN);
  const chain = (turn + ctz(rotr<u32>(opened, turn))) & 31;
  store<u32>(wheel, (chain + 1) & LAST_CHAIN, TURN);
  const head = OPENED + chain * HEAD_BYTES;
  const node = nextOf(wheel, head);
  if (takeFirst(wheel, head, node)) store<u32>(wheel, opened & ~(1 << chain), OPENED_MASK);
  return node;
}

/** Takes `node`, the first of a list, out of it; answers whether the list is empty now. */
function takeFirst(wheel: usize, head: u32, node: u32): bool {
  const next = nextOf(wheel, node);
  setNext(wheel, node, 0);
  if (next === head) {
    store<u64>(wheel + head, 0);
    return true;
  }
  setNext(wheel, head, next);
  // This store also calls for the memory of the node that the list hands out next.
  setPrevious(wheel, next, head);
  return false;
}

/** Opens the earliest occupied slot above level 0 and moves time to it; false if there is none up to `target`. */
function openSlot(wheel: usize, target: u64): bool {
  const elapsed = load<u64>(wheel);
  for (let level: u32 = 1; level < LEVELS; ++level) {
    const shift = level * DIGIT_BITS;
    const position = elapsed >> shift;
    const ahead = aheadOf(wheel, level, <u32>(position & DIGIT_MASK));
    if (ahead === SLOTS) continue;
    const start = (position + ahead) << shift;
    if (start > target) return false;
    if (start > elapsed) store<u64>(wheel, start);
    const slot = <u32>((position + ahead) & DIGIT_MASK);
    vacate(wheel, level, slot);
    openLists(wheel, UPPER_HEADS + ((level - 1) * SLOTS + slot) * SLOT_BYTES);
    return true;
  }
  return false;
}

function openLists(wheel: usize, heads: u32): void {
  for (let chain: u32 = 0; chain < CHAINS; ++chain) {
    const head = heads + chain * HEAD_BYTES;
    if (nextOf(wheel, head) !== 0) openList(wheel, head, chain);
  }
}

/** Gives a list that has nodes to an opened head that has none. */
function openList(wheel: usize, head: u32, chain: u32): void {
  const first = nextOf(wheel, head);
  const last = previousOf(wheel, head);
  const opened = OPENED + chain * HEAD_BYTES;
  setNext(wheel, opened, first);
  setPrevious(wheel, opened, last);
  setPrevious(wheel, first, opened);
  setNext(wheel, last, opened);
  store<u64>(wheel + head, 0);
  store<u32>(wheel, load<u32>(wheel, OPENED_MASK) | (1 << chain), OPENED_MASK);
}

/** Slots from `position` to the next occupied one of a level, which may be `position` itself and may lie beyond the end; or SLOTS. */
function aheadOf(wheel: usize, level: u32, position: u32): u32 {
  const bitmap = wheel + BITMAPS + level * BITMAP_BYTES;
  const summary = <u32>load<u64>(bitmap);
  if (summary === 0) return SLOTS;
  const word = position / WORD_BITS;
  const bits = load<u64>(bitmap + word * 8, 8) >> (position % WORD_BITS);
  if (bits !== 0) return <u32>ctz(bits);
  // The words behind this one, around to this one again, of which only the bits before `position` are left.
  const found = (word + 1 + ctz(rotr<u32>(summary, word + 1))) & LAST_WORD;
  return (found * WORD_BITS + <u32>ctz(load<u64>(bitmap + found * 8, 8)) - position) & <u32>DIGIT_MASK;
}

function occupy(wheel: usize, level: u32, slot: u32): void {
  const bitmap = wheel + BITMAPS + level * BITMAP_BYTES;
  const word = slot / WORD_BITS;
  store<u64>(bitmap + word * 8, load<u64>(bitmap + word * 8, 8) | ((<u64>1) << (slot % WORD_BITS)), 8);
  store<u64>(bitmap, load<u64>(bitmap) | ((<u64>1) << word));
}

function vacate(wheel: usize, level: u32, slot: u32): void {
  const bitmap = wheel + BITMAPS + level * BITMAP_BYTES;
  const word = slot / WORD_BITS;
  const left = load<u64>(bitmap + word * 8, 8) & ~((<u64>1) << (slot % WORD_BITS));
  store<u64>(bitmap + word * 8, left, 8);
  if (left === 0) store<u64>(bitmap, load<u64>(bitmap) & ~((<u64>1) << word));
}

/** Clears the bit of an upper level's slot whose lists are all empty. `index`: (level - 1) * SLOTS + slot. */
function vacateUpper(wheel: usize, index: u32): void {
  const heads = wheel + UPPER_HEADS + index * SLOT_BYTES;
  for (let chain: u32 = 0; chain < CHAINS; ++chain) if (load<u64>(heads + chain * HEAD_BYTES) !== 0) return;
  vacate(wheel, 1 + index / SLOTS, index % SLOTS);
}

function levelOf(difference: u64): u32 {
  const level: u32 = (63 - <u32>clz(difference | DIGIT_MASK)) / DIGIT_BITS;
  return level < LEVELS ? level : LEVELS - 1;
}

function nextOf(wheel: usize, node: u32): u32 {
  return load<u32>(wheel + node);
}

function previousOf(wheel: usize, node: u32): u32 {
  return load<u32>(wheel + node, 4);
}

function setNext(wheel: usize, node: u32, next: u32): void {
  store<u32>(wheel + node, next);
}

function setPrevious(wheel: usize, node: u32, previous: u32): void {
  store<u32>(wheel + node, previous, 4);
}
