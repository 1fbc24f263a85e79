// iSCSI, both directions of one connection: which commands are on their way. Source: RFC 7143 section 11 (PDUs) and 13 (keys of the
// login). Leaves time and bounds to disk-requests.ts.
import { MessageReader } from './message-reader.ts';
import type { RequestTable } from './request-table.ts';

/** Basic header segment. */
const HEADER_BYTES = 48;
const DIGEST_BYTES = 4;

const OPCODE_MASK = 0x3f;
const NOP_OUT = 0x00;
const SCSI_COMMAND = 0x01;
const TASK_MANAGEMENT = 0x02;
const LOGIN = 0x03;
const TEXT = 0x04;
const DATA_OUT = 0x05;
const LOGOUT = 0x06;
const SNACK = 0x10;
/** An initiator's PDU in whatever phase: section 11.2.1.2. 1Ch to 1Eh are vendors'. */
const CLIENT_OPCODES: ReadonlySet<number> = new Set([
  NOP_OUT,
  SCSI_COMMAND,
  TASK_MANAGEMENT,
  LOGIN,
  TEXT,
  DATA_OUT,
  LOGOUT,
  SNACK,
  0x1c,
  0x1d,
  0x1e,
]);

const NOP_IN = 0x20;
const SCSI_RESPONSE = 0x21;
const TASK_MANAGEMENT_RESPONSE = 0x22;
const LOGIN_RESPONSE = 0x23;
const TEXT_RESPONSE = 0x24;
const DATA_IN = 0x25;
const LOGOUT_RESPONSE = 0x26;
const READY_TO_TRANSFER = 0x31;
const ASYNC_MESSAGE = 0x32;

/** Data-In that brings the status along: no SCSI Response follows. Section 11.7.3. */
const FLAG_STATUS = 0x01;
/** Login: T, the transition, and the stage that follows. Section 11.12.3. */
const FLAG_TRANSIT = 0x80;
const NEXT_STAGE_MASK = 0x03;
const FULL_FEATURE = 3;

const ABORT_TASK = 1;
const ABORT_TASK_SET = 2;
const CLEAR_TASK_SET = 4;
const LOGICAL_UNIT_RESET = 5;
const TARGET_WARM_RESET = 6;
const TARGET_COLD_RESET = 7;
const TASK_MANAGEMENT_COMPLETE = 0;
const TASK_DOES_NOT_EXIST = 1;

/**
 * Commands by which a host looks whether a disk is there and what it is like, and which initiators send for ever: TEST UNIT READY, REQUEST
 * SENSE, INQUIRY, MODE SENSE, READ CAPACITY, GET EVENT STATUS NOTIFICATION, REPORT LUNS. The activity parser's list, too.
 */
const LOOKS: ReadonlySet<number> = new Set([0x00, 0x03, 0x12, 0x1a, 0x5a, 0x25, 0x4a, 0xa0]);

/** Longer pairs are cut: the keys that are looked for are short. */
const PAIR_MAX_LENGTH = 64;

/** A task management request that waits for its answer. */
interface Management {
  readonly function: number;
  readonly unit: bigint;
  readonly referenced: bigint;
}

/** Management requests kept; initiators send one at a time. */
const MANAGEMENT_MAX = 16;

/** Reads `key=value` pairs, each ended by a zero byte, wherever pieces and PDUs end. Section 6.1. */
class PairReader {
  #pair = '';
  readonly #onPair: (key: string, value: string) => void;

  constructor(onPair: (key: string, value: string) => void) {
    this.#onPair = onPair;
  }

  read(piece: Uint8Array): void {
    for (const byte of piece) {
      if (byte !== 0) {
        if (this.#pair.length < PAIR_MAX_LENGTH) this.#pair += String.fromCharCode(byte);
        continue;
      }
      const [key = '', value = ''] = this.#pair.split('=');
      this.#pair = '';
      if (key !== '') this.#onPair(key, value);
    }
  }
}

export class IscsiRequests {
  readonly #table: RequestTable;
  readonly #management = new Map<bigint, Management>();
  /** Bytes of the header's and of the data's digest, as said last; null: of a kind that is not known. They count after the login. */
  readonly #digestBytes: Record<string, number | null> = { HeaderDigest: 0, DataDigest: 0 };
  /** The last response of the login has begun; its own data still belong to the login. */
  #endsLogin = false;
  #isLoggedIn = false;
  #nowMs = 0;
  readonly #client: MessageReader;
  readonly #server: MessageReader;

