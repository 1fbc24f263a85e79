// One user's session with one BMC, kept up: opens it, runs commands in it, keeps it alive, opens it anew when it is lost. Commands are in commands/.
import { formatEndpoint } from '../../platform/endpoint.ts';
import { TorporError, type TorporErrorCode } from '../../platform/errors.ts';
import type { Clock, Logger, PressFence } from '../../platform/ports.ts';
import { AUTO_SUITES, CIPHER_SUITES, type CipherSuite, type CipherSuiteChoice, suiteWarning } from './cipher-suite.ts';
import type { IpmiCommand } from './command.ts';
import { CommandExchange, SessionSilence } from './command-exchange.ts';
import { CLOSE_SESSION } from './commands/close-session.ts';
import { GET_DEVICE_ID } from './commands/get-device-id.ts';
import { SET_SESSION_PRIVILEGE_LEVEL } from './commands/set-session-privilege-level.ts';
import { COMPLETION, completionCodeWords, completionError, isPassing } from './completion-code.ts';
import { BmcCredentials } from './credentials.ts';
import { Handshake } from './handshake.ts';
import type { IpmiResponse } from './ipmi-message.ts';
import { type PrivilegeLevel, privilegeNumber } from './privilege-level.ts';
import { decodeRmcp, RMCP_PORT } from './rmcp.ts';
import { decodeSessionPacket } from './rmcp-plus.ts';
import { RmcpStatusError } from './rmcp-status.ts';
import { DEFAULT_BOUNDS, type SessionBounds } from './session-bounds.ts';
import { type OpeningResult, SessionOpening } from './session-opening.ts';
import type { BmcTransport, OpenTransport } from './transport.ts';
import { openUdpTransport } from './udp-transport.ts';
import { abortedError, untilAborted } from './until-aborted.ts';

/** Distinct reasons for dropped packets that are counted apart; further ones are counted together. */
const MAX_DROP_REASONS = 16;
/** Ends of an opening after which its path is not used again. */
const LEADS_NOWHERE: ReadonlySet<TorporErrorCode> = new Set(['ERR_IPMI_TIMEOUT', 'ERR_IPMI_UNREACHABLE']);

export interface BmcSessionOptions {
  readonly host: string;
  /** UDP port, default 623. */
  readonly port?: number | undefined;
  readonly user: string;
  readonly password: string;
  /** The BMC's own key K[G], as text or as hex digits after `0x`, where one is set on it. */
  readonly kg?: string | null | undefined;
  /** Default auto: the best that the BMC offers, 17 before 3. */
  readonly cipherSuite?: CipherSuiteChoice | undefined;
  /** Default operator. */
  readonly privilege?: PrivilegeLevel | undefined;
  readonly clock: Clock;
  readonly log?: Logger | undefined;
  /** Single bounds to set otherwise than DEFAULT_BOUNDS. */
  readonly bounds?: Partial<SessionBounds> | undefined;
  /** Default: a connected UDP socket. */
  readonly openTransport?: OpenTransport | undefined;
  /** Default node:crypto. For tests with known answers. */
  readonly random?: ((lengthBytes: number) => Uint8Array) | undefined;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * One packet, never repeated, not even in a new session: for what must not happen twice. Silence then rejects with
   * ERR_IPMI_TIMEOUT and the outcome is unknown.
   */
  readonly once?: boolean | undefined;
  /** Asked right before a packet goes out; where it is shut the command rejects with ERR_POWER_FENCED. */
  readonly fence?: PressFence | undefined;
  /** Called when the first packet goes out: before it the BMC certainly did nothing. */
  readonly onSent?: (() => void) | undefined;
  /** Asking twice is the same as asking once. Default: as the command says (`acts`). */
  readonly harmless?: boolean | undefined;
  /** Logical unit the command is for, default 0. */
  readonly lun?: number | undefined;
}

/**
 * Opens at the first command, or at `open`. A session that falls silent, or that the BMC no longer knows, is opened anew,
 * and the command that noticed is asked once more. All calls may run at the same time.
 */
