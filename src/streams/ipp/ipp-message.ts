// IPP messages as bytes and as attributes (RFC 8010 section 3). What they mean is the reader's; a document that follows is not looked at.

/** RFC 8010 section 3.5.1. */
export const GROUP = { operation: 0x01, job: 0x02, printer: 0x04, unsupported: 0x05 } as const;
const END_OF_ATTRIBUTES = 0x03;
/** Below it are tags that begin a group. */
const FIRST_VALUE_TAG = 0x10;
/** RFC 8010 section 3.5.2. */
export const TAG = {
  integer: 0x21,
  boolean: 0x22,
  enum: 0x23,
  text: 0x41,
  name: 0x42,
  keyword: 0x44,
  uri: 0x45,
  charset: 0x47,
  language: 0x48,
} as const;
/** Version, operation or status, request-id. */
const HEADER_BYTES = 8;

export interface IppValue {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

/** A collection's members are more values of it: on the wire they have no name either (RFC 8010 section 3.1.6). */
export interface IppAttribute {
  /** US-ASCII (RFC 8010 section 3.1.4); other bytes are kept, one sign each. */
  readonly name: string;
  readonly values: readonly IppValue[];
}

export interface IppGroup {
  readonly tag: number;
  readonly attributes: readonly IppAttribute[];
}

export interface IppMessage {
  /** Major in the upper byte. */
  readonly version: number;
  /** Of a request its operation, of a response its status. */
  readonly code: number;
  readonly requestId: number;
  readonly groups: readonly IppGroup[];
}

/** `bytes`: up to the document, or to the end. */
export type DecodedIpp =
  | { readonly kind: 'whole'; readonly message: IppMessage; readonly bytes: number }
  | { readonly kind: 'more' }
  | { readonly kind: 'broken' };

const MORE: DecodedIpp = { kind: 'more' };
const BROKEN: DecodedIpp = { kind: 'broken' };

interface OpenAttribute {
  readonly name: string;
  readonly values: IppValue[];
}

/** A message that is there as far as it ever will be. Values are copies. */
export function decodeIpp(bytes: Uint8Array): DecodedIpp {
  return new IppDecoder().push(bytes);
}

/** Of bytes that come piece by piece: what was understood once is not read again. Keeps a copy of all of them, and has no bound. */
export class IppDecoder {
  #bytes: Buffer = Buffer.alloc(512);
  #length = 0;
  /** Up to here all is in `#groups`. */
  #at = HEADER_BYTES;
  readonly #groups: Array<{ tag: number; attributes: OpenAttribute[] }> = [];

  /** So many bytes have come. */
  get length(): number {
    return this.#length;
  }

  /** What came behind the attributes. */
  get rest(): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#length);
  }

  /** Not to be called again once it has answered anything but `more`. */
  push(bytes: Uint8Array): DecodedIpp {
    this.#append(bytes);
    while (this.#at < this.#length) {
      const tag = this.#bytes[this.#at] as number;
      if (tag === END_OF_ATTRIBUTES) {
        this.#at += 1;
        return { kind: 'whole', message: this.#message(), bytes: this.#at };
      }
      if (tag < FIRST_VALUE_TAG) {
        this.#groups.push({ tag, attributes: [] });
        this.#at += 1;
      } else {
        const problem = this.#takeValue(tag);
        if (problem !== null) return problem;
      }
    }
    return MORE;
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = needed;
  }

  /** null: it was taken. */
  #takeValue(tag: number): DecodedIpp | null {
    const nameAt = this.#at + 3;
    if (nameAt > this.#length) return MORE;
    const lengthAt = nameAt + this.#bytes.readUInt16BE(nameAt - 2);
    const valueAt = lengthAt + 2;
    if (valueAt > this.#length) return MORE;
    const valueEnd = valueAt + this.#bytes.readUInt16BE(lengthAt);
    if (valueEnd > this.#length) return MORE;
    const name = this.#bytes.toString('latin1', nameAt, lengthAt);
    const value = { tag, bytes: Uint8Array.from(this.#bytes.subarray(valueAt, valueEnd)) };
    this.#at = valueEnd;
    return addValue(this.#groups.at(-1)?.attributes, name, value) ? null : BROKEN;
  }

  #message(): IppMessage {
    const [version, code] = [this.#bytes.readUInt16BE(0), this.#bytes.readUInt16BE(2)];
    return { version, code, requestId: this.#bytes.readInt32BE(4), groups: this.#groups };
  }
}

/** False: a value of no attribute, or of no group. */
function addValue(attributes: OpenAttribute[] | undefined, name: string, value: IppValue): boolean {
  if (attributes === undefined) return false;
  if (name !== '') attributes.push({ name, values: [value] });
  else if (attributes.at(-1)?.values.push(value) === undefined) return false;
  return true;
}

export function encodeIpp({ version, code, requestId, groups }: IppMessage): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(version, 0);
  header.writeUInt16BE(code, 2);
  header.writeInt32BE(requestId, 4);
  const parts: Uint8Array[] = [header];
  for (const { tag, attributes } of groups) {
    parts.push(Uint8Array.of(tag));
    for (const { name, values } of attributes)
      for (const [at, value] of values.entries()) parts.push(...encodeValue(at === 0 ? name : '', value));
  }
  parts.push(Uint8Array.of(END_OF_ATTRIBUTES));
  return Buffer.concat(parts);
}

function encodeValue(name: string, { tag, bytes }: IppValue): Uint8Array[] {
  const nameBytes = Buffer.from(name, 'latin1');
  const start = Buffer.alloc(3);
  start.writeUInt8(tag, 0);
  start.writeUInt16BE(nameBytes.length, 1);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length, 0);
  return [start, nameBytes, length, bytes];
}

// ------------------------------------------------------------------------------------------ attributes

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export function textAttribute(tag: number, name: string, ...values: readonly string[]): IppAttribute {
  return { name, values: values.map((value) => ({ tag, bytes: new TextEncoder().encode(value) })) };
}

/** Of `integer` and `enum`. */
export function numberAttribute(tag: number, name: string, value: number): IppAttribute {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return { name, values: [{ tag, bytes }] };
}

/** Of all groups of that kind, in their order. */
export function attributesOf(message: IppMessage, group: number): IppAttribute[] {
  return message.groups.filter(({ tag }) => tag === group).flatMap(({ attributes }) => attributes);
}

export function textsOf(attributes: readonly IppAttribute[], name: string): string[] {
  const found = attributes.find((attribute) => attribute.name === name);
  return found?.values.map(({ bytes }) => textOf(bytes)) ?? [];
}

/** null: it is not there, or no such number. */
export function numberOf(attributes: readonly IppAttribute[], name: string): number | null {
  const bytes = attributes.find((attribute) => attribute.name === name)?.values[0]?.bytes;
  if (bytes?.length !== 4) return null;
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0);
}

/** Of a boolean, false where it says so. */
export function isFalse(attributes: readonly IppAttribute[], name: string): boolean {
  const bytes = attributes.find((attribute) => attribute.name === name)?.values[0]?.bytes;
  return bytes?.length === 1 && bytes[0] === 0;
}
