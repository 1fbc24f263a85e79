// One activated RMCP+ session, seen from either side: seals what goes out, opens what comes in. No I/O, no commands.
import { randomBytes } from 'node:crypto';
import { concatBytes } from './byte-reader.ts';
import { nextSequence, ReceiveWindow } from './receive-window.ts';
import { encodeRmcp } from './rmcp.ts';
import {
  encodeProtectedPacket,
  integrityCodeOf,
  type LegacyPacket,
  PAYLOAD,
  type RmcpPlusPacket,
} from './rmcp-plus.ts';
import { type SessionKeys, sameCode } from './session-keys.ts';

/** Why a packet was dropped; a closed set, so that drops can be counted. */
export type DropReason =
  | 'not an RMCP+ session packet'
  | 'another session id'
  | 'not protected as agreed'
  | 'wrong integrity code'
  | 'duplicate sequence number'
  | 'sequence number outside the window'
  | 'not decipherable'
  | 'another payload type';

export type Opened =
  | { readonly kind: 'message'; readonly message: Uint8Array }
  | { readonly kind: 'dropped'; readonly why: DropReason };

export interface EstablishedSessionOptions {
  readonly keys: SessionKeys;
  /** The id this side chose: what incoming packets carry. */
  readonly localSessionId: number;
  /** The id the peer chose: what outgoing packets carry. */
  readonly remoteSessionId: number;
  /** Source of initialization vectors; default node:crypto. */
  readonly random?: ((lengthBytes: number) => Uint8Array) | undefined;
}

/** Sequence numbers, window and keys of one session. Both sides use it, each with its own ids. */
export class EstablishedSession {
  readonly localSessionId: number;
  readonly remoteSessionId: number;
  readonly #keys: SessionKeys;
  readonly #random: (lengthBytes: number) => Uint8Array;
  readonly #window = new ReceiveWindow();
  #lastSent = 0;

  constructor(options: EstablishedSessionOptions) {
    this.localSessionId = options.localSessionId;
    this.remoteSessionId = options.remoteSessionId;
    this.#keys = options.keys;
    this.#random = options.random ?? randomBytes;
  }

  /** The number of the packet sealed last; 0 before the first. */
  get lastSent(): number {
    return this.#lastSent;
  }

  /** One whole RMCP packet with the next sequence number, authenticated, and encrypted where the suite encrypts. A retry is sealed anew. */
  seal(message: Uint8Array): Uint8Array {
    this.#lastSent = nextSequence(this.#lastSent);
    return this.sealAs(this.#lastSent, message);
  }

  /** The same under any number, which is not counted: what only a peer does that has lost its place. For simulations and tests. */
  sealAs(sequence: number, message: Uint8Array): Uint8Array {
    const { encrypts } = this.#keys;
    const payload = encrypts ? this.#keys.encrypt(message, this.#random(16)) : message;
    const fields = { sessionId: this.remoteSessionId, sequence, payload, encrypted: encrypts };
    const covered = encodeProtectedPacket(fields);
    return encodeRmcp('ipmi', concatBytes(covered, this.#keys.integrityCode(covered)));
  }

  /**
   * The IPMI message inside a packet, or why it must be dropped. `body` is the RMCP body that `packet` was decoded from.
   * The window moves only for packets whose integrity code is right.
   */
  open(packet: LegacyPacket | RmcpPlusPacket, body: Uint8Array): Opened {
    if (packet.format !== 'v2.0') return dropped('not an RMCP+ session packet');
    if (packet.sessionId !== this.localSessionId) return dropped('another session id');
    // As the suite has it, not as the packet says: a suite with encryption takes nothing in the clear.
    if (!packet.authenticated || packet.encrypted !== this.#keys.encrypts) return dropped('not protected as agreed');
    const code = integrityCodeOf(packet, this.#keys.suite.integrityCodeBytes);
    if (code === null) return dropped('wrong integrity code');
    const covered = body.subarray(0, body.length - code.length);
    if (!sameCode(code, this.#keys.integrityCode(covered))) return dropped('wrong integrity code');
    const verdict = this.#window.judge(packet.sequence);
    if (verdict === 'duplicate') return dropped('duplicate sequence number');
    if (verdict === 'outside') return dropped('sequence number outside the window');
    this.#window.record(packet.sequence);
    if (packet.payloadType !== PAYLOAD.ipmi) return dropped('another payload type');
    const message = this.#keys.decrypt(packet.payload);
    return message === null ? dropped('not decipherable') : { kind: 'message', message };
  }
}

function dropped(why: DropReason): Opened {
  return { kind: 'dropped', why };
}
