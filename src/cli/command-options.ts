// Options and arguments that several commands share, and how their values are read. Wrong values are bad usage: exit code 2.
import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option } from 'commander';
import type { TorporConfig } from '../config/torpor-config.ts';
import { formatEndpoint } from '../platform/endpoint.ts';
import { errorText, TorporError } from '../platform/errors.ts';
import { parseDurationMs } from '../platform/units.ts';
import { CIPHER_SUITES, type CipherSuiteChoice, type CipherSuiteId } from '../power/ipmi/cipher-suite.ts';
import { type ApiAccess, ApiClient } from './api-client.ts';
import type { CliIo } from './cli-io.ts';
import { pinnedFetch } from './pinned-fetch.ts';
import { plainText } from './style.ts';

export const DEFAULT_API_URL = 'http://127.0.0.1:7070';
const MAX_PORT = 65_535;

export interface ClientOptions {
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly api?: string;
  readonly json?: boolean;
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON for programs');
}

export function apiOption(): Option {
  return new Option('--api <url>', `where Torpor answers (default: TORPOR_API, else ${DEFAULT_API_URL})`).argParser(
    (text) => parseUrl(text, '--api'),
  );
}

/** What goes with `--api` wherever it is. */
export function accessOptions(): Option[] {
  return [
    new Option('--token-file <file>', 'holds the token that it asks for (default: the token in TORPOR_API_TOKEN)'),
    new Option('--ca <file>', 'PEM of the only authority, or certificate, that is trusted (default: TORPOR_API_CA)'),
  ];
}

export function configOption(): Option {
  return new Option('-c, --config <file>', 'the configuration, a YAML file').makeOptionMandatory();
}

export function waitTimeoutOption(): Option {
  return new Option('--timeout <duration>', 'how long --wait waits').default('5m').argParser(parsePositiveDuration);
}

/** The API that the options, or the environment, name. Throws ERR_CLI_USAGE where that is no address of one. */
export function clientFor(io: CliIo, options: ClientOptions): ApiClient {
  const access = accessFor(io, options);
  if (options.api !== undefined) return new ApiClient(parseUrl(options.api, '--api'), access);
  const url = io.env.TORPOR_API ? parseUrl(io.env.TORPOR_API, 'TORPOR_API') : DEFAULT_API_URL;
  return new ApiClient(url, access);
}

/** The API of the Torpor that runs with a configuration on this machine, as the environment lets us in. */
export function clientForConfig(io: Pick<CliIo, 'env'>, { api }: TorporConfig): ApiClient {
  const { host, port } = api.listen;
  // Who listens everywhere answers here, too.
  const here = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const scheme = api.tls === null ? 'http' : 'https';
  return new ApiClient(`${scheme}://${formatEndpoint({ host: here, port })}`, accessFor(io, {}));
}

function accessFor({ env }: Pick<CliIo, 'env'>, { tokenFile, ca }: ClientOptions): ApiAccess {
  const pinned = ca ?? env.TORPOR_API_CA;
  return {
    token: tokenFile === undefined ? env.TORPOR_API_TOKEN || null : readTokenFile(tokenFile),
    fetch: pinned ? pinnedFetch(pinned, ca === undefined ? 'TORPOR_API_CA' : '--ca') : null,
  };
}

/** One token, without its line break. What stands in it is never shown. */
function readTokenFile(path: string): string {
  try {
    const token = readFileSync(path, 'utf8').trim();
    if (/^[!-~]{1,256}$/.test(token)) return token;
  } catch (error) {
    throw new TorporError('ERR_CLI_USAGE', `--token-file: ${path} cannot be read: ${errorText(error)}`, {
      cause: error,
    });
  }
  throw new TorporError(
    'ERR_CLI_USAGE',
    `--token-file: ${path} holds no token: write the one that torpor token add showed`,
  );
}

/** An http or https address, without a trailing slash. What may hold a password is never shown. */
function parseUrl(text: string, source: string): string {
  const refuse = (what: string) =>
    new TorporError('ERR_CLI_USAGE', `${source}: ${what}: write an address such as ${DEFAULT_API_URL}`);
  if (text.includes('@')) throw refuse('an address with a user or a password in it is refused');
  if (!URL.canParse(text)) throw refuse(`"${plainText(text)}" is no address`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse(`"${plainText(text)}" is no http address`);
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** Checks a duration above zero and gives back its text. */
export function parsePositiveDuration(text: string): string {
  if (readDurationMs(text) <= 0) fail(`"${text}" is no time at all: write more than 0`);
  return text;
}

/** A duration in milliseconds. */
export function readDurationMs(text: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    return fail(errorText(error));
  }
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > MAX_PORT) fail(`"${text}" is no port: write a number from 0 to ${MAX_PORT}`);
  return port;
}

/** A suite by its number. Those without integrity (0, 1, 15) do not exist here; 16 and 2 do not encrypt. */
export function parseCipherSuite(text: string): CipherSuiteId {
  const id = Number(text);
  if (/^\d+$/.test(text) && id in CIPHER_SUITES) return id as CipherSuiteId;
  const help = 'write 17 (HMAC-SHA256) or 3 (HMAC-SHA1); 16 and 2 are the same without encryption';
  return fail(`cipher suite "${text}" is not supported: ${help}`);
}

export function parseCipherSuiteChoice(text: string): CipherSuiteChoice {
  return text === 'auto' ? 'auto' : parseCipherSuite(text);
}

function fail(message: string): never {
  throw new InvalidArgumentError(message);
}

/** A size without a sign, of anything that is counted in numbers. */
export function parseAmount(text: string): number {
  const amount = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && Number.isFinite(amount)) return amount;
  throw new InvalidArgumentError(`"${text}" is no amount: write a number of 0 or more`);
}
