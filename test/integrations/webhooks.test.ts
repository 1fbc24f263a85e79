// Webhooks: order, retries, bounds and the signature, by a clock of the test's own; and one post over a real socket.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ATTEMPTS_MAX, QUEUE_MAX, Webhook, type WebhookOptions } from '../../src/integrations/webhooks.ts';
import type { FarmEvent } from '../../src/platform/status.ts';
import { comesTrue } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KeptLog } from '../support/kept-log.ts';

const readFixture = (name: string) =>
  readFileSync(new URL(`../power/redfish/fixtures/${name}`, import.meta.url), 'utf8');
const CERTIFICATE = { cert: readFixture('bmc.cert.pem'), key: readFixture('bmc.key.pem') };
const WALL_MS = 1_800_000_000_500;

class Bench {
  readonly clock = new FakeClock();
  readonly log = new KeptLog();
  /** Ids of the events that were posted, and their headers. */
  readonly posted: number[] = [];
  readonly headers: Array<Readonly<Record<string, string>>> = [];
  readonly bodies: string[] = [];
  /** What the address answers, oldest first; then 200. */
  answers: Array<number | Error> = [];
  #listener: (event: FarmEvent) => void = () => {};
  #lastId = 0;
  readonly webhook: Webhook;

  constructor(options: Partial<WebhookOptions> = {}) {
    const farm = {
      onEvent: (listener: (event: FarmEvent) => void) => {
        this.#listener = listener;
        return () => {
          this.#listener = () => {};
        };
      },
    };
    this.webhook = new Webhook(farm, {
      name: 'hook',
      url: 'http://127.0.0.1:9/',
      secret: 'a secret',
      events: [],
      ca: [],
      clock: this.clock,
      wallNowMs: () => WALL_MS,
      log: this.log,
      post: async (_url, body, headers) => {
        this.posted.push((JSON.parse(body) as { event: FarmEvent }).event.id);
        this.bodies.push(body);
        this.headers.push(headers);
        const answer = this.answers.shift() ?? 200;
        if (answer instanceof Error) throw answer;
        return answer;
      },
      ...options,
    });
  }

  event(kind = 'transition'): void {
    this.#lastId += 1;
    this.#listener({ id: this.#lastId, atMs: 1, platform: 'vdi-01', kind, message: 'awake -> drowsy', facts: {} });
  }
}

