// Reads little-endian fields from untrusted bytes, each length checked before it is read. Knows no message.
import { TorporError } from '../../platform/errors.ts';

/**
 * A cursor over one message. Every read past the end throws ERR_IPMI_PROTOCOL naming the message, the field's place and
 * the lengths; nothing is ever read outside the message. Multi-byte integers are little-endian, as IPMI v2.0 has them
 * throughout (section 1.6: "least significant byte first").
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #subject: string;
  #offset = 0;

  /** `subject` names the message in errors: "RAKP message 2". */
  constructor(bytes: Uint8Array, subject: string) {
    this.#bytes = bytes;
    this.#subject = subject;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** The next `lengthBytes` bytes as a view, not a copy. */
  take(lengthBytes: number): Uint8Array {
    if (lengthBytes < 0 || lengthBytes > this.remaining) {
      throw new TorporError(
        'ERR_IPMI_PROTOCOL',
        `${this.#subject} is too short: ${lengthBytes} bytes needed at offset ${this.#offset}, ${this.remaining} there`,
      );
    }
    const start = this.#offset;
    this.#offset += lengthBytes;
    return this.#bytes.subarray(start, this.#offset);
  }

  skip(lengthBytes: number): void {
    this.take(lengthBytes);
  }

  u8(): number {
    return this.take(1)[0] as number;
  }

  u16(): number {
    const field = this.take(2);
    return (field[0] as number) | ((field[1] as number) << 8);
  }

  u32(): number {
    const low = this.u16();
    return low + this.u16() * 0x1_0000;
  }

  /** All that is left, possibly nothing. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** Throws ERR_IPMI_PROTOCOL with the message's name: for a field that cannot be what it says. */
  refuse(why: string): never {
    throw new TorporError('ERR_IPMI_PROTOCOL', `${this.#subject}: ${why}`);
  }
}

/** Joins parts into one array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** `value` as two bytes, least significant first. */
export function u16Bytes(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff);
}

/** `value` as four bytes, least significant first. */
export function u32Bytes(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff);
}

/** `0x1f`: how this project writes an IPMI number in words for people. */
export function hexByte(value: number): string {
  return `${value.toString(16).toUpperCase().padStart(2, '0')}h`;
}
