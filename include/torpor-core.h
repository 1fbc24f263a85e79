// The stream core's interface for C: every export of torpor-core.wasm and torpor-core.scalar.wasm, with its units, its statuses
// and who owns what. How a module is loaded, and how these prototypes are bound to it, is the host's affair:
// torpor-core-wasm2c.c binds them to what wasm2c makes. docs/embedding.md is the guide.
//
// One `struct torpor_core` is one instance of the module: its own memory, its own streams, no thread of its own, no lock. Calls into
// one instance must not run at the same time; instances know nothing of each other. No call waits, allocates outside the
// instance's memory, calls back or reads a clock. None traps, whatever the arguments: wrong ones are answered by a status.
//
// Memory. A `torpor_ptr` is an offset into the instance's memory, which the host reaches at `torpor_memory`. Bytes go in and out
// through buffers of `torpor_buffer_alloc`; a range handed to a call (pointer and bytes) must lie within one live buffer, else the
// answer is TORPOR_BAD_RANGE. An empty range may have any pointer. The caller owns a buffer until `torpor_buffer_free`; the core
// keeps no pointer beyond a call, except that state lies where its `_init` was told, and the host leaves those bytes alone.
//
// Time. `now` is in ticks of `torpor_abi_tick_ms` milliseconds, a u32 that may wrap, of any clock that moves forward. Two
// successive calls may be at most 2^31-1 ticks apart. A `now` that steps back expires nothing early.
//
// Results. Negative is a TORPOR_ status, zero and above a result. A `torpor_ptr` result is 0 for "none". Multi-byte numbers in
// memory are little-endian.
#ifndef TORPOR_CORE_H
#define TORPOR_CORE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The interface this header describes. Refuse a module that answers another number: names, parameters, statuses or flags differ.
#define TORPOR_ABI_VERSION 3

struct torpor_core;
typedef uint32_t torpor_ptr;
// A stream's handle: positive, never given out twice in a row.
typedef uint32_t torpor_stream;

// ------------------------------------------------------------------------------------------------ statuses

#define TORPOR_OK 0
// A number is outside its documented bounds, or source and destination overlap.
#define TORPOR_BAD_ARGUMENT (-1)
// A pointer and length that do not lie within one live buffer.
#define TORPOR_BAD_RANGE (-2)
// The memory that the layout needs was not granted.
#define TORPOR_NO_MEMORY (-3)
// `torpor_init` after a layout exists.
#define TORPOR_ALREADY_LAID_OUT (-4)
// `torpor_buffer_free` of something that is not a live buffer's start.
#define TORPOR_NOT_A_BUFFER (-5)
// Every stream slot is taken: release streams, or lay out more.
#define TORPOR_STREAMS_EXHAUSTED (-6)
// The handle is stale or was never given out.
#define TORPOR_STREAM_UNKNOWN (-7)
// More bytes than the LZ4 block format's limit of 2,113,929,216.
#define TORPOR_LZ4_INPUT_TOO_LARGE (-16)
// The result does not fit into the destination.
#define TORPOR_LZ4_OUTPUT_TOO_SMALL (-17)
// The block ends inside a sequence, or a length runs past its end.
#define TORPOR_LZ4_TRUNCATED (-18)
// A match with offset 0, or one that reaches before the first output byte.
#define TORPOR_LZ4_BAD_OFFSET (-19)

// ------------------------------------------------------------------------------------------------ version, layout, memory

// The version of the interface; compare with TORPOR_ABI_VERSION before anything else.
uint32_t torpor_abi_version(struct torpor_core *core);

// Length of one tick in milliseconds.
uint32_t torpor_abi_tick_ms(struct torpor_core *core);

// Lays out the memory for `max_streams` (1..65,536) stream slots and `heap_bytes` (1..2^30, rounded up to 256) of buffers. Once,
// and before anything was opened or allocated; without it the first such call lays out 16,384 streams and 56 MiB. The memory
// grows here and never again, so a pointer into it stays good afterwards. Takes 200 bytes per stream, 280 KB, and 4 per 256 bytes of heap
// beside the heap itself; the module starts with 64 MiB. TORPOR_BAD_ARGUMENT, TORPOR_ALREADY_LAID_OUT, TORPOR_NO_MEMORY.
int32_t torpor_init(struct torpor_core *core, uint32_t max_streams, uint32_t heap_bytes);

// Stream slots of the layout; 0 before there is one.
uint32_t torpor_stream_capacity(struct torpor_core *core);

