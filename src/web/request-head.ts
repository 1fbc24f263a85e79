// The head of an HTTP/1.1 request, read strictly: what two readers could take differently is refused. What is asked for is judged elsewhere.

/** Bytes of the head, CRLF CRLF included; null: it is not whole. */
export function headBytes(bytes: Buffer): number | null {
  const end = bytes.indexOf('\r\n\r\n');
  return end < 0 ? null : end + 4;
}

export interface RequestHead {
  readonly method: string;
  /** Before `?`. */
  readonly path: string;
  /** Behind `?`; empty: there is none. */
  readonly query: string;
  /** Names in lower case; lists that came in several fields are joined by commas (RFC 9110 section 5.3). */
  readonly headers: ReadonlyMap<string, string>;
}

/** Fields that are lists, and so may come more than once. */
const LISTS: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
]);
/** Fields of which two would leave open which counts. */
const SINGLE: ReadonlySet<string> = new Set([
  'host',
  'origin',
  'authorization',
  'content-length',
  'transfer-encoding',
  'sec-websocket-key',
  'sec-websocket-version',
]);

/** RFC 9112 sections 3 and 5. A text: what is wrong with it, for people. `text` ends before the empty line. */
export function readRequestHead(text: string): RequestHead | string {
  const [first = '', ...lines] = text.split('\r\n');
  const match = /^([A-Z]{1,20}) (\/[!-~]*) HTTP\/1\.1$/.exec(first);
  if (match === null) return 'its first line is not "GET /PATH HTTP/1.1"';
  const headers = new Map<string, string>();
  for (const line of lines) {
    const field = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*$/.exec(line);
    if (field === null) return 'one of its header lines is not "Name: value"';
    const name = (field[1] as string).toLowerCase();
    const known = headers.get(name);
    if (known !== undefined && SINGLE.has(name)) return `it has two ${name} headers`;
    const value = field[2] as string;
    headers.set(name, known === undefined ? value : LISTS.has(name) ? `${known}, ${value}` : known);
  }
  const [path = '/', ...query] = (match[2] as string).split('?');
  return { method: match[1] as string, path, query: query.join('?'), headers };
}

/** The words of a header that is a list, as they are. */
export function listOf(head: RequestHead, name: string): string[] {
  const words = (head.headers.get(name) ?? '').split(/[ \t]*,[ \t]*/);
  return words.filter((word) => word !== '');
}
