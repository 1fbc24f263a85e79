// What a refused call answers: negative, stable numbers. Zero and above is a result.

export const STATUS_OK: i32 = 0;
/** A number is outside its documented bounds, or source and destination overlap. */
export const STATUS_BAD_ARGUMENT: i32 = -1;
/** A pointer and length that do not lie within one live buffer. */
export const STATUS_BAD_RANGE: i32 = -2;
/** The host did not grant the memory that the layout needs. */
export const STATUS_NO_MEMORY: i32 = -3;
/** `init` after a layout exists. */
export const STATUS_ALREADY_LAID_OUT: i32 = -4;
/** `buffer_free` of something that is not a live buffer's start. */
export const STATUS_NOT_A_BUFFER: i32 = -5;
/** Every stream slot is taken. */
export const STATUS_STREAMS_EXHAUSTED: i32 = -6;
/** The handle is stale or was never given out. */
export const STATUS_STREAM_UNKNOWN: i32 = -7;
/** More bytes than LZ4_MAX_INPUT_BYTES. */
export const STATUS_LZ4_INPUT_TOO_LARGE: i32 = -16;
/** The result does not fit into the destination. */
export const STATUS_LZ4_OUTPUT_TOO_SMALL: i32 = -17;
/** The block ends inside a sequence, or a length runs past its end. */
export const STATUS_LZ4_TRUNCATED: i32 = -18;
/** A match with offset 0, or one that reaches before the first output byte. */
export const STATUS_LZ4_BAD_OFFSET: i32 = -19;
