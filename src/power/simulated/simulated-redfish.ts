// A simulated Redfish service over HTTPS, beside the simulated BMC: lets users in, answers questions, presses on its machine, and fails on request. For trying and testing only.
import { randomUUID } from 'node:crypto';
import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { errorText, TorporError } from '../../platform/errors.ts';
import type { Clock, Logger } from '../../platform/ports.ts';
import {
  baseRefusal,
  emptyAnswer,
  etagOf,
  jsonAnswer,
  type RedfishAnswer,
  type RedfishRequest,
  refusalAnswer,
  resourceAnswer,
} from './redfish-answer.ts';
import { type ProfileRefusal, type RedfishProfile, STANDARD_PROFILE } from './redfish-profiles.ts';
import { RedfishSessions } from './redfish-sessions.ts';
import { RedfishTasks } from './redfish-tasks.ts';
import { PRIVILEGES, type RedfishMachine, RedfishTree, type RedfishUser } from './redfish-tree.ts';

/** PEM of the service's key and certificate. */
export interface RedfishTls {
  readonly key: string;
  readonly cert: string;
}

/** Change them at any time; they act on the next request. */
export interface RedfishFaults {
  /** Each answer is this late. */
  delayMs: number;
  /** Receives and never answers. Login is not excepted. */
  silent: boolean;
  /** Receives actions and neither carries them out nor answers. */
  silentDeeds: boolean;
  /** Acts, but the connection breaks before the answer to an action. */
  losesDeedAnswers: boolean;
  /** The connection breaks when an action arrives, before anything is done. */
  resetsAtDeeds: boolean;
  /** So many requests are answered with 503 and Retry-After before one is served. */
  busyAnswers: number;
  retryAfterSeconds: number;
  /** Path (without slash at its end) to the status it is answered with, whoever asks. */
  readonly refuse: Map<string, number>;
  /** Tasks end in an Exception. */
  failsTasks: boolean;
  taskMs: number;
}

export interface SimulatedRedfishOptions {
  readonly machine: RedfishMachine;
  readonly clock: Clock;
  readonly users: readonly RedfishUser[];
  /** Address to bind, default 127.0.0.1. */
  readonly host?: string | undefined;
  /** 0 (default): any free port. */
  readonly port?: number | undefined;
  /** Null (default): plain HTTP, on loopback only. */
  readonly tls?: RedfishTls | null | undefined;
  readonly profile?: RedfishProfile | undefined;
  /** Further systems that it lists, by Id. */
  readonly otherSystems?: readonly string[] | undefined;
  readonly log?: Logger | undefined;
}

const MAX_BODY_BYTES = 64 * 1024;
const MAX_RECORDED = 10_000;

export class SimulatedRedfish {
  readonly faults: RedfishFaults = {
    ...{ delayMs: 0, silent: false, silentDeeds: false, losesDeedAnswers: false, resetsAtDeeds: false, busyAnswers: 0 },
    ...{ retryAfterSeconds: 1, refuse: new Map(), failsTasks: false, taskMs: 0 },
  };
  /** `METHOD path` of every request that arrived, the first ten thousand. */
  readonly requests: string[] = [];
  readonly #options: SimulatedRedfishOptions;
  readonly #profile: RedfishProfile;
  readonly #sessions: RedfishSessions;
  readonly #tasks: RedfishTasks;
  readonly #tree: RedfishTree;
  readonly #resets: string[] = [];
  #users: readonly RedfishUser[];
  #server: Server | TlsServer | null = null;

