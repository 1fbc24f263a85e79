// Part of the composition root: what watches for reasons to keep a platform awake, as its configuration asks for.
import type { PowerParts } from './compose-power.ts';
import type { PlatformConfig } from './config/torpor-config.ts';
import { WakeMemoryFile } from './history/wake-memory-file.ts';
import type { BusyCheck } from './inhibitors/busy-check.ts';
import { CheckWatch } from './inhibitors/check-watch.ts';
import { CommandCheck } from './inhibitors/command-check.ts';
import { HostChecks } from './inhibitors/host/host-checks.ts';
import { Schedule } from './inhibitors/schedule.ts';
import { type NamedSchedule, ScheduleWatch } from './inhibitors/schedule-watch.ts';
import { UrlCheck } from './inhibitors/url-check.ts';
import { asWatchdogReader, WatchdogCheck } from './inhibitors/watchdog-check.ts';
import { WattsWatch } from './inhibitors/watts-watch.ts';
import type { PlatformEvent } from './platform/model.ts';
import type { InhibitorWatch, Logger, WatchdogReader } from './platform/ports.ts';
import type { ProofOnRecord } from './power/combined-driver.ts';
import { systemClock } from './system-clock.ts';

/** What asking once more may take beyond two questions' bounds: one that is under way is waited for first. */
const ASK_MARGIN_MS = 5_000;

export interface InhibitorBuild {
  /** Reads the BMC's watchdog timer; null where nothing can. */
  readonly watchdog: WatchdogReader | null;
  readonly stateDir: string;
  readonly log: Logger;
  /** What is on record of its power path now. */
  readonly proof: ProofOnRecord;
  readonly onEvent: (event: PlatformEvent) => void;
  readonly report: (kind: 'alarm' | 'note', message: string) => void;
}

/** What reads a platform's watchdog, if its BMC has a driver that can. */
export function watchdogOf({ bmc }: PowerParts): WatchdogReader | null {
  return bmc === null || bmc.reader === null ? null : asWatchdogReader(bmc.reader);
}

/** All checks of a platform, in the order of its configuration. */
export function buildChecks(platform: PlatformConfig, watchdog: WatchdogReader | null): BusyCheck[] {
  const { checks, watchdog: rule } = platform.inhibitors;
  return [
    ...(watchdog === null || rule === 'ignore' ? [] : [new WatchdogCheck(watchdog)]),
    ...checks.map(({ ask, ...rest }) =>
      ask.kind === 'command'
        ? new CommandCheck({ platform: platform.name, command: ask.command, ...rest })
        : new UrlCheck({ url: ask.url, ...rest }),
    ),
    ...buildHostChecks(platform),
  ];
}

function buildHostChecks(platform: PlatformConfig): HostChecks[] {
  const { hostChecks } = platform.inhibitors;
  if (hostChecks === null) return [];
  const { ports, torporAddresses, ...rest } = hostChecks;
  const { sleep, sleepBy } = platform.power;
  const context = { sleep, byButton: sleepBy === 'bmc', ports, torporAddresses };
  return [new HostChecks({ platform: platform.name, context, ...rest })];
}

/** The machine's bound on asking all of them once more; 0 where there are none. */
export function asksTimeoutMs(platform: PlatformConfig, watchdog: WatchdogReader | null): number {
  const timeoutsMs = buildChecks(platform, watchdog).map(({ rule }) => rule.timeoutMs);
  return timeoutsMs.length === 0 ? 0 : 2 * Math.max(...timeoutsMs) + ASK_MARGIN_MS;
}

export async function buildInhibitors(platform: PlatformConfig, build: InhibitorBuild): Promise<InhibitorWatch[]> {
  const { onEvent, report } = build;
  const { busyWatts } = platform.inhibitors;
  const schedules = namedSchedules(platform);
  return [
    ...buildChecks(platform, build.watchdog).map(
      (check) => new CheckWatch({ check, clock: systemClock, onEvent, report }),
    ),
    ...(busyWatts === null
      ? []
      : [new WattsWatch({ policy: busyWatts, provenIdle: provenIdle(build.proof), onEvent })]),
    ...(schedules.length === 0 ? [] : [await buildScheduleWatch(platform, schedules, build)]),
  ];
}

function provenIdle(proof: ProofOnRecord): { readonly watts: number; readonly atMs: number } | null {
  const watts = proof.state === 'valid' ? (proof.learned.idleWatts ?? null) : null;
  return watts === null ? null : { watts, atMs: systemClock.nowMs() };
}

export function namedSchedules(platform: PlatformConfig): NamedSchedule[] {
  const { awake, wakeAt } = platform.inhibitors;
  return [
    ...awake.map(({ name, why, ...rest }) => ({ name, why, wakes: false, schedule: new Schedule(rest) })),
    ...wakeAt.map(({ name, why, ...rest }) => ({ name, why, wakes: true, schedule: new Schedule(rest) })),
  ];
}

async function buildScheduleWatch(
  platform: PlatformConfig,
  schedules: readonly NamedSchedule[],
  { stateDir, log, onEvent, report }: InhibitorBuild,
): Promise<ScheduleWatch> {
  const wakes = schedules.some((schedule) => schedule.wakes);
  const memory = wakes
    ? await WakeMemoryFile.open(stateDir, platform.name, log)
    : { dealtUntilMs: null, remember: () => {} };
  return new ScheduleWatch({ schedules, clock: systemClock, wallNowMs: Date.now, memory, onEvent, report });
}
