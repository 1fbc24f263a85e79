// liblz4 for tests, asked in batches over stdin and stdout. It judges nothing itself.
//
// Question: u8 kind, u32 bytes, u32 number, the bytes. Answer: i32, the bytes of the result or a negative number for a refusal, then the
// result. All numbers in this machine's order. Kinds:
//   b  restores a block into `number` bytes               f  restores frames into `number` bytes; one cut short is refused
//   c  compresses a block; number 0: default, else HC level
//   l  compresses the next linked block of a stream       m  restores the next linked block of a stream into `number` bytes
#include <lz4.h>
#include <lz4frame.h>
#include <lz4hc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES (1 << 20)
#define MAX_STREAM_BYTES (64 << 20)
#define REFUSED (-1)

static char in[LZ4_COMPRESSBOUND(MAX_BYTES)];
static char out[LZ4_COMPRESSBOUND(MAX_BYTES)];
// What was said on the linked streams: history has to stay where it was.
static char said[MAX_STREAM_BYTES], heard[MAX_STREAM_BYTES];
static size_t said_bytes, heard_bytes;

static void fail(const char *what) {
  fprintf(stderr, "lz4-oracle: %s\n", what);
  exit(1);
}

/** False only at the end of the questions. */
static int read_exactly(void *to, size_t bytes, int may_end) {
  size_t got = fread(to, 1, bytes, stdin);
  if (got == 0 && bytes > 0 && may_end) return 0;
  if (got != bytes) fail("a question was cut short");
  return 1;
}

static int32_t restore_frames(LZ4F_dctx *context, size_t bytes, size_t capacity) {
  size_t at = 0, made = 0, hint = 1;
  while (at < bytes) {
    size_t taken = bytes - at, written = capacity - made;
    hint = LZ4F_decompress(context, out + made, &written, in + at, &taken, NULL);
    if (LZ4F_isError(hint) || (taken == 0 && written == 0)) return REFUSED;
    at += taken;
    made += written;
  }
  return hint == 0 ? (int32_t)made : REFUSED;
}

/** With a context of its own: one of version 1.9.4 that is reset after a refusal may refuse valid frames. */
static int32_t decode_frames(size_t bytes, size_t capacity) {
  LZ4F_dctx *context;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) fail("no context");
  int32_t answer = restore_frames(context, bytes, capacity);
  LZ4F_freeDecompressionContext(context);
  return answer;
}

static int32_t compress_linked(size_t bytes) {
  static LZ4_stream_t *stream;
  if (!stream) stream = LZ4_createStream();
  if (!stream || bytes > MAX_STREAM_BYTES - said_bytes) fail("the linked stream is too long");
  char *from = said + said_bytes;
  memcpy(from, in, bytes);
  said_bytes += bytes;
  return LZ4_compress_fast_continue(stream, from, out, (int)bytes, (int)sizeof out, 1);
}

static int32_t restore_linked(size_t bytes, size_t capacity) {
  static LZ4_streamDecode_t *stream;
  if (!stream) stream = LZ4_createStreamDecode();
  if (!stream || capacity > MAX_STREAM_BYTES - heard_bytes) fail("the linked stream is too long");
  char *to = heard + heard_bytes;
  int32_t made = LZ4_decompress_safe_continue(stream, in, to, (int)bytes, (int)capacity);
  if (made < 0) return REFUSED;
  heard_bytes += (size_t)made;
  memcpy(out, to, (size_t)made);
  return made;
}

static int32_t answer_to(uint8_t kind, size_t bytes, uint32_t number) {
  switch (kind) {
    case 'b': return LZ4_decompress_safe(in, out, (int)bytes, (int)number);
    case 'f': return decode_frames(bytes, number);
    case 'c':
      return number ? LZ4_compress_HC(in, out, (int)bytes, (int)sizeof out, (int)number)
                    : LZ4_compress_default(in, out, (int)bytes, (int)sizeof out);
    case 'l': return compress_linked(bytes);
    case 'm': return restore_linked(bytes, number);
    default: fail("a question of no kind"); return REFUSED;
  }
}

int main(void) {
  uint8_t kind;
  while (read_exactly(&kind, 1, 1)) {
    uint32_t sizes[2];
    read_exactly(sizes, sizeof sizes, 0);
    if (sizes[0] > sizeof in || sizes[1] > MAX_BYTES) fail("a question is too large");
    read_exactly(in, sizes[0], 0);
    int32_t answer = answer_to(kind, sizes[0], sizes[1]);
    fwrite(&answer, sizeof answer, 1, stdout);
    if (answer > 0) fwrite(out, 1, (size_t)answer, stdout);
  }
  fflush(stdout);
  return ferror(stdout) ? 1 : 0;
}
