// `torpor token`: makes, lists and revokes the tokens that the HTTP API asks for. The file's form is api/token-file.ts's.
import { closeSync, existsSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { Option } from 'commander';
import {
  formatTokenLine,
  hashToken,
  makeToken,
  ROLES,
  type Role,
  readTokens,
  readTokenText,
  TOKEN_NAME,
  type TokenEntry,
} from '../../api/token-file.ts';
import { loadConfig } from '../../config/load-config.ts';
import { errorText, TorporError } from '../../platform/errors.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { jsonOption } from '../command-options.ts';
import { alignRows } from '../table.ts';

interface PlaceOptions {
  readonly file?: string;
  readonly config?: string;
  readonly json?: boolean;
}

interface AddOptions extends PlaceOptions {
  readonly role: Role;
}

const HEADER =
  '# Tokens of Torpor\'s HTTP API: NAME view|operate sha256:HEX. Made by "torpor token add"; hashes only.\n';

export function addTokenCommand(program: Command, io: CliIo): void {
  const token = program
    .command('token')
    .description('who may use the HTTP API and the dashboard: tokens, each with a role');
  withPlace(token.command('add <name>').description('make a token, and show it this once'))
    .addOption(
      new Option('--role <role>', 'view: look; operate: wake, sleep, inhibit, too').choices([...ROLES]).default('view'),
    )
    .addOption(jsonOption())
    .action((name: string, options: AddOptions) => add(name, options, io));
  withPlace(token.command('list').description('tell names and roles'))
    .addOption(jsonOption())
    .action((options: PlaceOptions) => list(options, io));
  withPlace(token.command('revoke <name>').description('end a token, and the sessions it opened')).action(
    (name: string, options: PlaceOptions) => revoke(name, options, io),
  );
}

function withPlace(command: Command): Command {
  return command
    .option('--file <file>', 'the file of tokens, as api.tokensFile names it')
    .option('-c, --config <file>', 'the configuration that names the file');
}

async function add(name: string, options: AddOptions, io: CliIo): Promise<void> {
  const path = await placeOf(options);
  if (!TOKEN_NAME.test(name)) {
    throw new TorporError(
      'ERR_CLI_USAGE',
      'a name takes letters, digits, dots, hyphens, underscores and @, 64 at most',
    );
  }
  const isNew = !existsSync(path);
  const entries = isNew ? [] : readTokens(path);
  if (entries.some((entry) => entry.name === name)) {
    throw new TorporError('ERR_API_TOKENS', `there is a token called ${name} in ${path} already: revoke it first`);
  }
  const token = makeToken();
  const line = formatTokenLine({ name, role: options.role, hash: hashToken(token) });
  const before = isNew ? HEADER : readTokenText(path);
  replaceFile(path, `${before}${before.endsWith('\n') || before === '' ? '' : '\n'}${line}\n`);
  if (options.json) return printJson(io, { name, role: options.role, token });
  io.err(`torpor: the token of ${name} (${options.role}) is shown this once; ${path} keeps its hash only\n`);
  printLines(io, token);
}

async function list(options: PlaceOptions, io: CliIo): Promise<void> {
  const entries = readTokens(await placeOf(options)).map(({ name, role }) => ({ name, role }));
  if (options.json) return printJson(io, entries);
  if (entries.length === 0) return printLines(io, 'no tokens');
  printLines(io, ...alignRows([['NAME', 'ROLE'], ...entries.map(({ name, role }) => [name, role])]));
}

async function revoke(name: string, options: PlaceOptions, io: CliIo): Promise<void> {
  const path = await placeOf(options);
  const isIts = (entry: TokenEntry) => entry.name === name;
  if (!readTokens(path).some(isIts))
    throw new TorporError('ERR_API_TOKENS', `there is no token called "${name}" in ${path}`);
  const kept = readTokenText(path)
    .split('\n')
    .filter((line) => line.trim().split(/\s+/)[0] !== name);
  replaceFile(path, kept.join('\n'));
  printLines(io, `the token of ${name} is revoked; a running Torpor sees it within a second`);
}

async function placeOf({ file, config }: PlaceOptions): Promise<string> {
  if (file !== undefined) return file;
  if (config === undefined)
    throw new TorporError(
      'ERR_CLI_USAGE',
      'which tokens? name --file FILE, or --config FILE whose api.tokensFile says it',
    );
  const { tokensFile } = (await loadConfig(config)).config.api;
  if (tokensFile !== null) return tokensFile;
  throw new TorporError('ERR_CLI_USAGE', `${config} has no api.tokensFile: set it, or name --file FILE`);
}

/** All or nothing, readable by its owner only: a running Torpor may read it at any moment. */
function replaceFile(path: string, text: string): void {
  const next = `${path}.${process.pid}.new`;
  try {
    const file = openSync(next, 'wx', 0o600);
    writeSync(file, text);
    fsyncSync(file);
    closeSync(file);
    renameSync(next, path);
  } catch (error) {
    throw new TorporError('ERR_API_TOKENS', `the tokens cannot be written to ${path}: ${errorText(error)}`, {
      cause: error,
    });
  }
}
