// A farm in memory whose platforms are what a test says they are: it records what it is asked and decides nothing.

import { TorporError } from '../../../src/platform/errors.ts';
import type { StreamStatus } from '../../../src/platform/ports.ts';
import type { SpoolJobStatus } from '../../../src/platform/spool.ts';
import type {
  CircuitStatus,
  Explanation,
  Farm,
  FarmEvent,
  FarmInstance,
  FarmStream,
  InhibitRequest,
  LinkStatus,
  PlatformReport,
  PlatformStatus,
  PoolStatus,
} from '../../../src/platform/status.ts';

/** What was asked of the farm, as one line each: `wake vdi-01 (why)`. */
export type FarmCall = string;

export const FAKE_NOW_MS = 1_700_000_000_000;

export function fakePlatform(changes: Partial<PlatformStatus> = {}): PlatformStatus {
  return {
    name: 'vdi-01',
    state: 'awake',
    sinceMs: FAKE_NOW_MS,
    why: 'a VM answers its probe',
    mode: 'armed',
    pool: 1,
    streams: 3,
    heldBytes: 0,
    heldStoredBytes: 0,
    workers: { wanted: 1, running: 1 },
    bmcReachable: true,
    wakeProven: true,
    wakeProofWhy: 'operator session, state read by sensor',
    maintenance: false,
    maintenanceWhy: '',
    evidence: 'S0 by sensor',
    evidenceIsWeak: false,
    watts: 180,
    bytesFromClients: 1000,
    bytesToClients: 50_000,
    refusedClients: {},
    bmcErrors: 0,
    inhibitors: [],
    checks: [],
    blockers: [{ kind: 'pool', why: '10.0.2.7 is active on alice', untilMs: FAKE_NOW_MS + 250_000 }],
    suspends: 0,
    wakes: 0,
    adoptedWakes: 0,
    failures: 0,
    drained: false,
    wakeTurn: null,
    owner: null,
    peers: null,
    instances: null,
    ...changes,
  };
}

export function fakeStream(changes: Partial<StreamStatus> = {}): StreamStatus {
  return {
    id: 's1',
    platform: 'vdi-01',
    vm: 'alice',
    listener: '0.0.0.0:13389',
    client: '10.0.2.7:50123',
    target: '10.0.1.21:3389',
    protocol: 'auto',
    device: 'desktop',
    speaks: 'rdp-tls',
    verdict: 'client bytes: every byte counts',
    mode: 'flowing',
    active: true,
    openedAtMs: FAKE_NOW_MS - 60_000,
    lastActiveAtMs: FAKE_NOW_MS - 1000,
    lastActiveWhy: 'client bytes',
    idleAtMs: FAKE_NOW_MS + 599_000,
    bytesFromClient: 2048,
    bytesToClient: 4096,
    heldBytes: 0,
    heldStoredBytes: 0,
    ...changes,
  };
}

export function fakeReport(changes: Partial<PlatformReport> = {}): PlatformReport {
  return {
    platform: 'vdi-01',
    mode: 'observe',
    sinceMs: FAKE_NOW_MS - 100 * 3_600_000,
    slept: { totalMs: 0, suspends: 0, wakes: 0 },
    wouldHaveSlept: { totalMs: 40 * 3_600_000, suspends: 4, wakes: 3 },
    keptAwakeBy: [{ client: '10.0.2.7', vm: 'alice', activeMs: 30 * 3_600_000, aloneMs: 7_200_000, entries: 12 }],
    othersActiveMs: 60_000,
    ...changes,
  };
}

export function fakeJob(changes: Partial<SpoolJobStatus> = {}): SpoolJobStatus {
  return {
    id: '000000000001-0a0b0c0d',
    platform: 'vdi-01',
    vm: 'alice',
    listener: '0.0.0.0:9100',
    client: '10.0.2.7:50000',
    state: 'waiting',
    arrivedAtMs: FAKE_NOW_MS - 60_000,
    endedAtMs: FAKE_NOW_MS - 59_000,
    dueAtMs: FAKE_NOW_MS + 3_600_000,
    contentBytes: 2048,
    fileBytes: 1024,
    failures: 0,
    problem: null,
    ...changes,
  };
}

export class FakeFarm implements Farm {
  readonly calls: FarmCall[] = [];
  statuses: PlatformStatus[] = [fakePlatform()];
  reports: PlatformReport[] = [];
  jobs: SpoolJobStatus[] = [];
  openStreams: Array<StreamStatus | FarmStream> = [fakeStream()];
  torpors: FarmInstance[] = [];
  edges: LinkStatus[] = [];
  feeds: CircuitStatus[] = [];
  pooled: PoolStatus[] = [];
  /** Set to make `sleep` refuse. */
  sleepRefusal: TorporError | null = null;
  /** What an order answers that holds, but is not on disk. */
  diskProblem: TorporError | null = null;
  /** Set to make every call fail. */
  breakdown: Error | null = null;
  /** What an explanation says in one sentence; null: the same for everybody. */
  summary: string | null = null;
  /** When the next event happens. */
  nowMs = FAKE_NOW_MS;
  /** Events kept; older ones are dropped. */
  keptEvents = 10_000;
  #events: FarmEvent[] = [];
  readonly #listeners = new Set<(event: FarmEvent) => void>();
  #lastId = 0;

