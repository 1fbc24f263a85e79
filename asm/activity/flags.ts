// What `observe` is told and what it answers: directions, and the bits of its verdict.

export const DIRECTION_CLIENT: u32 = 0;
export const DIRECTION_SERVER: u32 = 1;
/** Added to a direction: these bytes continue the chunk of the call before and do not count as another one. */
export const DIRECTION_CONTINUES: u32 = 2;
/** Added to the client's direction: these bytes are held back, so that no server can answer them. */
export const DIRECTION_HELD: u32 = 4;

/** A switch of a stream: input that keeps a period, as a mouse jiggler's does, does not count. */
export const POLICY_PERIODIC_INPUT: u32 = 1;
/** Another: requests count though they keep a period. */
export const POLICY_PERIODIC_REQUESTS: u32 = 2;
/** A weaker one than the first: movements of a pointer by themselves that keep a period do not count. */
export const POLICY_PERIODIC_MOVES: u32 = 4;
export const POLICY_ALL: u32 = POLICY_PERIODIC_INPUT | POLICY_PERIODIC_REQUESTS | POLICY_PERIODIC_MOVES;

/** The chunk counts as a person's activity. */
export const FLAG_ACTIVE: u32 = 1;
/** Known to be bytes without a person behind them. */
export const FLAG_CHATTER: u32 = 2;
/** Machine work that a person waits for. */
export const FLAG_WORK: u32 = 4;
/** The stream's protocol is recognised. */
export const FLAG_RECOGNISED: u32 = 8;
/** A parser lost its place in the stream. */
export const FLAG_LOST: u32 = 16;
/** The stream was idle and became active with this chunk. */
export const FLAG_ENTERED: u32 = 32;