// Bytes of the layout that buffers share; 0 before there is one.
uint32_t torpor_heap_capacity(struct torpor_core *core);

// A zero-filled buffer, aligned to 256 bytes, or 0 where no free range is large enough. 0 bytes make a valid buffer.
torpor_ptr torpor_buffer_alloc(struct torpor_core *core, uint32_t bytes);

// Wipes a buffer and gives it back. TORPOR_NOT_A_BUFFER: freed before, never allocated, or inside a buffer.
int32_t torpor_buffer_free(struct torpor_core *core, torpor_ptr buffer);

// ------------------------------------------------------------------------------------------------ LZ4 blocks

// The most bytes to which `bytes` can compress: bytes + bytes / 255 + 16. TORPOR_LZ4_INPUT_TOO_LARGE.
int32_t torpor_lz4_compress_bound(struct torpor_core *core, uint32_t bytes);

// Compresses into one LZ4 block; answers its bytes. Source and destination must not overlap. What the destination holds beyond
// the answered bytes, or after a refusal, is unspecified, up to `capacity_bytes`, and nothing beyond is touched.
// TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT, TORPOR_LZ4_INPUT_TOO_LARGE, TORPOR_LZ4_OUTPUT_TOO_SMALL.
int32_t torpor_lz4_compress_block(struct torpor_core *core, torpor_ptr src, uint32_t src_bytes, torpor_ptr dst,
                                  uint32_t capacity_bytes);

// Restores one LZ4 block, from whoever; answers its bytes. Safe on any input. Takes blocks whose last literals are fewer than an
// encoder has to leave. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT, TORPOR_LZ4_OUTPUT_TOO_SMALL, TORPOR_LZ4_TRUNCATED,
// TORPOR_LZ4_BAD_OFFSET.
int32_t torpor_lz4_decompress_block(struct torpor_core *core, torpor_ptr src, uint32_t src_bytes, torpor_ptr dst,
                                    uint32_t capacity_bytes);

// ------------------------------------------------------------------------------------------------ linked LZ4 blocks

// Makes a live buffer, from its start, one direction of one stream of linked blocks: an encoder (`encodes` 1) or a decoder (0).
// It holds `state_bytes` less 32 and an encoder's table of the stream's bytes; when they are full all but the last
// `window_bytes` (256..65,536) are dropped. The table takes 512 bytes, doubled while `state_bytes` is above 4.5 times of it, 16,384 at most.
// Sizes that fit each other, encoder, decoder, window, largest block that leaves the window whole: 18,432, 14,336, 8,192, 6,112;
// 36,864, 28,672, 16,384, 12,256; 73,728, 57,344, 32,768, 24,544. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT.
//
// An encoder reaches back over all that it holds (over `window_bytes` where that is more than 64 KiB). Its decoder is in step if it
// holds as much, drops as much, and is told each block's exact size. A decoder that holds 65,536 bytes beside the largest block,
// with a window of 65,536, follows any encoder.
int32_t torpor_lz4_link_init(struct torpor_core *core, torpor_ptr state, uint32_t state_bytes, uint32_t window_bytes,
                             uint32_t encodes);

// Makes a live buffer a link that goes on where another stands, larger or smaller; both ends do so between the same two blocks.
// The other one stays as it is, to be freed by the host. Encoders: up to 65,536 bytes held. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT.
int32_t torpor_lz4_link_move(struct torpor_core *core, torpor_ptr state, torpor_ptr to, uint32_t to_bytes,
                             uint32_t window_bytes);

// Forgets the history. Both ends do it at the same place of the stream. TORPOR_BAD_RANGE.
int32_t torpor_lz4_link_reset(struct torpor_core *core, torpor_ptr state);

// Compresses a block that may repeat from the window and takes its bytes into it; answers the block's bytes. After
// TORPOR_LZ4_OUTPUT_TOO_SMALL the bytes are in the window too: send them stored, and the peer appends them. Room for
// `torpor_lz4_compress_bound` is faster than a tight capacity. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT (overlap, or larger than the largest block).
int32_t torpor_lz4_link_compress(struct torpor_core *core, torpor_ptr state, torpor_ptr src, uint32_t src_bytes,
                                 torpor_ptr dst, uint32_t capacity_bytes);

