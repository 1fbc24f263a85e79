// The HTTP API over a farm as a fastify instance: routes behind guards, errors as problem details. Listening is start-api.ts's.
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { errorText, TorporError } from '../platform/errors.ts';
import type { HistoryReader } from '../platform/history.ts';
import type { MetricsPage } from '../platform/metrics.ts';
import type { Logger } from '../platform/ports.ts';
import type { Farm } from '../platform/status.ts';
import { Access, type Caller, type Need } from './access.ts';
import { type GuardedRequest, refuseWebPages } from './browser-guard.ts';
import type { DashboardFile } from './dashboard-files.ts';
import { buildOpenApi } from './openapi.ts';
import { PROBLEM_TYPE, RequestRefused, toProblem } from './problem.ts';
import type { RouteContext } from './route.ts';
import { ROUTES } from './routes.ts';
import { DATA_HEADERS, FILE_HEADERS } from './secure-headers.ts';
import type { TokenStore } from './token-store.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may ask; left out: everybody. */
    need?: Need;
  }
}

/** Certificate chain and key, as PEM. */
export interface ApiTls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface ApiOptions {
  readonly log: Logger;
  /** Torpor's version, as `/healthz` tells it. */
  readonly version: string;
  /** The host that is listened on: requests may name it beside loopback. */
  readonly listenHost: string;
  /** Between two comments on a quiet event stream, default 15 s. */
  readonly heartbeatMs?: number | undefined;
  /** null, the default: no token is asked for. */
  readonly tokens?: TokenStore | null | undefined;
  /** null, the default: plain HTTP. */
  readonly tls?: ApiTls | null | undefined;
  /** The dashboard; default: none is served. */
  readonly files?: readonly DashboardFile[] | undefined;
  /** The farm's clock, which answers carry for those who show times. Default: the machine's. */
  readonly nowMs?: (() => number) | undefined;
  /** null, or left out: none is kept. */
  readonly history?: HistoryReader | null;
  readonly metrics?: MetricsPage | null;
}

const HEARTBEAT_MS = 15_000;
const MAX_BODY_BYTES = 16 * 1024;
const MAX_NAME_CHARS = 100;
/** For a request to arrive whole; what is slower is not a program on this machine. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 256;
const OTHER_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const;

/** Builds the API; nothing listens yet. Its `close` ends the event streams too. */
export function buildApi(farm: Farm, options: ApiOptions): FastifyInstance {
  const { log, version, tls = null, tokens = null, nowMs = Date.now } = options;
  const app = makeServer(tls, (error, request, reply) => sendProblem(farm, log, error, request, reply));
  const access = new Access({ tokens, isSecure: tls !== null, log, nowMs });
  const callers = new WeakMap<object, Caller>();
  const context: RouteContext = {
    farm,
    log,
    version,
    access,
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    feeds: new Set(),
    callerOf: (request) => callers.get(request) ?? null,
    openApi: () => buildOpenApi(ROUTES, version),
    history: options.history ?? null,
    metrics: options.metrics ?? null,
  };
  readJsonOnly(app);
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({ ...DATA_HEADERS, 'torpor-now': String(Math.round(nowMs())) });
    refuseWebPages(request.raw as GuardedRequest, access.asksForTokens ? null : options.listenHost);
    const need: Need = request.routeOptions.config.need ?? 'open';
    const caller =
      need === 'open' ? access.identify(request.headers) : access.require(need, request.method, request.headers);
    if (caller !== null) callers.set(request, caller);
  });
  app.addHook('preClose', async () => {
    for (const feed of context.feeds) feed.end();
  });
  app.setErrorHandler((error, request, reply) => sendProblem(farm, log, error, request, reply));
  app.setNotFoundHandler((request) => {
    throw new RequestRefused(404, 'No such path', `${request.method} ${pathOf(request)} is not part of this API`);
  });
  addRoutes(app, context);
  addFiles(app, options.files ?? []);
  return app;
}

type Refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

function makeServer(tls: ApiTls | null, refuse: Refuse): FastifyInstance {
  const common = {
    logger: false as const,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_NAME_CHARS },
    frameworkErrors: refuse,
    clientErrorHandler: (_error: Error, socket: { destroy(): unknown }) => void socket.destroy(),
  };
  const app = tls === null ? Fastify(common) : Fastify({ ...common, https: { ...tls, minVersion: 'TLSv1.2' } });
  app.server.maxConnections = MAX_CONNECTIONS;
  return app as unknown as FastifyInstance;
}

