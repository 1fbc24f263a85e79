// A platform put to sleep, woken or read by commands of its owner's: whatever they reach. Their output is logged, bounded.
import { TorporError } from '../../platform/errors.ts';
import type {
  AcpiState,
  Clock,
  Logger,
  PowerAnswer,
  PowerCapabilities,
  PowerReader,
  PowerReading,
  PressFence,
  SleepSwitch,
  WakeProof,
  WakeSwitch,
} from '../../platform/ports.ts';
import type { PowerPart } from '../power-part.ts';
import { askFence } from '../press-fence.ts';
import { type CommandResult, problemOf } from './run-program.ts';
import { runShellCommand } from './shell-command.ts';

export const HOST_COMMAND = 'host-command';

export interface CommandHostOptions {
  readonly platform: string;
  /** For `/bin/sh -c`. Null: it cannot do that. */
  readonly sleep: string | null;
  readonly wake: string | null;
  readonly state: string | null;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

type Verb = 'sleep' | 'wake' | 'state';

/**
 * Exit code 0 of `sleep` and `wake`: accepted. Any other: it certainly did nothing, so a script must see to that. Ended by its
 * bound or a signal: unknown. `state` prints one of S0 to S5, or `unknown`.
 */
export class CommandHost implements PowerPart, SleepSwitch, WakeSwitch, PowerReader {
  readonly name = 'command';
  readonly wakeMethods = [HOST_COMMAND];
  readonly #options: CommandHostOptions;
  readonly #closing = new AbortController();

  constructor(options: CommandHostOptions) {
    this.#options = options;
  }

  get sleep(): SleepSwitch | null {
    return this.#options.sleep === null ? null : this;
  }

  get wake(): WakeSwitch | null {
    return this.#options.wake === null ? null : this;
  }

  get reader(): PowerReader | null {
    return this.#options.state === null ? null : this;
  }

  async requestSleep(signal: AbortSignal, fence?: PressFence): Promise<PowerAnswer> {
    return askFence(fence) ?? (await this.#act('sleep', signal));
  }

  requestWake(_method: string, signal: AbortSignal): Promise<PowerAnswer> {
    return this.#act('wake', signal);
  }

  /** Nothing can be told of a command but by running it, and running it would wake. */
  async proveWake(): Promise<WakeProof> {
    return { proven: false, needsRecord: true, why: 'whether the wake command wakes shows only when it runs' };
  }

  sleepWitness(): PowerCapabilities['readsSleepState'] {
    return 'command';
  }

  async readPower(signal: AbortSignal): Promise<PowerReading> {
    const result = await this.#run('state', signal);
    const problem = result === null ? 'there is none' : problemOf(result);
    if (result === null || problem !== null) {
      throw new TorporError('ERR_POWER_COMMAND', `the state command failed: ${problem}`, { retryable: true });
    }
    const word = result.stdout.trim();
    const acpi = readState(word);
    return {
      atMs: this.#options.clock.nowMs(),
      acpi,
      acpiSource: acpi === null ? null : 'command',
      powerBit: null,
      watts: null,
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  async #act(verb: 'sleep' | 'wake', signal: AbortSignal): Promise<PowerAnswer> {
    const result = await this.#run(verb, signal);
    if (result === null) return { outcome: 'refused', attempts: [`no ${verb} command is configured`] };
    const problem = problemOf(result);
    if (problem === null) return { outcome: 'accepted', attempts: [`${verb} command ended with 0`] };
    const outcome = result.started && result.exitCode === null ? 'unknown' : 'refused';
    return { outcome, attempts: [`${verb} command: ${problem}`] };
  }

  async #run(verb: Verb, signal: AbortSignal): Promise<CommandResult | null> {
    const { platform, timeoutMs, log, [verb]: command } = this.#options;
    if (command === null) return null;
    const env = { TORPOR_PLATFORM: platform, TORPOR_REQUEST: verb };
    const result = await runShellCommand(command, {
      boundMs: timeoutMs,
      signal: AbortSignal.any([signal, this.#closing.signal]),
      env,
    });
    const facts = { platform, request: verb, exitCode: result.exitCode, output: result.output };
    // The state is asked every few seconds.
    if (verb === 'state') log.debug(facts, 'state command ended');
    else log.info(facts, `${verb} command ended`);
    return result;
  }
}

/** Throws ERR_POWER_COMMAND for a word that is none: a typing error must not pass for "it does not say". */
function readState(word: string): AcpiState | null {
  if (word === 'unknown') return null;
  if (/^S[0-5]$/.test(word)) return word as AcpiState;
  const shown = word.length > 40 ? `${word.slice(0, 40)}…` : word;
  throw new TorporError(
    'ERR_POWER_COMMAND',
    `the state command printed ${JSON.stringify(shown)}: it must print S0, S1, S2, S3, S4, S5 or unknown`,
  );
}
