// Several processes that carry the streams, as users run them: one platform sleeps and wakes under the clients of all of them.
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { LineClient } from '../support/line-client.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

const CLIENTS = 12;

describe('torpor run with two workers', { timeout: E2E_TIMEOUT_MS }, () => {
  test('sleep: idle clients of both -> asleep once; a line by one of each wakes, every line once, no client lost', async () => {
    await using stage = await Stage.open({ workers: 2, idleTimeout: '2s' });
    const torpor = await stage.run();
    const clients: LineClient[] = [];
    for (let each = 0; each < CLIENTS; each += 1) clients.push(await stage.connect());
    await Promise.all(clients.map((client) => client.ask('one')));
    const streams = await torpor.streams();
    const workerOf = (client: LineClient) =>
      /-(\d+)\.\d+$/.exec(streams.find((stream) => stream.client.endsWith(`:${client.localPort}`))?.id ?? '')?.[1];
    expect(streams).toHaveLength(CLIENTS);
    expect((await torpor.platform(PLATFORM)).workers).toEqual({ wanted: 2, running: 2 });

    const byWorker = [...new Map(clients.map((client) => [workerOf(client), client])).values()];
    for (const client of byWorker) {
      await torpor.waitForState(PLATFORM, 'asleep');
      expect(stage.platform.host.powerState()).toBe('S3');
      const presses = stage.platform.host.buttonPresses;
      expect(clients.every(({ state }) => state === 'open')).toBe(true);
      client.write('two\nthree\n');
      expect(await client.readLine()).toMatch(/two$/);
      expect(await client.readLine()).toMatch(/three$/);
      expect(stage.platform.host.buttonPresses).toBe(presses);
    }
    await Promise.all(clients.map((client) => client.ask('four')));
    expect(clients.flatMap(({ unread }) => unread)).toEqual([]);
    for (const client of clients) client[Symbol.dispose]();
  });

  test('kill -9 of the main process, asleep: -> its workers end with it, and the next run takes over addresses and sleeper', async () => {
    await using stage = await Stage.open({ workers: 2 });
    const torpor = await stage.run();
    using client = await stage.connect();
    await client.ask('one');
    await torpor.waitForState(PLATFORM, 'asleep');
    const presses = stage.platform.host.buttonPresses;
    await torpor.killNow();
    await client.whenClosed();
    const next = await stage.run();
    await next.waitForState(PLATFORM, 'asleep');
    using other = await stage.connect();
    expect(await other.ask('two')).toMatch(/two$/);
    expect(stage.platform.host.buttonPresses).toBe(presses);
  });

  test('SIGTERM: held bytes of a waking platform -> are delivered, then all processes end with code 0', async () => {
    await using stage = await Stage.open({ workers: 2 });
    const torpor = await stage.run();
    using client = await stage.connect();
    await client.ask('one');
    await torpor.waitForState(PLATFORM, 'asleep');
    client.write('last\n');
    await torpor.waitForState(PLATFORM, ['waking', 'awake']);
    expect(await torpor.stop()).toEqual({ code: 0, signal: null });
    await eventually('the line at the VM', () =>
      stage.platform.vm('alice').connections.some((at) => at.bytesReceived === 'one\nlast\n'.length),
    );
  });
});
