// Session activation by the remote console as a state machine without I/O: packets in, packets out. Time-outs and repeats are its caller's.
import { randomBytes } from 'node:crypto';
import { errorText, TorporError } from '../../platform/errors.ts';
import { concatBytes } from './byte-reader.ts';
import { algorithmsOf, CIPHER_SUITES, type CipherSuite, suitesToPropose, suiteWith } from './cipher-suite.ts';
import type { IpmiCommand } from './command.ts';
import {
  type AuthenticationCapabilities,
  GET_CHANNEL_AUTHENTICATION_CAPABILITIES,
  PRESENT_CHANNEL,
} from './commands/get-channel-authentication-capabilities.ts';
import {
  CIPHER_SUITE_CHUNK_BYTES,
  cipherSuiteIds,
  GET_CHANNEL_CIPHER_SUITES,
  MAX_CIPHER_SUITE_CHUNKS,
} from './commands/get-channel-cipher-suites.ts';
import { completionError } from './completion-code.ts';
import type { BmcCredentials } from './credentials.ts';
import { EstablishedSession } from './established-session.ts';
import { decodeIpmiResponse, encodeIpmiRequest } from './ipmi-message.ts';
import { type PrivilegeLevel, privilegeNumber } from './privilege-level.ts';
import {
  decodeOpenSessionResponse,
  decodeRakp2,
  decodeRakp4,
  encodeOpenSessionRequest,
  encodeRakp1,
  encodeRakpConfirm,
  NAME_ONLY_LOOKUP,
  RANDOM_BYTES,
  type RakpFacts,
  rakp2Code,
  rakp3Code,
  rakp4Data,
  sessionIntegrityKey,
} from './rakp.ts';
import { decodeRmcp, encodeRmcp } from './rmcp.ts';
import { decodeSessionPacket, encodeLegacyPacket, encodeSetupPacket, PAYLOAD } from './rmcp-plus.ts';
import { RMCP_STATUS, rmcpStatusError, rmcpStatusWords } from './rmcp-status.ts';
import { SessionKeys, sameCode } from './session-keys.ts';

/** Which answer is waited for, in the words of the specification. */
export type HandshakeStage =
  | 'Get Channel Authentication Capabilities'
  | 'Open Session Request'
  | 'Get Channel Cipher Suites'
  | 'RAKP message 1'
  | 'RAKP message 3';

/**
 * What is to be done. send: this packet, and again until an answer comes. ignored: nothing, the packet was not the
 * answer. established: RAKP is done; privilege is still `user`. failed: give up, after sending `parting` once if there is
 * one.
 */
export type HandshakeStep =
  | { readonly kind: 'send'; readonly packet: Uint8Array; readonly stage: HandshakeStage }
  | { readonly kind: 'ignored'; readonly why: string }
  | { readonly kind: 'established'; readonly session: EstablishedSession; readonly suite: CipherSuite }
  | { readonly kind: 'failed'; readonly error: TorporError; readonly parting: Uint8Array | null };

/** The end of a handshake that got no answer. */
export interface HandshakeSilence {
  readonly kind: 'silent';
  readonly error: TorporError;
  readonly startAgain: boolean;
}

export interface HandshakeOptions {
  /** `host:port`, for errors. */
  readonly peer: string;
  readonly credentials: BmcCredentials;
  /** `auto`: reads what the BMC offers, and proposes the best of it; see `suitesToPropose`. */
  readonly suite: CipherSuite | 'auto';
  readonly privilege: PrivilegeLevel;
  /** Default node:crypto. Tests with known answers give their own. */
  readonly random?: ((lengthBytes: number) => Uint8Array) | undefined;
}

