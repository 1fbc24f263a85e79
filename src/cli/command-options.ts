// Options and arguments that several commands share, and how their values are read. Wrong values are bad usage: exit code 2.
import { InvalidArgumentError, Option } from 'commander';
import { errorText, TorporError } from '../platform/errors.ts';
import { parseDurationMs } from '../platform/units.ts';
import { CIPHER_SUITES, type CipherSuiteChoice, type CipherSuiteId } from '../power/ipmi/cipher-suite.ts';
import { ApiClient } from './api-client.ts';
import type { CliIo } from './cli-io.ts';
import { plainText } from './style.ts';

export const DEFAULT_API_URL = 'http://127.0.0.1:7070';
const MAX_PORT = 65_535;

export interface ClientOptions {
  readonly api?: string;
  readonly json?: boolean;
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON for programs');
}

export function apiOption(): Option {
  return new Option('--api <url>', `where Torpor answers (default: TORPOR_API, else ${DEFAULT_API_URL})`).argParser(
    parseUrl,
  );
}

export function configOption(): Option {
  return new Option('-c, --config <file>', 'the configuration, a YAML file').makeOptionMandatory();
}

export function waitTimeoutOption(): Option {
  return new Option('--timeout <duration>', 'how long --wait waits').default('5m').argParser(parsePositiveDuration);
}

/** The API that the options, or the environment, name. Throws ERR_CLI_USAGE where that is no address of one. */
export function clientFor(io: CliIo, options: ClientOptions): ApiClient {
  if (options.api !== undefined) return new ApiClient(parseUrl(options.api, '--api'));
  return new ApiClient(io.env.TORPOR_API ? parseUrl(io.env.TORPOR_API, 'TORPOR_API') : DEFAULT_API_URL);
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
