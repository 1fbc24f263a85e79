// Three Torpors as processes, three NATS servers as a cluster, simulated platforms over real RMCP+: and what happened when, to be judged and printed.
import type { FarmConfig } from '../../../src/config/farm-schema.ts';
import { EMPTY_RECORD, instanceOf, type PlatformRecord } from '../../../src/farm/platform-record.ts';
import { SimulatedPlatform } from '../../../src/power/simulated/simulated-platform.ts';
import type { VmConnection } from '../../../src/power/simulated/vm-connection.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/ports.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { writeFarmConfig } from '../../support/torpor-config.ts';
import { type Exit, runTorpor, TorporProcess } from '../../support/torpor-process.ts';
import { BmcDoor } from './bmc-door.ts';
import { type Exchange, judge, type Press } from './farm-judge.ts';
import { NatsServers } from './nats-servers.ts';
import { asRecord, type RecordWrite, StoreLog } from './store-log.ts';
import { StoreProxy } from './store-proxy.ts';
import { Talk } from './talk.ts';

const USER = 'torpor';
const PASSWORD = 'ridge-lamp-41-otter';
const IDLE_TIMEOUT_MS = 1_000;
/** For whatever other processes do on a busy machine. */
export const PATIENT = { withinMs: 90_000 };

/** Ends what was opened last first. */
type Opened = Array<() => Promise<void> | void>;

export class FarmTorpor {
  readonly name: string;
  readonly folder: TempFolder;
  /** By platform. */
  readonly listenPorts: ReadonlyMap<string, number>;
  /** All that it says to the store passes one of them. */
  readonly proxies: readonly StoreProxy[];
  readonly apiPort: number;
  process!: TorporProcess;
  /** False while it is killed or stands still: it is asked nothing then. */
  isThere = false;
  /** What it said last of why a platform is awake, for a failure. */
  says = '';

  constructor(
    name: string,
    folder: TempFolder,
    ports: { readonly api: number; readonly listen: ReadonlyMap<string, number> },
    proxies: readonly StoreProxy[],
  ) {
    this.name = name;
    this.folder = folder;
    this.listenPorts = ports.listen;
    this.apiPort = ports.api;
    this.proxies = proxies;
  }

  async run(): Promise<void> {
    this.process = await TorporProcess.run(this.folder.file('torpor.yaml'), this.apiPort);
    this.isThere = true;
  }

  async blockers(platform: string) {
    return (await this.process.platform(platform)).blockers;
  }

  /** Whether it says that it is not sure of the others. */
  async isUnsure(platform: string): Promise<boolean> {
    return (await this.blockers(platform)).some(({ kind }) => kind === 'agreement');
  }
}

export class FarmPlatform {
  readonly name: string;
  readonly idleTimeout: string;
  readonly simulated: SimulatedPlatform;
  record: PlatformRecord = EMPTY_RECORD;
  readonly #connections = new Map<string, VmConnection>();

  /** `idleTimeout`: as the configuration writes it, no shorter than IDLE_TIMEOUT_MS. */
  constructor(name: string, idleTimeout = `${IDLE_TIMEOUT_MS}ms`) {
    this.name = name;
    this.idleTimeout = idleTimeout;
    this.simulated = new SimulatedPlatform({
      clock: systemClock,
      user: USER,
      password: PASSWORD,
      vms: [{ name: 'alice' }],
    });
    const heads = new Map<number, string>();
    // A client's first word is its name.
    this.simulated.vm('alice').onBytes((connection, bytes) => {
      const head = heads.get(connection.id) ?? '';
      if (head.includes(' ')) return;
      const now = head + Buffer.from(bytes).toString('latin1');
      heads.set(connection.id, now);
      if (now.includes(' ')) this.#connections.set(now.split(' ')[0] as string, connection);
    });
  }

  get host() {
    return this.simulated.host;
  }

  connectionOf(talk: Talk): VmConnection | undefined {
    return this.#connections.get(talk.id);
  }

  isOwnedBy({ name }: FarmTorpor): boolean {
    return nameOf(this.record.owner) === name;
  }

  /** Names of who is there and takes part, by the record. */
  get members(): string[] {
    return Object.keys(this.record.members).map(instanceOf).sort();
  }
}

