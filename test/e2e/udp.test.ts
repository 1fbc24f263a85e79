// Datagrams through `torpor run`: relayed both ways, held for a sleeper, whom they wake where they may.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
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

describe('udp listeners', { timeout: E2E_TIMEOUT_MS }, () => {
  test('relayed both ways; asleep: one that only counts is held, one that wakes brings both, in order', async () => {
    await using stage = await Stage.open();
    using vm = await openSocket((text, port, socket) => socket.send(`re: ${text}`, port, '127.0.0.1'));
    const [wakePort, countPort] = [await freePort(), await freePort()];
    const listener = (name: string, port: number, datagrams: string) => ({
      ...{ name, listenPort: port, listen: `udp:127.0.0.1:${port}`, target: `udp:127.0.0.1:${vm.port}` },
      ...{ device: 'desktop', probe: 'none', udp: { datagrams } },
    });
    stage.configure({
      vms: [...stage.alice({}).vms, listener('game', wakePort, 'wake'), listener('syslog', countPort, 'count')],
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
});
