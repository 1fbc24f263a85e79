// Why a platform stays awake though nobody is active, as Torpor uses it: typed, complete, units in names.

export interface InhibitorsConfig {
  /** Windows in which it is not put to sleep. */
  readonly awake: readonly ScheduleConfig[];
  /** Windows for which it is woken, and in which it stays awake. */
  readonly wakeAt: readonly ScheduleConfig[];
  readonly checks: readonly CheckConfig[];
  readonly busyWatts: BusyWattsConfig | null;
  /** block: a BMC's watchdog that runs keeps it awake. */
  readonly watchdog: 'block' | 'ignore';
  readonly hostChecks: HostChecksConfig | null;
  /** null: no bound. */
  readonly maxSuspendsPerHour: number | null;
}

export interface ScheduleConfig {
  /** Unique among the platform's schedules. */
  readonly name: string;
  /** Five fields of cron, or a nickname such as @daily. */
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
  readonly forMs: number;
  readonly why: string;
}

/** What becomes of a check that cannot be asked: block keeps the platform awake with that reason, ignore only tells it. */
export type OnError = 'block' | 'ignore';

export interface CheckConfig {
  /** Unique among the platform's checks. */
  readonly name: string;
  readonly ask: { readonly kind: 'command'; readonly command: string } | { readonly kind: 'url'; readonly url: string };
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly onError: OnError;
}

export interface BusyWattsConfig {
  /** Watts above idle that are work. */
  readonly margin: number;
  readonly forMs: number;
  /** null: learned from the least that it draws. */
  readonly idle: number | null;
}

export const HOST_CHECKS = [
  'quorum',
  'ha',
  'sanlock',
  'storage',
  'vfio',
  'vm-jobs',
  'bypass',
  'power-key',
  'mem-sleep',
  'nic-wake',
  'lease',
] as const;

export type HostCheckName = (typeof HOST_CHECKS)[number];

export interface HostChecksConfig {
  /** A command line that gives its standard input to a POSIX shell on the host. */
  readonly run: string;
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly onError: OnError;
  readonly checks: readonly HostCheckName[];
  /** Ports on the host whose connections count, if they do not come from Torpor. */
  readonly ports: readonly PortRange[];
  /** Torpor's own addresses as the host sees them, beside the one that the check comes from. */
  readonly torporAddresses: readonly string[];
}

/** Both ends belong to it. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export const NO_INHIBITORS: InhibitorsConfig = {
  awake: [],
  wakeAt: [],
  checks: [],
  busyWatts: null,
  watchdog: 'block',
  hostChecks: null,
  maxSuspendsPerHour: null,
};
