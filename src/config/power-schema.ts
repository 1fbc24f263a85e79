// What stands under `power` of a platform, in the words of its YAML: its BMC, who does what, and its watts. `host` and `wol` are host-schema.ts's.
import { z } from 'zod';
import { byDriver } from './by-driver.ts';
import { choiceField, durationField, hostField, textField, wattsField, wholeField, wordField } from './fields.ts';
import { hostSchema, wolSchema } from './host-schema.ts';
import { mapping } from './mapping.ts';
import { redfishSchema } from './redfish-schema.ts';

/** IPMI 2.0 section 22.28: a user name is 16 bytes, zero-padded. */
const USER_NAME = /^[\x21-\x7e][\x20-\x7e]{0,15}$/;

const ipmiSchema = mapping({
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
  kgFile: textField("the path of a file that holds the BMC's key", /^[^\0]{1,4096}$/)
    .nullable()
    .default(null),
  kgEnv: textField('the name of an environment variable', /^[A-Za-z_][A-Za-z0-9_]{0,255}$/, true)
    .nullable()
    .default(null),
  cipherSuite: choiceField(['auto', 17, 3, 16, 2]).default('auto'),
});

const bmcSchema = byDriver({ ipmi: ipmiSchema, redfish: redfishSchema });

/** Who may be named for a sleep, a wake and the state. */
export const SLEEPERS = ['bmc', 'host'] as const;
export const WAKERS = ['bmc', 'wol', 'host'] as const;
export const STATE_READERS = ['bmc', 'host', 'probes'] as const;

export const powerSchema = mapping({
  sleep: wordField(['S3', 'S5']).default('S3'),
  wakeTimeout: durationField(100).optional(),
  suspendTimeout: durationField(100).optional(),
  bmc: bmcSchema.optional(),
  host: hostSchema.optional(),
  wol: wolSchema.optional(),
  sleepBy: wordField(SLEEPERS).optional(),
  wakeBy: z
    .array(wordField(WAKERS))
    .min(1, 'the list is empty, so nothing could wake it: write bmc, wol or host, or leave the key out')
    .optional(),
  stateBy: wordField(STATE_READERS).optional(),
  watts: mapping({
    inrush: wattsField.nullable().default(null),
    busy: wattsField.nullable().default(null),
    idle: wattsField.nullable().default(null),
    asleep: wattsField.nullable().default(null),
  }).prefault({}),
});
