// The HTTP API's answers, through fastify's injection: no socket. Event streams are event-feed.test.ts's.
import type { FastifyInstance } from 'fastify';
import type { InjectOptions } from 'light-my-request';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildApi } from '../../src/api/build-api.ts';
import { TorporError } from '../../src/platform/errors.ts';
import { KeptLog } from '../support/kept-log.ts';
import { FakeFarm, fakePlatform, fakeReport } from './fakes/fake-farm.ts';

let farm: FakeFarm;
let log: KeptLog;
let api: FastifyInstance;

beforeEach(() => {
  farm = new FakeFarm();
  log = new KeptLog();
  api = buildApi(farm, { log, version: '1.2.3', listenHost: '127.0.0.1' });
});

afterEach(() => api.close());

/** A request as a program on this machine sends it. */
function ask(url: string, options: InjectOptions = {}) {
  return api.inject({ url, ...options, headers: { host: '127.0.0.1:7070', ...options.headers } });
}

function post(verb: string, body?: unknown, headers: Record<string, string> = {}) {
  const json = body === undefined ? {} : { payload: JSON.stringify(body) };
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  return ask(`/api/v1/platforms/vdi-01/${verb}`, { method: 'POST', ...json, headers: { ...type, ...headers } });
}

describe('reading', () => {
  it("platforms: asked -> the farm's list, not cached", async () => {
    const response = await ask('/api/v1/platforms');
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual([fakePlatform()]);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.headers['x-content-type-options']).toBe('nosniff');
  });

  it('one platform: asked by name -> its status', async () => {
    expect((await ask('/api/v1/platforms/vdi-01')).json()).toEqual(fakePlatform());
  });

  it('explain: asked -> summary, blockers and who is active', async () => {
    const body = (await ask('/api/v1/platforms/vdi-01/explain')).json();
    expect(body.summary).toContain('10.0.2.7');
    expect(body.activeStreams[0].stream.vm).toBe('alice');
  });

  it('streams: asked -> the list', async () => {
    expect((await ask('/api/v1/streams')).json()).toHaveLength(1);
    farm.reports = [fakeReport()];
    expect((await ask('/api/v1/report')).json()).toEqual([fakeReport()]);
  });

  it('events: asked for JSON -> the kept ones, after an id where one is given', async () => {
    for (const message of ['one', 'two', 'three']) farm.emit(message);
    const headers = { accept: 'application/json' };
    expect((await ask('/api/v1/events', { headers })).json()).toHaveLength(3);
    const after = (await ask('/api/v1/events?after=2', { headers })).json();
    expect(after.map((event: { message: string }) => event.message)).toEqual(['three']);
    const resumed = (await ask('/api/v1/events', { headers: { ...headers, 'last-event-id': '1' } })).json();
    expect(resumed).toHaveLength(2);
  });

  it.each(['x', '-1', '1.5', '9'.repeat(30)])('events: after=%s -> 400', async (after) => {
    const response = await ask(`/api/v1/events?after=${after}`, { headers: { accept: 'application/json' } });
    expect(response.statusCode).toBe(400);
  });

  it('healthz: asked -> ok with the version', async () => {
    expect((await ask('/healthz')).json()).toEqual({ status: 'ok', version: '1.2.3' });
  });

  it('readyz: a platform is starting -> 503 with its name, then 200', async () => {
    farm.statuses = [fakePlatform({ name: 'a', state: 'starting' }), fakePlatform({ name: 'b' })];
    const early = await ask('/readyz');
    expect(early.statusCode).toBe(503);
    expect(early.json()).toEqual({ status: 'starting', starting: ['a'] });
    farm.change('a', { state: 'asleep' });
    expect((await ask('/readyz')).statusCode).toBe(200);
  });
});

