// `evacuate` of a pool: what it becomes, what is refused, and the configuration with VMs where they were moved to.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { placeVms } from '../../src/config/place-vms.ts';

const BMC = (index: number) =>
  `power: { bmc: { driver: ipmi, host: 10.0.9.${index}, user: torpor, passwordFile: /etc/torpor/password } }`;
const PLATFORM = (index: number, vm: string, more = '') => `  - name: vdi-0${index}
    ${BMC(index)}
    vms: [{ name: ${vm}, listeners: [{ listen: "127.0.0.1:1338${index}", target: "10.0.1.2${index}:3389" }] }]
${more}`;
const HOST = (index: number) =>
  `{ platform: vdi-0${index}, driver: libvirt, uri: "qemu+ssh://root@vdi-0${index}/system" }`;
const CONFIG = ({ evacuate = '', hosts = [HOST(1), HOST(2)], second = 'bob', top = '', more = '' } = {}) => `${top}
pools:
  - name: office
    platforms: [vdi-01, vdi-02]
    evacuate: { vmsPerPlatform: 12, hypervisors: [${hosts.join(', ')}]${evacuate} }
platforms:
${PLATFORM(1, 'alice', more)}
${PLATFORM(2, second)}
`;

const parse = (text: string) => parseConfig(text, 'torpor.yaml', '/etc/torpor').config;

describe('evacuate', () => {
  it('left out -> off; given -> with its defaults', () => {
    const { pools } = parse(CONFIG());
    expect(pools[0]?.evacuate?.rule).toEqual({
      ...{ vmsPerPlatform: 12, activeAtMost: 1, moveActive: false },
      ...{ quietForMs: 900_000, idleForMs: 0, restForMs: 3_600_000 },
    });
    expect(pools[0]?.evacuate?.hypervisors[0]).toEqual({
      driver: 'libvirt',
      platform: 'vdi-01',
      uri: 'qemu+ssh://root@vdi-01/system',
      peerUri: 'qemu+ssh://root@vdi-01/system',
      transport: 'p2p',
    });
    const off = CONFIG().replace(/ {4}evacuate:.*\n/, '');
    expect(parse(off).pools[0]?.evacuate).toBeNull();
  });

  it.each<[string, string, RegExp]>([
    ['several workers', CONFIG({ top: 'workers: 2' }), /write workers: 1/],
    ['a platform without a hypervisor', CONFIG({ hosts: [HOST(1), HOST(3)] }), /no hypervisor for vdi-02/],
    ['a hypervisor of nobody', CONFIG({ hosts: [HOST(1), HOST(2), HOST(3)] }), /vdi-03 is not in the pool/],
    ['a hypervisor twice', CONFIG({ hosts: [HOST(1), HOST(2), HOST(2)] }), /vdi-02 has one already/],
    ['the same name of two VMs', CONFIG({ second: 'alice' }), /vdi-01 has a VM alice, too/],
    ['no rest', CONFIG({ evacuate: ', restFor: 1s' }), /too short/],
    ['no capacity', CONFIG().replace('vmsPerPlatform: 12, ', ''), /vmsPerPlatform/],
  ])('%s -> refused, and said what to write', (_, text, what) => {
    expect(() => parse(text)).toThrow(what);
  });
});

describe('placeVms', () => {
  const config = parse(CONFIG({ more: '    context: { saveVms: { driver: libvirt, vms: [alice] } }' }));
  const vmsOf = (places: ReadonlyMap<string, string>) =>
    placeVms(config, places).map(({ name, vms }) => `${name}: ${vms.map((vm) => vm.name).join(' ')}`);

  it('nothing was moved -> the very same; moved -> with its listeners under the other platform, which comes first there', () => {
    expect(placeVms(config, new Map())).toBe(config.platforms);
    expect(placeVms(config, new Map([['alice', 'vdi-01']]))).toBe(config.platforms);
    const placed = placeVms(config, new Map([['alice', 'vdi-02']]));
    expect(placed.map(({ name, vms }) => `${name}: ${vms.map((vm) => vm.name).join(' ')}`)).toEqual([
      'vdi-01: ',
      'vdi-02: bob alice',
    ]);
    expect(placed[1]?.vms[1]).toBe(config.platforms[0]?.vms[0]);
    expect(placed[0]?.context.saveVms?.vms).toEqual([]);
  });

  it('to a platform that is not in the pool, or not there -> stays at home', () => {
    expect(vmsOf(new Map([['alice', 'vdi-09']]))).toEqual(['vdi-01: alice', 'vdi-02: bob']);
  });
});