// Restores a linked block of at most `max_bytes` into the window; answers its bytes, which lie at `torpor_lz4_link_output`. After a
// refusal the window is as before. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT, and the statuses of a block.
int32_t torpor_lz4_link_decompress(struct torpor_core *core, torpor_ptr state, torpor_ptr src, uint32_t src_bytes,
                                   uint32_t max_bytes);

// Takes bytes that came stored into the window. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT.
int32_t torpor_lz4_link_append(struct torpor_core *core, torpor_ptr state, torpor_ptr src, uint32_t src_bytes);

// Where the window's last `last_bytes` lie, to be read until the next call on it; 0 where it holds fewer.
torpor_ptr torpor_lz4_link_output(struct torpor_core *core, torpor_ptr state, uint32_t last_bytes);

// ------------------------------------------------------------------------------------------------ LZ4, high compression

// Bytes that a state of high compression needs: for blocks of up to `max_block_bytes` that repeat from a window of `window_bytes`
// (256..65,536) before them, or for blocks of any size that stand alone (0). The rest of it is 393,296 bytes of tables.
// TORPOR_BAD_ARGUMENT for another window or more than 1 GiB.
int32_t torpor_lz4_hc_state_bytes(struct torpor_core *core, uint32_t window_bytes, uint32_t max_block_bytes);

// Makes a live buffer such a state. What it has beyond `torpor_lz4_hc_state_bytes` lets the window slide less often.
// TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT.
int32_t torpor_lz4_hc_init(struct torpor_core *core, torpor_ptr state, uint32_t state_bytes, uint32_t window_bytes);

// Forgets the history. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT.
int32_t torpor_lz4_hc_reset(struct torpor_core *core, torpor_ptr state);

// Compresses into one LZ4 block as small as a search of many matches makes it; answers its bytes. With a window the block repeats
// from it and enters it, also after TORPOR_LZ4_OUTPUT_TOO_SMALL: then send it stored, and the peer appends it. Any decoder reads it,
// `torpor_lz4_decompress_block` where blocks stand alone and `torpor_lz4_link_decompress` where not. State, source and destination must
// not overlap. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT (a block larger than the state was made for), TORPOR_LZ4_OUTPUT_TOO_SMALL.
int32_t torpor_lz4_hc_compress(struct torpor_core *core, torpor_ptr state, torpor_ptr src, uint32_t src_bytes, torpor_ptr dst,
                               uint32_t capacity_bytes);

// Takes bytes that were sent in another way into the window. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT.
int32_t torpor_lz4_hc_append(struct torpor_core *core, torpor_ptr state, torpor_ptr src, uint32_t src_bytes);

// ------------------------------------------------------------------------------------------------ XXH32

// Makes 64 bytes of a live buffer the checksum of nothing yet. TORPOR_BAD_RANGE.
int32_t torpor_xxh32_init(struct torpor_core *core, torpor_ptr state, uint32_t seed);

// Takes in the next bytes. TORPOR_BAD_RANGE.
int32_t torpor_xxh32_update(struct torpor_core *core, torpor_ptr state, torpor_ptr src, uint32_t src_bytes);

// The checksum so far; more may follow. 0 where `state` is no live buffer.
uint32_t torpor_xxh32_digest(struct torpor_core *core, torpor_ptr state);

// ------------------------------------------------------------------------------------------------ streams

// Protocols that a stream can be opened with; `TORPOR_PROTOCOL_AUTO` is told from the first bytes. What a verdict names may lie
// beyond: 17 RDP in TLS, 18 RFB in TLS, 19 none that is known.
#define TORPOR_PROTOCOL_RAW 0
#define TORPOR_PROTOCOL_AUTO 1
#define TORPOR_PROTOCOL_SSH 2
#define TORPOR_PROTOCOL_RDP 3
#define TORPOR_PROTOCOL_RFB 4
#define TORPOR_PROTOCOL_SPICE 5
#define TORPOR_PROTOCOL_TELNET 6
#define TORPOR_PROTOCOL_HTTP 7
#define TORPOR_PROTOCOL_WEBSOCKET 8
#define TORPOR_PROTOCOL_TLS 9
#define TORPOR_PROTOCOL_MQTT 10
#define TORPOR_PROTOCOL_IRC 11
#define TORPOR_PROTOCOL_NBD 12
#define TORPOR_PROTOCOL_ISCSI 13
#define TORPOR_PROTOCOL_PRINT 14
#define TORPOR_PROTOCOL_POSTGRES 15
#define TORPOR_PROTOCOL_MYSQL 16

