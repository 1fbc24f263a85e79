// The power driver for one IPMI BMC: what it is told to do and what it says, as answers for the controller. The session is bmc-session.ts, the witnesses power-witness.ts.
import { errorText, TorporError } from '../../platform/errors.ts';
import type {
  Clock,
  Logger,
  PowerAnswer,
  PowerCapabilities,
  PowerDriver,
  PowerReading,
  WakeProof,
} from '../../platform/ports.ts';
import { BmcSession } from './bmc-session.ts';
import { CIPHER_SUITES, type CipherSuiteId } from './cipher-suite.ts';
import { CHASSIS_CONTROL } from './commands/chassis-control.ts';
import { GET_CHASSIS_STATUS } from './commands/get-chassis-status.ts';
import { COMPLETION, CompletionError } from './completion-code.ts';
import { PowerWitness } from './power-witness.ts';
import { type Presence, pingPresence } from './presence-ping.ts';
import { type PrivilegeLevel, privilegeCovers } from './privilege-level.ts';
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
  readonly cipherSuite: CipherSuiteId;
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
export class IpmiDriver implements PowerDriver {
  readonly name: string;
  readonly wakeMethods: readonly IpmiWakeMethod[];
  readonly #session: BmcSession;
  readonly #witness: PowerWitness;
  readonly #closing = new AbortController();
  readonly #sleep: 'S3' | 'S5';
  readonly #suiteName: string;
  readonly #ping: (signal: AbortSignal) => Promise<Presence>;

  /** Throws ERR_CONFIG_INVALID where user or password is longer than IPMI allows. Nothing is sent yet. */
  constructor(options: IpmiDriverOptions) {
    const { host, port, clock, openTransport } = options;
    this.#session = new BmcSession(options);
    this.#witness = new PowerWitness(this.#session, clock, this.#closing.signal);
    this.#sleep = options.sleep;
    this.wakeMethods = options.wakeMethods ?? ['chassis-on'];
    this.#suiteName = CIPHER_SUITES[options.cipherSuite].name;
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
  async requestSleep(signal: AbortSignal): Promise<PowerAnswer> {
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
    return await this.#control('soft', attempts, true, signal);
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
  ): Promise<PowerAnswer> {
    const words = action === 'soft' ? 'chassis soft' : 'chassis on';
    let sent = false;
    const onSent = () => {
      sent = true;
    };
    try {
      await this.#session.run(CHASSIS_CONTROL, action, { signal, once, onSent });
      attempts.push(`${words} accepted by ${this.#session.peer}`);
      return { outcome: 'accepted', attempts };
    } catch (thrown) {
      const outcome = sent && !isRefusal(thrown) ? 'unknown' : 'refused';
      attempts.push(`${words} ${sent ? 'sent' : 'not sent'}: ${errorText(thrown)}`);
      return { outcome, attempts };
    }
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
    return `${privilege} session with BMC ${peer} over ${this.#suiteName}; ${acpi}, ${bit}${watts}; ${this.#witness.describe()}${weak}`;
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
