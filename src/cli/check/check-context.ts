// Whether what is done around a platform's sleep can be done: VMs saved, identities read. It saves nothing and runs no hook.
import { buildHypervisor } from '../../compose-context.ts';
import { secretReader } from '../../compose-power.ts';
import type { VmSaverConfig } from '../../config/context-config.ts';
import type { PlatformConfig } from '../../config/torpor-config.ts';
import { errorText } from '../../platform/errors.ts';
import type { Logger, PowerReading } from '../../platform/ports.ts';
import type { HostedVm, Hypervisor } from '../../power/context/hypervisor.ts';
import { describeIdentity, type IdentitySource, readIdentity } from '../../power/context/identity-source.ts';
import type { CheckReport } from './check-finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const SAVER_BOUND_MS = 30_000;
const IDENTITY_BOUND_MS = 10_000;
/** Far enough apart that a clock in what is read shows. */
const READ_AGAIN_MS = 1_100;
const NO_LOG: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** `reading`: of the platform's power, null where there is none. What is silent because it sleeps is only told. */
export async function checkContext(
  platform: PlatformConfig,
  env: Environment,
  reading: PowerReading | null,
  report: CheckReport,
  stop: AbortSignal,
): Promise<void> {
  const { context, vms } = platform;
  if (context.saveVms !== null) await checkSaver(platform, context.saveVms, env, reading, report, stop);
  const identities: Array<readonly [string, IdentitySource | null]> = [
    ['identity of the host', context.identity],
    ...vms.map((vm) => [`identity of VM ${vm.name}`, vm.identity] as const),
  ];
  await Promise.all(
    identities.map(async ([subject, source]) => {
      if (source !== null) await checkIdentity(subject, source, reading, report, stop);
    }),
  );
}

async function checkSaver(
  platform: PlatformConfig,
  config: VmSaverConfig,
  env: Environment,
  reading: PowerReading | null,
  report: CheckReport,
  stop: AbortSignal,
): Promise<void> {
  const subject = 'saved VMs';
  const signal = AbortSignal.any([stop, AbortSignal.timeout(SAVER_BOUND_MS)]);
  let hypervisor: Hypervisor | null = null;
  try {
    hypervisor = await buildHypervisor(config, secretReader(platform, { log: NO_LOG, env }));
    const hosted = await hypervisor.list(signal);
    await reportVms(subject, { hypervisor, hosted, platform, config, report, signal });
    if (platform.power.sleep === 'S5') await reportUnsavable(subject, hypervisor, report, signal);
  } catch (error) {
    const todo = `look at context.saveVms (${config.driver})`;
    if (isDown(reading))
      report.warn(subject, `${errorText(error)}; the platform does not run`, 'wake it and check again');
    else report.fail(subject, errorText(error), todo);
  } finally {
    await hypervisor?.close();
  }
}

interface VmReport {
  readonly hypervisor: Hypervisor;
  readonly hosted: readonly HostedVm[];
  readonly platform: PlatformConfig;
  readonly config: VmSaverConfig;
  readonly report: CheckReport;
  readonly signal: AbortSignal;
}

async function reportVms(
  subject: string,
  { hypervisor, hosted, platform, config, report, signal }: VmReport,
): Promise<void> {
  const { vms: wanted } = config;
  const isWanted = ({ id, name }: HostedVm) => wanted === 'all' || wanted.includes(id) || wanted.includes(name);
  const missing =
    wanted === 'all' ? [] : wanted.filter((vm) => !hosted.some(({ id, name }) => id === vm || name === vm));
  if (missing.length > 0) {
    report.fail(subject, `${hypervisor.name} knows no VM ${missing.join(', ')}`, 'correct context.saveVms.vms');
  }
  for (const vm of hosted.filter(isWanted)) {
    if (vm.state === 'busy')
      report.warn(subject, `VM ${vm.name} is busy (${vm.detail})`, 'no sleep before that has ended');
    const obstacle = vm.state === 'running' ? await hypervisor.obstacle(vm, signal) : null;
    if (obstacle !== null) report.fail(subject, `VM ${vm.name} ${obstacle}`, 'while it runs there is no sleep');
  }
  const running = hosted.filter(({ state }) => state === 'running');
  const saved = running.filter(isWanted).map(({ name }) => name);
  report.ok(
    subject,
    `${hypervisor.name}: ${saved.length === 0 ? 'none runs now' : `${saved.join(', ')} would be saved`}`,
  );
  const left = running.filter((vm) => !isWanted(vm)).map(({ name }) => name);
  if (platform.power.sleep === 'S5' && left.length > 0) {
    const todo = 'name them in context.saveVms.vms, or write vms: all, unless they may be shut down';
    report.warn(subject, `${left.join(', ')} would lose what is in memory`, todo);
  }
}

/** Named whatever `vms` says: nobody can save them, and the soft-off ends them. */
async function reportUnsavable(
  subject: string,
  hypervisor: Hypervisor,
  report: CheckReport,
  signal: AbortSignal,
): Promise<void> {
  const running = await hypervisor.listUnsavable(signal);
  if (running.length === 0) return;
  const what = `${running.join(', ')}: cannot be saved, and would be shut down with the platform`;
  report.warn(subject, what, 'move what must keep its memory into a VM, or let S3 be its sleep');
}

/** Twice: what changes by itself would end every session after every sleep. */
async function checkIdentity(
  subject: string,
  source: IdentitySource,
  reading: PowerReading | null,
  report: CheckReport,
  stop: AbortSignal,
): Promise<void> {
  const read = () => readIdentity(source, { boundMs: IDENTITY_BOUND_MS, signal: stop });
  const first = await read();
  const where = describeIdentity(source);
  if ('problem' in first) {
    const what = `${where} gives none: ${first.problem}`;
    if (isDown(reading)) report.warn(subject, `${what}; the platform does not run`, 'wake it and check again');
    else report.fail(subject, what, 'without it nobody can tell whether sessions were lost');
    return;
  }
  await new Promise<void>((resolve) => setTimeout(resolve, READ_AGAIN_MS));
  const second = await read();
  if ('value' in second && second.value !== first.value) {
    const todo =
      'read what changes only with a boot, such as /proc/sys/kernel/random/boot_id, or pick it out with match';
    report.fail(subject, `${where} gave two different values within a second`, todo);
  } else report.ok(subject, `${where} can be read`);
}

function isDown(reading: PowerReading | null): boolean {
  if (reading === null) return false;
  return reading.acpi === null ? reading.powerBit === false : reading.acpi !== 'S0';
}
