// Whether a platform's BMC can be spoken to and its platform be woken, as far as that can be told without pressing anything.

import type { IpmiBmcConfig } from '../../config/power-config.ts';
import { readSecret } from '../../config/secret.ts';
import type { PlatformConfig } from '../../config/torpor-config.ts';
import { errorText, TorporError, type TorporErrorCode } from '../../platform/errors.ts';
import type { PowerReading } from '../../platform/ports.ts';
import { type BmcSession, openBmcSession } from '../../power/ipmi/bmc-session.ts';
import { GET_DEVICE_ID } from '../../power/ipmi/commands/get-device-id.ts';
import { IpmiDriver } from '../../power/ipmi/ipmi-driver.ts';
import { systemClock } from '../../system-clock.ts';
import type { CheckReport } from './check-finding.ts';

/** For everything that is asked of one BMC. */
const BMC_BOUND_MS = 30_000;
const SUITE_NAMES = { 3: '3 (HMAC-SHA1, AES-CBC-128)', 17: '17 (HMAC-SHA256, AES-CBC-128)' } as const;

/** The steps of a session in their order, the code that says a step failed, and what to do then. */
const STEPS: ReadonlyArray<{
  readonly subject: string;
  readonly codes: readonly TorporErrorCode[];
  readonly describe: (bmc: IpmiBmcConfig) => string;
  readonly todo: string;
}> = [
  {
    subject: 'BMC',
    codes: ['ERR_IPMI_TIMEOUT', 'ERR_IPMI_UNREACHABLE'],
    describe: (bmc) => `${bmc.host}:${bmc.port} answers`,
    todo: 'look at power.bmc.host and port, at the cable, and that IPMI over LAN is enabled on the BMC',
  },
  {
    subject: 'cipher suite',
    codes: ['ERR_IPMI_CIPHER_SUITE'],
    describe: (bmc) => SUITE_NAMES[bmc.cipherSuite],
    todo: 'enable that cipher suite on the BMC, or set power.bmc.cipherSuite to one that it offers',
  },
  {
    subject: 'login',
    codes: ['ERR_IPMI_AUTHENTICATION'],
    describe: (bmc) => `user ${bmc.user} is let in`,
    todo: 'look at power.bmc.user and the password, and that the user is enabled for IPMI over LAN',
  },
  {
    subject: 'privilege',
    codes: ['ERR_IPMI_PRIVILEGE'],
    describe: () => 'operator',
    todo: "give the user operator privilege on the BMC's LAN channel",
  },
];

/** Reads the password, opens a session, proves the wake path. Gives the reading of the platform's state, null where none. */
export async function checkBmc(
  platform: PlatformConfig,
  env: Readonly<Record<string, string | undefined>>,
  report: CheckReport,
  stop: AbortSignal,
): Promise<PowerReading | null> {
  const password = await checkPassword(platform, env, report);
  const subjects = [...STEPS.map((step) => step.subject), 'state', 'wake path'];
  if (password === null) {
    for (const subject of subjects) report.skip(subject, 'no password to try it with');
    return null;
  }
  const signal = AbortSignal.any([stop, AbortSignal.timeout(BMC_BOUND_MS)]);
  if (await checkSession(platform.power.bmc, password, report, signal))
    return checkPower(platform, password, report, signal);
  for (const subject of subjects.slice(-2)) report.skip(subject, 'no session with the BMC');
  return null;
}

async function checkPassword(
  platform: PlatformConfig,
  env: Readonly<Record<string, string | undefined>>,
  report: CheckReport,
): Promise<string | null> {
  try {
    const { value, warnings } = await readSecret(platform.power.bmc.password, env);
    if (warnings.length === 0) report.ok('password', 'can be read');
    for (const warning of warnings)
      report.warn('password', warning, 'others on this machine could switch the platform');
    return value;
  } catch (error) {
    report.fail('password', errorText(error), 'Torpor needs it before it starts');
    return null;
  }
}

async function checkSession(
  bmc: IpmiBmcConfig,
  password: string,
  report: CheckReport,
  signal: AbortSignal,
): Promise<boolean> {
  let session: BmcSession | null = null;
  try {
    const { host, port, user, cipherSuite } = bmc;
    session = await openBmcSession({ host, port, user, password, cipherSuite, clock: systemClock }, signal);
    const device = await session.run(GET_DEVICE_ID, undefined, { signal });
    const firmware = `firmware ${device.firmwareMajor}.${device.firmwareMinor}`;
    for (const { subject, describe } of STEPS) {
      report.ok(
        subject,
        subject === 'BMC' ? `${describe(bmc)}: IPMI ${device.ipmiVersion}, ${firmware}` : describe(bmc),
      );
    }
    return true;
  } catch (error) {
    reportFailedStep(error, bmc, report);
    return false;
  } finally {
    await session?.close();
  }
}

/** Steps before the failed one worked; those after it were not reached. */
function reportFailedStep(error: unknown, bmc: IpmiBmcConfig, report: CheckReport): void {
  const code = error instanceof TorporError ? error.code : null;
  const failed = Math.max(
    0,
    STEPS.findIndex((step) => code !== null && step.codes.includes(code)),
  );
  for (const [index, step] of STEPS.entries()) {
    if (index < failed) report.ok(step.subject, step.describe(bmc));
    else if (index === failed) report.fail(step.subject, errorText(error), step.todo);
    else report.skip(step.subject, 'not reached');
  }
}

async function checkPower(
  platform: PlatformConfig,
  password: string,
  report: CheckReport,
  signal: AbortSignal,
): Promise<PowerReading | null> {
  const { host, port, user, cipherSuite } = platform.power.bmc;
  const { sleep } = platform.power;
  const driver = new IpmiDriver({ host, port, user, password, cipherSuite, sleep, clock: systemClock });
  try {
    const proof = await driver.proveWake(signal);
    const reading = await readState(driver, platform, report, signal);
    if (proof.proven) report.ok('wake path', proof.why);
    else report.fail('wake path', proof.why, 'until it is proven Torpor will not put this platform to sleep');
    return reading;
  } finally {
    await driver.close();
  }
}

async function readState(
  driver: IpmiDriver,
  platform: PlatformConfig,
  report: CheckReport,
  signal: AbortSignal,
): Promise<PowerReading | null> {
  try {
    const reading = await driver.readPower(signal);
    const witness = driver.capabilities().readsSleepState;
    const what = `${reading.acpi ?? (reading.powerBit ? 'power on' : 'power off')}, ${platform.power.sleep} is told by ${witness}`;
    if (witness !== 'none') report.ok('state', what);
    else {
      const todo = 'sleep will be believed from silent probes alone: give every VM a probe that only it can answer';
      report.warn('state', `the BMC cannot tell ${platform.power.sleep} from S0`, todo);
    }
    return reading;
  } catch (error) {
    report.fail('state', errorText(error), 'Torpor needs to read it to know whether a sleep or a wake worked');
    return null;
  }
}
