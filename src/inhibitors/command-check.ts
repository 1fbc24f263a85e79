// A check that is a command line: exit code 0 says free, 1 says busy with its last line as the reason, anything else is no answer.
import { runShellCommand } from '../power/inband/shell-command.ts';
import type { BusyCheck, CheckRule, CheckVerdict } from './busy-check.ts';
import { reasonOf } from './reason.ts';

export interface CommandCheckOptions extends CheckRule {
  readonly platform: string;
  readonly name: string;
  readonly command: string;
}

/** What a command is given beyond its bound, so that the bound's own words are the ones that are told. */
const MARGIN_MS = 1_000;

export class CommandCheck implements BusyCheck {
  readonly by = 'check';
  readonly names: readonly string[];
  readonly rule: CheckRule;
  readonly #options: CommandCheckOptions;

  constructor(options: CommandCheckOptions) {
    this.#options = options;
    this.names = [options.name];
    this.rule = options;
  }

  async ask(signal: AbortSignal): Promise<readonly CheckVerdict[]> {
    const { platform, name, command, timeoutMs } = this.#options;
    const env = { TORPOR_PLATFORM: platform, TORPOR_CHECK: name };
    const result = await runShellCommand(command, { boundMs: timeoutMs + MARGIN_MS, signal, env });
    const lastLine = reasonOf(result.output.trimEnd().split('\n').at(-1) ?? '');
    if (result.exitCode === 0) return [{ name, outcome: 'free', why: lastLine }];
    if (result.exitCode === 1) return [{ name, outcome: 'busy', why: lastLine === '' ? 'busy' : lastLine }];
    const what = result.problem ?? `exit code ${result.exitCode}`;
    throw new Error(lastLine === '' ? what : `${what}: ${lastLine}`);
  }
}
