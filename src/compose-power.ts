// Part of the composition root: the power path that a platform's configuration asks for. Each part is built by its `driver`.
import { buildProxmoxClient } from './compose-context.ts';
import type {
  BmcConfig,
  CommandHostConfig,
  HostConfig,
  IpmiBmcConfig,
  LibvirtHostConfig,
  ProxmoxHostConfig,
  RedfishBmcConfig,
  SecretSource,
  SshHostConfig,
  Waker,
} from './config/power-config.ts';
import { readTrust } from './config/read-trust.ts';
import { readSecret } from './config/secret.ts';
import type { PlatformConfig } from './config/torpor-config.ts';
import { TorporError } from './platform/errors.ts';
import type { Logger, PowerReader, SleepSwitch, WakeSwitch } from './platform/ports.ts';
import { CombinedDriver, type ProofOnRecord } from './power/combined-driver.ts';
import { CommandHost } from './power/inband/command-host.ts';
import { LibvirtHost } from './power/inband/libvirt-host.ts';
import { ProxmoxHost } from './power/inband/proxmox-host.ts';
import { SshHost } from './power/inband/ssh-host.ts';
import { Virsh } from './power/inband/virsh.ts';
import { IpmiDriver } from './power/ipmi/ipmi-driver.ts';
import { type PowerPart, partOfDriver, partOfIpmi } from './power/power-part.ts';
import { RedfishDriver } from './power/redfish/redfish-driver.ts';
import { WakeOnLan } from './power/wake-on-lan.ts';
import { systemClock } from './system-clock.ts';

/** What the builder of a part may need beside its own configuration. */
export interface PartBuild {
  readonly platform: PlatformConfig;
  readonly log: Logger;
  /** Reads a secret now; what its owner should know of its source goes to the log. */
  readonly secret: (source: SecretSource) => Promise<string>;
}

type BuildersOf<Config extends { readonly driver: string }> = {
  readonly [Driver in Config['driver']]: (
    config: Extract<Config, { readonly driver: Driver }>,
    build: PartBuild,
  ) => Promise<PowerPart>;
};

const BMC_BUILDERS: BuildersOf<BmcConfig> = { ipmi: buildIpmi, redfish: buildRedfish };
const HOST_BUILDERS: BuildersOf<HostConfig> = {
  ssh: buildSsh,
  command: buildCommand,
  libvirt: buildLibvirt,
  proxmox: buildProxmox,
};

/** A platform's parts by the names that `sleepBy`, `wakeBy` and `stateBy` use. Null where there is none of that name. */
export interface PowerParts {
  readonly bmc: PowerPart | null;
  readonly host: PowerPart | null;
  readonly wol: PowerPart | null;
}

