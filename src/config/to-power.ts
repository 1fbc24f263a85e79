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
import { toRedfish } from './to-redfish.ts';

type ParsedPower = ParsedConfig['platforms'][number]['power'];
type ParsedBmc = NonNullable<ParsedPower['bmc']>;
type ParsedHost = NonNullable<ParsedPower['host']>;

export function toPower(parsed: ParsedPower, folder: string): PowerConfig {
  return {
    sleep: parsed.sleep,
    wakeTimeoutMs: parsed.wakeTimeout,
    suspendTimeoutMs: parsed.suspendTimeout,
    bmc: parsed.bmc === undefined ? null : toBmc(parsed.bmc, parsed.sleep, folder),
    host: parsed.host === undefined ? null : toHost(parsed.host, folder),
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

function toHost(host: ParsedHost, folder: string): HostConfig {
  switch (host.driver) {
    case 'ssh': {
      const { driver, port, user, sleep } = host;
      const keyFile = host.keyFile === null ? null : absolute(host.keyFile, folder);
      const knownHostsFile = host.knownHostsFile === null ? null : absolute(host.knownHostsFile, folder);
      return { driver, host: host.host, port, user, keyFile, knownHostsFile, sleep };
    }
    case 'command': {
      const { driver, sleep, wake, state, timeout } = host;
      return { driver, sleep, wake, state, timeoutMs: timeout };
    }
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

/** power-checks.ts has made sure that exactly one of the two is set. */
function toSecretSource(
  keys: { readonly passwordFile: string | null; readonly passwordEnv: string | null },
  folder: string,
): SecretSource {
  if (keys.passwordFile !== null) return { kind: 'file', path: absolute(keys.passwordFile, folder) };
  return { kind: 'env', name: keys.passwordEnv ?? '' };
}
