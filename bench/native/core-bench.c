// The stream core as C, measured: blocks of corpora that lie in the core's memory, and single calls. Asked line by line, so that its
// rounds lie between those of the others in one run.
//
// Usage: core-bench CORPUS... where CORPUS.data holds bytes. Each line on stdin, "DEED INDEX BLOCK_BYTES MILLISECONDS", is answered by
// "BEST_NANOSECONDS STORED_BYTES": the fastest of the passes that fit into the time, and what the blocks came to. A deed "call-..."
// makes CALLS calls and looks at no corpus. It leaves medians and tables to whoever asks.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "torpor-core.h"

#define MAX_CORPORA 64
#define MAX_BLOCKS 4096
#define HEAP_BYTES (24u * 1024 * 1024)
#define STREAMS 1024
#define CALLS 100000u
#define CHUNK_BYTES 64
#define CONTENT_BYTES 65536

struct corpus {
  uint8_t *data;
  size_t bytes;
};

static struct torpor_core *core;

// The blocks of the corpus under way, in the core's memory.
static struct {
  torpor_ptr raw, packed;
  uint32_t raw_bytes, packed_bytes;
} blocks[MAX_BLOCKS];
static size_t block_count;
static torpor_ptr back;
static uint32_t bound;

// What the single calls work on.
static torpor_stream streams[STREAMS];
static torpor_ptr chunk, out, state, content;
static uint32_t now;

