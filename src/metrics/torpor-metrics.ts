// The metrics of one Torpor as a page for Prometheus. What can be read off the farm is read when the page is asked for; what happens
// is counted as it happens. Names, labels and help are metric-table.ts's.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ConfiguredWatts } from '../energy/day-tally.ts';
import { EnergyMeter } from '../energy/energy-meter.ts';
import { type PlatformLook, presentWatts } from '../energy/present-watts.ts';
import type { HistoryReader } from '../platform/history.ts';
import type { MetricsPage } from '../platform/metrics.ts';
import type { Clock } from '../platform/ports.ts';
import { REFUSAL_REASONS } from '../platform/refusal.ts';
import type { SpoolJobStatus } from '../platform/spool.ts';
import {
  type CircuitStatus,
  type Farm,
  type FarmEvent,
  type LinkStatus,
  type PlatformStatus,
  type PoolStatus,
  STATE_NAMES,
  type StateName,
} from '../platform/status.ts';
import type { TransitionReason } from '../platform/transition-reason.ts';
import { METRICS, type MetricName, WAKE_BUCKETS_S } from './metric-table.ts';

/** Of the wakes that people or their calendars cause. */
const WAKE_REASONS: readonly TransitionReason[] = ['client', 'keepalive', 'operator', 'schedule'];
/** Kinds of blockers, sources and edges: what is not there now must not stay as it was. */
const COMING_AND_GOING = [
  'torpor_blockers',
  'torpor_power_watts',
  'torpor_hold_compression_ratio',
  'torpor_circuit_waking',
  'torpor_circuit_queued',
  'torpor_circuit_watts',
  'torpor_pool_ready',
  'torpor_link_up',
  'torpor_link_streams',
] as const;
/** Between two looks at each platform, for its energy. */
const METER_EVERY_MS = 5000;

export interface MeteredPlatform {
  readonly name: string;
  readonly watts: ConfiguredWatts;
  look(): PlatformLook;
}

/** A wake that ended, as the history has it. */
export interface EndedWake {
  readonly platform: string;
  readonly outcome: 'awake' | 'failed';
  readonly reason: string;
  readonly totalMs: number;
  readonly platformMs: number | null;
  readonly torporMs: number | null;
}

export interface TorporMetricsOptions {
  readonly platforms: readonly MeteredPlatform[];
  readonly version: string;
  readonly clock: Clock;
  /** null: no history is kept. */
  readonly history: Pick<HistoryReader, 'counts'> | null;
}

interface PlatformMeter {
  readonly platform: MeteredPlatform;
  readonly energy: EnergyMeter;
  state: StateName;
  countedAtMs: number;
}

export class TorporMetrics {
  readonly #options: TorporMetricsOptions;
  readonly #registry = new Registry();
  readonly #meters = new Map<string, PlatformMeter>();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #wakeSeconds: Histogram;
  /** Counters that are sums kept elsewhere: what they were last. */
  readonly #raised = new Map<string, number>();
  #cancelMeter: () => void = () => {};

