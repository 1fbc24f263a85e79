// `torpor completion SHELL` and, hidden, `torpor man`: texts made of the command tree itself, so that they cannot fall behind it.
import { Argument, type Command } from 'commander';
import type { CliIo } from '../cli-io.ts';
import { readTree } from '../completion/command-tree.ts';
import { manPage } from '../completion/man-page.ts';
import { completionScript, SHELLS, type Shell } from '../completion/shell-scripts.ts';

export function addCompletionCommands(program: Command, io: CliIo): void {
  program
    .command('completion')
    .description('print a completion script; bash: source <(torpor completion bash)')
    .addArgument(new Argument('<shell>', 'for which shell').choices(SHELLS))
    .action((shell: Shell) => io.out(completionScript(shell, readTree(program))));
  program
    .command('man', { hidden: true })
    .description('print the man page')
    .action(() => io.out(manPage(readTree(program), io.version)));
}
