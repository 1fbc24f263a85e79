// Reads what a printer answers to one IPP request over HTTP/1.1, and says whether it has taken it.
import { readFields } from '../http-fields.ts';
import { type BodyFraming, HttpBody } from './http-body.ts';
import { attributesOf, decodeIpp, GROUP, type IppMessage, textsOf } from './ipp-message.ts';

const HEAD_MAX_BYTES = 16 * 1024;
/** An answer to Get-Printer-Attributes has some ten thousand bytes. */
const BODY_MAX_BYTES = 1024 * 1024;
/** RFC 8011 section 4.1.8: successful-ok and its variants are below. */
const FIRST_FAILURE = 0x0100;
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x0400, 'client-error-bad-request'],
  [0x0401, 'client-error-forbidden'],
  [0x0402, 'client-error-not-authenticated'],
  [0x0403, 'client-error-not-authorized'],
  [0x0406, 'client-error-not-found'],
  [0x0408, 'client-error-request-entity-too-large'],
  [0x040a, 'client-error-document-format-not-supported'],
  [0x040b, 'client-error-attributes-or-values-not-supported'],
  [0x0500, 'server-error-internal-error'],
  [0x0502, 'server-error-service-unavailable'],
  [0x0504, 'server-error-device-error'],
  [0x0505, 'server-error-temporary-error'],
  [0x0506, 'server-error-not-accepting-jobs'],
  [0x0507, 'server-error-busy'],
]);

/** taken: it is done with. refused: it will not do what it was asked, for people. */
export type IppOutcome =
  | { readonly kind: 'taken'; readonly message: IppMessage }
  | { readonly kind: 'refused'; readonly why: string };

export class IppAnswer {
  #head: Buffer = Buffer.alloc(0);
  #body: HttpBody | null = null;
  #content: Uint8Array[] = [];
  #contentBytes = 0;
  /** null: it has not come in whole yet. */
  outcome: IppOutcome | null = null;

  push(bytes: Uint8Array): void {
    if (this.outcome !== null) return;
    if (this.#body === null) {
      this.#head = Buffer.concat([this.#head, bytes]);
      while (this.#takeHead());
    } else this.#addBody(bytes);
  }

  /** The connection has ended. */
  end(): void {
    if (this.outcome === null && this.#contentBytes > 0) this.#conclude();
  }

  /** True: an interim response was taken, and another follows. */
  #takeHead(): boolean {
    const end = this.#head.indexOf('\r\n\r\n');
    if (end === -1) {
      if (this.#head.length > HEAD_MAX_BYTES) this.#refuse('its answer is no HTTP');
      return false;
    }
    const [line = '', ...lines] = this.#head.toString('latin1', 0, end).split('\r\n');
    const rest = this.#head.subarray(end + 4);
    const [, status, phrase = ''] = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(line) ?? [];
    const fields = readFields(lines);
    if (status === undefined || fields === null) {
      this.#refuse('its answer is no HTTP');
      return false;
    }
    this.#head = rest;
    if (status.startsWith('1')) return true;
    if (!status.startsWith('2')) this.#refuse(describeHttp(Number(status), phrase));
    else {
      this.#body = new HttpBody(framingOf(fields));
      this.#addBody(rest);
    }
    return false;
  }

  #addBody(bytes: Uint8Array): void {
    const body = this.#body as HttpBody;
    for (const content of body.push(bytes).content) {
      // A copy, which `slice` of a Buffer is not: the next read goes to the same memory.
      this.#content.push(Uint8Array.from(content));
      this.#contentBytes += content.length;
    }
    if (this.#contentBytes > BODY_MAX_BYTES || body.isBroken) this.#refuse('its answer is no IPP');
    else if (body.isDone) this.#conclude();
  }

  #conclude(): void {
    const decoded = decodeIpp(Buffer.concat(this.#content));
    if (decoded.kind !== 'whole') this.#refuse('its answer is no IPP');
    else if (decoded.message.code >= FIRST_FAILURE) this.#refuse(describeStatus(decoded.message));
    else this.outcome = { kind: 'taken', message: decoded.message };
  }

  #refuse(why: string): void {
    this.outcome = { kind: 'refused', why };
    this.#content = [];
  }
}

function framingOf(fields: ReadonlyMap<string, string>): BodyFraming {
  if (/\bchunked$/i.test(fields.get('transfer-encoding') ?? '')) return 'chunked';
  const length = fields.get('content-length');
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : 'to-end';
}

function describeHttp(status: number, phrase: string): string {
  const what = `it answered HTTP ${status} ${phrase}`.trim();
  if (status === 401 || status === 407) return `${what}: it wants credentials, which a spool does not have`;
  if (status === 426) return `${what}: it wants TLS, which nothing spooled has`;
  return what;
}

function describeStatus(message: IppMessage): string {
  const code = `0x${message.code.toString(16).padStart(4, '0')}`;
  const [said = ''] = textsOf(attributesOf(message, GROUP.operation), 'status-message');
  const name = NAMES.get(message.code);
  return [
    `it answered ${name === undefined ? code : `${name} (${code})`}`,
    ...(said === '' || said === name ? [] : [said]),
  ].join(': ');
}
