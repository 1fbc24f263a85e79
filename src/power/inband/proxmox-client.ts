// One Proxmox VE node's HTTP API: questions, requests and tasks, over TLS whose certificate was proven before the token leaves. What they
// are for is others'. Source: Proxmox VE API, "API Tokens" and /nodes/{node}/tasks.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type ClientRequest, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { names } from '../../name-lookup.ts';
import { errorText, TorporError, type TorporErrorCode } from '../../platform/errors.ts';
import type { Clock, PressFence } from '../../platform/ports.ts';
import { passFence } from '../press-fence.ts';

/** Bound on one question: the API asks the cluster before it answers. */
export const PROXMOX_BOUND_MS = 10_000;
/** Pause between two looks at a task. */
const TASK_LOOK_MS = 500;
/** A task is looked at again this often although the API did not answer: pveproxy restarts its workers. */
const TASK_LOOKS_WITHOUT_ANSWER = 10;
/** The list of a node's VMs is a few hundred bytes each. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/**
 * The node that was meant did not answer whoever passed the question on, which may have arrived all the same: a gateway's codes, and
 * those that pveproxy takes from its HTTP client. Source: RFC 9110 sections 15.6.3 and 15.6.5; AnyEvent::HTTP, pseudo-headers.
 */
const LOST_BETWEEN: ReadonlySet<number> = new Set([502, 504, 595, 596, 597, 598, 599]);

/** Whom to trust. fingerprint: SHA-256 of the certificate in lower-case hexadecimal digits. */
export type ProxmoxTrust =
  | { readonly kind: 'system' }
  | { readonly kind: 'ca'; readonly path: string }
  | { readonly kind: 'fingerprint'; readonly sha256: string };

export interface ProxmoxClientOptions {
  /** Origin. `http:` only on loopback: the configuration sees to that. */
  readonly url: string;
  readonly node: string;
  readonly tokenId: string;
  readonly tokenSecret: string;
  readonly tls: ProxmoxTrust;
  readonly clock: Clock;
}

type Method = 'GET' | 'POST' | 'DELETE';

export class ProxmoxClient {
  /** For people: `Proxmox pve-1 at https://pve-1:8006`. */
  readonly name: string;
  readonly node: string;
  readonly #options: ProxmoxClientOptions;
  /** Private, so that no printing of the client shows it. */
  readonly #authorization: string;

  constructor(options: ProxmoxClientOptions) {
    this.#options = options;
    this.node = options.node;
    this.name = `Proxmox ${options.node} at ${options.url}`;
    this.#authorization = `PVEAPIToken=${options.tokenId}=${options.tokenSecret}`;
  }

  /** The `data` of an answer. `path` is meant from /api2/json; rejects with a TorporError whose code says what is wrong. */
  async get(path: string, signal: AbortSignal): Promise<unknown> {
    return await this.#ask('GET', path, null, signal);
  }

  /** Sent once and never repeated; not at all where the fence is shut once the connection stands: ERR_POWER_FENCED. */
  async post(
    path: string,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
    fence?: PressFence,
  ): Promise<unknown> {
    return await this.#ask('POST', path, new URLSearchParams(parameters).toString(), signal, fence);
  }

  /** Asks for a task's end. Resolves when that was taken; when it has ended `taskEnds` tells. */
  async stopTask(upid: string, signal: AbortSignal): Promise<void> {
    await this.#ask('DELETE', this.nodePath(`/tasks/${encodeURIComponent(upid)}`), null, signal);
  }

  /** A path below this node: `/nodes/pve-1/qemu`. */
  nodePath(below: string): string {
    return `/nodes/${encodeURIComponent(this.node)}${below}`;
  }

  /** Waits for a task to end; rejects with ERR_HYPERVISOR_REFUSED and the task's own words where it did not end well. */
  async taskEnds(upid: unknown, signal: AbortSignal): Promise<void> {
    if (typeof upid !== 'string' || !upid.startsWith('UPID:')) throw this.#protocolError('answered with no task');
    let unanswered = 0;
    for (;;) {
      signal.throwIfAborted();
      try {
        const status = await this.get(this.nodePath(`/tasks/${encodeURIComponent(upid)}/status`), signal);
        unanswered = 0;
        const { status: state, exitstatus } = asRecord(status);
        if (state === 'stopped') {
          if (exitstatus === 'OK' || String(exitstatus).startsWith('WARNINGS')) return;
          throw new TorporError('ERR_HYPERVISOR_REFUSED', `${this.name}: the task failed: ${String(exitstatus)}`);
        }
      } catch (thrown) {
        unanswered += 1;
        const isLost = thrown instanceof TorporError && thrown.retryable && unanswered < TASK_LOOKS_WITHOUT_ANSWER;
        if (!isLost) throw thrown;
      }
      await new Promise<void>((resolve) => this.#options.clock.schedule(TASK_LOOK_MS, resolve));
    }
  }

  async #ask(
    method: Method,
    path: string,
    body: string | null,
    signal: AbortSignal,
    fence?: PressFence,
  ): Promise<unknown> {
    const bound = new AbortController();
    const cancel = this.#options.clock.schedule(PROXMOX_BOUND_MS, () => bound.abort());
    try {
      const answer = await this.#exchange(method, path, body, AbortSignal.any([signal, bound.signal]), fence);
      return this.#readAnswer(method, path, answer);
    } catch (thrown) {
      if (thrown instanceof TorporError) throw thrown;
      const why = bound.signal.aborted ? `no answer within ${PROXMOX_BOUND_MS / 1000} s` : errorText(thrown);
      const message = `${this.name} cannot be reached: ${why}`;
      throw new TorporError('ERR_HYPERVISOR_UNREACHABLE', message, { retryable: true, cause: thrown });
    } finally {
      cancel();
    }
  }

