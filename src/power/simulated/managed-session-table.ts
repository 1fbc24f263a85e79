// All sessions of the simulated BMC: a bounded table that answers session activation. Runs no commands.
import { randomBytes } from 'node:crypto';
import { ByteReader } from '../ipmi/byte-reader.ts';
import { type CipherSuite, suiteWith } from '../ipmi/cipher-suite.ts';
import {
  decodeOpenSessionRequest,
  decodeRakp1,
  encodeOpenSessionResponse,
  encodeRakp2,
  type OpenSessionRequest,
} from '../ipmi/rakp.ts';
import { PAYLOAD } from '../ipmi/rmcp-plus.ts';
import { RMCP_STATUS } from '../ipmi/rmcp-status.ts';
import { ManagedSession, type ManagedUser } from './managed-session.ts';

/** Sessions and activations at the same time, where the options do not say. One more is refused with status 01h. */
export const MAX_SESSIONS = 16;
/** Idle sessions end after this. Source: IPMI v2.0 section 6.12.15. */
const SESSION_TIMEOUT_MS = 60_000;
/** Activations that stand still end after this, so that they cannot fill the table for long. */
const ACTIVATION_TIMEOUT_MS = 10_000;

/** A setup payload that answers another. */
export interface SetupAnswer {
  readonly payloadType: number;
  readonly payload: Uint8Array;
}

export interface ManagedSessionTableOptions {
  readonly users: ReadonlyMap<string, ManagedUser>;
  readonly suites: ReadonlySet<CipherSuite>;
  readonly guid: Uint8Array;
  /** Default MAX_SESSIONS. */
  readonly maxSessions?: number | undefined;
  /** Of the suites that are offered, those that are refused all the same. */
  readonly refuses?: ((suite: CipherSuite) => boolean) | undefined;
}

export class ManagedSessionTable {
  readonly #options: ManagedSessionTableOptions;
  readonly #sessions = new Map<number, ManagedSession>();

  constructor(options: ManagedSessionTableOptions) {
    this.#options = options;
  }

  /** Established sessions. */
  count(nowMs: number): number {
    this.#expire(nowMs);
    return [...this.#sessions.values()].filter(({ established }) => established !== null).length;
  }

  get(managedSessionId: number, nowMs: number): ManagedSession | undefined {
    this.#expire(nowMs);
    return this.#sessions.get(managedSessionId);
  }

  delete(managedSessionId: number): boolean {
    return this.#sessions.delete(managedSessionId);
  }

  clear(): void {
    this.#sessions.clear();
  }

  #expire(nowMs: number): void {
    for (const [id, session] of this.#sessions) {
      const timeoutMs = session.established === null ? ACTIVATION_TIMEOUT_MS : SESSION_TIMEOUT_MS;
      if (nowMs - session.lastHeardMs > timeoutMs) this.#sessions.delete(id);
    }
  }

  /** Answers Open Session Request, RAKP message 1 or 3; null where there is nothing to answer. Throws ERR_IPMI_PROTOCOL. */
  answer(payloadType: number, payload: Uint8Array, nowMs: number): SetupAnswer | null {
    this.#expire(nowMs);
    if (payloadType === PAYLOAD.openSessionRequest) return this.#answerOpen(decodeOpenSessionRequest(payload), nowMs);
    if (payloadType === PAYLOAD.rakp1) return this.#answerRakp1(payload, nowMs);
    if (payloadType === PAYLOAD.rakp3) return this.#answerRakp3(payload, nowMs);
    return null;
  }

  #answerOpen(request: OpenSessionRequest, nowMs: number): SetupAnswer {
    const payloadType = PAYLOAD.openSessionResponse;
    const repeated = [...this.#sessions.values()].find((session) => session.isRepeatOf(request));
    if (repeated !== undefined) return { payloadType, payload: repeated.openResponse() };
    const suite = suiteWith(request.algorithms);
    const spoken = suite !== null && this.#options.suites.has(suite) && !this.#options.refuses?.(suite);
    if (!spoken || this.#sessions.size >= (this.#options.maxSessions ?? MAX_SESSIONS)) {
      const status = spoken ? RMCP_STATUS.noResources : RMCP_STATUS.noCipherSuiteMatch;
      const { tag, privilege, consoleSessionId } = request;
      return {
        payloadType,
        payload: encodeOpenSessionResponse({ tag, status, privilege, consoleSessionId, accepted: null }),
      };
    }
    const session = new ManagedSession(this.#freeId(), request, this.#options.guid, nowMs);
    this.#sessions.set(session.managedSessionId, session);
    return { payloadType, payload: session.openResponse() };
  }

  #freeId(): number {
    for (;;) {
      const id = randomBytes(4).readUInt32LE();
      if (id !== 0 && !this.#sessions.has(id)) return id;
    }
  }

  #answerRakp1(payload: Uint8Array, nowMs: number): SetupAnswer {
    const payloadType = PAYLOAD.rakp2;
    const message = decodeRakp1(payload);
    const session = this.#sessions.get(message.managedSessionId);
    if (session === undefined) {
      const status = RMCP_STATUS.invalidSessionId;
      return { payloadType, payload: encodeRakp2({ tag: message.tag, status, consoleSessionId: 0, accepted: null }) };
    }
    session.lastHeardMs = nowMs;
    return { payloadType, payload: session.answerRakp1(payload, message, this.#options.users) };
  }

  #answerRakp3(payload: Uint8Array, nowMs: number): SetupAnswer | null {
    const reader = new ByteReader(payload, 'RAKP message 3');
    reader.skip(4);
    const session = this.#sessions.get(reader.u32());
    if (session === undefined) return null;
    const answer = session.answerRakp3(payload);
    // Refused, or given up by the console: the place is free again.
    if (session.established === null) this.#sessions.delete(session.managedSessionId);
    session.lastHeardMs = nowMs;
    return answer === null ? null : { payloadType: PAYLOAD.rakp4, payload: answer };
  }
}