  get listenerCount(): number {
    return this.#listeners.size;
  }

  async refresh(): Promise<void> {}

  pools(): PoolStatus[] {
    return this.pooled;
  }

  async drain(name: string, on: boolean): Promise<void> {
    this.platform(name);
    this.calls.push(`drain ${name} ${on}`);
    if (this.diskProblem !== null) throw this.diskProblem;
  }

  circuits(): CircuitStatus[] {
    return this.feeds;
  }

  spooledJobs(): SpoolJobStatus[] {
    return this.jobs;
  }

  deliverSpool(name: string, why: string): void {
    this.platform(name);
    this.calls.push(`deliverSpool ${name}: ${why}`);
  }

  async dropSpooled(name: string, job: string): Promise<void> {
    if (!this.jobs.some(({ id }) => id === job))
      throw new TorporError('ERR_SPOOL', `${name} has no spooled job ${job}`);
    this.jobs = this.jobs.filter(({ id }) => id !== job);
  }

  links(): LinkStatus[] {
    return this.edges;
  }

  emit(message: string, kind = 'note', facts: FarmEvent['facts'] = {}): FarmEvent {
    this.#lastId += 1;
    const event: FarmEvent = { id: this.#lastId, atMs: this.nowMs, platform: 'vdi-01', kind, message, facts };
    this.#events = [...this.#events, event].slice(-this.keptEvents);
    for (const listener of this.#listeners) listener(event);
    return event;
  }

  /** As a new process would begin. */
  forgetEvents(): void {
    this.#events = [];
    this.#lastId = 0;
  }

  change(name: string, changes: Partial<PlatformStatus>): void {
    this.statuses = this.statuses.map((status) => (status.name === name ? { ...status, ...changes } : status));
  }

  platforms(): PlatformStatus[] {
    if (this.breakdown !== null) throw this.breakdown;
    return this.statuses;
  }

  platform(name: string): PlatformStatus {
    const found = this.platforms().find((status) => status.name === name);
    if (found !== undefined) return found;
    const known = this.statuses.map((status) => status.name).join(', ');
    throw new TorporError('ERR_PLATFORM_UNKNOWN', `no platform is called "${name}"; there are: ${known}`);
  }

  explain(name: string): Explanation {
    const { state, blockers } = this.platform(name);
    const stream = this.openStreams.find(({ active: isActive }) => isActive) ?? fakeStream();
    const active = {
      stream,
      sinceMs: FAKE_NOW_MS - 5000,
      why: 'client bytes',
      idleAtMs: stream.idleAtMs ?? FAKE_NOW_MS + 250_000,
    };
    const summary = this.summary ?? `${name} stays awake because 10.0.2.7 is active on alice, for at most 4m 10s more`;
    const quietStreams = this.openStreams.filter(({ active: isActive }) => !isActive);
    const { checks } = this.platform(name);
    const shown = { activeStreams: [active], quietStreams, moreQuietStreams: 0 };
    return { platform: name, state, summary, blockers, checks, ...shown };
  }

  streams(): FarmStream[] {
    return this.openStreams.map((stream) => ({ instance: null, ...stream }));
  }

  instances(): FarmInstance[] {
    return this.torpors;
  }

  report(): PlatformReport[] {
    return this.reports;
  }

  recentEvents(afterId: number): FarmEvent[] {
    return this.#events.filter((event) => event.id > afterId);
  }

  onEvent(listener: (event: FarmEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  wake(name: string, why: string): void {
    this.platform(name);
    this.calls.push(`wake ${name} (${why})`);
  }

  async sleep(name: string, force: boolean): Promise<void> {
    this.platform(name);
    this.calls.push(`sleep ${name} force=${force}`);
    if (this.sleepRefusal !== null) throw this.sleepRefusal;
  }

  async inhibit(name: string, { inhibitor, forMs, why }: InhibitRequest): Promise<void> {
    this.platform(name);
    this.calls.push(`inhibit ${name} ${inhibitor} for=${forMs} (${why})`);
    if (this.diskProblem !== null) throw this.diskProblem;
  }

  async release(name: string, inhibitor: string | null): Promise<void> {
    this.platform(name);
    this.calls.push(`release ${name}${inhibitor === null ? '' : ` ${inhibitor}`}`);
  }

  opened(name: string, client: string): void {
    this.platform(name);
    this.calls.push(`opened ${name} ${client}`);
  }

  async maintenance(name: string, on: boolean, why: string): Promise<void> {
    this.platform(name);
    this.calls.push(`maintenance ${on ? 'on' : 'off'} ${name} (${why})`);
  }
}
