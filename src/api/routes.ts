// The table of routes: every path of the HTTP API and what it asks of the farm. Guards, errors and listening are left to others.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DEFAULT_INHIBITOR } from '../platform/inhibitor.ts';
import type { FarmStream, PlatformStatus } from '../platform/status.ts';
import {
  explanation,
  farmEvent,
  farmStream,
  health,
  linkStatus,
  platformReport,
  platformStatus,
  readiness,
  session,
} from './answers.ts';
import { EventFeed } from './event-feed.ts';
import { FARM_ROUTES } from './farm-routes.ts';
import { HISTORY_ROUTES } from './history-routes.ts';
import { METRICS_ROUTES } from './metrics-routes.ts';
import { RequestRefused } from './problem.ts';
import {
  eventsQuery,
  inhibitRequest,
  maintenanceRequest,
  openedRequest,
  readAfterId,
  readBody,
  readQuery,
  releaseRequest,
  sessionRequest,
  sleepRequest,
  streamsQuery,
  wakeRequest,
} from './requests.ts';
import type { Route, RouteContext } from './route.ts';
import { SPOOL_ROUTES } from './spool-routes.ts';

/** Readers of events at once; one more is answered 503. */
export const MAX_EVENT_FEEDS = 64;

const PLATFORM = '/api/v1/platforms/:name';

