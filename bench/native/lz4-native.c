// liblz4 on the bench's corpora, asked line by line, so that its rounds lie between those of the others in one run.
//
// Usage: lz4-native CORPUS... where CORPUS.data holds bytes and CORPUS.lens, if there is one, u32 message lengths.
// Each line on stdin, "DEED INDEX BLOCK_BYTES MILLISECONDS", is answered by "BEST_NANOSECONDS STORED_BYTES": the fastest of
// the passes over the whole corpus that fit into the time. It leaves medians and tables to whoever asks.
//
// "compress-ring" is "compress-linked" with each message (up to 8 KiB) copied into a ring first. "link-hot" and "link-cold" cut a corpus into messages of BLOCK_BYTES and give each to one of 1 or LINKS streams, in turn at
// random, with LZ4_compress_fast_continue. As whoever keeps streams apart has to, they copy each message into a ring of its
// stream, from which the next ones may repeat. Their nanoseconds are those of one message.
#include <lz4.h>
#include <lz4hc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CORPORA 64
#define HC_LEVEL 9
#define LINKS 1000
#define LINK_CALLS 2000
#define LINK_RING_BYTES (64 * 1024 + 8 * 1024)

struct corpus {
  char *data;
  size_t bytes;
  uint32_t *lengths;
  size_t messages;
};

/** The pieces of one corpus, cut to a block size or at its messages, and room for each as a block. */
struct pieces {
  size_t count;
  const char **raw;
  int *raw_bytes;
  char **block;
  int *block_bytes;
  char *back;
};

static void fail(const char *what) {
  fprintf(stderr, "lz4-native: %s\n", what);
  exit(1);
}

static void *read_file(const char *stem, const char *ending, size_t *bytes) {
  char path[4096];
  snprintf(path, sizeof path, "%s%s", stem, ending);
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *bytes = (size_t)ftell(file);
  rewind(file);
  char *content = malloc(*bytes + 1);
  if (!content || fread(content, 1, *bytes, file) != *bytes) fail("a corpus could not be read");
  fclose(file);
  return content;
}

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/** Block size 0 cuts at the messages. */
static struct pieces cut(const struct corpus *corpus, size_t block_bytes) {
  size_t count = block_bytes ? (corpus->bytes + block_bytes - 1) / block_bytes : corpus->messages;
  struct pieces all = {count, malloc(count * sizeof(char *)), malloc(count * sizeof(int)),
                       malloc(count * sizeof(char *)), malloc(count * sizeof(int)), malloc(corpus->bytes + 64)};
  size_t at = 0;
  char *out = malloc(corpus->bytes + corpus->bytes / 200 + count * 32 + 64);
  for (size_t i = 0; i < count; i++) {
    size_t left = corpus->bytes - at;
    size_t size = block_bytes ? (left < block_bytes ? left : block_bytes) : corpus->lengths[i];
    all.raw[i] = corpus->data + at;
    all.raw_bytes[i] = (int)size;
    all.block[i] = out;
    out += LZ4_compressBound((int)size);
    at += size;
  }
  return all;
}

static void release(struct pieces *all) {
  free(all->block[0]);
  free(all->raw);
  free(all->raw_bytes);
  free(all->block);
  free(all->block_bytes);
  free(all->back);
}

static void compress_pass(struct pieces *all) {
  for (size_t i = 0; i < all->count; i++)
    all->block_bytes[i] = LZ4_compress_default(all->raw[i], all->block[i], all->raw_bytes[i], LZ4_compressBound(all->raw_bytes[i]));
}

static void compress_hc_pass(struct pieces *all) {
  for (size_t i = 0; i < all->count; i++)
    all->block_bytes[i] = LZ4_compress_HC(all->raw[i], all->block[i], all->raw_bytes[i], LZ4_compressBound(all->raw_bytes[i]), HC_LEVEL);
}

