// The exports of a WebAssembly module with their signatures, read from its bytes: the JavaScript API names exports but tells no types.
// Source: WebAssembly Core Specification 2.0, section 5.5 (modules).

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'other';

export interface ExportedFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

const SECTION_TYPE = 1;
const SECTION_IMPORT = 2;
const SECTION_FUNCTION = 3;
const SECTION_EXPORT = 7;
const HEADER_BYTES = 8;
const KIND_FUNCTION = 0;
const VALUE_TYPES: Readonly<Record<number, ValueType>> = { 127: 'i32', 126: 'i64', 125: 'f32', 124: 'f64' };

/** The functions that `module` exports, in its order. Throws an Error for a module with imports: the core has none. */
export function readExportedFunctions(module: Uint8Array): ExportedFunction[] {
  const sections = readSections(module);
  if (sections.has(SECTION_IMPORT)) throw new Error('the module has imports');
  const types = readTypes(sectionOf(sections, SECTION_TYPE));
  const functions = sectionOf(sections, SECTION_FUNCTION);
  const typeOfFunction = functions.list(() => functions.number());
  const exports = sectionOf(sections, SECTION_EXPORT);
  const found: ExportedFunction[] = [];
  exports.list(() => {
    const name = exports.name();
    const kind = exports.byte();
    const type = types[typeOfFunction[exports.number()] ?? -1];
    if (kind !== KIND_FUNCTION) return;
    if (type === undefined) throw new Error(`export ${name} has no type`);
    found.push({ name, ...type });
  });
  return found;
}

function readSections(module: Uint8Array): Map<number, Reader> {
  const reader = new Reader(module.subarray(HEADER_BYTES));
  const sections = new Map<number, Reader>();
  while (!reader.isAtEnd()) {
    const id = reader.byte();
    sections.set(id, new Reader(reader.bytes(reader.number())));
  }
  return sections;
}

function sectionOf(sections: Map<number, Reader>, id: number): Reader {
  const section = sections.get(id);
  if (section === undefined) throw new Error(`the module has no section ${id}`);
  return section;
}

function readTypes(section: Reader): Array<Omit<ExportedFunction, 'name'>> {
  return section.list(() => {
    const form = section.byte();
    if (form !== 0x60) throw new Error(`type ${form} is no function`);
    const values = () => section.list(() => VALUE_TYPES[section.byte()] ?? 'other');
    return { parameters: values(), results: values() };
  });
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error('the module is cut short');
    return byte;
  }

  /** Unsigned LEB128. */
  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return value;
    }
  }

  bytes(count: number): Uint8Array {
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  name(): string {
    return new TextDecoder().decode(this.bytes(this.number()));
  }

  list<Item>(read: () => Item): Item[] {
    return Array.from({ length: this.number() }, read);
  }
}
