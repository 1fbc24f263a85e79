// The routes of the history: what was, what it saved, and all of it as text. Where none is kept each of them is 404.
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type ExportFormat, exportLines } from '../platform/export-lines.ts';
import type { HistoryReader, HistoryTable } from '../platform/history.ts';
import {
  exportQuery,
  platformHistoryAnswer,
  platformHistoryQuery,
  readRange,
  savingsAnswer,
  savingsQuery,
  storedEventsAnswer,
  storedEventsQuery,
} from './history-shapes.ts';
import { RequestRefused } from './problem.ts';
import { readQuery } from './requests.ts';
import type { Route, RouteContext } from './route.ts';

const DAY_MS = 86_400_000;
const DEFAULT_POINTS = 500;
const DEFAULT_EVENTS = 100;
/** Rows of an export that are in memory at once. */
const EXPORT_PAGE_ROWS = 2000;
const ALL_TIME = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

export const HISTORY_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    url: '/api/v1/platforms/:name/history',
    role: 'view',
    doc: {
      id: 'platformHistory',
      summary: 'States, watts and pool over time; the last day in 500 points where the query says nothing',
      query: platformHistoryQuery,
      answers: { 200: platformHistoryAnswer },
      refusals: [400, 503],
    },
    answer: answerPlatform,
  },
  {
    method: 'GET',
    url: '/api/v1/savings',
    role: 'view',
    doc: {
      id: 'savings',
      summary: 'What sleeping saved against always on, per platform and local day; the last 30 days',
      query: savingsQuery,
      answers: { 200: savingsAnswer },
      refusals: [400, 404, 503],
    },
    answer: answerSavings,
  },
  {
    method: 'GET',
    url: '/api/v1/history/events',
    role: 'view',
    doc: {
      id: 'storedEvents',
      summary: 'Events of all time, newest first; `before` is the last id of the page before',
      query: storedEventsQuery,
      answers: { 200: storedEventsAnswer },
      refusals: [400, 404, 503],
    },
    answer: answerEvents,
  },
  {
    method: 'GET',
    url: '/api/v1/history/export',
    role: 'view',
    doc: {
      id: 'exportHistory',
      summary: 'All rows of one table, one JSON object a line, or CSV',
      query: exportQuery,
      answers: { 200: z.string() },
      media: 'application/jsonl',
      alsoAs: 'text/csv',
      refusals: [400, 404, 503],
    },
    answer: answerExport,
  },
];

/** `?from=MS&to=MS&points=N`; the last day in 500 points. */
function answerPlatform(context: RouteContext, request: FastifyRequest): unknown {
  const { name } = request.params as { name: string };
  context.farm.platform(name);
  const query = readQuery(platformHistoryQuery, request.query);
  const { fromMs, toMs } = readRange(query, Date.now(), DAY_MS);
  return historyOf(context).platformHistory(name, fromMs, toMs, query.points ?? DEFAULT_POINTS);
}

/** `?from=MS&to=MS`; the last 30 days. */
function answerSavings(context: RouteContext, request: FastifyRequest): unknown {
  const { fromMs, toMs } = readRange(readQuery(savingsQuery, request.query), Date.now(), 30 * DAY_MS);
  return historyOf(context).savings(fromMs, toMs);
}

/** `?platform=&kind=&from=&to=&limit=&before=`, newest first; `before` is the id of the last one of the page before. */
function answerEvents(context: RouteContext, request: FastifyRequest): unknown {
  const query = readQuery(storedEventsQuery, request.query);
  return historyOf(context).events({
    platform: query.platform ?? null,
    kind: query.kind ?? null,
    fromMs: query.from ?? null,
    toMs: query.to ?? null,
    before: query.before ?? null,
    limit: query.limit ?? DEFAULT_EVENTS,
  });
}

/** `?table=&format=jsonl|csv&from=&to=`: all rows of a table, as they come from the disk. */
function answerExport(context: RouteContext, request: FastifyRequest, reply: FastifyReply): unknown {
  const { table, format = 'jsonl', from, to } = readQuery(exportQuery, request.query);
  const history = historyOf(context);
  const range = { fromMs: from ?? ALL_TIME.fromMs, toMs: to ?? ALL_TIME.toMs };
  const type = format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/jsonl; charset=utf-8';
  void reply.type(type).header('content-disposition', `attachment; filename="torpor-${table}.${format}"`);
  return Readable.from(exportPages(history, table, format, range));
}

async function* exportPages(
  history: HistoryReader,
  table: HistoryTable,
  format: ExportFormat,
  range: { readonly fromMs: number; readonly toMs: number },
): AsyncGenerator<string> {
  for (let afterSeq = 0; ; ) {
    const rows = await history.exportRows(table, range, { afterSeq, limit: EXPORT_PAGE_ROWS });
    if (rows.length > 0) yield exportLines(rows, format, afterSeq === 0);
    if (rows.length < EXPORT_PAGE_ROWS) return;
    afterSeq = rows.at(-1)?.seq ?? 0;
  }
}

function historyOf({ history }: RouteContext): HistoryReader {
  if (history !== null) return history;
  throw new RequestRefused(404, 'No history is kept', 'the configuration says `history: off`');
}
