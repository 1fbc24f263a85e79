// include/torpor-core.h against the modules and against abi.ts: whoever changes an export, a status or a flag is told here.
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import * as abi from '../../src/core/abi.ts';
import { BUILDS } from '../asm/support/raw-core.ts';
import { type ExportedFunction, readExportedFunctions, type ValueType } from './support/wasm-exports.ts';

const HEADER = await readFile(new URL('../../include/torpor-core.h', import.meta.url), 'utf8');
const LIST = await readFile(new URL('../../include/torpor-core-exports.inc', import.meta.url), 'utf8');
const PACKAGE = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));

const WASM_TYPES: Readonly<Record<string, ValueType>> = {
  int32_t: 'i32',
  uint32_t: 'i32',
  torpor_ptr: 'i32',
  torpor_stream: 'i32',
  int64_t: 'i64',
  uint64_t: 'i64',
};
/** What the header has beside the exports. */
const NO_EXPORTS = ['create', 'destroy', 'memory'];

/** The header's prototypes, as signatures of WebAssembly; a C type that is none of an export's throws. */
function readPrototypes(): ExportedFunction[] {
  return [...HEADER.matchAll(/^(\w+) \*?torpor_(\w+)\(([^)]*)\);/gm)].flatMap(([, result, name, list]) => {
    if (NO_EXPORTS.includes(name as string)) return [];
    const [core, ...parameters] = (list as string).split(',').map((each) => each.trim().replaceAll(/\s+/g, ' '));
    expect(core).toBe('struct torpor_core *core');
    return [
      {
        name: name as string,
        parameters: parameters.map((each) => wasmType(each.split(' ')[0] as string)),
        results: result === 'void' ? [] : [wasmType(result as string)],
      },
    ];
  });
}

function wasmType(type: string): ValueType {
  const found = WASM_TYPES[type];
  if (found === undefined) throw new Error(`torpor-core.h uses the type ${type}, which no export has`);
  return found;
}

function readConstants(prefix: string): Record<string, number> {
  return Object.fromEntries(
    [...HEADER.matchAll(new RegExp(`^#define TORPOR_(${prefix}\\w+) \\(?(-?\\d+)\\)?$`, 'gm'))].map(
      ([, name, value]) => [name as string, Number(value)],
    ),
  );
}

/** The numbers of abi.ts whose names start with `prefix`, without it. */
function abiNumbers(prefix: string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(abi).flatMap(([name, value]) =>
      name.startsWith(prefix) && typeof value === 'number' ? [[name.slice(prefix.length), value]] : [],
    ),
  );
}

const byName = (one: ExportedFunction, other: ExportedFunction) => one.name.localeCompare(other.name);

describe('torpor-core.h', () => {
  it.each(BUILDS)('header: beside the exports of %s -> the same names and signatures', async (build) => {
    const module = await readFile(new URL(`../../build/${build}`, import.meta.url));
    expect(readPrototypes().sort(byName)).toEqual(readExportedFunctions(module).sort(byName));
  });

  it('header: each prototype -> has a comment of its own above it', () => {
    const paragraphs = HEADER.split('\n\n').filter((each) => /^\w+ \*?torpor_\w+\(/m.test(each));
    for (const paragraph of paragraphs) expect(paragraph).toMatch(/^\/\/ /);
    expect(paragraphs.length).toBeGreaterThan(readPrototypes().length);
  });

  it('torpor-core-exports.inc: its lines -> one per export, with as many parameters', () => {
    const bound = [...LIST.matchAll(/^TORPOR_EXPORT(\d)\((\w+), (\w+)\)$/gm)].map(
      ([, count, type, name]): ExportedFunction => ({
        name: name as string,
        parameters: Array.from({ length: Number(count) }, () => 'i32' as const),
        results: [wasmType(type as string)],
      }),
    );
    expect(bound.sort(byName)).toEqual(readPrototypes().sort(byName));
  });

  it('header: its constants -> those of abi.ts, all of them', () => {
    const statuses = Object.entries(abiNumbers('STATUS_'));
    const header = readConstants('');
    for (const [name, value] of statuses) expect({ [name]: header[name] }).toEqual({ [name]: value });
    for (const prefix of ['FLAG_', 'DIRECTION_']) {
      for (const [name, value] of Object.entries(abiNumbers(prefix))) {
        expect({ [name]: header[name] }).toEqual({ [name]: value });
      }
    }
    const negative = Object.values(header).filter((value) => value < 0);
    expect(negative.sort()).toEqual(statuses.map(([, value]) => value).sort());
    expect(header.ABI_VERSION).toBe(abi.ABI_VERSION);
  });

  it('header: its protocols -> those that abi.ts lets a stream be opened with', () => {
    const names = Object.entries(readConstants('PROTOCOL_')).map(([name, value]) => [
      value,
      name.replace('PROTOCOL_', '').toLowerCase(),
    ]);
    expect(names).toEqual([...abi.PROTOCOL_NAMES.slice(0, abi.PROTOCOL_HINT_LAST + 1).entries()]);
  });

  it('package: its files -> both modules, the header, its binding and the guide', () => {
    expect(PACKAGE.files).toEqual(
      expect.arrayContaining(['build/torpor-core.wasm', 'build/torpor-core.scalar.wasm', 'include', 'docs']),
    );
  });
});