static void fail(const char *what) {
  fprintf(stderr, "core-bench: %s\n", what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static torpor_ptr allocate(uint32_t bytes) {
  torpor_ptr pointer = torpor_buffer_alloc(core, bytes);
  if (!pointer) fail("the heap is too small");
  return pointer;
}

static void start_core(void) {
  torpor_destroy(core);
  core = torpor_create();
  if (!core || torpor_abi_version(core) != TORPOR_ABI_VERSION) fail("the core is another version than its header");
  if (torpor_init(core, STREAMS, HEAP_BYTES) != TORPOR_OK) fail("the layout was refused");
}

static void compress_pass(void) {
  for (size_t i = 0; i < block_count; i++)
    blocks[i].packed_bytes =
        (uint32_t)torpor_lz4_compress_block(core, blocks[i].raw, blocks[i].raw_bytes, blocks[i].packed, bound);
}

static void decompress_pass(void) {
  torpor_ptr at = back;
  for (size_t i = 0; i < block_count; i++) {
    int32_t got = torpor_lz4_decompress_block(core, blocks[i].packed, blocks[i].packed_bytes, at, blocks[i].raw_bytes);
    if (got != (int32_t)blocks[i].raw_bytes) fail("a block did not come back");
    at += blocks[i].raw_bytes;
  }
}

static void place_blocks(const struct corpus *corpus, uint32_t block_bytes) {
  start_core();
  bound = (uint32_t)torpor_lz4_compress_bound(core, block_bytes);
  block_count = 0;
  for (size_t at = 0; at < corpus->bytes; at += block_bytes, block_count++) {
    if (block_count == MAX_BLOCKS) fail("too many blocks");
    size_t left = corpus->bytes - at;
    blocks[block_count].raw_bytes = left < block_bytes ? (uint32_t)left : block_bytes;
    blocks[block_count].raw = allocate(block_bytes);
    blocks[block_count].packed = allocate(bound);
    memcpy(torpor_memory(core) + blocks[block_count].raw, corpus->data + at, blocks[block_count].raw_bytes);
  }
  back = allocate((uint32_t)(block_count * block_bytes));
  compress_pass();
}

static void open_streams(void) {
  start_core();
  chunk = allocate(CHUNK_BYTES);
  out = allocate(4 * STREAMS);
  state = allocate(64);
  content = allocate(CONTENT_BYTES);
  now = 0;
  for (int i = 0; i < STREAMS; i++) {
    int32_t stream = torpor_stream_open(core, 600000, now, TORPOR_PROTOCOL_RAW, 0, 0);
    if (stream < 0) fail("a stream was refused");
    streams[i] = (torpor_stream)stream;
  }
  torpor_xxh32_init(core, state, 0);
}

static void version_pass(void) {
  for (uint32_t i = 0; i < CALLS; i++) torpor_abi_version(core);
}

static void observe_pass(void) {
  now++;
  for (uint32_t i = 0; i < CALLS; i++) torpor_observe(core, streams[i % STREAMS], TORPOR_CLIENT, chunk, CHUNK_BYTES, now);
}

static void touch_pass(void) {
  now++;
  for (uint32_t i = 0; i < CALLS; i++) torpor_stream_touch(core, streams[i % STREAMS], now);
}

static void advance_pass(void) {
  for (uint32_t i = 0; i < CALLS; i++) torpor_advance(core, now, out, STREAMS);
}

static void buffer_pass(void) {
  for (uint32_t i = 0; i < CALLS; i++) torpor_buffer_free(core, torpor_buffer_alloc(core, 4096));
}

static void xxh32_pass(void) {
  for (uint32_t i = 0; i < CALLS / 100; i++) torpor_xxh32_update(core, state, content, CONTENT_BYTES);
}

static const struct deed {
  const char *name;
  void (*pass)(void);
  int needs_corpus;
} DEEDS[] = {
    {"compress", compress_pass, 1},     {"decompress", decompress_pass, 1},   {"call-abi_version", version_pass, 0},
    {"call-observe", observe_pass, 0},  {"call-stream_touch", touch_pass, 0}, {"call-advance", advance_pass, 0},
    {"call-buffer", buffer_pass, 0},    {"call-xxh32_update", xxh32_pass, 0},
};

static void answer(const struct deed *deed, unsigned milliseconds) {
  deed->pass();
  uint64_t best = UINT64_MAX;
  uint64_t end = now_ns() + (uint64_t)milliseconds * 1000000u;
  do {
    uint64_t start = now_ns();
    deed->pass();
    uint64_t took = now_ns() - start;
    if (took < best) best = took;
  } while (now_ns() < end);
  size_t stored = 0;
  for (size_t i = 0; deed->needs_corpus && i < block_count; i++)
    stored += blocks[i].packed_bytes < blocks[i].raw_bytes ? blocks[i].packed_bytes : blocks[i].raw_bytes;
  printf("%llu %zu\n", (unsigned long long)best, stored);
  fflush(stdout);
}

static void read_corpus(const char *stem, struct corpus *corpus) {
  char path[4096];
  snprintf(path, sizeof path, "%s.data", stem);
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) fail("a corpus is missing");
  corpus->bytes = (size_t)ftell(file);
  rewind(file);
  corpus->data = malloc(corpus->bytes + 1);
  if (!corpus->data || fread(corpus->data, 1, corpus->bytes, file) != corpus->bytes) fail("a corpus could not be read");
  fclose(file);
}

int main(int count, char **arguments) {
  static struct corpus corpora[MAX_CORPORA];
  int known = count - 1;
  if (known < 1 || known > MAX_CORPORA) fail("name 1 to 64 corpora");
  for (int i = 0; i < known; i++) read_corpus(arguments[i + 1], &corpora[i]);
  start_core();
  printf("interface %u\n", torpor_abi_version(core));
  fflush(stdout);
  char name[32];
  int index;
  unsigned block_bytes, milliseconds;
  while (scanf("%31s %d %u %u", name, &index, &block_bytes, &milliseconds) == 4) {
    const struct deed *deed = NULL;
    for (size_t i = 0; i < sizeof DEEDS / sizeof *DEEDS; i++)
      if (!strcmp(DEEDS[i].name, name)) deed = &DEEDS[i];
    if (!deed || index < 0 || index >= known || !block_bytes) fail("a line was not understood");
    if (deed->needs_corpus) place_blocks(&corpora[index], block_bytes);
    else open_streams();
    answer(deed, milliseconds);
  }
  return 0;
}