describe('asking', () => {
  it('wake: no body -> 202 and asked once', async () => {
    const response = await post('wake');
    expect(response.statusCode).toBe(202);
    expect(response.json().name).toBe('vdi-01');
    expect(farm.calls).toEqual(['wake vdi-01 (operator, by the HTTP API)']);
  });

  it('wake: a reason -> passed on', async () => {
    await post('wake', { why: 'backup at two' });
    expect(farm.calls).toEqual(['wake vdi-01 (backup at two)']);
  });

  it('wake: an empty body of type JSON -> taken as no body', async () => {
    const response = await post('wake', undefined, { 'content-type': 'application/json' });
    expect(response.statusCode).toBe(202);
  });

  it('sleep: force told or not -> passed on', async () => {
    await post('sleep');
    await post('sleep', { force: true });
    expect(farm.calls).toEqual(['sleep vdi-01 force=false', 'sleep vdi-01 force=true']);
  });

  it('inhibit: a duration -> milliseconds; none -> until released', async () => {
    expect((await post('inhibit', { for: '2h', why: 'maintenance' })).statusCode).toBe(200);
    await post('inhibit', { name: 'fan', why: 'until I say so' });
    expect(farm.calls).toEqual([
      'inhibit vdi-01 operator for=7200000 (maintenance)',
      'inhibit vdi-01 fan for=null (until I say so)',
    ]);
  });

  it('inhibit: set, but not on disk -> 500 that says so: it holds only until Torpor ends', async () => {
    farm.diskProblem = new TorporError('ERR_JOURNAL', 'disk full; they hold until Torpor ends');
    const response = await post('inhibit', { why: 'backup' });
    expect(response.statusCode).toBe(500);
    expect(response.json()).toMatchObject({ code: 'ERR_JOURNAL', detail: 'disk full; they hold until Torpor ends' });
  });

  it('maintenance: on and off, with and without a reason -> 200, passed on', async () => {
    expect((await post('maintenance', { on: true, why: 'a new fan' })).statusCode).toBe(200);
    await post('maintenance', { on: true });
    await post('maintenance', { on: false });
    expect(farm.calls).toEqual([
      'maintenance on vdi-01 (a new fan)',
      'maintenance on vdi-01 (ordered by an operator)',
      'maintenance off vdi-01 (ordered by an operator)',
    ]);
  });

  it('opened: an address -> 202, passed on', async () => {
    expect((await post('opened', { client: '10.0.0.7' })).statusCode).toBe(202);
    await post('opened', { client: 'fd00::7' });
    expect(farm.calls).toEqual(['opened vdi-01 10.0.0.7', 'opened vdi-01 fd00::7']);
  });

  it('release: asked -> 200', async () => {
    expect((await post('release')).statusCode).toBe(200);
    expect((await post('release', { name: 'fan' })).statusCode).toBe(200);
    expect(farm.calls).toEqual(['release vdi-01', 'release vdi-01 fan']);
  });

  it.each([
    ['inhibit', {}, 'why'],
    ['inhibit', { why: ' ' }, 'why'],
    ['inhibit', { why: 'x'.repeat(201) }, 'why'],
    ['inhibit', { why: 'clear\u001b[2J' }, 'control characters'],
    ['inhibit', { why: 'x', for: '10' }, 'no duration'],
    ['inhibit', { why: 'x', for: 10 }, 'for'],
    ['inhibit', { why: 'x', for: '0s' }, 'above 0'],
    ['inhibit', { why: 'x', for: '366d' }, '365d'],
    ['sleep', { force: 'yes' }, 'force'],
    ['sleep', { forse: true }, 'forse'],
    ['sleep', [], ''],
    ['wake', { why: 3 }, 'why'],
    ['inhibit', { why: 'x', name: '../journal' }, 'name'],
    ['release', { all: true }, 'all'],
    ['opened', {}, 'client'],
    ['opened', { client: 'alice' }, 'is no IP address'],
    ['maintenance', {}, 'on'],
    ['maintenance', { on: 'yes' }, 'on'],
  ])('%s: body %j -> 400 that names %j, and nothing asked', async (verb, body, named) => {
    const response = await post(verb, body);
    expect(response.statusCode).toBe(400);
    expect(response.json().detail).toContain(named);
    expect(farm.calls).toEqual([]);
  });

  it('a body that is no JSON -> 400', async () => {
    const response = await ask('/api/v1/platforms/vdi-01/sleep', {
      method: 'POST',
      payload: '{"force": tr',
      headers: { 'content-type': 'application/json' },
    });
    expect(response.statusCode).toBe(400);
    expect(response.json().code).toBe('ERR_API_REQUEST');
  });

  it('a body above the bound -> 413, and nothing asked', async () => {
    const response = await post('wake', { why: 'x'.repeat(20_000) });
    expect(response.statusCode).toBe(413);
    expect(farm.calls).toEqual([]);
  });
});