export const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    url: '/healthz',
    role: 'open',
    doc: { id: 'health', summary: 'Torpor runs', answers: { 200: health } },
    answer: ({ version }) => ({ status: 'ok', version }),
  },
  {
    method: 'GET',
    url: '/readyz',
    role: 'open',
    doc: {
      id: 'readiness',
      summary: "Every platform's first evidence is in",
      answers: { 200: readiness, 503: readiness },
    },
    answer: answerReady,
  },
  {
    method: 'GET',
    url: '/openapi.json',
    role: 'open',
    doc: { id: 'openApi', summary: 'This document', answers: { 200: z.looseObject({ openapi: z.string() }) } },
    answer: ({ openApi }) => openApi(),
  },
  {
    method: 'GET',
    url: '/api/v1/session',
    role: 'view',
    doc: { id: 'session', summary: 'Who is asking, and what they may', answers: { 200: session } },
    answer: answerSession,
  },
  {
    method: 'POST',
    url: '/api/v1/session',
    role: 'open',
    doc: {
      id: 'logIn',
      summary: 'Opens a session in a cookie, for browsers',
      body: sessionRequest,
      answers: { 200: session },
      refusals: [401],
    },
    answer: answerLogIn,
  },
  {
    method: 'DELETE',
    url: '/api/v1/session',
    role: 'view',
    doc: { id: 'logOut', summary: 'Ends the session', answers: { 204: null } },
    answer: answerLogOut,
  },
  {
    method: 'GET',
    url: '/api/v1/platforms',
    role: 'view',
    looksAt: 'sums',
    doc: { id: 'platforms', summary: 'All platforms', answers: { 200: z.array(platformStatus) } },
    answer: ({ farm }) => farm.platforms(),
  },
  {
    method: 'GET',
    url: PLATFORM,
    role: 'view',
    looksAt: 'sums',
    doc: { id: 'platform', summary: 'One platform', answers: { 200: platformStatus } },
    answer: ({ farm }, request) => farm.platform(nameOf(request)),
  },
  {
    method: 'GET',
    url: `${PLATFORM}/explain`,
    role: 'view',
    looksAt: 'streams',
    doc: { id: 'explain', summary: 'Why it is awake or asleep, and who is connected', answers: { 200: explanation } },
    answer: ({ farm }, request) => farm.explain(nameOf(request)),
  },
  {
    method: 'GET',
    url: '/api/v1/streams',
    role: 'view',
    looksAt: 'streams',
    doc: { id: 'streams', summary: 'Open connections', query: streamsQuery, answers: { 200: z.array(farmStream) } },
    answer: answerStreams,
  },
  {
    method: 'GET',
    url: '/api/v1/links',
    role: 'view',
    doc: { id: 'links', summary: 'Edges of the compressed link', answers: { 200: z.array(linkStatus) } },
    answer: ({ farm }) => farm.links(),
  },
  {
    method: 'GET',
    url: '/api/v1/report',
    role: 'view',
    doc: {
      id: 'report',
      summary: 'Sleep since the start, and who kept what awake',
      answers: { 200: z.array(platformReport) },
    },
    answer: ({ farm }) => farm.report(),
  },
  {
    method: 'GET',
    url: '/api/v1/events',
    role: 'view',
    doc: {
      id: 'events',
      summary: 'Events: as a stream that resumes after Last-Event-ID, or the kept ones as JSON',
      query: eventsQuery,
      answers: { 200: z.array(farmEvent) },
      alsoAs: 'text/event-stream',
      refusals: [400, 503],
    },
    answer: answerEvents,
  },
  {
    method: 'POST',
    url: `${PLATFORM}/wake`,
    role: 'operate',
    doc: { id: 'wake', summary: 'Asks for a wake', body: wakeRequest, answers: { 202: platformStatus } },
    answer: answerWake,
  },
  {
    method: 'POST',
    url: `${PLATFORM}/sleep`,
    role: 'operate',
    looksAt: 'streams',
    doc: {
      id: 'sleep',
      summary: 'Asks for sleep',
      body: sleepRequest,
      answers: { 202: platformStatus },
      refusals: [409, 503],
    },
    answer: answerSleep,
  },
  {
    method: 'POST',
    url: `${PLATFORM}/inhibit`,
    role: 'operate',
    doc: {
      id: 'inhibit',
      summary: 'Keeps it awake',
      body: inhibitRequest,
      answers: { 200: platformStatus },
      refusals: [409],
    },
    answer: answerInhibit,
  },
  {
    method: 'POST',
    url: `${PLATFORM}/release`,
    role: 'operate',
    doc: {
      id: 'release',
      summary: 'Ends what operators ordered',
      body: releaseRequest,
      answers: { 200: platformStatus },
      refusals: [409],
    },
    answer: answerRelease,
  },
  {
    method: 'POST',
    url: `${PLATFORM}/opened`,
    role: 'operate',
    doc: {
      id: 'opened',
      summary:
        "Says that a client's machine was switched on or woke: an idle policy that learns may wake the platform ahead",
      body: openedRequest,
      answers: { 202: platformStatus },
    },
    answer: answerOpened,
  },
  {
    method: 'POST',
    url: `${PLATFORM}/maintenance`,
    role: 'operate',
    doc: {
      id: 'maintenance',
      summary: 'Hands off, or on again',
      body: maintenanceRequest,
      answers: { 200: platformStatus },
    },
    answer: answerMaintenance,
  },
  ...FARM_ROUTES,
  ...SPOOL_ROUTES,
  ...HISTORY_ROUTES,
  ...METRICS_ROUTES,
];

function nameOf(request: FastifyRequest): string {
  return (request.params as { name: string }).name;
}

/** Ready once every platform's first evidence is in. */
function answerReady({ farm, callerOf }: RouteContext, request: FastifyRequest, reply: FastifyReply) {
  const starting = farm.platforms().filter((platform) => platform.state === 'starting');
  if (starting.length > 0) void reply.code(503);
  const names = callerOf(request) === null ? [] : starting.map((platform) => platform.name);
  return { status: starting.length === 0 ? 'ready' : 'starting', starting: names };
}

function answerSession({ access, callerOf }: RouteContext, request: FastifyRequest) {
  const caller = callerOf(request);
  return { name: caller?.name ?? null, role: caller?.role ?? 'view', tokens: access.asksForTokens };
}

function answerLogIn({ access }: RouteContext, request: FastifyRequest, reply: FastifyReply) {
  access.refuseForgery(request.headers);
  const { caller, setCookie } = access.logIn(readBody(sessionRequest, request.body).token);
  void reply.header('set-cookie', setCookie);
  return { name: caller.name, role: caller.role, tokens: access.asksForTokens };
}