  constructor(options: SimulatedRedfishOptions) {
    const { clock, machine, users, otherSystems = [], profile = STANDARD_PROFILE } = options;
    this.#options = options;
    this.#users = users;
    this.#profile = profile;
    this.#sessions = new RedfishSessions(clock, profile.maxSessions);
    this.#tasks = new RedfishTasks(clock);
    const uuid = randomUUID();
    this.#tree = new RedfishTree({
      profile,
      machine,
      users,
      otherSystems,
      uuid,
      sessions: this.#sessions,
      tasks: this.#tasks,
    });
  }

  /** Known after `start`. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? this.#options.port ?? 0;
  }

  /** Sessions that are open now. */
  get sessionCount(): number {
    return this.#sessions.list().length;
  }

  get sessionsMade(): number {
    return this.#sessions.made;
  }

  /** ResetTypes that were carried out, in order. */
  get resets(): readonly string[] {
    return this.#resets;
  }

  /** As an administrator does: the next login needs it, sessions that are open go on. */
  changePassword(name: string, password: string): void {
    this.#users = this.#users.map((user) => (user.name === name ? { ...user, password } : user));
  }

  /** As a BMC restart does: every session is forgotten. The machine is not touched. */
  restart(): void {
    this.#sessions.clear();
  }

  /** Cuts every connection, as a BMC does with those it finds idle. */
  dropConnections(): void {
    this.#server?.closeAllConnections();
  }

  /** Serves another certificate from the next connection on. */
  changeCertificate(tls: RedfishTls): void {
    (this.#server as TlsServer | null)?.setSecureContext(tls);
  }

  /** Rejects with ERR_REDFISH_LISTEN where the port cannot be had. */
  async start(): Promise<void> {
    const { host = '127.0.0.1', port = 0, tls = null } = this.#options;
    const server = tls === null ? createPlainServer() : createTlsServer(tls);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response).catch((thrown: unknown) => {
        this.#options.log?.debug({ error: errorText(thrown) }, 'simulated Redfish service: request broke off');
        response.destroy();
      });
    });
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve, reject) => {
      server.once('error', (thrown) => {
        const text = `simulated Redfish service cannot listen on TCP ${host}:${port}: ${errorText(thrown)}; choose another port or stop what uses it`;
        reject(new TorporError('ERR_REDFISH_LISTEN', text, { cause: thrown }));
      });
      server.listen(port, host, () => resolve());
    });
    this.#server = server;
  }

  /** Ends all connections; the port is refused from then on. Idempotent. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.#sessions.clear();
    if (server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  // ------------------------------------------------------------------------------------ the wire

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(message);
    const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, String(value)]));
    const answer = this.answerRequest({ method: message.method ?? 'GET', path: message.url ?? '/', headers, body });
    if (answer === 'never') return;
    const send = () => {
      if (answer === null) response.destroy();
      else if (!response.destroyed) response.writeHead(answer.status, answer.headers).end(answer.body);
    };
    if (this.faults.delayMs > 0) this.#options.clock.schedule(this.faults.delayMs, send);
    else send();
  }

  /** What the service does with one request, faults included: its answer, null for a broken connection, or never. For other wires than HTTP. */
  answerRequest(request: RedfishRequest): RedfishAnswer | null | 'never' {
    const { faults } = this;
    const path = request.path.split('?')[0] as string;
    if (this.requests.length < MAX_RECORDED) this.requests.push(`${request.method} ${path}`);
    if (faults.silent) return 'never';
    const isDeed = request.method === 'POST' && isSame(path, this.#tree.resetTarget);
    if (isDeed && faults.resetsAtDeeds) return null;
    if (isDeed && faults.silentDeeds) return 'never';
    if (faults.busyAnswers > 0) {
      faults.busyAnswers -= 1;
      const busy = baseRefusal(503, 'ServiceTemporarilyUnavailable', 'The service is temporarily unavailable.');
      return this.#refuse(busy, { 'Retry-After': String(faults.retryAfterSeconds) });
    }
    const refusedWith = faults.refuse.get(path.replace(/\/+$/, ''));
    if (refusedWith !== undefined)
      return this.#refuse(baseRefusal(refusedWith, 'InternalError', 'The request failed.'));
    const answer = this.#answer(request, path);
    return isDeed && faults.losesDeedAnswers ? null : answer;
  }

  // ------------------------------------------------------------------------------------ answers

  #answer(request: RedfishRequest, path: string): RedfishAnswer {
    const { method } = request;
    if (this.#profile.trailingSlash && !path.endsWith('/') && path !== '/redfish')
      return emptyAnswer(308, { Location: `${path}/` });
    const isRoot = ['/redfish', '/redfish/v1'].some((open) => isSame(path, open));
    if (method === 'POST' && isSame(path, this.#profile.sessionsPath)) return this.#logIn(request);
    const user = this.#userOf(request);
    if (user === null && !(method === 'GET' && isRoot)) return this.#unauthorized();
    if (method === 'GET' || method === 'HEAD') return this.#read(request, path);
    if (user === null) return this.#unauthorized();
    if (method === 'POST' && isSame(path, this.#tree.resetTarget)) return this.#reset(request, user);
    if (method === 'DELETE') return this.#logOut(path);
    if (method === 'PATCH' && isSame(path, this.#tree.systemPath)) return this.#patch(request, user);
    return this.#refuse(baseRefusal(405, 'OperationNotAllowed', 'The HTTP method is not allowed on this resource.'));
  }

  #read(request: RedfishRequest, path: string): RedfishAnswer {
    const monitor = this.#tasks.monitor(path.replace(/\/+$/, ''));
    if (monitor !== null) {
      const headers = { 'Retry-After': '1' };
      return monitor.running ? jsonAnswer(202, monitor.resource, headers) : jsonAnswer(200, monitor.resource);
    }
    const resource = this.#tree.at(path);
    if (resource === null)
      return this.#refuse(
        baseRefusal(404, 'ResourceMissingAtURI', `The resource at the URI ${path} was not found.`, path),
      );
    return resourceAnswer(resource, request.headers['if-none-match']);
  }

  #logIn(request: RedfishRequest): RedfishAnswer {
    const given = parseBody(request);
    const user = this.#users.find(({ name, password }) => name === given?.UserName && password === given?.Password);
    if (user === undefined) return this.#unauthorized();
    const session = this.#sessions.open(user.name);
    if (session === null) return this.#refuse(this.#profile.sessionsFull);
    const path = `${this.#profile.sessionsPath}/${session.id}`;
    return jsonAnswer(201, this.#tree.at(path) ?? {}, {
      'X-Auth-Token': session.token,
      Location: this.#location(path, request),
    });
  }

  #logOut(path: string): RedfishAnswer {
    const base = `${this.#profile.sessionsPath}/`;
    const id = path.replace(/\/+$/, '').slice(base.length);
    if (path.startsWith(base) && this.#sessions.close(id)) return emptyAnswer(204);
    return this.#refuse(baseRefusal(404, 'ResourceMissingAtURI', 'The resource was not found.'));
  }

  #patch(request: RedfishRequest, user: RedfishUser): RedfishAnswer {
    if (!mayConfigure(user)) return this.#forbidden();
    const match = request.headers['if-match'];
    const etag = etagOf(this.#tree.at(this.#tree.systemPath) ?? {});
    if (match !== undefined && match !== etag)
      return this.#refuse(
        baseRefusal(
          412,
          'PreconditionFailed',
          'The ETag supplied did not match the ETag required to change this resource.',
        ),
      );
    const tag = parseBody(request)?.AssetTag;
    if (typeof tag !== 'string')
      return this.#refuse(baseRefusal(400, 'PropertyMissing', 'AssetTag is the only property that may be changed.'));
    this.#tree.assetTag = tag;
    return emptyAnswer(204);
  }

  // ------------------------------------------------------------------------------------ the deed

  #reset(request: RedfishRequest, user: RedfishUser): RedfishAnswer {
    if (!mayConfigure(user)) return this.#forbidden();
    if (this.#profile.refusesIfMatch && request.headers['if-match'] !== undefined)
      return this.#refuse(
        baseRefusal(
          412,
          'PreconditionFailed',
          'The ETag supplied did not match the ETag required to change this resource.',
        ),
      );
    const resetType = parseBody(request)?.ResetType;
    if (typeof resetType !== 'string' || !this.#profile.resetTypes.includes(resetType)) {
      const text = `The value ${String(resetType)} for the parameter ResetType is not in the list of acceptable values.`;
      return this.#refuse(baseRefusal(400, 'ActionParameterValueNotInList', text, String(resetType), 'ResetType'));
    }
    const { machine } = this.#options;
    const { alreadyOn } = this.#profile;
    if (resetType === 'On' && machine.powerBit() && alreadyOn !== null) return this.#refuse(alreadyOn);
    this.#resets.push(resetType);
    carryOut(resetType, machine);
    return this.#taken(request);
  }

  #taken(request: RedfishRequest): RedfishAnswer {
    const { actionAnswer } = this.#profile;
    if (actionAnswer === 204) return emptyAnswer(204);
    if (actionAnswer === 202) {
      const { monitor, resource } = this.#tasks.add(this.faults.taskMs, this.faults.failsTasks);
      return jsonAnswer(202, resource, { Location: this.#location(monitor, request), 'Retry-After': '1' });
    }
    return jsonAnswer(200, {
      error: {
        code: 'Base.1.4.Success',
        message: 'Successfully Completed Request',
        '@Message.ExtendedInfo': [{ MessageId: 'Base.1.4.Success' }],
      },
    });
  }

  // ------------------------------------------------------------------------------------ who asks

  #userOf({ headers }: RedfishRequest): RedfishUser | null {
    const users = this.#users;
    const session = this.#sessions.byToken(headers['x-auth-token'] ?? '');
    if (session !== null) return users.find(({ name }) => name === session.userName) ?? null;
    const pair = Buffer.from(
      /^Basic ([A-Za-z0-9+/=]+)$/.exec(headers.authorization ?? '')?.[1] ?? '',
      'base64',
    ).toString();
    return users.find(({ name, password }) => pair === `${name}:${password}`) ?? null;
  }

  #unauthorized(): RedfishAnswer {
    const realm = { 'WWW-Authenticate': 'Basic realm="RedfishService"' };
    if (this.#profile.htmlUnauthorized) {
      return {
        status: 401,
        headers: { ...realm, 'Content-Type': 'text/html' },
        body: '<html><body>Unauthorized</body></html>',
      };
    }
    return this.#refuse(
      baseRefusal(401, 'NoValidSession', 'There is no valid session established with the implementation.'),
      realm,
    );
  }

  #forbidden(): RedfishAnswer {
    return this.#refuse(
      baseRefusal(
        403,
        'InsufficientPrivilege',
        'There are insufficient privileges for the account to perform the request.',
      ),
    );
  }

  #refuse(refusal: ProfileRefusal, headers: Readonly<Record<string, string>> = {}): RedfishAnswer {
    return refusalAnswer(this.#profile, refusal, headers);
  }

  /** An absolute one carries the name by which the service was asked. */
  #location(path: string, request: RedfishRequest): string {
    const slash = this.#profile.trailingSlash && !path.endsWith('/') ? '/' : '';
    return `${this.#profile.location === 'absolute' ? `https://${request.headers.host ?? 'bmc.example'}` : ''}${path}${slash}`;
  }
}

/** GracefulShutdown is the power button, as Lenovo's documents say of theirs. */
function carryOut(resetType: string, machine: RedfishMachine): void {
  if (resetType === 'On' || resetType === 'ForceOn') machine.powerOn();
  else if (resetType === 'PushPowerButton' || resetType === 'GracefulShutdown') machine.pressPowerButton();
  else if (resetType === 'Suspend') machine.hibernate();
  else if (resetType === 'ForceOff') machine.powerOff();
  else if (resetType.endsWith('Restart') || resetType === 'PowerCycle') machine.reset();
}

function mayConfigure(user: RedfishUser): boolean {
  return PRIVILEGES[user.role].includes('ConfigureComponents');
}

function isSame(one: string, other: string): boolean {
  return one.replace(/\/+$/, '') === other.replace(/\/+$/, '');
}

function parseBody({ body }: RedfishRequest): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

async function readBody(message: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error('the request is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
