// liblz4's verdict on blocks and frames, asked in batches over stdin and stdout. It judges nothing itself.
//
// Question: u8 kind ('b' block, 'f' frames), u32 bytes, u32 capacity, the bytes. Answer: i32, the bytes restored or a negative number for
// a refusal, then those bytes. All numbers in this machine's order. A frame that is cut short is refused.
#include <lz4.h>
#include <lz4frame.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_BYTES (1 << 20)
#define REFUSED (-1)

static char in[MAX_BYTES];
static char out[MAX_BYTES];

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

int main(void) {
  uint8_t kind;
  while (read_exactly(&kind, 1, 1)) {
    uint32_t sizes[2];
    read_exactly(sizes, sizeof sizes, 0);
    if (sizes[0] > MAX_BYTES || sizes[1] > MAX_BYTES) fail("a question is too large");
    read_exactly(in, sizes[0], 0);
    int32_t answer = kind == 'b' ? LZ4_decompress_safe(in, out, (int)sizes[0], (int)sizes[1])
                                 : decode_frames(sizes[0], sizes[1]);
    fwrite(&answer, sizeof answer, 1, stdout);
    if (answer > 0) fwrite(out, 1, (size_t)answer, stdout);
  }
  fflush(stdout);
  return ferror(stdout) ? 1 : 0;
}
