// What stands under `power.bmc` with `driver: redfish`, in the words of its YAML, and the rules across its keys.
import { z } from 'zod';
import { isLoopbackHost } from './endpoint.ts';
import { hostField, textField, wholeField, wordField } from './fields.ts';
import type { Finding } from './finding.ts';
import { mapping } from './mapping.ts';
import { asMapping, isUnset, type Mapping, type Placed } from './raw-values.ts';

/** Directory users are longer than a BMC's own: `domain\user`, `user@domain`. */
const USER_NAME = /^[\x21-\x7e][\x20-\x7e]{0,254}$/;
/** As `openssl x509 -fingerprint -sha256` prints it, with or without its colons. */
const FINGERPRINT = /^SHA-?256:(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/;
/** A resource's Id, or its path. */
const SYSTEM = /^(?:\/[\x21-\x7e]{1,1000}|[\w.:-]{1,128})$/;
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/;

/** `system` and `none` are words; the rest has keys. */
const tlsSchema = z.preprocess(
  (value) => (value === 'system' ? {} : value === 'none' ? { none: true } : value),
  mapping({
    ca: textField('the path of a PEM file', /^[^\0]{1,4096}$/).optional(),
    fingerprint: textField('SHA256: and 32 pairs of hexadecimal digits', FINGERPRINT).optional(),
    serverName: textField("the name in the BMC's certificate", HOST_NAME).optional(),
    // Not for files: what `tls: none` becomes.
    none: z.literal(true).optional(),
  }),
);

export const redfishSchema = mapping({
  driver: wordField(['redfish']),
  host: hostField,
  port: wholeField(1, 65_535).optional(),
  user: textField('a user name of the BMC', USER_NAME),
  passwordFile: textField('the path of a file that holds the password', /^[^\0]{1,4096}$/)
    .nullable()
    .default(null),
  passwordEnv: textField('the name of an environment variable', /^[A-Za-z_][A-Za-z0-9_]{0,255}$/, true)
    .nullable()
    .default(null),
  login: wordField(['session', 'basic']).default('session'),
  system: textField('the Id or path of a system, such as System.Embedded.1', SYSTEM).nullable().default(null),
  tls: tlsSchema.prefault({}),
  sleepAction: wordField(['PushPowerButton', 'GracefulShutdown', 'Suspend']).optional(),
});

/** What is wrong across the keys of one platform's Redfish BMC. Reads raw values, as cross-checks.ts does. */
export function checkRedfish({ path, value }: Placed<Mapping>): Finding[] {
  const bmc = asMapping(value.bmc);
  if (bmc.driver !== 'redfish') return [];
  const at = [...path, 'bmc'];
  const findings: Finding[] = [];
  if (bmc.sleepAction === 'Suspend' && (value.sleep ?? 'S3') === 'S3') {
    const what = 'Suspend writes state to disk and powers off, which is no S3: write sleep: S5, or another sleepAction';
    findings.push({ path: [...at, 'sleepAction'], what });
  }
  if (bmc.tls === 'none') {
    const isHere = typeof bmc.host === 'string' && isLoopbackHost(bmc.host);
    if (!isHere)
      findings.push({
        path: [...at, 'tls'],
        what: 'without TLS the password would cross the network in the clear: write ca or fingerprint',
      });
    return findings;
  }
  const tls = asMapping(bmc.tls);
  if (!isUnset(tls.ca) && !isUnset(tls.fingerprint)) {
    findings.push({ path: [...at, 'tls'], what: 'ca and fingerprint exclude each other: write one of them' });
  }
  if (!isUnset(tls.fingerprint) && !isUnset(tls.serverName)) {
    findings.push({
      path: [...at, 'tls', 'serverName'],
      what: 'with a pinned fingerprint the name does not matter: leave it out',
    });
  }
  if (!isUnset(tls.none)) findings.push({ path: [...at, 'tls', 'none'], what: 'no key of tls: write tls: none' });
  return findings;
}