/** Lets what is already settled run. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('webhooks', () => {
  it('a failing address: 503, no answer, then 200 -> posted after 1 s and 2 s, the next event only then, same delivery id', async () => {
    const bench = new Bench();
    bench.answers = [503, new Error('ECONNREFUSED')];
    bench.event();
    bench.event();
    await settle();
    expect(bench.posted).toEqual([1]);
    await bench.clock.advance(999);
    await settle();
    expect(bench.posted).toEqual([1]);
    await bench.clock.advance(1);
    await settle();
    expect(bench.posted).toEqual([1, 1]);
    await bench.clock.advance(2_000);
    await settle();
    await settle();
    expect(bench.posted).toEqual([1, 1, 1, 2]);
    expect(new Set(bench.headers.slice(0, 3).map((headers) => headers['torpor-delivery'])).size).toBe(1);
    expect(bench.headers[3]?.['torpor-delivery']).not.toBe(bench.headers[0]?.['torpor-delivery']);
  });

  it.each([400, 404, 301])('%d -> not tried again, said, the next one follows', async (status) => {
    const bench = new Bench();
    bench.answers = [status];
    bench.event();
    bench.event();
    await comesTrue(() => expect(bench.posted).toEqual([1, 2]));
    expect(bench.log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('an address that never answers -> given up after ATTEMPTS_MAX, said once each way, the next one begins anew', async () => {
    const bench = new Bench();
    bench.answers = Array.from({ length: ATTEMPTS_MAX }, () => 500);
    bench.event();
    bench.event();
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      await settle();
      await bench.clock.advance(5 * 60_000);
    }
    await settle();
    expect(bench.posted).toEqual([...Array.from({ length: ATTEMPTS_MAX }, () => 1), 2]);
    expect(bench.log.lines.map(({ level }) => level)).toEqual(['warn', 'error']);
  });

  it('more events than may wait -> the oldest are dropped but for the one under way, said', async () => {
    const bench = new Bench();
    bench.answers = [500];
    for (let count = 0; count < QUEUE_MAX + 3; count += 1) bench.event();
    await settle();
    await bench.clock.advance(1_000);
    for (let turn = 0; turn < 2; turn += 1) await settle();
    await comesTrue(() => expect(bench.posted.at(-1)).toBe(QUEUE_MAX + 3));
    expect(bench.posted.slice(0, 4)).toEqual([1, 1, 5, 6]);
    expect(bench.log.lines.at(-1)?.facts).toMatchObject({ dropped: 3 });
  });

  it('kinds: only those asked for; stopped -> nothing more', async () => {
    const bench = new Bench({ events: ['alarm'] });
    bench.event('transition');
    bench.event('alarm');
    await settle();
    bench.webhook.stop();
    bench.event('alarm');
    await settle();
    expect(bench.posted).toEqual([2]);
  });

  it('the signature -> what docs/integrations.md verifies, over the very bytes that came', async () => {
    const requests: Array<{ body: string; signature: string }> = [];
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      request.on('end', () => {
        requests.push({ body, signature: String(request.headers['torpor-signature']) });
        response.writeHead(302, { location: '/elsewhere' }).end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const bench = new Bench({ url: `http://127.0.0.1:${port}/hook`, post: undefined as never });
    bench.event();
    await comesTrue(() => expect(bench.log.lines).toHaveLength(1));
    // A redirect is an answer, and not followed.
    expect(bench.log.lines[0]?.message).toContain('it answered 302');
    expect(requests).toHaveLength(1);
    const [{ body, signature }] = requests as [{ body: string; signature: string }];
    const [, seconds, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) as unknown as [string, string, string];
    const expected = createHmac('sha256', 'a secret').update(`${seconds}.${body}`).digest();
    expect(timingSafeEqual(Buffer.from(digest, 'hex'), expected)).toBe(true);
    expect(Number(seconds)).toBe(Math.floor(WALL_MS / 1000));
    bench.webhook.stop();
    server.close();
  });

  it('an address that changes the protocol in place of an answer -> tried again: the events behind it do not wait for ever', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write('HTTP/1.1 101 Sure\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const bench = new Bench({ url: `http://127.0.0.1:${port}/hook`, post: undefined as never });
    bench.event();
    await comesTrue(() => expect(bench.log.lines).toHaveLength(1));
    expect(bench.log.lines[0]?.message).toMatch(/did not take event 1: .*without an answer; tried again/);
    bench.webhook.stop();
    server.close();
  });

  it('HTTPS: a pinned authority -> posted; another one, or none -> not a byte, tried again', async () => {
    const requests: string[] = [];
    const server = createHttpsServer(CERTIFICATE, (request, response) => {
      requests.push(String(request.headers['torpor-delivery']));
      request.resume();
      response.writeHead(204).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const over = { url: `https://127.0.0.1:${port}/hook`, post: undefined as never };
    for (const ca of [[], [readFixture('other.cert.pem')]]) {
      const stranger = new Bench({ ...over, ca });
      stranger.event();
      await comesTrue(() => expect(stranger.log.lines[0]?.message).toMatch(/certificate/));
      stranger.webhook.stop();
    }
    expect(requests).toEqual([]);
    const known = new Bench({ ...over, ca: [CERTIFICATE.cert] });
    known.event();
    await comesTrue(() => expect(requests).toHaveLength(1));
    expect(known.log.lines).toEqual([]);
    known.webhook.stop();
    server.close();
  });
});
