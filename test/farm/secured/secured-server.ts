// One nats-server with TLS or users, on a port of loopback that it keeps over restarts, its files and those of its clients in one folder.
import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { FarmConfig } from '../../../src/config/farm-schema.ts';
import { NatsStore } from '../../../src/farm/nats/nats-store.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { KeptLog } from '../../support/kept-log.ts';
import { freePort } from '../../support/ports.ts';
import { findProgram } from '../../support/requirements.ts';
import { spawnTied } from '../../support/spawn-tied.ts';
import { TempFolder } from '../../support/temp-folder.ts';

/** What stands under `farm`: names of files in the server's folder. */
export interface Secrets {
  readonly credentials?: string;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export class SecuredServer implements AsyncDisposable {
  readonly folder: TempFolder;
  readonly log = new KeptLog();
  readonly #port: number;
  readonly #stores: NatsStore[] = [];
  #child: ChildProcess | null = null;

  private constructor(folder: TempFolder, port: number) {
    this.folder = folder;
    this.#port = port;
  }

  /** `write` gives the configuration, without `listen`, as text or as an object. Resolves when the server listens. */
  static async start(write: (folder: TempFolder) => string | object): Promise<SecuredServer> {
    const server = new SecuredServer(new TempFolder('secured-nats'), await freePort());
    await server.restart(write(server.folder));
    return server;
  }

  /** Anew on the same port, with another configuration where one is given. */
  async restart(settings: string | object | null = null): Promise<void> {
    await this.stop();
    const path = this.folder.file('nats-server.conf');
    if (settings !== null) {
      const text = typeof settings === 'string' ? settings : JSON.stringify(settings).slice(1, -1);
      writeFileSync(path, `listen: "127.0.0.1:${this.#port}"\n${text}\n`);
    }
    const log = this.folder.file('server.log');
    writeFileSync(log, '');
    const child = spawnTied(findProgram('nats-server') as string, ['-c', path, '-l', log], { stdio: 'ignore' });
    this.#child = child;
    const told = () => readFileSync(log, 'utf8');
    const isReady = () => told().includes('Server is ready');
    await eventually('the server to listen', () => isReady() || child.exitCode !== null, { context: told });
    if (!isReady()) throw new Error(`nats-server did not start: ${told()}`);
  }

  /** `host`: by which name or address it is called. */
  farm(secrets: Secrets, host = '127.0.0.1'): FarmConfig {
    const { credentials, tls } = secrets;
    const path = (name?: string) => (name === undefined ? null : this.folder.file(name));
    return {
      servers: [`${host}:${this.#port}`],
      instance: 'torpor-1',
      bucket: 'torpor',
      replicas: 1,
      leaseMs: 10_000,
      credentialsFile: path(credentials),
      tls: tls === undefined ? null : { caFile: path(tls.ca), certFile: path(tls.cert), keyFile: path(tls.key) },
    };
  }

  /** Closed with the server. */
  store(secrets: Secrets, host?: string): NatsStore {
    const { servers, bucket, replicas, credentialsFile, tls } = this.farm(secrets, host);
    const { log } = this;
    const store = new NatsStore({
      servers,
      bucket,
      replicas,
      name: 'test',
      credentialsFile,
      tls,
      writeBoundMs: 60_000,
      clock: systemClock,
      log,
    });
    this.#stores.push(store);
    return store;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#stores) await store.close();
    await this.stop();
    this.folder.remove();
  }
}
