// Whether a platform's Redfish BMC can be spoken to, step by step. What it can then do and tell is check-power.ts's.

import type { RedfishBmcConfig } from '../../config/power-config.ts';
import { readTrust } from '../../config/read-trust.ts';
import { readSecret } from '../../config/secret.ts';
import { errorText, TorporError, type TorporErrorCode } from '../../platform/errors.ts';
import { findSystem } from '../../power/redfish/find-system.ts';
import { HttpsPort } from '../../power/redfish/https-port.ts';
import { textField } from '../../power/redfish/json-document.ts';
import { RedfishClient } from '../../power/redfish/redfish-client.ts';
import { systemClock } from '../../system-clock.ts';
import type { CheckReport } from './check-finding.ts';

/** For everything that is asked of one BMC. */
const BMC_BOUND_MS = 45_000;

/** The steps in their order, the codes that say a step failed, and what to do then. What a step found stands in `Seen`. */
const STEPS: ReadonlyArray<{
  readonly subject: string;
  readonly codes: readonly TorporErrorCode[];
  readonly describe: (bmc: RedfishBmcConfig, seen: Seen) => string;
  readonly todo: string;
}> = [
  {
    subject: 'BMC',
    codes: ['ERR_REDFISH_UNREACHABLE', 'ERR_REDFISH_TIMEOUT'],
    describe: (bmc, seen) => `${bmc.host}:${bmc.port} answers${seen.version === '' ? '' : `: Redfish ${seen.version}`}`,
    todo: 'look at power.bmc.host and port, at the cable, and that Redfish and HTTPS are enabled on the BMC',
  },
  {
    subject: 'certificate',
    codes: ['ERR_REDFISH_CERTIFICATE'],
    describe: (_, seen) => seen.security,
    todo: 'compare the fingerprint with the one that the BMC itself shows, and write it, or its authority, under power.bmc.tls',
  },
  {
    subject: 'Redfish',
    codes: ['ERR_REDFISH_PROTOCOL', 'ERR_REDFISH_STATUS', 'ERR_REDFISH_BUSY'],
    describe: () => 'the service root is there',
    todo: 'look at the port, and that Redfish is enabled on the BMC (and licensed, where its vendor asks for that)',
  },
  {
    subject: 'login',
    codes: ['ERR_REDFISH_AUTHENTICATION', 'ERR_REDFISH_SESSION'],
    describe: (bmc) => `user ${bmc.user} is let in by ${bmc.login === 'session' ? 'session' : 'basic authentication'}`,
    todo: 'look at power.bmc.user and the password, that the user is enabled for Redfish, and that a session is free; else write login: basic',
  },
  {
    subject: 'system',
    codes: ['ERR_REDFISH_SYSTEM', 'ERR_REDFISH_PRIVILEGE'],
    describe: (_, seen) => seen.system,
    todo: 'write power.bmc.system, and look at what the user may see',
  },
];

interface Seen {
  rootRead: boolean;
  version: string;
  security: string;
  system: string;
}

/** Reads password and certificate, logs in, finds the system. False where that did not work. */
export async function checkRedfishBmc(
  bmc: RedfishBmcConfig,
  env: Readonly<Record<string, string | undefined>>,
  report: CheckReport,
  stop: AbortSignal,
): Promise<boolean> {
  const client = await prepare(bmc, env, report);
  if (client === null) {
    for (const { subject } of STEPS) report.skip(subject, 'not tried');
    return false;
  }
  const signal = AbortSignal.any([stop, AbortSignal.timeout(BMC_BOUND_MS)]);
  const seen: Seen = { rootRead: false, version: '', security: client.security, system: '' };
  try {
    const root = await client.root(signal);
    seen.rootRead = true;
    seen.version = (textField(root, 'RedfishVersion') ?? '').replace(/[^\w.]/g, '');
    seen.system = await findSystem(client, bmc.system, signal);
    await client.get(seen.system, signal);
    for (const { subject, describe } of STEPS) report.ok(subject, describe(bmc, seen));
    return true;
  } catch (error) {
    reportFailedStep(error, bmc, seen, report);
    return false;
  } finally {
    await client.close();
  }
}

async function prepare(
  bmc: RedfishBmcConfig,
  env: Readonly<Record<string, string | undefined>>,
  report: CheckReport,
): Promise<RedfishClient | null> {
  const { host, port, user, login } = bmc;
  const clock = systemClock;
  const password = await attempt('password', report, async () => {
    const { value, warnings } = await readSecret(bmc.password, env);
    if (warnings.length === 0) report.ok('password', 'can be read');
    for (const warning of warnings)
      report.warn('password', warning, 'others on this machine could switch the platform');
    return value;
  });
  const trust = await attempt('tls', report, () => readTrust(bmc.tls));
  if (password === null || trust === null) return null;
  const httpPort = new HttpsPort({ host, port, trust, clock });
  return new RedfishClient({ port: httpPort, access: { user, password, login }, clock });
}

async function attempt<Value>(subject: string, report: CheckReport, read: () => Promise<Value>): Promise<Value | null> {
  try {
    return await read();
  } catch (error) {
    report.fail(subject, errorText(error), 'Torpor needs it before it starts');
    return null;
  }
}

/** Steps before the failed one worked; those after it were not reached. An answer that makes no sense once the root was read is the system's. */
function reportFailedStep(error: unknown, bmc: RedfishBmcConfig, seen: Seen, report: CheckReport): void {
  const code = error instanceof TorporError ? error.code : null;
  const found = STEPS.findIndex((step) => code !== null && step.codes.includes(code));
  const failed = seen.rootRead && STEPS[found]?.subject === 'Redfish' ? STEPS.length - 1 : Math.max(0, found);
  for (const [index, step] of STEPS.entries()) {
    if (index < failed) report.ok(step.subject, step.describe(bmc, seen));
    else if (index === failed) report.fail(step.subject, errorText(error), step.todo);
    else report.skip(step.subject, 'not reached');
  }
}
