// The module as a whole: what it exports, that it needs nothing, and that its memory is laid out once.
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  ABI_VERSION,
  CORE_FUNCTIONS,
  STATUS_ALREADY_LAID_OUT,
  STATUS_BAD_ARGUMENT,
  STATUS_BAD_RANGE,
} from '../../src/core/abi.ts';
import { rawCore } from './support/raw-core.ts';

interface ModuleReflection {
  readonly Module: {
    new (bytes: Uint8Array): object;
    imports(module: object): unknown[];
    exports(module: object): Array<{ name: string; kind: string }>;
  };
}
const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: ModuleReflection };
const MODULE_PATH = new URL('../../build/torpor-core.wasm', import.meta.url);

describe('module', () => {
  it('module: compiled -> imports nothing', async () => {
    expect(wasm.Module.imports(new wasm.Module(await readFile(MODULE_PATH)))).toHaveLength(0);
  });

  it('module: compiled -> exports the interface of abi.ts and nothing else', async () => {
    const exports = wasm.Module.exports(new wasm.Module(await readFile(MODULE_PATH)));
    const functions = exports.filter(({ kind }) => kind === 'function').map(({ name }) => name);
    expect(functions.sort()).toEqual([...CORE_FUNCTIONS].sort());
    expect(exports.filter(({ kind }) => kind !== 'function')).toEqual([{ name: 'memory', kind: 'memory' }]);
  });

  it('module: started -> answers its version and a tick of one millisecond', async () => {
    const core = await rawCore();
    expect(core.abi_version()).toBe(ABI_VERSION);
    expect(core.abi_tick_ms()).toBe(1);
  });
});

describe('layout', () => {
  it('layout: LZ4 and buffers used without init -> work, and the memory does not move', async () => {
    const core = await rawCore();
    const before = core.memory.buffer;
    const src = core.place(Buffer.from('idle idle idle idle idle idle idle'));
    const dst = core.buffer_alloc(core.lz4_compress_bound(34));
    const back = core.buffer_alloc(34);
    const size = core.lz4_compress_block(src, 34, dst, core.lz4_compress_bound(34));
    expect(core.lz4_decompress_block(dst, size, back, 34)).toBe(34);
    expect(core.read(back, 34).toString()).toBe('idle idle idle idle idle idle idle');
    expect(core.memory.buffer).toBe(before);
  });

  it('layout: 16 MiB block without init -> source, block and result fit beside each other', async () => {
    const core = await rawCore();
    const size = 16 * 1024 * 1024;
    const [src, dst] = [core.buffer_alloc(size), core.buffer_alloc(core.lz4_compress_bound(size))];
    const blockBytes = core.lz4_compress_block(src, size, dst, core.lz4_compress_bound(size));
    expect(blockBytes).toBeLessThan(size / 200);
    expect(core.buffer_free(src)).toBe(0);
    expect(core.lz4_decompress_block(dst, blockBytes, core.buffer_alloc(size), size)).toBe(size);
  });

  it('layout: init -> its sizes hold, and a second init is refused', async () => {
    const core = await rawCore(100, 1_000_000);
    expect(core.stream_capacity()).toBe(100);
    expect(core.heap_capacity()).toBe(Math.ceil(1_000_000 / 256) * 256);
    expect(core.init(100, 1_000_000)).toBe(STATUS_ALREADY_LAID_OUT);
  });

  it('layout: init after a buffer or a stream -> refused', async () => {
    const withBuffer = await rawCore();
    withBuffer.buffer_alloc(1);
    expect(withBuffer.init(1, 1024)).toBe(STATUS_ALREADY_LAID_OUT);
    const withStream = await rawCore();
    withStream.stream_open(1, 0);
    expect(withStream.init(1, 1024)).toBe(STATUS_ALREADY_LAID_OUT);
  });

  it.each([
    [0, 1024],
    [65_537, 1024],
    [-1, 1024],
    [1, 0],
    [1, 2 ** 30 + 1],
    [1, -1],
  ])('layout: init(%i, %i) -> refused, and the core can still be laid out', async (streams, bytes) => {
    const core = await rawCore();
    expect(core.init(streams, bytes)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.stream_capacity()).toBe(0);
    expect(core.init(65_536, 256 * 1024)).toBe(0);
  });

  it('layout: init beyond the first 64 MiB -> the memory grows once, then never', async () => {
    const core = await rawCore(65_536, 100 * 1024 * 1024);
    const buffer = core.memory.buffer;
    expect(buffer.byteLength).toBeGreaterThan(100 * 1024 * 1024);
    while (core.buffer_alloc(8 * 1024 * 1024) !== 0);
    expect(core.memory.buffer).toBe(buffer);
  });

  it('layout: calls before any layout -> statuses, no trap', async () => {
    const core = await rawCore();
    expect(core.lz4_compress_block(4096, 10, 8192, 100)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_decompress_block(4096, 10, 8192, 100)).toBe(STATUS_BAD_RANGE);
    expect(core.buffer_free(4096)).toBeLessThan(0);
    expect(core.stream_is_active(65_536)).toBeLessThan(0);
    expect(core.observe(65_536, 0, 0, 0, 0)).toBeLessThan(0);
    expect(core.advance(0, 4096, 1)).toBe(STATUS_BAD_RANGE);
  });
});
