// What each part of a platform's power path can do, and what they do together, as far as that shows without pressing anything.
import { buildParts, combineParts, type PowerParts } from '../../compose-power.ts';
import type { BmcConfig } from '../../config/power-config.ts';
import type { PlatformConfig } from '../../config/torpor-config.ts';
import { errorText } from '../../platform/errors.ts';
import type { Logger, PowerDriver, PowerReading } from '../../platform/ports.ts';
import type { CombinedDriver, ProofOnRecord } from '../../power/combined-driver.ts';
import { checkBmc } from './check-bmc.ts';
import type { CheckReport } from './check-finding.ts';
import { checkRedfishBmc } from './check-redfish.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** For everything that is asked of one platform's power path. */
const POWER_BOUND_MS = 45_000;
/** What a check tells stands in its findings. */
const NO_LOG: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Step by step, one per `driver`. False where the BMC cannot be used: then what needs it is not asked. */
const BMC_CHECKS: {
  readonly [Driver in BmcConfig['driver']]: (
    bmc: Extract<BmcConfig, { readonly driver: Driver }>,
    env: Environment,
    report: CheckReport,
    stop: AbortSignal,
  ) => Promise<boolean>;
} = { ipmi: checkBmc, redfish: checkRedfishBmc };

/** Gives the reading of the platform's state; null where there is none. */
export async function checkPower(
  platform: PlatformConfig,
  env: Environment,
  report: CheckReport,
  stop: AbortSignal,
  readProof: () => Promise<ProofOnRecord>,
): Promise<PowerReading | null> {
  const { bmc } = platform.power;
  reportCombination(platform, report);
  const works = bmc === null || (await checkerOf(bmc)(bmc, env, report, stop));
  const signal = AbortSignal.any([stop, AbortSignal.timeout(POWER_BOUND_MS)]);
  if (!works && platform.power.sleepBy === 'bmc' && platform.power.wakeBy.every((waker) => waker === 'bmc')) {
    for (const subject of ['state', 'wake path']) report.skip(subject, 'no session with the BMC');
    return null;
  }
  return await checkParts(platform, { env, report, signal, readProof });
}

/** TypeScript cannot tie the driver of one value to that of another; the table's type does. */
function checkerOf(bmc: BmcConfig) {
  return BMC_CHECKS[bmc.driver] as (
    bmc: BmcConfig,
    ...rest: [Environment, CheckReport, AbortSignal]
  ) => Promise<boolean>;
}

/** Who does what, in one line; a lone BMC that does everything needs none. */
function reportCombination({ power }: PlatformConfig, report: CheckReport): void {
  if (power.host === null && power.wol === null) return;
  const state = power.stateBy === 'probes' ? 'probes alone' : power.stateBy;
  report.ok('power path', `sleep by ${power.sleepBy}; wake by ${power.wakeBy.join(', then ')}; state by ${state}`);
}

interface PartsCheck {
  readonly env: Environment;
  readonly report: CheckReport;
  readonly signal: AbortSignal;
  readonly readProof: () => Promise<ProofOnRecord>;
}

async function checkParts(platform: PlatformConfig, check: PartsCheck): Promise<PowerReading | null> {
  const { env, report, signal, readProof } = check;
  const options = { log: NO_LOG, env, readProof };
  let driver: CombinedDriver | null = null;
  try {
    const parts = await buildParts(platform, options);
    driver = await combineParts(platform, parts, options);
    await inspectParts(parts, report, signal);
    const proof = await driver.proveWake(signal);
    reportRecord(driver.proof, report);
    const reading = await readState(driver, platform, report, signal);
    if (proof.proven) report.ok('wake path', proof.why);
    else report.fail('wake path', proof.why, 'until it is proven Torpor will not put this platform to sleep');
    return reading;
  } catch (error) {
    report.fail('power path', errorText(error), null);
    return null;
  } finally {
    await driver?.close();
  }
}

/** What `check --prove` found, where it ever ran. */
function reportRecord(record: ProofOnRecord, report: CheckReport): void {
  if (record.state === 'stale') report.warn('proof', record.why, 'what it taught does not count until then');
  if (record.state !== 'valid') return;
  const { witness } = record.learned;
  report.ok(
    'proof',
    `woken by ${record.wokeBy} on ${record.at}; sleep is told by ${witness === 'none' ? 'probes alone' : witness}`,
  );
}

async function inspectParts({ bmc, host, wol }: PowerParts, report: CheckReport, signal: AbortSignal): Promise<void> {
  for (const part of [bmc, host, wol]) {
    for (const { outcome, subject, what, todo } of (await part?.inspect?.(signal)) ?? []) {
      if (outcome === 'ok') report.ok(subject, what);
      else if (outcome === 'warning') report.warn(subject, what, todo ?? 'see whether that is what you mean');
      else report.fail(subject, what, todo);
    }
  }
}

async function readState(
  driver: PowerDriver,
  platform: PlatformConfig,
  report: CheckReport,
  signal: AbortSignal,
): Promise<PowerReading | null> {
  const { sleep, stateBy } = platform.power;
  const todo = 'sleep will be believed from silent probes alone: give every VM a probe that only it can answer';
  const learn = `run torpor check --prove ${platform.name}: it learns whether power bit or watts tell; until then ${todo}`;
  try {
    const reading = await driver.readPower(signal);
    const witness = driver.capabilities().readsSleepState;
    const what = `${stateWords(reading)}, ${sleep} is told by ${witness}`;
    if (stateBy === 'probes') report.warn('state', `nothing tells ${sleep} from S0`, todo);
    else if (witness !== 'none') report.ok('state', what);
    else report.warn('state', `the ${stateBy === 'bmc' ? 'BMC' : 'host'} cannot tell ${sleep} from S0`, learn);
    return reading;
  } catch (error) {
    report.fail('state', errorText(error), 'Torpor needs to read it to know whether a sleep or a wake worked');
    return null;
  }
}

function stateWords({ acpi, powerBit }: PowerReading): string {
  if (acpi !== null) return acpi;
  if (powerBit === null) return 'not told now';
  return powerBit ? 'power on' : 'power off';
}
