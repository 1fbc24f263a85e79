// What stands under `farm`, in the words of the YAML, the rules across its keys, and what is made of it: one Torpor of several.
import { hostname } from 'node:os';
import { z } from 'zod';
import { formatEndpoint } from '../platform/endpoint.ts';
import { absolute } from './absolute-path.ts';
import { durationField, endpointField, textField, wordField } from './fields.ts';
import type { Finding } from './finding.ts';
import { mapping } from './mapping.ts';
import { asMapping, children, isUnset, type Mapping, type Placed } from './raw-values.ts';

/** This Torpor among others. */
export interface FarmConfig {
  /** `host:port` each. */
  readonly servers: readonly string[];
  /** No other Torpor of the farm has this name. */
  readonly instance: string;
  /** Where in the store this farm's keys stand. */
  readonly bucket: string;
  /** On how many servers each key is kept, where this Torpor makes the bucket. */
  readonly replicas: number;
  readonly leaseMs: number;
  /** Absolute paths; null: none. */
  readonly credentialsFile: string | null;
  readonly tls: {
    readonly caFile: string | null;
    readonly certFile: string | null;
    readonly keyFile: string | null;
  } | null;
}

const SERVERS_MAX = 16;
/** NATS' own choice of replicas: odd, so that a majority is one more than half. */
const REPLICAS_MAX = 3;
const INSTANCE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const pathField = textField('the path of a file', /^[^\0]{1,4096}$/)
  .nullable()
  .default(null);

export const farmSchema = mapping({
  store: wordField(['nats']),
  servers: z
    .array(endpointField(false))
    .min(1, 'the list is empty: write the addresses of the NATS servers')
    .max(SERVERS_MAX, `the list has more than ${SERVERS_MAX} servers: write some of them`),
  instance: textField('a name of letters, digits, hyphens and underscores, such as torpor-1', INSTANCE).optional(),
  bucket: textField('a name of letters, digits, hyphens and underscores, such as torpor', INSTANCE).default('torpor'),
  replicas: wordlessReplicas().optional(),
  lease: durationField(3_000, 600_000).prefault('10s'),
  credentials: pathField,
  tls: mapping({ ca: pathField, cert: pathField, key: pathField }).nullable().default(null),
});

function wordlessReplicas() {
  return z.union([z.literal(1), z.literal(REPLICAS_MAX)], {
    error: `write 1, or ${REPLICAS_MAX} where there are as many servers`,
  });
}

export function toFarm(parsed: z.output<typeof farmSchema> | null, folder: string): FarmConfig | null {
  if (parsed === null) return null;
  const { servers, instance, bucket, replicas, lease, credentials, tls } = parsed;
  const path = (file: string | null) => (file === null ? null : absolute(file, folder));
  return {
    servers: servers.map(formatEndpoint),
    instance: instance ?? ownName(),
    bucket,
    replicas: replicas ?? (servers.length >= REPLICAS_MAX ? REPLICAS_MAX : 1),
    leaseMs: lease,
    credentialsFile: path(credentials),
    tls: tls === null ? null : { caFile: path(tls.ca), certFile: path(tls.cert), keyFile: path(tls.key) },
  };
}

/** The machine's name without its domain; whatever a name here may not have becomes a hyphen. */
function ownName(): string {
  const [label = ''] = hostname().split('.');
  const name = label.replaceAll(/[^A-Za-z0-9_-]/g, '-').slice(0, 63);
  return INSTANCE.test(name) ? name : 'torpor';
}

/** Reads raw values. */
export function checkFarm(root: unknown): Finding[] {
  if (isUnset(asMapping(root).farm)) return [];
  const platforms = children({ path: [], value: asMapping(root) }, 'platforms');
  return [...checkPair(asMapping(asMapping(root).farm).tls), ...platforms.flatMap(checkAlone)];
}

/** A certificate is shown only with its key. */
function checkPair(tls: unknown): Finding[] {
  const { cert, key } = asMapping(tls);
  if (isUnset(cert) === isUnset(key)) return [];
  const [there, missing] = isUnset(cert) ? ['key', 'cert'] : ['cert', 'key'];
  return [{ path: ['farm', 'tls', there], what: `${there} is of no use without ${missing}: write both, or neither` }];
}

/** What is done around a sleep by one Torpor alone cannot be undone by another. */
function checkAlone({ path, value }: Placed<Mapping>): Finding[] {
  const platform = asMapping(value);
  const findings: Finding[] = [];
  if (!isUnset(asMapping(platform.context).saveVms)) {
    const what =
      'in a farm no VMs are saved: what was saved stands in one Torpor’s stateDir, and another may be asked to wake; leave saveVms out';
    findings.push({ path: [...path, 'context', 'saveVms'], what });
  }
  const { beforeSuspend, afterWake } = asMapping(platform.hooks);
  if (!isUnset(beforeSuspend) || !isUnset(afterWake)) {
    const what =
      'in a farm no hooks run: one Torpor would run beforeSuspend, and each of them afterWake; leave them out';
    findings.push({ path: [...path, 'hooks'], what });
  }
  return findings;
}