  constructor(table: RequestTable) {
    this.#table = table;
    const makeReader = (step: (header: DataView) => number | null) => {
      const pairs = new PairReader((key, value) => this.#learn(key, value));
      const seePayload = (piece: Uint8Array) => {
        if (!this.#isLoggedIn) pairs.read(piece);
      };
      return new MessageReader(HEADER_BYTES, step, seePayload);
    };
    this.#client = makeReader((header) => this.#stepClient(header));
    this.#server = makeReader((header) => this.#stepServer(header));
  }

  /** A message has been sent in part, by either side. */
  get isWithinMessage(): boolean {
    return this.#client.isWithin || this.#server.isWithin;
  }

  /** False: its place is lost. */
  read(direction: 'client' | 'server', chunk: Uint8Array, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return (direction === 'client' ? this.#client : this.#server).read(chunk);
  }

  /** One side offers a list or a value, the other answers with one value: what was said last is what holds. Section 13.1. */
  #learn(key: string, value: string): void {
    if (!(key in this.#digestBytes)) return;
    this.#digestBytes[key] = value === 'None' ? 0 : value === 'CRC32C' ? DIGEST_BYTES : null;
  }

  // ------------------------------------------------------------------------------------------ initiator

  #stepClient(header: DataView): number | null {
    this.#isLoggedIn = this.#endsLogin;
    const opcode = header.getUint8(0) & OPCODE_MASK;
    if (!CLIENT_OPCODES.has(opcode)) return null;
    const tag = taskTag(header);
    const unit = header.getBigUint64(8);
    const isLook = opcode === SCSI_COMMAND && LOOKS.has(header.getUint8(32));
    const isRequest = opcode >= SCSI_COMMAND && opcode <= LOGOUT && opcode !== DATA_OUT;
    if (isRequest && !isLook && !this.#table.add(tag, { sinceMs: this.#nowMs, answerBytes: 0, unit })) return null;
    if (opcode === TASK_MANAGEMENT && !this.#noteManagement(tag, unit, header)) return null;
    return this.#lengthOf(header);
  }

  #noteManagement(tag: bigint, unit: bigint, header: DataView): boolean {
    if (this.#management.size >= MANAGEMENT_MAX) return false;
    const referenced = BigInt(header.getUint32(20));
    this.#management.set(tag, { function: header.getUint8(1) & 0x7f, unit, referenced });
    return true;
  }

  // ------------------------------------------------------------------------------------------ target

  /** A Reject says only in its data what was rejected: with it the place counts as lost. */
  #stepServer(header: DataView): number | null {
    this.#isLoggedIn = this.#endsLogin;
    const opcode = header.getUint8(0) & OPCODE_MASK;
    const bytes = this.#lengthOf(header);
    switch (opcode) {
      case NOP_IN:
      case READY_TO_TRANSFER:
      case ASYNC_MESSAGE:
        return bytes;
      case DATA_IN:
        if ((header.getUint8(1) & FLAG_STATUS) !== 0) this.#table.remove(taskTag(header));
        return bytes;
      case TASK_MANAGEMENT_RESPONSE:
        this.#endManagement(taskTag(header), header.getUint8(2));
        break;
      case LOGIN_RESPONSE:
        this.#noteLogin(header);
        break;
      case SCSI_RESPONSE:
      case TEXT_RESPONSE:
      case LOGOUT_RESPONSE:
        break;
      default:
        return null;
    }
    this.#table.remove(taskTag(header));
    return bytes;
  }

  /** Tasks that were aborted get no answer of their own. Section 11.5.1. */
  #endManagement(tag: bigint, response: number): void {
    const request = this.#management.get(tag);
    this.#management.delete(tag);
    if (request === undefined) return;
    const isDone = response === TASK_MANAGEMENT_COMPLETE;
    if (request.function === ABORT_TASK && (isDone || response === TASK_DOES_NOT_EXIST))
      this.#table.remove(request.referenced);
    if (!isDone) return;
    if ([ABORT_TASK_SET, CLEAR_TASK_SET, LOGICAL_UNIT_RESET].includes(request.function))
      this.#table.removeUnit(request.unit);
    if ([TARGET_WARM_RESET, TARGET_COLD_RESET].includes(request.function)) this.#table.removeUnit(null);
  }

  #noteLogin(header: DataView): void {
    const flags = header.getUint8(1);
    const isOver = (flags & FLAG_TRANSIT) !== 0 && (flags & NEXT_STAGE_MASK) === FULL_FEATURE;
    const isAccepted = header.getUint8(36) === 0;
    this.#endsLogin = isOver && isAccepted;
  }

  #lengthOf(header: DataView): number | null {
    const additionalBytes = 4 * header.getUint8(4);
    const dataBytes = header.getUint32(4) & 0xff_ffff;
    const paddedBytes = Math.ceil(dataBytes / 4) * 4;
    const { HeaderDigest: headerDigest, DataDigest: dataDigest } = this.#digestBytes;
    if (!this.#isLoggedIn) return HEADER_BYTES + additionalBytes + paddedBytes;
    if (typeof headerDigest !== 'number' || typeof dataDigest !== 'number') return null;
    return HEADER_BYTES + additionalBytes + headerDigest + paddedBytes + (dataBytes > 0 ? dataDigest : 0);
  }
}

function taskTag(header: DataView): bigint {
  return BigInt(header.getUint32(16));
}
