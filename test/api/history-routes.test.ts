import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { buildApi } from '../../src/api/build-api.ts';
import { TorporError } from '../../src/platform/errors.ts';
import type { ExportedRow, HistoryReader } from '../../src/platform/history.ts';
import { KeptLog } from '../support/kept-log.ts';
import { FakeFarm } from './fakes/fake-farm.ts';

/** Answers what it was asked, so that a test sees what arrived. */
function echoingHistory(rows: readonly ExportedRow[] = []): HistoryReader {
  return {
    platformHistory: async (...question) => ({ question }) as never,
    savings: async (...question) => ({ question }) as never,
    events: async (question) => [question] as never,
    exportRows: async (_table, _range, { afterSeq, limit }) => rows.filter(({ seq }) => seq > afterSeq).slice(0, limit),
    counts: () => ({ written: 0, dropped: 0, thinned: 0, queued: 0, fileBytes: 0 }),
  };
}

describe('routes of the history', () => {
  let app: FastifyInstance;
  afterEach(() => app.close());

  const ask = async (url: string, history: HistoryReader | null = echoingHistory()) => {
    app = buildApi(new FakeFarm(), { log: new KeptLog(), version: '1', listenHost: '127.0.0.1', history });
    const answer = await app.inject({ url, headers: { host: '127.0.0.1' } });
    return { status: answer.statusCode, body: answer.body, headers: answer.headers };
  };

  it('a platform’s history: from, to and points -> asked as they are', async () => {
    const { status, body } = await ask('/api/v1/platforms/vdi-01/history?from=1000&to=2000&points=7');
    expect([status, JSON.parse(body)]).toEqual([200, { question: ['vdi-01', 1000, 2000, 7] }]);
  });

  it('a platform’s history: nothing said -> the last day in 500 points', async () => {
    const { question } = JSON.parse((await ask('/api/v1/platforms/vdi-01/history')).body);
    expect(question[2] - question[1]).toBe(86_400_000);
    expect(question[3]).toBe(500);
    expect(Math.abs(question[2] - Date.now())).toBeLessThan(60_000);
  });

  it('a platform that there is not -> 404 as everywhere', async () => {
    const { status, body } = await ask('/api/v1/platforms/nope/history');
    expect([status, JSON.parse(body).code]).toEqual([404, 'ERR_PLATFORM_UNKNOWN']);
  });

  it('savings: nothing said -> the last 30 days', async () => {
    const { question } = JSON.parse((await ask('/api/v1/savings')).body);
    expect(question[1] - question[0]).toBe(30 * 86_400_000);
  });

  it('events: all filters -> asked as they are, and none where none is given', async () => {
    const filters = 'platform=vdi-01&kind=alarm&from=1&to=9&limit=3&before=77';
    const { body } = await ask(`/api/v1/history/events?${filters}`);
    const question = { platform: 'vdi-01', kind: 'alarm', fromMs: 1, toMs: 9, limit: 3, before: 77 };
    expect(JSON.parse(body)).toEqual([question]);
    const none = { platform: null, kind: null, fromMs: null, toMs: null, before: null, limit: 100 };
    expect(JSON.parse((await ask('/api/v1/history/events')).body)).toEqual([none]);
  });

  it.each([
    '/api/v1/history/events?limit=0',
    '/api/v1/history/events?limit=1001',
    '/api/v1/history/events?limt=5',
    '/api/v1/platforms/vdi-01/history?points=5001',
    '/api/v1/platforms/vdi-01/history?from=5&to=5',
    '/api/v1/savings?from=-1',
    '/api/v1/savings?from=0&to=999999999999999',
    '/api/v1/history/export?table=platforms',
    '/api/v1/history/export',
  ])('%s -> 400 that says what is wrong', async (url) => {
    const { status, body } = await ask(url);
    expect([status, JSON.parse(body).code]).toEqual([400, 'ERR_API_REQUEST']);
    expect(JSON.parse(body).detail).toMatch(/limit|limt|points|from|table/);
  });

  it.each(['platforms/vdi-01/history', 'savings', 'history/events', 'history/export?table=events'])(
    '%s where no history is kept -> 404',
    async (path) => {
      const { status, body } = await ask(`/api/v1/${path}`, null);
      expect([status, JSON.parse(body).title]).toEqual([404, 'No history is kept']);
    },
  );

  it('a history that cannot be read now -> 503', async () => {
    const savings = () =>
      Promise.reject(new TorporError('ERR_HISTORY', 'the file is being opened', { retryable: true }));
    const { status, body } = await ask('/api/v1/savings', { ...echoingHistory(), savings });
    expect([status, JSON.parse(body).code]).toEqual([503, 'ERR_HISTORY']);
  });

  const ROWS = Array.from({ length: 4500 }, (_, index) => ({ seq: index + 1, why: `w${index}`, size: null }));

  it('export: more rows than a page -> all of them once, as JSON lines', async () => {
    const { body, headers } = await ask('/api/v1/history/export?table=pool', echoingHistory(ROWS));
    const lines = body.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(ROWS);
    expect(headers['content-type']).toContain('jsonl');
  });

  it('export: as CSV -> one heading, RFC 4180 quoting, no formulas', async () => {
    const rows = [
      { seq: 1, why: 'a "quoted", text\nof two lines', size: null },
      { seq: 2, why: '=HYPERLINK("http://x")', size: 5 },
    ];
    const { body } = await ask('/api/v1/history/export?table=pool&format=csv', echoingHistory(rows));
    expect(body).toBe('seq,why,size\r\n1,"a ""quoted"", text\nof two lines",\r\n2,"\'=HYPERLINK(""http://x"")",5\r\n');
    expect(
      (await ask('/api/v1/history/export?table=pool&format=csv', echoingHistory(ROWS))).body.match(/seq,/g),
    ).toHaveLength(1);
  });
});
