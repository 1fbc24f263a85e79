// The leaves of the configuration as zod types: each knows what it accepts and says it in one way. Structure is schema.ts's.
import { isIP } from 'node:net';
import { z } from 'zod';
import { type Endpoint, isNamedEndpoint, udpAddressOf } from '../platform/endpoint.ts';
import { errorText } from '../platform/errors.ts';
import { formatDuration, parseDurationMs, parseSizeBytes } from '../platform/units.ts';
import { isHost, isLoopbackHost, parseEndpoint, parseListen, parseTarget } from './endpoint.ts';
import { parseNetwork } from './network.ts';

/** Node's timers are 32 bits of milliseconds: a longer wait would fire at once. */
const MAX_DURATION_MS = 24 * 86_400_000;
const MAX_COMMAND_CHARS = 8192;
const MAX_SHOWN_CHARS = 60;

/** What a leaf made of a value. `wrong` is followed by what to write instead; `problem` already says it. */
type Reading<T> = { readonly value: T } | { readonly wrong: string } | { readonly problem: string };

/** A leaf that reads `expectation`. Its problems read "is missing: write …", "is empty: write …" or "…: write …". */
export function leaf<T>(expectation: string, read: (value: unknown) => Reading<T>) {
  return z.unknown().transform((value, context): T => {
    const reading = isUnset(value) ? { wrong: value === null ? 'is empty' : 'is missing' } : read(value);
    if ('value' in reading) return reading.value;
    const message = 'problem' in reading ? reading.problem : `${reading.wrong}: write ${expectation}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

function isUnset(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** A value as it may stand in a message: shortened, one line, and of a collection only its kind. */
export function showValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}

function fromParser<T>(parse: (text: string) => T, text: string): { value: T } | { problem: string } {
  try {
    return { value: parse(text) };
  } catch (error) {
    return { problem: errorText(error) };
  }
}

/** `10m`; at least `minMs`, at most `maxMs`. */
export function durationField(minMs: number, maxMs = MAX_DURATION_MS) {
  const expectation = 'a number and a unit, such as 250ms, 30s, 10m or 2h';
  return leaf(expectation, (value) => {
    if (typeof value === 'number') return { wrong: `${value} has no unit` };
    if (typeof value !== 'string') return { wrong: `${showValue(value)} is no duration` };
    const answer = fromParser(parseDurationMs, value);
    if ('problem' in answer) return answer;
    if (answer.value < minMs) return { problem: `${value.trim()} is too short: write ${minMs}ms or more` };
    if (answer.value > maxMs) return { problem: `${value.trim()} is too long: write ${formatDuration(maxMs)} or less` };
    return answer;
  });
}

/** `1MiB`; at least `minBytes`, at most `maxBytes`. */
export function sizeField(minBytes: number, maxBytes: number) {
  return leaf('a number and a unit, such as 64KiB or 1MiB', (value) => {
    if (typeof value === 'number') return { wrong: `${value} has no unit` };
    if (typeof value !== 'string') return { wrong: `${showValue(value)} is no size` };
    const answer = fromParser(parseSizeBytes, value);
    if ('problem' in answer) return answer;
    if (answer.value < minBytes)
      return { problem: `${value.trim()} is too small: write ${minBytes / 1024}KiB or more` };
    if (answer.value > maxBytes)
      return { problem: `${value.trim()} is too large: write ${maxBytes / 1024 ** 2}MiB or less` };
    return answer;
  });
}

/** `10.0.1.21:3389`. Port 0 only where `anyPort` allows it. */
export function endpointField(anyPort: boolean) {
  return leaf('host:port, such as 10.0.1.21:3389 or [::1]:7070', (value): Reading<Endpoint> => {
    if (typeof value !== 'string') return { wrong: `${showValue(value)} is no address` };
    const answer = fromParser(parseEndpoint, value);
    if ('value' in answer && answer.value.port === 0 && !anyPort) return { wrong: `${value} has port 0` };
    return answer;
  });
}

/** As an endpoint, or `unix:/path`, or `systemd:name`, or `udp:` and an address or such a name. */
export const listenField = leaf(
  'host:port, such as 10.0.1.21:3389 or [::1]:7070, or unix:/path, or systemd:name',
  (value): Reading<Endpoint> => {
    if (typeof value !== 'string') return { wrong: `${showValue(value)} is no address` };
    return fromParser(parseListen, value);
  },
);

/** As an endpoint, or `unix:/path`, or `udp:host:port`. */
export const targetField = leaf(
  'host:port, such as 10.0.1.21:3389 or [::1]:7070, or unix:/path',
  (value): Reading<Endpoint> => {
    if (typeof value !== 'string') return { wrong: `${showValue(value)} is no address` };
    const answer = fromParser(parseTarget, value);
    if (!('value' in answer)) return answer;
    const address = udpAddressOf(answer.value) ?? answer.value;
    return address.port === 0 && !isNamedEndpoint(address) ? { wrong: `${value} has port 0` } : answer;
  },
);

/** `"0660"`. A number is read by its digits, as chmod reads them: YAML takes the zero before it away. */
export const fileModeField = leaf('an octal mode such as "0660"', (value) => {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !/^0?[0-7]{3}$/.test(text)) return { wrong: `${showValue(value)} is none` };
  return { value: Number.parseInt(text, 8) };
});

/** An IP address or a host name, without a port. */
export const hostField = leaf('an IP address or a host name, such as 10.0.9.11', (value) => {
  if (typeof value !== 'string') return { wrong: `${showValue(value)} is no host` };
  const bare = value.startsWith('[') && value.endsWith(']') ? value.slice(1, -1) : value;
  if (isHost(bare) && (bare === value || isIP(bare) === 6)) return { value: bare };
  const hasPort = /:\d+$/.test(value);
  return { wrong: `${showValue(value)} is no host${hasPort ? '; the port has its own key, `port`' : ''}` };
});

/** `10.0.0.0/8`, or one address. */
export const networkField = leaf('a network such as 10.0.0.0/8, or an address', (value) => {
  if (typeof value !== 'string') return { wrong: `${showValue(value)} is no network` };
  return fromParser(parseNetwork, value);
});

/** A whole number within bounds. */
export function wholeField(min: number, max: number) {
  return leaf(`a whole number from ${min} to ${max}`, (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return { value };
    return { wrong: `${showValue(value)} is not one` };
  });
}

/** Money, in whatever currency; all prices of a file are in the same. */
export function priceField(min: number) {
  return leaf(`an amount of money from ${min} on, such as 0.30`, (value) => {
    if (typeof value === 'number' && Number.isFinite(value) && value >= min && value <= 1_000_000) return { value };
    return { wrong: `${showValue(value)} is none` };
  });
}

export const wattsField = leaf('a number of watts, such as 180', (value) => {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= 1_000_000) return { value };
  return { wrong: `${showValue(value)} is none` };
});

/** A number of at least 0 and at most `max`, such as a price. */
export function amountField(max: number, example: string) {
  return leaf(`a number from 0 to ${max}, such as ${example}`, (value) => {
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= max) return { value };
    return { wrong: `${showValue(value)} is none` };
  });
}

/** An IANA time zone that this Node knows. */
export const timeZoneField = leaf('a time zone by its IANA name, such as Europe/Berlin or UTC', (value) => {
  if (typeof value !== 'string') return { wrong: `${showValue(value)} is no text` };
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return { value };
  } catch {
    return { wrong: `${showValue(value)} is no time zone` };
  }
});

/** true or false. */
export const yesNoField = leaf('true or false', (value) => {
  if (typeof value === 'boolean') return { value };
  return { wrong: `${showValue(value)} is neither` };
});

/** One of a closed set of words. */
export function wordField<const T extends string>(words: readonly T[]) {
  const expectation = words.length === 1 ? (words[0] as string) : `one of ${words.join(', ')}`;
  return leaf(expectation, (value) => {
    const word = words.find((known) => known === value);
    return word === undefined ? { wrong: `${showValue(value)} is not known` } : { value: word };
  });
}

/** One of a closed set of numbers and words. */
export function choiceField<const T extends number | string>(choices: readonly T[]) {
  const last = choices.at(-1);
  const expectation = choices.length < 3 ? choices.join(' or ') : `${choices.slice(0, -1).join(', ')} or ${last}`;
  return leaf(expectation, (value) => {
    const choice = choices.find((known) => known === value);
    return choice === undefined ? { wrong: `${showValue(value)} is not supported` } : { value: choice };
  });
}

/** Text that matches a pattern. A value that is `hidden` is never shown: it may be a secret that was put there by mistake. */
export function textField(expectation: string, pattern: RegExp, hidden = false) {
  return leaf(expectation, (value) => {
    if (typeof value === 'number' || typeof value === 'boolean') {
      return { problem: `${hidden ? 'the value' : showValue(value)} is no text: write it in quotes` };
    }
    if (typeof value === 'string' && pattern.test(value)) return { value };
    return { wrong: `${hidden ? 'the value' : showValue(value)} does not fit` };
  });
}

function parseUrl(value: unknown): URL | string {
  if (typeof value !== 'string' || !URL.canParse(value)) return `${showValue(value)} is no URL`;
  const url = new URL(value);
  // Not shown: it may hold a password.
  if (url.username !== '' || url.password !== '') return 'the URL holds a user or a password';
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : `${showValue(value)} is not of HTTP`;
}

/** An absolute URL that `fetch` takes. */
export const urlField = leaf(
  'a URL without a user in it, such as http://10.0.1.21/boot-id',
  (value): Reading<string> => {
    const url = parseUrl(value);
    return typeof url === 'string' ? { wrong: url } : { value: url.href };
  },
);

/** The address of a service alone. Without TLS on this machine only: what it is sent may be a secret. */
export const originField = leaf('an address such as https://pve-1:8006, without a path', (value): Reading<string> => {
  const url = parseUrl(value);
  if (typeof url === 'string') return { wrong: url };
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return { wrong: `${showValue(value)} has a path` };
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname))
    return { wrong: `${showValue(value)} is not encrypted` };
  return { value: url.origin };
});

const MAX_PATTERN_CHARS = 1024;

/** A regular expression of JavaScript, without slashes around it. */
export const patternField = leaf('a regular expression, such as "boot=(\\\\S+)"', (value): Reading<string> => {
  if (typeof value !== 'string' || value === '' || value.length > MAX_PATTERN_CHARS)
    return { wrong: `${showValue(value)} is none` };
  try {
    new RegExp(value, 'm');
    return { value };
  } catch (error) {
    return { wrong: errorText(error) };
  }
});

/** A command line for `/bin/sh -c`. */
export const commandField = leaf('a command line for /bin/sh, such as "ssh alice uptime"', (value) => {
  if (typeof value !== 'string') return { wrong: `${showValue(value)} is no command line` };
  if (value.trim() === '') return { wrong: 'the command line is blank' };
  if (value.includes('\0')) return { wrong: 'the command line holds a NUL character' };
  if (value.length > MAX_COMMAND_CHARS)
    return { wrong: `the command line is longer than ${MAX_COMMAND_CHARS} characters` };
  return { value };
});
