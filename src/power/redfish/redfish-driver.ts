// The power driver for one Redfish service: what it is told to do and what it says, as answers for the controller. Questions are redfish-client.ts's.
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
} from '../../platform/ports.ts';
import { pause } from './abortable.ts';
import { allowedInActionInfo, type ComputerSystem, type ResetAction, readComputerSystem } from './computer-system.ts';
import { oneLine } from './extended-info.ts';
import { findSystem } from './find-system.ts';
import type { HttpPort } from './http-port.ts';
import { type HttpBounds, HttpsPort } from './https-port.ts';
import { type OwnRole, OwnRoleReader, RESET_PRIVILEGE } from './own-role.ts';
import { PowerMeter } from './power-meter.ts';
import { powerBitOf } from './power-state.ts';
import { RedfishClient } from './redfish-client.ts';
import { didNothing, RedfishStatusError, saysAlreadyOn } from './redfish-error.ts';
import type { LoginKind } from './redfish-login.ts';
import { defaultSleepAction, type ResetType, type SleepAction } from './reset-type.ts';
import { DEFAULT_TASK_BOUNDS, type TaskBounds, watchTask } from './task-watch.ts';
import type { TlsTrust } from './tls-trust.ts';

/** power-on: ResetType On. push-power-button: the button, of a platform that is evidently off, once. */
export type RedfishWakeMethod = 'power-on' | 'push-power-button';

export interface RedfishDriverOptions {
  readonly host: string;
  /** TCP port, default 443. */
  readonly port?: number | undefined;
  readonly user: string;
  readonly password: string;
  /** Default session. */
  readonly login?: LoginKind | undefined;
  readonly trust: TlsTrust;
  /** The system's Id or path; null (default) where the BMC has one only. */
  readonly system?: string | null | undefined;
  readonly sleep: 'S3' | 'S5';
  /** Default: PushPowerButton for S3, GracefulShutdown for S5. */
  readonly sleepAction?: SleepAction | undefined;
  readonly clock: Clock;
  readonly log?: Logger | undefined;
  readonly bounds?: Partial<HttpBounds> | undefined;
  readonly taskBounds?: Partial<TaskBounds> | undefined;
  /** Default: HTTPS to that host. */
  readonly httpPort?: HttpPort | undefined;
}

/** A wake may be asked for again: so often, with that pause, where its answer was lost or the BMC was busy. */
const MAX_WAKE_TRIES = 3;
const WAKE_PAUSE_MS = 1_000;

/** One session, opened at the first call and kept. `name` is `redfish host:port`. */
export class RedfishDriver implements PowerDriver {
  readonly name: string;
  readonly sleepAction: SleepAction;
  readonly #client: RedfishClient;
  readonly #meter: PowerMeter;
  readonly #role: OwnRoleReader;
  readonly #clock: Clock;
  readonly #sleep: 'S3' | 'S5';
  readonly #wanted: string | null;
  readonly #taskBounds: TaskBounds;
  #systemPath: string | null = null;
  /** As last seen; read again before a press. */
  #reset: ResetAction | null = null;
  /** Of ActionInfo, which changes at most with the BMC's firmware: read once per proof. */
  #allowedByInfo: readonly string[] | null = null;
  /** The button was pressed to wake, and the platform has not been seen on since: it is not pressed again. */
  #pushedToWake = false;

  constructor(options: RedfishDriverOptions) {
    const { clock, log, sleep, user, password, login = 'session' } = options;
    const port = options.httpPort ?? new HttpsPort({ ...options, port: options.port ?? 443 });
    this.#client = new RedfishClient({ port, access: { user, password, login }, clock, log });
    this.#meter = new PowerMeter(this.#client);
    this.#role = new OwnRoleReader(this.#client, user);
    this.#clock = clock;
    this.#sleep = sleep;
    this.#wanted = options.system ?? null;
    this.#taskBounds = { ...DEFAULT_TASK_BOUNDS, ...options.taskBounds };
    this.sleepAction = options.sleepAction ?? defaultSleepAction(sleep);
    this.name = `redfish ${port.peer}`;
  }

  /** On where the BMC allows it, or does not tell; else the button, where that is allowed. */
  get wakeMethods(): readonly RedfishWakeMethod[] {
    const allowed = this.#allowedNow();
    const buttonOnly = allowed !== null && !allowed.includes('On') && allowed.includes('PushPowerButton');
    return buttonOnly ? ['push-power-button'] : ['power-on'];
  }

