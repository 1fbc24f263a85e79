// Header blocks of HTTP/2, walked byte by byte: not what they say, but what makes two of them the same request. Source: RFC 7541
// (HPACK) sections 5 and 6. No table is kept: an entry of the client's is known by the number of its insertion, which never changes,
// while its index does with every entry that comes after it. Leaves frames to http2.ts.
//
// State, from `block`: u8 phase, u8 shift of the integer under way, u8 kind of field under way, u8 whether the block names an entry of
// the client's, u32 key of the block so far, u32 integer under way, u32 bytes of text left, u32 entries inserted since the connection's
// start.

import { mixPoll } from '../polls';

const PHASE: usize = 0;
const SHIFT: usize = 1;
const KIND: usize = 2;
const USES_TABLE: usize = 3;
const KEY: usize = 4;
const INTEGER: usize = 8;
const TEXT_LEFT: usize = 12;
const INSERTED: usize = 16;

const PHASE_FIELD: u8 = 0;
/** Within an index, or a table's size. */
const PHASE_INDEX: u8 = 1;
const PHASE_NAME_LENGTH: u8 = 2;
const PHASE_NAME: u8 = 3;
const PHASE_VALUE_LENGTH: u8 = 4;
const PHASE_VALUE: u8 = 5;
/** Lengths that need more than their first byte. */
const PHASE_NAME_LENGTH_MORE: u8 = 6;
const PHASE_VALUE_LENGTH_MORE: u8 = 7;

/** How many bits of a field's first byte are its index: that tells the kinds apart. Sections 6.1, 6.2.1, 6.3, 6.2.2 and 6.2.3. */
const INDEXED: u8 = 7;
const INSERTING: u8 = 6;
const TABLE_SIZE: u8 = 5;
const LITERAL: u8 = 4;
const LENGTH_BITS: u8 = 7;
/** Appendix A: what is larger names an entry of the client's, the newest first. */
const STATIC_ENTRIES: u32 = 61;
/** An integer of more bits is none that anybody sends. Section 5.1. */
const MOST_SHIFT: u8 = 28;

/** What tells an entry of the client's from a static one in a key. */
const ENTRY_KEY: u32 = 0x454e5452;

/** Prepares for a block of a connection that goes on; its key starts with `key`. */
export function openBlock(block: usize, key: u32): void {
  store<u8>(block, PHASE_FIELD, PHASE);
  store<u8>(block, 0, USES_TABLE);
  store<u32>(block, key, KEY);
}

/** Whether the block may end here: between two fields. */
export function isWholeBlock(block: usize): bool {
  return load<u8>(block, PHASE) === PHASE_FIELD;
}

/** The same for the same request. On one connection only where it `usesTable`. */
export function blockKey(block: usize): u32 {
  return load<u32>(block, KEY);
}

export function usesTable(block: usize): bool {
  return load<u8>(block, USES_TABLE) !== 0;
}

/** Reads the block's bytes from `from` to `end`; answers false where they are none of a header block. */
export function readBlock(block: usize, from: usize, end: usize): bool {
  let at = from;
  while (at < end) {
    const phase = load<u8>(block, PHASE);
    if (phase === PHASE_NAME || phase === PHASE_VALUE) {
      const taken = <u32>min<usize>(load<u32>(block, TEXT_LEFT), end - at);
      readText(block, at, taken);
      at += taken;
    } else {
      if (!readByte(block, phase, load<u8>(at))) return false;
      ++at;
    }
  }
  return true;
}

/** A byte of what stands between texts: kinds, indices, lengths. */
function readByte(block: usize, phase: u8, byte: u8): bool {
  if (phase === PHASE_FIELD) return startField(block, byte);
  if (phase === PHASE_NAME_LENGTH || phase === PHASE_VALUE_LENGTH) {
    mix(block, byte);
    if (startInteger(block, byte, LENGTH_BITS)) startText(block, phase === PHASE_NAME_LENGTH);
    else store<u8>(block, phase === PHASE_NAME_LENGTH ? PHASE_NAME_LENGTH_MORE : PHASE_VALUE_LENGTH_MORE, PHASE);
    return true;
  }
  if (!addInteger(block, byte)) return false;
  if ((byte & 0x80) !== 0) return true;
  if (phase === PHASE_INDEX) return takeIndex(block);
  mix(block, load<u32>(block, INTEGER));
  startText(block, phase === PHASE_NAME_LENGTH_MORE);
  return true;
}