// Whose bytes a chunk is. TORPOR_CONTINUES is added where it continues the chunk of the call before: it is not counted anew.
// TORPOR_HELD is added to the client's where they are held back, so that no server can answer them: no echo is hoped for.
#define TORPOR_CLIENT 0
#define TORPOR_SERVER 1
#define TORPOR_CONTINUES 2
#define TORPOR_HELD 4

// What `torpor_observe` answers, or'ed. ACTIVE: a person's doing, the deadline moved. CHATTER: explained without a person. WORK, with
// ACTIVE: machine work that a person waits for. RECOGNISED: the protocol is told. LOST: a parser lost its place, and everything of
// this client counts from here on. ENTERED: the stream was idle and became active.
#define TORPOR_ACTIVE 1
#define TORPOR_CHATTER 2
#define TORPOR_WORK 4
#define TORPOR_RECOGNISED 8
#define TORPOR_LOST 16
#define TORPOR_ENTERED 32

// Opens a stream: active from `now`, idle `idle_timeout_ticks` (0..2^31-1) after its last activity. `hint` is a TORPOR_PROTOCOL_,
// `port` the target's (0: says nothing), `family` any number that the streams of one client share (0: none). Answers its handle
// (positive); the host owns it until `torpor_stream_release`. TORPOR_STREAMS_EXHAUSTED, TORPOR_BAD_ARGUMENT, TORPOR_NO_MEMORY.
int32_t torpor_stream_open(struct torpor_core *core, uint32_t idle_timeout_ticks, uint32_t now, uint32_t hint, uint32_t port,
                           uint32_t family);

// Takes note of one chunk: counts it, judges it, moves the deadline if it is activity; answers the flags above. The chunk must lie in
// a live buffer and may be changed: a parser unmasks in place. A chunk of a closed stream is counted and answers 0.
// TORPOR_STREAM_UNKNOWN, TORPOR_BAD_ARGUMENT, TORPOR_BAD_RANGE.
int32_t torpor_observe(struct torpor_core *core, torpor_stream stream, uint32_t direction, torpor_ptr chunk, uint32_t chunk_bytes,
                       uint32_t now);

// Activity of which the bytes say nothing: moves the deadline. Answers 1 where the stream was idle, else 0. TORPOR_STREAM_UNKNOWN.
int32_t torpor_stream_touch(struct torpor_core *core, torpor_stream stream, uint32_t now);

// What the stream's owner decides where bytes alone cannot tell: TORPOR_POLICY_ bits, in place of what was set before.
// PERIODIC_INPUT: input that keeps a period, as a mouse jiggler's does, does not count. PERIODIC_MOVES: only a pointer's movements do not, with
// no button held. PERIODIC_REQUESTS: requests that keep a period, as polls do, count. TORPOR_STREAM_UNKNOWN, TORPOR_BAD_ARGUMENT.
#define TORPOR_POLICY_PERIODIC_INPUT 1
#define TORPOR_POLICY_PERIODIC_REQUESTS 2
#define TORPOR_POLICY_PERIODIC_MOVES 4
int32_t torpor_stream_policy(struct torpor_core *core, torpor_stream stream, uint32_t switches);

// Another idle timeout (0..2^31-1), counted from the stream's last activity: an active one goes idle at `now` at the earliest.
// TORPOR_STREAM_UNKNOWN, TORPOR_BAD_ARGUMENT.
int32_t torpor_stream_timeout(struct torpor_core *core, torpor_stream stream, uint32_t idle_timeout_ticks, uint32_t now);

// The connection is over: an active stream is reported by `torpor_advance` at `now` + `grace_ticks` (0..2^31-1), an idle one by the
// next; either once. Closing twice changes nothing. TORPOR_STREAM_UNKNOWN, TORPOR_BAD_ARGUMENT.
int32_t torpor_stream_close(struct torpor_core *core, torpor_stream stream, uint32_t grace_ticks, uint32_t now);

// Forgets a stream in whatever state, wipes its slot, makes every copy of the handle stale. TORPOR_STREAM_UNKNOWN.
int32_t torpor_stream_release(struct torpor_core *core, torpor_stream stream);

// 1 while the stream counts as active (its grace included), 0 after it was reported. TORPOR_STREAM_UNKNOWN.
int32_t torpor_stream_is_active(struct torpor_core *core, torpor_stream stream);

