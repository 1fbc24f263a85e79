// A BMC that speaks RMCP+ on UDP: routes packets to session activation and commands, and fails on request. The machine behind it is a port.

import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { errorText, TorporError } from '../../platform/errors.ts';
import type { Clock, Logger } from '../../platform/ports.ts';
import { CIPHER_SUITES, type CipherSuiteId } from '../ipmi/cipher-suite.ts';
import type { ChassisAction } from '../ipmi/commands/chassis-control.ts';
import { BmcCredentials } from '../ipmi/credentials.ts';
import type { EstablishedSession } from '../ipmi/established-session.ts';
import { decodeIpmiRequest, encodeIpmiResponse, type IpmiRequest } from '../ipmi/ipmi-message.ts';
import type { PrivilegeLevel } from '../ipmi/privilege-level.ts';
import { decodeAsf, decodeRmcp, encodePresencePong, encodeRmcp } from '../ipmi/rmcp.ts';
import {
  decodeSessionPacket,
  encodeLegacyPacket,
  encodeSetupPacket,
  type LegacyPacket,
  PAYLOAD,
  type RmcpPlusPacket,
} from '../ipmi/rmcp-plus.ts';
import { BmcCommands, type ManagedMachine } from './bmc-commands.ts';
import { type CommandAnswer, CommandTable } from './command-table.ts';
import type { ManagedSession, ManagedUser } from './managed-session.ts';
import { ManagedSessionTable } from './managed-session-table.ts';
import { SimulatedDcmi } from './simulated-dcmi.ts';
import { SimulatedSdr } from './simulated-sdr.ts';
import { SimulatedSel } from './simulated-sel.ts';
import { SimulatedWatchdog } from './simulated-watchdog.ts';

/** A repeated deed gets its old answer for this long, in the same session. */
const DEED_RECALL_MS = 5000;
/** Most steps of the 8-bit power meter that are used. */
const METER_STEPS = 250;
/** Beside the window of a console that has taken every number so far, and its number 0. Source: IPMI v2.0 section 6.12.13. */
const MISNUMBERS = { ahead: 17, behind: 17 };
/** Unspecified error. Source: IPMI v2.0 section 5.2. */
const FALSE_CODE = 0xff;

export interface BmcUser {
  readonly name: string;
  readonly password: string;
  /** The most this user may ask for. */
  readonly privilege: PrivilegeLevel;
}

/** Change them at any time; they act on the next packet. */
export interface BmcFaults {
  /** Of all datagrams, each way, 0 to 100. */
  dropPercent: number;
  /** True: receives and never answers, nor acts. */
  silent: boolean;
  /** True: acts, but the answers to commands that act are lost. */
  losesDeedAnswers: boolean;
  /** Commands that act are carried out and answered so much later, as where their packet was late. */
  deedDelayMs: number;
  /** True: before each answer come false ones (FFh) with the right integrity code under numbers that are not their turn. */
  misnumbers: boolean;
  /** Command name ("Chassis Control") to the completion code it is refused with. */
  readonly refuse: Map<string, number>;
  /** Suites that are listed and refused all the same: a BMC whose list is wrong. */
  readonly refuseSuites: Set<CipherSuiteId>;
  /** The same as `refuse` for so many times only: a BMC that is busy for a moment. */
  readonly refuseTimes: Map<string, { readonly completionCode: number; times: number }>;
}

export interface SimulatedBmcOptions {
  readonly machine: ManagedMachine;
  readonly clock: Clock;
  /** Address to bind, default 127.0.0.1. */
  readonly host?: string | undefined;
  /** 0 (default): any free port. */
  readonly port?: number | undefined;
  readonly users: readonly BmcUser[];
  /** Default 3 and 17. */
  readonly cipherSuites?: readonly CipherSuiteId[] | undefined;
  /** Whether the SDR lists a System ACPI Power State sensor (type 22h). Default true. */
  readonly acpiSensor?: boolean | undefined;
  /** Whether Get ACPI Power State is implemented (else C1h); `told`: it knows what Set ACPI Power State said. Default true. */
  readonly acpiCommand?: boolean | 'told' | undefined;
  /** Whether the SDR lists a power meter. Default true. */
  readonly powerSensor?: boolean | undefined;
  /** Whether DCMI is implemented (else C1h). Default true. */
  readonly dcmi?: boolean | undefined;
  /** The BMC's own key K[G], as text or as hex digits after `0x`: then a password alone opens no session. */
  readonly kg?: string | undefined;
  /** Sessions and activations at the same time. Default 16. */
  readonly maxSessions?: number | undefined;
  /** Records the system event log has room for. Default 512. */
  readonly selRecords?: number | undefined;
  readonly log?: Logger | undefined;
  /** Of the dice that drop packets. Default 1. */
  readonly seed?: number | undefined;
}

