// Runs core.vectors against the stream core in C, and prints what every call answered, so that hosts can be compared. The file's
// format stands at its head.
//
// Usage: core-vectors FILE. Prints "vector TITLE", then one answer a line. Exit code 0 only if every vector is as the file says.
#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torpor-core.h"
#include "wasm-rt-impl.h"

#define MAX_NAMES 64
#define MAX_NAME_BYTES 32
#define MAX_OPERANDS 5
#define LINE_BYTES 65536

enum kind { ANSWERS_32, ANSWERS_64 };

struct export {
  const char *name;
  enum kind kind;
  int operands;
  void (*function)(void);
};

#define KIND(type) (sizeof(type) == 8 ? ANSWERS_64 : ANSWERS_32)
#define EXPORT(type, name, count) {#name, KIND(type), count, (void (*)(void))torpor_##name},
#define TORPOR_EXPORT0(type, name) EXPORT(type, name, 0)
#define TORPOR_EXPORT1(type, name) EXPORT(type, name, 1)
#define TORPOR_EXPORT2(type, name) EXPORT(type, name, 2)
#define TORPOR_EXPORT3(type, name) EXPORT(type, name, 3)
#define TORPOR_EXPORT4(type, name) EXPORT(type, name, 4)
#define TORPOR_EXPORT5(type, name) EXPORT(type, name, 5)
static const struct export EXPORTS[] = {
#include "torpor-core-exports.inc"
};

static struct torpor_core *core;
static struct {
  char name[MAX_NAME_BYTES];
  uint32_t value;
} names[MAX_NAMES];
static size_t known;
static unsigned long line_number;

static void fail(const char *what, const char *on) {
  fprintf(stderr, "core-vectors: line %lu: %s %s\n", line_number, what, on);
  exit(1);
}

static uint32_t read_number(const char *word) {
  char *end;
  errno = 0;
  long long number = strtoll(word, &end, 10);
  if (errno || end == word || *end) fail("no number:", word);
  return (uint32_t)number;
}

/** A number, or NAME, or NAME+NUMBER. */
static uint32_t read_operand(char *word) {
  if (*word < 'a' || *word > 'z') return read_number(word);
  char *plus = strchr(word, '+');
  if (plus) *plus++ = 0;
  for (size_t i = 0; i < known; i++)
    if (!strcmp(names[i].name, word)) return names[i].value + (plus ? read_number(plus) : 0);
  fail("no value has the name", word);
  return 0;
}

static void keep(const char *name, uint32_t value) {
  size_t at = 0;
  while (at < known && strcmp(names[at].name, name)) at++;
  if (at == MAX_NAMES || strlen(name) >= MAX_NAME_BYTES) fail("too many names, or too long:", name);
  strcpy(names[at].name, name);
  names[at].value = value;
  if (at == known) known++;
}

static unsigned digit(char character) {
  return character <= '9' ? (unsigned)(character - '0') : (unsigned)(character - 'a' + 10);
}

/** Writes, or compares, HEX*COUNT at `place`; answers the place behind it. */
static uint32_t do_bytes(char *word, uint32_t place, bool writes) {
  uint8_t *memory = torpor_memory(core);
  char *star = strchr(word, '*');
  if (star) *star++ = 0;
  size_t bytes = strlen(word) / 2;
  for (uint32_t times = star ? read_number(star) : 1; times > 0; times--)
    for (size_t i = 0; i < bytes; i++, place++) {
      uint8_t byte = (uint8_t)(digit(word[2 * i]) << 4 | digit(word[2 * i + 1]));
      if (writes) memory[place] = byte;
      else if (memory[place] != byte) fail("other bytes stand there than", word);
    }
  return place;
}

