// The power driver for one IPMI BMC: what it is told to do and what it says, as answers for the controller. The session is bmc-session.ts, the witnesses power-witness.ts.
import { errorText, TorporError } from '../../platform/errors.ts';
import type {
  Clock,
  Logger,
  PowerAnswer,
  PowerCapabilities,
  PowerDriver,
  PowerReading,
  PressFence,
  WakeProof,
  WatchdogReader,
  WatchdogReading,
} from '../../platform/ports.ts';
import { type BmcProfile, describeProfile, readProfile } from './bmc-profile.ts';
import { BmcSession } from './bmc-session.ts';
import type { CipherSuite, CipherSuiteChoice } from './cipher-suite.ts';
import { CHASSIS_CONTROL } from './commands/chassis-control.ts';
import { GET_CHASSIS_STATUS } from './commands/get-chassis-status.ts';
import { GET_WATCHDOG_TIMER } from './commands/get-watchdog-timer.ts';
import { COMPLETION, CompletionError } from './completion-code.ts';
import { PowerWitness } from './power-witness.ts';
import { type Presence, pingPresence } from './presence-ping.ts';
import { type PrivilegeLevel, privilegeCovers } from './privilege-level.ts';
import type { CommandRunner } from './sensor-directory.ts';
import type { SessionBounds } from './session-bounds.ts';
import type { OpenTransport } from './transport.ts';

/** Chassis Control "power up". In S3 it wakes; what the power bit says then does not matter. */
export type IpmiWakeMethod = 'chassis-on';

export interface IpmiDriverOptions {
  readonly host: string;
  /** UDP port, default 623. */
  readonly port?: number | undefined;
  readonly user: string;
  readonly password: string;
  /** As in BmcSessionOptions. */
  readonly kg?: string | null | undefined;
  readonly cipherSuite?: CipherSuiteChoice | undefined;
  readonly sleep: 'S3' | 'S5';
  /** Default operator, the least that may press the power button. */
  readonly privilege?: PrivilegeLevel | undefined;
  readonly clock: Clock;
  readonly log?: Logger | undefined;
  /** Default, and so far the only one: `chassis-on`. */
  readonly wakeMethods?: readonly IpmiWakeMethod[] | undefined;
  readonly bounds?: Partial<SessionBounds> | undefined;
  /** Default: a connected UDP socket. */
  readonly openTransport?: OpenTransport | undefined;
}

/** One session, opened at the first call and kept. `name` is `ipmi host:port`. */
export class IpmiDriver implements PowerDriver, WatchdogReader {
  readonly name: string;
  readonly wakeMethods: readonly IpmiWakeMethod[];
  readonly #session: BmcSession;
  readonly #witness: PowerWitness;
  readonly #closing = new AbortController();
  readonly #sleep: 'S3' | 'S5';
  readonly #log: Logger | undefined;
  #toldProfile = false;
  readonly #ping: (signal: AbortSignal) => Promise<Presence>;

  /** Throws ERR_CONFIG_INVALID where user or password is longer than IPMI allows. Nothing is sent yet. */
  constructor(options: IpmiDriverOptions) {
    const { host, port, clock, openTransport } = options;
    this.#session = new BmcSession(options);
    this.#witness = new PowerWitness(this.#session, clock, this.#closing.signal);
    this.#sleep = options.sleep;
    this.#log = options.log;
    this.wakeMethods = options.wakeMethods ?? ['chassis-on'];
    this.#ping = (signal) => pingPresence({ host, port, clock, openTransport }, signal);
    this.name = `ipmi ${this.#session.peer}`;
  }

  capabilities(): PowerCapabilities {
    return {
      sleep: this.#sleep,
      retainsRam: this.#sleep === 'S3',
      readsSleepState: this.sleepWitness(),
      wakeMethods: this.wakeMethods,
    };
  }

