// `link` of the configuration: the gate within `torpor run`, and what edges call the listeners.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';

const listener = (port: number, more = '') =>
  `          - { listen: "127.0.0.1:${port}", target: "10.0.1.21:3389"${more} }`;

function config(top: string, ...listeners: string[]): string {
  return [
    top,
    'platforms:',
    '  - name: vdi-01',
    '    power: { bmc: { driver: ipmi, host: vdi-01-bmc.example, user: torpor, passwordEnv: VDI_BMC } }',
    '    vms:',
    '      - name: alice',
    '        listeners:',
    ...listeners,
  ].join('\n');
}

const GATE = 'link: { listen: "0.0.0.0:7443", keys: keys }';

describe('link', () => {
  it('a gate and two named listeners -> as told, with defaults', () => {
    const { config: read } = parseConfig(
      config(
        GATE,
        listener(13389, ', link: desktop'),
        listener(13390, ', link: { service: plain, compress: false }'),
        listener(13391),
      ),
      'torpor.yaml',
      '/etc/torpor',
    );
    expect(read.link).toEqual({
      listen: { host: '0.0.0.0', port: 7443 },
      keys: '/etc/torpor/keys',
      name: 'gate',
      resumeMs: 60_000,
    });
    expect(read.platforms[0]?.vms[0]?.listeners.map(({ link }) => link)).toEqual([
      { service: 'desktop', compress: true },
      { service: 'plain', compress: false },
      null,
    ]);
  });

  it('no gate -> null', () => {
    expect(parseConfig(config('', listener(13389)), 'torpor.yaml', '/etc/torpor').config.link).toBe(null);
  });

  it.each([
    ['a name without a gate', '', [', link: desktop'], /there is no gate/],
    ['two of one name', GATE, [', link: desktop', ', link: { service: desktop }'], /another listener is "desktop"/],
    ['workers', `${GATE}\nworkers: 2`, [', link: desktop'], /write workers: 1/],
    [
      'a listener at the address of the gate',
      GATE.replace('7443', '13389'),
      [', link: desktop'],
      /already taken by the link's gate/,
    ],
    ['no name', GATE, [', link: "a b"'], /a name of letters/],
  ])('%s -> refused', (_, top, named, why) => {
    const text = config(top, ...named.map((more, at) => listener(13389 + at, more)));
    expect(() => parseConfig(text, 'torpor.yaml', '/etc/torpor')).toThrow(why);
  });

  it('a gate that no listener is named for -> a doubt', () => {
    expect(parseConfig(config(GATE, listener(13389)), 'torpor.yaml', '/etc/torpor').warnings.join()).toMatch(
      /reach nothing/,
    );
  });
});
