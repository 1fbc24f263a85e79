// The OpenAPI document against the API it describes: every route is in it, what is committed is what is served, and answers are as it says.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApi } from '../../src/api/build-api.ts';
import { ROUTES } from '../../src/api/routes.ts';
import { packageVersion } from '../../src/package-version.ts';
import { TorporError } from '../../src/platform/errors.ts';
import { KeptLog } from '../support/kept-log.ts';
import { FAKE_NOW_MS, FakeFarm, fakeJob, fakePlatform, fakeReport } from './fakes/fake-farm.ts';

const COMMITTED = fileURLToPath(new URL('../../docs/openapi.json', import.meta.url));
const HOST = { host: '127.0.0.1:7070' };

type Operation = { responses: Record<string, { content?: Record<string, { schema: object }> }> };
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: object;
}

let api: FastifyInstance;
let farm: FakeFarm;
let served: Document;
beforeAll(async () => {
  farm = new FakeFarm();
  const inhibitor = { kind: 'operator', name: 'fan', why: 'a new fan', sinceMs: FAKE_NOW_MS, untilMs: null } as const;
  const check = {
    kind: 'check',
    name: 'backup',
    outcome: 'free',
    why: 'no lock',
    atMs: FAKE_NOW_MS,
    blocks: false,
  } as const;
  const carried = { pool: 1, streams: 2, heldBytes: 0, heldStoredBytes: 0, bytesFromClients: 3, bytesToClients: 4 };
  const instances = [
    { instance: 'torpor-a', version: '0.1.0', carried: { ...carried, refusedClients: { 'wake-rate': 1 } } },
    { instance: 'torpor-b', version: '0.1.0', carried: null },
  ];
  farm.statuses = [fakePlatform({ inhibitors: [inhibitor], checks: [check], watts: null, instances })];
  farm.torpors = [{ name: 'torpor-b', version: '0.1.0', self: false, silentMs: 4, answered: null, streams: null }];
  farm.reports = [fakeReport()];
  farm.jobs = [fakeJob()];
  const platforms = [{ platform: 'vdi-01', sessions: 2, hasRoom: true, isKept: true }];
  const moving = { vm: 'alice', from: 'vdi-01', to: 'vdi-02', sinceMs: 5, stage: 'moving' as const };
  const why = 'it is emptied: alice goes to vdi-02';
  const evacuation = { moving, moves: 2, failures: 0, platforms: [{ platform: 'vdi-01', why }] };
  farm.pooled = [{ name: 'office', spare: 1, ready: 1, sessionsPerPlatform: null, platforms, evacuation }];
  farm.feeds = [{ name: 'rack-a', waking: 1, wakingAtMost: 3, watts: 640, wattsAtMost: null, queue: ['vdi-02'] }];
  farm.emit('awake -> drowsy: nobody is active', 'transition', { from: 'awake', to: 'drowsy', pool: 0 });
  api = buildApi(farm, { log: new KeptLog(), version: packageVersion(), listenHost: '127.0.0.1' });
  served = (await api.inject({ url: '/openapi.json', headers: HOST })).json();
});
afterAll(() => api.close());

