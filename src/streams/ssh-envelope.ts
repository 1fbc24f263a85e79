// Follows one direction of an SSH connection to the point from which it is encrypted: its lines, then its packets up to NEWKEYS.

/** Source: RFC 4253 section 4.2. A server may send other lines before its own. */
const IDENTIFICATION = 'SSH-';
/** Source: RFC 4253 section 7.3. */
const MESSAGE_NEWKEYS = 21;
/** Packet length (4 bytes), padding length, message number. Source: RFC 4253 section 6. */
const PACKET_HEAD_BYTES = 6;
const LENGTH_FIELD_BYTES = 4;
/** No packet of a key exchange is larger. Source: RFC 4253 section 6.1 asks for 35,000; OpenSSH takes 256 KiB. */
const PACKET_MAX_BYTES = 256 * 1024;
const LINE_FEED = 0x0a;

export function startsSsh(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, IDENTIFICATION.length)).toString('latin1') === IDENTIFICATION;
}

export class SshEnvelope {
  #phase: 'lines' | 'packets' | 'sealed' = 'lines';
  #lineStart = '';
  #head: number[] = [];
  #bodyBytes = 0;
  #endsKeys = false;

  /** Reads on; answers how many of the first bytes came before the encryption. */
  read(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && this.#phase !== 'sealed') {
      const byte = bytes[at] as number;
      if (this.#phase === 'lines') {
        this.#takeLineByte(byte);
        at += 1;
      } else if (this.#bodyBytes > 0) {
        const taken = Math.min(this.#bodyBytes, bytes.length - at);
        this.#bodyBytes -= taken;
        at += taken;
        this.#endPacket();
      } else {
        this.#takeHeadByte(byte);
        at += 1;
      }
    }
    return at;
  }

  #takeLineByte(byte: number): void {
    if (byte !== LINE_FEED) {
      if (this.#lineStart.length < IDENTIFICATION.length) this.#lineStart += String.fromCharCode(byte);
      return;
    }
    if (this.#lineStart === IDENTIFICATION) this.#phase = 'packets';
    this.#lineStart = '';
  }

  #takeHeadByte(byte: number): void {
    this.#head.push(byte);
    if (this.#head.length < PACKET_HEAD_BYTES) return;
    const length = Buffer.from(this.#head).readUInt32BE(0);
    this.#endsKeys = this.#head[PACKET_HEAD_BYTES - 1] === MESSAGE_NEWKEYS;
    this.#bodyBytes = length + LENGTH_FIELD_BYTES - PACKET_HEAD_BYTES;
    this.#head = [];
    // What is no packet is not understood, and what is not understood is taken for encrypted.
    if (length > PACKET_MAX_BYTES || this.#bodyBytes < 0) this.#phase = 'sealed';
    else this.#endPacket();
  }

  #endPacket(): void {
    if (this.#bodyBytes === 0 && this.#endsKeys) this.#phase = 'sealed';
  }
}
