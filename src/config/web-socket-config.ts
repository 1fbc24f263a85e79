// `webSocket` of a listener: its clients come over HTTP, and the stream is in their messages. Schema, and rules across keys.
import { z } from 'zod';
import type { WebSocketRule } from '../platform/web-socket-rule.ts';
import { absolute } from './absolute-path.ts';
import { durationField, leaf, showValue, sizeField, textField, wordField } from './fields.ts';
import type { Finding } from './finding.ts';
import { mapping } from './mapping.ts';
import { asMapping, hasEntries, isMapping, isUnset, type Mapping, type Placed } from './raw-values.ts';

const MAX_ORIGINS = 64;
const MAX_SUBPROTOCOLS = 16;
/** A ping costs a packet each way: more often is of no use. */
const MIN_PING_MS = 1000;

/** RFC 9110 section 5.6.2. */
const SUBPROTOCOL = /^[!#$%&'*+\-.^_`|~\w]{1,64}$/;
const PATH = /^\/[^\s?#\0]{0,1023}$/;

/** What a browser sends: scheme, host and port of a page, in lower case. */
const originField = leaf('the origin of a page, such as https://desk.example, or "*" for every page', (value) => {
  if (value === '*') return { value };
  if (typeof value !== 'string' || !/^https?:\/\/[^/?#\s]+\/?$/i.test(value) || !URL.canParse(value))
    return { wrong: `${showValue(value)} is none` };
  const url = new URL(value);
  return url.username === '' ? { value: url.origin } : { wrong: `${showValue(value)} holds a user` };
});

const pingField = z.preprocess((value) => (value === 'never' ? null : value), durationField(MIN_PING_MS).nullable());

const filled = mapping({
  path: textField('an absolute path, such as /websockify', PATH).nullable().default(null),
  subprotocols: z
    .array(textField('the name of a subprotocol, such as binary', SUBPROTOCOL))
    .max(MAX_SUBPROTOCOLS, `the list has more than ${MAX_SUBPROTOCOLS} names: write fewer`)
    .default(['binary']),
  text: wordField(['refuse', 'bytes']).default('refuse'),
  maxMessage: sizeField(1024, 64 * 1024 ** 2).prefault('1MiB'),
  pingEvery: pingField.prefault('30s'),
  origins: z
    .array(originField)
    .min(
      1,
      'the list is empty, so no page could connect: write origins, or leave the key out for pages of the same host',
    )
    .max(MAX_ORIGINS, `the list has more than ${MAX_ORIGINS} origins: write fewer`)
    .nullable()
    .default(null),
  tokenFile: textField('the path of a file of tokens', /^[^\0]{1,4096}$/)
    .nullable()
    .default(null),
});

/** An empty value means all defaults. */
export const webSocketSchema = z.preprocess((value) => value ?? {}, filled);

export function toWebSocket(parsed: z.output<typeof filled> | undefined, folder: string): WebSocketRule | null {
  if (parsed === undefined) return null;
  const { maxMessage, pingEvery, tokenFile, ...rest } = parsed;
  return {
    ...rest,
    maxMessageBytes: maxMessage,
    pingEveryMs: pingEvery,
    tokenFile: tokenFile === null ? null : absolute(tokenFile, folder),
  };
}

/** What cannot be meant together with it. */
export function checkWebSocket({ path, value }: Placed<Mapping>): Finding[] {
  if (value.webSocket === undefined) return [];
  const findings: Finding[] = [];
  if (hasEntries(value.routes)) {
    const what = 'web clients say the host of their page, not whom they want: write a listener for each VM';
    findings.push({ path: [...path, 'routes'], what });
  }
  if (value.waitingPage === 'browsers' || value.waitingPage === 'all') {
    const what = 'only WebSockets are served there, and no pages: leave it out';
    findings.push({ path: [...path, 'waitingPage'], what });
  }
  return findings;
}

/** Pages of the whole web, and nothing that keeps strangers out. */
export function doubtWebSocket({ path, value }: Placed<Mapping>): Finding[] {
  if (!isMapping(value.webSocket)) return [];
  const { origins, tokenFile } = asMapping(value.webSocket);
  if (!Array.isArray(origins) || !origins.includes('*') || !isUnset(tokenFile)) return [];
  const what = "every page that a user of this network opens may connect: write the pages' origins, or a tokenFile";
  return [{ path: [...path, 'webSocket', 'origins'], what }];
}
