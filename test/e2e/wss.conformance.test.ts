// Peers: HAProxy and nginx with a certificate before a WebSocket listener, by the recipes of docs/web.md; python3-websockets as the client.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { VmConnection, VmService } from '../../src/power/simulated/vm-connection.ts';
import { endChild } from '../live/support/end-child.ts';
import { pipeText } from '../live/support/pipe-text.ts';
import { requiresWebSockets } from '../live/support/websocket-client.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';
import { HAPROXY, makeCertificate, NGINX, RECIPES, startRecipe } from './support/wss-recipes.ts';

const PEER = fileURLToPath(new URL('../live/support/websocket-peer.py', import.meta.url));
/** An address of the client's own, which no program before or behind the proxy has. */
const CLIENT = '127.0.0.77';
/** Answers each chunk with itself. */
class EchoService implements VmService {
  received(connection: VmConnection, bytes: Uint8Array): void {
    connection.write(Buffer.concat([Buffer.from('re: '), bytes]));
  }
}

async function openStage(recipe: string): Promise<Stage> {
  const stage = await Stage.open({}, { vms: [{ name: 'alice', service: new EchoService() }] });
  const keepsClients = recipe === HAPROXY;
  const listener = {
    ...{ protocol: 'raw', device: 'desktop', webSocket: { path: '/websockify', text: 'bytes' } },
    ...(keepsClients && { proxyProtocol: { acceptFrom: ['127.0.0.1'] } }),
  };
  stage.configure(stage.alice(listener));
  return stage;
}

const missing = requires(['haproxy', 'nginx', 'openssl']) ?? requiresWebSockets();

describeWhere(missing, 'wss: TLS ended before a WebSocket listener', () => {
  test('the page shows two recipes', () => {
    expect(RECIPES.map((recipe) => /^# (\S+)[.]/.exec(recipe)?.[1])).toEqual(['haproxy', 'nginx']);
  });

  test.each([
    ['HAProxy', HAPROXY, CLIENT],
    ['nginx', NGINX, '127.0.0.1'],
  ])(
    '%s: a client that verifies the certificate stays through the sleep, its next message wakes; it is known as the recipe says',
    async (_, recipe, known) => {
      await using stage = await openStage(recipe);
      const port = await freePort();
      const certificate = makeCertificate(stage.folder);
      await using _proxy = await startRecipe(recipe, { port, torporPort: stage.listenPort, certificate });
      const torpor = await stage.run();
      const args = [PEER, 'client', `wss://127.0.0.1:${port}/websockify`, '1', 'never', CLIENT];
      const env = { ...process.env, SSL_CERT_FILE: certificate.file };
      const client = spawnTied('/usr/bin/python3', args, { stdio: ['pipe', 'pipe', 'pipe'], env });
      const seen = pipeText(client);
      try {
        await eventually('the client to be connected', () => seen().includes('connected'), { context: seen });
        client.stdin?.write('one\n');
        await eventually('the answer', () => seen().includes("got b're: one'"), { context: seen });
        expect((await torpor.streams()).map((stream) => stream.client.split(':')[0])).toEqual([known]);
        await torpor.waitForState(PLATFORM, 'asleep');
        client.stdin?.write('two\n');
        await eventually('the answer of who slept', () => seen().includes("got b're: two'"), { context: seen });
        expect(seen()).not.toContain('closed');
        expect(stage.platform.host.phase).toBe('running');
      } finally {
        await endChild(client);
      }
    },
    E2E_TIMEOUT_MS,
  );
});
