// The head of an HTTP/1.1 request that brings an IPP operation (RFC 8010 section 4), read from a client's first bytes. Anything else is told apart.
import { readFields } from '../http-fields.ts';
import type { BodyFraming } from './http-body.ts';

/** A longer head is nobody's who prints. */
const HEAD_MAX_BYTES = 16 * 1024;
const METHOD = 'POST ';
const HEAD_END = '\r\n\r\n';

export interface IppRequestHead {
  /** With the empty line. */
  readonly headBytes: number;
  /** As the client wrote it. */
  readonly path: string;
  readonly host: string;
  readonly framing: BodyFraming;
  readonly wantsContinue: boolean;
  readonly wantsClose: boolean;
  /** It brings credentials: whether they are good only the printer can tell. */
  readonly hasCredentials: boolean;
}

/** more: it may become one. other: it is none. */
export function readIppHead(bytes: Buffer): IppRequestHead | 'more' | 'other' {
  const start = bytes.toString('latin1', 0, METHOD.length);
  if (!METHOD.startsWith(start)) return 'other';
  const end = bytes.indexOf(HEAD_END);
  if (end === -1) return bytes.length > HEAD_MAX_BYTES ? 'other' : 'more';
  if (end > HEAD_MAX_BYTES) return 'other';
  const [line = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const [, path] = /^POST (\/[!-~]*) HTTP\/1\.1$/.exec(line) ?? [];
  const fields = readFields(lines);
  if (path === undefined || fields === null) return 'other';
  const [type = ''] = (fields.get('content-type') ?? '').split(';');
  const framing = framingOf(fields);
  const host = fields.get('host') ?? '';
  if (type.trim().toLowerCase() !== 'application/ipp' || framing === null || !/^[\w.:[\]-]{1,255}$/.test(host))
    return 'other';
  if (fields.has('upgrade')) return 'other';
  return {
    headBytes: end + HEAD_END.length,
    path,
    host,
    framing,
    wantsContinue: fields.get('expect')?.toLowerCase() === '100-continue',
    wantsClose: /\bclose\b/i.test(fields.get('connection') ?? ''),
    hasCredentials: fields.has('authorization'),
  };
}

/** Both, or one that two readers could read differently, is none (RFC 9112 section 6.3). */
function framingOf(fields: ReadonlyMap<string, string>): BodyFraming | null {
  const [coding, length] = [fields.get('transfer-encoding'), fields.get('content-length')];
  if (coding !== undefined) return length === undefined && coding.toLowerCase() === 'chunked' ? 'chunked' : null;
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : null;
}
