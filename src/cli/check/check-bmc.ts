// Whether a platform's IPMI BMC can be spoken to, step by step. What it can then do and tell is check-power.ts's.

import type { IpmiBmcConfig } from '../../config/power-config.ts';
import { readSecret } from '../../config/secret.ts';
import { errorText, TorporError, type TorporErrorCode } from '../../platform/errors.ts';
import { type BmcSession, openBmcSession } from '../../power/ipmi/bmc-session.ts';
import { GET_DEVICE_ID } from '../../power/ipmi/commands/get-device-id.ts';
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

/** Reads the password and opens a session. False where that did not work. */
export async function checkBmc(
  bmc: IpmiBmcConfig,
  env: Readonly<Record<string, string | undefined>>,
  report: CheckReport,
  stop: AbortSignal,
): Promise<boolean> {
  const password = await checkPassword(bmc, env, report);
  if (password === null) {
    for (const { subject } of STEPS) report.skip(subject, 'no password to try it with');
    return false;
  }
  const signal = AbortSignal.any([stop, AbortSignal.timeout(BMC_BOUND_MS)]);
  return await checkSession(bmc, password, report, signal);
}

async function checkPassword(
  bmc: IpmiBmcConfig,
  env: Readonly<Record<string, string | undefined>>,
  report: CheckReport,
): Promise<string | null> {
  try {
    const { value, warnings } = await readSecret(bmc.password, env);
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
