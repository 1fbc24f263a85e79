// What stands under `mqtt` and `webhooks`, in the words of the YAML, the rules across its keys, and what is made of it.
import { z } from 'zod';
import { absolute } from './absolute-path.ts';
import { isHost, isLoopbackHost } from './endpoint.ts';
import { leaf, showValue, textField, urlField } from './fields.ts';
import type { Finding } from './finding.ts';
import type { IntegrationsConfig, MqttConfig, WebhookConfig } from './integrations-config.ts';
import { mapping } from './mapping.ts';
import type { SecretSource } from './power-config.ts';
import { asMapping, children, isUnset } from './raw-values.ts';

const WEBHOOKS_MAX = 16;
const DEFAULT_EVENTS = ['transition', 'alarm'];
const PLAIN_PORT = 1883;
const TLS_PORT = 8883;

interface Broker {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

const brokerField = leaf('an address such as mqtts://broker.example:8883, without a user', (value) => {
  const match =
    typeof value === 'string' ? /^(mqtts?):\/\/(\[[0-9A-Fa-f:.]+\]|[^:/@[\]]+)(?::(\d{1,5}))?\/?$/.exec(value) : null;
  const host = match?.[2]?.replace(/^\[|\]$/g, '') ?? '';
  const secure = match?.[1] === 'mqtts';
  const port = Number(match?.[3] ?? (secure ? TLS_PORT : PLAIN_PORT));
  if (match === null || !isHost(host) || port < 1 || port > 65_535)
    return { wrong: `${showValue(value)} is no broker` };
  return { value: { host, port, secure } satisfies Broker };
});

const pathField = (what: string) =>
  textField(what, /^[^\0]{1,4096}$/)
    .nullable()
    .default(null);
const envField = textField('the name of an environment variable', /^[A-Za-z_][A-Za-z0-9_]{0,255}$/, true)
  .nullable()
  .default(null);
const topicField = textField(
  'levels of letters, digits, hyphens and underscores, such as torpor',
  /^[\w-]{1,64}(?:\/[\w-]{1,64}){0,7}$/,
);

export const mqttSchema = mapping({
  url: brokerField,
  user: textField('a user name', /^[^\0]{1,255}$/)
    .nullable()
    .default(null),
  passwordFile: pathField('the path of a file that holds the password'),
  passwordEnv: envField,
  caFile: pathField('the path of a PEM file'),
  clientId: textField('1 to 23 letters and digits', /^[\w-]{1,64}$/).default('torpor'),
  topic: topicField.default('torpor'),
  discovery: topicField.default('homeassistant'),
});

const webhookSchema = mapping({
  name: textField('a name of letters, digits and hyphens', /^[A-Za-z0-9][\w-]{0,63}$/),
  url: urlField,
  secretFile: pathField('the path of a file that holds the secret'),
  secretEnv: envField,
  caFile: pathField('the path of a PEM file'),
  events: z.array(textField('a kind of event, such as transition, or all', /^[a-z-]{1,32}$/)).default(DEFAULT_EVENTS),
});

export const webhooksSchema = z
  .array(webhookSchema)
  .max(WEBHOOKS_MAX, `the list has more than ${WEBHOOKS_MAX} webhooks: write fewer`);

type Parsed = { readonly mqtt: z.output<typeof mqttSchema> | null; readonly webhooks: z.output<typeof webhooksSchema> };

export function toIntegrations({ mqtt, webhooks }: Parsed, folder: string): IntegrationsConfig {
  return {
    mqtt: mqtt === null ? null : toMqtt(mqtt, folder),
    webhooks: webhooks.map((hook) => toWebhook(hook, folder)),
  };
}

function toMqtt(parsed: z.output<typeof mqttSchema>, folder: string): MqttConfig {
  const { url, user, passwordFile, passwordEnv, caFile, clientId, topic, discovery } = parsed;
  return {
    ...url,
    user,
    password: toSecret(passwordFile, passwordEnv, folder),
    caFile: caFile === null ? null : absolute(caFile, folder),
    clientId,
    topic,
    discovery: discovery === 'none' ? null : discovery,
  };
}

function toWebhook(parsed: z.output<typeof webhookSchema>, folder: string): WebhookConfig {
  const { name, url, secretFile, secretEnv, caFile, events } = parsed;
  // That there is one is checked across keys.
  const secret = toSecret(secretFile, secretEnv, folder) ?? { kind: 'env', name: '' };
  return {
    name,
    url,
    secret,
    caFile: caFile === null ? null : absolute(caFile, folder),
    events: events.includes('all') ? [] : events,
  };
}

function toSecret(file: string | null, env: string | null, folder: string): SecretSource | null {
  if (file !== null) return { kind: 'file', path: absolute(file, folder) };
  return env === null ? null : { kind: 'env', name: env };
}

/** Reads raw values, beside the schema's own problems. */
export function checkIntegrations(root: unknown): Finding[] {
  const top = { path: [], value: asMapping(root) };
  const mqtt = asMapping(top.value.mqtt);
  const findings: Finding[] = [];
  if (!isUnset(mqtt.passwordFile) && !isUnset(mqtt.passwordEnv)) {
    findings.push({ path: ['mqtt'], what: 'passwordFile and passwordEnv exclude each other: write one of them' });
  }
  if (isUnset(mqtt.user) && !(isUnset(mqtt.passwordFile) && isUnset(mqtt.passwordEnv))) {
    findings.push({ path: ['mqtt'], what: 'a password without a user: write user' });
  }
  const names = new Set<unknown>();
  for (const { path, value } of children(top, 'webhooks')) {
    const given = [value.secretFile, value.secretEnv].filter((source) => !isUnset(source));
    if (given.length === 0)
      findings.push({ path, what: 'its secret is missing: write secretFile (a path) or secretEnv' });
    if (given.length > 1)
      findings.push({ path, what: 'secretFile and secretEnv exclude each other: write one of them' });
    if (names.has(value.name))
      findings.push({ path: [...path, 'name'], what: 'another webhook has this name: write another one' });
    names.add(value.name);
  }
  return findings;
}

/** A password that others on the network can read. */
export function doubtIntegrations(root: unknown): Finding[] {
  const mqtt = asMapping(asMapping(root).mqtt);
  const host =
    typeof mqtt.url === 'string' && mqtt.url.startsWith('mqtt://') ? mqtt.url.slice(7).replace(/:\d+\/?$/, '') : null;
  if (host === null || isUnset(mqtt.user) || isLoopbackHost(host.replace(/^\[|\]$/g, ''))) return [];
  return [
    {
      path: ['mqtt', 'url'],
      what: 'the password goes over the network in the clear: write mqtts://, if the broker can',
    },
  ];
}