/** One attempt at one session. Source: IPMI v2.0 sections 13.14 to 13.24. */
export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #random: (lengthBytes: number) => Uint8Array;
  readonly #consoleSessionId: number;
  readonly #userName: Uint8Array;
  readonly #role: number;
  #stage: HandshakeStage | 'ended' = 'Get Channel Authentication Capabilities';
  #tag = 0;
  #capabilities: AuthenticationCapabilities | null = null;
  #managedSessionId = 0;
  #consoleRandom: Uint8Array = new Uint8Array(0);
  #facts: RakpFacts | null = null;
  #keys: SessionKeys | null = null;
  /** The suite that was proposed last. */
  #suite: CipherSuite = CIPHER_SUITES[17];
  /** Suites to propose where that one is refused. */
  #otherSuites: readonly CipherSuite[] = [];
  /** What the BMC listed; null where it was not asked, or its list could not be read. */
  #offered: readonly number[] | null = null;
  #suiteRefusal: TorporError | null = null;
  #suiteRecords: Uint8Array = new Uint8Array(0);
  #suiteChunk = 0;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#random = options.random ?? randomBytes;
    // Never 0, which means "no session".
    this.#consoleSessionId = new DataView(Uint8Array.from(this.#random(4)).buffer).getUint32(0, true) || 1;
    this.#userName = Buffer.from(options.credentials.userName);
    this.#role = NAME_ONLY_LOOKUP | privilegeNumber(options.privilege);
  }

  /** The first packet. Call it once. */
  start(): HandshakeStep {
    return this.#ask('Get Channel Authentication Capabilities', GET_CHANNEL_AUTHENTICATION_CAPABILITIES, {
      channel: PRESENT_CHANNEL,
      wantsV2: true,
      privilege: privilegeNumber(this.#options.privilege),
    });
  }

  /** Takes any packet from the BMC. Never throws: what cannot be read is ignored, with the reason. */
  receive(packet: Uint8Array): HandshakeStep {
    if (this.#stage === 'ended') return ignored('the handshake is over');
    try {
      const { messageClass, body } = decodeRmcp(packet);
      if (messageClass !== 'ipmi') return ignored('not an IPMI packet');
      const inner = decodeSessionPacket(body);
      if (inner.sessionId !== 0) return ignored('a packet of another session');
      if (inner.format === 'v1.5') return this.#receiveCommandAnswer(inner.payload);
      if (inner.authenticated || inner.encrypted) return ignored('a protected packet before the session');
      return this.#receiveSetup(inner.payloadType, inner.payload);
    } catch (thrown) {
      if (thrown instanceof TorporError) return ignored(errorText(thrown));
      throw thrown;
    }
  }

  /**
   * No answer came: called when the caller's repeats are used up. Goes on where the handshake can do without that answer;
   * else the error says at which message the BMC fell silent, and `startAgain` that another attempt from the start makes
   * sense, since the BMC had answered before.
   */
  silence(packets: number, waitedMs: number): HandshakeStep | HandshakeSilence {
    if (this.#suiteRefusal !== null) return silent(this.#suiteRefusal, false);
    if (this.#stage === 'Get Channel Cipher Suites') return this.#propose();
    // Without a list nothing says whether a BMC that is silent to one suite would answer another.
    const mayKnowOther = this.#stage === 'Open Session Request' && this.#offered === null;
    if (mayKnowOther && this.#otherSuites.length > 0) return this.#proposeNext();
    const atStart = this.#stage === 'Get Channel Authentication Capabilities';
    const advice = atStart
      ? 'check host and port, and that IPMI over LAN is enabled on the BMC'
      : `it answered earlier messages; some BMCs keep silent to an unknown user: check user name and cipher suite`;
    const text = `no answer from BMC ${this.#options.peer} to ${this.#stage} (${packets} packets in ${Math.round(waitedMs)} ms); ${advice}`;
    return silent(new TorporError('ERR_IPMI_TIMEOUT', text, { retryable: true }), !atStart);
  }

  // ------------------------------------------------------------------------------------ commands before a session

  #ask<Request>(stage: HandshakeStage, command: IpmiCommand<Request, unknown>, request: Request): HandshakeStep {
    this.#stage = stage;
    this.#tag = (this.#tag + 1) & 0x3f;
    const body = command.encodeRequest(request);
    const message = { netFn: command.netFn, lun: 0, rqSeq: this.#tag, command: command.code, body };
    return { kind: 'send', packet: encodeRmcp('ipmi', encodeLegacyPacket(encodeIpmiRequest(message))), stage };
  }

  #receiveCommandAnswer(payload: Uint8Array): HandshakeStep {
    const command =
      this.#stage === 'Get Channel Authentication Capabilities'
        ? GET_CHANNEL_AUTHENTICATION_CAPABILITIES
        : GET_CHANNEL_CIPHER_SUITES;
    const response = decodeIpmiResponse(payload);
    const matches =
      this.#stage === command.name &&
      response.netFn === command.netFn + 1 &&
      response.command === command.code &&
      response.rqSeq === this.#tag;
    if (!matches) return ignored('not the answer to the last command');
    if (this.#stage === 'Get Channel Cipher Suites') {
      return this.#receiveSuites(response.completionCode, response.body);
    }
    if (response.completionCode !== 0) {
      return this.#fail(completionError(response.completionCode, `${command.name} on BMC ${this.#options.peer}`));
    }
    return this.#receiveCapabilities(GET_CHANNEL_AUTHENTICATION_CAPABILITIES.decodeResponse(response.body));
  }

  #receiveCapabilities(capabilities: AuthenticationCapabilities): HandshakeStep {
    if (!capabilities.supportsV2) {
      const text = `BMC ${this.#options.peer} offers no RMCP+ (IPMI v2.0) session on this channel; Torpor needs one: update the BMC firmware or enable IPMI v2.0`;
      return this.#fail(new TorporError('ERR_IPMI_PROTOCOL', text));
    }
    this.#capabilities = capabilities;
    return this.#options.suite === 'auto' ? this.#askSuites() : this.#propose();
  }

  /** Before the first proposal of `auto`, or after a refused suite, for the error alone. */
  #receiveSuites(completionCode: number, body: Uint8Array): HandshakeStep {
    const refusal = this.#suiteRefusal;
    if (completionCode !== 0) return refusal === null ? this.#propose() : this.#fail(refusal);
    const { records } = GET_CHANNEL_CIPHER_SUITES.decodeResponse(body);
    this.#suiteRecords = concatBytes(this.#suiteRecords, records);
    this.#suiteChunk += 1;
    if (records.length === CIPHER_SUITE_CHUNK_BYTES && this.#suiteChunk < MAX_CIPHER_SUITE_CHUNKS) {
      return this.#askSuites();
    }
    this.#offered = cipherSuiteIds(this.#suiteRecords);
    return refusal === null ? this.#propose() : this.#fail(this.#withOffer(refusal));
  }

  #withOffer(refusal: TorporError): TorporError {
    const offered = this.#offered?.join(', ') || 'none';
    return new TorporError('ERR_IPMI_CIPHER_SUITE', `${refusal.message}; it offers: ${offered}`);
  }

  #askSuites(): HandshakeStep {
    const request = { channel: PRESENT_CHANNEL, index: this.#suiteChunk };
    return this.#ask('Get Channel Cipher Suites', GET_CHANNEL_CIPHER_SUITES, request);
  }

  // ------------------------------------------------------------------------------------ Open Session and RAKP

  #propose(): HandshakeStep {
    const { suite } = this.#options;
    this.#otherSuites = suite === 'auto' ? suitesToPropose('auto', this.#offered) : [suite];
    return this.#proposeNext();
  }

  #proposeNext(): HandshakeStep {
    const [suite, ...others] = this.#otherSuites;
    this.#suite = suite as CipherSuite;
    this.#otherSuites = others;
    const request = {
      tag: this.#nextTag(),
      privilege: privilegeNumber(this.#options.privilege),
      consoleSessionId: this.#consoleSessionId,
      algorithms: algorithmsOf(this.#suite),
    };
    return this.#setup('Open Session Request', PAYLOAD.openSessionRequest, encodeOpenSessionRequest(request));
  }

  #setup(stage: HandshakeStage, payloadType: number, payload: Uint8Array): HandshakeStep {
    this.#stage = stage;
    return { kind: 'send', packet: encodeRmcp('ipmi', encodeSetupPacket(payloadType, payload)), stage };
  }

  #receiveSetup(payloadType: number, payload: Uint8Array): HandshakeStep {
    if (payloadType === PAYLOAD.openSessionResponse && this.#stage === 'Open Session Request') {
      return this.#receiveOpenSession(payload);
    }
    if (payloadType === PAYLOAD.rakp2 && this.#stage === 'RAKP message 1') return this.#receiveRakp2(payload);
    if (payloadType === PAYLOAD.rakp4 && this.#stage === 'RAKP message 3') return this.#receiveRakp4(payload);
    return ignored(`payload type ${payloadType} while waiting for the answer to ${this.#stage}`);
  }

  #receiveOpenSession(payload: Uint8Array): HandshakeStep {
    const response = decodeOpenSessionResponse(payload);
    if (response.tag !== this.#tag) return ignored('another message tag');
    if (response.accepted === null) return this.#refused(response.status);
    if (response.consoleSessionId !== this.#consoleSessionId) return ignored('another session id');
    const { managedSessionId, algorithms } = response.accepted;
    if (suiteWith(algorithms) !== this.#suite) {
      const got = `${algorithms.authentication}/${algorithms.integrity}/${algorithms.confidentiality}`;
      const text = `BMC ${this.#options.peer} answered ${this.#suite.name} with other algorithms (${got}); set cipherSuite to one it keeps to`;
      if (this.#otherSuites.length > 0) return this.#proposeNext();
      return this.#fail(new TorporError('ERR_IPMI_CIPHER_SUITE', text));
    }
    this.#managedSessionId = managedSessionId;
    this.#consoleRandom = Uint8Array.from(this.#random(RANDOM_BYTES));
    const message = encodeRakp1({
      tag: this.#nextTag(),
      managedSessionId,
      consoleRandom: this.#consoleRandom,
      role: this.#role,
      userName: this.#userName,
    });
    return this.#setup('RAKP message 1', PAYLOAD.rakp1, message);
  }

  #receiveRakp2(payload: Uint8Array): HandshakeStep {
    const { credentials } = this.#options;
    const suite = this.#suite;
    const message = decodeRakp2(payload, suite);
    if (message.tag !== this.#tag) return ignored('another message tag');
    if (message.accepted === null) return this.#refused(message.status);
    if (message.consoleSessionId !== this.#consoleSessionId) return ignored('another session id');
    const facts: RakpFacts = {
      consoleSessionId: this.#consoleSessionId,
      managedSessionId: this.#managedSessionId,
      consoleRandom: this.#consoleRandom,
      managedRandom: Uint8Array.from(message.accepted.managedRandom),
      guid: Uint8Array.from(message.accepted.guid),
      role: this.#role,
      userName: this.#userName,
    };
    if (!sameCode(message.accepted.code, rakp2Code(suite, credentials, facts))) return this.#wrongPassword();
    this.#facts = facts;
    this.#keys = new SessionKeys(suite, sessionIntegrityKey(suite, credentials, facts));
    return this.#setup(
      'RAKP message 3',
      PAYLOAD.rakp3,
      this.#rakp3(RMCP_STATUS.ok, rakp3Code(suite, credentials, facts)),
    );
  }

  #rakp3(status: number, code: Uint8Array | null): Uint8Array {
    return encodeRakpConfirm({ tag: this.#nextTag(), status, sessionId: this.#managedSessionId, code });
  }

  /** The BMC proved that it knows another password. It is told, so that it can free the session. Source: section 13.22. */
  #wrongPassword(): HandshakeStep {
    const { peer, credentials } = this.#options;
    const parting = encodeRmcp(
      'ipmi',
      encodeSetupPacket(PAYLOAD.rakp3, this.#rakp3(RMCP_STATUS.invalidIntegrityCheck, null)),
    );
    const text = `BMC ${peer} has another password for user "${credentials.userName}" (the code of RAKP message 2 does not match); check user and password`;
    return this.#fail(new TorporError('ERR_IPMI_AUTHENTICATION', text), parting);
  }

  #receiveRakp4(payload: Uint8Array): HandshakeStep {
    const message = decodeRakp4(payload, this.#suite);
    if (message.tag !== this.#tag) return ignored('another message tag');
    if (message.code === null) return this.#refusedAfterProof(message.status);
    if (message.sessionId !== this.#consoleSessionId) return ignored('another session id');
    const facts = this.#facts as RakpFacts;
    const keys = this.#keys as SessionKeys;
    if (!sameCode(message.code, keys.confirmationCode(rakp4Data(facts)))) return this.#wrongKey();
    this.#stage = 'ended';
    const session = new EstablishedSession({
      keys,
      localSessionId: this.#consoleSessionId,
      remoteSessionId: this.#managedSessionId,
      random: this.#options.random,
    });
    return { kind: 'established', session, suite: this.#suite };
  }

  #wrongKey(): HandshakeStep {
    const says = this.#capabilities?.needsKg
      ? 'it says that it has a BMC key (K_G) set'
      : 'it says that it has none set';
    const advice = this.#options.credentials.hasKg
      ? `the key given (kgFile or kgEnv) is not the BMC's; ${says}`
      : `a BMC key (K_G) may be set on it: give it with kgFile or kgEnv, or clear it on the BMC; ${says}`;
    const text = `BMC ${this.#options.peer} derived another session key (the code of RAKP message 4 does not match); ${advice}`;
    return this.#fail(new TorporError('ERR_IPMI_AUTHENTICATION', text));
  }

  // ------------------------------------------------------------------------------------ refusals

  #tried(): string {
    const { peer, credentials, privilege } = this.#options;
    return `${this.#stage} to BMC ${peer} (user "${credentials.userName}", privilege ${privilege}, ${this.#suite.name})`;
  }

  #refused(status: number): HandshakeStep {
    const error = rmcpStatusError(status, this.#tried());
    if (error.code !== 'ERR_IPMI_CIPHER_SUITE') return this.#fail(error);
    if (this.#otherSuites.length > 0) return this.#proposeNext();
    if (this.#offered !== null) return this.#fail(this.#withOffer(error));
    this.#suiteRefusal = error;
    return this.#askSuites();
  }

  /**
   * RAKP message 2 has proven that both sides know the same password, so "invalid integrity check" here is no wrong
   * password: it is a K[G], or a BMC that drew a new random number for a repeated RAKP message 1. The latter passes.
   */
  #refusedAfterProof(status: number): HandshakeStep {
    if (status !== RMCP_STATUS.invalidIntegrityCheck) return this.#refused(status);
    if (this.#capabilities?.needsKg || this.#options.credentials.hasKg) return this.#wrongKey();
    const text = `${this.#tried()} was refused: ${rmcpStatusWords(status)}; the BMC lost its place, it should work when asked again`;
    return this.#fail(new TorporError('ERR_IPMI_SESSION', text, { retryable: true }));
  }

  #fail(error: TorporError, parting: Uint8Array | null = null): HandshakeStep {
    this.#stage = 'ended';
    return { kind: 'failed', error, parting };
  }

  #nextTag(): number {
    this.#tag = (this.#tag + 1) & 0x3f;
    return this.#tag;
  }
}

function ignored(why: string): HandshakeStep {
  return { kind: 'ignored', why };
}

function silent(error: TorporError, startAgain: boolean): HandshakeSilence {
  return { kind: 'silent', error, startAgain };
}