function mix(block: usize, value: u32): void {
  store<u32>(block, mixPoll(load<u32>(block, KEY), value), KEY);
}

function startField(block: usize, byte: u8): bool {
  const kind = byte >= 0x80 ? INDEXED : byte >= 0x40 ? INSERTING : byte >= 0x20 ? TABLE_SIZE : LITERAL;
  store<u8>(block, kind, KIND);
  mix(block, kind);
  if (startInteger(block, byte, kind)) return takeIndex(block);
  store<u8>(block, PHASE_INDEX, PHASE);
  return true;
}

/** The field's index is whole. 0 announces a name in letters, and is an error where none can follow (section 6.1). */
function takeIndex(block: usize): bool {
  const kind = load<u8>(block, KIND);
  const index = load<u32>(block, INTEGER);
  if (kind === TABLE_SIZE) {
    mix(block, index);
    store<u8>(block, PHASE_FIELD, PHASE);
    return true;
  }
  if (!mixIndex(block, index) || (kind === INDEXED && index === 0)) return false;
  if (kind === INSERTING) store<u32>(block, load<u32>(block, INSERTED) + 1, INSERTED);
  store<u8>(block, kind === INDEXED ? PHASE_FIELD : index === 0 ? PHASE_NAME_LENGTH : PHASE_VALUE_LENGTH, PHASE);
  return true;
}

/** Answers false where the index names nothing that was ever inserted. */
function mixIndex(block: usize, index: u32): bool {
  if (index <= STATIC_ENTRIES) {
    mix(block, index);
    return true;
  }
  const inserted = load<u32>(block, INSERTED);
  const later = index - STATIC_ENTRIES - 1;
  if (later >= inserted) return false;
  store<u8>(block, 1, USES_TABLE);
  mix(block, ENTRY_KEY);
  mix(block, inserted - later);
  return true;
}

/** A text's length is whole; it may be empty. */
function startText(block: usize, isName: bool): void {
  store<u32>(block, load<u32>(block, INTEGER), TEXT_LEFT);
  store<u8>(block, isName ? PHASE_NAME : PHASE_VALUE, PHASE);
  readText(block, 0, 0);
}

function readText(block: usize, from: usize, taken: u32): void {
  let key = load<u32>(block, KEY);
  for (let index: u32 = 0; index < taken; ++index) key = mixPoll(key, load<u8>(from + index));
  store<u32>(block, key, KEY);
  const left = load<u32>(block, TEXT_LEFT) - taken;
  store<u32>(block, left, TEXT_LEFT);
  if (left === 0) store<u8>(block, load<u8>(block, PHASE) === PHASE_NAME ? PHASE_VALUE_LENGTH : PHASE_FIELD, PHASE);
}

/** An integer's first byte, of which `bits` bits are its own; answers whether it is whole. Section 5.1. */
function startInteger(block: usize, byte: u8, bits: u8): bool {
  const most = ((<u32>1) << bits) - 1;
  const value = <u32>byte & most;
  store<u32>(block, value, INTEGER);
  store<u8>(block, 0, SHIFT);
  return value !== most;
}

/** A further byte of an integer; answers whether that can be. */
function addInteger(block: usize, byte: u8): bool {
  const shift = load<u8>(block, SHIFT);
  if (shift >= MOST_SHIFT) return false;
  store<u32>(block, load<u32>(block, INTEGER) + ((<u32>(byte & 0x7f)) << shift), INTEGER);
  store<u8>(block, shift + 7, SHIFT);
  return true;
}