describe('problems', () => {
  it('unknown platform -> 404 problem document of RFC 9457', async () => {
    const response = await ask('/api/v1/platforms/vdi-99');
    expect(response.statusCode).toBe(404);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(response.json()).toEqual({
      type: 'urn:torpor:error:ERR_PLATFORM_UNKNOWN',
      title: 'No such platform',
      status: 404,
      detail: 'no platform is called "vdi-99"; there are: vdi-01',
      code: 'ERR_PLATFORM_UNKNOWN',
    });
  });

  it.each(['wake', 'sleep', 'inhibit', 'release', 'maintenance'])('%s of an unknown platform -> 404', async (verb) => {
    const url = `/api/v1/platforms/nobody/${verb}`;
    const payload = { inhibit: '{"why":"x"}', maintenance: '{"on":true}' }[verb] ?? '{}';
    const response = await ask(url, { method: 'POST', payload, headers: { 'content-type': 'application/json' } });
    expect(response.statusCode).toBe(404);
  });

  it('sleep over active users -> 409 that says who', async () => {
    farm.sleepRefusal = new TorporError('ERR_PLATFORM_BUSY', 'vdi-01 is in use by 10.0.2.7 on alice');
    const response = await post('sleep');
    expect(response.statusCode).toBe(409);
    expect(response.json()).toMatchObject({
      code: 'ERR_PLATFORM_BUSY',
      detail: 'vdi-01 is in use by 10.0.2.7 on alice',
    });
    expect(response.json().activeStreams[0].stream.client).toBe('10.0.2.7:50123');
  });

  it('sleep against a guard -> 409 with the blockers', async () => {
    farm.sleepRefusal = new TorporError('ERR_PLATFORM_STATE', 'the wake path is unproven');
    const response = await post('sleep', { force: true });
    expect(response.statusCode).toBe(409);
    expect(response.json()).toMatchObject({ code: 'ERR_PLATFORM_STATE', blockers: [{ kind: 'pool' }] });
  });

  it('an error nobody expected -> 500 that shows nothing of it, and a log line that does', async () => {
    farm.breakdown = new Error('password hunter2 leaked');
    const response = await ask('/api/v1/platforms');
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain('hunter2');
    expect(response.json().code).toBe('ERR_INTERNAL');
    expect(log.lines.filter((line) => line.level === 'error')).toHaveLength(1);
  });

  it('an unknown path -> 404 problem', async () => {
    const response = await ask('/api/v2/platforms');
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({ code: 'ERR_API_REQUEST', title: 'No such path' });
  });

  it.each([
    ['GET', '/api/v1/platforms/vdi-01/wake', 'POST'],
    ['DELETE', '/api/v1/platforms/vdi-01', 'GET'],
    ['POST', '/api/v1/events', 'GET'],
  ] as const)('%s %s -> 405 that allows %s', async (method, url, allowed) => {
    const response = await ask(url, { method });
    expect(response.statusCode).toBe(405);
    expect(response.headers.allow).toBe(allowed);
    expect(farm.calls).toEqual([]);
  });

  it('a malformed path -> 400 problem', async () => {
    const response = await ask('/api/v1/platforms/%zz');
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  });

  it('a name beyond the bound -> 404 or 414, never the farm', async () => {
    const response = await ask(`/api/v1/platforms/${'a'.repeat(500)}`);
    expect([404, 414]).toContain(response.statusCode);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  });
});

describe('web pages', () => {
  it.each(['localhost', 'localhost:7070', '127.0.0.1', '127.9.9.9:80', '[::1]:7070', 'LOCALHOST'])(
    'host %s -> answered',
    async (host) => {
      expect((await ask('/healthz', { headers: { host } })).statusCode).toBe(200);
    },
  );

  it.each([
    'evil.example',
    'evil.example:7070',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    'a b',
    '@localhost',
  ])('host %s (DNS rebinding) -> 421', async (host) => {
    const response = await ask('/api/v1/platforms', { headers: { host } });
    expect(response.statusCode).toBe(421);
    expect(response.json().code).toBe('ERR_API_REQUEST');
  });

  it.each(['https://evil.example', 'http://127.0.0.1:8080', 'null', 'http://localhost:7070', 'file://'])(
    'origin %s on 127.0.0.1:7070 -> 403, and nothing asked',
    async (origin) => {
      expect((await post('wake', {}, { origin })).statusCode).toBe(403);
      expect(farm.calls).toEqual([]);
    },
  );

  it('origin of the API itself -> answered', async () => {
    expect((await post('wake', {}, { origin: 'http://127.0.0.1:7070' })).statusCode).toBe(202);
  });

  it('sec-fetch-site: cross-site -> 403, for reading too', async () => {
    expect((await ask('/api/v1/events', { headers: { 'sec-fetch-site': 'cross-site' } })).statusCode).toBe(403);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp'])(
    'a body of type %s -> 415, and nothing asked',
    async (type) => {
      const options = { method: 'POST', payload: '{"force":true}', headers: { 'content-type': type } } as const;
      expect((await ask('/api/v1/platforms/vdi-01/sleep', options)).statusCode).toBe(415);
      expect(farm.calls).toEqual([]);
    },
  );

  it('JSON with a charset -> taken', async () => {
    expect((await post('sleep', {}, { 'content-type': 'application/json; charset=utf-8' })).statusCode).toBe(202);
  });
});