  constructor(options: TorporMetricsOptions) {
    this.#options = options;
    const registers = [this.#registry];
    for (const [name, { type, help, labels: labelNames }] of Object.entries(METRICS)) {
      const metric = { name, help, labelNames: [...labelNames], registers };
      if (type === 'counter') this.#counters.set(name as MetricName, new Counter(metric));
      if (type === 'gauge') this.#gauges.set(name as MetricName, new Gauge(metric));
    }
    const { help, labels } = METRICS.torpor_wake_seconds;
    const wakes = { name: 'torpor_wake_seconds', help, labelNames: [...labels], buckets: WAKE_BUCKETS_S };
    this.#wakeSeconds = new Histogram({ ...wakes, registers });
    addProcessMetrics(this.#registry);
    this.follow(options.platforms);
    this.#gauge('torpor_build_info').set({ version: options.version, node: process.version }, 1);
    this.#meter();
  }

  stop(): void {
    this.#cancelMeter();
  }

  /** These come in. What was counted of one that is there, or was, goes on. */
  follow(platforms: readonly MeteredPlatform[]): void {
    for (const platform of platforms) {
      const before = this.#meters.get(platform.name);
      const countedAtMs = this.#options.clock.nowMs();
      const meter: Omit<PlatformMeter, 'platform'> = before ?? {
        energy: new EnergyMeter(platform.watts),
        state: 'starting',
        countedAtMs,
      };
      meter.energy.configure(platform.watts);
      this.#meters.set(platform.name, { ...meter, platform });
    }
    this.#beginSeries();
  }

  /** A series that first appears with its first increment shows no increase: those that alerts look at begin at zero. */
  #beginSeries(): void {
    for (const platform of this.#meters.keys()) {
      for (const state of STATE_NAMES) this.#counter('torpor_platform_state_seconds_total').inc({ platform, state }, 0);
      for (const reason of WAKE_REASONS) {
        for (const outcome of ['awake', 'failed'])
          this.#counter('torpor_wakes_total').inc({ platform, outcome, reason }, 0);
      }
    }
  }

  note({ platform, kind, atMs, facts }: FarmEvent): void {
    if (kind === 'alarm') this.#counter('torpor_alarms_total').inc({ platform });
    const meter = this.#meters.get(platform);
    if (kind !== 'transition' || meter === undefined) return;
    const [from, to, reason] = [String(facts.from), String(facts.to), String(facts.reason)];
    this.#counter('torpor_transitions_total').inc({ platform, from, to, reason });
    this.#countState(meter, to as StateName, atMs);
    meter.energy.look(meter.platform.look(), atMs);
  }

  noteWake({ platform, outcome, reason, totalMs, platformMs, torporMs }: EndedWake): void {
    this.#counter('torpor_wakes_total').inc({ platform, outcome, reason });
    if (outcome === 'failed') return;
    const parts = { total: totalMs, platform: platformMs, torpor: torporMs };
    for (const [part, ms] of Object.entries(parts)) {
      if (ms !== null) this.#wakeSeconds.observe({ platform, part }, ms / 1000);
    }
  }

  /** The page over a farm whose sums are up to date. */
  page(farm: Farm): MetricsPage {
    return {
      contentType: this.#registry.contentType,
      render: async () => {
        this.#readFarm(farm);
        this.#readHistory();
        return this.#registry.metrics();
      },
    };
  }

  #meter(): void {
    const { clock } = this.#options;
    for (const { platform, energy } of this.#meters.values()) energy.look(platform.look(), clock.nowMs());
    this.#cancelMeter = clock.schedule(METER_EVERY_MS, () => this.#meter());
  }

  #readFarm(farm: Farm): void {
    for (const name of COMING_AND_GOING) this.#gauge(name).reset();
    const spooled = farm.spooledJobs();
    for (const status of farm.platforms()) {
      this.#readStatus(status);
      const meter = this.#meters.get(status.name);
      if (meter !== undefined) this.#readMeter(meter, status);
      const jobs = spooled.filter((job) => job.platform === status.name);
      this.#readSpool(status.name, jobs);
    }
    for (const circuit of farm.circuits()) this.#readCircuit(circuit);
    for (const pool of farm.pools()) this.#readPool(pool);
    for (const link of farm.links()) this.#readLink(link);
  }