  capabilities(): PowerCapabilities {
    return {
      sleep: this.#sleep,
      retainsRam: this.#sleep === 'S3' || this.sleepAction === 'Suspend',
      readsSleepState: this.sleepWitness(),
      wakeMethods: this.wakeMethods,
    };
  }

  /** PowerState knows no S3: whether it, or the watts, tell S3 from S0 on this BMC is for a proof to find out. */
  sleepWitness(): PowerCapabilities['readsSleepState'] {
    return this.#sleep === 'S5' ? 'power-bit' : 'none';
  }

  /** One or two questions side by side once the meter is known. Rejects with a TorporError of the area REDFISH. */
  async readPower(signal: AbortSignal): Promise<PowerReading> {
    const early = this.#meter.isKnown ? this.#meter.read(signal) : null;
    const system = await this.#readSystem(signal);
    const atMs = this.#clock.nowMs();
    if (early === null) await this.#meter.find(system.chassisPaths, signal);
    const watts = await (early ?? this.#meter.read(signal));
    return { atMs, acpi: null, acpiSource: null, powerBit: powerBitOf(system.powerState), watts };
  }

  /**
   * One POST, sent once on a connection of its own, after PowerState has been read in the same session. Not sent where that is not
   * On: then the platform is not in S0, and the button would start or wake it.
   */
  async requestSleep(signal: AbortSignal, fence?: PressFence): Promise<PowerAnswer> {
    const attempts: string[] = [];
    const refused = (why: string): PowerAnswer => {
      attempts.push(`${this.sleepAction} not sent: ${why}`);
      return { outcome: 'refused', attempts };
    };
    try {
      const system = await this.#readSystem(signal);
      attempts.push(`PowerState ${system.powerState ?? 'not told'}, read from ${this.#client.peer}`);
      if (system.powerState !== 'On') return refused('the platform is not evidently on, and the button might start it');
      if (system.reset === null) return refused(`${system.path} has no Reset action`);
      const allowed = await this.#allowed(system.reset, signal);
      if (allowed !== null && !allowed.includes(this.sleepAction)) {
        return refused(`the BMC allows ${this.#listed(allowed)} only; choose power.bmc.sleepAction`);
      }
      return (await this.#act(this.sleepAction, system.reset.target, 'once', attempts, signal, fence)).answer;
    } catch (thrown) {
      return refused(`the BMC could not be asked before it: ${errorText(thrown)}`);
    }
  }

  /** On, whatever PowerState says, repeated within bounds until the BMC answers; or the button, once, where the platform is evidently off. */
  async requestWake(method: string, signal: AbortSignal): Promise<PowerAnswer> {
    if (method === 'push-power-button') return await this.#pushToWake(signal);
    if (method === 'power-on') return await this.#powerOn(signal);
    return {
      outcome: 'refused',
      attempts: [`wake method "${method}" is not one of this driver's: ${this.wakeMethods.join(', ')}`],
    };
  }

  /** Logs in, reads the system, its allowed ResetTypes and the user's role. `why` says what was seen, or what to do. Presses nothing. */
  async proveWake(signal: AbortSignal): Promise<WakeProof> {
    try {
      const system = await this.#readSystem(signal);
      const { reset, powerState } = system;
      if (reset === null)
        return unproven(
          `${system.path} of BMC ${this.#client.peer} has no Reset action: it can be switched by other means only`,
        );
      this.#allowedByInfo = null;
      const missing = this.#missing(await this.#allowed(reset, signal));
      if (missing !== null) return unproven(missing);
      const role = await this.#role.read(signal);
      if (role.privileges !== null && !role.privileges.includes(RESET_PRIVILEGE)) {
        const why = `the user's role on BMC ${this.#client.peer} (${role.name ?? 'of its own'}) lacks ${RESET_PRIVILEGE}`;
        return unproven(`${why}: give the user the role Operator`);
      }
      if (powerState === null) return unproven(`BMC ${this.#client.peer} tells no PowerState of ${system.path}`);
      if (!this.#meter.isKnown) await this.#meter.find(system.chassisPaths, signal);
      return { proven: true, why: this.#proofWords(system, role, await this.#meter.read(signal)) };
    } catch (thrown) {
      if (!(thrown instanceof TorporError)) throw thrown;
      return unproven(thrown.message);
    }
  }

  /** Logs out and ends all connections; what is under way rejects. Idempotent. */
  close(): Promise<void> {
    return this.#client.close();
  }

  // ------------------------------------------------------------------------------------ reading

  async #readSystem(signal: AbortSignal): Promise<ComputerSystem> {
    this.#systemPath ??= await findSystem(this.#client, this.#wanted, signal);
    const path = this.#systemPath;
    try {
      const system = readComputerSystem(path, await this.#client.get(path, signal));
      if (system.reset !== null) this.#reset = system.reset;
      if (system.powerState === 'On') this.#pushedToWake = false;
      return system;
    } catch (thrown) {
      // Looked for anew next time: a BMC's update may have renamed it.
      if (thrown instanceof RedfishStatusError && thrown.status === 404) this.#systemPath = null;
      throw thrown;
    }
  }

  /** ResetTypes that the BMC allows; null where it does not tell. A BMC that shows its list only elsewhere is asked there. */
  async #allowed(reset: ResetAction, signal: AbortSignal): Promise<readonly string[] | null> {
    if (reset.allowed !== null || reset.actionInfoPath === null) return reset.allowed;
    if (this.#allowedByInfo !== null) return this.#allowedByInfo;
    try {
      this.#allowedByInfo = allowedInActionInfo(await this.#client.get(reset.actionInfoPath, signal));
    } catch (thrown) {
      if (!(thrown instanceof RedfishStatusError) || thrown.retryable) throw thrown;
    }
    return this.#allowedByInfo;
  }

  /** As last seen, without a question. */
  #allowedNow(): readonly string[] | null {
    return this.#reset?.allowed ?? this.#allowedByInfo;
  }

  #listed(allowed: readonly string[]): string {
    return allowed
      .map((type) =>
        this.#client
          .scrub(type)
          .replace(/[^\w.*-]/g, '?')
          .slice(0, 32),
      )
      .join(', ');
  }

  // ------------------------------------------------------------------------------------ deeds

  async #powerOn(signal: AbortSignal): Promise<PowerAnswer> {
    const attempts: string[] = [];
    let answer: PowerAnswer = { outcome: 'refused', attempts };
    for (let tries = 1; ; tries += 1) {
      const target = this.#reset?.target ?? (await this.#findTarget(attempts, signal));
      if (target === null) return answer;
      const allowed = this.#allowedNow();
      if (allowed !== null && !allowed.includes('On')) {
        attempts.push(`On not sent: the BMC allows ${this.#listed(allowed)} only`);
        return answer;
      }
      const { answer: last, final } = await this.#act('On', target, 'repeatable', attempts, signal);
      // What a lost request may have done is not undone by a later refusal.
      answer = last.outcome === 'refused' && answer.outcome === 'unknown' ? answer : last;
      if (final || tries >= MAX_WAKE_TRIES || signal.aborted) return answer;
      await pause(this.#clock, WAKE_PAUSE_MS, signal);
    }
  }

  async #findTarget(attempts: string[], signal: AbortSignal): Promise<string | null> {
    try {
      const system = await this.#readSystem(signal);
      if (system.reset !== null) return system.reset.target;
      attempts.push(`On not sent: ${system.path} has no Reset action`);
    } catch (thrown) {
      attempts.push(`On not sent, the system could not be found: ${errorText(thrown)}`);
    }
    return null;
  }

  async #pushToWake(signal: AbortSignal): Promise<PowerAnswer> {
    const attempts: string[] = [];
    const refused = (why: string): PowerAnswer => {
      attempts.push(`PushPowerButton not sent: ${why}`);
      return { outcome: 'refused', attempts };
    };
    try {
      const system = await this.#readSystem(signal);
      attempts.push(`PowerState ${system.powerState ?? 'not told'}, read from ${this.#client.peer}`);
      if (system.powerState !== 'Off') return refused('only with PowerState Off is it certain that the button wakes');
      if (this.#pushedToWake)
        return refused('it was pressed for this wake already, and a second press could undo the first');
      if (system.reset === null) return refused(`${system.path} has no Reset action`);
      const allowed = await this.#allowed(system.reset, signal);
      if (allowed === null || allowed.includes('On'))
        return refused('the BMC allows On, which is safer: wake by power-on');
      if (!allowed.includes('PushPowerButton')) return refused(`the BMC allows ${this.#listed(allowed)} only`);
      this.#pushedToWake = true;
      const { answer } = await this.#act('PushPowerButton', system.reset.target, 'once', attempts, signal);
      if (answer.outcome === 'refused') this.#pushedToWake = false;
      return answer;
    } catch (thrown) {
      return refused(`the BMC could not be asked before it: ${errorText(thrown)}`);
    }
  }

  /** Sends one action and says what became of it; final where asking again would not help. Does not reject. */
  async #act(
    resetType: ResetType,
    target: string,
    delivery: 'once' | 'repeatable',
    attempts: string[],
    signal: AbortSignal,
    fence?: PressFence,
  ): Promise<{ readonly answer: PowerAnswer; readonly final: boolean }> {
    let sent = false;
    const onSent = () => {
      sent = true;
    };
    try {
      const answer = await this.#client.post(target, { ResetType: resetType }, { delivery, signal, onSent, fence });
      const task =
        answer.status === 202 ? await watchTask(this.#client, answer, this.#clock, this.#taskBounds, signal) : null;
      attempts.push(`${resetType} accepted by ${this.#client.peer}${task === null ? '' : `, ${task.words}`}`);
      return { answer: { outcome: task?.state === 'failed' ? 'unknown' : 'accepted', attempts }, final: true };
    } catch (thrown) {
      const outcome = sent && !didNothing(thrown) ? 'unknown' : 'refused';
      const mayPass = thrown instanceof TorporError && thrown.retryable;
      attempts.push(`${resetType} ${sent ? 'sent' : 'not sent'}: ${errorText(thrown)}${hintFor(resetType, thrown)}`);
      return { answer: { outcome, attempts }, final: !mayPass && (didNothing(thrown) || !sent) };
    }
  }

  // ------------------------------------------------------------------------------------ words

  /** What the BMC would have to allow; null where nothing is missing. */
  #missing(allowed: readonly string[] | null): string | null {
    if (allowed === null) return null;
    const list = this.#listed(allowed);
    if (!allowed.includes(this.sleepAction)) {
      const others = (['PushPowerButton', 'GracefulShutdown', 'Suspend'] as const).filter(
        (action) => allowed.includes(action) && !(action === 'Suspend' && this.#sleep === 'S3'),
      );
      const advice =
        others.length === 0
          ? 'put it to sleep by power.host'
          : `write power.bmc.sleepAction: ${others.join(' or ')}, if the OS answers it with ${this.#sleep}`;
      return `BMC ${this.#client.peer} does not allow ${this.sleepAction} (allowed: ${list}): ${advice}`;
    }
    if (allowed.includes('On') || allowed.includes('PushPowerButton')) return null;
    return `BMC ${this.#client.peer} allows neither On nor PushPowerButton (allowed: ${list}): wake it by Wake-on-LAN`;
  }

  #proofWords(system: ComputerSystem, role: OwnRole, watts: number | null): string {
    const login = this.#client.loginKind === 'session' ? 'session' : 'basic authentication';
    const allowed = this.#allowedNow();
    const parts = [
      `${login} with BMC ${this.#client.peer} over ${this.#client.security}`,
      `${system.path}${system.model === '' ? '' : ` (${oneLine(this.#client.scrub(system.model))})`}`,
      role.name === null ? 'role not told' : `role ${role.name}`,
      `sleep by ${this.sleepAction}, wake by ${this.wakeMethods.join(', ')}`,
      allowed === null ? 'allowed ResetTypes not told' : `allowed: ${this.#listed(allowed)}`,
      `PowerState ${system.powerState}${watts === null ? '' : `, ${Math.round(watts)} W by ${this.#meter.name}`}`,
    ];
    if (this.sleepWitness() === 'none') parts.push('Redfish does not tell S3 from S0, probes are the only evidence');
    return parts.join('; ');
  }
}

function unproven(why: string): WakeProof {
  return { proven: false, why };
}

function hintFor(resetType: ResetType, thrown: unknown): string {
  if (resetType !== 'On' || !saysAlreadyOn(thrown)) return '';
  return '; a BMC that calls a platform in S3 on cannot wake it by On: use Wake-on-LAN beside it';
}