// The tick at which the stream goes idle if nothing comes, or at which it went: 0..2^32-1. TORPOR_STREAM_UNKNOWN.
int64_t torpor_stream_deadline(struct torpor_core *core, torpor_stream stream);

// Writes four u64 to `out`: client bytes, client chunks, server bytes, server chunks. Answers 32.
// TORPOR_STREAM_UNKNOWN, TORPOR_BAD_RANGE.
int32_t torpor_stream_tally(struct torpor_core *core, torpor_stream stream, torpor_ptr out);

// Writes why the client's last chunk was judged as it was: u8 protocol, u8 reason (asm/activity/reasons.ts), u8 bits (1: lost its
// place, 2: protocol told), u8 0, u16 packet bytes, u16 times seen, u32 period in ticks. Answers 12.
// TORPOR_STREAM_UNKNOWN, TORPOR_BAD_RANGE.
int32_t torpor_stream_verdict(struct torpor_core *core, torpor_stream stream, torpor_ptr out);

// Moves time on and writes the handles (i32) of streams whose deadline it reached to `out`; answers how many. Never early, each
// once. Handles at most `max` (1..65,536) timers, due or not, so that its time is bounded: `out` holds 4 * max bytes. While
// `torpor_advance_pending` answers 1 there may be more: call again with the same `now`. TORPOR_BAD_ARGUMENT, TORPOR_BAD_RANGE.
int32_t torpor_advance(struct torpor_core *core, uint32_t now, torpor_ptr out, uint32_t max);

// 1 where the last `torpor_advance` ended at its bound, so that streams may be due that it did not report.
uint32_t torpor_advance_pending(struct torpor_core *core);

// ------------------------------------------------------------------------------------------------ timers of the host's own

// Bytes from one timer's deadline to the next one's.
#define TORPOR_TIMER_BYTES 12

// Streams have their timers with them. For whatever else has a deadline there are tables of timers, each in a buffer of the host.
// Bytes of a table of `timers` (1..2^24): 12 each, and 280 KB of which only what is in use is touched. TORPOR_BAD_ARGUMENT.
int32_t torpor_timers_bytes(struct torpor_core *core, uint32_t timers);

// Makes a live buffer of at least that size a table in which no timer runs. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT.
int32_t torpor_timers_init(struct torpor_core *core, torpor_ptr table, uint32_t table_bytes, uint32_t timers, uint32_t now);

// Starts timer 0..timers-1, or starts it anew, earlier or later: `deadline` lies 0..2^31-1 ticks after `now`.
// TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT.
int32_t torpor_timers_start(struct torpor_core *core, torpor_ptr table, uint32_t timer, uint32_t deadline, uint32_t now);

// Stops a timer; one that does not run stays as it is. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT.
int32_t torpor_timers_stop(struct torpor_core *core, torpor_ptr table, uint32_t timer);

// Where timer 0's deadline lies, a u32; each further one lies TORPOR_TIMER_BYTES behind. The host puts off a timer that runs by storing
// a later deadline there itself, without a call; these words are the only bytes of a table that it may write. 0: no table.
torpor_ptr torpor_timers_deadlines(struct torpor_core *core, torpor_ptr table);

// Moves time on and writes the numbers (u32) of the timers that expired, which run no more, to `out`; answers how many. Never early,
// each once. Handles at most `max` (1..65,536) timers, due or not: `out` holds 4 * max bytes. While `torpor_timers_pending` answers 1
// there may be more: call again with the same `now`. To be called at least every 2^31-1 ticks. TORPOR_BAD_RANGE, TORPOR_BAD_ARGUMENT.
int32_t torpor_timers_advance(struct torpor_core *core, torpor_ptr table, uint32_t now, torpor_ptr out, uint32_t max);

// 1 where the table's last `torpor_timers_advance` ended at its bound. 0 also where there is no table.
uint32_t torpor_timers_pending(struct torpor_core *core, torpor_ptr table);

// ------------------------------------------------------------------------------------------------ what the binding adds

// An instance of the module, or NULL where there is no memory for its record; where the runtime under it cannot reserve the
// module's memory, the runtime decides (that of wasm2c ends the process). The host owns it until `torpor_destroy`.
struct torpor_core *torpor_create(void);
void torpor_destroy(struct torpor_core *core);

// The first byte of the instance's memory. It may move in the call that lays out the memory, and never after it.
uint8_t *torpor_memory(struct torpor_core *core);

#ifdef __cplusplus
}
#endif

#endif