static LZ4_stream_t *stream;
static void compress_linked_pass(struct pieces *all) {
  if (!stream) stream = LZ4_createStream();
  LZ4_resetStream_fast(stream);
  for (size_t i = 0; i < all->count; i++)
    all->block_bytes[i] = LZ4_compress_fast_continue(stream, all->raw[i], all->block[i], all->raw_bytes[i], LZ4_compressBound(all->raw_bytes[i]), 1);
}

static LZ4_streamHC_t *hc_stream;
static void compress_hc_linked_pass(struct pieces *all) {
  if (!hc_stream) hc_stream = LZ4_createStreamHC();
  LZ4_resetStreamHC_fast(hc_stream, HC_LEVEL);
  for (size_t i = 0; i < all->count; i++)
    all->block_bytes[i] = LZ4_compress_HC_continue(hc_stream, all->raw[i], all->block[i], all->raw_bytes[i], LZ4_compressBound(all->raw_bytes[i]));
}

/** One stream as a proxy keeps it. */
struct link {
  LZ4_stream_t *state;
  char *ring;
  size_t used;
};

static int compress_link(struct link *link, const char *message, int bytes, char *block, int capacity) {
  if (link->used + (size_t)bytes > LINK_RING_BYTES) link->used = 0;
  char *at = link->ring + link->used;
  memcpy(at, message, (size_t)bytes);
  link->used += (size_t)bytes;
  return LZ4_compress_fast_continue(link->state, at, block, bytes, capacity, 1);
}

/** As `compress_linked_pass`, each message copied first, since whoever keeps streams apart cannot leave it where it came. */
static struct link ring;
static void compress_ring_pass(struct pieces *all) {
  if (!ring.state) ring = (struct link){LZ4_createStream(), malloc(LINK_RING_BYTES), 0};
  if (!ring.state || !ring.ring) fail("no memory for a stream");
  LZ4_resetStream_fast(ring.state);
  ring.used = 0;
  for (size_t i = 0; i < all->count; i++)
    all->block_bytes[i] = compress_link(&ring, all->raw[i], all->raw_bytes[i], all->block[i], LZ4_compressBound(all->raw_bytes[i]));
}

static void decompress_pass(struct pieces *all) {
  char *out = all->back;
  for (size_t i = 0; i < all->count; i++) {
    int got = LZ4_decompress_safe(all->block[i], out, all->block_bytes[i], all->raw_bytes[i]);
    if (got != all->raw_bytes[i]) fail("a block did not come back");
    out += got;
  }
}

static void decompress_linked_pass(struct pieces *all) {
  LZ4_streamDecode_t state;
  LZ4_setStreamDecode(&state, NULL, 0);
  char *out = all->back;
  for (size_t i = 0; i < all->count; i++) {
    int got = LZ4_decompress_safe_continue(&state, all->block[i], out, all->block_bytes[i], all->raw_bytes[i]);
    if (got != all->raw_bytes[i]) fail("a linked block did not come back");
    out += got;
  }
}

struct deed {
  const char *name;
  void (*prepare)(struct pieces *);
  void (*pass)(struct pieces *);
};

static const struct deed DEEDS[] = {
    {"compress", NULL, compress_pass},
    {"decompress", compress_pass, decompress_pass},
    {"compress-hc", NULL, compress_hc_pass},
    {"decompress-hc", compress_hc_pass, decompress_pass},
    {"compress-linked", NULL, compress_linked_pass},
    {"compress-hc-linked", NULL, compress_hc_linked_pass},
    {"compress-ring", NULL, compress_ring_pass},
    {"decompress-linked", compress_linked_pass, decompress_linked_pass},
};

