// Several processes that carry the streams, as users run them: one platform sleeps and wakes under the clients of all of them.
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LineClient } from '../support/line-client.ts';
import { freePort } from '../support/ports.ts';
import { childrenOf, whileStopped } from '../support/stopped.ts';
import type { TorporApi } from '../support/torpor-api.ts';
import { type SetUp, writeFarmConfig } from '../support/torpor-config.ts';
import type { TorporProcess } from '../support/torpor-process.ts';
import { E2E_TIMEOUT_MS, PASSWORD, PLATFORM, Stage, USER } from './support/stage.ts';

const CLIENTS = 12;

describe('torpor run with two workers', { timeout: E2E_TIMEOUT_MS }, () => {
  test('sleep: idle clients of both -> asleep once; a line by one of each wakes, every line once, no client lost', async () => {
    await using stage = await Stage.open({ workers: 2, idleTimeout: '2s' });
    const torpor = await stage.run();
    const clients = await connectByEach(stage, torpor);
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

  test('SIGHUP: a listener added, changed, taken out -> at once in both workers, and in one that is started later; open streams stay', async () => {
    await using stage = await Stage.open({ workers: 2, idleTimeout: '10m' });
    const torpor = await stage.run();
    const open = await connectByEach(stage, torpor);
    const target = `127.0.0.1:${stage.platform.vmPorts[0]}`;
    const port = await freePort();
    let reloads = 0;
    const reload = async (vms: SetUp['vms']) => {
      stage.configure({ workers: 2, idleTimeout: '10m', vms });
      process.kill(torpor.pid, 'SIGHUP');
      reloads += 1;
      await eventually(
        'the reload',
        () => torpor.output.split('configuration read again').length - 1 >= reloads || Promise.reject(torpor.output),
      );
    };
    const second = { name: 'bob', listenPort: port, target, probe: 'none' };

    await reload([...stage.alice({}).vms, second]);
    await connectByEach(stage, torpor, port);

    // One that comes up now knows of it, too.
    const [victim = 0] = childrenOf(torpor.pid);
    process.kill(victim, 'SIGKILL');
    await eventually('another worker', () => torpor.output.includes('another one takes its place'));
    await eventually('both to run', async () => (await torpor.platform(PLATFORM)).workers.running === 2);
    for (let each = 0; each < CLIENTS; each += 1) {
      using client = await stage.connect(port);
      expect(await client.ask('later')).toMatch(/ n=1 .*later$/);
    }

    await eventually('its streams to end', () => open.some(({ state }) => state !== 'open'));
    const kept = open.filter(({ state }) => state === 'open');
    await reload(stage.alice({ allowFrom: ['192.0.2.0/24'] }).vms);
    await expect(LineClient.connect(port)).rejects.toThrow('ECONNREFUSED');
    // Changed in both: whoever comes from here is reset.
    for (let each = 0; each < 8; each += 1) {
      await expect(LineClient.connect(stage.listenPort).then((client) => client.ask('?', 5000))).rejects.toThrow();
    }
    for (const client of kept) expect(await client.ask('two')).toMatch(/ n=2 .*two$/);
    // Back, at an address that was free in between.
    await reload([...stage.alice({}).vms, second]);
    using again = await stage.connect(port);
    expect(await again.ask('again')).toMatch(/ n=1 .*again$/);
    expect(torpor.output).not.toContain('next start');
  });

  test('SIGHUP: a platform added and taken out -> served by both workers, its open stream stays to its end', async () => {
    await using stage = await Stage.open({ workers: 2, idleTimeout: '10m' });
    const torpor = await stage.run();
    await using other = await Stage.open();
    const target = `127.0.0.1:${other.platform.vmPorts[0]}`;
    const bmc = { port: stage.platform.bmcPort, user: USER, password: PASSWORD };
    const first = { platform: PLATFORM, bmc, ...stage.alice({}), idleTimeout: '10m' };
    const port = await freePort();
    const vms = [{ name: 'bob', listenPort: port, target, probe: 'none' }];
    const second = { ...first, platform: 'vdi-02', bmc: { ...bmc, port: other.platform.bmcPort }, vms };
    const { apiPort } = stage;
    writeFarmConfig(stage.folder, { apiPort, workers: 2, platforms: [first, second] });
    process.kill(torpor.pid, 'SIGHUP');
    await eventually('the platform', async () => (await torpor.platforms()).length === 2);
    const clients = await connectByEach(stage, torpor, port);

    writeFarmConfig(stage.folder, { apiPort, workers: 2, platforms: [first] });
    process.kill(torpor.pid, 'SIGHUP');
    await eventually('the platform to be taken out', () => torpor.output.includes('vdi-02 taken out'));
    await eventually('the port to be free', () =>
      LineClient.connect(port).then(
        (client) => Promise.reject(new Error(client.state)),
        () => true,
      ),
    );
    for (const client of clients) expect(await client.ask('still here')).toMatch(/ n=2 .*still here$/);
    for (const client of clients) client.destroy();
    await eventually('the platform to be out', async () => (await torpor.platforms()).length === 1);
    using alice = await stage.connect();
    expect(await alice.ask('one')).toMatch(/ n=1 .*one$/);
  });
});

/** Clients of every worker, whose first line was answered: while one worker serves them the others stand still. */
async function connectByEach(stage: Stage, torpor: TorporProcess, port = stage.listenPort): Promise<LineClient[]> {
  const workers = childrenOf(torpor.pid);
  const clients: LineClient[] = [];
  for (const taker of workers) {
    const others = workers.filter((pid) => pid !== taker);
    await whileStopped(others, async () => {
      for (let each = 0; each < CLIENTS / workers.length; each += 1) {
        const client = await stage.connect(port);
        clients.push(client);
        expect(await client.ask('one')).toMatch(/ n=1 .*one$/);
      }
    });
  }
  expect(await workersOf(torpor, clients)).toBe(workers.length);
  return clients;
}

/** By how many workers these are carried. */
async function workersOf(torpor: TorporApi, clients: readonly LineClient[]): Promise<number> {
  const streams = await torpor.streams();
  const ids = clients.map(
    ({ localPort }) => streams.find(({ client }) => client.endsWith(`:${localPort}`))?.id ?? '-0.0',
  );
  return new Set(ids.map((id) => /-(\d+)\.\d+$/.exec(id)?.[1])).size;
}
