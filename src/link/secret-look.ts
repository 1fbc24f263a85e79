// Whether a direction of a stream is encrypted, from its first chunks: such bytes do not shrink, and hold secrets. Pure.

/** Looked at for TLS and SSH: some protocols begin them after words in the clear (STARTTLS, VeNCrypt, RDP). */
const LOOKED_AT_CHUNKS = 16;
/** "SSH-" */
const SSH_GREETING = [0x53, 0x53, 0x48, 0x2d];

export class SecretLook {
  #lookedAtChunks = 0;
  #isSecret = false;

  /** True from the chunk on that begins a TLS handshake (RFC 8446 section 5.1: type 22, version 3.x) or SSH's greeting (RFC 4253 section 4.2). */
  look(chunk: Uint8Array): boolean {
    if (this.#isSecret || this.#lookedAtChunks >= LOOKED_AT_CHUNKS) return this.#isSecret;
    this.#lookedAtChunks += 1;
    const isTls = chunk.length >= 6 && chunk[0] === 22 && chunk[1] === 3 && (chunk[2] as number) <= 4;
    this.#isSecret = isTls || SSH_GREETING.every((byte, at) => chunk[at] === byte);
    return this.#isSecret;
  }
}
