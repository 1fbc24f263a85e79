// Datagrams through `torpor run`: relayed both ways, held for a sleeper, whom they wake where they may, and read on by the Torpor that takes over.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { isAlive } from '../support/is-alive.ts';
import { freePort } from '../support/ports.ts';
import { handedOverTo } from '../support/torpor-process.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

/** A socket with what came to it, as text, oldest first. */
async function openSocket(onText: (text: string, port: number, socket: Socket) => void = () => {}) {
  const socket = createSocket('udp4');
  const heard: string[] = [];
  socket.on('message', (bytes, { port }) => {
    heard.push(bytes.toString());
    onText(bytes.toString(), port, socket);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  return { socket, heard, port, [Symbol.dispose]: () => socket.close() };
}

/** A UDP listener of the stage, for `configure`. */
function udpListener(name: string, port: number, vmPort: number, datagrams: string) {
  return {
    ...{ name, listenPort: port, listen: `udp:127.0.0.1:${port}`, target: `udp:127.0.0.1:${vmPort}` },
    ...{ device: 'desktop', probe: 'none', udp: { datagrams } },
  };
}

/** Below what the kernel keeps of small datagrams for a socket that nobody reads: 212,992 B by default, 768 B for one. */
const MOST_UNREAD = 100;

describe('udp listeners', { timeout: E2E_TIMEOUT_MS }, () => {
  test('relayed both ways; asleep: one that only counts is held, one that wakes brings both, in order', async () => {
    await using stage = await Stage.open();
    using vm = await openSocket((text, port, socket) => socket.send(`re: ${text}`, port, '127.0.0.1'));
    const [wakePort, countPort] = [await freePort(), await freePort()];
    const game = udpListener('game', wakePort, vm.port, 'wake');
    stage.configure({
      vms: [...stage.alice({}).vms, game, udpListener('syslog', countPort, vm.port, 'count')],
    });
    const torpor = await stage.run();
    using player = await openSocket();
    using logger = await openSocket();
    player.socket.send('one', wakePort, '127.0.0.1');
    await eventually('the answer', () => player.heard.includes('re: one'));

    await torpor.waitForState(PLATFORM, 'asleep');
    const presses = stage.platform.host.buttonPresses;
    logger.socket.send('held', countPort, '127.0.0.1');
    await eventually('it to be held', async () => (await torpor.platform(PLATFORM)).heldBytes === 'held'.length);
    expect((await torpor.platform(PLATFORM)).state).toBe('asleep');
    expect(vm.heard).toEqual(['one']);

    player.socket.send('two', wakePort, '127.0.0.1');
    await eventually('the first answer of who slept', () => player.heard.includes('re: two'));
    await eventually('the answer to what was held', () => logger.heard.includes('re: held'));
    expect(vm.heard.toSorted()).toEqual(['held', 'one', 'two']);
    expect(stage.platform.host.buttonPresses).toBe(presses);
    expect((await torpor.platform(PLATFORM)).refusedClients).toEqual({});
  });

  test('SIGUSR2 while datagrams come -> each arrives once, in order, from the same port; who was silent counts, and is answered, as before', async () => {
    await using stage = await Stage.open({ idleTimeout: '10m' });
    const ports = new Map<string, Set<number>>();
    using vm = await openSocket((text, port, socket) => {
      const who = text === 'silent' ? text : 'player';
      ports.set(who, (ports.get(who) ?? new Set()).add(port));
      if (who === 'player') socket.send(`re: ${text}`, port, '127.0.0.1');
    });
    const port = await freePort();
    const vms = [...stage.alice({}).vms, udpListener('game', port, vm.port, 'wake')];
    stage.configure({ idleTimeout: '10m', vms });
    const torpor = await stage.run();
    using player = await openSocket();
    using silent = await openSocket();
    silent.socket.send('silent', port, '127.0.0.1');
    await eventually('it to arrive', () => ports.has('silent'));
    vm.heard.length = 0;
    let sent = 0;
    const play = setInterval(() => {
      if (sent - vm.heard.length < MOST_UNREAD) player.socket.send(String(sent++), port, '127.0.0.1');
    }, 10);
    try {
      await eventually('the first answers', () => player.heard.length > 5);
      process.kill(torpor.pid, 'SIGUSR2');
      const next = await eventually('the hand-over', () => handedOverTo(torpor.output));
      try {
        // It had the flows only, which went on.
        await eventually('the old process to end', () => !isAlive(torpor.pid));
        const heard = vm.heard.length;
        await eventually('what was sent since', () => vm.heard.length > heard + 5);
        clearInterval(play);
        await eventually('all that was sent', () => vm.heard.length >= sent);
        expect(vm.heard).toEqual(Array.from({ length: sent }, (_, at) => String(at)));
        await eventually('the last answer', () => player.heard.includes(`re: ${sent - 1}`));
        expect(player.heard).toEqual(vm.heard.map((text) => `re: ${text}`));
        expect([ports.get('player')?.size, ports.get('silent')?.size]).toEqual([1, 1]);

        // It has not said a word to the new process.
        const [own] = (await torpor.streams()).filter(({ client }) => client === `127.0.0.1:${silent.port}`);
        expect(own).toMatchObject({ active: true, mode: 'flowing', bytesFromClient: 0 });
        const [towardsSilent = 0] = ports.get('silent') ?? [];
        vm.socket.send('for you', towardsSilent, '127.0.0.1');
        await eventually('what the VM says by itself', () => silent.heard.includes('for you'));
      } finally {
        if (isAlive(next)) process.kill(next, 'SIGTERM');
        await eventually('the new process to end', () => !isAlive(next));
      }
    } finally {
      clearInterval(play);
    }
  });

  test('SIGUSR2 while the platform sleeps and a datagram waits -> it sleeps on, and the datagram arrives once after the wake', async () => {
    await using stage = await Stage.open();
    using vm = await openSocket();
    const port = await freePort();
    stage.configure({ vms: [...stage.alice({}).vms, udpListener('syslog', port, vm.port, 'count')] });
    const torpor = await stage.run();
    await torpor.waitForState(PLATFORM, 'asleep');
    using logger = await openSocket();
    logger.socket.send('held', port, '127.0.0.1');
    await eventually('it to be held', async () => (await torpor.platform(PLATFORM)).heldBytes === 'held'.length);
    const presses = stage.platform.host.buttonPresses;

    process.kill(torpor.pid, 'SIGUSR2');
    const next = await eventually('the hand-over', () => handedOverTo(torpor.output));
    try {
      await eventually('the old process to end', () => !isAlive(torpor.pid));
      expect(await torpor.waitForState(PLATFORM, 'asleep')).toMatchObject({ heldBytes: 'held'.length });
      expect([stage.platform.host.phase, stage.platform.host.buttonPresses]).toEqual(['asleep', presses]);
      await torpor.ask(PLATFORM, 'wake');
      await eventually('it to arrive', () => vm.heard.length > 0);
      logger.socket.send('next', port, '127.0.0.1');
      await eventually('the next one', () => vm.heard.includes('next'));
      expect(vm.heard).toEqual(['held', 'next']);
    } finally {
      if (isAlive(next)) process.kill(next, 'SIGTERM');
      await eventually('the new process to end', () => !isAlive(next));
    }
  });
});
