import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  describeIdentity,
  IDENTITY_MAX_BYTES,
  type IdentitySource,
  readIdentity,
} from '../../../src/power/context/identity-source.ts';
import { eventually } from '../../support/eventually.ts';

const BOUND_MS = 60_000;
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise<void>((resolve) => server.close(() => resolve()));
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function urlOf(answer: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listening(createHttpServer({ keepAlive: false }, answer))}/boot-id`;
}

async function bannerOf(greet: (socket: Socket) => void, match: string | null = null): Promise<IdentitySource> {
  const port = await listening(
    createServer((socket) => {
      socket.on('error', () => {});
      greet(socket);
    }),
  );
  return { kind: 'banner', host: '127.0.0.1', port, match };
}

function read(source: IdentitySource, boundMs = BOUND_MS, signal = new AbortController().signal) {
  return readIdentity(source, { boundMs, signal });
}

const command = (text: string, match: string | null = null): IdentitySource => ({
  kind: 'command',
  command: text,
  match,
});

describe('identity by command', () => {
  it.each([
    ['its trimmed output', 'echo "  8f4fbb11  "; echo warning >&2', null, { value: '8f4fbb11' }],
    ['the first group of the pattern', 'echo "uptime=5 boot=8f4fbb11"', 'boot=(\\S+)', { value: '8f4fbb11' }],
    ['all of the pattern without a group', 'echo "uptime=5 boot=8f4fbb11"', 'boot=\\S+', { value: 'boot=8f4fbb11' }],
    ['the line of several that the pattern finds', 'printf "a=1\\nboot=2\\n"', '^boot=(.*)$', { value: '2' }],
    ['no match', 'echo hello', 'boot=(\\S+)', { problem: 'what was read does not match' }],
    ['empty', 'true', null, { problem: 'what was read is empty' }],
    ['a non-zero exit', 'echo 8f4fbb11; exit 3', null, { problem: 'exit code 3' }],
  ])('command: %s -> as it says', async (_name, text, match, expected) => {
    expect(await read(command(text, match))).toEqual(expected);
  });

  it('command: hangs -> no answer within the bound; called off -> said so', async () => {
    expect(await read(command('sleep 60'), 200)).toEqual({ problem: 'no answer within 200 ms' });
    const abort = new AbortController();
    const reading = read(command('sleep 60'), BOUND_MS, abort.signal);
    abort.abort();
    expect(await reading).toEqual({ problem: 'was called off' });
  });
});

describe('identity by URL', () => {
  it('URL: 200 with a body -> the trimmed body, or what matches in it', async () => {
    const url = await urlOf((_, response) => response.end('{"uptime": 17, "boot_id": "8f4fbb11"}\n'));
    expect(await read({ kind: 'url', url, match: null })).toEqual({ value: '{"uptime": 17, "boot_id": "8f4fbb11"}' });
    expect(await read({ kind: 'url', url, match: '"boot_id": "([^"]+)"' })).toEqual({ value: '8f4fbb11' });
  });

  it('URL: a body beyond the bound, chunk by chunk without end -> unreadable, and the connection is closed', async () => {
    let isClosed = false;
    const url = await urlOf((request, response) => {
      request.socket.on('close', () => {
        isClosed = true;
      });
      const write = () => {
        while (!response.destroyed && response.write('x'.repeat(1024)));
        if (!response.destroyed) response.once('drain', write);
      };
      write();
    });
    expect(await read({ kind: 'url', url, match: null })).toEqual({ problem: `more than ${IDENTITY_MAX_BYTES} bytes` });
    await eventually('the connection to be closed', () => isClosed);
  });

  it('URL: another status, a redirect, nobody listens, no answer -> unreadable, with the reason', async () => {
    const missing = await urlOf((_, response) => response.writeHead(404).end('8f4fbb11'));
    expect(await read({ kind: 'url', url: missing, match: null })).toEqual({ problem: 'HTTP status 404' });
    const moved = await urlOf((_, response) => response.writeHead(302, { location: missing }).end());
    expect(await read({ kind: 'url', url: moved, match: null })).toEqual({ problem: 'unexpected redirect' });
    const port = await listening(createServer());
    await new Promise<void>((resolve) => servers.pop()?.close(() => resolve()));
    const gone: IdentitySource = { kind: 'url', url: `http://127.0.0.1:${port}/`, match: null };
    expect(await read(gone)).toEqual({ problem: `connect ECONNREFUSED 127.0.0.1:${port}` });
    const silent: Socket[] = [];
    const silentPort = await listening(createServer((socket) => silent.push(socket)));
    const never: IdentitySource = { kind: 'url', url: `http://127.0.0.1:${silentPort}/`, match: null };
    expect(await read(never, 200)).toEqual({ problem: 'no answer within 200 ms' });
    for (const socket of silent) socket.destroy();
  });
});

describe('identity by banner', () => {
  it('banner: a first line, also in pieces -> the whole line', async () => {
    const source = await bannerOf((socket) => {
      socket.setNoDelay(true);
      socket.write('SSH-2.0-box bo');
      setTimeout(() => socket.write('ot=8f4f'), 20);
      setTimeout(() => socket.write('bb11\r\n'), 40);
    });
    expect(await read(source)).toEqual({ value: 'SSH-2.0-box boot=8f4fbb11' });
    expect(await read({ ...source, match: 'boot=(\\S+)' })).toEqual({ value: '8f4fbb11' });
  });

  it('banner: a half line and then nothing -> unreadable, not half an identity', async () => {
    const source = await bannerOf((socket) => socket.write('boot=8f4f'));
    expect(await read(source, 300)).toEqual({ problem: 'no answer within 300 ms' });
  });

  it('banner: text without a line break, then the end -> the text; the end alone -> empty', async () => {
    expect(await read(await bannerOf((socket) => socket.end('8f4fbb11')))).toEqual({ value: '8f4fbb11' });
    expect(await read(await bannerOf((socket) => socket.end()))).toEqual({ problem: 'what was read is empty' });
  });

  it('banner: bytes without a line break and without end -> bounded', async () => {
    const source = await bannerOf((socket) => socket.write('x'.repeat(IDENTITY_MAX_BYTES + 1)));
    const problem = `more than ${IDENTITY_MAX_BYTES} bytes without a line break`;
    expect(await read(source)).toEqual({ problem });
  });
});

describe('describeIdentity', () => {
  it('for people: where it is read -> without what may be secret', () => {
    expect(describeIdentity(command('curl -H "token: s3cret" host'))).toBe('its command');
    expect(describeIdentity({ kind: 'url', url: 'http://10.0.1.21/id?key=s3cret', match: null })).toBe(
      'http://10.0.1.21',
    );
    expect(describeIdentity({ kind: 'banner', host: '10.0.1.21', port: 22, match: null })).toBe(
      'the banner of 10.0.1.21:22',
    );
  });
});
