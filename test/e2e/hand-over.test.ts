// One Torpor that leaves its listeners and platforms to the next, and sockets that systemd opened: clients are never refused meanwhile.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runTorpor } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { OrderBook } from '../../src/history/order-book.ts';
import { eventually } from '../support/eventually.ts';
import { isAlive } from '../support/is-alive.ts';
import { KeptLog } from '../support/kept-log.ts';
import { LineClient } from '../support/line-client.ts';
import { childrenOf, whileStopped } from '../support/stopped.ts';
import { handedOverTo } from '../support/torpor-process.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const TALK_EVERY_MS = 20;

describe('hand-over', { timeout: E2E_TIMEOUT_MS }, () => {
  test('SIGUSR2: a new process serves new clients, the old one its open stream, which wakes the sleeper through the new one; then it ends', async () => {
    await using stage = await Stage.open();
    const torpor = await stage.run();
    using old = await stage.connect();
    await old.ask('one');
    await torpor.waitForState(PLATFORM, 'asleep');

    process.kill(torpor.pid, 'SIGUSR2');
    const next = await eventually('the hand-over', () => handedOverTo(torpor.output));
    try {
      expect((await torpor.waitForState(PLATFORM, 'asleep')).inhibitors).toMatchObject([{ kind: 'torpor' }]);
      expect(stage.platform.host.phase).toBe('asleep');
      // The old process has it, and does not press: the new one does.
      expect(await old.ask('two')).toMatch(/ n=2 .*two$/);
      using fresh = await stage.connect();
      expect(await fresh.ask('new')).toMatch(/ n=1 .*new$/);
      expect((await torpor.streams()).map(({ client }) => client)).toEqual([`127.0.0.1:${fresh.localPort}`]);
      expect(stage.platform.host.buttonPresses).toBe(1);

      old.destroy();
      await eventually('the old process to end', () => !isAlive(torpor.pid));
      expect(isAlive(next)).toBe(true);
      // Its streams do not keep the platform awake any more.
      fresh.destroy();
      await torpor.waitForState(PLATFORM, 'asleep');
      expect(stage.platform.host.buttonPresses).toBe(2);
    } finally {
      if (isAlive(next)) process.kill(next, 'SIGTERM');
      await eventually('the new process to end', () => !isAlive(next));
    }
  });

  test('SIGUSR2 with two workers: streams of both talk on without a line lost, new clients are the new process’s; the old one ends with its last stream', async () => {
    await using stage = await Stage.open({ idleTimeout: '10m', workers: 2 });
    const torpor = await stage.run();
    const old: LineClient[] = [];
    const workers = childrenOf(torpor.pid);
    for (const worker of workers) {
      await whileStopped(
        workers.filter((other) => other !== worker),
        async () => {
          const own = await Promise.all(Array.from({ length: 6 }, () => stage.connect()));
          await Promise.all(own.map((client) => client.ask('line 1')));
          old.push(...own);
        },
      );
    }
    const carriers = (await torpor.streams()).map(({ id }) => /-(\d+)\.\d+$/.exec(id)?.[1]);
    expect([old.length, new Set(carriers).size]).toEqual([12, 2]);
    // Nobody falls silent meanwhile: each line has its answer, counted by the VM.
    let isOver = false;
    const talks = old.map(async (client) => {
      let lines = 1;
      while (!isOver) {
        lines += 1;
        // Not as fast as it can: the process that takes over must come up beside it.
        await pause(TALK_EVERY_MS);
        expect(await client.ask(`line ${lines}`)).toMatch(new RegExp(` n=${lines} .*line ${lines}$`));
      }
      return lines;
    });

    process.kill(torpor.pid, 'SIGUSR2');
    const next = await eventually('the hand-over', () => handedOverTo(torpor.output));
    try {
      for (let each = 0; each < 4; each += 1) {
        using fresh = await stage.connect();
        expect(await fresh.ask('new')).toMatch(/ n=1 .*new$/);
      }
      await torpor.waitForState(PLATFORM, 'awake');
      isOver = true;
      expect(Math.min(...(await Promise.all(talks)))).toBeGreaterThan(1);
      expect(old.map(({ state, unread }) => [state, unread.length])).toEqual(old.map(() => ['open', 0]));
      expect(isAlive(torpor.pid)).toBe(true);
      for (const client of old) client.destroy();
      await eventually('the old process to end', () => !isAlive(torpor.pid));
      using last = await stage.connect();
      expect(await last.ask('last')).toMatch(/ n=1 .*last$/);
      await eventually('both of its workers', async () => (await torpor.platform(PLATFORM)).workers.running === 2);
    } finally {
      if (isAlive(next)) process.kill(next, 'SIGTERM');
      await eventually('the new process to end', () => !isAlive(next));
    }
  });

  test('an operator inhibits a platform that was let go of, while the API still answers -> on disk, for the process that follows', async () => {
    await using stage = await Stage.open({ idleTimeout: '10m' });
    const { config } = await loadConfig(stage.configPath);
    const run = await runTorpor(config, { log: new KeptLog() });
    try {
      let ordered: Promise<void> | null = null;
      run.farm.onEvent(({ facts }) => {
        if (facts.by !== 'torpor' || ordered !== null) return;
        ordered = new Promise((resolve) => setImmediate(resolve)).then(() =>
          run.farm.inhibit(PLATFORM, { inhibitor: 'build', forMs: null, why: 'a build' }),
        );
      });
      await run.handOver.leave(() => {});
      expect(ordered).not.toBeNull();
      await ordered;
      const kept = await new OrderBook(config.stateDir).read(PLATFORM);
      expect(kept?.inhibitors).toMatchObject([{ name: 'build' }]);
    } finally {
      await run.stop();
    }
  });

  test('SIGUSR2 with a file that the new process refuses -> the old one goes on, clients get through', async () => {
    await using stage = await Stage.open({ idleTimeout: '10m' });
    const torpor = await stage.run();
    using client = await stage.connect();
    await client.ask('one');
    writeFileSync(stage.configPath, 'platforms: 7\n');
    process.kill(torpor.pid, 'SIGUSR2');
    await eventually('it to be told', () => torpor.output.includes('nothing was handed over'));
    using another = await stage.connect();
    expect(await another.ask('new')).toMatch(/ n=1 .*new$/);
    expect(await client.ask('two')).toMatch(/ n=2 .*two$/);
    expect((await torpor.platform(PLATFORM)).inhibitors).toEqual([]);
  });

  test('SIGUSR2, and the new process cannot start -> the old one takes everything back, its stream was never cut', async () => {
    await using stage = await Stage.open({ idleTimeout: '10m' });
    const torpor = await stage.run();
    using client = await stage.connect();
    await client.ask('one');
    // The new file asks for an address that somebody has: its process ends after it was let in.
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    stage.configure({ apiPort: port });
    process.kill(torpor.pid, 'SIGUSR2');
    await eventually('it to be told', () => torpor.output.includes('this Torpor goes on'));
    using another = await stage.connect();
    expect(await another.ask('new')).toMatch(/ n=1 .*new$/);
    expect(await client.ask('two')).toMatch(/ n=2 .*two$/);
    expect((await torpor.platform(PLATFORM)).inhibitors).toEqual([]);
    taken.close();
  });
});

