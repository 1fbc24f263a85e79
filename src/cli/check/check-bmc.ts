// Whether a platform's IPMI BMC can be spoken to, step by step. What it can then do and tell is check-power.ts's.

import type { IpmiBmcConfig, SecretSource } from '../../config/power-config.ts';
import { readSecret } from '../../config/secret.ts';
import { errorText, TorporError, type TorporErrorCode } from '../../platform/errors.ts';
import { type BmcSession, openBmcSession } from '../../power/ipmi/bmc-session.ts';
import { GET_DEVICE_ID } from '../../power/ipmi/commands/get-device-id.ts';
import { systemClock } from '../../system-clock.ts';
import type { CheckReport } from './check-finding.ts';

/** For everything that is asked of one BMC. */
const BMC_BOUND_MS = 30_000;

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
    describe: ({ cipherSuite }) => (cipherSuite === 'auto' ? 'agreed' : `${cipherSuite}, as configured`),
    todo: 'enable cipher suite 17 or 3 on the BMC, or set power.bmc.cipherSuite to one that it offers',
  },
  {
    subject: 'login',
    codes: ['ERR_IPMI_AUTHENTICATION'],
    describe: (bmc) => `user ${bmc.user} is let in`,
    todo: 'look at power.bmc.user, the password and the BMC key, and that the user is enabled for IPMI over LAN',
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
  const password = await checkSecret('password', bmc.password, env, report);
  const kg = bmc.kg === null ? null : await checkSecret('BMC key', bmc.kg, env, report);
  if (password === null || (bmc.kg !== null && kg === null)) {
    const what = password === null ? 'password' : 'BMC key';
    for (const { subject } of STEPS) report.skip(subject, `no ${what} to try it with`);
    return false;
  }
  const signal = AbortSignal.any([stop, AbortSignal.timeout(BMC_BOUND_MS)]);
  return await checkSession(bmc, { password, kg }, report, signal);
}

async function checkSecret(
  subject: string,
  source: SecretSource,
  env: Readonly<Record<string, string | undefined>>,
  report: CheckReport,
): Promise<string | null> {
  try {
    const { value, warnings } = await readSecret(source, env);
    if (warnings.length === 0) report.ok(subject, 'can be read');
    for (const warning of warnings) report.warn(subject, warning, 'others on this machine could switch the platform');
    return value;
  } catch (error) {
    report.fail(subject, errorText(error), 'Torpor needs it before it starts');
    return null;
  }
}

async function checkSession(
  bmc: IpmiBmcConfig,
  secrets: { readonly password: string; readonly kg: string | null },
  report: CheckReport,
  signal: AbortSignal,
): Promise<boolean> {
  let session: BmcSession | null = null;
  try {
    const { host, port, user, cipherSuite } = bmc;
    session = await openBmcSession({ host, port, user, ...secrets, cipherSuite, clock: systemClock }, signal);
    const device = await session.run(GET_DEVICE_ID, undefined, { signal });
    const firmware = `firmware ${device.firmwareMajor}.${device.firmwareMinor}`;
    const found: Readonly<Record<string, string>> = {
      BMC: `${host}:${port} answers: IPMI ${device.ipmiVersion}, ${firmware}`,
      'cipher suite': session.suite?.name.replace(/^cipher suite /, '') ?? '',
    };
    for (const { subject, describe } of STEPS) report.ok(subject, found[subject] ?? describe(bmc));
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
  const found = STEPS.findIndex((step) => code !== null && step.codes.includes(code));
  // What no step knows, such as a BMC without a free session, is the BMC's, and says itself what to do: its address is right.
  const failed = Math.max(0, found);
  for (const [index, step] of STEPS.entries()) {
    if (index < failed) report.ok(step.subject, step.describe(bmc));
    else if (index === failed) report.fail(step.subject, errorText(error), found < 0 ? null : step.todo);
    else report.skip(step.subject, 'not reached');
  }
}