  #readPool({ name: pool, ready, evacuation }: PoolStatus): void {
    this.#gauge('torpor_pool_ready').set({ pool }, ready);
    if (evacuation === null) return;
    const { moves, failures } = evacuation;
    for (const [outcome, total] of [['moved', moves] as const, ['failed', failures] as const])
      this.#raise('torpor_pool_vm_moves_total', { pool, outcome }, total);
  }

  #readCircuit({ name: circuit, waking, queue, watts }: CircuitStatus): void {
    this.#gauge('torpor_circuit_waking').set({ circuit }, waking);
    this.#gauge('torpor_circuit_queued').set({ circuit }, queue.length);
    this.#gauge('torpor_circuit_watts').set({ circuit }, watts);
  }

  #readLink(link: LinkStatus): void {
    const { edge } = link;
    this.#gauge('torpor_link_up').set({ edge }, link.connected ? 1 : 0);
    this.#gauge('torpor_link_streams').set({ edge }, link.streams);
    this.#raise('torpor_link_received_bytes_total', { edge, form: 'plain' }, link.bytesFromEdge);
    this.#raise('torpor_link_received_bytes_total', { edge, form: 'wire' }, link.wireBytesFromEdge);
    this.#raise('torpor_link_sent_bytes_total', { edge, form: 'plain' }, link.bytesToEdge);
    this.#raise('torpor_link_sent_bytes_total', { edge, form: 'wire' }, link.wireBytesToEdge);
    this.#raise('torpor_link_breaks_total', { edge }, link.breaks);
    this.#raise('torpor_link_resumes_total', { edge }, link.resumes);
  }

  #readSpool(platform: string, jobs: readonly SpoolJobStatus[]): void {
    const nowMs = this.#options.clock.nowMs();
    const bytes = jobs.reduce((sum, { fileBytes }) => sum + fileBytes, 0);
    const oldestMs = Math.max(0, ...jobs.map(({ endedAtMs }) => nowMs - endedAtMs));
    this.#gauge('torpor_spool_jobs').set({ platform }, jobs.length);
    this.#gauge('torpor_spool_bytes').set({ platform }, bytes);
    this.#gauge('torpor_spool_oldest_age_seconds').set({ platform }, oldestMs / 1000);
  }

  #readStatus(status: PlatformStatus): void {
    const platform = status.name;
    for (const state of STATE_NAMES)
      this.#gauge('torpor_platform_state').set({ platform, state }, status.state === state ? 1 : 0);
    const values: Partial<Record<MetricName, number>> = {
      torpor_platform_state_changed_timestamp_seconds: status.sinceMs / 1000,
      torpor_platform_armed: status.mode === 'armed' ? 1 : 0,
      torpor_platform_maintenance: status.maintenance ? 1 : 0,
      torpor_pool_streams: status.pool,
      torpor_streams: status.streams,
      torpor_held_bytes: status.heldBytes,
      torpor_held_stored_bytes: status.heldStoredBytes,
      torpor_bmc_up: status.bmcReachable ? 1 : 0,
      torpor_wake_path_proven: status.wakeProven ? 1 : 0,
    };
    for (const [name, value] of Object.entries(values)) this.#gauge(name as MetricName).set({ platform }, value);
    if (status.heldStoredBytes > 0)
      this.#gauge('torpor_hold_compression_ratio').set({ platform }, status.heldBytes / status.heldStoredBytes);
    for (const { kind } of status.blockers) this.#gauge('torpor_blockers').inc({ platform, kind });
    this.#raise('torpor_received_bytes_total', { platform }, status.bytesFromClients);
    this.#raise('torpor_sent_bytes_total', { platform }, status.bytesToClients);
    for (const reason of REFUSAL_REASONS)
      this.#raise('torpor_refused_clients_total', { platform, reason }, status.refusedClients[reason] ?? 0);
    this.#raise('torpor_bmc_errors_total', { platform }, status.bmcErrors);
    for (const kind of ['wanted', 'running'] as const)
      this.#gauge('torpor_workers').set({ kind }, status.workers[kind]);
  }

  #readMeter(meter: PlatformMeter, status: PlatformStatus): void {
    const platform = status.name;
    const nowMs = this.#options.clock.nowMs();
    this.#countState(meter, status.state, nowMs);
    const look = meter.platform.look();
    meter.energy.look(look, nowMs);
    const present = presentWatts(look, meter.platform.watts, nowMs);
    if (present !== null) this.#gauge('torpor_power_watts').set({ platform, source: present.source }, present.watts);
    const { usedJoules, alwaysOnJoules } = meter.energy.energy();
    this.#raise('torpor_energy_used_joules_total', { platform }, usedJoules);
    this.#raise('torpor_energy_always_on_joules_total', { platform }, alwaysOnJoules);
    this.#gauge('torpor_saved_joules').set({ platform }, alwaysOnJoules - usedJoules);
  }

  #countState(meter: PlatformMeter, next: StateName, atMs: number): void {
    const { state, platform } = meter;
    const seconds = Math.max(0, atMs - meter.countedAtMs) / 1000;
    this.#counter('torpor_platform_state_seconds_total').inc({ platform: platform.name, state }, seconds);
    meter.state = next;
    meter.countedAtMs = Math.max(meter.countedAtMs, atMs);
  }

  #readHistory(): void {
    const counts = this.#options.history?.counts();
    if (counts === undefined) return;
    for (const outcome of ['written', 'dropped', 'thinned'] as const)
      this.#raise('torpor_history_rows_total', { outcome }, counts[outcome]);
    this.#gauge('torpor_history_queued_rows').set(counts.queued);
    this.#gauge('torpor_history_file_bytes').set(counts.fileBytes);
  }

  /** A counter that is a sum kept elsewhere: it never falls, also where that sum does. */
  #raise(name: MetricName, labels: Record<string, string>, total: number): void {
    const key = `${name} ${Object.values(labels).join(' ')}`;
    const before = this.#raised.get(key) ?? 0;
    this.#counter(name).inc(labels, Math.max(0, total - before));
    this.#raised.set(key, Math.max(before, total));
  }

  #counter(name: MetricName): Counter {
    return this.#counters.get(name) as Counter;
  }

  #gauge(name: MetricName): Gauge {
    return this.#gauges.get(name) as Gauge;
  }
}

/** What prom-client knows of the process, but for gauges that are named like counters: their names break Prometheus's own rules. */
function addProcessMetrics(registry: Registry): void {
  const own = new Registry();
  collectDefaultMetrics({ register: own });
  for (const metric of own.getMetricsAsArray()) {
    const isMisnamed = metric.name.endsWith('_total') && !(metric instanceof Counter);
    if (!isMisnamed) registry.registerMetric(metric as never);
  }
}
