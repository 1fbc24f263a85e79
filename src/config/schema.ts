// The configuration's shape in the words of its YAML, with every default. Where problems stand in the file, and rules across
// several keys, are left to load-config.ts and cross-checks.ts.
import { z } from 'zod';
import type { ActivityRule, Device, Protocol } from '../platform/ports.ts';
import {
  choiceField,
  commandField,
  durationField,
  endpointField,
  hostField,
  sizeField,
  textField,
  wattsField,
  wholeField,
  wordField,
} from './fields.ts';

export const DEFAULT_API_LISTEN = '127.0.0.1:7070';

/** What counts where a listener does not say. */
export const DEFAULT_ACTIVITY: ActivityRule = 'every-byte';

const KIB = 1024;
const MIB = 1024 ** 2;
/** IPMI 2.0 section 22.28: a user name is 16 bytes, zero-padded. */
const USER_NAME = /^[\x21-\x7e][\x20-\x7e]{0,15}$/;

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

/** A mapping that refuses unknown keys. The issue's message carries the known ones, for the nearest name. */
function mapping<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : undefined),
  });
}

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

const listenerSchema = mapping({
  listen: endpointField(true),
  target: endpointField(false),
  protocol: wordField(PROTOCOLS).default('auto'),
  device: wordField(DEVICES).default('desktop'),
  wakeOn: wordField(['connect', 'preface', 'input']).default('connect'),
  activity: wordField(['every-byte', 'learned']).default(DEFAULT_ACTIVITY),
  onKeepalive: wordField(['hold', 'wake', 'close']).default('hold'),
  keepaliveWait: durationField(1000).prefault('30s'),
  probe: probeSchema.optional(),
  maxStreams: wholeField(1, 1_000_000).nullable().default(null),
});

const vmSchema = mapping({
  name: textField(
    'a name of letters, digits, dots, hyphens or underscores, such as alice',
    /^[A-Za-z0-9][\w.-]{0,63}$/,
  ),
  identity: mapping({ command: commandField }).nullable().default(null),
  listeners: z.array(listenerSchema).default([]),
});

const bmcSchema = mapping({
  driver: wordField(['ipmi']),
  host: hostField,
  port: wholeField(1, 65_535).default(623),
  user: textField('a user name of the BMC, 1 to 16 characters', USER_NAME),
  passwordFile: textField('the path of a file that holds the password', /^[^\0]{1,4096}$/)
    .nullable()
    .default(null),
  passwordEnv: textField('the name of an environment variable', /^[A-Za-z_][A-Za-z0-9_]{0,255}$/, true)
    .nullable()
    .default(null),
  cipherSuite: choiceField([17, 3]).default(17),
});

const powerSchema = mapping({
  sleep: wordField(['S3', 'S5']).default('S3'),
  wakeTimeout: durationField(100).prefault('60s'),
  suspendTimeout: durationField(100).prefault('60s'),
  bmc: bmcSchema,
  watts: mapping({
    busy: wattsField.nullable().default(null),
    idle: wattsField.nullable().default(null),
    asleep: wattsField.nullable().default(null),
  }).prefault({}),
});

const platformSchema = mapping({
  name: textField('a name of lower-case letters, digits and hyphens, such as vdi-01', /^[a-z0-9][a-z0-9-]{0,63}$/),
  mode: wordField(['observe', 'armed']).default('observe'),
  idleTimeout: durationField(1).prefault('10m'),
  disconnectGrace: durationField(0).prefault('5s'),
  drowsyFor: durationField(0).prefault('30s'),
  minAwake: durationField(0).prefault('5m'),
  hold: mapping({
    perStream: sizeField(4 * KIB, 1024 * MIB).prefault('1MiB'),
    perPlatform: sizeField(4 * KIB, 64 * 1024 * MIB).prefault('64MiB'),
  }).prefault({}),
  hooks: mapping({
    beforeSuspend: commandField.nullable().default(null),
    afterWake: commandField.nullable().default(null),
    timeout: durationField(1).prefault('5m'),
  }).prefault({}),
  power: powerSchema,
  vms: z.array(vmSchema).default([]),
});

/** The whole file. Its output still has the YAML's names and shape; to-config.ts makes a `TorporConfig` of it. */
export const configSchema = mapping({
  api: mapping({ listen: endpointField(true).prefault(DEFAULT_API_LISTEN) }).prefault({}),
  stateDir: textField('the path of a folder', /^[^\0]{1,4096}$/).prefault('/var/lib/torpor'),
  log: mapping({ level: wordField(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
  platforms: z.array(platformSchema),
});

/** What the schema reads: every default filled in but the probe's, which depends on device and target. */
export type ParsedConfig = z.output<typeof configSchema>;