export interface BuildPowerOptions {
  readonly log: Logger;
  readonly readProof?: () => Promise<ProofOnRecord>;
  /** Where secrets in environment variables are found. Default: the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export async function buildDriver(platform: PlatformConfig, options: BuildPowerOptions): Promise<CombinedDriver> {
  return combineParts(platform, await buildParts(platform, options), options);
}

/** Builds every configured part. Nothing is sent to anybody yet. */
export async function buildParts(platform: PlatformConfig, options: BuildPowerOptions): Promise<PowerParts> {
  const { bmc, host, wol } = platform.power;
  const build = partBuild(platform, options);
  return {
    bmc: bmc === null ? null : await pick(BMC_BUILDERS, bmc)(bmc, build),
    host: host === null ? null : await pick(HOST_BUILDERS, host)(host, build),
    wol: wol === null ? null : new WakeOnLan({ ...wol, clock: systemClock }),
  };
}

/** The whole path out of its parts. Closing it closes them all. */
export function combineParts(
  platform: PlatformConfig,
  parts: PowerParts,
  options: BuildPowerOptions,
): Promise<CombinedDriver> {
  const { sleep, sleepBy, wakeBy, stateBy } = platform.power;
  return CombinedDriver.create({
    sleep,
    sleepSwitch: demand(platform, parts[sleepBy]?.sleep, `${sleepBy} cannot put it to sleep`),
    wakeSwitches: wakeBy.map((waker) => wakeSwitchOf(platform, parts, waker)),
    reader: stateBy === 'probes' ? null : readerOf(platform, parts, stateBy),
    readProof: options.readProof ?? (async () => ({ state: 'none' })),
    clock: systemClock,
    close: async () => {
      for (const part of [parts.bmc, parts.host, parts.wol]) await part?.close();
    },
  });
}

function wakeSwitchOf(platform: PlatformConfig, parts: PowerParts, waker: Waker): WakeSwitch {
  return demand(platform, parts[waker]?.wake, `${waker} cannot wake it`);
}

function readerOf(platform: PlatformConfig, parts: PowerParts, by: 'bmc' | 'host'): PowerReader {
  return demand(platform, parts[by]?.reader, `${by} cannot tell its state`);
}

/** The configuration's checks have made sure of it; a driver that can do less than they think is told here. */
function demand<T extends SleepSwitch | WakeSwitch | PowerReader>(
  platform: PlatformConfig,
  part: T | null | undefined,
  problem: string,
): T {
  if (part !== null && part !== undefined) return part;
  throw new TorporError('ERR_POWER_UNSUPPORTED', `platform ${platform.name}: ${problem}: look at its power section`);
}

/** TypeScript cannot tie the driver of one value to that of another; the table's type does. */
function pick<Config extends { readonly driver: string }>(builders: BuildersOf<Config>, config: Config) {
  return builders[config.driver as Config['driver']] as (config: Config, build: PartBuild) => Promise<PowerPart>;
}

function partBuild(platform: PlatformConfig, options: BuildPowerOptions): PartBuild {
  return { platform, log: options.log, secret: secretReader(platform, options) };
}

export function secretReader(platform: PlatformConfig, { log, env }: BuildPowerOptions): PartBuild['secret'] {
  return async (source) => {
    const { value, warnings } = await readSecret(source, env);
    for (const warning of warnings) log.warn({ platform: platform.name }, warning);
    return value;
  };
}

async function buildIpmi(bmc: IpmiBmcConfig, { platform, log, secret }: PartBuild): Promise<PowerPart> {
  const { host, port, user, cipherSuite } = bmc;
  const password = await secret(bmc.password);
  const kg = bmc.kg === null ? null : await secret(bmc.kg);
  const { sleep } = platform.power;
  const access = { host, port, user, password, kg, cipherSuite };
  return partOfIpmi(new IpmiDriver({ ...access, sleep, clock: systemClock, log }));
}

async function buildRedfish(bmc: RedfishBmcConfig, { platform, log, secret }: PartBuild): Promise<PowerPart> {
  const { host, port, user, login, system, sleepAction } = bmc;
  const password = await secret(bmc.password);
  const trust = await readTrust(bmc.tls);
  const { sleep } = platform.power;
  const access = { host, port, user, password, login, trust };
  return partOfDriver(new RedfishDriver({ ...access, system, sleep, sleepAction, clock: systemClock, log }));
}

async function buildSsh(host: SshHostConfig): Promise<PowerPart> {
  return new SshHost(host);
}

async function buildCommand(host: CommandHostConfig, { platform, log }: PartBuild): Promise<PowerPart> {
  return new CommandHost({ ...host, platform: platform.name, clock: systemClock, log });
}

async function buildLibvirt(host: LibvirtHostConfig, { platform }: PartBuild): Promise<PowerPart> {
  const { uri, domain, sleepAction } = host;
  const { sleep } = platform.power;
  return new LibvirtHost({ virsh: new Virsh({ uri }), domain, sleep, sleepAction, clock: systemClock });
}

async function buildProxmox(host: ProxmoxHostConfig, { secret }: PartBuild): Promise<PowerPart> {
  return new ProxmoxHost({ client: await buildProxmoxClient(host, secret), via: host.via, clock: systemClock });
}
