// Fetches the stream core and starts it in a page or a worker: with SIMD where the browser has it, else without. Neither Node nor a bundler
// is needed; bundlers that know `new URL(…, import.meta.url)` bring the module along.
import type { CoreAbi } from '../core/abi.ts';
import { checkAbi } from '../core/check-abi.ts';
import { errorText, TorporError } from '../platform/errors.ts';

export interface LoadCoreOptions {
  /** Where the module with SIMD is. Default: the package's own, beside this file. */
  readonly simdUrl?: string | URL;
  /** Where the one without is. */
  readonly scalarUrl?: string | URL;
  /** Memory for buffers, addresses only until it is used. Default 8 MiB. */
  readonly heapBytes?: number;
  /** Streams that `observe` can judge at once. Default 16. */
  readonly maxStreams?: number;
}

const DEFAULT_HEAP_BYTES = 8 * 1024 * 1024;
const DEFAULT_MAX_STREAMS = 16;

/** A module of one function, `() -> v128`, that no engine without SIMD takes: type, function, code with `i32.const 0`, `i8x16.splat`. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 5, 1, 0x60, 0, 1, 0x7b],
  ...[3, 2, 1, 0],
  ...[10, 8, 1, 6, 0, 0x41, 0, 0xfd, 0x0f, 0x0b],
);

/**
 * A fresh instance, laid out and ready: its exports, which `CoreAbi` describes. Throws ERR_CORE_LOAD where the module is not to be had or does not
 * start (a page's policy must allow it: `script-src 'wasm-unsafe-eval'`), ERR_CORE_ABI where it is another's, ERR_CORE_MEMORY where there is none.
 */
export async function loadCore(options: LoadCoreOptions = {}): Promise<CoreAbi> {
  const url = WebAssembly.validate(SIMD_PROBE)
    ? (options.simdUrl ?? new URL('../../build/torpor-core.wasm', import.meta.url))
    : (options.scalarUrl ?? new URL('../../build/torpor-core.scalar.wasm', import.meta.url));
  const core = checkAbi(await instantiate(url), String(url));
  const status = core.init(options.maxStreams ?? DEFAULT_MAX_STREAMS, options.heapBytes ?? DEFAULT_HEAP_BYTES);
  if (status === 0) return core;
  throw new TorporError('ERR_CORE_MEMORY', `the stream core was not granted its memory (status ${status})`);
}

async function instantiate(url: string | URL): Promise<Readonly<Record<string, unknown>>> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    // Streaming wants the right type; some servers have none for .wasm.
    const isTyped = response.headers.get('content-type')?.split(';')[0]?.trim() === 'application/wasm';
    const { instance } = isTyped
      ? await WebAssembly.instantiateStreaming(response, {})
      : await WebAssembly.instantiate(await response.arrayBuffer(), {});
    return instance.exports;
  } catch (cause) {
    throw new TorporError('ERR_CORE_LOAD', `the stream core did not start from ${url}: ${errorText(cause)}`, { cause });
  }
}