interface Deed {
  /** Command and body, to tell a repeat from a new request under the same rqSeq. */
  readonly key: string;
  readonly answer: CommandAnswer;
  readonly atMs: number;
}

/** Start it, send it packets, stop it. */
export class SimulatedBmc {
  readonly faults: BmcFaults = {
    dropPercent: 0,
    silent: false,
    losesDeedAnswers: false,
    deedDelayMs: 0,
    misnumbers: false,
    refuse: new Map(),
    refuseSuites: new Set(),
    refuseTimes: new Map(),
  };
  readonly #options: SimulatedBmcOptions;
  readonly #clock: Clock;
  readonly #sessions: ManagedSessionTable;
  readonly #sdr: SimulatedSdr;
  readonly #users: Map<string, ManagedUser>;
  readonly #chassis: BmcCommands;
  readonly #commands = new CommandTable();
  /** The system event log; never erased, not even by `restart`. */
  readonly sel: SimulatedSel;
  readonly watchdog: SimulatedWatchdog;
  /** The last deed of each session under each of the 64 request sequence numbers. */
  readonly #deeds = new WeakMap<ManagedSession, Map<number, Deed>>();
  readonly #counts = new Map<string, number>();
  /** Sent before the next answer. */
  #strays: Uint8Array[] = [];
  #misnumbered = 0;
  /** Taken in with the last packet, and not carried out yet. */
  #lateDeed: (() => Uint8Array | null) | null = null;
  #lateSinceMs: number | null = null;
  #dice: number;
  #socket: Socket | null = null;

