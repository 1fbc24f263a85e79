// Finds TLS records in the reads of one direction: their headers, and which bytes are no secret. Looks into no record.

/** One record's header; `length` is null while its bytes have not all come. */
export interface TlsHeader {
  readonly type: number;
  length: number | null;
}

/** Source: RFC 8446 section 5.1. */
const HEADER_BYTES = 5;
const TYPE_CHANGE_CIPHER_SPEC = 20;
const TYPE_HANDSHAKE = 22;
const TYPE_LAST = 24;
const HANDSHAKE_CLIENT_HELLO = 1;
const VERSION_MINOR_LAST = 4;
/** Record header, then the handshake's type and its length in three bytes. Source: RFC 8446 section 4. */
const HELLO_START_BYTES = 9;
const HANDSHAKE_HEADER_BYTES = 4;

/** Whether a read begins with a TLS record. */
export function startsTlsRecord(bytes: Uint8Array): boolean {
  const [type = 0, major = 3, minor = 0] = bytes;
  return type >= TYPE_CHANGE_CIPHER_SPEC && type <= TYPE_LAST && major === 3 && minor <= VERSION_MINOR_LAST;
}

/** Where in a client's read a ClientHello begins, or -1: a handshake record that this one message fills. */
export function findClientHello(bytes: Buffer): number {
  for (let at = bytes.indexOf(TYPE_HANDSHAKE); at >= 0; at = bytes.indexOf(TYPE_HANDSHAKE, at + 1)) {
    if (at + HELLO_START_BYTES > bytes.length) return -1;
    const [type, major, minor, high = 0, low = 0, message, top, middle = 0, bottom = 0] = bytes.subarray(at);
    const isRecord = type === TYPE_HANDSHAKE && major === 3 && (minor ?? 255) <= VERSION_MINOR_LAST;
    const isHello = message === HANDSHAKE_CLIENT_HELLO && top === 0;
    const recordBytes = (high << 8) | low;
    // A hello too large for one record, as post-quantum keys make them, reaches into the next.
    const fills = ((middle << 8) | bottom) + HANDSHAKE_HEADER_BYTES >= recordBytes;
    if (isRecord && isHello && fills && recordBytes > HANDSHAKE_HEADER_BYTES) return at;
  }
  return -1;
}

/** One direction from its first record on. */
export class TlsRecords {
  #header: number[] = [];
  #pending: TlsHeader | null = null;
  #bodyBytes = 0;
  #isSealed = false;

  /**
   * Reads on. `headers`: of the records whose header begins in these bytes; the last one's length may follow with a later read.
   * `plainBytes`: how many of the first bytes are no secret, a handshake in the clear or a record's header.
   */
  read(bytes: Uint8Array): { headers: TlsHeader[]; plainBytes: number } {
    const headers: TlsHeader[] = [];
    const startsRecord = this.#bodyBytes === 0 && this.#header.length === 0;
    const startsInClear = startsRecord && !this.#isSealed && bytes[0] === TYPE_HANDSHAKE;
    let at = 0;
    while (at < bytes.length) {
      if (this.#bodyBytes > 0) {
        const taken = Math.min(this.#bodyBytes, bytes.length - at);
        this.#bodyBytes -= taken;
        at += taken;
        continue;
      }
      this.#takeHeaderByte(bytes[at] as number, headers);
      at += 1;
    }
    const clearBytes = startsInClear ? (headers[0]?.length ?? 0) : 0;
    return { headers, plainBytes: startsRecord ? Math.min(HEADER_BYTES + clearBytes, bytes.length) : 0 };
  }

  #takeHeaderByte(byte: number, headers: TlsHeader[]): void {
    if (this.#header.length === 0) {
      this.#pending = { type: byte, length: null };
      headers.push(this.#pending);
      // What follows a change of ciphers, or is no handshake, is encrypted.
      this.#isSealed ||= byte !== TYPE_HANDSHAKE;
    }
    this.#header.push(byte);
    if (this.#header.length < HEADER_BYTES) return;
    const [, , , high = 0, low = 0] = this.#header;
    this.#bodyBytes = (high << 8) | low;
    if (this.#pending !== null) this.#pending.length = this.#bodyBytes;
    this.#header = [];
  }
}
