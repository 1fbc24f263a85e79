// From the YAML's names under `power` to the typed configuration: units into names, paths made absolute, who does what.
import { absolute } from './absolute-path.ts';
import { hostAbilities } from './host-abilities.ts';
import type {
  BmcConfig,
  HostConfig,
  PowerConfig,
  SecretSource,
  StateReader,
  WakeOnLanConfig,
  Waker,
} from './power-config.ts';
import type { ParsedConfig } from './schema.ts';
import { toProxmoxApi } from './to-proxmox-api.ts';
import { toRedfish } from './to-redfish.ts';
import { toSecretSource } from './to-secret-source.ts';

type ParsedPower = ParsedConfig['platforms'][number]['power'];
type ParsedBmc = NonNullable<ParsedPower['bmc']>;
type ParsedHost = NonNullable<ParsedPower['host']>;

/** From S5 a host boots, and servers test their memory first. */
const DEFAULT_WAKE_TIMEOUT_MS = { S3: 60_000, S5: 300_000 } as const;
/** Towards S5 a host ends its services one by one. */
const DEFAULT_SUSPEND_TIMEOUT_MS = { S3: 60_000, S5: 180_000 } as const;

export function toPower(parsed: ParsedPower, folder: string): PowerConfig {
  return {
    sleep: parsed.sleep,
    wakeTimeoutMs: parsed.wakeTimeout ?? DEFAULT_WAKE_TIMEOUT_MS[parsed.sleep],
    suspendTimeoutMs: parsed.suspendTimeout ?? DEFAULT_SUSPEND_TIMEOUT_MS[parsed.sleep],
    bmc: parsed.bmc === undefined ? null : toBmc(parsed.bmc, parsed.sleep, folder),
    host: parsed.host === undefined ? null : toHost(parsed.host, parsed.sleep, folder),
    wol: parsed.wol === undefined ? null : toWakeOnLan(parsed.wol),
    sleepBy: parsed.sleepBy ?? (parsed.bmc === undefined ? 'host' : 'bmc'),
    wakeBy: parsed.wakeBy ?? defaultWakers(parsed),
    stateBy: parsed.stateBy ?? defaultStateReader(parsed),
    watts: parsed.watts,
  };
}

/** Everything that can wake: the BMC first, which answers; the host's own command last. */
function defaultWakers({ bmc, wol, host }: ParsedPower): Waker[] {
  const wakers: Waker[] = [];
  if (bmc !== undefined) wakers.push('bmc');
  if (wol !== undefined) wakers.push('wol');
  if (hostAbilities(host).wakes) wakers.push('host');
  return wakers;
}

function defaultStateReader({ bmc, host }: ParsedPower): StateReader {
  if (bmc !== undefined) return 'bmc';
  return hostAbilities(host).reads ? 'host' : 'probes';
}

function toBmc(bmc: ParsedBmc, sleep: 'S3' | 'S5', folder: string): BmcConfig {
  switch (bmc.driver) {
    case 'ipmi':
      return {
        driver: bmc.driver,
        host: bmc.host,
        port: bmc.port,
        user: bmc.user,
        password: toSecretSource(bmc, folder),
        kg: toKgSource(bmc, folder),
        cipherSuite: bmc.cipherSuite,
      };
    case 'redfish':
      return toRedfish(bmc, toSecretSource(bmc, folder), sleep, folder);
  }
}

function toHost(host: ParsedHost, sleep: 'S3' | 'S5', folder: string): HostConfig {
  switch (host.driver) {
    case 'ssh': {
      const { driver, port, user } = host;
      const keyFile = host.keyFile === null ? null : absolute(host.keyFile, folder);
      const knownHostsFile = host.knownHostsFile === null ? null : absolute(host.knownHostsFile, folder);
      return { driver, host: host.host, port, user, keyFile, knownHostsFile, sleep: host.sleep };
    }
    case 'command': {
      const { driver, wake, state, timeout } = host;
      return { driver, sleep: host.sleep, wake, state, timeoutMs: timeout };
    }
    case 'libvirt': {
      const { driver, uri, domain } = host;
      return { driver, uri, domain, sleepAction: host.sleepAction ?? (sleep === 'S3' ? 'agent' : 'button') };
    }
    case 'proxmox':
      return { driver: host.driver, ...toProxmoxApi(host, folder), via: host.via };
  }
}

function toWakeOnLan(wol: NonNullable<ParsedPower['wol']>): WakeOnLanConfig {
  return { ...wol, mac: wol.mac.toLowerCase().replaceAll('-', ':') };
}

/** power-checks.ts has made sure that at most one of the two is set. */
function toKgSource(
  keys: { readonly kgFile: string | null; readonly kgEnv: string | null },
  folder: string,
): SecretSource | null {
  if (keys.kgFile === null && keys.kgEnv === null) return null;
  return toSecretSource({ passwordFile: keys.kgFile, passwordEnv: keys.kgEnv }, folder);
}
