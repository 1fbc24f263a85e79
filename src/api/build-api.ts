// The HTTP API over a farm as a fastify instance: routes behind guards, errors as problem details. Listening is start-api.ts's.
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { errorText, TorporError } from '../platform/errors.ts';
import type { Logger } from '../platform/ports.ts';
import type { Farm } from '../platform/status.ts';
import { refuseWebPages } from './browser-guard.ts';
import { PROBLEM_TYPE, RequestRefused, toProblem } from './problem.ts';
import { ROUTES, type RouteContext } from './routes.ts';

export interface ApiOptions {
  readonly log: Logger;
  /** Torpor's version, as `/healthz` tells it. */
  readonly version: string;
  /** The host that is listened on: requests may name it beside loopback. */
  readonly listenHost: string;
  /** Between two comments on a quiet event stream, default 15 s. */
  readonly heartbeatMs?: number | undefined;
}

const HEARTBEAT_MS = 15_000;
const MAX_BODY_BYTES = 16 * 1024;
const MAX_NAME_CHARS = 100;
/** For a request to arrive whole; what is slower is not a program on this machine. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 256;
const OTHER_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Builds the API; nothing listens yet. Its `close` ends the event streams too. */
export function buildApi(farm: Farm, options: ApiOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_NAME_CHARS },
    frameworkErrors: (error, request, reply) => sendProblem(farm, options.log, error, request, reply),
    clientErrorHandler: (_error, socket) => socket.destroy(),
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  const context: RouteContext = {
    farm,
    log: options.log,
    version: options.version,
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    feeds: new Set(),
  };
  readJsonOnly(app);
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    refuseWebPages(request.raw as { method: string; headers: typeof request.headers }, options.listenHost);
  });
  app.addHook('preClose', async () => {
    for (const feed of context.feeds) feed.end();
  });
  app.setErrorHandler((error, request, reply) => sendProblem(farm, options.log, error, request, reply));
  app.setNotFoundHandler((request) => {
    throw new RequestRefused(404, 'No such path', `${request.method} ${pathOf(request)} is not part of this API`);
  });
  addRoutes(app, context);
  return app;
}

function addRoutes(app: FastifyInstance, context: RouteContext): void {
  for (const route of ROUTES) {
    app.route({
      method: route.method,
      url: route.url,
      handler: async (request, reply) => {
        if (route.looksAt !== undefined) await context.farm.refresh(route.looksAt);
        return route.answer(context, request, reply);
      },
    });
  }
  for (const { url, method } of ROUTES) {
    app.route({
      method: OTHER_METHODS.filter((other) => other !== method),
      url,
      handler: async (request, reply) => {
        void reply.header('allow', method);
        throw new RequestRefused(405, 'Wrong method', `${pathOf(request)} takes ${method}, not ${request.method}`);
      },
    });
  }
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
