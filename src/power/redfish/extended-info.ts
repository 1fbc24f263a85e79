// What a BMC says about a refusal (`@Message.ExtendedInfo`) as one line for people. It is foreign text: bounded, and without control characters.
import { field, fieldAt, isObject, type JsonObject, listField, textField } from './json-document.ts';

export interface BmcMessages {
  /** `IDRAC.2.8.PSU501`; for code to tell one refusal from another. */
  readonly ids: readonly string[];
  /** Empty where it said nothing. */
  readonly text: string;
}

const MAX_MESSAGES = 4;
const MAX_MESSAGE_CHARS = 240;
const MAX_ARGS = 4;

/** `scrub` takes secrets out of it. Source: DSP0266 section "Error responses". Deviations: a lone object for the list (older iDRAC), `MessageID` and no text (iLO). */
export function readMessages(body: JsonObject, scrub: (text: string) => string): BmcMessages {
  // Before anything is cut: half a secret is one, too.
  const line = (text: string) => oneLine(scrub(text));
  const entries = [
    fieldAt(body, 'error', '@Message.ExtendedInfo'),
    body['@Message.ExtendedInfo'],
    field(body, 'Messages'),
  ];
  const messages = entries
    .flatMap((entry) => (Array.isArray(entry) ? entry.slice(0, MAX_MESSAGES) : [entry]))
    .filter(isObject);
  const first = messages.slice(0, MAX_MESSAGES);
  const ids = first.map((message) => idOf(message, line)).filter((id) => id !== null);
  const texts = first.map((message) => describe(message, line)).filter((text) => text !== '');
  if (texts.length === 0) texts.push(line(textField(field(body, 'error'), 'message') ?? ''));
  return { ids, text: [...new Set(texts)].join('; ') };
}

type Line = (text: string) => string;

function idOf(message: JsonObject, line: Line): string | null {
  const id = textField(message, 'MessageId') ?? textField(message, 'MessageID');
  return id === null ? null : line(id);
}

function describe(message: JsonObject, line: Line): string {
  const text = line(textField(message, 'Message') ?? '');
  const id = idOf(message, line);
  if (text !== '') return id === null ? text : `${text} (${id})`;
  const args = listField(message, 'MessageArgs', MAX_ARGS).filter((arg) => typeof arg === 'string');
  return id === null ? '' : [id, ...args.map(line)].join(': ');
}

/** Foreign text fit for a log: printable, on one line, not too long. */
export function oneLine(text: string): string {
  const plain = text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
  return plain.length > MAX_MESSAGE_CHARS ? `${plain.slice(0, MAX_MESSAGE_CHARS)}…` : plain;
}