export class TorporFarm implements AsyncDisposable {
  readonly servers: NatsServers;
  readonly log: StoreLog;
  readonly platforms: readonly FarmPlatform[];
  readonly torpors: FarmTorpor[] = [];
  readonly presses: Press[] = [];
  readonly #talks: Talk[] = [];
  readonly #notes: Array<{ atMs: number; what: string }> = [];
  readonly #opened: Opened = [];
  readonly #startMs = Date.now();
  #clients = 0;

  private constructor(servers: NatsServers, log: StoreLog, platforms: readonly FarmPlatform[]) {
    this.servers = servers;
    this.log = log;
    this.platforms = platforms;
    log.onWrite((write) => {
      const found = asRecord(write);
      const platform = platforms.find(({ name }) => name === found?.platform);
      if (found === null || platform === undefined) return;
      this.#noteRecord(platform.record, found);
      platform.record = found.record;
    });
    for (const { name, host } of platforms) host.onChange(({ phase }) => this.note(`${name}: the host is ${phase}`));
  }

  static async open(names: readonly string[], platforms: readonly FarmPlatform[], lease: string): Promise<TorporFarm> {
    const servers = await NatsServers.start(3);
    const log = await StoreLog.open(servers.addresses);
    const farm = new TorporFarm(servers, log, platforms);
    farm.#opened.push(
      () => servers[Symbol.asyncDispose](),
      () => log[Symbol.asyncDispose](),
    );
    for (const { simulated } of farm.platforms) {
      await simulated.start();
      farm.#opened.push(() => simulated.stop());
    }
    for (const name of names) await farm.#add(name, lease);
    await Promise.all(farm.torpors.map((torpor) => torpor.run()));
    await farm.allTakePart();
    farm.note(`${names.length} Torpors run, ${servers.names.length} NATS servers, ${platforms.length} platforms`);
    return farm;
  }

  at(name: string): FarmTorpor {
    return this.torpors.find((each) => each.name === name) as FarmTorpor;
  }

  get there(): FarmTorpor[] {
    return this.torpors.filter(({ isThere }) => isThere);
  }

  others(...not: readonly FarmTorpor[]): FarmTorpor[] {
    return this.torpors.filter((each) => !not.includes(each));
  }

  /** Its owner, where that is there. */
  owner(platform: FarmPlatform): Promise<FarmTorpor> {
    const what = `an owner of ${platform.name} that is there`;
    return eventually(what, () => this.there.find((torpor) => platform.isOwnedBy(torpor)), this.patient());
  }

  allTakePart(): Promise<unknown> {
    const areAllThere = () => this.platforms.every(({ members }) => members.length === this.torpors.length);
    return eventually('all to take part', areAllThere, this.patient());
  }

  /** What has happened is told with what did not. */
  patient() {
    const says = () => this.torpors.map(({ name, says }) => `${name} said last: ${says}`);
    return { ...PATIENT, context: () => [...this.timeline(), ...says()].join('\n') };
  }

  note(what: string): void {
    this.#notes.push({ atMs: Date.now(), what });
  }

  /** A command of an operator at that Torpor. */
  command(torpor: FarmTorpor, ...words: readonly string[]): Promise<Exit & { readonly output: string }> {
    return runTorpor([...words, '--api', `http://127.0.0.1:${torpor.apiPort}`]);
  }

  async connect(torpor: FarmTorpor, { name, host }: FarmPlatform): Promise<Talk> {
    const port = torpor.listenPorts.get(name) as number;
    const at = { platform: name, torpor: torpor.name, port };
    this.#clients += 1;
    const talk = await Talk.begin(`client-${this.#clients}`, at, () => host.bootId);
    this.#talks.push(talk);
    return talk;
  }

  /** As kill -9, at once; its clients go with it. */
  async kill(...torpors: readonly FarmTorpor[]): Promise<void> {
    const names = torpors.map(({ name }) => name);
    for (const torpor of torpors) torpor.isThere = false;
    for (const talk of this.#talks) if (names.includes(talk.torpor)) talk.goneMs = Math.min(talk.goneMs, Date.now());
    await Promise.all(torpors.map((torpor) => torpor.process.killNow()));
  }

  /** Every fault that the log, the presses and the bytes show, in words. */
  findFaults(): string[] {
    const exchanges: Exchange[] = this.#talks.flatMap(({ exchanges, goneMs }) =>
      exchanges.map((each) => ({ ...each, goneMs })),
    );
    const { presses } = this;
    const bytes = this.#talks.flatMap((talk) => {
      const platform = this.platforms.find(({ name }) => name === talk.platform) as FarmPlatform;
      return talk.findFaults(platform.connectionOf(talk));
    });
    const pressed = this.platforms.reduce((sum, { host }) => sum + host.buttonPresses, 0);
    const untold = pressed === presses.length ? [] : [`${pressed} presses, and ${presses.length} are known`];
    const harm = this.platforms.flatMap(({ name, simulated }) => {
      const costly = simulated.bmc.chassisActions.filter((action) => action !== 'soft' && action !== 'power-on');
      return costly.map((action) => `${name}: ${action} was asked for`);
    });
    return [
      ...judge({ writes: this.log.writes, presses, exchanges, idleTimeoutMs: IDLE_TIMEOUT_MS }),
      ...bytes,
      ...untold,
      ...harm,
    ];
  }

  timeline(): string[] {
    const notes = [...this.#notes].sort((a, b) => a.atMs - b.atMs);
    return notes.map(({ atMs, what }) => `${((atMs - this.#startMs) / 1000).toFixed(2).padStart(7)} s  ${what}`);
  }

  /** For the end of the timeline. */
  summary(): string {
    const bytes = this.#talks.reduce((sum, talk) => sum + talk.bytes, 0);
    const lines = this.#talks.reduce((sum, { exchanges }) => sum + exchanges.length, 0);
    const counts = `${this.#talks.length} clients, ${lines} lines answered, ${bytes} bytes by SHA-256`;
    return `${counts}, ${this.presses.length} presses, ${this.log.writes.length} writes in the store's log`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const talk of this.#talks) talk.end();
    await Promise.all(this.there.map((each) => each.process[Symbol.asyncDispose]()));
    for (const close of this.#opened.reverse()) await close();
  }

  async #add(name: string, lease: string): Promise<void> {
    const folder = new TempFolder(`farm-${name}`);
    this.#opened.push(() => folder.remove());
    const proxies = [];
    for (const address of this.servers.addresses) {
      const proxy = await StoreProxy.start(Number(address.split(':').at(-1)));
      this.#opened.push(() => proxy[Symbol.asyncDispose]());
      proxies.push(proxy);
    }
    const listen = new Map<string, number>();
    const platforms = [];
    for (const platform of this.platforms) {
      const door = await BmcDoor.open(platform.simulated, () => this.#onPress(platform.name, name));
      this.#opened.push(() => door[Symbol.asyncDispose]());
      const listenPort = await freePort();
      listen.set(platform.name, listenPort);
      platforms.push({
        platform: platform.name,
        bmc: { port: door.port, user: USER, password: PASSWORD },
        vms: [{ name: 'alice', listenPort, target: `127.0.0.1:${platform.simulated.vmPorts[0]}` }],
        idleTimeout: platform.idleTimeout,
        disconnectGrace: '100ms',
      });
    }
    const servers = proxies.map(({ address }) => address);
    const farm = { store: 'nats', servers, instance: name, lease, replicas: 3 satisfies FarmConfig['replicas'] };
    const apiPort = await freePort();
    writeFarmConfig(folder, { apiPort, history: 'off', more: { farm }, platforms });
    this.torpors.push(new FarmTorpor(name, folder, { api: apiPort, listen }, proxies));
  }

  #onPress(platform: string, by: string): void {
    this.presses.push({ platform, by, atMs: Date.now() });
    this.note(`${platform}: ${by} presses the button`);
  }

  #noteRecord(before: PlatformRecord, { platform, revision, atMs, record }: RecordWrite): void {
    const { owner, epoch, phase, proposal, by, why } = record;
    const told: string[] = [];
    if (epoch !== before.epoch) told.push(`${nameOf(owner) ?? 'nobody'} owns it, epoch ${epoch}`);
    if (phase !== before.phase || proposal !== before.proposal) {
      if (phase === 'awake') told.push(`proposal ${proposal} is called off: ${why}`);
      else told.push(`${nameOf(by)}’s proposal ${proposal} is ${phase}`);
    }
    for (const what of told) this.#notes.push({ atMs, what: `${platform}: ${what} (revision ${revision})` });
  }
}

function nameOf(id: string | null): string | null {
  return id === null ? null : instanceOf(id);
}
