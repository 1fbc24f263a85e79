// Routes of a shared port: what becomes of them, and what is refused.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';

const POWER = 'power: { bmc: { driver: ipmi, host: HOST, user: torpor, passwordEnv: LAB_BMC } }';

function load(listener: string, more = '') {
  const text = `platforms:
  - name: lab
    ${POWER.replace('HOST', 'lab-bmc.example')}
    vms:
      - name: one
        listeners:
          - { listen: "0.0.0.0:443", target: "10.0.0.7:443", protocol: http, device: web${more}, ${listener} }
      - name: two
  - name: farm
    mode: armed
    ${POWER.replace('HOST', 'farm-bmc.example')}
    vms:
      - name: three
`;
  return parseConfig(text, 'torpor.yaml', '/etc/torpor');
}

const TWO = '{ hosts: [Two.Example, "*.two.example"], vm: two, target: "10.0.0.8:443" }';
const THREE = '{ hosts: [three.example], rdp: [Three], platform: farm, vm: three, target: "10.0.1.9:9100" }';

describe('routes', () => {
  it('two of them -> each a listener of its VM, with the rules of the port', () => {
    const { config, warnings } = load(`routes: [${TWO}, ${THREE}], otherwise: refuse`, ', allowFrom: [10.0.0.0/8]');
    const [lab, farm] = config.platforms;
    const door = lab?.vms[0]?.listeners[0];
    expect(door).toMatchObject({ door: { key: '0.0.0.0:443', otherwise: 'refuse' }, routed: null });
    expect(lab?.vms[1]?.listeners).toEqual([
      {
        ...door,
        target: { host: '10.0.0.8', port: 443 },
        door: null,
        routed: { door: '0.0.0.0:443', hosts: ['two.example', '*.two.example'], rdp: [] },
      },
    ]);
    expect(farm?.vms[0]?.listeners).toMatchObject([
      { device: 'web', probe: { kind: 'none' }, routed: { hosts: ['three.example'], rdp: ['three'] } },
    ]);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['routes: [{ hosts: [a.example], vm: tow, target: "10.0.0.8:443" }]', 'there is no VM "tow"; did you mean "two"?'],
    ['routes: [{ hosts: [a.example], platform: frm, vm: three, target: "10.0.0.8:443" }]', 'did you mean "farm"?'],
    ['routes: [{ vm: two, target: "10.0.0.8:443" }]', 'no client can ask for it'],
    ['routes: [{ hosts: ["not a host"], vm: two, target: "10.0.0.8:443" }]', 'write a host name'],
    [`routes: [${TWO}, { hosts: [two.example], platform: farm, vm: three, target: "10.0.1.9:443" }]`, 'each name once'],
    ['routes: [{ hosts: [a.example], vm: two, target: "127.0.0.1:443" }]', 'is Torpor itself'],
    ['otherwise: refuse', 'there are none'],
    ['routes: [{ hosts: [a.example], vm: two }]', 'target'],
  ])('%s -> refused: %s', (listener, expected) => {
    // The platform farm is armed, and has a listener by route only.
    const text = listener.includes('farm') ? listener : listener.replace('routes: [', `routes: [${THREE}, `);
    expect(() => load(text)).toThrow(expected);
  });

  it('an armed platform that no route leads to -> refused', () => {
    expect(() => load(`routes: [${TWO}]`)).toThrow('would always look idle');
  });

  it('a port of 0, SSH -> refused', () => {
    const of = (protocol: string, listen: string) => `platforms:
  - name: lab
    ${POWER.replace('HOST', 'lab-bmc.example')}
    vms:
      - name: one
        listeners: [{ listen: "${listen}", target: "10.0.0.7:443", protocol: ${protocol}, routes: [{ hosts: [a.b], vm: one, target: "10.0.0.8:443" }] }]
`;
    expect(() => parseConfig(of('http', '0.0.0.0:0'), 'torpor.yaml', '/')).toThrow(
      'a port that is shared has a number',
    );
    expect(() => parseConfig(of('ssh', '0.0.0.0:22'), 'torpor.yaml', '/')).toThrow('such clients name nobody');
  });
});