describe('socket activation', { timeout: E2E_TIMEOUT_MS }, () => {
  test.each([1, 2])(
    'LISTEN_FDS, %d workers: a client that came before Torpor ran is served; a socket that nobody names is closed',
    async (workers) => {
      await using stage = await Stage.open({ idleTimeout: '10m', workers });
      // As systemd does it: bound and listening before the service runs.
      const servers = [createServer(), createServer()];
      servers[0]?.listen(stage.listenPort, '127.0.0.1');
      servers[1]?.listen(0, '127.0.0.1');
      await Promise.all(servers.map((server) => once(server, 'listening')));
      const fds = servers.map((server) => (server as unknown as { _handle: { fd: number } })._handle.fd);
      const command = `LISTEN_PID=$$ LISTEN_FDS=2 exec "$0" "$1" run --config "$2"`;
      const child = spawn('sh', ['-c', command, process.execPath, PROGRAM, stage.configPath], {
        stdio: ['ignore', 'pipe', 'inherit', ...fds],
      });
      let output = '';
      child.stdout?.on('data', (text) => {
        output += text;
      });
      // This process must not accept: the socket is the child's from now on.
      for (const server of servers) server.close();
      try {
        using early = await LineClient.connect(stage.listenPort);
        expect(await early.ask('early', 120_000)).toMatch(/ n=1 .*early$/);
        await eventually('the other socket to be told', () => output.includes('no listener names are closed'));
      } finally {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    },
  );
});
