// A printer for tests: an HTTP server of Node's that takes Print-Job and says what it is. Its bytes are built here, not by the code under test.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export const CHARSET = value(0x47, 'attributes-charset', 'utf-8');
export const LANGUAGE = value(0x48, 'attributes-natural-language', 'en-us');

/** One attribute value; without a name it is one more of the last one. */
export function value(tag: number, name: string, content: string | number | Buffer): Buffer {
  const bytes =
    typeof content === 'string' ? Buffer.from(content) : typeof content === 'number' ? int(content) : content;
  return Buffer.concat([Buffer.of(tag), short(name.length), Buffer.from(name), short(bytes.length), bytes]);
}

/** A message; `groups` are bytes with their tags. */
export function ipp(code: number, requestId: number, ...groups: readonly Buffer[]): Buffer {
  const head = Buffer.concat([short(0x0101), short(code), int(requestId)]);
  return Buffer.concat([head, Buffer.of(0x01), CHARSET, LANGUAGE, ...groups, Buffer.of(0x03)]);
}

export const TRUE = Buffer.of(1);
export const FALSE = Buffer.of(0);

function short(number: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(number);
  return bytes;
}

function int(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(number);
  return bytes;
}

/** What it says of itself, after the operation's attributes. */
const DESCRIPTION = [
  Buffer.of(0x04),
  value(0x45, 'printer-uri-supported', 'ipp://paper/ipp/print'),
  value(0x42, 'printer-name', 'paper'),
  value(0x23, 'printer-state', 3),
  value(0x44, 'printer-state-reasons', 'none'),
  value(0x22, 'printer-is-accepting-jobs', TRUE),
  value(0x21, 'queued-job-count', 0),
  value(0x21, 'printer-up-time', 1000),
  value(0x49, 'document-format-supported', 'application/octet-stream'),
  value(0x49, '', 'text/plain'),
  value(0x44, 'compression-supported', 'none'),
  value(0x23, 'operations-supported', 0x02),
  value(0x23, '', 0x04),
  value(0x23, '', 0x05),
  value(0x23, '', 0x06),
  value(0x23, '', 0x09),
  value(0x23, '', 0x0a),
  value(0x23, '', 0x0b),
  value(0x44, 'ipp-versions-supported', '1.1'),
  value(0x44, '', '2.0'),
  value(0x47, 'charset-configured', 'utf-8'),
  value(0x47, 'charset-supported', 'utf-8'),
  value(0x48, 'natural-language-configured', 'en-us'),
  value(0x34, 'media-col-database', Buffer.alloc(0)),
  value(0x37, '', Buffer.alloc(0)),
];

export interface Printed {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

export class IppPrinter {
  readonly jobs: Printed[] = [];
  readonly operations: number[] = [];
  /** Instead of an answer. */
  httpStatus: number | null = null;
  /** Of Print-Job. */
  ippStatus = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<IppPrinter> {
    const printer = new IppPrinter();
    printer.#server.listen(0, '127.0.0.1');
    await once(printer.#server, 'listening');
    return printer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const [operation, requestId] = [body.readUInt16BE(2), body.readInt32BE(4)];
    this.operations.push(operation);
    if (this.httpStatus !== null) return void response.writeHead(this.httpStatus).end();
    response.setHeader('Content-Type', 'application/ipp');
    if (operation === 0x0b) return void response.end(ipp(0, requestId, ...DESCRIPTION));
    if (operation !== 0x02) return void response.end(ipp(0x0406, requestId));
    if (this.ippStatus === 0) this.jobs.push({ request, body });
    const job = [Buffer.of(0x02), value(0x21, 'job-id', this.jobs.length), value(0x23, 'job-state', 9)];
    response.end(ipp(this.ippStatus, requestId, ...(this.ippStatus === 0 ? job : [])));
  }
}
