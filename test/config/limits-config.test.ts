// Bounds against abuse as the configuration has them.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';

function load(top: string, platform: string, listener: string) {
  const text = `${top}
platforms:
  - name: lab
    ${platform}
    power:
      bmc: { driver: ipmi, host: lab-bmc.example, user: torpor, passwordEnv: LAB_BMC }
    vms:
      - name: one
        listeners:
          - { listen: "127.0.0.1:2222", target: "10.0.0.7:22", protocol: ssh${listener} }
`;
  return parseConfig(text, 'torpor.yaml', '/etc/torpor').config;
}

describe('bounds against abuse', () => {
  it('nothing said -> 50000 in all, half of the hold to one source', () => {
    const config = load('', '', '');
    expect(config.maxStreams).toBe(50_000);
    expect(config.platforms[0]?.hold.perSourceBytes).toBe(32 * 1024 ** 2);
    expect(config.platforms[0]?.vms[0]?.listeners[0]).toMatchObject({ maxPerSource: null, maxStreams: null });
  });

  it('said -> taken', () => {
    const config = load('maxStreams: 1000', 'hold: { perSource: 2MiB }', ', maxPerSource: 7, maxStreams: 70');
    expect(config.maxStreams).toBe(1000);
    expect(config.platforms[0]?.hold.perSourceBytes).toBe(2 * 1024 ** 2);
    expect(config.platforms[0]?.vms[0]?.listeners[0]).toMatchObject({ maxPerSource: 7, maxStreams: 70 });
  });

  it('as many as the processes can carry -> taken', () => {
    expect(load('maxStreams: 65536', '', '').maxStreams).toBe(65_536);
    expect(load('workers: 2\nmaxStreams: 131072', '', '').maxStreams).toBe(131_072);
  });

  it.each([
    ['maxStreams: 0', '', '', 'a whole number from 1'],
    ['maxStreams: 65537', '', '', 'a process carries 65536 streams at most: write no more than 65536, or workers: 2'],
    ['workers: 2\nmaxStreams: 131073', '', '', 'write no more than 131072, or workers: 3'],
    ['', 'hold: { perSource: 1KiB }', '', 'write 4KiB or more'],
    ['', 'hold: { perSource: 128MiB }', '', 'one source may hold more than the whole platform'],
    ['', '', ', maxPerSource: 0', 'a whole number from 1'],
    ['', '', ', maxPerSource: 71, maxStreams: 70', 'one source may have more streams than all together'],
  ])('%s %s %s -> refused: %s', (top, platform, listener, expected) => {
    expect(() => load(top, platform, listener)).toThrow(expected);
  });
});
