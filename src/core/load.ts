// Finds, compiles and instantiates the stream core's module and checks that it is the one this package speaks to.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { TorporError } from '../platform/errors.ts';
import type { CoreAbi } from './abi.ts';
import { checkAbi } from './check-abi.ts';

/** The bytes of a WebAssembly module. */
export type WasmBytes = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** What is used of the WebAssembly API; the Node types do not declare it. */
interface WebAssemblyApi {
  compile(bytes: WasmBytes): Promise<object>;
  instantiate(module: object, imports: object): Promise<{ readonly exports: Readonly<Record<string, unknown>> }>;
}

/** `build/torpor-core.wasm` of the package: the same distance from src/core (tests) and from dist/core (installed). */
const MODULE_URL = new URL('../../build/torpor-core.wasm', import.meta.url);

/**
 * A fresh instance of the stream core, from the package's own module or from `wasm`.
 * Throws ERR_CORE_LOAD where there is no module or it does not instantiate, ERR_CORE_ABI where it is another interface.
 */
export async function instantiateCore(wasm?: WasmBytes): Promise<CoreAbi> {
  const bytes = wasm ?? (await readModule());
  const origin = wasm === undefined ? fileURLToPath(MODULE_URL) : 'the given bytes';
  const { WebAssembly: webAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = (await webAssembly.instantiate(await webAssembly.compile(bytes), {})).exports;
  } catch (cause) {
    throw new TorporError(
      'ERR_CORE_LOAD',
      `the stream core did not start from ${origin}: it is no WebAssembly module without imports, or there is no memory for it; build it again with "npm run build:core"`,
      { cause },
    );
  }
  return checkAbi(exports, origin);
}

async function readModule(): Promise<WasmBytes> {
  try {
    return await readFile(MODULE_URL);
  } catch (cause) {
    throw new TorporError(
      'ERR_CORE_LOAD',
      `the stream core was not found at ${fileURLToPath(MODULE_URL)}: build it with "npm run build:core", or install the package again`,
      { cause },
    );
  }
}
