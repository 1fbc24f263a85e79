// From the YAML's names of a Redfish BMC to its typed configuration: ports by kind, paths made absolute, one kind of trust.
import type { z } from 'zod';
import { absolute } from './absolute-path.ts';
import type { RedfishBmcConfig, RedfishTlsConfig, SecretSource } from './power-config.ts';
import type { redfishSchema } from './redfish-schema.ts';

type ParsedRedfish = z.output<typeof redfishSchema>;

const HTTPS_PORT = 443;
const HTTP_PORT = 80;

export function toRedfish(
  parsed: ParsedRedfish,
  password: SecretSource,
  sleep: 'S3' | 'S5',
  folder: string,
): RedfishBmcConfig {
  const { driver, host, user, login, system } = parsed;
  const tls = toTls(parsed.tls, folder);
  const port = parsed.port ?? (tls.kind === 'none' ? HTTP_PORT : HTTPS_PORT);
  const sleepAction = parsed.sleepAction ?? (sleep === 'S3' ? 'PushPowerButton' : 'GracefulShutdown');
  return { driver, host, port, user, password, login, system, tls, sleepAction };
}

/** redfish-schema.ts has made sure that `ca` and `fingerprint` do not stand there together. */
function toTls(tls: ParsedRedfish['tls'], folder: string): RedfishTlsConfig {
  const serverName = tls.serverName ?? null;
  if (tls.none === true) return { kind: 'none' };
  if (tls.fingerprint !== undefined) return { kind: 'fingerprint', sha256: tls.fingerprint };
  if (tls.ca !== undefined) return { kind: 'ca', path: absolute(tls.ca, folder), serverName };
  return { kind: 'system', serverName };
}
