// From the YAML's names under `inhibitors` to the typed configuration: units into names, names and time zones filled in.
import { HOST_CHECKS, type InhibitorsConfig, type ScheduleConfig } from './inhibitors-config.ts';
import type { ParsedConfig } from './schema.ts';

type ParsedPlatform = ParsedConfig['platforms'][number];
type ParsedInhibitors = ParsedPlatform['inhibitors'];

export function toInhibitors(parsed: ParsedInhibitors, idleWatts: number | null): InhibitorsConfig {
  const { hostChecks, busyWatts } = parsed;
  return {
    awake: parsed.awake.map((schedule, index) => toSchedule(schedule, `awake-${index + 1}`)),
    wakeAt: parsed.wakeAt.map((schedule, index) => toSchedule(schedule, `wake-${index + 1}`)),
    checks: parsed.checks.map(toCheck),
    busyWatts: busyWatts === null ? null : { margin: busyWatts.margin, forMs: busyWatts.for, idle: idleWatts },
    watchdog: parsed.watchdog,
    hostChecks:
      hostChecks === null
        ? null
        : {
            run: hostChecks.run,
            everyMs: hostChecks.every,
            timeoutMs: hostChecks.timeout,
            onError: hostChecks.onError,
            checks: hostChecks.checks ?? HOST_CHECKS,
            ports: hostChecks.ports,
            torporAddresses: hostChecks.torporAddresses,
          },
    maxSuspendsPerHour: parsed.maxSuspendsPerHour,
  };
}

/** Without a time zone it is the one of the machine that Torpor runs on. */
function toSchedule(parsed: ParsedInhibitors['awake'][number], defaultName: string): ScheduleConfig {
  const timezone = parsed.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const why = parsed.why ?? `${parsed.cron} (${timezone})`;
  return { name: parsed.name ?? defaultName, cron: parsed.cron, timezone, forMs: parsed.for, why };
}

/** inhibitor-checks.ts has made sure that exactly one of the two is set. */
function toCheck(parsed: ParsedInhibitors['checks'][number]): InhibitorsConfig['checks'][number] {
  const ask =
    parsed.command === null
      ? ({ kind: 'url', url: parsed.url ?? '' } as const)
      : ({ kind: 'command', command: parsed.command } as const);
  return { name: parsed.name, ask, everyMs: parsed.every, timeoutMs: parsed.timeout, onError: parsed.onError };
}
