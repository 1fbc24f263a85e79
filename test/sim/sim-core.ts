// Fresh instances of the shipped core, compiled once: one for each life of a simulated Torpor.
import { readFileSync } from 'node:fs';
import type { CoreAbi } from '../../src/core/abi.ts';
import { StreamCore } from '../../src/core/stream-core.ts';

/** What a life's core can carry: tens of streams, and what waits of them. */
const MAX_STREAMS = 512;
const HEAP_BYTES = 4 * 1024 * 1024;

interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

/** What the module asks for before `init`: 64 MiB of address space, which V8 counts as garbage to come. */
const MEMORY_SECTION = Buffer.from([5, 7, 1, 1, 0x80, 0x08]);
const SMALL_MEMORY_SECTION = Buffer.from([5, 7, 1, 1, 0xc0, 0x00]);

const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: WebAssemblyApi };
const compiled = new wasm.Module(
  withSmallMemory(readFileSync(new URL('../../build/torpor-core.wasm', import.meta.url))),
);

/** The same code, which begins with 4 MiB; `init` takes what it needs beyond. */
function withSmallMemory(bytes: Buffer): Buffer {
  const at = bytes.indexOf(MEMORY_SECTION);
  if (at < 0) throw new Error('the module asks for another memory than it did: see asconfig.json');
  SMALL_MEMORY_SECTION.copy(bytes, at);
  return bytes;
}

/** As `loadCore` makes it, at once. */
export function makeCore(): StreamCore {
  const exports = new wasm.Instance(compiled, {}).exports as CoreAbi;
  const status = exports.init(MAX_STREAMS, HEAP_BYTES);
  if (status !== 0) throw new Error(`the core's memory was not granted (status ${status})`);
  return new StreamCore(exports);
}
