// The configuration's shape in the words of its YAML, with every default. Where problems stand in the file, and rules across
// several keys, are left to load-config.ts and cross-checks.ts.
import { z } from 'zod';
import type { Device, Protocol } from '../platform/ports.ts';
import { DEFAULT_STREAM_POLICY } from '../platform/stream-policy.ts';
import { POLICY_NAMES } from '../policy/policy.ts';
import { calendarsSchema } from './calendars-schema.ts';
import { circuitsSchema, platformCircuitKeys } from './circuits-schema.ts';
import { contextSchema, identitySchema } from './context-schema.ts';
import { farmSchema } from './farm-schema.ts';
import {
  commandField,
  durationField,
  endpointField,
  fileModeField,
  listenField,
  networkField,
  sizeField,
  targetField,
  textField,
  wholeField,
  wordField,
  yesNoField,
} from './fields.ts';
import { energySchema, historySchema } from './history-schema.ts';
import { idleCostsSchema } from './idle-costs-schema.ts';
import { inhibitorsSchema } from './inhibitors-schema.ts';
import { mqttSchema, webhooksSchema } from './integrations-schema.ts';
import { linkSchema, listenerLinkSchema } from './link-schema.ts';
import { mapping } from './mapping.ts';
import { poolsSchema } from './pools-schema.ts';
import { powerSchema } from './power-schema.ts';
import { routesField } from './routes-schema.ts';
import { selSchema } from './sel-schema.ts';
import { udpSchema } from './udp-config.ts';
import { webSocketSchema } from './web-socket-config.ts';

export const DEFAULT_API_LISTEN = '127.0.0.1:7070';

const KIB = 1024;
const MIB = 1024 ** 2;
export const PROTOCOLS = [
  'auto',
  'rdp',
  'rfb',
  'ssh',
  'spice',
  'telnet',
  'http',
  'websocket',
  'raw',
] as const satisfies readonly Protocol[];

export const DEVICES = ['desktop', 'terminal', 'printer', 'disk', 'serial', 'web'] as const satisfies readonly Device[];

const PROBE_KINDS = ['tcp', 'banner', 'exchange', 'icmp', 'command', 'none'] as const;

const probeSchema = z.preprocess(
  (value) => (typeof value === 'string' ? { kind: value } : value),
  mapping({
    kind: wordField(PROBE_KINDS),
    send: textField('the text to send, such as "ping\\n"', /^[^\0]{1,1024}$/s)
      .nullable()
      .default(null),
    expect: textField('a text of the answer, such as "SSH-"', /^[^\0]{1,1024}$/s)
      .nullable()
      .default(null),
    command: commandField.nullable().default(null),
    timeout: durationField(1).optional(),
  }),
);

/** Wakes a source can be granted within one `per`; each is remembered. */
const MAX_WAKE_COUNT = 100;
const MAX_NETWORKS = 256;

/** `none` is no bound; an empty value is told as one. */
const wakeRateSchema = z.preprocess(
  (value) => (value === 'none' ? null : (value ?? '')),
  mapping({ count: wholeField(1, MAX_WAKE_COUNT), per: durationField(1000) }).nullable(),
);

const networksField = z
  .array(networkField)
  .min(1, 'the list is empty, so nobody could connect: write networks, or leave the key out for everybody')
  .max(MAX_NETWORKS, `the list has more than ${MAX_NETWORKS} networks: write fewer, larger ones`);

const proxyProtocolSchema = mapping({
  acceptFrom: z
    .array(networkField)
    .min(1, 'the list is empty, so nobody could connect: write the addresses of the proxies')
    .max(MAX_NETWORKS, `the list has more than ${MAX_NETWORKS} networks: write fewer, larger ones`)
    .nullable()
    .default(null),
  send: wordField(['v1', 'v2']).nullable().default(null),
});

const workSchema = mapping({
  fromClient: sizeField(KIB, 1024 * MIB)
    .nullable()
    .default(null),
  fromServer: sizeField(KIB, 1024 * MIB).optional(),
  window: durationField(1000).optional(),
});

