// The command line as plain data, read from commander's tree: what completions and the man page are made of.
import type { Argument, Command, Option } from 'commander';

export interface OptionNode {
  /** `-c, --config <file>` */
  readonly flags: string;
  /** `-c`, `--config`: those that there are. */
  readonly names: readonly string[];
  readonly description: string;
  readonly choices: readonly string[];
  /** What its value is called; null: it takes none. */
  readonly value: string | null;
}

export interface CommandNode {
  /** `torpor bmc power status` in three steps. */
  readonly path: readonly string[];
  readonly description: string;
  readonly args: ReadonlyArray<{
    readonly term: string;
    readonly description: string;
    readonly choices: readonly string[];
  }>;
  readonly options: readonly OptionNode[];
  readonly commands: readonly CommandNode[];
}

/** The tree from here down. Hidden options and commands are left out; `help` is everybody's. */
export function readTree(command: Command, above: readonly string[] = []): CommandNode {
  const path = [...above, command.name()];
  const help = command.createHelp();
  return {
    path,
    description: command.description(),
    args: command.registeredArguments.map(readArgument),
    options: help.visibleOptions(command).map(readOption),
    commands: help
      .visibleCommands(command)
      .filter((each) => each.name() !== 'help')
      .map((each) => readTree(each, path)),
  };
}

/** A command and all below it, each before its own. */
export function everyNode(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(everyNode)];
}

function readArgument(argument: Argument) {
  const name = argument.name() + (argument.variadic ? '...' : '');
  const term = argument.required ? `<${name}>` : `[${name}]`;
  return { term, description: argument.description, choices: argument.argChoices ?? [] };
}

function readOption(option: Option): OptionNode {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  const value = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? null;
  return { flags: option.flags, names, description: option.description, choices: option.argChoices ?? [], value };
}
