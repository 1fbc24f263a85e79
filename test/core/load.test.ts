// Loading the core: what is checked before anything runs, and what the errors say.
import { describe, expect, it } from 'vitest';
import { loadCore } from '../../src/core/stream-core.ts';
import { loadCore as loadFromFace, TorporError } from '../../src/index.ts';

/** A module built byte by byte from the WebAssembly binary format: exports one function that answers `value`. */
function moduleWithExport(name: string, value: number): Uint8Array<ArrayBuffer> {
  const nameBytes = [...Buffer.from(name)];
  const section = (id: number, content: number[]) => [id, content.length, ...content];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 0, 1, 0x7f]),
    ...section(3, [1, 0]),
    ...section(7, [1, nameBytes.length, ...nameBytes, 0, 0]),
    ...section(10, [1, 4, 0, 0x41, value, 0x0b]),
  ]);
}

const codeOf = async (loading: Promise<unknown>) => {
  const thrown = await loading.then(
    () => expect.fail('it loaded'),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(TorporError);
  return thrown as TorporError;
};

describe('loadCore', () => {
  it('load: from the package -> a core with the default sizes', async () => {
    const core = await loadFromFace();
    expect(core.tickMs).toBe(1);
    expect(core.maxStreams).toBe(16_384);
    expect(core.maxBlockBytes).toBeGreaterThan(16 * 1024 * 1024);
  });

  it('load: two cores -> share nothing', async () => {
    const [one, other] = [await loadCore({ maxStreams: 1 }), await loadCore({ maxStreams: 1 })];
    one.openStream(1, 0);
    expect(() => other.openStream(1, 0)).not.toThrow();
  });

  it('load: bytes that are no module -> ERR_CORE_LOAD, with what to do', async () => {
    const error = await codeOf(loadCore({ wasm: Uint8Array.from([1, 2, 3]) }));
    expect(error.code).toBe('ERR_CORE_LOAD');
    expect(error.message).toMatch(/npm run build:core/);
    expect(error.cause).toBeDefined();
  });

  it('load: a module with another version of the interface -> ERR_CORE_ABI, naming both', async () => {
    const error = await codeOf(loadCore({ wasm: moduleWithExport('abi_version', 42) }));
    expect(error.code).toBe('ERR_CORE_ABI');
    expect(error.message).toMatch(/version 42 .* version 3\b/);
  });

  it('load: a module of something else -> ERR_CORE_ABI', async () => {
    const error = await codeOf(loadCore({ wasm: moduleWithExport('main', 0) }));
    expect(error.code).toBe('ERR_CORE_ABI');
    expect(error.message).toMatch(/is not the stream core/);
  });

  it('load: right version but exports missing -> ERR_CORE_ABI, naming them', async () => {
    const error = await codeOf(loadCore({ wasm: moduleWithExport('abi_version', 3) }));
    expect(error.code).toBe('ERR_CORE_ABI');
    expect(error.message).toMatch(/lacks .*lz4_decompress_block.*memory/);
  });

  it.each([
    { maxStreams: 0 },
    { maxStreams: 65_537 },
    { maxStreams: 1.5 },
    { heapBytes: 1000 },
    { heapBytes: 2 ** 31 },
  ])('load: sizes %o -> ERR_CORE_MEMORY, with the bounds', async (options) => {
    const error = await codeOf(loadCore(options));
    expect(error.code).toBe('ERR_CORE_MEMORY');
    expect(error.message).toMatch(/1 to 65536 streams/);
  });
});
