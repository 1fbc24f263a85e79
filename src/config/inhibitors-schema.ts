// What stands under `inhibitors` of a platform, in the words of its YAML.
import { isIP } from 'node:net';
import { Cron } from 'croner';
import { z } from 'zod';
import {
  commandField,
  durationField,
  leaf,
  showValue,
  textField,
  timeZoneField,
  wattsField,
  wholeField,
  wordField,
} from './fields.ts';
import { HOST_CHECKS, type PortRange } from './inhibitors-config.ts';
import { mapping } from './mapping.ts';

/** More than anybody reads; each costs a timer. */
const MAX_SCHEDULES = 32;
const MAX_CHECKS = 16;
/** A press wears the host; one a minute is a fault of the configuration. PRESSES_KEPT_MAX remembers as many. */
const MAX_SUSPENDS_PER_HOUR = 60;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** What people connect to a hypervisor by: SSH, VNC and SPICE of its VMs, RDP, Proxmox's and Cockpit's pages. */
export const DEFAULT_HOST_PORTS = ['22', '3389', '5900-5999', '8006', '9090'];

const CRON_WORDS = /^(@[a-z]+|\S+(\s+\S+){4})$/;

/** Five fields: minute, hour, day of month, month, day of week. */
const cronField = leaf('five fields of cron, such as "0 3 * * mon-fri"', (value) => {
  if (typeof value !== 'string') return { wrong: `${showValue(value)} is no text` };
  if (!CRON_WORDS.test(value.trim())) return { wrong: `${showValue(value)} is not five fields` };
  try {
    const cron = new Cron(value.trim(), { paused: true, mode: '5-part', timezone: 'UTC' });
    if (cron.nextRun() === null) return { wrong: `${showValue(value)} never comes` };
    return { value: value.trim() };
  } catch (error) {
    return { wrong: (error as Error).message.replace(/^CronPattern: /, '') };
  }
});

const urlField = leaf('an address such as http://10.0.1.5:9000/busy', (value) => {
  if (typeof value !== 'string' || !URL.canParse(value)) return { wrong: `${showValue(value)} is no address` };
  const { protocol, username, password } = new URL(value);
  if (protocol !== 'http:' && protocol !== 'https:') return { wrong: `${showValue(value)} is no http address` };
  // The value is not shown: it holds a secret.
  if (username !== '' || password !== '') return { wrong: 'the address holds a user or a password' };
  return { value };
});

const portsField = leaf('a port or a range of ports, such as 22 or 5900-5999', (value) => {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(typeof value === 'number' ? String(value) : showText(value));
  const from = Number(match?.[1] ?? 0);
  const to = Number(match?.[2] ?? from);
  if (from < 1 || to > 65_535 || from > to) return { wrong: `${showValue(value)} is neither` };
  return { value: { from, to } satisfies PortRange };
});

const addressField = leaf('an IP address', (value) => {
  if (typeof value === 'string' && isIP(value) !== 0) return { value };
  return { wrong: `${showValue(value)} is none` };
});

function showText(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}

const nameField = textField('a name of letters, digits, dots, hyphens or underscores', /^[A-Za-z0-9][\w.-]{0,63}$/);
const whyField = textField('a reason in a few words', /^\P{Cc}{1,200}$/u);
const onErrorField = wordField(['block', 'ignore']).default('block');

const scheduleSchema = mapping({
  name: nameField.optional(),
  cron: cronField,
  for: durationField(MINUTE_MS, 7 * DAY_MS),
  timezone: timeZoneField.optional(),
  why: whyField.optional(),
});

const schedules = z
  .array(scheduleSchema)
  .max(MAX_SCHEDULES, `the list has more than ${MAX_SCHEDULES} schedules: write fewer`)
  .default([]);

const checkSchema = mapping({
  name: nameField,
  command: commandField.nullable().default(null),
  url: urlField.nullable().default(null),
  every: durationField(5_000).prefault('1m'),
  timeout: durationField(100, 5 * MINUTE_MS).prefault('10s'),
  onError: onErrorField,
});

const hostChecksSchema = mapping({
  run: commandField,
  every: durationField(10_000).prefault('5m'),
  timeout: durationField(1_000, 5 * MINUTE_MS).prefault('30s'),
  onError: onErrorField,
  checks: z.array(wordField(HOST_CHECKS)).min(1, 'the list is empty: write names, or leave it out for all').optional(),
  ports: z.array(portsField).max(64, 'the list has more than 64 entries: write ranges').prefault(DEFAULT_HOST_PORTS),
  torporAddresses: z.array(addressField).max(64, 'the list has more than 64 addresses').default([]),
});

export const inhibitorsSchema = mapping({
  awake: schedules,
  wakeAt: schedules,
  checks: z.array(checkSchema).max(MAX_CHECKS, `the list has more than ${MAX_CHECKS} checks: write fewer`).default([]),
  busyWatts: mapping({ margin: wattsField, for: durationField(10_000).prefault('2m') })
    .nullable()
    .default(null),
  watchdog: wordField(['block', 'ignore']).default('block'),
  hostChecks: hostChecksSchema.nullable().default(null),
  maxSuspendsPerHour: wholeField(1, MAX_SUSPENDS_PER_HOUR).nullable().default(null),
});
