// Debian's nats-server for one test: one of them, or a cluster of three with JetStream, on loopback, their files in a folder of their own.
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { NatsStore } from '../../../src/farm/nats/nats-store.ts';
import type { TlsFiles } from '../../../src/farm/nats/secret-files.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { KeptLog } from '../../support/kept-log.ts';
import { freePort } from '../../support/ports.ts';
import { findProgram } from '../../support/requirements.ts';
import { spawnTied } from '../../support/spawn-tied.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const LOOPBACK = '127.0.0.1';
/** Of Linux's loopback, one for each server that has a certificate of its own. */
export const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const;

/** What makes servers want TLS at the port of their clients. */
export interface ServerSecurity {
  /** Makes the files, and gives what stands in the configuration of the server at that address. */
  settings(folder: TempFolder, address: string): object;
  /** Names of a client's files in the folder. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface ServerFile {
  readonly name: string;
  readonly path: string;
  readonly address: string;
  readonly port: number;
}

export class NatsServers implements AsyncDisposable {
  readonly folder = new TempFolder('nats');
  readonly log = new KeptLog();
  readonly #files: ServerFile[] = [];
  readonly #running = new Map<string, ChildProcess>();
  readonly #security: ServerSecurity | null;

  private constructor(security: ServerSecurity | null) {
    this.#security = security;
  }

  /** 1 or 3 of them. Resolves when a key can be written. With `security` each has an address of its own, and tells clients of the others. */
  static async start(count: 1 | 3, security: ServerSecurity | null = null): Promise<NatsServers> {
    const servers = new NatsServers(security);
    await servers.#write(count);
    for (const { name } of servers.#files) servers.run(name);
    const store = servers.client();
    await eventually('a bucket of the servers', () => store.status.connected, { context: () => store.status.why });
    await store.close();
    return servers;
  }

  get names(): string[] {
    return this.#files.map(({ name }) => name);
  }

  get addresses(): string[] {
    return this.#files.map(({ address, port }) => `${address}:${port}`);
  }

  /** By the server's address. */
  nameAt(address: string): string {
    return this.#files[this.addresses.indexOf(address)]?.name ?? '';
  }

  /**
   * A client that knows `servers`, by default all. `writeBoundMs`: long where the machine may be too busy to answer, and no server dies.
   */
  client(writeBoundMs = 3_000, servers: readonly string[] = this.addresses): NatsStore {
    const replicas = this.#files.length;
    const files = { credentialsFile: null, tls: this.#tlsFiles() };
    const { log } = this;
    return new NatsStore({
      servers,
      bucket: 'torpor',
      replicas,
      name: 'test',
      ...files,
      writeBoundMs,
      clock: systemClock,
      log,
    });
  }

  run(name: string): void {
    const file = this.#files.find((each) => each.name === name) as ServerFile;
    const child = spawnTied(findProgram('nats-server') as string, ['-c', file.path], { stdio: 'ignore' });
    this.#running.set(name, child);
  }

  async kill(name: string): Promise<void> {
    const child = this.#running.get(name);
    this.#running.delete(name);
    if (child === undefined) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.kill(name);
    this.folder.remove();
  }

  #tlsFiles(): TlsFiles | null {
    if (this.#security === null) return null;
    const { ca, cert, key } = this.#security;
    return { caFile: this.folder.file(ca), certFile: this.folder.file(cert), keyFile: this.folder.file(key) };
  }

  async #write(count: number): Promise<void> {
    const security = this.#security;
    const ports: Array<{ port: number; clusterPort: number }> = [];
    for (let at = 0; at < count; at += 1) ports.push({ port: await freePort(), clusterPort: await freePort() });
    const routes = ports.map(({ clusterPort }) => `nats://${LOOPBACK}:${clusterPort}`);
    for (const [at, { port, clusterPort }] of ports.entries()) {
      const name = `n${at + 1}`;
      const address = security === null ? LOOPBACK : (ADDRESSES[at] as string);
      const listen = `${LOOPBACK}:${clusterPort}`;
      const cluster = { name: 'farm', listen, routes, no_advertise: security === null };
      const settings = {
        server_name: name,
        listen: `${address}:${port}`,
        jetstream: { store_dir: this.folder.file(name), max_memory_store: 16_777_216, max_file_store: 67_108_864 },
        ...(count === 1 ? {} : { cluster }),
        ...security?.settings(this.folder, address),
      };
      const path = this.folder.file(`${name}.conf`);
      writeFileSync(path, JSON.stringify(settings, null, 2));
      this.#files.push({ name, path, address, port });
    }
  }
}
