// The command line as a whole: its commands, its exit codes and how errors read. What each command does is in commands/.
import { Command, CommanderError } from 'commander';
import { errorText, TorporError } from '../platform/errors.ts';
import type { CliIo } from './cli-io.ts';
import { CommandFailed } from './command-failed.ts';
import { accessOptions } from './command-options.ts';
import { addBmcCommands } from './commands/bmc.ts';
import { addCheckCommand } from './commands/check.ts';
import { addClassifyCommand } from './commands/classify.ts';
import { addCompletionCommands } from './commands/completion.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDrainCommands } from './commands/drain.ts';
import { addEventsCommand } from './commands/events.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addHistoryCommand } from './commands/history.ts';
import { addInhibitCommand } from './commands/inhibit.ts';
import { addLinkCommands } from './commands/link.ts';
import { addLz4Commands } from './commands/lz4.ts';
import { addMaintenanceCommand } from './commands/maintenance.ts';
import { addReleaseCommand } from './commands/release.ts';
import { addReplayCommand } from './commands/replay.ts';
import { addReportCommand } from './commands/report.ts';
import { addRunCommand } from './commands/run.ts';
import { addSavingsCommand } from './commands/savings.ts';
import { addSleepCommand } from './commands/sleep.ts';
import { addSpoolCommands } from './commands/spool.ts';
import { addStatusCommand } from './commands/status.ts';
import { addStreamsCommand } from './commands/streams.ts';
import { addTokenCommand } from './commands/token.ts';
import { addTopCommand } from './commands/top.ts';
import { addWakeCommand } from './commands/wake.ts';

/** The exit codes of the outside contract. */
const EXIT_DONE = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const ADD_COMMANDS = [
  addRunCommand,
  addDemoCommand,
  addCheckCommand,
  addClassifyCommand,
  addStatusCommand,
  addTopCommand,
  addExplainCommand,
  addWakeCommand,
  addSleepCommand,
  addInhibitCommand,
  addReleaseCommand,
  addMaintenanceCommand,
  addDrainCommands,
  addStreamsCommand,
  addSpoolCommands,
  addReportCommand,
  addReplayCommand,
  addSavingsCommand,
  addEventsCommand,
  addTokenCommand,
  addHistoryCommand,
  addBmcCommands,
  addLinkCommands,
  addLz4Commands,
  addCompletionCommands,
];

/** The whole program. It ends by throwing, never by ending the process: `runCli` makes exit codes of that. */
export function buildProgram(io: CliIo): Command {
  const program = new Command('torpor')
    .description('Lets virtual machine hosts sleep while their users are away, and does not hang up on those users.')
    .version(io.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'torpor: ')),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  for (const addCommand of ADD_COMMANDS) addCommand(program, io);
  for (const command of everyCommand(program)) {
    if (command.options.some(({ long }) => long === '--api'))
      for (const option of accessOptions()) command.addOption(option);
    command.showHelpAfterError(`Run "${fullName(command)} --help" for how to use it.`);
  }
  return program;
}

/** Runs one command line, without the program's own name. Never throws; what went wrong was written to stderr. */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  try {
    await buildProgram(io).parseAsync([...args], { from: 'user' });
    return EXIT_DONE;
  } catch (error) {
    return reportError(error, io);
  }
}

/** Tells an error on stderr, without a stack unless TORPOR_DEBUG=1, and gives the exit code. */
export function reportError(error: unknown, io: Pick<CliIo, 'env' | 'err'>): number {
  if (error instanceof CommandFailed) return error.exitCode;
  if (error instanceof CommanderError) return exitCodeOf(error);
  if (error instanceof TorporError) io.err(`torpor: ${error.message}\n`);
  else io.err(`torpor: internal error: ${errorText(error)}; TORPOR_DEBUG=1 shows where, please report it\n`);
  if (io.env.TORPOR_DEBUG === '1') io.err(`${describeStack(error)}\n`);
  return error instanceof TorporError && error.code === 'ERR_CLI_USAGE' ? EXIT_USAGE : EXIT_FAILED;
}

/** Commander has already written its help, its version or its complaint. Help that nobody asked for is a complaint. */
function exitCodeOf(error: CommanderError): number {
  return error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE;
}

function describeStack(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by: ${describeStack(error.cause)}`;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