  constructor(options: SimulatedBmcOptions) {
    const { machine } = options;
    this.#options = options;
    this.#clock = options.clock;
    this.#dice = options.seed ?? 1;
    const { acpiSensor = true, acpiCommand = true, powerSensor = true } = options;
    const suites = new Set((options.cipherSuites ?? [3, 17]).map((id) => CIPHER_SUITES[id]));
    const users = new Map<string, ManagedUser>(
      options.users.map(({ name, password, privilege }) => {
        return [name, { credentials: new BmcCredentials(name, password, options.kg ?? null), privilege }];
      }),
    );
    this.#users = users;
    const guid = randomBytes(16);
    const wattsPerStep = Math.max(1, Math.ceil(machine.peakWatts / METER_STEPS));
    const createdSeconds = Math.floor(options.clock.nowMs() / 1000);
    const { maxSessions, clock, selRecords, dcmi = true } = options;
    this.#sessions = new ManagedSessionTable({
      ...{ users, suites, guid, maxSessions },
      refuses: ({ id }) => this.faults.refuseSuites.has(id),
    });
    this.#sdr = new SimulatedSdr({ acpiSensor, powerSensor, wattsPerStep, createdSeconds });
    this.sel = new SimulatedSel(clock, selRecords);
    this.watchdog = new SimulatedWatchdog(clock, machine);
    const needsKg = [...users.values()].some(({ credentials }) => credentials.hasKg);
    const commands = new BmcCommands({
      ...{ machine, sdr: this.#sdr, suites, guid, needsKg, wattsPerStep, acpiSensor, acpiCommand, powerSensor },
      closeSession: (managedSessionId) => this.#sessions.delete(managedSessionId),
    });
    this.#chassis = commands;
    commands.addCommands(this.#commands);
    this.sel.addCommands(this.#commands);
    this.watchdog.addCommands(this.#commands);
    if (dcmi) new SimulatedDcmi(clock, () => machine.watts()).addCommands(this.#commands);
  }

  /** Known after `start`. */
  get port(): number {
    return this.#socket?.address().port ?? this.#options.port ?? 0;
  }

  /** Sessions that are open now. */
  get sessionCount(): number {
    return this.#sessions.count(this.#clock.nowMs());
  }

  /** Times a command was executed (repeats that got their old answer aside), by its specification name. */
  executed(commandName: string): number {
    return this.#counts.get(commandName) ?? 0;
  }

  /** False answers sent under numbers that were not their turn. */
  get misnumbered(): number {
    return this.#misnumbered;
  }

  /** Every Chassis Control that arrived (repeats that got their old answer aside), oldest first. */
  get chassisActions(): readonly ChassisAction[] {
    return this.#chassis.chassisActions;
  }

  /** As an administrator does: the next session needs it, those that are open go on. */
  changePassword(name: string, password: string): void {
    const user = this.#users.get(name);
    if (user === undefined) return;
    this.#users.set(name, { ...user, credentials: new BmcCredentials(name, password, this.#options.kg ?? null) });
  }

  /** Rejects with ERR_IPMI_LISTEN where the port cannot be had. */
  async start(): Promise<void> {
    const { host = '127.0.0.1', port = 0 } = this.#options;
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (thrown) => {
        const text = `simulated BMC cannot listen on UDP ${host}:${port}: ${errorText(thrown)}; choose another port or stop what uses it`;
        reject(new TorporError('ERR_IPMI_LISTEN', text, { cause: thrown }));
      });
      socket.bind(port, host, () => resolve());
    });
    // A console that closed its port answers with ICMP: nothing to do about it.
    socket.on('error', (error) => this.#options.log?.debug({ error: error.message }, 'simulated BMC: socket error'));
    socket.on('message', (packet, from) => this.#receive(packet, from));
    this.#socket = socket;
  }

  /** As a BMC reset does: forgets every session and reservation. The machine is not touched. */
  restart(): void {
    this.#sessions.clear();
    this.#sdr.cancelReservation();
    this.sel.cancelReservation();
  }

  /** As when a record is added or removed: reservations are cancelled, the time stamps move. */
  changeRepository(): void {
    this.#sdr.touch(Math.floor(this.#clock.nowMs() / 1000));
  }

  /** Closes the socket: the port is refused from then on. Idempotent. */
  async stop(): Promise<void> {
    const socket = this.#socket;
    this.#socket = null;
    this.watchdog.stop();
    this.restart();
    if (socket !== null) await new Promise<void>((resolve) => socket.close(() => resolve()));
  }

  // ------------------------------------------------------------------------------------ packets

  #receive(packet: Uint8Array, from: RemoteInfo): void {
    const answer = this.answerPacket(packet);
    const strays = this.#strays.splice(0);
    this.#misnumbered += strays.length;
    const send = (out: Uint8Array | null) => {
      if (out !== null) this.#socket?.send(out, from.port, from.address);
    };
    for (const stray of strays) send(stray);
    send(answer);
    const deed = this.#lateDeed;
    this.#lateDeed = null;
    if (deed === null) return;
    this.#lateSinceMs = this.#clock.nowMs();
    this.#clock.schedule(this.faults.deedDelayMs, () => {
      send(deed());
      this.#lateSinceMs = null;
    });
  }

  /** For how long a command that acts and is late (`deedDelayMs`) has been on its way, also while it is carried out; null: none is. */
  get lateDeedMs(): number | null {
    return this.#lateSinceMs === null ? null : this.#clock.nowMs() - this.#lateSinceMs;
  }

  /** What the BMC does with one datagram, faults included: the datagram it answers, or null. Never throws. For transports other than UDP. */
  answerPacket(packet: Uint8Array): Uint8Array | null {
    if (this.faults.silent || this.#loses()) return null;
    try {
      const answer = this.#answer(packet);
      return this.#loses() ? null : answer;
    } catch (thrown) {
      if (!(thrown instanceof TorporError)) throw thrown;
      this.#options.log?.debug({ why: thrown.message }, 'simulated BMC: packet dropped');
      return null;
    }
  }

  /** A die with a seed (an LCG with Knuth's constants): the same faults in every run. */
  #loses(): boolean {
    if (this.faults.dropPercent <= 0) return false;
    this.#dice = (Math.imul(this.#dice, 1_664_525) + 1_013_904_223) >>> 0;
    return (this.#dice / 0x1_0000_0000) * 100 < this.faults.dropPercent;
  }

  #answer(packet: Uint8Array): Uint8Array | null {
    const { messageClass, body } = decodeRmcp(packet);
    if (messageClass === 'asf') {
      const message = decodeAsf(body);
      return message.type === 'ping' ? encodePresencePong({ tag: message.tag, supportsIpmi: true }) : null;
    }
    const inner = decodeSessionPacket(body);
    if (inner.sessionId !== 0) return this.#answerInSession(inner, body);
    if (inner.format === 'v1.5') {
      return encodeRmcp(
        'ipmi',
        encodeLegacyPacket(this.#answerRequest(decodeIpmiRequest(inner.payload), null).message),
      );
    }
    if (inner.authenticated || inner.encrypted) return null;
    if (inner.payloadType === PAYLOAD.ipmi) {
      const { message } = this.#answerRequest(decodeIpmiRequest(inner.payload), null);
      return encodeRmcp('ipmi', encodeSetupPacket(PAYLOAD.ipmi, message));
    }
    const answer = this.#sessions.answer(inner.payloadType, inner.payload, this.#clock.nowMs());
    return answer === null ? null : encodeRmcp('ipmi', encodeSetupPacket(answer.payloadType, answer.payload));
  }

  #answerInSession(inner: LegacyPacket | RmcpPlusPacket, body: Uint8Array): Uint8Array | null {
    const nowMs = this.#clock.nowMs();
    const session = this.#sessions.get(inner.sessionId, nowMs);
    const established = session?.established;
    if (session === undefined || !established) return null;
    const opened = established.open(inner, body);
    if (opened.kind === 'dropped') {
      this.#options.log?.debug({ why: opened.why }, 'simulated BMC: packet dropped');
      return null;
    }
    session.lastHeardMs = nowMs;
    const request = decodeIpmiRequest(opened.message);
    if (this.faults.misnumbers) this.#strays.push(...misnumbered(established, request));
    const answer = () => {
      const { message, isDeed } = this.#answerRequest(request, session);
      return isDeed && this.faults.losesDeedAnswers ? null : established.seal(message);
    };
    const isDeed = this.#commands.find(request.netFn, request.command)?.isDeed ?? false;
    if (!isDeed || this.faults.deedDelayMs === 0) return answer();
    this.#lateDeed = answer;
    return null;
  }

  // ------------------------------------------------------------------------------------ commands

  #answerRequest(request: IpmiRequest, session: ManagedSession | null): { message: Uint8Array; isDeed: boolean } {
    const known = this.#commands.find(request.netFn, request.command);
    const isDeed = known?.isDeed ?? false;
    const answer = isDeed && session !== null ? this.#doOnce(request, session) : this.#execute(request, session);
    const { netFn, lun, rqSeq, command } = request;
    return { message: encodeIpmiResponse({ netFn: netFn + 1, lun, rqSeq, command, ...answer }), isDeed };
  }

  #execute(request: IpmiRequest, session: ManagedSession | null): CommandAnswer {
    const { netFn, command, body } = request;
    const name = this.#commands.find(netFn, command)?.name ?? 'unknown command';
    const refusedWith = this.faults.refuse.get(name);
    if (refusedWith !== undefined) return { completionCode: refusedWith, body: new Uint8Array(0) };
    const passing = this.faults.refuseTimes.get(name);
    if (passing !== undefined && passing.times > 0) {
      passing.times -= 1;
      return { completionCode: passing.completionCode, body: new Uint8Array(0) };
    }
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    return this.#commands.answer(netFn, command, body, session);
  }

  /** A retry carries a new session sequence number but the old rqSeq: it gets the old answer. */
  #doOnce(request: IpmiRequest, session: ManagedSession): CommandAnswer {
    const nowMs = this.#clock.nowMs();
    const deeds = this.#deeds.get(session) ?? new Map<number, Deed>();
    this.#deeds.set(session, deeds);
    const key = `${request.netFn} ${request.command} ${Buffer.from(request.body).toString('hex')}`;
    const last = deeds.get(request.rqSeq);
    if (last !== undefined && last.key === key && nowMs - last.atMs < DEED_RECALL_MS) return last.answer;
    const answer = this.#execute(request, session);
    deeds.set(request.rqSeq, { key, answer, atMs: nowMs });
    return answer;
  }
}

/** False answers to a request: one under the number of the last answer, one far behind, one far ahead, one under 0. */
function misnumbered(session: EstablishedSession, { netFn, lun, rqSeq, command }: IpmiRequest): Uint8Array[] {
  const fields = { netFn: netFn + 1, lun, rqSeq, command };
  const message = encodeIpmiResponse({ ...fields, completionCode: FALSE_CODE, body: new Uint8Array(0) });
  const last = session.lastSent;
  const numbers = [last, last - MISNUMBERS.behind, last + MISNUMBERS.ahead, 0].map((number) => number >>> 0);
  return numbers.map((number) => session.sealAs(number, message));
}
