// Runs one command line of the owner's configuration with /bin/sh. Bounds and ends are run-program.ts's.
import { type CommandResult, type RunOptions, runProgram } from './run-program.ts';

export type { CommandResult } from './run-program.ts';

/** Runs `command` with /bin/sh in a process group of its own. Never rejects. */
export function runShellCommand(command: string, options: RunOptions): Promise<CommandResult> {
  return runProgram('/bin/sh', ['-c', command], options);
}