  /** Before the first reading a guess from the configuration: S3 by sensor, S5 by power bit. */
  sleepWitness(): PowerCapabilities['readsSleepState'] {
    const { source } = this.#witness;
    if (source === 'sensor' || source === 'command') return source;
    if (this.#sleep === 'S5') return 'power-bit';
    return source === 'untried' ? 'sensor' : 'none';
  }

  /** Rejects with a TorporError where the BMC cannot be read. Two to three round trips once the sensors are known. */
  readPower(signal: AbortSignal): Promise<PowerReading> {
    return this.#witness.read(signal);
  }

  /**
   * Chassis soft in exactly one packet, after Get Chassis Status has proven in the same session that the BMC listens. Not
   * sent where the power bit is off: then the platform is not in S0, and the button would start or wake it.
   */
  async requestSleep(signal: AbortSignal, fence?: PressFence): Promise<PowerAnswer> {
    const attempts: string[] = [];
    try {
      const { powerOn } = await this.#session.run(GET_CHASSIS_STATUS, undefined, { signal });
      attempts.push(`chassis status read from ${this.#session.peer}: power ${powerOn ? 'on' : 'off'}`);
      if (!powerOn) {
        attempts.push('chassis soft not sent: the power is off already, the button might start the platform');
        return { outcome: 'refused', attempts };
      }
    } catch (thrown) {
      attempts.push(`chassis soft not sent, the BMC could not be asked before it: ${errorText(thrown)}`);
      return { outcome: 'refused', attempts };
    }
    return await this.#control('soft', attempts, true, signal, fence);
  }

  /** Chassis on, whatever the power bit says. Repeated until the BMC answers: asking twice does no harm. */
  async requestWake(method: string, signal: AbortSignal): Promise<PowerAnswer> {
    if (!this.wakeMethods.some((known) => known === method)) {
      const known = this.wakeMethods.join(', ');
      return { outcome: 'refused', attempts: [`wake method "${method}" is not one of this driver's: ${known}`] };
    }
    return await this.#control('power-on', [], false, signal);
  }

  async #control(
    action: 'soft' | 'power-on',
    attempts: string[],
    once: boolean,
    signal: AbortSignal,
    fence?: PressFence,
  ): Promise<PowerAnswer> {
    const words = action === 'soft' ? 'chassis soft' : 'chassis on';
    let sent = false;
    const onSent = () => {
      sent = true;
    };
    try {
      await this.#session.run(CHASSIS_CONTROL, action, { signal, once, onSent, fence, harmless: !once });
      attempts.push(`${words} accepted by ${this.#session.peer}`);
      return { outcome: 'accepted', attempts };
    } catch (thrown) {
      const outcome = sent && !isRefusal(thrown) ? 'unknown' : 'refused';
      attempts.push(`${words} ${sent ? 'sent' : 'not sent'}: ${errorText(thrown)}`);
      return { outcome, attempts };
    }
  }

  /** The session, for others who speak with this BMC: its places are few, so it has one for all. */
  get runner(): CommandRunner {
    return this.#session;
  }

  /** `host:port`. */
  get peer(): string {
    return this.#session.peer;
  }

  /**
   * Null where the BMC answers that it has no watchdog. Rejects with a TorporError where it cannot be read: busy, forbidden or
   * unreadable is not "none", and one that runs would reset a sleeper.
   */
  async readWatchdog(signal: AbortSignal): Promise<WatchdogReading | null> {
    try {
      const { running, action, presentMs } = await this.#session.run(GET_WATCHDOG_TIMER, undefined, { signal });
      return { running, action: action.replace('-', ' '), secondsLeft: Math.ceil(presentMs / 1000) };
    } catch (thrown) {
      if (thrown instanceof CompletionError && NOT_THERE.has(thrown.completionCode)) return null;
      throw thrown;
    }
  }

