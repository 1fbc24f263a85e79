// NBD, both directions: which requests are on their way. Source: the NBD protocol (doc/proto.md of NetworkBlockDevice/nbd), oldstyle and
// newstyle negotiation, transmission with simple, structured and extended headers. Leaves time and bounds to disk-requests.ts.
import { MessageReader } from './message-reader.ts';
import type { RequestTable } from './request-table.ts';

/** "NBDMAGIC", with which a server begins. */
export const NBD_MAGIC = 0x4e42_444d_4147_4943n;
const OPTION_MAGIC = 0x4948_4156_454f_5054n;
const OLDSTYLE_MAGIC = 0x0000_4202_8186_1253n;
const OPTION_REPLY_MAGIC = 0x0003_e889_0455_65a9n;
const REQUEST_MAGIC = 0x2560_9513;
const EXTENDED_REQUEST_MAGIC = 0x21e4_1c71;
const SIMPLE_REPLY_MAGIC = 0x6744_6698;
const STRUCTURED_REPLY_MAGIC = 0x668e_33ef;
const EXTENDED_REPLY_MAGIC = 0x6e8a_278c;

/** Magics, size, flags and 124 zeroes. */
const OLDSTYLE_BYTES = 152;
/** Magics and handshake flags. */
const NEWSTYLE_BYTES = 18;
const OPTION_BYTES = 16;
const OPTION_REPLY_BYTES = 20;
/** Size and flags of an export, before the zeroes that both sides may agree to leave out. */
const EXPORT_BYTES = 10;
const EXPORT_ZEROES_BYTES = 124;
const REQUEST_BYTES = 28;
const EXTENDED_REQUEST_BYTES = 32;
const SIMPLE_REPLY_BYTES = 16;
const STRUCTURED_REPLY_BYTES = 20;
const EXTENDED_REPLY_BYTES = 32;

const FLAG_NO_ZEROES = 2;
const OPTION_EXPORT_NAME = 1;
const OPTION_STARTTLS = 5;
const OPTION_GO = 7;
const REPLY_ACK = 1;
const COMMAND_READ = 0;
const COMMAND_WRITE = 1;
const COMMAND_DISCONNECT = 2;
const COMMAND_FLAG_PAYLOAD_LENGTH = 1 << 5;
const REPLY_FLAG_DONE = 1;

/** What one side has sent so far. */
type Phase = 'begin' | 'options' | 'transmission';

export class NbdRequests {
  readonly #table: RequestTable;
  #clientPhase: Phase = 'begin';
  #serverPhase: Phase = 'begin';
  #serverLeavesZeroesOut = false;
  #clientLeavesZeroesOut = false;
  #asksForExport = false;
  #nowMs = 0;
  readonly #client = new MessageReader(4, (header) => this.#stepClient(header));
  readonly #server = new MessageReader(8, (header) => this.#stepServer(header));

  constructor(table: RequestTable) {
    this.#table = table;
  }

  /** A message has been sent in part, by either side. */
  get isWithinMessage(): boolean {
    return this.#client.isWithin || this.#server.isWithin;
  }

  /** False: its place is lost, or what follows is encrypted. */
  read(direction: 'client' | 'server', chunk: Uint8Array, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return (direction === 'client' ? this.#client : this.#server).read(chunk);
  }

  // ------------------------------------------------------------------------------------------ client

  #stepClient(header: DataView): number | null {
    const magic = header.getUint32(0);
    if (this.#clientPhase === 'begin') {
      this.#clientPhase = 'options';
      this.#clientLeavesZeroesOut = (magic & FLAG_NO_ZEROES) !== 0;
      return 4;
    }
    if (magic === REQUEST_MAGIC) return this.#stepRequest(header, REQUEST_BYTES);
    if (magic === EXTENDED_REQUEST_MAGIC) return this.#stepRequest(header, EXTENDED_REQUEST_BYTES);
    return this.#clientPhase === 'options' ? this.#stepOption(header) : null;
  }

