// Three Torpors as processes, three NATS servers as a cluster, one simulated platform over real RMCP+: and what happened when, to be printed.
import { setTimeout as sleep } from 'node:timers/promises';
import type { FarmConfig } from '../../../src/config/farm-schema.ts';
import { EMPTY_RECORD, instanceOf, type PlatformRecord, parseRecord } from '../../../src/farm/platform-record.ts';
import { SimulatedPlatform } from '../../../src/power/simulated/simulated-platform.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { LineClient } from '../../support/line-client.ts';
import { freePort } from '../../support/ports.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { writeFarmConfig } from '../../support/torpor-config.ts';
import { TorporProcess } from '../../support/torpor-process.ts';
import { NatsServers } from './nats-servers.ts';
import { StoreProxy } from './store-proxy.ts';

export const PLATFORM = 'vdi-01';
const USER = 'torpor';
const PASSWORD = 'ridge-lamp-41-otter';
export const IDLE_TIMEOUT_MS = 1_000;
/** Between two looks into the store. */
const LOOK_MS = 50;

export interface Press {
  readonly atMs: number;
  /** As the store has it right after. */
  readonly record: Promise<PlatformRecord>;
  /** Clients that had sent something within the idle timeout. */
  readonly over: string[];
}

export class FarmTorpor {
  readonly name: string;
  readonly folder: TempFolder;
  readonly listenPort: number;
  /** All that it says to the store passes one of them. */
  readonly proxies: readonly StoreProxy[];
  readonly #apiPort: number;
  process!: TorporProcess;
  isThere = false;

  constructor(name: string, folder: TempFolder, listenPort: number, apiPort: number, proxies: readonly StoreProxy[]) {
    this.name = name;
    this.folder = folder;
    this.listenPort = listenPort;
    this.#apiPort = apiPort;
    this.proxies = proxies;
  }

  async run(): Promise<void> {
    this.process = await TorporProcess.run(this.folder.file('torpor.yaml'), this.#apiPort);
    this.isThere = true;
  }

  async kill(): Promise<void> {
    this.isThere = false;
    await this.process.killNow();
  }
}

export class TorporFarm implements AsyncDisposable {
  readonly servers: NatsServers;
  readonly platform: SimulatedPlatform;
  readonly torpors: FarmTorpor[] = [];
  readonly presses: Press[] = [];
  readonly timeline: string[] = [];
  readonly clients = new Map<string, LineClient>();
  readonly #store;
  readonly #startMs = performance.now();
  readonly #looking: Promise<void>;
  record: PlatformRecord = EMPTY_RECORD;
  #isOver = false;

  private constructor(servers: NatsServers, platform: SimulatedPlatform) {
    this.servers = servers;
    this.platform = platform;
    this.#store = servers.client();
    this.#looking = this.#look();
    platform.host.onPress(() => this.#onPress());
    platform.host.onChange(({ phase }) => this.note(`the host is ${phase}`));
  }

  static async open(names: readonly string[], lease: string): Promise<TorporFarm> {
    const servers = await NatsServers.start(3);
    const platform = new SimulatedPlatform({
      clock: systemClock,
      user: USER,
      password: PASSWORD,
      vms: [{ name: 'alice' }],
    });
    await platform.start();
    const farm = new TorporFarm(servers, platform);
    for (const name of names) await farm.#add(name, lease);
    await Promise.all(farm.torpors.map((torpor) => torpor.run()));
    farm.note(`${names.length} Torpors run, ${servers.names.length} NATS servers`);
    return farm;
  }

  /** Looks into the store all the time; while that does not answer, what stood there stays. */
  async #look(): Promise<void> {
    while (!this.#isOver) {
      this.record = await this.#read().catch(() => this.record);
      await sleep(LOOK_MS);
    }
  }

  async #read(): Promise<PlatformRecord> {
    const value = (await this.#store.get(`platform.${PLATFORM}`))?.value;
    return value == null ? EMPTY_RECORD : (parseRecord(value) ?? EMPTY_RECORD);
  }

  at(name: string): FarmTorpor {
    return this.torpors.find((each) => each.name === name) as FarmTorpor;
  }

  /** Who is there and takes part, by the record. */
  get members(): string[] {
    return Object.keys(this.record.members).map(instanceOf).sort();
  }

  owner(): Promise<FarmTorpor> {
    return eventually('an owner that is there', () => {
      const { owner } = this.record;
      const torpor = owner === null ? undefined : this.at(instanceOf(owner));
      return torpor?.isThere === true ? torpor : null;
    });
  }

  note(what: string): void {
    this.timeline.push(`${((performance.now() - this.#startMs) / 1000).toFixed(1).padStart(6)} s  ${what}`);
  }

  async connect(torpor: FarmTorpor): Promise<LineClient> {
    const client = await LineClient.connect(torpor.listenPort);
    this.clients.set(torpor.name, client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients.values()) client.destroy();
    await Promise.all(this.torpors.filter(({ isThere }) => isThere).map((each) => each.process[Symbol.asyncDispose]()));
    for (const { proxies, folder } of this.torpors) {
      for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
      folder.remove();
    }
    this.#isOver = true;
    await this.#store.close();
    await this.#looking;
    await this.platform.stop();
    await this.servers[Symbol.asyncDispose]();
  }

  async #add(name: string, lease: string): Promise<void> {
    const ports = this.servers.addresses.map((address) => Number(address.split(':').at(-1)));
    const proxies = await Promise.all(ports.map((port) => StoreProxy.start(port)));
    const folder = new TempFolder(`farm-${name}`);
    const [apiPort, listenPort] = [await freePort(), await freePort()];
    const servers = proxies.map(({ address }) => address);
    const farm = { store: 'nats', servers, instance: name, lease, replicas: 3 satisfies FarmConfig['replicas'] };
    writeFarmConfig(folder, {
      apiPort,
      history: 'off',
      more: { farm },
      platforms: [
        {
          platform: PLATFORM,
          bmc: { port: this.platform.bmcPort, user: USER, password: PASSWORD },
          vms: [{ name: 'alice', listenPort, target: `127.0.0.1:${this.platform.vmPorts[0]}` }],
          idleTimeout: `${IDLE_TIMEOUT_MS}ms`,
          disconnectGrace: '100ms',
        },
      ],
    });
    this.torpors.push(new FarmTorpor(name, folder, listenPort, apiPort, proxies));
  }

  #onPress(): void {
    const atMs = Date.now();
    const over = [...this.clients].flatMap(([name, client]) => {
      const sentMs = client.state === 'open' ? client.lastSentMs(atMs) : null;
      return sentMs === null || atMs - sentMs >= IDLE_TIMEOUT_MS ? [] : [`a client of ${name}`];
    });
    const record = this.#read();
    record.catch(() => {});
    this.presses.push({ atMs, record, over });
    this.note('the button is pressed');
  }
}
