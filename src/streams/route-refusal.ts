// What a client hears whose name nobody has: in its own protocol, where that has a word for it.
import type { Asked } from './asked-name.ts';

/** A fatal alert, unrecognized_name. Source: RFC 8446 section 6, RFC 6066 section 3. */
const TLS_ALERT = Uint8Array.of(21, 3, 3, 0, 2, 2, 112);
/** Source: RFC 9110 section 15.5.20. */
const HTTP_ANSWER = [
  'HTTP/1.1 421 Misdirected Request',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Length: 31',
  'Connection: close',
  '',
  'Nothing is behind this address\n',
].join('\r\n');

/** Empty where its protocol has no such word: then the end of the connection is the answer. */
export function routeRefusal(via: Asked['via']): Uint8Array {
  if (via === 'tls') return TLS_ALERT;
  return Buffer.from(via === 'http' ? HTTP_ANSWER : '');
}