static uint32_t invoke(const char *name, const uint32_t *a, int count) {
  const struct export *export = NULL;
  for (size_t i = 0; i < sizeof EXPORTS / sizeof *EXPORTS; i++)
    if (!strcmp(EXPORTS[i].name, name)) export = &EXPORTS[i];
  if (!export) fail("the core has no export", name);
  if (export->operands != count) fail("wrong number of operands for", name);
  uint32_t answer = 0;
  if (export->kind == ANSWERS_64) {
    if (count != 1) fail("an answer of 64 bits is expected of one operand only, not of", name);
    answer = (uint32_t)((uint64_t (*)(struct torpor_core *, uint32_t))export->function)(core, a[0]);
  } else {
    typedef struct torpor_core instance;
    void (*f)(void) = export->function;
    switch (count) {
      case 0: answer = ((uint32_t (*)(instance *))f)(core); break;
      case 1: answer = ((uint32_t (*)(instance *, uint32_t))f)(core, a[0]); break;
      case 2: answer = ((uint32_t (*)(instance *, uint32_t, uint32_t))f)(core, a[0], a[1]); break;
      case 3: answer = ((uint32_t (*)(instance *, uint32_t, uint32_t, uint32_t))f)(core, a[0], a[1], a[2]); break;
      case 4:
        answer = ((uint32_t (*)(instance *, uint32_t, uint32_t, uint32_t, uint32_t))f)(core, a[0], a[1], a[2], a[3]);
        break;
      default:
        answer = ((uint32_t (*)(instance *, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t))f)(core, a[0], a[1], a[2],
                                                                                              a[3], a[4]);
    }
  }
  printf("%d\n", (int32_t)answer);
  return answer;
}

static char *next_word(void) {
  return strtok(NULL, " \n");
}

static char *need_word(void) {
  char *word = next_word();
  if (!word) fail("the line is", "too short");
  return word;
}

/** The rest of the line as a call; what stands behind "=" goes to `expected`. */
static uint32_t do_call(char **expected) {
  char *name = need_word();
  uint32_t operands[MAX_OPERANDS];
  int count = 0;
  char *word;
  while ((word = next_word()) && strcmp(word, "=")) {
    if (count == MAX_OPERANDS) fail("too many operands for", name);
    operands[count++] = read_operand(word);
  }
  *expected = word ? need_word() : NULL;
  return invoke(name, operands, count);
}

static void do_operation(char *kind) {
  char *word;
  if (!strcmp(kind, "put") || !strcmp(kind, "see")) {
    uint32_t place = read_operand(need_word());
    while ((word = next_word())) place = do_bytes(word, place, !strcmp(kind, "put"));
  } else if (!strcmp(kind, "call")) {
    uint32_t answer = do_call(&word);
    if (!word) fail("a call expects", "an answer");
    if (answer != read_number(word)) fail("the answer is not", word);
  } else if (!strcmp(kind, "let")) {
    char *name = need_word();
    uint32_t answer = do_call(&word);
    if ((int32_t)answer < 0) fail("a negative answer for", name);
    keep(name, answer);
  } else if (!strcmp(kind, "below")) {
    char *name = need_word();
    if ((int32_t)read_operand(name) >= (int32_t)read_number(need_word())) fail("too large:", name);
  } else {
    fail("no operation:", kind);
  }
}

static void begin_vector(const char *title) {
  torpor_destroy(core);
  core = torpor_create();
  if (!core) fail("no memory for", title);
  known = 0;
  printf("vector %s", title);
}

static void run(FILE *file) {
  static char line[LINE_BYTES];
  while (fgets(line, sizeof line, file)) {
    line_number++;
    if (!strchr(line, '\n')) fail("the line is", "too long");
    if (*line == '#' || *line == '\n') continue;
    if (!strncmp(line, "vector ", 7)) begin_vector(line + 7);
    else if (core) do_operation(strtok(line, " \n"));
    else fail("an operation before", "the first vector");
  }
}

int main(int count, char **arguments) {
  FILE *file = count == 2 ? fopen(arguments[1], "r") : NULL;
  if (!file) {
    fprintf(stderr, "usage: core-vectors FILE, a file that can be read\n");
    return 2;
  }
  // The core never traps. Were it otherwise, it would come out here.
  wasm_rt_trap_t trap = wasm_rt_impl_try();
  if (trap != WASM_RT_TRAP_NONE) fail("the core trapped:", wasm_rt_strerror(trap));
  run(file);
  torpor_destroy(core);
  fclose(file);
  if (!known) fail("there was", "no vector");
  return 0;
}
