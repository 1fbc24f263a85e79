// What goes wrong in one simulated run, drawn from its seed before it begins: a list that can be shortened and played again.
import type { Random } from '../platform/random.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Of the process: all of its platforms have them. */
export const PROCESS_FAULTS = [
  'crash',
  'crash-at-write',
  'crash-at-press',
  'pause',
  'pause-at-save',
  'pause-at-write',
] as const;
/** Of one platform, its BMC, its network, its disk. */
export const PLATFORM_FAULTS = [
  'bmc-silent',
  'bmc-slow',
  'bmc-stale',
  'bmc-lies',
  'bmc-loses-answers',
  'bmc-refuses-sleep',
  'wake-fails',
  'button-ignored',
  'sleeps-late',
  'wakes-by-itself',
  'powered-off',
  'memory-lost',
  'vm-packets-lost',
  'vm-cut-off',
  'disk-slow',
  'disk-fails',
] as const;

/** Of what several Torpors share, or of one of them: only where there are several. */
export const FARM_FAULTS = [
  'store-slow',
  'store-loses',
  'store-down',
  'cut-from-store',
  'cut-from-store-unawares',
  'cut-from-bmc',
  'clock-jumps',
  'farm-pause',
  'farm-crash',
  'pause-at-press',
] as const;

export type ProcessFaultKind = (typeof PROCESS_FAULTS)[number];
export type PlatformFaultKind = (typeof PLATFORM_FAULTS)[number];
export type FarmFaultKind = (typeof FARM_FAULTS)[number];
export type FaultKind = ProcessFaultKind | PlatformFaultKind | FarmFaultKind;

export interface Fault<Kind = FaultKind> {
  readonly kind: Kind;
  /** null: the process, or what several share. */
  readonly platform: number | null;
  /** Since the begin of the run. */
  readonly atMs: number;
  /** How long it lasts; of those that happen once, how long what follows it does. */
  readonly forMs: number;
}

/** Least and most of `forMs`. */
const LASTS_MS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  crash: [500, 60_000],
  'crash-at-write': [500, 30_000],
  'crash-at-press': [500, 60_000],
  pause: [1000, 90_000],
  'pause-at-save': [1000, 90_000],
  'pause-at-write': [1000, 90_000],
  'bmc-silent': [10_000, 20 * MINUTE_MS],
  'bmc-slow': [5 * MINUTE_MS, HOUR_MS],
  'bmc-stale': [MINUTE_MS, 20 * MINUTE_MS],
  'bmc-lies': [MINUTE_MS, 20 * MINUTE_MS],
  'bmc-loses-answers': [5 * MINUTE_MS, HOUR_MS],
  'bmc-refuses-sleep': [10 * MINUTE_MS, HOUR_MS],
  'wake-fails': [HOUR_MS, 4 * HOUR_MS],
  'button-ignored': [10 * MINUTE_MS, 2 * HOUR_MS],
  'sleeps-late': [30 * MINUTE_MS, 2 * HOUR_MS],
  'wakes-by-itself': [HOUR_MS, 4 * HOUR_MS],
  'powered-off': [MINUTE_MS, 10 * MINUTE_MS],
  'memory-lost': [HOUR_MS, 4 * HOUR_MS],
  'vm-packets-lost': [MINUTE_MS, 20 * MINUTE_MS],
  'vm-cut-off': [10_000, 5 * MINUTE_MS],
  'disk-slow': [10 * MINUTE_MS, 2 * HOUR_MS],
  'disk-fails': [MINUTE_MS, 10 * MINUTE_MS],
  'store-slow': [MINUTE_MS, 30 * MINUTE_MS],
  'store-loses': [MINUTE_MS, 30 * MINUTE_MS],
  'store-down': [1000, 5 * MINUTE_MS],
  'cut-from-store': [1000, 10 * MINUTE_MS],
  'cut-from-store-unawares': [1000, 10 * MINUTE_MS],
  'cut-from-bmc': [MINUTE_MS, 20 * MINUTE_MS],
  'clock-jumps': [-HOUR_MS, HOUR_MS],
  'farm-pause': [1000, 90_000],
  'farm-crash': [500, 90_000],
  'pause-at-press': [1000, 90_000],
};

/** Where a BMC that says S3 and VMs that nobody hears meet, nothing shows that it runs: two witnesses cannot be wrong at once. */
const BLINDS_POWER: readonly FaultKind[] = ['bmc-stale', 'bmc-lies'];
const BLINDS_PROBES: readonly FaultKind[] = ['vm-packets-lost', 'vm-cut-off'];
const APART_MS = 5 * MINUTE_MS;

/** One to three a platform-day, one or two a day of the process, two to four a day of several. In order of their moments. */
export function planFaults(random: Random, platforms: number, days: number, torpors = 1): Fault[] {
  const faults: Fault[] = [];
  for (let day = 0; torpors > 1 && day < days; day += 1)
    for (let count = random.between(2, 4); count > 0; count -= 1) add(FARM_FAULTS, null, day);
  for (let day = 0; day < days; day += 1) {
    for (let count = random.between(1, 2); count > 0; count -= 1) add(PROCESS_FAULTS, null, day);
    for (let platform = 0; platform < platforms; platform += 1)
      for (let count = random.between(1, 3); count > 0; count -= 1) add(PLATFORM_FAULTS, platform, day);
  }
  return faults.sort((a, b) => a.atMs - b.atMs);

  function add(kinds: readonly FaultKind[], platform: number | null, day: number): void {
    const kind = kinds[random.between(0, kinds.length - 1)] as FaultKind;
    const atMs = day * DAY_MS + random.between(10 * MINUTE_MS, DAY_MS - 10 * MINUTE_MS);
    const fault = { kind, platform, atMs, forMs: random.between(...LASTS_MS[kind]) };
    if (!faults.some((other) => blindsWith(other, fault))) faults.push(fault);
  }
}

function blindsWith(one: Fault, other: Fault): boolean {
  if (one.platform !== other.platform) return false;
  const both =
    (BLINDS_POWER.includes(one.kind) && BLINDS_PROBES.includes(other.kind)) ||
    (BLINDS_PROBES.includes(one.kind) && BLINDS_POWER.includes(other.kind));
  return both && one.atMs < other.atMs + other.forMs + APART_MS && other.atMs < one.atMs + one.forMs + APART_MS;
}

export function isFarmFault(fault: Fault): fault is Fault<FarmFaultKind> {
  return (FARM_FAULTS as readonly string[]).includes(fault.kind);
}

export function isOwnFault(fault: Fault): fault is Fault<ProcessFaultKind | PlatformFaultKind> {
  return !isFarmFault(fault);
}
