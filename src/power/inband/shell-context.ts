// The platform's context across a sleep: the owner's hooks before and after it, and identities that show lost memory.
import type { Logger, PlatformContext } from '../../platform/ports.ts';
import { type CommandResult, problemOf } from './run-program.ts';
import { runShellCommand } from './shell-command.ts';

/** Bound on reading one identity. It stands between a wake and the first held byte. */
const IDENTITY_BOUND_MS = 10_000;

export interface ShellContextOptions {
  readonly platform: string;
  readonly beforeSuspend: string | null;
  readonly afterWake: string | null;
  readonly hookTimeoutMs: number;
  /** Commands whose output changes when memory was lost, one per VM that has one. */
  readonly identities: ReadonlyArray<{ readonly vm: string; readonly command: string }>;
  readonly log: Logger;
}

export class ShellContext implements PlatformContext {
  readonly #options: ShellContextOptions;
  /** VM to identity, as read before the sleep. */
  #before = new Map<string, string>();

  constructor(options: ShellContextOptions) {
    this.#options = options;
  }

  async save(signal: AbortSignal): Promise<{ veto: string | null }> {
    this.#before = await this.#readIdentities(signal);
    const { beforeSuspend } = this.#options;
    if (beforeSuspend === null) return { veto: null };
    return { veto: problemOf(await this.#runHook('beforeSuspend', beforeSuspend, signal)) };
  }

  async restore(signal: AbortSignal): Promise<{ identity: 'same' | 'changed' | 'unknown'; problem: string | null }> {
    const { afterWake } = this.#options;
    const failed = afterWake === null ? null : problemOf(await this.#runHook('afterWake', afterWake, signal));
    const problem = failed === null ? null : `afterWake failed: ${failed}`;
    if (this.#before.size === 0) return { identity: 'unknown', problem };
    const after = await this.#readIdentities(signal);
    const known = [...this.#before].filter(([vm]) => after.has(vm));
    if (known.some(([vm, identity]) => after.get(vm) !== identity)) return { identity: 'changed', problem };
    return { identity: known.length === 0 ? 'unknown' : 'same', problem };
  }

  async #runHook(name: string, command: string, signal: AbortSignal): Promise<CommandResult> {
    const { platform, hookTimeoutMs, log } = this.#options;
    const env = { TORPOR_PLATFORM: platform, TORPOR_HOOK: name };
    const result = await runShellCommand(command, { boundMs: hookTimeoutMs, signal, env });
    log.info({ platform, hook: name, exitCode: result.exitCode, output: result.output }, `hook ${name} ended`);
    return result;
  }

  async #readIdentities(signal: AbortSignal): Promise<Map<string, string>> {
    const { platform, identities, log } = this.#options;
    const read = await Promise.all(
      identities.map(async ({ vm, command }) => {
        const result = await runShellCommand(command, { boundMs: IDENTITY_BOUND_MS, signal });
        const identity = result.stdout.trim();
        if (result.exitCode === 0 && identity !== '') return [vm, identity] as const;
        log.warn({ platform, vm, exitCode: result.exitCode, problem: result.problem }, 'identity cannot be read');
        return null;
      }),
    );
    return new Map(read.filter((entry) => entry !== null));
  }
}
