// The verdict on the chunk under way: what its messages add up to. One chunk may hold a poll and a key: then the key decides.
import { DIRECTION_HELD, FLAG_ACTIVE, FLAG_CHATTER, FLAG_WORK } from './flags';
import { REASON_INPUT, REASON_PROTOCOL, REASON_WORK } from './reasons';

export let verdictFlags: u32 = 0;
export let verdictReason: u32 = 0;
/** Size of the packet that decided, how often its like was seen, and its period; 0 where that means nothing. */
export let verdictSize: u32 = 0;
export let verdictSeen: u32 = 0;
export let verdictPeriod: u32 = 0;

/** Whether anything counted but a pointer's movements. */
let gaveOther: bool = false;

/** Whether anything counted since `watchActive`. */
export let gaveActive: bool = false;

export function watchActive(): void {
  gaveActive = false;
}

/** Whether the chunk is held back, so that nothing answers it. */
export let isChunkHeld: bool = false;

/** A new chunk comes, of `direction`. */
export function clearVerdict(direction: u32): void {
  isChunkHeld = (direction & DIRECTION_HELD) !== 0;
  verdictFlags = 0;
  gaveOther = false;
  verdictReason = 0;
  verdictSize = 0;
  verdictSeen = 0;
  verdictPeriod = 0;
}

/** Part of the chunk is a person's doing, or may be. The first such part gives the reason. */
export function giveActive(reason: u32, size: u32): void {
  if ((verdictFlags & FLAG_ACTIVE) === 0) note(reason, size, 0, 0);
  verdictFlags |= FLAG_ACTIVE;
  gaveActive = true;
  gaveOther = true;
}

/** Part of the chunk moves a pointer, with no button held: a person's doing, if it is not a program's. */
export function giveMove(size: u32): void {
  const gaveOtherBefore = gaveOther;
  giveActive(REASON_INPUT, size);
  gaveOther = gaveOtherBefore;
}

/** Whether the chunk counts for a message of input, and for nothing else. */
export function isInputAlone(): bool {
  return (verdictFlags & (FLAG_ACTIVE | FLAG_WORK)) === FLAG_ACTIVE && verdictReason === REASON_INPUT;
}

/** Whether the chunk counts for a pointer's movements, and for nothing else. */
export function isMoveAlone(): bool {
  return (verdictFlags & FLAG_ACTIVE) !== 0 && !gaveOther;
}

/** What counted so far is explained after all. */
export function takeBack(): void {
  verdictFlags &= ~FLAG_ACTIVE;
}

/** Part of the chunk is machine work that a person waits for. */
export function giveWork(size: u32): void {
  giveActive(REASON_WORK, size);
  verdictFlags |= FLAG_WORK;
}

/** Part of the chunk is explained without a person. */
export function giveChatter(reason: u32, size: u32, seen: u32, periodMs: u32): void {
  if ((verdictFlags & FLAG_ACTIVE) === 0) note(reason, size, seen, periodMs);
  verdictFlags |= FLAG_CHATTER;
}

/** Part of the chunk is chatter by the protocol's own rules. */
export function giveProtocol(size: u32): void {
  giveChatter(REASON_PROTOCOL, size, 0, 0);
}

function note(reason: u32, size: u32, seen: u32, periodMs: u32): void {
  verdictReason = reason;
  verdictSize = size;
  verdictSeen = seen;
  verdictPeriod = periodMs;
}
