// Reads by what name a client asks for its server: TLS SNI, HTTP/1 Host, RDP cookie or routing token. Whose name it is, is the RouteTable's.
const TLS_HANDSHAKE = 22;
const TLS_CLIENT_HELLO = 1;
const TPKT_VERSION = 3;

/** First bytes that are read at most; a client that has not named anybody by then is refused. */
export const ASKED_MAX_BYTES = 16 * 1024;

/** What a client's first bytes ask for. Both names null: nobody by name. Names are in lower case. */
export interface Asked {
  /** What they speak, as far as it was told; none: nothing that names anybody. */
  readonly via: 'tls' | 'http' | 'rdp' | 'none';
  readonly host: string | null;
  readonly rdp: string | null;
}

const NONE: Asked = { via: 'none', host: null, rdp: null };

/** null: all bytes so far fit, more are needed. An answer never changes when more bytes follow. */
export function readAskedName(bytes: Buffer): Asked | null {
  const [first] = bytes;
  if (first === undefined) return null;
  if (first === TLS_HANDSHAKE) return readTls(bytes);
  if (first === TPKT_VERSION) return readRdp(bytes);
  return first >= 0x41 && first <= 0x5a ? readHttp(bytes) : NONE;
}

/** A host name as it is compared: lower case, without a final dot; null where it is none. */
function normalHost(text: string): string | null {
  const plain = text.toLowerCase().replace(/\.$/, '');
  return /^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/.test(plain) ? plain : null;
}

// ---------------------------------------------------------------------------------------------- TLS

/** The ClientHello may lie in several records. Source: RFC 8446 sections 5.1 and 4. */
function readTls(bytes: Buffer): Asked | null {
  const fragments: Buffer[] = [];
  let messageBytes = 0;
  for (let at = 0; ; ) {
    if (at + 5 > bytes.length) return fits(bytes.subarray(at)) ? null : tls(null);
    const length = bytes.readUInt16BE(at + 3);
    if (!fits(bytes.subarray(at)) || length === 0 || length > ASKED_MAX_BYTES) return tls(null);
    const fragment = bytes.subarray(at + 5, at + 5 + length);
    fragments.push(fragment);
    messageBytes += fragment.length;
    const message = wholeHello(fragments, messageBytes);
    if (message !== undefined) return message === null ? tls(null) : tls(readHello(message));
    if (fragment.length < length) return null;
    at += 5 + length;
  }
}

/** Whether a record's first bytes are those of a handshake record. */
function fits([type = TLS_HANDSHAKE, major = 3, minor = 0]: Buffer): boolean {
  return type === TLS_HANDSHAKE && major === 3 && minor <= 4;
}

/** The body of a ClientHello; undefined: it is not whole yet; null: it is none. */
function wholeHello(fragments: readonly Buffer[], bytes: number): Buffer | null | undefined {
  const type = fragments[0]?.[0] ?? TLS_CLIENT_HELLO;
  if (type !== TLS_CLIENT_HELLO) return null;
  if (bytes < 4) return undefined;
  const message = fragments.length === 1 ? (fragments[0] as Buffer) : Buffer.concat(fragments);
  const length = message.readUIntBE(1, 3);
  if (length > ASKED_MAX_BYTES) return null;
  return message.length < 4 + length ? undefined : message.subarray(4, 4 + length);
}

/** The host name of a ClientHello's body, or null. Source: RFC 8446 section 4.1.2, RFC 6066 section 3. */
function readHello(body: Buffer): string | null {
  const reader = new Reader(body);
  reader.skip(2 + 32);
  reader.block(1);
  reader.block(2);
  reader.block(1);
  const extensions = new Reader(reader.block(2));
  while (!extensions.isOver) {
    const type = extensions.number(2);
    const data = extensions.block(2);
    if (type === 0) return readServerName(data);
  }
  return null;
}

function readServerName(data: Buffer): string | null {
  const names = new Reader(new Reader(data).block(2));
  while (!names.isOver) {
    const type = names.number(1);
    const name = names.block(2);
    if (type === 0) return normalHost(name.toString('latin1'));
  }
  return null;
}

function tls(host: string | null): Asked {
  return { via: 'tls', host, rdp: null };
}

/** Reads big-endian fields one after the other; what is cut short is empty, and then it is over. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isOver(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  number(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    return this.#at > this.#bytes.length ? -1 : this.#bytes.readUIntBE(at, bytes);
  }

  /** A block behind its own length of so many bytes. */
  block(lengthBytes: number): Buffer {
    const length = this.number(lengthBytes);
    const at = this.#at;
    this.#at = length < 0 ? this.#bytes.length : at + length;
    return length < 0 || this.#at > this.#bytes.length ? Buffer.alloc(0) : this.#bytes.subarray(at, this.#at);
  }
}

// ---------------------------------------------------------------------------------------------- HTTP

/**
 * Waits for the whole head: a second Host would make it unclear who is meant. HTTP/2 in the clear names its host in compressed
 * headers: nobody. Source: RFC 9112 sections 3 and 3.2.
 */
function readHttp(bytes: Buffer): Asked | null {
  const start = bytes.subarray(0, 21).toString('latin1');
  if (!/^[A-Z-]{1,20}(?: |$)/.test(start)) return NONE;
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [line = '', ...fields] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const request = /^[A-Z-]{1,20} (\S+) HTTP\/1\.[01]$/.exec(line);
  if (request === null) return { via: 'http', host: null, rdp: null };
  const hosts = fields.flatMap((field) => /^host:[ \t]*(.*?)[ \t]*$/i.exec(field)?.slice(1) ?? []);
  // An absolute target wins over Host. Source: RFC 9112 section 3.2.2.
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(request[1] as string);
  const authority = absolute?.[1] ?? (hosts.length === 1 ? (hosts[0] as string) : '');
  return { via: 'http', host: normalHost(authority.replace(/:\d*$/, '')), rdp: null };
}

// ---------------------------------------------------------------------------------------------- RDP

const TPKT_HEADER_BYTES = 4;
/** TPKT header and the fixed part of an X.224 Connection Request. */
const REQUEST_FIXED_BYTES = 11;
const CONNECTION_REQUEST = 0xe0;
const COOKIE = 'Cookie: mstshash=';

/**
 * The user of the cookie, else the whole routing token (`loadbalanceinfo` of an .rdp file). Both end with CRLF.
 * Source: [MS-RDPBCGR] 2.2.1.1.
 */
function readRdp(bytes: Buffer): Asked | null {
  if (bytes.length > 1 && bytes[1] !== 0) return NONE;
  if (bytes.length < TPKT_HEADER_BYTES + 2) return null;
  const packetBytes = bytes.readUInt16BE(2);
  const isRequest = ((bytes[5] as number) & 0xf0) === CONNECTION_REQUEST;
  if (!isRequest || packetBytes < REQUEST_FIXED_BYTES || packetBytes > ASKED_MAX_BYTES) return NONE;
  if (bytes.length < packetBytes) return null;
  const rest = bytes.subarray(REQUEST_FIXED_BYTES, packetBytes);
  const end = rest.indexOf('\r\n');
  const line = rest.subarray(0, Math.max(0, end)).toString('latin1');
  const name = (line.startsWith(COOKIE) ? line.slice(COOKIE.length) : line).toLowerCase();
  return { via: 'rdp', host: null, rdp: name === '' ? null : name };
}
