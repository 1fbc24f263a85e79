// Peers: OpenSSL's s_client, curl, FreeRDP. One port of a real Torpor with two workers, VMs of two platforms behind it, told by SNI, Host and cookie.
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TorporProcess } from '../support/torpor-process.ts';

const run = promisify(execFile);
const PROGRAMS = ['openssl', 'curl', 'xfreerdp', 'xvfb-run'];

const servers: Server[] = [];
const folder = new TempFolder('routes');
const requests: string[] = [];
let torpor: TorporProcess;
let port = 0;

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return (server.address() as AddressInfo).port;
}

/** A VM that says its name in HTTP, inside TLS or not. */
function webServer(name: string, tls: { key: Buffer; cert: Buffer } | null): Server {
  const http = createHttp((_request, response) => response.end(`this is ${name}\n`));
  if (tls === null) return http;
  return createTls({ ...tls, ALPNProtocols: ['http/1.1'] }, (socket) => http.emit('connection', socket));
}

function platformOf(name: string, bmcPort: number, vms: object[]): object {
  const bmc = { driver: 'ipmi', host: '127.0.0.1', port: bmcPort, user: 'x', passwordFile: folder.file('password') };
  return { name, mode: 'observe', power: { bmc }, vms };
}

async function startTorpor(): Promise<void> {
  const subject = ['-subj', '/CN=any.example', '-days', '2', '-nodes', '-newkey', 'rsa:2048'];
  execFileSync('openssl', ['req', '-x509', '-keyout', folder.file('key'), '-out', folder.file('cert'), ...subject], {
    stdio: 'ignore',
  });
  const tls = { key: readFileSync(folder.file('key')), cert: readFileSync(folder.file('cert')) };
  const rdp = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (chunk) => {
      requests.push(chunk.toString('latin1'));
      socket.destroy();
    });
  });
  const targets = await Promise.all(
    [webServer('alice', tls), webServer('bob', tls), webServer('carol', null), rdp].map(listen),
  );
  const [alice, bob, carol, desk] = targets.map((target) => `127.0.0.1:${target}`);
  const apiPort = await freePort();
  port = await freePort();
  writeFileSync(folder.file('password'), 'secret\n', { mode: 0o600 });
  const routes = [
    { hosts: ['bob.example'], vm: 'bob', target: bob },
    { hosts: ['*.carol.example'], platform: 'lab', vm: 'carol', target: carol },
    { rdp: ['desk', 'vm=desk'], platform: 'lab', vm: 'desk', target: desk },
  ];
  const door = { listen: `127.0.0.1:${port}`, target: alice, wakeOn: 'connect', routes };
  const config = {
    api: { listen: `127.0.0.1:${apiPort}` },
    stateDir: folder.file('state'),
    workers: 2,
    platforms: [
      platformOf('vdi', await freePort(), [{ name: 'alice', listeners: [door] }, { name: 'bob' }]),
      platformOf('lab', await freePort(), [{ name: 'carol' }, { name: 'desk' }]),
    ],
  };
  writeFileSync(folder.file('torpor.yaml'), stringify(config));
  torpor = await TorporProcess.run(folder.file('torpor.yaml'), apiPort);
  for (const name of ['vdi', 'lab']) await torpor.waitForState(name, 'awake');
}

async function curl(...args: string[]): Promise<string> {
  const { stdout } = await run('curl', ['-sS', '--max-time', '60', '--insecure', ...args]);
  return stdout;
}

describeWhere(requires(PROGRAMS), 'one port for many VMs', () => {
  beforeAll(startTorpor);
  afterAll(async () => {
    await torpor.stop();
    for (const server of servers) server.close();
    folder.remove();
  });

  it.each([
    ['bob.example', 'bob'],
    ['somebody.example', 'alice'],
  ])('curl over TLS 1.3 and 1.2, SNI %s -> %s', async (host, name) => {
    for (const version of ['--tlsv1.3', '--tls-max=1.2']) {
      const args = version === '--tlsv1.3' ? [version] : ['--tls-max', '1.2'];
      const page = await curl(...args, '--connect-to', `${host}:443:127.0.0.1:${port}`, `https://${host}/`);
      expect(page).toBe(`this is ${name}\n`);
    }
  });

  it('curl over HTTP, Host www.carol.example -> a VM of the other platform, whose sums have its bytes', async () => {
    const before = (await torpor.platform('lab')).bytesToClients;
    const page = await curl('-H', 'Host: www.carol.example', `http://127.0.0.1:${port}/`);
    expect(page).toBe('this is carol\n');
    await eventually('the bytes to be counted', async () => (await torpor.platform('lab')).bytesToClients > before);
  });

  it('openssl s_client without SNI, with one -> the default, its VM', async () => {
    for (const [args, name] of [
      [['-noservername'], 'alice'],
      [['-servername', 'bob.example'], 'bob'],
    ] as const) {
      const request = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -quiet -connect 127.0.0.1:${port} ${args.join(' ')}`;
      const { stdout } = await run('sh', ['-c', request], { timeout: 60_000 });
      expect(stdout).toContain(`this is ${name}\n`);
    }
  });

  it.each([
    [['/u:desk'], 'mstshash=desk'],
    [['/u:somebody', '/load-balance-info:vm=desk'], 'vm=desk'],
  ])('xfreerdp %s -> the VM by its cookie or token', async (options, expected) => {
    const before = requests.length;
    const args = ['-a', 'xfreerdp', `/v:127.0.0.1:${port}`, '/p:x', '/cert:ignore', ...options];
    // The VM hangs up at once: that the client fails is meant.
    await run('xvfb-run', args, { timeout: 60_000 }).catch(() => {});
    expect(requests.length).toBeGreaterThan(before);
    expect(requests.at(-1)).toContain(expected);
  });
});
