// The numbers of the LZ4 block format. Source: LZ4 Block Format Description (lz4_Block_format.md), section by section.

/** "Match length: minimum is 4", so a match length field of 0 means 4. */
export const MIN_MATCH: u32 = 4;
/** A token's high 4 bits: literals; low 4 bits: match length - 4. 15 means that length bytes follow. */
export const RUN_MASK: u32 = 15;
/** "Offset: 2 bytes, little endian"; 0 is invalid. */
export const MAX_OFFSET: u32 = 65535;
/** End of block 2: "the last 5 bytes of input are always literals". No match may reach into them. */
export const LAST_LITERALS: u32 = 5;
/** End of block 3: "the last match must start at least 12 bytes before the end of block". */
export const LAST_MATCH_DISTANCE: u32 = 12;
/** Consequence of both: shorter input holds no match that may be used. */
export const MIN_COMPRESSIBLE: u32 = LAST_MATCH_DISTANCE + 1;
/** The largest input, LZ4_MAX_INPUT_SIZE of the reference implementation: its bound still fits into 31 bits. */
export const MAX_INPUT_BYTES: u32 = 0x7e000000;