  async #exchange(
    method: Method,
    path: string,
    body: string | null,
    signal: AbortSignal,
    fence?: PressFence,
  ): Promise<Answer> {
    const url = new URL(`/api2/json${path}`, this.#options.url);
    const headers = {
      authorization: this.#authorization,
      accept: 'application/json',
      ...(body === null
        ? {}
        : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }),
    };
    const options = { method, headers, signal };
    if (url.protocol === 'http:') {
      passFence(fence);
      return await readWhole(requestHttp(url, { ...options, agent: false }), body);
    }
    const socket = await this.#openTls(url, signal);
    try {
      passFence(fence);
    } catch (thrown) {
      socket.destroy();
      throw thrown;
    }
    // With an agent, even one of its own, Node would open another connection: one that nobody has proven.
    return await readWhole(requestHttps(url, { ...options, createConnection: () => socket }), body);
  }

  /** A connection whose other end is proven; nothing was sent on it. */
  async #openTls(url: URL, signal: AbortSignal): Promise<TLSSocket> {
    const { tls } = this.#options;
    const ca = tls.kind === 'ca' ? await readFile(tls.path) : undefined;
    signal.throwIfAborted();
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const isAddress = /^[\d.]+$|:/.test(host);
    return await new Promise((resolve, reject) => {
      const socket = connect({
        host,
        port: Number(url.port === '' ? 443 : url.port),
        lookup: names.lookup,
        // A pinned certificate is judged below, whoever signed it.
        rejectUnauthorized: tls.kind !== 'fingerprint',
        minVersion: 'TLSv1.2',
        ...(isAddress ? {} : { servername: host }),
        ...(ca === undefined ? {} : { ca }),
      });
      const end = (thrown: unknown) => {
        signal.removeEventListener('abort', onAbort);
        socket.destroy();
        reject(thrown);
      };
      const onAbort = () => end(new Error('was called off'));
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('error', (error) => end(this.#explainTls(error)));
      socket.once('secureConnect', () => {
        const problem = tls.kind === 'fingerprint' ? this.#pinProblem(socket, tls.sha256) : null;
        if (problem !== null) return end(problem);
        signal.removeEventListener('abort', onAbort);
        socket.removeAllListeners('error');
        resolve(socket);
      });
    });
  }

  #pinProblem(socket: TLSSocket, pinned: string): TorporError | null {
    const raw = socket.getPeerX509Certificate()?.raw;
    const seen = raw === undefined ? '' : createHash('sha256').update(raw).digest('hex');
    if (seen === pinned) return null;
    const message = `${this.name} shows another certificate than the pinned one: ${colons(seen)}; if it was renewed, write that one, else somebody stands in between`;
    return new TorporError('ERR_HYPERVISOR_AUTHENTICATION', message);
  }

  #explainTls(error: Error): Error {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!/CERT|ISSUER|SIGNATURE|ALTNAME/.test(code)) return error;
    const advice = 'give tls its ca (/etc/pve/pve-root-ca.pem of the cluster) or fingerprint (pvenode cert info)';
    return new TorporError(
      'ERR_HYPERVISOR_AUTHENTICATION',
      `the certificate of ${this.name} is not trusted (${code}): ${advice}`,
    );
  }

  #readAnswer(method: Method, path: string, { status, reason, body }: Answer): unknown {
    if (status === 200) {
      try {
        return asRecord(JSON.parse(body)).data;
      } catch {
        throw this.#protocolError(`answered ${method} ${path} with no JSON`);
      }
    }
    // Proxmox puts its own words into the reason phrase, and what is wrong with parameters into the body.
    const words = [reason.trim(), parameterErrors(body)].filter((text) => text !== '').join(': ');
    const message = `${this.name}: ${method} ${path}: ${status} ${words}`;
    if (status === 401) {
      throw new TorporError('ERR_HYPERVISOR_AUTHENTICATION', `${message}: look at tokenId and the token's secret`);
    }
    if (status === 403) {
      throw new TorporError('ERR_HYPERVISOR_AUTHENTICATION', `${message}: give the token the privilege it names`);
    }
    const code: TorporErrorCode = LOST_BETWEEN.has(status) ? 'ERR_HYPERVISOR_UNREACHABLE' : 'ERR_HYPERVISOR_REFUSED';
    throw new TorporError(code, message, { retryable: LOST_BETWEEN.has(status) || status === 503 });
  }

  #protocolError(what: string): TorporError {
    return new TorporError(
      'ERR_HYPERVISOR_PROTOCOL',
      `${this.name} ${what}: look at the url, its port is usually 8006`,
    );
  }
}

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly body: string;
}

function readWhole(asked: ClientRequest, body: string | null): Promise<Answer> {
  return new Promise((resolve, reject) => {
    asked.on('error', reject);
    asked.once('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BODY_BYTES) asked.destroy(new Error(`its answer is longer than ${MAX_BODY_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.once('end', () => {
        const { statusCode = 0, statusMessage = '' } = response;
        resolve({ status: statusCode, reason: statusMessage, body: Buffer.concat(chunks).toString() });
      });
      response.once('close', () => {
        if (!response.complete) reject(new Error('the connection ended within an answer'));
      });
    });
    asked.end(body ?? undefined);
  });
}

function parameterErrors(body: string): string {
  try {
    return Object.entries(asRecord(asRecord(JSON.parse(body)).errors))
      .map(([name, problem]) => `${name}: ${String(problem).trim()}`)
      .join('; ');
  } catch {
    return '';
  }
}

/** An object's fields, or none where it is no object. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function colons(hex: string): string {
  return hex === '' ? 'none' : hex.toUpperCase().replace(/(..)(?=.)/g, '$1:');
}
