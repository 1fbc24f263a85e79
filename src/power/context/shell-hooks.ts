// The owner's hooks before and after a sleep: shell commands, bounded in time, their output logged.
import type { Logger } from '../../platform/ports.ts';
import { type CommandResult, problemOf } from '../inband/run-program.ts';
import { runShellCommand } from '../inband/shell-command.ts';
import type { ContextPart } from './context-chain.ts';

export interface ShellHooksOptions {
  readonly platform: string;
  readonly beforeSuspend: string | null;
  readonly afterWake: string | null;
  /** For each of them. */
  readonly timeoutMs: number;
  readonly log: Logger;
}

export class ShellHooks implements ContextPart {
  readonly name = 'hooks';
  readonly #options: ShellHooksOptions;

  constructor(options: ShellHooksOptions) {
    this.#options = options;
  }

  /** A non-zero exit is a veto with the hook's last line as its reason. */
  async save(signal: AbortSignal): Promise<string | null> {
    const { beforeSuspend } = this.#options;
    return beforeSuspend === null ? null : problemOf(await this.#runHook('beforeSuspend', beforeSuspend, signal));
  }

  async restore(signal: AbortSignal): Promise<string | null> {
    const { afterWake } = this.#options;
    const failed = afterWake === null ? null : problemOf(await this.#runHook('afterWake', afterWake, signal));
    return failed === null ? null : `afterWake failed: ${failed}`;
  }

  async #runHook(name: string, command: string, signal: AbortSignal): Promise<CommandResult> {
    const { platform, timeoutMs, log } = this.#options;
    const env = { TORPOR_PLATFORM: platform, TORPOR_HOOK: name };
    const result = await runShellCommand(command, { boundMs: timeoutMs, signal, env });
    log.info({ platform, hook: name, exitCode: result.exitCode, output: result.output }, `hook ${name} ended`);
    return result;
  }
}