static void answer(const struct corpus *corpus, const struct deed *deed, size_t block_bytes, unsigned milliseconds) {
  struct pieces all = cut(corpus, block_bytes);
  if (deed->prepare) deed->prepare(&all);
  deed->pass(&all);
  uint64_t best = UINT64_MAX;
  uint64_t end = now_ns() + (uint64_t)milliseconds * 1000000u;
  do {
    uint64_t start = now_ns();
    deed->pass(&all);
    uint64_t took = now_ns() - start;
    if (took < best) best = took;
  } while (now_ns() < end);
  size_t stored = 0;
  for (size_t i = 0; i < all.count; i++) stored += (size_t)(all.block_bytes[i] < all.raw_bytes[i] ? all.block_bytes[i] : all.raw_bytes[i]);
  printf("%llu %zu\n", (unsigned long long)best, stored);
  fflush(stdout);
  release(&all);
}

/** LINK_CALLS messages of a corpus to `links` streams in an order made by xorshift, as often as there is time. */
static void answer_links(const struct corpus *corpus, size_t links, size_t message_bytes, unsigned milliseconds) {
  size_t messages = corpus->bytes / message_bytes;
  if (!messages || message_bytes > LINK_RING_BYTES) fail("a corpus is shorter than its message, or a message too long");
  struct link *all = calloc(links, sizeof *all);
  if (!all) fail("no memory for streams");
  for (size_t i = 0; i < links; i++) {
    all[i].state = LZ4_createStream();
    all[i].ring = malloc(LINK_RING_BYTES);
    if (!all[i].state || !all[i].ring) fail("no memory for a stream");
  }
  int capacity = LZ4_compressBound((int)message_bytes);
  char *block = malloc((size_t)capacity);
  uint32_t order = 1;
  double best = 1e18;
  size_t stored = 0, next = 0;
  uint64_t end = now_ns() + (uint64_t)milliseconds * 1000000u;
  do {
    stored = 0;
    uint64_t start = now_ns();
    for (size_t call = 0; call < LINK_CALLS; call++) {
      order ^= order << 13;
      order ^= order >> 17;
      order ^= order << 5;
      int bytes = compress_link(&all[order % links], corpus->data + next * message_bytes, (int)message_bytes, block, capacity);
      stored += (size_t)bytes < message_bytes ? (size_t)bytes : message_bytes;
      next = next + 1 < messages ? next + 1 : 0;
    }
    double took = (double)(now_ns() - start) / LINK_CALLS;
    if (took < best) best = took;
  } while (now_ns() < end);
  printf("%.1f %zu\n", best, stored);
  fflush(stdout);
  for (size_t i = 0; i < links; i++) {
    LZ4_freeStream(all[i].state);
    free(all[i].ring);
  }
  free(all);
  free(block);
}

int main(int count, char **arguments) {
  static struct corpus corpora[MAX_CORPORA];
  int known = count - 1;
  if (known < 1 || known > MAX_CORPORA) fail("name 1 to 64 corpora");
  for (int i = 0; i < known; i++) {
    size_t length_bytes = 0;
    corpora[i].data = read_file(arguments[i + 1], ".data", &corpora[i].bytes);
    if (!corpora[i].data) fail("a corpus is missing");
    corpora[i].lengths = read_file(arguments[i + 1], ".lens", &length_bytes);
    corpora[i].messages = length_bytes / 4;
  }
  printf("%s\n", LZ4_versionString());
  fflush(stdout);
  char name[32];
  int index;
  size_t block_bytes;
  unsigned milliseconds;
  while (scanf("%31s %d %zu %u", name, &index, &block_bytes, &milliseconds) == 4) {
    size_t links = !strcmp(name, "link-hot") ? 1 : !strcmp(name, "link-cold") ? LINKS : 0;
    if (links && index >= 0 && index < known && block_bytes) {
      answer_links(&corpora[index], links, block_bytes, milliseconds);
      continue;
    }
    const struct deed *deed = NULL;
    for (size_t i = 0; i < sizeof DEEDS / sizeof *DEEDS; i++)
      if (!strcmp(DEEDS[i].name, name)) deed = &DEEDS[i];
    if (!deed || index < 0 || index >= known || (!block_bytes && !corpora[index].messages)) fail("a line was not understood");
    answer(&corpora[index], deed, block_bytes, milliseconds);
  }
  return 0;
}
