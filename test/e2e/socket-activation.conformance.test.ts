// Peer: systemd-socket-activate, which gives sockets as systemd does: bound, named, and before anybody runs.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LineClient } from '../support/line-client.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, findProgram, requires } from '../support/requirements.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { E2E_TIMEOUT_MS, Stage } from './support/stage.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

function activate(listen: readonly string[], names: string, configPath: string, options: readonly string[] = []) {
  const sockets = listen.flatMap((each) => ['-l', each]);
  const args = [...options, ...sockets, `--fdname=${names}`, process.execPath, PROGRAM, 'run', '--config', configPath];
  const child = spawnTied(findProgram('systemd-socket-activate') ?? '', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { output: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said.output += text;
    });
  }
  const over = once(child, 'exit') as Promise<[number | null]>;
  return { child, said, over };
}

/** What came to it, each with the port that it came from; answers where `answer` says something. */
async function openDatagrams(answer: (text: string) => string | null) {
  const socket = createSocket('udp4');
  const heard: string[] = [];
  socket.on('message', (bytes, { port }) => {
    heard.push(`${port} ${bytes}`);
    const text = answer(String(bytes));
    if (text !== null) socket.send(text, port, '127.0.0.1');
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, heard, port: socket.address().port, [Symbol.dispose]: () => socket.close() };
}

describeWhere(requires(['systemd-socket-activate']), 'sockets that systemd opens and names', () => {
  test.each([1, 2])(
    '%d workers, a TCP and a Unix socket by name -> the client that came before Torpor ran is served, so are others',
    async (workers) => {
      await using stage = await Stage.open();
      const path = stage.folder.file('bob.sock');
      const [alice] = stage.alice({ listen: 'systemd:alice' }).vms;
      const [bob] = stage.alice({ listen: 'systemd:bob', name: 'bob' }).vms;
      const vms = [alice, bob].filter((vm) => vm !== undefined);
      stage.configure({ idleTimeout: '10m', workers, vms });
      const port = await freePort();
      const { child, said, over } = activate([`127.0.0.1:${port}`, path], 'alice:bob', stage.configPath);
      try {
        using early = await eventually('the socket', () => LineClient.connect(port), { context: () => said.output });
        expect(await early.ask('early', 60_000)).toMatch(/ n=1 .*early$/);
        using bobs = await LineClient.connectTo(path);
        expect(await bobs.ask('over the path', 40_000)).toMatch(/ n=1 .*over the path$/);
      } finally {
        child.kill('SIGTERM');
        await over;
      }
      expect(said.output).not.toContain('no listener names');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'a socket for datagrams by name -> the one that came before Torpor ran arrives, and is answered from there',
    async () => {
      await using stage = await Stage.open();
      using vm = await openDatagrams((text) => `re: ${text}`);
      const vms = stage.alice({ device: 'desktop', probe: 'none' }).vms;
      const listener = { listen: 'udp:systemd:game', target: `udp:127.0.0.1:${vm.port}` };
      stage.configure({ idleTimeout: '10m', vms: vms.map((each) => ({ ...each, ...listener })) });
      const port = await freePort();
      const { child, said, over } = activate([`127.0.0.1:${port}`], 'game', stage.configPath, ['--datagram']);
      try {
        using player = await openDatagrams(() => null);
        // Nobody can tell whether it is bound already: a datagram before that is lost.
        await eventually('the socket', () => said.output.includes('Listening on'), { context: () => said.output });
        player.socket.send('early', port, '127.0.0.1');
        await eventually('the answer', () => player.heard.includes(`${port} re: early`), {
          context: () => said.output,
        });
        expect(vm.heard.map((text) => text.split(' ')[1])).toEqual(['early']);
      } finally {
        child.kill('SIGTERM');
        await over;
      }
      expect(said.output).not.toContain('no listener names');
    },
    E2E_TIMEOUT_MS,
  );

  test(
    'a name that no socket has -> it does not start, and says which names there are',
    async () => {
      await using stage = await Stage.open();
      stage.configure(stage.alice({ listen: 'systemd:alice' }));
      const port = await freePort();
      const { said, over } = activate([`127.0.0.1:${port}`], 'carol', stage.configPath);
      using early = await eventually('the socket', () => LineClient.connect(port), { context: () => said.output });
      expect((await over)[0]).toBe(1);
      expect(early.unread).toEqual([]);
      expect(said.output).toContain('systemd gave carol');
      expect(said.output).toContain('FileDescriptorName=alice');
    },
    E2E_TIMEOUT_MS,
  );
});
