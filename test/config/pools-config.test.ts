// Pools: what becomes of them, and what is refused.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';

function load(pools: string, top = '') {
  const platforms = ['vdi-01', 'vdi-02'].map(
    (name) => `  - name: ${name}
    power: { bmc: { driver: ipmi, host: ${name}-bmc.example, user: torpor, passwordEnv: LAB_BMC } }
    vms: [{ name: alice, listeners: [{ listen: "0.0.0.0:1${name.slice(-2)}89", target: "10.0.1.21:3389" }] }]
`,
  );
  return parseConfig(`${top}\npools: ${pools}\nplatforms:\n${platforms.join('')}`, 'torpor.yaml', '/etc/torpor');
}

describe('pools', () => {
  it('a pool -> its platforms in their order, and what is not said is not bounded', () => {
    const { config, warnings } = load('[{ name: office, spare: 1, platforms: [vdi-02, vdi-01] }]');
    const platforms = ['vdi-02', 'vdi-01'];
    expect(config.pools).toEqual([{ name: 'office', spare: 1, sessionsPerPlatform: null, platforms, evacuate: null }]);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['[{ name: office, platforms: [vdi-1] }]', 'no platform is called vdi-1; did you mean vdi-01?'],
    ['[{ name: office, platforms: [] }]', 'the list is empty'],
    ['[{ name: office, platforms: [vdi-01, vdi-01] }]', 'vdi-01 is in it already'],
    ['[{ name: office, spare: 3, platforms: [vdi-01, vdi-02] }]', 'it has 2 platforms only'],
    ['[{ name: office, spares: 1, platforms: [vdi-01] }]', 'did you mean `spare`?'],
    ['[{ name: a, platforms: [vdi-01] }, { name: a, platforms: [vdi-02] }]', 'another pool is called a'],
  ])('%s -> refused: %s', (pools, expected) => {
    expect(() => load(pools)).toThrow(expected);
  });

  it('sessions counted with several workers -> refused', () => {
    const pools = '[{ name: office, sessionsPerPlatform: 2, platforms: [vdi-01] }]';
    expect(() => load(pools, 'workers: 2')).toThrow('write workers: 1');
  });
});