describe('docs/openapi.json', () => {
  it('committed -> as it is served (TORPOR_UPDATE_DOCS=1 writes it anew)', () => {
    const text = `${JSON.stringify(served, null, 2)}\n`;
    if (process.env.TORPOR_UPDATE_DOCS === '1') writeFileSync(COMMITTED, text);
    expect(readFileSync(COMMITTED, 'utf8')).toBe(text);
  });

  it('every route that is served -> described, once, with a name of its own', () => {
    const described = Object.entries(served.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const routes = ROUTES.map(({ method, url }) => `${method.toLowerCase()} ${url.replace(/:(\w+)/g, '{$1}')}`);
    expect(described.sort()).toEqual([...new Set(routes)].sort());
    for (const { method, url } of ROUTES) expect(api.hasRoute({ method, url }), `${method} ${url}`).toBe(true);
    const ids = ROUTES.map(({ doc }) => doc.id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('answers', () => {
  const json = { accept: 'application/json', 'content-type': 'application/json' };
  const busy = new TorporError('ERR_PLATFORM_BUSY', 'in use');
  const PLATFORM = '/api/v1/platforms/{name}';

  it.each([
    ['get', '/healthz', 200],
    ['get', '/readyz', 200],
    ['get', '/openapi.json', 200],
    ['get', '/api/v1/session', 200],
    ['get', '/api/v1/platforms', 200],
    ['get', PLATFORM, 200],
    ['get', `${PLATFORM}/explain`, 200],
    ['get', `${PLATFORM}/explain`, 404, { name: 'nobody' }],
    ['get', '/api/v1/streams', 200],
    ['get', '/api/v1/circuits', 200],
    ['get', '/api/v1/pools', 200],
    ['get', '/api/v1/instances', 200],
    ['post', `${PLATFORM}/drain`, 200, { body: { on: true } }],
    ['get', '/api/v1/report', 200],
    ['get', '/api/v1/events', 200],
    ['get', '/api/v1/events', 400, { query: '?limit=none' }],
    ['post', '/api/v1/session', 200, { body: { token: 'x' } }],
    ['post', '/api/v1/session', 400, { body: {} }],
    ['delete', '/api/v1/session', 204],
    ['post', `${PLATFORM}/wake`, 202],
    ['post', `${PLATFORM}/wake`, 403, { headers: { origin: 'https://evil.example' } }],
    ['post', `${PLATFORM}/wake`, 415, { headers: { 'content-type': 'text/plain' } }],
    ['post', `${PLATFORM}/sleep`, 202],
    ['post', `${PLATFORM}/sleep`, 409, { refusal: busy }],
    ['post', `${PLATFORM}/inhibit`, 200, { body: { why: 'backup', for: '2h' } }],
    ['post', `${PLATFORM}/inhibit`, 400],
    ['post', `${PLATFORM}/release`, 200],
    ['post', `${PLATFORM}/maintenance`, 200, { body: { on: true } }],
    ['get', '/api/v1/spool', 200],
    ['post', `${PLATFORM}/spool/deliver`, 202],
    ['post', `${PLATFORM}/spool/drop`, 200, { body: { job: '000000000001-0a0b0c0d' } }],
    ['post', `${PLATFORM}/spool/drop`, 409, { body: { job: 'none' } }],
  ] as Array<
    [
      string,
      string,
      number,
      { name?: string; query?: string; body?: object; headers?: Record<string, string>; refusal?: TorporError }?,
    ]
  >)('%s %s -> %s, as described', async (method, path, status, request = {}) => {
    farm.sleepRefusal = request.refusal ?? null;
    const response = await api.inject({
      method: method.toUpperCase() as 'GET',
      url: path.replace('{name}', request.name ?? 'vdi-01') + (request.query ?? ''),
      headers: { ...HOST, ...(method === 'post' ? json : { accept: json.accept }), ...request.headers },
      ...(method === 'post' ? { payload: JSON.stringify(request.body ?? {}) } : {}),
    });
    expect(response.statusCode, response.body).toBe(status);
    const described = served.paths[path]?.[method]?.responses[status];
    expect(described, `${status} of ${method} ${path}`).toBeDefined();
    if (described?.content === undefined) return;
    const type = String(response.headers['content-type']).split(';')[0] as string;
    expect(problemsOf(described.content[type]?.schema, response.json())).toEqual([]);
  });

  it('the check itself: an answer with a wrong member -> found', () => {
    const schema = served.paths['/api/v1/platforms']?.get?.responses[200]?.content?.['application/json']?.schema;
    expect(problemsOf(schema, [{ ...fakePlatform(), state: 'dreaming' }])).not.toEqual([]);
  });
});

/** What is wrong with a value by a schema of the document. */
function problemsOf(schema: object | undefined, value: unknown): unknown[] {
  if (schema === undefined) return ['no schema'];
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  const root = { $id: 'torpor', components: served.components, ...schema };
  const validate = ajv.compile(root);
  return validate(value) ? [] : (validate.errors ?? []);
}