/** RFC 9110 section 9.1 and RFC 9112 section 3.2.1: a method and an absolute path, without a query. */
const HTTP_POLL = /^[A-Z-]{3,20} \/[^\s?#\0]{0,1023}$/;
const MAX_POLLS = 64;

const listenerSchema = mapping({
  listen: listenField,
  socketMode: fileModeField.optional(),
  target: targetField.optional(),
  pool: textField('the name of a pool, such as office', /^[A-Za-z0-9][\w.-]{0,63}$/).optional(),
  protocol: wordField(PROTOCOLS).default('auto'),
  device: wordField(DEVICES).default('desktop'),
  idleTimeout: durationField(1).optional(),
  wakeOn: wordField(['connect', 'preface', 'input']).optional(),
  allowFrom: networksField.optional(),
  proxyProtocol: proxyProtocolSchema.prefault({}),
  webSocket: webSocketSchema.optional(),
  link: listenerLinkSchema.nullable().default(null),
  routes: routesField,
  otherwise: wordField(['serve', 'refuse']).default('serve'),
  wakeRate: wakeRateSchema.optional(),
  banner: wordField(['none', 'serve']).default('none'),
  waitingPage: wordField(['off', 'browsers', 'all']).default('off'),
  activity: wordField(['every-byte', 'learned']).optional(),
  viewing: wordField(['active', 'ignore']).optional(),
  work: workSchema.prefault({}),
  periodicInput: wordField(['active', 'moves', 'ignore']).default(DEFAULT_STREAM_POLICY.periodicInput),
  periodicRequests: wordField(['active', 'ignore']).default(DEFAULT_STREAM_POLICY.periodicRequests),
  polls: z
    .array(textField('a method and a path, such as "GET /health"', HTTP_POLL))
    .max(MAX_POLLS, `the list has more than ${MAX_POLLS} requests: write fewer`)
    .default([]),
  record: yesNoField.default(false),
  defer: mapping({
    as: wordField(['raw', 'ipp']).optional(),
    for: durationField(1000).prefault('4h'),
    maxJobSize: sizeField(4 * KIB, 4096 * MIB).prefault('64MiB'),
    maxJobs: wholeField(1, 100_000).default(1000),
    maxTotal: sizeField(4 * KIB, 1024 * 1024 * MIB).prefault('1GiB'),
  })
    .nullable()
    .default(null),
  udp: udpSchema.optional(),
  onKeepalive: wordField(['hold', 'wake', 'close']).default('hold'),
  keepaliveWait: durationField(1000).prefault('30s'),
  probe: probeSchema.optional(),
  maxPerSource: wholeField(1, 1_000_000).nullable().default(null),
  maxStreams: wholeField(1, 1_000_000).nullable().default(null),
});

const vmSchema = mapping({
  name: textField(
    'a name of letters, digits, dots, hyphens or underscores, such as alice',
    /^[A-Za-z0-9][\w.-]{0,63}$/,
  ),
  identity: identitySchema.nullable().default(null),
  listeners: z.array(listenerSchema).default([]),
});

const platformSchema = mapping({
  name: textField('a name of lower-case letters, digits and hyphens, such as vdi-01', /^[a-z0-9][a-z0-9-]{0,63}$/),
  mode: wordField(['observe', 'armed']).default('observe'),
  idleTimeout: durationField(1).optional(),
  idlePolicy: wordField(POLICY_NAMES).default('fixed'),
  idleCosts: idleCostsSchema.prefault({}),
  calendars: calendarsSchema,
  disconnectGrace: durationField(0).prefault('5s'),
  drowsyFor: durationField(0).prefault('30s'),
  minAwake: durationField(0).prefault('5m'),
  clientWait: durationField(1000).nullable().default(null),
  ...platformCircuitKeys,
  hold: mapping({
    perStream: sizeField(4 * KIB, 1024 * MIB).prefault('1MiB'),
    perPlatform: sizeField(4 * KIB, 64 * 1024 * MIB).prefault('64MiB'),
    perSource: sizeField(4 * KIB, 64 * 1024 * MIB).optional(),
  }).prefault({}),
  hooks: mapping({
    beforeSuspend: commandField.nullable().default(null),
    afterWake: commandField.nullable().default(null),
    timeout: durationField(1).prefault('5m'),
  }).prefault({}),
  context: contextSchema.prefault({}),
  power: powerSchema,
  sel: selSchema.prefault({}),
  inhibitors: inhibitorsSchema.prefault({}),
  vms: z.array(vmSchema).default([]),
});

const pathField = textField('the path of a file', /^[^\0]{1,4096}$/);

/** More would only divide the holds' bounds: each has its share. */
const WORKERS_MAX = 64;

/** The whole file. Its output still has the YAML's names and shape; to-config.ts makes a `TorporConfig` of it. */
export const configSchema = mapping({
  api: mapping({
    listen: endpointField(true).prefault(DEFAULT_API_LISTEN),
    tokensFile: pathField.nullable().default(null),
    tls: mapping({ cert: pathField, key: pathField }).nullable().default(null),
  }).prefault({}),
  stateDir: textField('the path of a folder', /^[^\0]{1,4096}$/).prefault('/var/lib/torpor'),
  workers: wholeField(1, WORKERS_MAX).default(1),
  maxStreams: wholeField(1, 1_000_000).default(50_000),
  log: mapping({ level: wordField(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
  record: mapping({
    folder: textField('the path of a folder', /^[^\0]{1,4096}$/).optional(),
    maxFiles: wholeField(1, 100_000).default(100),
    maxFileSize: sizeField(KIB, 1024 * MIB).prefault('4MiB'),
  }).prefault({}),
  history: historySchema.prefault({}),
  energy: energySchema.prefault({}),
  mqtt: mqttSchema.nullable().default(null),
  webhooks: webhooksSchema.default([]),
  link: linkSchema.nullable().default(null),
  farm: farmSchema.nullable().default(null),
  circuits: circuitsSchema,
  pools: poolsSchema,
  platforms: z.array(platformSchema),
});

/** What the schema reads: every default filled in but those that depend on the device's kind. */
export type ParsedConfig = z.output<typeof configSchema>;
