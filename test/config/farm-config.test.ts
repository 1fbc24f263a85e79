// `farm` of the configuration: one Torpor of several, and what is not possible there.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';

function config(top: string, platform = ''): string {
  return [
    top,
    'platforms:',
    '  - name: vdi-01',
    '    power: { bmc: { driver: ipmi, host: vdi-01-bmc.example, user: torpor, passwordEnv: VDI_BMC } }',
    ...(platform === '' ? [] : [`    ${platform}`]),
    '    vms:',
    '      - { name: alice, listeners: [{ listen: "127.0.0.1:13389", target: "10.0.1.21:3389" }] }',
  ].join('\n');
}

const read = (text: string) => parseConfig(text, 'torpor.yaml', '/etc/torpor').config.farm;

describe('farm', () => {
  it('none -> null: this Torpor is alone', () => {
    expect(read(config(''))).toBeNull();
  });

  it('all keys -> as told, paths made absolute', () => {
    const farm = [
      'farm:',
      '  store: nats',
      '  servers: ["nats-1.example:4222", "nats-2.example:4222", "nats-3.example:4222"]',
      '  instance: torpor-1',
      '  bucket: office',
      '  lease: 20s',
      '  credentials: torpor.creds',
      '  tls: { ca: ca.pem }',
    ].join('\n');
    expect(read(config(farm))).toEqual({
      servers: ['nats-1.example:4222', 'nats-2.example:4222', 'nats-3.example:4222'],
      instance: 'torpor-1',
      bucket: 'office',
      replicas: 3,
      leaseMs: 20_000,
      credentialsFile: '/etc/torpor/torpor.creds',
      tls: { caFile: '/etc/torpor/ca.pem', certFile: null, keyFile: null },
    });
  });

  it('the least -> one replica of one server, a name made of the machine’s', () => {
    const farm = read(config('farm: { store: nats, servers: ["127.0.0.1:4222"] }'));
    expect(farm).toMatchObject({ replicas: 1, bucket: 'torpor', leaseMs: 10_000, credentialsFile: null, tls: null });
    expect(farm?.instance).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]*$/);
  });

  const FARM = 'farm: { store: nats, servers: ["127.0.0.1:4222"] }';
  it.each([
    ['another store', FARM.replace('nats', 'etcd'), '', /yaml:1: .*"etcd" is not known: write nats/],
    ['no servers', 'farm: { store: nats, servers: [] }', '', /yaml:1: .*the list is empty/],
    ['a key that is none', FARM.replace('servers', 'server'), '', /yaml:1: .*servers/],
    [
      'a name with a dot',
      FARM.replace(' }', ', instance: a.example }'),
      '',
      /letters, digits, hyphens and underscores/,
    ],
    ['two replicas', FARM.replace(' }', ', replicas: 2 }'), '', /write 1, or 3/],
    ['a lease that is too short', FARM.replace(' }', ', lease: 1s }'), '', /too short/],
    [
      'a certificate alone',
      FARM.replace(' }', ', tls: { cert: a.crt } }'),
      '',
      /yaml:1: .*cert is of no use without key/,
    ],
    ['a key alone', FARM.replace(' }', ', tls: { key: a.key } }'), '', /yaml:1: .*key is of no use without cert/],
    ['hooks', FARM, 'hooks: { beforeSuspend: sync }', /yaml:5: .*in a farm no hooks run/],
    ['saved VMs', FARM, 'context: { saveVms: { driver: libvirt } }', /yaml:5: .*in a farm no VMs are saved/],
  ])('%s -> refused, with the line and what to write', (_, top, platform, problem) => {
    expect(() => read(config(top, platform))).toThrow(problem);
  });
});