  #stepOption(header: DataView): number | null {
    if (header.byteLength < OPTION_BYTES) return -OPTION_BYTES;
    if (header.getBigUint64(0) !== OPTION_MAGIC) return null;
    if (header.getUint32(8) === OPTION_EXPORT_NAME) this.#asksForExport = true;
    return OPTION_BYTES + header.getUint32(12);
  }

  /** Magic, flags, type, cookie, offset, length: the last of 4 bytes, or of 8 in an extended header. */
  #stepRequest(header: DataView, headerBytes: number): number | null {
    if (header.byteLength < headerBytes) return -headerBytes;
    this.#clientPhase = 'transmission';
    const isExtended = headerBytes === EXTENDED_REQUEST_BYTES;
    const length = isExtended ? Number(header.getBigUint64(24)) : header.getUint32(24);
    const type = header.getUint16(6);
    const hasPayload =
      type === COMMAND_WRITE || (isExtended && (header.getUint16(4) & COMMAND_FLAG_PAYLOAD_LENGTH) !== 0);
    // The server answers everything but the goodbye.
    if (type !== COMMAND_DISCONNECT) {
      const answerBytes = type === COMMAND_READ ? length : 0;
      if (!this.#table.add(header.getBigUint64(8), { sinceMs: this.#nowMs, answerBytes, unit: 0n })) return null;
    }
    return headerBytes + (hasPayload ? length : 0);
  }

  // ------------------------------------------------------------------------------------------ server

  #stepServer(header: DataView): number | null {
    if (this.#serverPhase === 'begin') return this.#stepGreeting(header);
    if (this.#serverPhase === 'options') return this.#stepOptionReply(header);
    return this.#stepReply(header);
  }

  #stepGreeting(header: DataView): number | null {
    if (header.getBigUint64(0) !== NBD_MAGIC) return null;
    if (header.byteLength < NEWSTYLE_BYTES) return -NEWSTYLE_BYTES;
    const style = header.getBigUint64(8);
    if (style === OLDSTYLE_MAGIC) {
      this.#clientPhase = 'transmission';
      this.#serverPhase = 'transmission';
      return OLDSTYLE_BYTES;
    }
    this.#serverPhase = 'options';
    this.#serverLeavesZeroesOut = (header.getUint16(16) & FLAG_NO_ZEROES) !== 0;
    return style === OPTION_MAGIC ? NEWSTYLE_BYTES : null;
  }

  /** The answer to NBD_OPT_EXPORT_NAME bears no magic; one to an option before it may still come. */
  #stepOptionReply(header: DataView): number | null {
    if (header.getBigUint64(0) !== OPTION_REPLY_MAGIC) {
      if (!this.#asksForExport) return null;
      this.#serverPhase = 'transmission';
      const leavesZeroesOut = this.#serverLeavesZeroesOut && this.#clientLeavesZeroesOut;
      return EXPORT_BYTES + (leavesZeroesOut ? 0 : EXPORT_ZEROES_BYTES);
    }
    if (header.byteLength < OPTION_REPLY_BYTES) return -OPTION_REPLY_BYTES;
    const option = header.getUint32(8);
    const isAcknowledged = header.getUint32(12) === REPLY_ACK;
    // What follows is TLS.
    if (isAcknowledged && option === OPTION_STARTTLS) return null;
    if (isAcknowledged && option === OPTION_GO) this.#serverPhase = 'transmission';
    return OPTION_REPLY_BYTES + header.getUint32(16);
  }

  #stepReply(header: DataView): number | null {
    switch (header.getUint32(0)) {
      case SIMPLE_REPLY_MAGIC:
        return this.#stepSimpleReply(header);
      case STRUCTURED_REPLY_MAGIC:
        return this.#stepChunkReply(header, STRUCTURED_REPLY_BYTES);
      case EXTENDED_REPLY_MAGIC:
        return this.#stepChunkReply(header, EXTENDED_REPLY_BYTES);
      default:
        return null;
    }
  }

  /** Magic, error, cookie; then what was read, if nothing went wrong. How much that is only its request tells. */
  #stepSimpleReply(header: DataView): number | null {
    if (header.byteLength < SIMPLE_REPLY_BYTES) return -SIMPLE_REPLY_BYTES;
    const cookie = header.getBigUint64(8);
    const request = this.#table.get(cookie);
    if (request === undefined) return null;
    this.#table.remove(cookie);
    return SIMPLE_REPLY_BYTES + (header.getUint32(4) === 0 ? request.answerBytes : 0);
  }

  /** Magic, flags, type, cookie, (offset,) length. A request may have many; the one with DONE is its last. */
  #stepChunkReply(header: DataView, headerBytes: number): number | null {
    if (header.byteLength < headerBytes) return -headerBytes;
    const isExtended = headerBytes === EXTENDED_REPLY_BYTES;
    const length = isExtended ? Number(header.getBigUint64(24)) : header.getUint32(16);
    if ((header.getUint16(4) & REPLY_FLAG_DONE) !== 0) this.#table.remove(header.getBigUint64(8));
    return headerBytes + length;
  }
}
