// Every metric of Torpor's own: its name, which never changes once it was released, its unit, and its closed set of labels. The page
// docs/metrics.md and the recipes are checked against this table. No label holds what a client sent.

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

export const METRICS = {
  torpor_build_info: { type: 'gauge', help: 'Always 1; version and Node of this Torpor.', labels: ['version', 'node'] },
  torpor_platform_state: {
    type: 'gauge',
    help: '1 for the state that the platform is in, 0 for all others.',
    labels: ['platform', 'state'],
  },
  torpor_platform_state_seconds_total: {
    type: 'counter',
    help: 'Time that the platform spent in each state since Torpor started.',
    labels: ['platform', 'state'],
  },
  torpor_platform_state_changed_timestamp_seconds: {
    type: 'gauge',
    help: 'When the platform came into its present state, Unix time.',
    labels: ['platform'],
  },
  torpor_platform_armed: { type: 'gauge', help: '1: armed. 0: it only observes.', labels: ['platform'] },
  torpor_platform_maintenance: { type: 'gauge', help: '1 while the platform is in maintenance.', labels: ['platform'] },
  torpor_pool_streams: { type: 'gauge', help: 'Streams in the active pool.', labels: ['platform'] },
  torpor_streams: { type: 'gauge', help: 'Open streams, idle ones included.', labels: ['platform'] },
  torpor_blockers: {
    type: 'gauge',
    help: 'Reasons that keep the running platform awake now, by kind.',
    labels: ['platform', 'kind'],
  },
  torpor_transitions_total: {
    type: 'counter',
    help: 'Changes of state, by the kind of their reason.',
    labels: ['platform', 'from', 'to', 'reason'],
  },
  torpor_wakes_total: {
    type: 'counter',
    help: 'Wakes that were asked for, by what came of them and why.',
    labels: ['platform', 'outcome', 'reason'],
  },
  torpor_wake_seconds: {
    type: 'histogram',
    help: 'Latency of successful wakes. total: from the wish to the first held byte. platform: from the request to the first answer of a VM. torpor: the rest.',
    labels: ['platform', 'part'],
  },
  torpor_held_bytes: { type: 'gauge', help: 'Bytes of clients held for the platform.', labels: ['platform'] },
  torpor_held_stored_bytes: { type: 'gauge', help: 'The same as they are kept, compressed.', labels: ['platform'] },
  torpor_hold_compression_ratio: {
    type: 'gauge',
    help: 'Held bytes by the bytes they are kept in; missing while nothing is held.',
    labels: ['platform'],
  },
  torpor_received_bytes_total: { type: 'counter', help: 'Bytes from clients.', labels: ['platform'] },
  torpor_sent_bytes_total: { type: 'counter', help: 'Bytes to clients.', labels: ['platform'] },
  torpor_refused_clients_total: {
    type: 'counter',
    help: 'Clients that were not served, by why.',
    labels: ['platform', 'reason'],
  },
  torpor_spool_jobs: { type: 'gauge', help: 'Jobs that wait on disk for the platform.', labels: ['platform'] },
  torpor_spool_bytes: { type: 'gauge', help: 'Their bytes on disk.', labels: ['platform'] },
  torpor_spool_oldest_age_seconds: {
    type: 'gauge',
    help: 'How long the oldest of them has been safe; 0 while there is none.',
    labels: ['platform'],
  },
  torpor_bmc_up: { type: 'gauge', help: '1 while the source of power readings answers.', labels: ['platform'] },
  torpor_bmc_errors_total: { type: 'counter', help: 'Power readings that failed.', labels: ['platform'] },
  torpor_wake_path_proven: {
    type: 'gauge',
    help: '1 while the wake path is proven; without that nothing is put to sleep.',
    labels: ['platform'],
  },
  torpor_power_watts: {
    type: 'gauge',
    help: 'What the platform draws, and by whose word: measured (BMC) or configured.',
    labels: ['platform', 'source'],
  },
  torpor_energy_used_joules_total: {
    type: 'counter',
    help: 'Energy that the platform used since Torpor started, as far as its watts are known.',
    labels: ['platform'],
  },
  torpor_energy_always_on_joules_total: {
    type: 'counter',
    help: 'What it would have used had it never slept.',
    labels: ['platform'],
  },
  torpor_saved_joules: {
    type: 'gauge',
    help: 'The difference of the two; falls while a suspend or wake costs more than idling.',
    labels: ['platform'],
  },
  torpor_alarms_total: { type: 'counter', help: 'Alarms; of no platform: "*".', labels: ['platform'] },
  torpor_workers: { type: 'gauge', help: 'Processes that carry the streams: wanted and running.', labels: ['kind'] },
  torpor_circuit_waking: { type: 'gauge', help: 'Platforms of the circuit that wake now.', labels: ['circuit'] },
  torpor_circuit_queued: {
    type: 'gauge',
    help: 'Platforms of the circuit whose wake waits for its turn.',
    labels: ['circuit'],
  },
  torpor_circuit_watts: {
    type: 'gauge',
    help: "What the circuit's platforms draw at most now, by their configured watts.",
    labels: ['circuit'],
  },
  torpor_pool_ready: {
    type: 'gauge',
    help: 'Platforms of the pool that are awake with room for somebody.',
    labels: ['pool'],
  },
  torpor_pool_vm_moves_total: {
    type: 'counter',
    help: 'VMs that were moved off platforms that are hardly used, and moves that failed.',
    labels: ['pool', 'outcome'],
  },
  torpor_link_up: { type: 'gauge', help: '1 while the edge is connected to the gate.', labels: ['edge'] },
  torpor_link_streams: { type: 'gauge', help: 'Streams of the edge that are open.', labels: ['edge'] },
  torpor_link_received_bytes_total: {
    type: 'counter',
    help: 'Bytes from the edge. plain: before compression. wire: as they came over the link, without TLS.',
    labels: ['edge', 'form'],
  },
  torpor_link_sent_bytes_total: { type: 'counter', help: 'Bytes to the edge, likewise.', labels: ['edge', 'form'] },
  torpor_link_breaks_total: { type: 'counter', help: 'Connections of the edge that broke.', labels: ['edge'] },
  torpor_link_resumes_total: {
    type: 'counter',
    help: 'Breaks after which the streams of the edge went on.',
    labels: ['edge'],
  },
  torpor_history_rows_total: {
    type: 'counter',
    help: 'Rows of the history: written, dropped at the bound of the queue, thinned by a bounded rate.',
    labels: ['outcome'],
  },
  torpor_history_queued_rows: { type: 'gauge', help: 'Rows that wait for the disk.', labels: [] },
  torpor_history_file_bytes: { type: 'gauge', help: 'Size of the history on disk.', labels: [] },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;

/** Bounds of the wake histogram, seconds: S3 resumes in one to ten, S5 boots in minutes, Torpor adds milliseconds. */
export const WAKE_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300];
