// What would keep a platform awake now: each schedule's next window, and each check asked once. It inhibits nothing.
import { buildChecks, namedSchedules } from '../../compose-inhibitors.ts';
import type { PlatformConfig } from '../../config/torpor-config.ts';
import type { BusyCheck, CheckRule, CheckVerdict } from '../../inhibitors/busy-check.ts';
import { errorText } from '../../platform/errors.ts';
import { nameInhibitor } from '../../platform/inhibitor.ts';
import type { PowerReading } from '../../platform/ports.ts';
import { formatDuration } from '../../platform/units.ts';
import type { CheckReport } from './check-finding.ts';
import { isAsleep } from './check-probe.ts';

/** What to do about a look at the host that is busy for good. */
const LASTING = 'it will not be put to sleep while that is so';

function subjectsOf({ by, names }: BusyCheck): string[] {
  return names.map((name) => nameInhibitor({ kind: by, name }));
}

/** The schedules, the owner's checks and the looks at the host. The watchdog is told with the rest of what its BMC can do. */
export async function checkInhibitors(
  platform: PlatformConfig,
  reading: PowerReading | null,
  report: CheckReport,
  stop: AbortSignal,
): Promise<void> {
  checkSchedules(platform, report);
  checkBusyWatts(platform, reading, report);
  const checks = buildChecks(platform, null);
  if (isAsleep(reading)) {
    // What is asked of a sleeper may wake it, and could not be answered.
    for (const name of checks.flatMap(subjectsOf)) report.skip(name, 'the platform does not run');
    return;
  }
  await Promise.all(checks.map((check) => askOnce(check, report, stop)));
}

async function askOnce(check: BusyCheck, report: CheckReport, stop: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(check.rule.timeoutMs)]);
  let verdicts: readonly CheckVerdict[] = [];
  let problem = 'it said nothing of that';
  try {
    verdicts = await check.ask(signal);
  } catch (thrown) {
    problem = signal.aborted ? `no answer within ${formatDuration(check.rule.timeoutMs)}` : errorText(thrown);
  }
  for (const name of check.names) {
    const verdict = verdicts.find((each) => each.name === name) ?? ({ name, outcome: 'error', why: problem } as const);
    reportVerdict(nameInhibitor({ kind: check.by, name }), verdict, check.rule.onError, report);
  }
}

function reportVerdict(
  subject: string,
  { outcome, why }: CheckVerdict,
  onError: CheckRule['onError'],
  report: CheckReport,
): void {
  if (outcome === 'free') report.ok(subject, why === '' ? 'free' : why);
  else if (outcome === 'busy') report.warn(subject, `busy: ${why}`, LASTING);
  else if (outcome === 'warning') report.warn(subject, why, 'see whether that is what you mean');
  else if (onError === 'ignore')
    report.warn(subject, `cannot be asked: ${why}`, 'that is ignored (onError): correct it');
  else report.fail(subject, `cannot be asked: ${why}`, 'correct it: until then the platform will not be put to sleep');
}

function checkSchedules(platform: PlatformConfig, report: CheckReport): void {
  const wallMs = Date.now();
  for (const { name, wakes, schedule } of namedSchedules(platform)) {
    const subject = `schedule ${name}`;
    const what = wakes ? 'woken, and kept awake' : 'kept awake';
    const window = schedule.openAt(wallMs);
    const nextMs = schedule.nextStartMs(wallMs);
    if (window !== null) report.ok(subject, `${what} now, for ${formatDuration(window.untilMs - wallMs)} more`);
    else if (nextMs !== null)
      report.ok(subject, `${what} next in ${formatDuration(nextMs - wallMs)}, ${localTime(nextMs)}`);
    else report.warn(subject, 'never comes any more', 'look at its cron line');
  }
}

function localTime(wallMs: number): string {
  return new Date(wallMs).toString().replace(/ \(.*\)$/, '');
}

function checkBusyWatts(platform: PlatformConfig, reading: PowerReading | null, report: CheckReport): void {
  const { busyWatts } = platform.inhibitors;
  if (busyWatts === null || reading === null) return;
  const subject = 'busy watts';
  if (reading.watts === null) {
    report.fail(
      subject,
      'the BMC gives no power reading',
      'leave busyWatts out: with it the platform would never sleep',
    );
    return;
  }
  const idle = busyWatts.idle === null ? 'idle is learned' : `idle is ${busyWatts.idle} W`;
  report.ok(
    subject,
    `draws ${Math.round(reading.watts)} W now, ${idle}, more than ${busyWatts.margin} W above it is work`,
  );
}
