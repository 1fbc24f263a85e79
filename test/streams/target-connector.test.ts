import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TorporError } from '../../src/platform/errors.ts';
import type { RawSockets } from '../../src/streams/raw-socket.ts';
import { detectRawSockets } from '../../src/streams/raw-trial.ts';
import type { StreamSocket } from '../../src/streams/stream-socket.ts';
import { CONNECT_BOUND_MS, type ConnectPace, TargetConnector } from '../../src/streams/target-connector.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { freePort } from '../support/ports.ts';

const servers: Server[] = [];
const sockets: Array<{ destroy(): unknown }> = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function listen(port: number, backlog = 511): Promise<{ port: number; accepted: Socket[] }> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket);
    sockets.push(socket);
    socket.on('error', () => {});
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port, backlog }, resolve));
  return { port: (server.address() as AddressInfo).port, accepted };
}

let raw: RawSockets | null = null;

function startConnector(port: number, pace: ConnectPace, clock = new FakeClock()) {
  const results: Array<StreamSocket | TorporError> = [];
  const connector = new TargetConnector({
    target: { host: '127.0.0.1', port },
    pace,
    clock,
    bound: TargetConnector.boundBy(clock),
    raw,
    owner: {
      onConnected: (socket) => {
        results.push(socket);
        sockets.push(socket);
      },
      onConnectFailed: (error) => results.push(error),
    },
  });
  return { connector, results, clock };
}

/** Lets the sockets of attempts hear of their refusal. */
const breathe = () => new Promise((resolve) => setTimeout(resolve, 20));

describe.each(['net.Socket', 'bare handles'])('TargetConnector, %s', (way) => {
  beforeAll(async () => {
    raw = way === 'net.Socket' ? null : await detectRawSockets();
    if (way !== 'net.Socket' && raw === null) throw new Error(`no raw sockets under Node ${process.version}`);
  });

  it.each(['ordinary', 'eager'] as const)(
    '%s: a target that listens -> one connection, half-open, no appointment left',
    async (pace) => {
      const { port, accepted } = await listen(0);
      const { results, clock } = startConnector(port, pace);
      await eventually('the connection', () => results.length > 0 && accepted.length > 0, { everyMs: 2 });
      await clock.advance(CONNECT_BOUND_MS);
      expect(results).toHaveLength(1);
      // Half-open: the far end's FIN leaves this side open.
      const socket = results[0] as StreamSocket;
      accepted[0]?.end();
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      expect([socket.destroyed, socket.writableEnded]).toEqual([false, false]);
      expect([clock.pending, accepted.length]).toEqual([0, 1]);
    },
  );

  it('ordinary: a refusal -> final, with what to do', async () => {
    const port = await freePort();
    const { results, clock } = startConnector(port, 'ordinary');
    await eventually('the refusal', () => results.length > 0, { everyMs: 2 });
    expect(results[0]).toMatchObject({ code: 'ERR_STREAM_TARGET', retryable: true });
    expect((results[0] as TorporError).message).toBe(
      `could not connect to the target 127.0.0.1:${port} (ECONNREFUSED): nothing listens there: start the service, or correct the target`,
    );
    await clock.advance(CONNECT_BOUND_MS);
    expect([results.length, clock.pending]).toEqual([1, 0]);
  });

  it('eager: refused at first, served later -> connected by a later attempt', async () => {
    const port = await freePort();
    const { results, clock } = startConnector(port, 'eager');
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await breathe();
      await clock.advance(500);
    }
    expect(results).toEqual([]);
    const { accepted } = await listen(port);
    await clock.advance(500);
    await eventually('the connection', () => results.length > 0 && accepted.length > 0, { everyMs: 2 });
    expect([results.length, accepted.length]).toEqual([1, 1]);
  });

  it('eager: refused all the time -> fails at the bound and not before, with the last reason', async () => {
    const port = await freePort();
    const { results, clock } = startConnector(port, 'eager');
    await breathe();
    await clock.advance(CONNECT_BOUND_MS - 1);
    await breathe();
    expect(results).toEqual([]);
    await clock.advance(1);
    expect(results).toMatchObject([{ code: 'ERR_STREAM_TARGET' }]);
    expect((results[0] as TorporError).message).toContain('ECONNREFUSED');
    expect(clock.pending).toBe(0);
  });

  it('abort: while attempts are open -> nothing is told, nothing is left', async () => {
    const { port, accepted } = await listen(0);
    const { connector, results, clock } = startConnector(port, 'eager');
    connector.abort();
    await breathe();
    await clock.advance(2 * CONNECT_BOUND_MS);
    expect([results, clock.pending]).toEqual([[], 0]);
    // Whose handshake was under way is there for a moment.
    await eventually('all to be gone', () => accepted.every(({ closed }) => closed));
  });
});
