// Completion scripts for bash, zsh and fish, made of the command tree: commands, options, choices, files. They ask nothing of a running Torpor.
import { type CommandNode, everyNode, type OptionNode } from './command-tree.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Values with such names are paths. */
const PATHS = new Set(['file', 'folder', 'dir', 'path', 'trace', 'trace...']);

export function completionScript(shell: Shell, root: CommandNode): string {
  if (shell === 'fish') return fishScript(root);
  return shell === 'bash' ? bashScript(root) : zshScript(root);
}

/** Both shells walk the words to the command they are at, then look up what fits there. */
function bashScript(root: CommandNode): string {
  return `# bash completion for torpor: source it, or put it into /usr/share/bash-completion/completions/torpor
_torpor() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at=torpor word index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    case "$at $word" in
${casesOf(commandPaths(root), (path) => `      ${quote(path)}) at=${quote(path)} ;;`)}
    esac
  done
  case "$at $prev" in
${valueCases(root)}
  esac
  case "$cur" in
    -*) case "$at" in
${casesOf(everyNode(root), (node) => `      ${quote(node.path.join(' '))}) COMPREPLY=($(compgen -W ${quote(optionNames(node))} -- "$cur")) ;;`)}
    esac ;;
    *) case "$at" in
${casesOf(everyNode(root), (node) => `      ${quote(node.path.join(' '))}) ${bashWords(node)} ;;`)}
    esac ;;
  esac
}
complete -F _torpor torpor
`;
}

function bashWords(node: CommandNode): string {
  const words = wordsOf(node);
  if (words.length > 0) return `COMPREPLY=($(compgen -W ${quote(words.join(' '))} -- "$cur"))`;
  return takesPath(node) ? 'COMPREPLY=($(compgen -f -- "$cur"))' : 'COMPREPLY=()';
}

function valueCases(root: CommandNode): string {
  const cases = everyNode(root).flatMap((node) =>
    node.options
      .filter((option) => option.value !== null)
      .map((option) => {
        const pattern = option.names.map((name) => quote(`${node.path.join(' ')} ${name}`)).join('|');
        if (option.choices.length > 0) {
          return `    ${pattern}) COMPREPLY=($(compgen -W ${quote(option.choices.join(' '))} -- "$cur")); return ;;`;
        }
        return `    ${pattern}) ${isPath(option) ? 'COMPREPLY=($(compgen -f -- "$cur"))' : 'COMPREPLY=()'}; return ;;`;
      }),
  );
  return cases.join('\n');
}

function zshScript(root: CommandNode): string {
  return `#compdef torpor
# zsh completion for torpor: put it into a folder of $fpath as _torpor
_torpor() {
  local at=torpor word
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
${casesOf(commandPaths(root), (path) => `      ${quote(path)}) at=${quote(path)} ;;`)}
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${zshValues(root)}
  esac
  case "$at" in
${casesOf(everyNode(root), zshCase)}
  esac
}
_torpor "$@"
`;
}

function zshCase(node: CommandNode): string {
  const options = node.options.flatMap(({ names, description }) =>
    names.map((name) => `${name}:${escapeColons(description)}`),
  );
  const commands = node.commands.map(({ path, description }) => `${path.at(-1)}:${escapeColons(description)}`);
  const choices = node.args.flatMap((arg) => arg.choices);
  const words = [...commands, ...choices];
  const rest = takesPath(node)
    ? '_files'
    : words.length > 0
      ? `found=(${words.map(quote).join(' ')}); _describe command found`
      : ':';
  return `    ${quote(node.path.join(' '))})
      if [[ $PREFIX == -* ]]; then found=(${options.map(quote).join(' ')}); _describe option found; else ${rest}; fi ;;`;
}

function zshValues(root: CommandNode): string {
  const cases = everyNode(root).flatMap((node) =>
    node.options
      .filter((option) => option.value !== null)
      .map((option) => {
        const pattern = option.names.map((name) => quote(`${node.path.join(' ')} ${name}`)).join('|');
        const act =
          option.choices.length > 0
            ? `compadd ${option.choices.map(quote).join(' ')}`
            : isPath(option)
              ? '_files'
              : ':';
        return `    ${pattern}) ${act}; return ;;`;
      }),
  );
  return cases.join('\n');
}

function fishScript(root: CommandNode): string {
  const lines = everyNode(root).flatMap((node) => {
    const at = `-n ${quote(`__torpor_at ${node.path.slice(1).join(' ')}`.trim())}`;
    const commands = node.commands.map(
      ({ path, description }) => `complete -c torpor -f ${at} -a ${path.at(-1)} -d ${quote(description)}`,
    );
    const choices = node.args.flatMap((arg) => arg.choices).map((choice) => `complete -c torpor -f ${at} -a ${choice}`);
    return [...commands, ...choices, ...node.options.map((option) => fishOption(option, at))];
  });
  return `# fish completion for torpor: put it into ~/.config/fish/completions/torpor.fish
function __torpor_at
  set -l path
  for word in (commandline -opc)[2..-1]
    string match -q -- '-*' $word; and continue
    contains -- (string join ' ' $path $word) ${commandPaths(root)
      .map((path) => quote(path.replace(/^torpor /, '')))
      .join(' ')}; and set path $path $word
  end
  test (string join ' ' $path) = (string join ' ' $argv)
end
${lines.join('\n')}
`;
}

function fishOption({ names, description, value, choices }: OptionNode, at: string): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
  const takes = value === null ? '' : PATHS.has(value) ? ' -r -F' : ' -x';
  const offers = choices.length === 0 ? '' : ` -a ${quote(choices.join(' '))}`;
  return `complete -c torpor ${at} ${flags}${takes}${offers} -d ${quote(description)}`;
}

/** Each command below the root: `torpor bmc power`. */
function commandPaths(root: CommandNode): string[] {
  return everyNode(root)
    .slice(1)
    .map(({ path }) => path.join(' '));
}

function wordsOf(node: CommandNode): string[] {
  return [...node.commands.map(({ path }) => path.at(-1) as string), ...node.args.flatMap((arg) => arg.choices)];
}

function optionNames(node: CommandNode): string {
  return node.options.flatMap(({ names }) => names).join(' ');
}

function takesPath(node: CommandNode): boolean {
  return node.args.some(({ term }) => PATHS.has(term.slice(1, -1)));
}

function isPath({ value }: OptionNode): boolean {
  return value !== null && PATHS.has(value);
}

function casesOf<T>(items: readonly T[], line: (item: T) => string): string {
  return items.map(line).join('\n');
}

/** In single quotes, as all three shells read them: an apostrophe becomes a typographic one, since they escape it differently. */
function quote(text: string): string {
  return `'${text.replaceAll("'", '’').replaceAll('\\', '')}'`;
}

function escapeColons(text: string): string {
  return text.replaceAll(':', ';');
}
