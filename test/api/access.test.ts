// Who may use the API: tokens with roles, sessions of browsers, and what a browser must not be made to do.
import { chmodSync, writeFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import type { InjectOptions } from 'light-my-request';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildApi } from '../../src/api/build-api.ts';
import { SESSION_MAX_AGE_MS, SESSIONS_MAX, SessionTable } from '../../src/api/session-table.ts';
import { findToken, formatTokenLine, hashToken, makeToken, parseTokens, readTokens } from '../../src/api/token-file.ts';
import { TokenStore } from '../../src/api/token-store.ts';
import { KeptLog } from '../support/kept-log.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { FakeFarm } from './fakes/fake-farm.ts';

const VIEWER = makeToken();
const OPERATOR = makeToken();
const lineOf = (name: string, role: 'view' | 'operate', token: string) =>
  formatTokenLine({ name, role, hash: hashToken(token) });

let folder: TempFolder;
let farm: FakeFarm;
let log: KeptLog;
let api: FastifyInstance;
let nowMs: number;

beforeEach(() => {
  folder = new TempFolder('access');
  writeTokens(lineOf('eve', 'view', VIEWER), lineOf('ops', 'operate', OPERATOR));
  farm = new FakeFarm();
  log = new KeptLog();
  nowMs = 1_700_000_000_000;
  api = build(false);
});

afterEach(async () => {
  await api.close();
  folder.remove();
});

function writeTokens(...lines: string[]): void {
  writeFileSync(folder.file('tokens'), `# who may\n${lines.join('\n')}\n`, { mode: 0o600 });
}

function build(isSecure: boolean): FastifyInstance {
  const tokens = new TokenStore(folder.file('tokens'), log, () => nowMs);
  const access = { tokens, nowMs: () => nowMs };
  const tls = isSecure ? { tls: { cert: Buffer.alloc(0), key: Buffer.alloc(0) } } : {};
  return buildApi(farm, { log, version: '1.2.3', listenHost: '0.0.0.0', ...access, ...tls });
}