export class BmcSession {
  /** `host:port`, as errors name it. */
  readonly peer: string;
  readonly privilege: PrivilegeLevel;
  readonly #options: BmcSessionOptions;
  readonly #credentials: BmcCredentials;
  readonly #clock: Clock;
  readonly #log: Logger | undefined;
  readonly #bounds: SessionBounds;
  readonly #openTransport: OpenTransport;
  /** Packets dropped since the last good one, by reason: they word a time-out. */
  readonly #dropped = new Map<string, number>();
  #transport: Promise<BmcTransport> | null = null;
  #opening: Promise<CommandExchange> | null = null;
  #handshaking: SessionOpening | null = null;
  #exchange: CommandExchange | null = null;
  #activations = 0;
  #suite: CipherSuite | null = null;
  #refusal: { readonly error: TorporError; readonly untilMs: number } | null = null;
  /** The last hold-off; 0 since a session was opened. */
  #holdOffMs = 0;
  #lastHeardMs = 0;
  #cancelKeepAlive: () => void = () => {};
  #endRest: () => void = () => {};
  #closed: Promise<void> | null = null;

  /** Throws ERR_CONFIG_INVALID where user or password is longer than IPMI allows. Nothing is sent yet. */
  constructor(options: BmcSessionOptions) {
    const port = options.port ?? RMCP_PORT;
    // The secrets go no further than into the credentials.
    this.#options = { ...options, password: '', kg: null };
    this.#credentials = new BmcCredentials(options.user, options.password, options.kg ?? null);
    this.peer = formatEndpoint({ host: options.host, port });
    this.privilege = options.privilege ?? 'operator';
    this.#clock = options.clock;
    this.#log = options.log;
    this.#bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
    this.#openTransport = options.openTransport ?? ((listener) => openUdpTransport(options.host, port, listener));
  }

  /** Sessions activated so far; a change since the last look means that the BMC, or the path to it, was lost meanwhile. */
  get activations(): number {
    return this.#activations;
  }

  /** The suite of the last session that was opened; null before the first. */
  get suite(): CipherSuite | null {
    return this.#suite;
  }

  get isOpen(): boolean {
    return this.#exchange !== null && this.#opening === null;
  }

  /**
   * Opens the session where it is not open. Rejects with ERR_IPMI_TIMEOUT, ERR_IPMI_UNREACHABLE, ERR_IPMI_AUTHENTICATION,
   * ERR_IPMI_PRIVILEGE, ERR_IPMI_CIPHER_SUITE, ERR_IPMI_SESSION or ERR_IPMI_PROTOCOL.
   */
  async open(signal?: AbortSignal): Promise<void> {
    await this.#opened('Session activation', signal);
  }

  /**
   * Runs one command. Rejects as `open` does, and with ERR_IPMI_COMPLETION (a CompletionError, which carries the code)
   * or ERR_IPMI_PRIVILEGE where the BMC answers with a completion code other than 00h.
   */
  async run<Request, Response>(
    command: IpmiCommand<Request, Response>,
    request: Request,
    options: RunOptions = {},
  ): Promise<Response> {
    const body = command.encodeRequest(request);
    const harmless = options.harmless ?? !command.acts;
    for (let busy = 0; ; busy += 1) {
      const response = await this.#exchangeOnce(command, body, options);
      const waitMs = this.#bounds.busyWaitsMs[busy];
      if (waitMs !== undefined && !options.once && isPassing(response.completionCode, harmless)) {
        await this.#pause(waitMs, command.name, options.signal);
        continue;
      }
      if (response.completionCode !== COMPLETION.ok) {
        const tried = `${command.name} on BMC ${this.peer}`;
        throw completionError(response.completionCode, tried, command.completionWords);
      }
      return command.decodeResponse(response.body);
    }
  }