  /** What this BMC can do. Reads power first, so that the sources are known. Rejects with a TorporError. */
  async readProfile(signal: AbortSignal): Promise<BmcProfile> {
    await this.#witness.read(signal);
    const { stateSensor, wattsSource } = this.#witness;
    const { privilege } = this.#session;
    const known = { suite: this.#session.suite as CipherSuite, privilege, stateSensor, wattsSource };
    return await readProfile(this.#session, known, signal);
  }

  /** Once, after the first proof: what this BMC can do, into the log. Nothing waits for it. */
  #tellProfile(): void {
    if (this.#toldProfile || this.#log === undefined) return;
    this.#toldProfile = true;
    this.readProfile(this.#closing.signal).then(
      (profile) => {
        for (const { subject, what, doubt } of describeProfile(profile)) {
          const facts = { bmc: this.peer, subject };
          if (doubt === null) this.#log?.info(facts, `${subject}: ${what}`);
          else this.#log?.warn(facts, `${subject}: ${what}; ${doubt}`);
        }
      },
      (thrown: unknown) =>
        this.#log?.debug({ bmc: this.peer, why: errorText(thrown) }, 'BMC could not be asked for what it can do'),
    );
  }

  /** Opens the session, checks the privilege, reads the state. `why` says what was seen, or what to do. Presses nothing. */
  async proveWake(signal: AbortSignal): Promise<WakeProof> {
    const { privilege, peer } = this.#session;
    if (!privilegeCovers(privilege, 'operator')) {
      const why = `the session with BMC ${peer} is for privilege ${privilege}, chassis control needs operator: ask for operator`;
      return { proven: false, why };
    }
    try {
      const reading = await this.#witness.read(signal);
      this.#tellProfile();
      return { proven: true, why: this.#proofWords(reading) };
    } catch (thrown) {
      return { proven: false, why: await this.#problemWords(thrown, signal) };
    }
  }

  #proofWords(reading: PowerReading): string {
    const { privilege, peer } = this.#session;
    const acpi =
      reading.acpi === null ? 'ACPI state not told by this BMC' : `ACPI state ${reading.acpi} by ${reading.acpiSource}`;
    const bit = `power bit ${reading.powerBit ? 'on' : 'off'}`;
    const watts = reading.watts === null ? '' : `, ${Math.round(reading.watts)} W`;
    const weak =
      this.sleepWitness() === 'none'
        ? '; S3 cannot be told from S0 through this BMC, probes are the only evidence'
        : '';
    return `${privilege} session with BMC ${peer} over ${this.#session.suite?.name}; ${acpi}, ${bit}${watts}; ${this.#witness.describe()}${weak}`;
  }

  async #problemWords(thrown: unknown, signal: AbortSignal): Promise<string> {
    const text = errorText(thrown);
    const silent = thrown instanceof TorporError && thrown.code === 'ERR_IPMI_TIMEOUT';
    if (!silent || signal.aborted || this.#closing.signal.aborted) return text;
    const presence = await this.#ping(AbortSignal.any([signal, this.#closing.signal]));
    const seen: Readonly<Record<Presence, string>> = {
      ipmi: 'it answers an RMCP presence ping, so the address is right: look for IPMI over LAN being switched off',
      rmcp: 'something there speaks RMCP but no IPMI: check the address',
      refused: 'the network says that nothing listens there: check host and port',
      silent: 'an RMCP presence ping is not answered either',
    };
    return `${text}; ${seen[presence]}`;
  }

  /** Ends the session politely and closes the socket; what is under way rejects. Idempotent. */
  close(): Promise<void> {
    this.#closing.abort(new TorporError('ERR_IPMI_SESSION', `${this.name} was closed`));
    return this.#session.close();
  }
}

/** Completion codes that say: there is no such thing here. */
const NOT_THERE: ReadonlySet<number> = new Set([
  COMPLETION.invalidCommand,
  COMPLETION.invalidForLun,
  COMPLETION.notPresent,
]);

/** Completion codes after which the BMC may have acted all the same: time-out, no answer possible, unspecified. */
const AMBIGUOUS_CODES: ReadonlySet<number> = new Set([
  COMPLETION.timeout,
  COMPLETION.cannotProvide,
  COMPLETION.unspecified,
]);

/** True where the BMC said no. Silence after the packet went out is none. */
function isRefusal(thrown: unknown): boolean {
  return thrown instanceof CompletionError && !AMBIGUOUS_CODES.has(thrown.completionCode);
}