function ask(url: string, options: InjectOptions = {}) {
  return api.inject({ url, ...options, headers: { host: 'torpor.example:7070', ...options.headers } });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const wake = (headers: Record<string, string>) => ask('/api/v1/platforms/vdi-01/wake', { method: 'POST', headers });

async function logIn(token: string, headers: Record<string, string> = { origin: 'http://torpor.example:7070' }) {
  return ask('/api/v1/session', {
    method: 'POST',
    payload: JSON.stringify({ token }),
    headers: { 'content-type': 'application/json', ...headers },
  });
}

async function cookieOf(token: string): Promise<string> {
  return String((await logIn(token)).headers['set-cookie']).split(';')[0] as string;
}

describe('tokens', () => {
  it('no token -> 401 problem that says how to show one; health and readiness are told to anybody, names are not', async () => {
    for (const url of ['/api/v1/platforms', '/api/v1/events', '/api/v1/session']) {
      const response = await ask(url);
      expect(response.statusCode, url).toBe(401);
      expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(response.headers['www-authenticate']).toBe('Bearer realm="Torpor"');
    }
    expect((await ask('/healthz')).statusCode).toBe(200);
    farm.change('vdi-01', { state: 'starting' });
    expect((await ask('/readyz')).json()).toEqual({ status: 'starting', starting: [] });
    expect((await ask('/readyz', { headers: bearer(VIEWER) })).json().starting).toEqual(['vdi-01']);
  });

  it('role view -> looks, and does not touch (403); role operate -> both', async () => {
    expect((await ask('/api/v1/platforms', { headers: bearer(VIEWER) })).statusCode).toBe(200);
    expect((await wake(bearer(VIEWER))).statusCode).toBe(403);
    expect(farm.calls).toEqual([]);
    expect((await wake(bearer(OPERATOR))).statusCode).toBe(202);
    expect((await ask('/api/v1/session', { headers: bearer(VIEWER) })).json()).toEqual({
      name: 'eve',
      role: 'view',
      tokens: true,
    });
  });

  it.each(['Bearer nonsense', `Basic ${OPERATOR}`, 'Bearer', `Bearer ${OPERATOR}x`, `Bearer ${'x'.repeat(300)}`])(
    'Authorization: %s -> 401, and the log does not show it',
    async (authorization) => {
      expect((await wake({ authorization })).statusCode).toBe(401);
      expect(farm.calls).toEqual([]);
      const shown = authorization.slice(7, 40);
      if (shown !== '') expect(JSON.stringify(log.lines)).not.toContain(shown);
    },
  );

  it('revoked, or its role changed, while Torpor runs -> so within a second, sessions that it opened too', async () => {
    const cookie = await cookieOf(OPERATOR);
    expect((await ask('/api/v1/platforms', { headers: { cookie } })).statusCode).toBe(200);
    writeTokens(lineOf('eve', 'view', VIEWER), lineOf('ops', 'view', OPERATOR));
    nowMs += 1001;
    expect((await wake(bearer(OPERATOR))).statusCode).toBe(403);
    expect((await ask('/api/v1/platforms', { headers: { cookie } })).statusCode).toBe(401);
    writeTokens(lineOf('eve', 'view', VIEWER));
    nowMs += 1001;
    expect((await wake(bearer(OPERATOR))).statusCode).toBe(401);
  });

  it.each(['token', 'session'])(
    'the %s of a reader of events is over -> told nothing more, its stream ends',
    async (by) => {
      const headers = by === 'token' ? bearer(VIEWER) : { cookie: await cookieOf(VIEWER) };
      const url = await api.listen({ host: '127.0.0.1', port: 0 });
      const answer = await fetch(`${url}/api/v1/events`, { headers: { accept: 'text/event-stream', ...headers } });
      expect(answer.status).toBe(200);
      farm.emit('before');
      if (by === 'token') writeTokens(lineOf('ops', 'operate', OPERATOR));
      nowMs += by === 'token' ? 1001 : SESSION_MAX_AGE_MS;
      farm.emit('after');
      const text = await answer.text();
      expect(text).toContain('before');
      expect(text).not.toContain('after');
    },
  );

  it('a file that others may read, or that is broken -> nobody is let in, and the log says why', async () => {
    chmodSync(folder.file('tokens'), 0o644);
    nowMs += 1001;
    expect((await ask('/api/v1/platforms', { headers: bearer(VIEWER) })).statusCode).toBe(401);
    expect(JSON.stringify(log.lines)).toContain('chmod 600');
    expect(() => readTokens(folder.file('tokens'))).toThrow(expect.objectContaining({ code: 'ERR_API_TOKENS' }));
    expect(() => readTokens(folder.file('none'))).toThrow(/torpor token add/);
  });

  it.each([
    'eve view',
    'eve admin sha256:00',
    `eve view ${VIEWER}`,
    `../eve view sha256:${'0'.repeat(64)}`,
    `a view sha256:${'0'.repeat(64)}\na view sha256:${'1'.repeat(64)}`,
  ])('a file with the line %s -> refused with its number, never with its text', (text) => {
    expect(() => parseTokens(text, 'tokens')).toThrow(/line [12]/);
    expect(() => parseTokens(text, 'tokens')).not.toThrow(VIEWER);
  });

  it('found by the whole token, whichever entry it is', () => {
    const entries = parseTokens(`${lineOf('a', 'view', VIEWER)}\n\n# b\n${lineOf('b', 'operate', OPERATOR)}`, 'tokens');
    expect(findToken(entries, OPERATOR)?.name).toBe('b');
    expect(findToken(entries, VIEWER)?.name).toBe('a');
    expect(findToken(entries, '')).toBeNull();
  });
});

describe('sessions', () => {
  it('a token shown once -> a cookie that no script reads and no other site gets; left -> gone', async () => {
    const response = await logIn(VIEWER);
    expect(response.json()).toEqual({ name: 'eve', role: 'view', tokens: true });
    const header = String(response.headers['set-cookie']);
    expect(header).toMatch(/^torpor-[0-9a-f]{8}=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    expect(header).not.toContain(VIEWER);
    const cookie = header.split(';')[0] as string;
    expect((await ask('/api/v1/platforms', { headers: { cookie } })).statusCode).toBe(200);
    const headers = { cookie, origin: 'http://torpor.example:7070' };
    expect((await ask('/api/v1/session', { method: 'DELETE', headers })).statusCode).toBe(204);
    expect((await ask('/api/v1/platforms', { headers: { cookie } })).statusCode).toBe(401);
  });

  it('two Torpors of one host name, each with a session -> a browser that sends both cookies is known to both', async () => {
    const other = build(false);
    const mine = await cookieOf(VIEWER);
    const first = api;
    api = other;
    const theirs = await cookieOf(VIEWER);
    expect(theirs.split('=')[0]).not.toBe(mine.split('=')[0]);
    for (const each of [first, other]) {
      api = each;
      const { statusCode } = await ask('/api/v1/platforms', { headers: { cookie: `${mine}; ${theirs}` } });
      expect(statusCode).toBe(200);
    }
    await first.close();
  });

  it('a wrong token -> 401 and no cookie', async () => {
    const response = await logIn('torpor_nope');
    expect(response.statusCode).toBe(401);
    expect(response.headers['set-cookie']).toBeUndefined();
  });

  it.each([
    ['no word of where from', {}],
    ['another site', { origin: 'https://evil.example' }],
    ['another port of this host', { origin: 'http://torpor.example:8080' }],
    ['a sandboxed frame', { origin: 'null' }],
    ['a sibling of this site', { 'sec-fetch-site': 'same-site' }],
  ])('an order with a session and %s -> 403, and nothing asked', async (_where, headers) => {
    const cookie = await cookieOf(OPERATOR);
    expect((await wake({ cookie, ...headers })).statusCode).toBe(403);
    expect(farm.calls).toEqual([]);
  });

  it('an order with a session from the page itself -> taken; with the role view -> 403', async () => {
    const headers = { origin: 'http://torpor.example:7070' };
    expect((await wake({ cookie: await cookieOf(OPERATOR), ...headers })).statusCode).toBe(202);
    expect((await wake({ cookie: await cookieOf(OPERATOR), 'sec-fetch-site': 'same-origin' })).statusCode).toBe(202);
    expect((await wake({ cookie: await cookieOf(VIEWER), ...headers })).statusCode).toBe(403);
  });

  it('a login that another site makes a browser send -> 403: nobody works in somebody else’s session unknowingly', async () => {
    expect((await logIn(VIEWER, {})).statusCode).toBe(403);
    expect((await logIn(VIEWER, { origin: 'https://evil.example' })).statusCode).toBe(403);
  });

  it('twelve hours later -> over; more than there is room for -> the oldest ends', () => {
    let now = 0;
    const sessions = new SessionTable(() => now);
    const token = { name: 'eve', role: 'view', hash: hashToken(VIEWER) } as const;
    const first = sessions.open(token);
    now = SESSION_MAX_AGE_MS - 1;
    expect(sessions.find(first)).toBe(token);
    now = SESSION_MAX_AGE_MS;
    expect(sessions.find(first)).toBeNull();
    const ids = Array.from({ length: SESSIONS_MAX + 1 }, () => sessions.open(token));
    expect(sessions.find(ids[0] as string)).toBeNull();
    expect(sessions.find(ids[1] as string)).toBe(token);
  });
});

describe('headers', () => {
  it('every answer -> not kept, not sniffed, not framed, nothing told to other sites', async () => {
    for (const url of ['/healthz', '/api/v1/platforms', '/nowhere']) {
      expect((await ask(url)).headers, url).toMatchObject({
        'cache-control': 'no-store',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      });
    }
  });
});
