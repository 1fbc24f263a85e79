// The port to a BMC over TLS: connections that are proven before a byte of HTTP leaves, kept ones for reading, one of its own for a press. No repeat but of what is repeatable.
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect as connectPlain, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { names } from '../../name-lookup.ts';
import { errorText, TorporError } from '../../platform/errors.ts';
import type { Clock } from '../../platform/ports.ts';
import { passFence } from '../press-fence.ts';
import type { HttpAnswer, HttpPort, HttpQuestion } from './http-port.ts';
import { refuseUntrusted, type TlsTrust, tlsOptions } from './tls-trust.ts';
import { Turnstile } from './turnstile.ts';

/** An iDRAC's system resource has 20 KB; what is longer than this is not read to its end. */
export const MAX_BODY_BYTES = 2 * 1024 * 1024;
const MAX_HEADER_BYTES = 32 * 1024;
/** BMCs serve few connections at once; two let state and watts be read side by side. */
const MAX_CONNECTIONS = 2;
/** And one beside them for a wake. */
const MAX_CONNECTIONS_WITH_WAKE = MAX_CONNECTIONS + 1;

export interface HttpBounds {
  /** From the first packet to the proven connection, milliseconds. TLS takes a slow BMC a second or two. */
  readonly connectMs: number;
  /** From the sent question to the whole answer, milliseconds. */
  readonly answerMs: number;
}

export const DEFAULT_HTTP_BOUNDS: HttpBounds = { connectMs: 10_000, answerMs: 30_000 };

export interface HttpsPortOptions {
  readonly host: string;
  readonly port: number;
  readonly trust: TlsTrust;
  readonly clock: Clock;
  readonly bounds?: Partial<HttpBounds> | undefined;
}

/** Refused by the kept connection that the BMC had closed: nothing was read, and asking again is safe for what is repeatable. */
class StaleConnection extends Error {}

const SECURITY: Readonly<Record<TlsTrust['kind'], string>> = {
  system: 'TLS, certificate of an authority that this system trusts',
  ca: 'TLS, certificate of the given authority',
  fingerprint: 'TLS, certificate pinned',
  none: 'plain HTTP on loopback',
};

export class HttpsPort implements HttpPort {
  readonly peer: string;
  readonly host: string;
  readonly security: string;
  readonly #options: HttpsPortOptions;
  readonly #bounds: HttpBounds;
  readonly #agent: Agent;
  /** Node's agent counts connections only once they stand. */
  readonly #turnstile: Turnstile;

  constructor(options: HttpsPortOptions) {
    const { host, port, trust } = options;
    this.host = host;
    this.peer = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.security = SECURITY[trust.kind];
    this.#options = options;
    this.#bounds = { ...DEFAULT_HTTP_BOUNDS, ...options.bounds };
    this.#turnstile = new Turnstile(MAX_CONNECTIONS, `BMC ${this.peer}`);
    this.#agent = new ProvenAgent((signal) => this.#open(signal));
  }

  async ask(question: HttpQuestion, signal: AbortSignal): Promise<HttpAnswer> {
    if (question.delivery === 'once') return await this.#askOnce(question, signal);
    // A wake does not queue behind a reading that hangs.
    if (question.method === 'POST') return await this.#askKept(question, signal);
    try {
      return await this.#turnstile.pass(() => this.#askKept(question, signal), signal);
    } catch (thrown) {
      throw signal.aborted && thrown === signal.reason ? this.#givenUp(signal) : thrown;
    }
  }

