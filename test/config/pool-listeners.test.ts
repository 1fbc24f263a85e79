// A listener that leads to a pool: a seat of each of its VMs, and what is refused.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';

const POWER = 'power: { bmc: { driver: ipmi, host: HOST, user: torpor, passwordEnv: LAB_BMC } }';
const SEATS =
  'vms: [{ platform: vdi-01, vm: alice, target: "10.0.1.21:3389" }, { platform: vdi-02, vm: bob, target: "10.0.1.22:3389" }]';

function load(listener: string, pool = `{ name: office, sessionsPerPlatform: 8, ${SEATS} }`, top = '') {
  const text = `${top}
pools: [${pool}]
platforms:
  - name: vdi-01
    ${POWER.replace('HOST', 'one-bmc.example')}
    vms: [{ name: alice, listeners: [{ listen: "0.0.0.0:3389", protocol: rdp, ${listener} }] }, { name: carol }]
  - name: vdi-02
    mode: armed
    ${POWER.replace('HOST', 'two-bmc.example')}
    vms: [{ name: bob }]
`;
  return parseConfig(text, 'torpor.yaml', '/etc/torpor');
}

describe('a listener that leads to a pool', () => {
  it('its own VM and each other one -> a seat behind its port, with its rules', () => {
    const { config, warnings } = load('pool: office');
    const [one, two] = config.platforms;
    const rule = { name: 'office', stickyBy: 'user', sessionsPerPlatform: 8 };
    const door = one?.vms[0]?.listeners[0];
    expect(door).toMatchObject({
      target: { host: '10.0.1.21' },
      door: { key: '0.0.0.0:3389', pool: rule },
      routed: null,
    });
    const routed = { door: '0.0.0.0:3389', hosts: [], rdp: [], pool: 'office' };
    expect(two?.vms[0]?.listeners).toMatchObject([
      { target: { host: '10.0.1.22' }, door: null, routed, protocol: 'rdp' },
    ]);
    expect(one?.vms[1]?.listeners).toEqual([]);
    expect(config.pools[0]?.platforms).toEqual(['vdi-01', 'vdi-02']);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['pool: offce', 'did you mean "office"?'],
    ['pool: office, target: "10.0.0.1:3389"', 'write one of them'],
    ['device: desktop', 'write host:port of the VM, or pool'],
    ['pool: office, routes: [{ hosts: [a.example], vm: alice, target: "10.0.0.9:3389" }]', 'write routes or pool'],
    ['pool: office, webSocket: { origins: any }', '`webSocket` is about one VM'],
  ])('%s -> refused: %s', (listener, expected) => {
    expect(() => load(listener)).toThrow(expected);
  });

  it.each([
    [
      '{ name: office, vms: [{ platform: vdi-02, vm: bob, target: "10.0.1.22:3389" }] }',
      'is not in the vms of the pool',
    ],
    ['{ name: office, vms: [{ platform: vdi-2, vm: bob, target: "10.0.1.22:3389" }] }', 'did you mean "vdi-02"?'],
    ['{ name: office, vms: [{ platform: vdi-02, vm: bib, target: "10.0.1.22:3389" }] }', 'did you mean "bob"?'],
    ['{ name: office, vms: [{ platform: vdi-01, vm: alice, target: "127.0.0.1:3389" }] }', 'is Torpor itself'],
    ['{ name: office }', 'nothing is in it'],
  ])('%s -> refused: %s', (pool, expected) => {
    expect(() => load('pool: office', pool)).toThrow(expected);
  });

  it('several workers -> refused', () => {
    expect(() => load('pool: office', `{ name: office, ${SEATS} }`, 'workers: 2')).toThrow('write workers: 1');
  });
});
