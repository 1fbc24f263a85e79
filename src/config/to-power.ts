// From the YAML's names under `power` to the typed configuration: units into names, paths made absolute.
import { absolute } from './absolute-path.ts';
import type { PowerConfig, SecretSource } from './power-config.ts';
import type { ParsedConfig } from './schema.ts';

type ParsedPower = ParsedConfig['platforms'][number]['power'];

export function toPower(parsed: ParsedPower, folder: string): PowerConfig {
  const { bmc } = parsed;
  return {
    sleep: parsed.sleep,
    wakeTimeoutMs: parsed.wakeTimeout,
    suspendTimeoutMs: parsed.suspendTimeout,
    bmc: {
      driver: bmc.driver,
      host: bmc.host,
      port: bmc.port,
      user: bmc.user,
      password: toSecretSource(bmc, folder),
      cipherSuite: bmc.cipherSuite,
    },
    watts: parsed.watts,
  };
}

/** cross-checks.ts has made sure that exactly one of the two is set. */
function toSecretSource(bmc: ParsedPower['bmc'], folder: string): SecretSource {
  if (bmc.passwordFile !== null) return { kind: 'file', path: absolute(bmc.passwordFile, folder) };
  return { kind: 'env', name: bmc.passwordEnv ?? '' };
}
