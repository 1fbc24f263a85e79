// What the learner's evidence has to reach: the numbers that a cross-validation varies. All bits are base-2 logarithms of how rare
// it is that a person's packet looks like this by chance; all times are ticks. Leaves what is counted to the evidence files.

/** At so many bits a timer or a reply is explained. */
export const ENOUGH_BITS: u32 = 12;
/** The same for replies in SSH, where an echo takes back what was wrongly ignored. */
export const ENOUGH_ECHOED_BITS: u32 = 8;
/** Evidence is kept up to here, so that it can be lost again. */
export const MOST_BITS: u32 = 48;
/** What one reply can add, however rare the server's bytes are. */
export const MOST_BITS_AT_ONCE: u32 = 8;
/** What a packet outside the replies' window takes, and one just outside. */
export const BITS_LOST_BY_STRAY: u32 = 2;
export const BITS_LOST_NEARBY: u32 = 1;
/** Least half width of a reply's window, and the part of the round trip that is added: long ways vary more. */
export const LEAST_HALF_TICKS: u32 = 6;
export const HALF_PART: u32 = 6;
/** With so many bits a reply may be late: a key in its place makes it one too many. */
export const SURE_BITS: u32 = 24;
/** A reply comes a round trip after the server's bytes, and up to so much later: what a client takes to draw a picture. */
export const CLIENT_WORK_TICKS: u32 = 60;
/** The same where nothing is drawn: an SSH client answers a question at once. */
export const PROMPT_TICKS: u32 = 20;
/** The server's bytes so soon after the client's may be their answer. */
export const ANSWER_TICKS: u32 = 30;
/** An echo comes within so many ticks of its key, but where the server speaks often, within this part of its usual silence. */
export const ECHO_TICKS: u32 = 400;
export const LEAST_ECHO_TICKS: u32 = 3;
export const ECHO_PART: u32 = 32;
/** A packet that comes so long after the client's last one is not part of somebody's typing. */
export const ALONE_TICKS: u32 = 3500;
/** An interval that agrees with a period by chance is about as rare as 2 * tolerance / period = 1 / 75. */
export const BEAT_BITS: u32 = 6;
/** What packets of one kind that come closer to each other than this say nothing about timers: somebody is using them. */
export const USE_TICKS: u32 = 1500;
