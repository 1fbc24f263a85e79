// Debian's nats-server for a bench: three of them with JetStream on loopback, their files in a folder that is removed.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const LOOPBACK = '127.0.0.1';
const COUNT = 3;

export async function startNats() {
  const folder = await mkdtemp(path.join(tmpdir(), 'torpor-bench-nats-'));
  const ports = [];
  for (let at = 0; at < COUNT; at += 1) ports.push({ client: await freePort(), cluster: await freePort() });
  const routes = ports.map(({ cluster }) => `nats://${LOOPBACK}:${cluster}`);
  const children = [];
  for (const [at, { client, cluster }] of ports.entries()) {
    const file = path.join(folder, `n${at}.conf`);
    const settings = {
      server_name: `n${at}`,
      listen: `${LOOPBACK}:${client}`,
      jetstream: { store_dir: path.join(folder, `n${at}`) },
      cluster: { name: 'bench', listen: `${LOOPBACK}:${cluster}`, routes },
    };
    await writeFile(file, JSON.stringify(settings));
    children.push(spawn('nats-server', ['-c', file], { stdio: 'ignore' }));
  }
  return {
    addresses: ports.map(({ client }) => `${LOOPBACK}:${client}`),
    replicas: COUNT,
    end: async () => {
      for (const child of children) {
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await gone;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, LOOPBACK, resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
