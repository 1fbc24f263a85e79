// Peer: HAProxy, in front of `torpor run` with PROXY headers and health checks, while the platform sleeps and wakes.
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { passiveOpens } from '../support/kernel-tcp.ts';
import { freePort } from '../support/ports.ts';
import { haproxyConfig, startProxy } from '../support/proxy-program.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

/** The client's own, which neither the proxy nor Torpor has. */
const CLIENT = '127.0.0.77';
const CHECKS = 10;

/** Sends lines, and gives what came back so far. */
async function connectAsClient(port: number) {
  const socket = connect({ host: '127.0.0.1', port, localAddress: CLIENT, noDelay: true });
  const said = { text: '', isOpen: true };
  socket.setEncoding('utf8').on('data', (text: string) => {
    said.text += text;
  });
  socket
    .on('error', () => {})
    .on('close', () => {
      said.isOpen = false;
    });
  await once(socket, 'connect');
  return { socket, said };
}

describeWhere(requires(['haproxy']), 'HAProxy before Torpor', () => {
  // In version 1 HAProxy's checks claim to be clients from its own address: only a byte tells them from somebody.
  test.each([
    ['send-proxy', 'input'],
    ['send-proxy-v2', 'connect'],
  ])(
    '%s, wakeOn: %s, checks all the time -> the table has the client; the platform sleeps, no check wakes it, HAProxy finds it up, the client’s line wakes it',
    async (header, wakeOn) => {
      await using stage = await Stage.open();
      stage.configure(stage.alice({ wakeOn, proxyProtocol: { acceptFrom: ['127.0.0.1'] } }));
      const torpor = await stage.run();
      const [port, statsPort] = [await freePort(), await freePort()];
      const server = `server torpor 127.0.0.1:${stage.listenPort} ${header} check-send-proxy check inter 500 fall 100`;
      const stats = `listen stats\n  mode http\n  bind 127.0.0.1:${statsPort}\n  stats enable\n  stats uri /\n`;
      const front = `listen front\n  mode tcp\n  bind 127.0.0.1:${port}\n  ${server}\n`;
      await using _proxy = await startProxy('haproxy', port, haproxyConfig(front + stats));
      const { socket, said } = await connectAsClient(port);
      try {
        socket.write('one\n');
        await eventually('the first answer', () => / n=1 .*one\n/.test(said.text), { withinMs: 60_000 });
        const name = `${CLIENT}:${socket.localPort}`;
        expect((await torpor.streams()).map(({ client }) => client)).toContain(name);

        await torpor.waitForState(PLATFORM, 'asleep');
        // Each check of a sleeper is a connection that came and went. HAProxy resets it right behind its header, mostly before Torpor has
        // read that: the kernel knows of each. Nobody else connects meanwhile.
        const before = stage.changes.length;
        const first = passiveOpens();
        await eventually('checks of the sleeper', () => passiveOpens() >= first + CHECKS, { withinMs: 90_000 });
        expect((await torpor.platform(PLATFORM)).state).toBe('asleep');
        expect(stage.changes.length).toBe(before);
        await eventually('HAProxy to find it up', async () => {
          const page = await (await fetch(`http://127.0.0.1:${statsPort}/;csv`)).text();
          return /^front,torpor,.*,UP,/m.test(page);
        });

        expect(said.isOpen).toBe(true);
        socket.write('two\n');
        await eventually('the answer of who slept', () => / n=2 .*two\n/.test(said.text), { withinMs: 60_000 });
        expect((await torpor.streams()).map(({ client }) => client)).toContain(name);
        expect((await torpor.platform(PLATFORM)).refusedClients).toEqual({});
      } finally {
        socket.destroy();
      }
    },
    E2E_TIMEOUT_MS,
  );
});
