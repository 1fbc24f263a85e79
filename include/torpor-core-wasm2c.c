// Binds torpor-core.h to the C that wasm2c makes of torpor-core.scalar.wasm, for hosts without a WebAssembly runtime:
//
//   wasm2c torpor-core.scalar.wasm -n torpor -o torpor-module.c
//   cc -O3 host.c torpor-core-wasm2c.c torpor-module.c -lwasm-rt-impl -lm
//
// Written for wabt 1.0.32 (Debian 12). Later versions name their functions otherwise: change MODULE and the four names below it.
// Leaves what the functions mean to torpor-core.h.
#include "torpor-core.h"

#include <stdlib.h>

#include "torpor-module.h"

#define MODULE(name) Z_torporZ_##name
#define MODULE_INSTANCE Z_torpor_instance_t
#define START_MODULE Z_torpor_init_module
#define MAKE_INSTANCE Z_torpor_instantiate
#define FREE_INSTANCE Z_torpor_free

struct torpor_core {
  MODULE_INSTANCE module;
};

struct torpor_core *torpor_create(void) {
  static int started;
  if (!started) {
    wasm_rt_init();
    START_MODULE();
    started = 1;
  }
  struct torpor_core *core = malloc(sizeof *core);
  if (core) MAKE_INSTANCE(&core->module);
  return core;
}

void torpor_destroy(struct torpor_core *core) {
  if (!core) return;
  FREE_INSTANCE(&core->module);
  free(core);
}

uint8_t *torpor_memory(struct torpor_core *core) {
  return MODULE(memory)(&core->module)->data;
}

#define TORPOR_EXPORT0(type, name) \
  type torpor_##name(struct torpor_core *core) { return (type)MODULE(name)(&core->module); }
#define TORPOR_EXPORT1(type, name) \
  type torpor_##name(struct torpor_core *core, uint32_t a) { return (type)MODULE(name)(&core->module, a); }
#define TORPOR_EXPORT2(type, name) \
  type torpor_##name(struct torpor_core *core, uint32_t a, uint32_t b) { return (type)MODULE(name)(&core->module, a, b); }
#define TORPOR_EXPORT3(type, name)                                                   \
  type torpor_##name(struct torpor_core *core, uint32_t a, uint32_t b, uint32_t c) { \
    return (type)MODULE(name)(&core->module, a, b, c);                               \
  }
#define TORPOR_EXPORT4(type, name)                                                               \
  type torpor_##name(struct torpor_core *core, uint32_t a, uint32_t b, uint32_t c, uint32_t d) { \
    return (type)MODULE(name)(&core->module, a, b, c, d);                                        \
  }
#define TORPOR_EXPORT5(type, name)                                                                           \
  type torpor_##name(struct torpor_core *core, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e) { \
    return (type)MODULE(name)(&core->module, a, b, c, d, e);                                                 \
  }
#include "torpor-core-exports.inc"
