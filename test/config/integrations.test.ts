// `mqtt` and `webhooks` of the configuration: defaults, addresses, secrets, and what is refused.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';

const PLATFORM = `platforms:
  - name: lab
    power: { bmc: { driver: ipmi, host: 127.0.0.1, user: torpor, passwordEnv: LAB } }
    vms: [{ name: one, listeners: [{ listen: "127.0.0.1:0", target: "127.0.0.1:22" }] }]
`;
const parse = (text: string) => parseConfig(`${PLATFORM}${text}`, 'torpor.yaml', '/etc/torpor');
const integrations = (text: string) => parse(text).config.integrations;

describe('integrations', () => {
  it('left out -> none', () => {
    expect(integrations('')).toEqual({ mqtt: null, webhooks: [] });
  });

  it.each([
    ['mqtt://broker', { host: 'broker', port: 1883, secure: false }],
    ['mqtts://broker.example', { host: 'broker.example', port: 8883, secure: true }],
    ['mqtt://[::1]:1884/', { host: '::1', port: 1884, secure: false }],
  ])('mqtt.url %s -> host, port, TLS', (url, expected) => {
    const rest = {
      caFile: null,
      user: null,
      password: null,
      clientId: 'torpor',
      topic: 'torpor',
      discovery: 'homeassistant',
    };
    expect(integrations(`mqtt: { url: "${url}" }\n`).mqtt).toEqual({ ...rest, ...expected });
  });

  it.each([
    ['mqtt: { url: "http://broker" }', 'is no broker'],
    ['mqtt: { url: "mqtt://user:pw@broker" }', 'is no broker'],
    ['mqtt: { url: "mqtt://broker:99999" }', 'is no broker'],
    ['mqtt: { url: "mqtt://b", topic: "a/#" }', 'levels of letters'],
    ['mqtt: { url: "mqtt://b", user: u, passwordEnv: A, passwordFile: b }', 'exclude each other'],
    ['mqtt: { url: "mqtt://b", passwordEnv: A }', 'a password without a user'],
    ['webhooks: [{ name: a, url: "https://a/" }]', 'its secret is missing'],
    ['webhooks: [{ name: a, url: "ftp://a/", secretEnv: A }]', 'is not of HTTP'],
    [
      'webhooks: [{ name: a, url: "http://a/", secretEnv: A }, { name: a, url: "http://b/", secretEnv: A }]',
      'another webhook has this name',
    ],
  ])('%s -> refused with its line', (text, what) => {
    expect(() => parse(`${text}\n`)).toThrow(new RegExp(`^torpor.yaml:5: .*${what}`, 'm'));
  });

  it('webhooks -> paths made absolute, kinds by default, all: every kind', () => {
    const text = `webhooks:
  - { name: a, url: "https://a/", secretFile: a.secret }
  - { name: b, url: "https://b/", secretEnv: B, events: [all] }
`;
    expect(integrations(text).webhooks).toEqual([
      {
        name: 'a',
        url: 'https://a/',
        secret: { kind: 'file', path: '/etc/torpor/a.secret' },
        caFile: null,
        events: ['transition', 'alarm'],
      },
      { name: 'b', url: 'https://b/', secret: { kind: 'env', name: 'B' }, caFile: null, events: [] },
    ]);
  });

  it.each([
    ['mqtt://broker', 1],
    ['mqtts://broker', 0],
    ['mqtt://127.0.0.1:1883', 0],
  ])('a password over %s -> %d warnings', (url, count) => {
    const { warnings } = parse(`mqtt: { url: "${url}", user: u, passwordEnv: P }\n`);
    expect(warnings.filter((warning) => warning.includes('in the clear'))).toHaveLength(count);
  });
});
