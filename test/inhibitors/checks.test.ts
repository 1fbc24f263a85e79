// Checks that are asked outside: a command's exit codes, an address's answers, a BMC's watchdog. Real processes, a real server.
import { createServer, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { CommandCheck } from '../../src/inhibitors/command-check.ts';
import { UrlCheck } from '../../src/inhibitors/url-check.ts';
import { asWatchdogReader, WatchdogCheck } from '../../src/inhibitors/watchdog-check.ts';
import type { WatchdogReading } from '../../src/platform/ports.ts';

const BOUNDS = { name: 'backup', everyMs: 60_000, timeoutMs: 10_000, onError: 'block' } as const;
const NEVER = new AbortController().signal;

function command(line: string) {
  return new CommandCheck({ platform: 'vdi-01', command: line, ...BOUNDS });
}

describe('CommandCheck', () => {
  it.each([
    ['true', 'free', ''],
    ['echo looked; echo nothing runs', 'free', 'nothing runs'],
    ['echo one; echo "rsync of /home" >&2; exit 1', 'busy', 'rsync of /home'],
    ['exit 1', 'busy', 'busy'],
    ['printf "a\\033[2Jb\\n"; exit 1', 'busy', 'a [2Jb'],
    ['echo "$TORPOR_PLATFORM $TORPOR_CHECK"; exit 1', 'busy', 'vdi-01 backup'],
  ])('%s -> %s (%s)', async (line, outcome, why) => {
    expect(await command(line).ask(NEVER)).toEqual([{ name: 'backup', outcome, why }]);
  });

  it.each([
    ['exit 2', 'exit code 2'],
    [
      'echo "ssh: connect to host vdi-01: No route to host" >&2; exit 255',
      'exit code 255: ssh: connect to host vdi-01: No route to host',
    ],
    ['kill -9 $$', 'was ended by SIGKILL'],
    ['nosuchprogram-at-all', 'exit code 127'],
  ])('%s -> no answer: %s', async (line, problem) => {
    await expect(command(line).ask(NEVER)).rejects.toThrow(problem);
  });

  it('aborted while it runs -> ended with its children, no answer', async () => {
    const abort = new AbortController();
    const asked = command('sleep 600 & wait').ask(abort.signal);
    abort.abort();
    await expect(asked).rejects.toThrow('was called off');
  });

  it('a reason of 10,000 characters -> shortened', async () => {
    const [verdict] = await command('head -c 10000 /dev/zero | tr "\\0" x; exit 1').ask(NEVER);
    expect(verdict?.why).toHaveLength(201);
  });
});

describe('UrlCheck', () => {
  const closers: Array<() => void> = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function urlCheck(answer: (response: ServerResponse) => void): Promise<UrlCheck> {
    const server = createServer((_request, response) => answer(response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    return new UrlCheck({ url: `http://127.0.0.1:${port}/busy`, ...BOUNDS });
  }

  const json =
    (body: string, status = 200) =>
    (response: ServerResponse) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  const text =
    (body: string, status = 200) =>
    (response: ServerResponse) =>
      response.writeHead(status, { 'content-type': 'text/plain' }).end(body);

  it.each([
    ['{"busy": false}', json('{"busy": false}'), 'free', ''],
    ['{"busy": true, "why": …}', json('{"busy": true, "why": "rsync runs"}'), 'busy', 'rsync runs'],
    ['{"busy": true}', json('{"busy": true}'), 'busy', 'busy'],
    ['204', (response: ServerResponse) => response.writeHead(204).end(), 'free', ''],
    ['200 with a text', text('nothing runs'), 'free', 'nothing runs'],
    ['423 with a text', text('locked by rsync\nmore', 423), 'busy', 'locked by rsync'],
    ['409', text('', 409), 'busy', 'busy'],
  ] as const)('%s -> %s', async (_title, answer, outcome, why) => {
    const check = await urlCheck(answer);
    expect(await check.ask(NEVER)).toEqual([{ name: 'backup', outcome, why }]);
  });

  it.each([
    ['JSON without busy', json('{"state": "idle"}'), 'no "busy"'],
    ['busy as a word', json('{"busy": "no"}'), 'no "busy"'],
    ['JSON null', json('null'), 'no "busy"'],
    ['no JSON', json('{'), 'JSON'],
    ['500', text('', 500), 'status 500'],
    ['401', text('', 401), 'status 401'],
    ['a redirect', (response: ServerResponse) => response.writeHead(302, { location: '/login' }).end(), 'status 302'],
    ['an answer without end', (response: ServerResponse) => response.end('x'.repeat(200_000)), 'longer than 64 KiB'],
    ['a connection that is cut', (response: ServerResponse) => response.socket?.destroy(), 'other side closed'],
  ] as const)('%s -> no answer', async (_title, answer, problem) => {
    const check = await urlCheck(answer);
    await expect(check.ask(NEVER)).rejects.toThrow(problem);
  });

  it('nobody listens -> no answer, with the reason', async () => {
    const check = await urlCheck(json('{}'));
    for (const close of closers.splice(0)) close();
    await expect(check.ask(NEVER)).rejects.toThrow('ECONNREFUSED');
  });

  it('never answers -> ends with the signal', async () => {
    const check = await urlCheck(() => {});
    const abort = new AbortController();
    const asked = check.ask(abort.signal);
    setTimeout(() => abort.abort(new Error('no answer within 10s')), 20);
    await expect(asked).rejects.toThrow('no answer within 10s');
  });
});

describe('WatchdogCheck', () => {
  it.each<[string, WatchdogReading | null, string, string]>([
    ['no watchdog', null, 'free', 'has no watchdog'],
    ['stopped', { running: false, action: 'hard reset', secondsLeft: 0 }, 'free', 'is stopped'],
    [
      'runs',
      { running: true, action: 'hard reset', secondsLeft: 45 },
      'busy',
      "the BMC's watchdog runs (hard reset in 45 s",
    ],
    ['runs without an action', { running: true, action: 'none', secondsLeft: 45 }, 'warning', 'does nothing'],
  ])('%s -> %s', async (_title, reading, outcome, why) => {
    const [verdict] = await new WatchdogCheck({ readWatchdog: async () => reading }).ask(NEVER);
    expect(verdict).toMatchObject({ name: 'watchdog', outcome });
    expect(verdict?.why).toContain(why);
  });

  it('cannot be read -> no answer', async () => {
    const check = new WatchdogCheck({ readWatchdog: async () => Promise.reject(new Error('timeout')) });
    await expect(check.ask(NEVER)).rejects.toThrow('timeout');
  });

  it('asWatchdogReader: a driver that reads watchdogs, and one that does not', () => {
    const reader = { readWatchdog: async () => null };
    expect(asWatchdogReader(reader)).toBe(reader);
    expect(asWatchdogReader({ readPower: async () => null })).toBeNull();
  });
});
