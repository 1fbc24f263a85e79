// One session as the managed system sees it, from Open Session Request to close. The remote console's side is ipmi/handshake.ts.
import { randomBytes } from 'node:crypto';
import { type CipherSuite, suiteWith } from '../ipmi/cipher-suite.ts';
import type { BmcCredentials } from '../ipmi/credentials.ts';
import { EstablishedSession } from '../ipmi/established-session.ts';
import { type PrivilegeLevel, privilegeNumber, privilegeOf } from '../ipmi/privilege-level.ts';
import {
  decodeRakp3,
  encodeOpenSessionResponse,
  encodeRakp2,
  encodeRakpConfirm,
  type OpenSessionRequest,
  RANDOM_BYTES,
  type Rakp1,
  type RakpFacts,
  rakp2Code,
  rakp3Code,
  rakp4Data,
  sessionIntegrityKey,
} from '../ipmi/rakp.ts';
import { RMCP_STATUS } from '../ipmi/rmcp-status.ts';
import { SessionKeys, sameCode } from '../ipmi/session-keys.ts';

/** Somebody who may open sessions, up to a level. */
export interface ManagedUser {
  readonly credentials: BmcCredentials;
  readonly privilege: PrivilegeLevel;
}

/** Answers are whole RAKP payloads; a repeated request gets the same answer again. */
export class ManagedSession {
  readonly managedSessionId: number;
  readonly suite: CipherSuite;
  readonly openRequest: OpenSessionRequest;
  lastHeardMs: number;
  /** The present level; meaningful once `established` is set. */
  privilege: PrivilegeLevel = 'user';
  established: EstablishedSession | null = null;
  readonly #guid: Uint8Array;
  #rakp1: Uint8Array | null = null;
  #rakp2: Uint8Array | null = null;
  #rakp3: Uint8Array | null = null;
  #rakp4: Uint8Array | null = null;
  #facts: RakpFacts | null = null;
  #user: ManagedUser | null = null;
  #limit: PrivilegeLevel = 'user';

  constructor(managedSessionId: number, openRequest: OpenSessionRequest, guid: Uint8Array, nowMs: number) {
    this.managedSessionId = managedSessionId;
    this.openRequest = openRequest;
    // Only requests for a suite that is spoken come to have a session.
    this.suite = suiteWith(openRequest.algorithms) as CipherSuite;
    this.#guid = guid;
    this.lastHeardMs = nowMs;
  }

  /**
   * True where the request is the one this session began with, sent again. Once RAKP has begun it is another console's, or a
   * new attempt of the same: ipmitool always chooses the same session id and tag.
   */
  isRepeatOf(request: OpenSessionRequest): boolean {
    const { tag, consoleSessionId, privilege, algorithms } = this.openRequest;
    const sameIds = tag === request.tag && consoleSessionId === request.consoleSessionId;
    const same = sameIds && privilege === request.privilege && suiteWith(request.algorithms) === suiteWith(algorithms);
    return same && this.#rakp1 === null;
  }

  get userName(): string {
    return this.#user?.credentials.userName ?? '';
  }

  openResponse(): Uint8Array {
    const { tag, consoleSessionId, algorithms } = this.openRequest;
    // 0 asks for the highest; which that is for the user shows in RAKP message 2. Source: IPMI v2.0 table 13-10.
    const privilege = this.openRequest.privilege || privilegeNumber('administrator');
    const accepted = { managedSessionId: this.managedSessionId, algorithms };
    return encodeOpenSessionResponse({ tag, status: RMCP_STATUS.ok, privilege, consoleSessionId, accepted });
  }

  /** RAKP message 2. `payload` is RAKP message 1 as received, `message` the same, decoded. */
  answerRakp1(payload: Uint8Array, message: Rakp1, users: ReadonlyMap<string, ManagedUser>): Uint8Array {
    if (this.#rakp2 !== null && this.#rakp1 !== null && sameCode(payload, this.#rakp1)) return this.#rakp2;
    const user = users.get(Buffer.from(message.userName).toString()) ?? null;
    if (user === null) return this.#refuseRakp1(message.tag, RMCP_STATUS.unauthorizedName);
    const wanted = message.role & 0x0f;
    const level = wanted === 0 ? user.privilege : privilegeOf(wanted);
    if (level === null) return this.#refuseRakp1(message.tag, RMCP_STATUS.invalidRole);
    if (privilegeNumber(level) > privilegeNumber(user.privilege)) {
      return this.#refuseRakp1(message.tag, RMCP_STATUS.unauthorizedRole);
    }
    this.#user = user;
    this.#limit = level;
    this.#rakp1 = Uint8Array.from(payload);
    this.#rakp2 = this.#makeRakp2(message, user);
    return this.#rakp2;
  }

  #makeRakp2(message: Rakp1, user: ManagedUser): Uint8Array {
    const facts: RakpFacts = {
      consoleSessionId: this.openRequest.consoleSessionId,
      managedSessionId: this.managedSessionId,
      consoleRandom: Uint8Array.from(message.consoleRandom),
      managedRandom: randomBytes(RANDOM_BYTES),
      guid: this.#guid,
      role: message.role,
      userName: Uint8Array.from(message.userName),
    };
    this.#facts = facts;
    const { managedRandom, guid } = facts;
    const accepted = { managedRandom, guid, code: rakp2Code(this.suite, user.credentials, facts) };
    return encodeRakp2({
      tag: message.tag,
      status: RMCP_STATUS.ok,
      consoleSessionId: facts.consoleSessionId,
      accepted,
    });
  }

  #refuseRakp1(tag: number, status: number): Uint8Array {
    return encodeRakp2({ tag, status, consoleSessionId: this.openRequest.consoleSessionId, accepted: null });
  }

  /** RAKP message 4, or null where nothing is to be answered: the console gave up, or message 1 is missing. */
  answerRakp3(payload: Uint8Array): Uint8Array | null {
    if (this.#rakp4 !== null && this.#rakp3 !== null && sameCode(payload, this.#rakp3)) return this.#rakp4;
    const message = decodeRakp3(payload, this.suite);
    const facts = this.#facts;
    const user = this.#user;
    if (message.code === null || facts === null || user === null || this.established !== null) return null;
    const sessionId = facts.consoleSessionId;
    if (!sameCode(message.code, rakp3Code(this.suite, user.credentials, facts))) {
      const status = RMCP_STATUS.invalidIntegrityCheck;
      return encodeRakpConfirm({ tag: message.tag, status, sessionId, code: null });
    }
    const keys = new SessionKeys(this.suite, sessionIntegrityKey(this.suite, user.credentials, facts));
    this.established = new EstablishedSession({
      keys,
      localSessionId: this.managedSessionId,
      remoteSessionId: sessionId,
    });
    const code = keys.confirmationCode(rakp4Data(facts));
    this.#rakp3 = Uint8Array.from(payload);
    this.#rakp4 = encodeRakpConfirm({ tag: message.tag, status: RMCP_STATUS.ok, sessionId, code });
    return this.#rakp4;
  }

  /** Raises or lowers the level; 0 asks for the present one. Null where it is beyond what RAKP granted. */
  setPrivilege(wanted: number): PrivilegeLevel | null {
    if (wanted === 0) return this.privilege;
    const level = privilegeOf(wanted);
    if (level === null || wanted > privilegeNumber(this.#limit)) return null;
    this.privilege = level;
    return level;
  }
}
