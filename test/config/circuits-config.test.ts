// Circuits and a platform's place on one: what becomes of them, and what is refused.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';

function load(circuits: string, platform: string, watts = 'watts: { inrush: 300, busy: 200, idle: 100, asleep: 10 }') {
  const power = `power: { ${watts}, bmc: { driver: ipmi, host: bmc.example, user: torpor, passwordEnv: LAB_BMC } }`;
  const text = `circuits: ${circuits}
platforms:
  - name: vdi-01
    ${platform}
    ${power}
    vms: [{ name: alice, listeners: [{ listen: "0.0.0.0:13389", target: "10.0.1.21:3389" }] }]
`;
  return parseConfig(text, 'torpor.yaml', '/etc/torpor');
}

describe('circuits', () => {
  it('a circuit and a platform on it -> its limits, and what the platform draws', () => {
    const { config, warnings } = load('[{ name: rack-a, wakingAtMost: 3, watts: 4000 }]', 'circuit: rack-a');
    expect(config.circuits).toEqual([{ name: 'rack-a', wakingAtMost: 3, watts: 4000, waitAtMostMs: 3_600_000 }]);
    const watts = { asleep: 10, running: 200, waking: 300 };
    expect(config.platforms[0]?.circuit).toEqual({ name: 'rack-a', priority: 50, watts, waitAtMostMs: 3_600_000 });
    expect(warnings).toEqual([]);
  });

  it('no inrush, no busy -> a wake draws as much as it does busy, or idle', () => {
    const circuits = '[{ name: rack-a, watts: 4000, waitAtMost: 10m }]';
    const { config } = load(circuits, 'circuit: rack-a\n    wakePriority: 90', 'watts: { idle: 100 }');
    const watts = { asleep: 0, running: 100, waking: 100 };
    expect(config.platforms[0]?.circuit).toEqual({ name: 'rack-a', priority: 90, watts, waitAtMostMs: 600_000 });
  });

  it('no circuit -> wakes at once', () => {
    expect(load('[]', 'mode: observe').config.platforms[0]?.circuit).toBeNull();
  });

  it.each([
    ['[{ name: rack-a, wakingAtMost: 3 }]', 'circuit: rak-a', 'no circuit is called rak-a; did you mean rack-a?'],
    ['[]', 'circuit: rack-a', 'there are none: write circuits'],
    ['[{ name: rack-a }]', 'circuit: rack-a', 'it bounds nothing'],
    ['[{ name: rack-a, wakingAtMost: 0 }]', 'circuit: rack-a', 'wakingAtMost'],
    ['[{ name: rack-a, wakingAtMos: 1 }]', 'circuit: rack-a', 'did you mean `wakingAtMost`?'],
    ['[{ name: a, watts: 1000 }, { name: a, watts: 1000 }]', 'circuit: a', 'another circuit is called a'],
    ['[{ name: rack-a, watts: 250 }]', 'circuit: rack-a', 'it draws 300 W and circuit rack-a bears 250'],
    ['[{ name: rack-a, wakingAtMost: 3 }]', 'wakePriority: 90', 'write circuit, or leave it out'],
    ['[{ name: rack-a, wakingAtMost: 3 }]', 'circuitt: rack-a', 'did you mean `circuit`?'],
  ])('%s, %s -> refused: %s', (circuits, platform, expected) => {
    expect(() => load(circuits, platform)).toThrow(expected);
  });

  it('watts that nobody measured, or an inrush below busy -> refused', () => {
    const circuits = '[{ name: rack-a, watts: 4000 }]';
    expect(() => load(circuits, 'circuit: rack-a', 'watts: { asleep: 9 }')).toThrow('write power.watts.busy');
    expect(() => load(circuits, 'circuit: rack-a', 'watts: { inrush: 150, busy: 200 }')).toThrow('busy');
  });
});
