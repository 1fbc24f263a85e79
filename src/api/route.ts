// What a route is: where, for whom, what it answers, and what the OpenAPI document says of it. The routes themselves are routes.ts's.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { HistoryReader } from '../platform/history.ts';
import type { MetricsPage } from '../platform/metrics.ts';
import type { Logger } from '../platform/ports.ts';
import type { Farm } from '../platform/status.ts';
import type { Access, Caller, Need } from './access.ts';
import type { EventFeed } from './event-feed.ts';

export interface RouteContext {
  readonly farm: Farm;
  readonly log: Logger;
  readonly version: string;
  readonly heartbeatMs: number;
  readonly access: Access;
  /** The open feeds, which the server ends when it closes. */
  readonly feeds: Set<EventFeed>;
  /** Who asks: set for every route that is not open. */
  callerOf(request: FastifyRequest): Caller | null;
  /** null: none is kept. */
  readonly history: HistoryReader | null;
  /** null: nothing is counted. */
  readonly metrics: MetricsPage | null;
  /** The OpenAPI document of this very API. */
  openApi(): object;
}

export interface RouteDoc {
  /** Unique: the name of the call in clients that are generated. */
  readonly id: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** By status; null: no body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** The answer's own, where that is no JSON. */
  readonly media?: string;
  /** Another media type of the same answer. */
  readonly alsoAs?: string;
  /** Refusals beyond those that every such route may give. */
  readonly refusals?: readonly number[];
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  /** Who may: open, whoever shows a token, or one whose role is operate. */
  readonly role: Need;
  /** What must be up to date for the answer, where other processes or other Torpors know it. `own`: no Torpors are asked. */
  readonly looksAt?: 'own' | 'sums' | 'streams';
  readonly doc: RouteDoc;
  readonly answer: (context: RouteContext, request: FastifyRequest, reply: FastifyReply) => unknown;
}
