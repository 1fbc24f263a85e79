// The man page torpor(1), made of the command tree. What holds beyond single options stands here as text.
import { type CommandNode, everyNode } from './command-tree.ts';

const FILES = [
  ['/etc/torpor/torpor.yaml', 'the configuration of the packaged service'],
  ['/var/lib/torpor', 'its state: intents, orders, proofs'],
] as const;

const ENVIRONMENT = [
  ['TORPOR_API', 'where a running Torpor answers; the default of --api'],
  ['TORPOR_BMC_PASSWORD', "the password of torpor bmc's user"],
  ['TORPOR_DEBUG=1', 'errors with their stack'],
  ['NO_COLOR', 'no colours, whatever its value; there are none outside terminals either'],
] as const;

const SIGNALS = [
  ['SIGHUP', 'to torpor run: reads the configuration again; no stream of a listener that stays is ended'],
  ['SIGUSR2', 'to torpor run: hands over to a new process, which inherits the listening sockets'],
  ['SIGINT, SIGTERM', 'end it in order; a second one ends it at once'],
] as const;

const EXITS = [
  ['0', 'done'],
  ['1', 'it failed, or was refused; stderr says why'],
  ['2', 'the command line was wrong'],
] as const;

export function manPage(root: CommandNode, version: string): string {
  const commands = everyNode(root).slice(1);
  const parts = [
    `.TH TORPOR 1 "" "torpor ${version}" "User Commands"`,
    section('NAME', [`torpor \\- ${roff(lowerFirst(root.description.replace(/\.$/, '')))}`]),
    section('SYNOPSIS', ['.B torpor', '.I command', '[options]']),
    section('DESCRIPTION', [
      roff(
        'Torpor stands between clients and the VMs of a host. When every client of a host is idle, connected or not, it sends the host to sleep; connections stay open, and the first input wakes it.',
      ),
    ]),
    section('COMMANDS', commands.filter((node) => node.commands.length === 0).flatMap(commandLines)),
    section('ENVIRONMENT', ENVIRONMENT.flatMap(item)),
    section('FILES', FILES.flatMap(item)),
    section('SIGNALS', SIGNALS.flatMap(item)),
    section('EXIT STATUS', EXITS.flatMap(item)),
    section('SEE ALSO', ['The documentation in', '.I /usr/share/doc/torpor', 'or beside the program.']),
  ];
  return `${parts.join('\n')}\n`;
}

function commandLines(node: CommandNode): string[] {
  const usage = [...node.path, ...node.args.map(({ term }) => term)].join(' ');
  const args = node.args.flatMap(({ term, description }) => item([term, description]));
  const options = node.options
    .filter(({ names }) => !names.includes('--help'))
    .flatMap(({ flags, description, choices }) =>
      item([flags, choices.length === 0 ? description : `${description} (${choices.join(', ')})`]),
    );
  return [`.SS ${roff(usage)}`, roff(node.description), ...args, ...options];
}

function section(title: string, lines: readonly string[]): string {
  return [`.SH ${title}`, ...lines].join('\n');
}

function item([term, text]: readonly [string, string]): string[] {
  return ['.TP', `.B ${roff(term)}`, roff(text)];
}

/** Text as roff takes it: hyphens as they are typed, no line that begins as a request. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(['.])/, '\\&$1');
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