function answerLogOut({ access }: RouteContext, request: FastifyRequest, reply: FastifyReply) {
  return reply.code(204).header('set-cookie', access.logOut(request.headers)).send();
}

function answerStreams({ farm }: RouteContext, request: FastifyRequest): FarmStream[] {
  const { platform, active, limit } = readQuery(streamsQuery, request.query);
  if (platform !== undefined) farm.platform(platform);
  const matching = farm
    .streams()
    .filter(
      (stream) => (platform ?? stream.platform) === stream.platform && (active ?? stream.active) === stream.active,
    );
  return limit === undefined ? matching : matching.slice(0, limit);
}

/** Asked for, not done: 202, and the platform as it stands now. */
function accept(context: RouteContext, reply: FastifyReply, name: string): PlatformStatus {
  void reply.code(202);
  return context.farm.platform(name);
}

function answerWake(context: RouteContext, request: FastifyRequest, reply: FastifyReply): PlatformStatus {
  const { why } = readBody(wakeRequest, request.body);
  context.farm.wake(nameOf(request), why ?? 'operator, by the HTTP API');
  return accept(context, reply, nameOf(request));
}

async function answerSleep(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<PlatformStatus> {
  const { force } = readBody(sleepRequest, request.body);
  await context.farm.sleep(nameOf(request), force ?? false);
  return accept(context, reply, nameOf(request));
}

async function answerInhibit({ farm }: RouteContext, request: FastifyRequest): Promise<PlatformStatus> {
  const body = readBody(inhibitRequest, request.body);
  const inhibitor = body.name ?? DEFAULT_INHIBITOR;
  await farm.inhibit(nameOf(request), { inhibitor, forMs: body.for ?? null, why: body.why });
  return farm.platform(nameOf(request));
}

async function answerRelease({ farm }: RouteContext, request: FastifyRequest): Promise<PlatformStatus> {
  const { name } = readBody(releaseRequest, request.body);
  await farm.release(nameOf(request), name ?? null);
  return farm.platform(nameOf(request));
}

function answerOpened(context: RouteContext, request: FastifyRequest, reply: FastifyReply): PlatformStatus {
  context.farm.opened(nameOf(request), readBody(openedRequest, request.body).client);
  return accept(context, reply, nameOf(request));
}

async function answerMaintenance({ farm }: RouteContext, request: FastifyRequest): Promise<PlatformStatus> {
  const { on, why } = readBody(maintenanceRequest, request.body);
  await farm.maintenance(nameOf(request), on, why ?? 'ordered by an operator');
  return farm.platform(nameOf(request));
}

/** Server-sent events, or with `Accept: application/json` the kept events as a list. */
function answerEvents(context: RouteContext, request: FastifyRequest, reply: FastifyReply): unknown {
  const lastEventId = request.headers['last-event-id'];
  const afterId = readAfterId(typeof lastEventId === 'string' ? lastEventId : undefined, request.query);
  const accepts = request.headers.accept ?? '';
  if (accepts.includes('application/json') && !accepts.includes('text/event-stream')) {
    void reply.header('vary', 'accept');
    const { limit } = readQuery(eventsQuery, request.query);
    const kept = context.farm.recentEvents(afterId ?? 0);
    return limit === undefined ? kept : kept.slice(-limit);
  }
  if (context.feeds.size >= MAX_EVENT_FEEDS) {
    throw new RequestRefused(503, 'Too many readers', `${MAX_EVENT_FEEDS} readers follow the events already: end one`);
  }
  void reply.hijack();
  const isWelcome = () => context.access.isStillKnown(request.headers);
  const feed = new EventFeed({ ...context, response: reply.raw, afterId, isWelcome });
  context.feeds.add(feed);
  reply.raw.on('close', () => context.feeds.delete(feed));
  return reply;
}