  async #askKept(question: HttpQuestion, signal: AbortSignal): Promise<HttpAnswer> {
    try {
      return await this.#exchange(question, { agent: this.#agent }, signal);
    } catch (thrown) {
      if (!(thrown instanceof StaleConnection)) throw thrown;
      return await this.#askOnce(question, signal);
    }
  }

  async #askOnce(question: HttpQuestion, signal: AbortSignal): Promise<HttpAnswer> {
    const socket = await this.#open(signal);
    try {
      passFence(question.fence);
    } catch (thrown) {
      socket.destroy();
      throw thrown;
    }
    return await this.#exchange(question, { createConnection: () => socket }, signal).finally(() => socket.destroy());
  }

  close(): void {
    this.#agent.destroy();
  }

  // ------------------------------------------------------------------------------------ connections

  /** A connection whose other end is proven. Nothing was sent on it. */
  #open(signal: AbortSignal): Promise<Socket> {
    const { host, port, trust, clock } = this.#options;
    const { lookup } = names;
    return new Promise((resolve, reject) => {
      const socket =
        trust.kind === 'none'
          ? connectPlain({ host, port, lookup, noDelay: true })
          : connectTls({ host, port, lookup, ...tlsOptions(trust, host) });
      const end = (thrown: unknown) => {
        settle();
        socket.destroy();
        reject(thrown);
      };
      const cancelTimer = clock.schedule(this.#bounds.connectMs, () =>
        end(this.#silent('no connection', this.#bounds.connectMs)),
      );
      const onAbort = () => end(this.#givenUp(signal));
      const onError = (error: Error) => end(this.#unreachable(error));
      const onClose = () => end(this.#unreachable(new Error('it closed the connection')));
      const settle = () => {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        socket.removeListener('close', onClose);
        socket.removeListener('error', onError);
        socket.on('error', () => {});
      };
      socket.on('error', onError).on('close', onClose);
      socket.once(trust.kind === 'none' ? 'connect' : 'secureConnect', () => {
        try {
          if (trust.kind !== 'none') refuseUntrusted(socket as Parameters<typeof refuseUntrusted>[0], trust, this.peer);
          settle();
          socket.setNoDelay(true);
          resolve(socket);
        } catch (thrown) {
          end(thrown);
        }
      });
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  // ------------------------------------------------------------------------------------ question and answer

  #exchange(
    question: HttpQuestion,
    by: { readonly agent: Agent } | { readonly createConnection: () => Socket },
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { host, port, clock, trust } = this.#options;
    const { method, path, headers, body } = question;
    return new Promise((resolve, reject) => {
      const asked = request({
        ...{ ...by, host, port, method, path, headers: withLength(headers, body), signal: undefined },
        ...{ defaultPort: trust.kind === 'none' ? 80 : 443, maxHeaderSize: MAX_HEADER_BYTES },
      });
      const cancelTimer = clock.schedule(this.#bounds.answerMs, () =>
        end(this.#silent('no answer', this.#bounds.answerMs)),
      );
      const onAbort = () => end(this.#givenUp(signal));
      const settle = () => {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
      };
      const end = (thrown: unknown) => {
        settle();
        asked.destroy();
        reject(thrown);
      };
      asked.once('socket', () => question.onSent?.());
      asked.on('error', (error) => end(this.#explain(error, asked)));
      // Without a listener Node answers an upgrade that nobody asked for by cutting the connection: here it says so.
      asked.once('upgrade', (_, socket: Duplex) => {
        socket.destroy();
        end(new TorporError('ERR_REDFISH_PROTOCOL', `${this.peer} switched to another protocol at ${method} ${path}`));
      });
      asked.once('response', (answer) => {
        readAnswer(answer, (whole) => {
          settle();
          resolve(whole);
        });
      });
      if (signal.aborted) onAbort();
      else {
        signal.addEventListener('abort', onAbort, { once: true });
        asked.end(body ?? undefined);
      }
    });
  }

  #explain(error: Error, asked: ClientRequest): unknown {
    if (error instanceof TorporError) return error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (asked.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')) return new StaleConnection();
    if (code.startsWith('HPE_')) {
      const text = `${this.peer} does not answer in HTTP (${code}): look at the port, 443 on most BMCs`;
      return new TorporError('ERR_REDFISH_PROTOCOL', text, { cause: error });
    }
    return this.#unreachable(error);
  }

  #unreachable(error: Error): TorporError {
    if (error instanceof TorporError) return error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const plainHttp = code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG';
    const why = plainHttp ? 'it speaks no TLS on that port' : errorText(error) || code;
    const text = `BMC ${this.peer} cannot be spoken to: ${why}`;
    return new TorporError('ERR_REDFISH_UNREACHABLE', text, { retryable: true, cause: error });
  }

  #silent(what: string, boundMs: number): TorporError {
    const text = `BMC ${this.peer}: ${what} within ${boundMs / 1000} s`;
    return new TorporError('ERR_REDFISH_TIMEOUT', text, { retryable: true });
  }

  #givenUp(signal: AbortSignal): unknown {
    if (signal.reason instanceof TorporError) return signal.reason;
    const text = `BMC ${this.peer} was given up before it answered: the time its caller allowed is over`;
    return new TorporError('ERR_REDFISH_TIMEOUT', text, { retryable: true });
  }
}

/** An agent whose connections are proven before it hands them out. It keeps two, and none that a press uses. */
class ProvenAgent extends Agent {
  readonly #open: (signal: AbortSignal) => Promise<Socket>;
  readonly #closing = new AbortController();

  constructor(open: (signal: AbortSignal) => Promise<Socket>) {
    const most = { maxSockets: MAX_CONNECTIONS_WITH_WAKE, maxFreeSockets: MAX_CONNECTIONS };
    super({ keepAlive: true, ...most, scheduling: 'lifo' });
    this.#open = open;
  }

  override createConnection(_options: object, callback?: (error: Error | null, socket: Duplex) => void): undefined {
    this.#open(this.#closing.signal).then(
      (socket) => callback?.(null, socket),
      (thrown: Error) => callback?.(thrown, undefined as unknown as Duplex),
    );
  }

  override destroy(): void {
    this.#closing.abort();
    super.destroy();
  }
}

function withLength(headers: Readonly<Record<string, string>>, body: string | null): Record<string, string | number> {
  return body === null ? { ...headers } : { ...headers, 'Content-Length': Buffer.byteLength(body) };
}

/** Calls back exactly once, with what arrived: an answer that breaks off still has a status. */
function readAnswer(answer: IncomingMessage, done: (answer: HttpAnswer) => void): void {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let ended = false;
  const end = (bodyProblem: string | null) => {
    if (ended) return;
    ended = true;
    const body = Buffer.concat(chunks);
    done({ status: answer.statusCode ?? 0, headers: plainHeaders(answer), body, bodyProblem });
  };
  answer.on('data', (chunk: Uint8Array) => {
    if (ended) return;
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    else {
      end(`it is longer than ${MAX_BODY_BYTES / 1024 ** 2} MiB`);
      answer.destroy();
    }
  });
  answer.once('end', () => end(answer.complete ? encodingProblem(answer) : 'it breaks off'));
  answer.once('error', () => end('it breaks off'));
  answer.once('close', () => end('it breaks off'));
}

/** Plain bytes were asked for; what comes compressed is not unpacked. */
function encodingProblem(answer: IncomingMessage): string | null {
  const encoding = answer.headers['content-encoding'] ?? 'identity';
  return encoding === 'identity' ? null : 'it is compressed, though plain text was asked for';
}

function plainHeaders(answer: IncomingMessage): Record<string, string | undefined> {
  const entries = Object.entries(answer.headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value[0] : value,
  ]);
  return Object.fromEntries(entries);
}