  /** Asks in the present session; where that turns out to be lost, once more in a new one. */
  async #exchangeOnce(
    command: { readonly name: string; readonly netFn: number; readonly code: number },
    body: Uint8Array,
    options: RunOptions,
  ): Promise<IpmiResponse> {
    const { name, netFn, code } = command;
    const once = options.once ?? false;
    const { lun, signal, onSent, fence } = options;
    const request = { name, netFn, code, body, once, lun, signal, onSent, fence };
    for (let attempt = 1; ; attempt += 1) {
      const exchange = await this.#opened(name, options.signal);
      try {
        return await exchange.run(request);
      } catch (thrown) {
        // An ICMP error may be about a BMC that just restarted: the session is gone, the next activation tells the truth.
        const unreachable = thrown instanceof TorporError && thrown.code === 'ERR_IPMI_UNREACHABLE';
        if (unreachable && !once && attempt === 1) continue;
        if (!(thrown instanceof SessionSilence)) throw thrown;
        if (!once) this.#lose(exchange, `${name} was not answered`);
        if (once || attempt === 2) throw this.#silenceError(name, thrown, once);
      }
    }
  }

  #silenceError(name: string, silence: SessionSilence, once: boolean): TorporError {
    const drops = [...this.#dropped].map(([why, count]) => `${count} × ${why}`).join(', ');
    const facts = `${silence.packets} ${silence.packets === 1 ? 'packet' : 'packets'} in ${Math.round(silence.waitedMs)} ms`;
    const outcome = once
      ? '; whether it acted is unknown, and it is not asked twice'
      : '; check the network to the BMC';
    const text = `no answer from BMC ${this.peer} to ${name} (${facts}${drops ? `; dropped: ${drops}` : ''})${outcome}`;
    return new TorporError('ERR_IPMI_TIMEOUT', text, { retryable: !once });
  }

  /** A pause that `close` ends. */
  #rest(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(waitMs, resolve);
      this.#endRest = () => {
        cancel();
        resolve();
      };
    });
  }

  #pause(waitMs: number, name: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        cancel();
        reject(abortedError(name, signal));
      };
      const cancel = this.#clock.schedule(waitMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  // ------------------------------------------------------------------------------------ opening and losing

  /** The exchange of the open session; opens one where there is none. The opening outlives a caller who gives up. */
  async #opened(name: string, signal: AbortSignal | undefined): Promise<CommandExchange> {
    if (this.#closed !== null) throw this.#closedError(name);
    if (signal?.aborted) throw abortedError(name, signal);
    // While an opening runs, `#exchange` may be one whose privilege is not raised yet.
    if (this.#exchange !== null && this.#opening === null) return this.#exchange;
    if (this.#opening === null) {
      const opening = this.#activate().finally(() => {
        this.#opening = null;
      });
      // Whoever waits gets the error; a caller who gave up must not turn it into an unhandled one.
      opening.catch(() => {});
      this.#opening = opening;
    }
    return await untilAborted(this.#opening, name, signal);
  }

  #closedError(name: string): TorporError {
    return new TorporError('ERR_IPMI_SESSION', `${name} was not sent: the session with BMC ${this.peer} was closed`);
  }

  async #activate(): Promise<CommandExchange> {
    if (this.#refusal !== null && this.#clock.nowMs() < this.#refusal.untilMs) throw this.#refusal.error;
    this.#refusal = null;
    const transport = await this.#connected();
    if (this.#closed !== null) throw this.#closedError('Session activation');
    const { maxActivations, noRoomWaitsMs } = this.#bounds;
    let attempts = 0;
    let refusedForRoom = 0;
    for (;;) {
      const result = await this.#handshake(transport);
      if (this.#closed !== null) throw this.#closedError('Session activation');
      if (result.kind === 'established') {
        this.#chose(result.suite);
        const send = (packet: Uint8Array) => transport.send(packet);
        return await this.#raise(new CommandExchange(result.session, send, this.#clock, this.#bounds));
      }
      const { error } = result;
      const waitMs = error instanceof RmcpStatusError && error.isNoRoom ? noRoomWaitsMs[refusedForRoom] : undefined;
      if (waitMs !== undefined) {
        refusedForRoom += 1;
        this.#log?.info({ bmc: this.peer, waitMs }, 'BMC has no session place left, asked again in a moment');
        await this.#rest(waitMs);
        if (this.#closed !== null) throw this.#closedError('Session activation');
        continue;
      }
      attempts += 1;
      const again = result.startAgain && refusedForRoom === 0 && attempts < maxActivations;
      if (!again) {
        if (LEADS_NOWHERE.has(error.code)) await this.#leavePath(transport);
        throw this.#remembered(this.#withoutFallback(error));
      }
      this.#log?.debug({ bmc: this.peer, attempts, code: error.code }, 'session activation starts again');
    }
  }

  /** Says which suite is spoken, once, and what follows from it. */
  #chose(suite: CipherSuite): void {
    if (this.#suite === suite) return;
    this.#suite = suite;
    const asked = this.#options.cipherSuite ?? 'auto';
    const facts = { bmc: this.peer, cipherSuite: suite.id, asked };
    const warning = suiteWarning(suite);
    if (warning !== null) this.#log?.warn(facts, warning);
    else if (asked !== 'auto' || suite.id === AUTO_SUITES[0]) this.#log?.info(facts, `speaks ${suite.name}`);
    else this.#log?.warn(facts, `speaks ${suite.name}: the BMC did not offer a better one`);
  }

  /**
   * What to propose. Once the best suite was spoken it is the only one: whoever forges a refusal, or another list, then
   * ends the session but does not get a weaker one.
   */
  #suiteToPropose(): CipherSuite | 'auto' {
    const choice = this.#options.cipherSuite ?? 'auto';
    if (choice !== 'auto') return CIPHER_SUITES[choice];
    return this.#suite !== null && this.#suite.id === AUTO_SUITES[0] ? this.#suite : 'auto';
  }

  #withoutFallback(error: TorporError): TorporError {
    const kept = (this.#options.cipherSuite ?? 'auto') === 'auto' && this.#suiteToPropose() !== 'auto';
    if (error.code !== 'ERR_IPMI_CIPHER_SUITE' || !kept) return error;
    const why = `this BMC spoke ${this.#suite?.name} before, and Torpor does not fall back to a weaker one by itself`;
    return new TorporError(error.code, `${error.message}; ${why}: set cipherSuite, or restart Torpor`);
  }

  async #connected(): Promise<BmcTransport> {
    this.#transport ??= this.#openTransport({
      packet: (bytes) => this.#receive(bytes),
      failure: (error) => this.#networkFailed(error),
    });
    try {
      return await this.#transport;
    } catch (thrown) {
      this.#transport = null;
      throw thrown;
    }
  }

  /** The next opening asks for the name's address again, and for the route: both may have changed, also this machine's own address. */
  async #leavePath(transport: BmcTransport): Promise<void> {
    this.#transport = null;
    await transport.close();
  }

  async #handshake(transport: BmcTransport): Promise<OpeningResult> {
    const handshake = new Handshake({
      peer: this.peer,
      credentials: this.#credentials,
      suite: this.#suiteToPropose(),
      privilege: this.privilege,
      random: this.#options.random,
    });
    const opening = new SessionOpening(
      handshake,
      (packet) => transport.send(packet),
      this.#clock,
      this.#bounds.activationWaitsMs,
    );
    this.#handshaking = opening;
    opening.start();
    const result = await opening.result;
    this.#handshaking = null;
    return result;
  }

  /** From `user`, as every session starts, to the level that is wanted; only then others may use it. */
  async #raise(exchange: CommandExchange): Promise<CommandExchange> {
    this.#exchange = exchange;
    try {
      await this.#askPrivilege(exchange);
    } catch (thrown) {
      this.#abandon(exchange);
      if (!(thrown instanceof SessionSilence)) throw thrown;
      throw this.#silenceError(SET_SESSION_PRIVILEGE_LEVEL.name, thrown, false);
    }
    this.#activations += 1;
    this.#holdOffMs = 0;
    this.#lastHeardMs = this.#clock.nowMs();
    this.#scheduleKeepAlive(exchange);
    const cipherSuite = this.#suite?.id;
    this.#log?.debug({ bmc: this.peer, cipherSuite, privilege: this.privilege }, 'BMC session open');
    return exchange;
  }

  async #askPrivilege(exchange: CommandExchange): Promise<void> {
    const { name, netFn, code, encodeRequest, decodeResponse, completionWords } = SET_SESSION_PRIVILEGE_LEVEL;
    const level = privilegeNumber(this.privilege);
    const response = await exchange.run({ name, netFn, code, body: encodeRequest(level) });
    const refused = response.completionCode !== COMPLETION.ok;
    // Deviation: a BMC may answer 00h and say in the body that it granted less.
    if (!refused && decodeResponse(response.body) >= level) return;
    const why = refused ? completionCodeWords(response.completionCode, completionWords) : 'a lower level was granted';
    const text = `${name} (${this.privilege}) on BMC ${this.peer} was refused for user "${this.#credentials.userName}": ${why}; raise this user's privilege limit on the BMC's LAN channel`;
    throw this.#remembered(new TorporError('ERR_IPMI_PRIVILEGE', text));
  }

  /** Keeps a refusal of the credentials for the hold-off, so that polling does not lock the user out. */
  #remembered(error: TorporError): TorporError {
    if (error.code === 'ERR_IPMI_AUTHENTICATION' || error.code === 'ERR_IPMI_PRIVILEGE') {
      const { refusedHoldOffMs, longestHoldOffMs } = this.#bounds;
      this.#holdOffMs = this.#holdOffMs === 0 ? refusedHoldOffMs : Math.min(longestHoldOffMs, this.#holdOffMs * 2);
      this.#refusal = { error, untilMs: this.#clock.nowMs() + this.#holdOffMs };
    }
    return error;
  }

  /** The session is gone: what is pending in it is told, the next command opens another. */
  #lose(exchange: CommandExchange, why: string): void {
    if (this.#exchange !== exchange) return;
    this.#exchange = null;
    this.#cancelKeepAlive();
    this.#log?.info({ bmc: this.peer, why }, 'BMC session lost');
    exchange.end();
  }

  /** Leaves a session that cannot be used, politely but without waiting. */
  #abandon(exchange: CommandExchange): void {
    if (this.#exchange === exchange) this.#exchange = null;
    this.#closeExchange(exchange).catch(() => {});
  }

  #networkFailed(error: TorporError): void {
    this.#log?.debug({ bmc: this.peer, code: error.code }, 'network failure towards BMC');
    this.#handshaking?.fail(error);
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#exchange = null;
    this.#cancelKeepAlive();
    exchange.end(error);
  }

  // ------------------------------------------------------------------------------------ receiving

  #receive(packet: Uint8Array): void {
    const why = this.#handshaking === null ? this.#receiveInSession(packet) : this.#handshaking.receive(packet);
    if (why === null) {
      this.#lastHeardMs = this.#clock.nowMs();
      this.#dropped.clear();
      return;
    }
    const reason = this.#dropped.has(why) || this.#dropped.size < MAX_DROP_REASONS ? why : 'other reasons';
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
    this.#log?.debug({ bmc: this.peer, why }, 'packet from BMC dropped');
  }

  /** Null where the packet answered a command, else why it was dropped. */
  #receiveInSession(packet: Uint8Array): string | null {
    const exchange = this.#exchange;
    if (exchange === null) return 'no session is open';
    try {
      const { messageClass, body } = decodeRmcp(packet);
      if (messageClass !== 'ipmi') return 'not an IPMI packet';
      const opened = exchange.session.open(decodeSessionPacket(body), body);
      if (opened.kind === 'dropped') return opened.why;
      return exchange.receive(opened.message) ? null : 'a late or doubled answer';
    } catch (thrown) {
      if (thrown instanceof TorporError) return 'malformed';
      throw thrown;
    }
  }

  // ------------------------------------------------------------------------------------ keeping alive and closing

  #scheduleKeepAlive(exchange: CommandExchange): void {
    const idleMs = this.#clock.nowMs() - this.#lastHeardMs;
    this.#keepAliveAfter(Math.max(1, this.#bounds.keepAliveMs - idleMs), exchange);
  }

  #keepAliveAfter(delayMs: number, exchange: CommandExchange): void {
    this.#cancelKeepAlive();
    this.#cancelKeepAlive = this.#clock.schedule(delayMs, () => {
      if (this.#exchange !== exchange) return;
      if (this.#clock.nowMs() - this.#lastHeardMs < this.#bounds.keepAliveMs) return this.#scheduleKeepAlive(exchange);
      this.run(GET_DEVICE_ID, undefined).then(
        () => this.#exchange !== null && this.#scheduleKeepAlive(this.#exchange),
        // A loss was noted where it was seen; the next command opens a session or says why not. After a refusal it is still open.
        () => this.#exchange === exchange && this.#keepAliveAfter(this.#bounds.keepAliveMs, exchange),
      );
    });
  }

  async #closeExchange(exchange: CommandExchange): Promise<void> {
    const { name, netFn, code, encodeRequest } = CLOSE_SESSION;
    const body = encodeRequest(exchange.session.remoteSessionId);
    let cancel = () => {};
    const patience = new Promise<void>((resolve) => {
      cancel = this.#clock.schedule(this.#bounds.closeWaitMs, resolve);
    });
    const request = { name, netFn, code, body };
    const asked = exchange.run(request).then(
      () => {},
      () => {},
    );
    await Promise.race([asked, patience]);
    cancel();
    exchange.end(this.#closedError('The command'));
  }

  /** Ends the session politely, rejects what is pending with ERR_IPMI_SESSION, closes the socket. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    const exchange = this.#exchange;
    this.#cancelKeepAlive();
    this.#endRest();
    this.#handshaking?.fail(this.#closedError('Session activation'));
    exchange?.fail(this.#closedError('The command'));
    if (exchange !== null) await this.#closeExchange(exchange);
    this.#exchange = null;
    const transport = await this.#transport?.catch(() => null);
    await transport?.close();
  }
}

/** A session that is open: `new BmcSession(options)` and its `open`, closed again where that fails. */
export async function openBmcSession(options: BmcSessionOptions, signal?: AbortSignal): Promise<BmcSession> {
  const session = new BmcSession(options);
  try {
    await session.open(signal);
    return session;
  } catch (thrown) {
    await session.close();
    throw thrown;
  }
}
