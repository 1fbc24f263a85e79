// The gate within `torpor run`: clients of an edge are clients of the listeners, sleep and wake as they do, and outlive breaks of the link.

import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { isAlive } from '../support/is-alive.ts';
import { handedOverTo } from '../support/torpor-process.ts';
import { LinkedStage } from './support/linked-stage.ts';
import { E2E_TIMEOUT_MS, PLATFORM } from './support/stage.ts';

describe('torpor run with a gate', { timeout: E2E_TIMEOUT_MS }, () => {
  test('an idle client of an edge: sleeps under it, over breaks of the link; its edge is told; its key wakes, each line once', async () => {
    await using linked = await LinkedStage.open();
    const { stage, relay } = linked;
    const torpor = await stage.runHere();
    await linked.startEdge();
    using client = await linked.connect();
    expect(await client.ask('one')).toMatch(/ n=1 .*one$/);
    // In the table by its own address, which no socket of this process has.
    expect(torpor.streamsNow().map((stream) => stream.client)).toEqual([`127.0.0.1:${client.localPort}`]);

    await torpor.waitForState(PLATFORM, 'asleep');
    await eventually('the edge to be told', () => linked.edge.status().streams[0]?.platform === 'asleep');
    expect(linked.edge.status().streams).toMatchObject([{ service: 'desktop', active: false }]);
    const before = relay.connections;
    relay.cut();
    await eventually('the next connection', () => relay.connections > before && linked.edge.isConnected);
    await eventually('the edge to be told again', () => linked.edge.status().streams[0]?.platform === 'asleep');
    expect(torpor.streamsNow()).toMatchObject([{ active: false, mode: 'holding' }]);
    expect((await torpor.platform(PLATFORM)).state).toBe('asleep');

    client.write('two\nthree\n');
    expect(await client.readLine()).toMatch(/ n=2 .*two$/);
    expect(await client.readLine()).toMatch(/ n=3 .*three$/);
    expect(client.unread).toEqual([]);
    const said = linked.log.lines.map(({ message }) => message);
    expect(said).toContain('the platform of desktop is asleep');
    expect(said).toContain('the platform of desktop is waking');

    const [link] = await torpor.links();
    expect(link).toMatchObject({ edge: 'berlin', connected: true, streams: 1, breaks: 1, resumes: 1 });
    expect(link?.bytesFromEdge).toBe('one\ntwo\nthree\n'.length);
    const page = await (await fetch(`http://127.0.0.1:${stage.apiPort}/metrics`)).text();
    expect(page).toContain('torpor_link_up{edge="berlin"} 1');
    expect(page).toContain('torpor_link_received_bytes_total{edge="berlin",form="plain"} 14');
  });

  test('bulk both ways while the link breaks, then both ends -> every line once and in order, and the stream is gone', async () => {
    await using linked = await LinkedStage.open({ idleTimeout: '10m' });
    const torpor = await linked.stage.runHere();
    await linked.startEdge();
    using client = await linked.connect();
    const lines = 3000;
    const padding = 'a line of some length '.repeat(20);
    for (let n = 1; n <= lines; n += 1) {
      client.write(`${n} ${padding}\n`);
      if (n % 1000 === 0) linked.relay.cut();
    }
    for (let n = 1; n <= lines; n += 1)
      expect(await client.readLine(60_000)).toMatch(new RegExp(` n=${n} .* ${n} a line`));
    client.end();
    expect(await client.whenClosed(60_000)).toBe('ended');
    await eventually('no stream', () => torpor.streamsNow().every(({ mode }) => mode === 'closed'));
    await eventually('none at the edge', () => linked.edge.status().streams.length === 0);
  });

  test('reload: names of listeners follow, open streams stay, a gate that is taken out ends them by reset', async () => {
    await using linked = await LinkedStage.open({ idleTimeout: '10m' });
    const torpor = await linked.stage.runHere();
    await linked.startEdge(['desktop', 'shell']);
    using client = await linked.connect();
    expect(await client.ask('one')).toMatch(/ n=1 /);
    using early = await linked.connect(1);
    expect(await early.whenClosed(60_000)).toBe('reset');

    linked.configure({ link: 'shell' });
    expect(await torpor.reload(linked.stage.configPath)).toMatchObject({ problems: [] });
    using late = await linked.connect(1);
    expect(await late.ask('new')).toMatch(/ n=1 /);
    expect(await client.ask('two')).toMatch(/ n=2 /);

    linked.configure({ link: 'shell' }, { keys: linked.stage.folder.file('no-keys') });
    const refused = await torpor.reload(linked.stage.configPath);
    expect(refused.problems.join()).toMatch(/^link: .*cannot be read/);
    expect(await client.ask('three')).toMatch(/ n=3 /);

    linked.configure({}, null);
    expect(await torpor.reload(linked.stage.configPath)).toMatchObject({ problems: [] });
    expect(await torpor.links()).toEqual([]);
    // The edge goes on trying for as long as it may; its clients end when it gives up, or is told.
    expect(torpor.streamsNow().every(({ mode }) => mode === 'closed')).toBe(true);
  });

  test('a client that resets, a VM that is gone: the other end sees a reset, through a listener as through a socket', async () => {
    await using linked = await LinkedStage.open({ idleTimeout: '10m' });
    const torpor = await linked.stage.runHere();
    await linked.startEdge();
    const client = await linked.connect();
    expect(await client.ask('one')).toMatch(/ n=1 /);
    client.destroy();
    await eventually('the stream to be over', () => torpor.streamsNow().every(({ mode }) => mode === 'closed'));
    await eventually('its VM to know', () =>
      linked.stage.platform.vm('alice').connections.every(({ closed }) => closed),
    );
  });
});

describe('hand-over under a link', { timeout: E2E_TIMEOUT_MS }, () => {
  test('SIGUSR2: the open stream of an edge talks on, its next client is the new process’s, and the old one ends with its last stream', async () => {
    await using linked = await LinkedStage.open({ idleTimeout: '10m' });
    const { stage } = linked;
    const torpor = await stage.run();
    await linked.startEdge();
    using old = await linked.connect();
    expect(await old.ask('one')).toMatch(/ n=1 .*one$/);

    process.kill(torpor.pid, 'SIGUSR2');
    const pid = await eventually('the hand-over', () => handedOverTo(torpor.output), {
      withinMs: 90_000,
    });
    try {
      await eventually('the new link', () => linked.edge.isConnected, { withinMs: 60_000 });
      using fresh = await linked.connect();
      expect(await fresh.ask('new')).toMatch(/ n=1 .*new$/);
      expect(await old.ask('two')).toMatch(/ n=2 .*two$/);
      const clients = (await torpor.streams()).map(({ client }) => client);
      expect(clients).toEqual([`127.0.0.1:${fresh.localPort}`]);
      old.destroy();
      await eventually('the old process to end', () => !isAlive(torpor.pid), { withinMs: 60_000 });
      expect(await fresh.ask('still')).toMatch(/ n=2 .*still$/);
    } finally {
      process.kill(pid, 'SIGTERM');
      await eventually('the new process to end', () => !isAlive(pid), { withinMs: 60_000 });
    }
  });
});
