// Peers: HAProxy and nginx with a certificate before a WebSocket listener, by the recipes of docs/web.md; python3-websockets as the client.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { VmConnection, VmService } from '../../src/power/simulated/vm-connection.ts';
import { MarkdownPage } from '../docs/support/markdown-page.ts';
import { endChild } from '../live/support/end-child.ts';
import { pipeText } from '../live/support/pipe-text.ts';
import { requiresWebSockets } from '../live/support/websocket-client.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import { haproxyConfig, nginxConfig, startProxy } from '../support/proxy-program.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

const PEER = fileURLToPath(new URL('../live/support/websocket-peer.py', import.meta.url));
/** An address of the client's own, which no program before or behind the proxy has. */
const CLIENT = '127.0.0.77';
const RECIPES = MarkdownPage.load('docs/web.md')
  .blocks.filter(({ note }) => note === 'run by test/e2e/wss.conformance.test.ts')
  .map(({ lines }) => lines.join('\n'));
const [HAPROXY = '', NGINX = ''] = RECIPES;

/** Answers each chunk with itself. */
class EchoService implements VmService {
  received(connection: VmConnection, bytes: Uint8Array): void {
    connection.write(Buffer.concat([Buffer.from('re: '), bytes]));
  }
}

function makeCertificate(stage: Stage): { certificate: string; key: string } {
  const [certificate, key] = [stage.folder.file('cert.pem'), stage.folder.file('key.pem')];
  const names = ['-subj', '/CN=desk.example', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const options = ['-days', '2', '-nodes', '-newkey', 'rsa:2048', ...names];
  execFileSync('openssl', ['req', '-x509', '-keyout', key, '-out', certificate, ...options], { stdio: 'ignore' });
  return { certificate, key };
}

/** The recipe's proxy before the stage's listener. */
function startRecipe(recipe: string, port: number, stage: Stage): Promise<AsyncDisposable> {
  const { certificate, key } = makeCertificate(stage);
  const block = recipe.replace('127.0.0.1:6080', `127.0.0.1:${stage.listenPort}`);
  if (recipe !== HAPROXY) {
    const served = block
      .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
      .replace('/etc/ssl/desk.pem', certificate)
      .replace('/etc/ssl/desk.key', key);
    return startProxy('nginx', port, nginxConfig(`http { access_log off;\n${served}\n}`));
  }
  const both = stage.folder.file('desk.pem');
  writeFileSync(both, readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 });
  const served = block.replace('bind :443', `bind 127.0.0.1:${port}`).replace('/etc/haproxy/desk.pem', both);
  return startProxy('haproxy', port, haproxyConfig(`${served}\n`));
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
      await using _proxy = await startRecipe(recipe, port, stage);
      const torpor = await stage.run();
      const args = [PEER, 'client', `wss://127.0.0.1:${port}/websockify`, '1', 'never', CLIENT];
      const env = { ...process.env, SSL_CERT_FILE: stage.folder.file('cert.pem') };
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