function addRoutes(app: FastifyInstance, context: RouteContext): void {
  for (const route of ROUTES) {
    app.route({
      method: route.method,
      url: route.url,
      config: { need: route.role },
      handler: async (request, reply) => {
        if (route.looksAt !== undefined) await context.farm.refresh(route.looksAt);
        return route.answer(context, request, reply);
      },
    });
  }
  for (const url of new Set(ROUTES.map((route) => route.url))) {
    refuseOtherMethods(
      app,
      url,
      ROUTES.filter((route) => route.url === url).map(({ method }) => method),
    );
  }
}

function refuseOtherMethods(app: FastifyInstance, url: string, methods: readonly string[]): void {
  const allowed = methods.join(', ');
  app.route({
    method: OTHER_METHODS.filter((other) => !methods.includes(other)),
    url,
    handler: async (request, reply) => {
      void reply.header('allow', allowed);
      throw new RequestRefused(405, 'Wrong method', `${pathOf(request)} takes ${allowed}, not ${request.method}`);
    },
  });
}

/** The dashboard: anybody may have its files, which hold nothing of this farm. */
function addFiles(app: FastifyInstance, files: readonly DashboardFile[]): void {
  for (const file of files) {
    app.route({ method: ['GET', 'HEAD'], url: file.url, handler: (request, reply) => sendFile(file, request, reply) });
    refuseOtherMethods(app, file.url, ['GET', 'HEAD']);
  }
}

function sendFile(file: DashboardFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  void reply.headers({ ...FILE_HEADERS, etag: file.etag, vary: 'accept-encoding' });
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
  const takesBrotli = /\bbr\b/.test(String(request.headers['accept-encoding'] ?? ''));
  void reply.type(file.type);
  if (file.brotli === null || !takesBrotli) return reply.send(file.bytes);
  return reply.header('content-encoding', 'br').send(file.brotli);
}

/** JSON and nothing else; an empty body is no body, whatever its type says. */
function readJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      return done(null, JSON.parse(body as string));
    } catch {
      return done(new RequestRefused(400, 'Not JSON', 'the body is no JSON: send an object such as {"force": true}'));
    }
  });
}

function sendProblem(
  farm: Farm,
  log: Logger,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = toProblem(fromFastify(error), describeObstacle(farm, error, request));
  const facts = { method: request.method, path: pathOf(request), status: problem.status, code: problem.code };
  if (problem.status < 500) log.debug(facts, `request refused: ${problem.detail}`);
  else log.error({ ...facts, problem: errorText(error) }, 'request failed');
  // RFC 9110 section 15.5.2: who is asked for a credential is told of which kind.
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer realm="Torpor"');
  return reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
}

/** Fastify's own refusals (body too large, bad URL) in our words; everything else unchanged. */
function fromFastify(error: unknown): unknown {
  const { code, statusCode, message } = error as Partial<FastifyError>;
  if (error instanceof TorporError || typeof code !== 'string' || !code.startsWith('FST_')) return error;
  if (statusCode === undefined || statusCode >= 500) return error;
  if (statusCode === 413) {
    return new RequestRefused(413, 'Body too large', `the body is larger than ${MAX_BODY_BYTES} bytes`);
  }
  return new RequestRefused(statusCode, 'The request cannot be understood', message ?? 'it is malformed');
}

/** What a program can read of a refusal of the farm: who is active, what blocks. */
function describeObstacle(farm: Farm, error: unknown, request: FastifyRequest): Readonly<Record<string, unknown>> {
  if (!(error instanceof TorporError)) return {};
  if (error.code !== 'ERR_PLATFORM_BUSY' && error.code !== 'ERR_PLATFORM_STATE') return {};
  const { blockers, activeStreams } = farm.explain((request.params as { name: string }).name);
  return error.code === 'ERR_PLATFORM_BUSY' ? { activeStreams } : { blockers };
}

function pathOf(request: FastifyRequest): string {
  return (request.url.split('?')[0] as string).slice(0, 200);
}
