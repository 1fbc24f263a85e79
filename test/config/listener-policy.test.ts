// What a listener says about who may wake, what counts and what its kind brings: defaults, explicit values, refusals.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import type { ListenerConfig, TorporConfig } from '../../src/config/torpor-config.ts';

const CONFIG = (options: string, platform = '') => `platforms:
  - name: lab
${platform}    power:
      bmc: { driver: ipmi, host: lab-bmc.example, user: torpor, passwordEnv: LAB_BMC }
    vms:
      - name: one
        listeners:
          - { listen: "127.0.0.1:2222", target: "10.0.0.7:22"${options === '' ? '' : `, ${options}`} }
`;
const HOUR_MS = 3_600_000;

function load(options: string, platform = ''): { config: TorporConfig; warnings: readonly string[] } {
  return parseConfig(CONFIG(options, platform), 'torpor.yaml', '/etc/torpor');
}

function listenerOf(options: string, platform = ''): ListenerConfig {
  return load(options, platform).config.platforms[0]?.vms[0]?.listeners[0] as ListenerConfig;
}

function refusalOf(options: string): string {
  try {
    load(options);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

const MINUTE_MS = 60_000;
/** What each kind brings, as docs/listeners.md promises it. */
const KINDS = [
  ['desktop', 10, 'connect', 'tcp'],
  ['terminal', 10, 'connect', 'tcp'],
  ['printer', 1, 'input', 'none'],
  ['disk', 5, 'connect', 'tcp'],
  ['serial', 10, 'input', 'none'],
  ['web', 5, 'preface', 'tcp'],
] as const;

describe('device kinds', () => {
  it.each(KINDS)('%s -> idle after %d min, wakes on %s, probe %s', (device, idleMinutes, wakeOn, probe) => {
    expect(listenerOf(`device: ${device}`)).toMatchObject({
      device,
      idleTimeoutMs: idleMinutes * MINUTE_MS,
      wakeOn,
      activity: 'learned',
      policy: { viewing: 'ignore' },
      probe: { kind: probe },
    });
  });

  it.each(KINDS)('%s with explicit keys -> the keys win', (device) => {
    const explicit = 'idleTimeout: 7m, wakeOn: connect, activity: learned, viewing: active, probe: icmp';
    expect(listenerOf(`device: ${device}, ${explicit}`)).toMatchObject({
      idleTimeoutMs: 7 * MINUTE_MS,
      wakeOn: 'connect',
      activity: 'learned',
      policy: { viewing: 'active' },
      probe: { kind: 'icmp' },
    });
  });

  it("idleTimeout of the platform -> over the kind's, under the listener's", () => {
    const platform = '    idleTimeout: 20m\n';
    expect(listenerOf('device: printer', platform).idleTimeoutMs).toBe(20 * MINUTE_MS);
    expect(listenerOf('device: printer, idleTimeout: 30s', platform).idleTimeoutMs).toBe(30_000);
  });

  it('device: web, protocol left out -> no warning: any first byte is meant', () => {
    expect(load('device: web').warnings).toEqual([]);
  });
});

describe('switches', () => {
  it('left out -> the safe default of each', () => {
    expect(listenerOf('').policy).toEqual({
      viewing: 'ignore',
      work: { fromClientBytes: null, fromServerBytes: 131_072, windowMs: 5000 },
      periodicInput: 'moves',
      periodicRequests: 'ignore',
      polls: [],
    });
  });

  it('given -> as written', () => {
    const work = 'work: { fromClient: 64KiB, fromServer: 1MiB, window: 10s }';
    const options = `activity: learned, protocol: http, viewing: active, ${work}, periodicInput: ignore, periodicRequests: active, polls: ["GET /health"]`;
    expect(listenerOf(options).policy).toEqual({
      viewing: 'active',
      work: { fromClientBytes: 65_536, fromServerBytes: 1_048_576, windowMs: 10_000 },
      periodicInput: 'ignore',
      periodicRequests: 'active',
      polls: ['GET /health'],
    });
  });

  it.each([
    ['viewing: yes', 'is not known: write one of active, ignore'],
    ['activity: learned, periodicInput: never', '"never" is not known: write one of active, moves, ignore'],
    ['viewing: active, work: { fromServer: 100 }', '100 has no unit'],
    ['viewing: active, work: { fromServer: 1B }', '1B is too small'],
    ['work: { fromServer: 1MiB }', 'work.fromServer: what a server sends never counts (viewing: ignore)'],
    ['activity: every-byte, work: { fromClient: 1MiB }', 'work.fromClient: every byte of the client counts'],
    ['work: { rate: 1MiB }', 'unknown key `rate`'],
    [
      'activity: every-byte, periodicInput: moves',
      'periodicInput: every byte of the client counts (activity: every-byte)',
    ],
    [
      'activity: every-byte, periodicInput: ignore',
      'periodicInput: every byte of the client counts (activity: every-byte)',
    ],
    [
      'activity: every-byte, periodicRequests: ignore',
      'periodicRequests: every byte of the client counts (activity: every-byte)',
    ],
    ['activity: every-byte, polls: ["GET /"]', 'polls: every byte of the client counts (activity: every-byte)'],
    ['activity: learned, protocol: ssh, polls: ["GET /"]', 'polls are HTTP requests, and the protocol is ssh'],
    ['activity: learned, polls: ["/health"]', 'polls[0]: "/health" does not fit: write a method and a path'],
    ['activity: learned, polls: ["GET /a?b=c"]', 'polls[0]: "GET /a?b=c" does not fit'],
  ])('%s -> refused: %s', (options, what) => {
    expect(refusalOf(options)).toContain(what);
  });
});

describe('record', () => {
  it('left out -> nothing is recorded; given -> where and how much', () => {
    expect(listenerOf('').record).toBe(false);
    expect(listenerOf('record: true').record).toBe(true);
    const text = `record: { folder: traces, maxFiles: 5, maxFileSize: 1MiB }\n${CONFIG('record: true')}`;
    expect(parseConfig(text, 'torpor.yaml', '/etc/torpor').config.record).toEqual({
      folder: '/etc/torpor/traces',
      maxFiles: 5,
      maxFileBytes: 1_048_576,
    });
  });

  it.each([
    ['record: yes', '"yes" is neither: write true or false'],
    ['record:', 'is empty: write true or false'],
  ])('%s -> refused: %s', (options, what) => {
    expect(refusalOf(options)).toContain(what);
  });
});

describe('allowFrom', () => {
  it('networks and an address, IPv4 and IPv6 -> their bytes', () => {
    const { allowFrom } = listenerOf('allowFrom: [10.0.0.0/8, "2001:db8::/32", 192.0.2.7]');
    expect(allowFrom).toEqual([
      { bytes: Uint8Array.of(10, 0, 0, 0), prefixBits: 8 },
      { bytes: Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), prefixBits: 32 },
      { bytes: Uint8Array.of(192, 0, 2, 7), prefixBits: 32 },
    ]);
    expect(listenerOf('').allowFrom).toBeNull();
  });

  it.each([
    [
      '[10.0.0.5/8]',
      'allowFrom[0]: "10.0.0.5/8" is no network: it has bits beyond its prefix: write 10.0.0.0/8 for that network, or 10.0.0.5',
    ],
    ['[10.0.0.0/33]', 'allowFrom[0]: "10.0.0.0/33" is no network: the prefix is 0 to 32 bits'],
    ['["2001:db8::/129"]', '"2001:db8::/129" is no network: the prefix is 0 to 128 bits'],
    ['["::ffff:10.0.0.0/104"]', 'write the IPv4 network itself'],
    ['[10.0.0.0/x]', 'the prefix is 0 to 32 bits'],
    ['[office]', '"office" is no network: write a network such as 10.0.0.0/8'],
    ['[10.0.0.0/8/8]', 'is no network: write a network such as'],
    ['[10]', '10 is no network: write a network such as 10.0.0.0/8, or an address'],
    ['[]', 'allowFrom: the list is empty, so nobody could connect'],
    ['10.0.0.0/8', '"10.0.0.0/8" stands where a list belongs'],
  ])('%s -> refused: %s', (value, what) => {
    expect(refusalOf(`allowFrom: ${value}`)).toContain(what);
  });
});

describe('wakeRate', () => {
  it('left out -> bounded where the listener asks for more than a connection', () => {
    expect(listenerOf('').wakeRate).toBeNull();
    expect(listenerOf('protocol: ssh, wakeOn: preface').wakeRate).toEqual({ count: 20, perMs: HOUR_MS });
    expect(listenerOf('wakeOn: input').wakeRate).toEqual({ count: 20, perMs: HOUR_MS });
  });

  it('given, and none -> as written', () => {
    expect(listenerOf('wakeRate: { count: 3, per: 10m }').wakeRate).toEqual({ count: 3, perMs: 600_000 });
    expect(listenerOf('wakeOn: input, wakeRate: none').wakeRate).toBeNull();
  });

  it.each([
    ['{ count: 0, per: 1m }', 'wakeRate.count: 0 is not one: write a whole number from 1 to 100'],
    ['{ count: 3 }', 'wakeRate.per: is missing'],
    ['{ count: 3, per: 10ms }', 'wakeRate.per: 10ms is too short'],
    ['5', 'wakeRate: 5 stands where a mapping belongs'],
    ['', 'wakeRate: is empty: write a mapping'],
    ['{ cont: 3, per: 1m }', 'unknown key `cont`; did you mean `count`?'],
  ])('%s -> refused: %s', (value, what) => {
    expect(refusalOf(`wakeRate: ${value}`)).toContain(what);
  });
});

describe('banner and preface', () => {
  it('banner: serve with rfb and preface -> taken', () => {
    const { config, warnings } = load('protocol: rfb, wakeOn: preface, banner: serve');
    expect(config.platforms[0]?.vms[0]?.listeners[0]?.banner).toBe('serve');
    expect(warnings).toEqual([]);
    expect(listenerOf('').banner).toBe('none');
  });

  it.each(['banner: serve', 'banner: serve, protocol: rfb', 'banner: serve, protocol: ssh, wakeOn: preface'])(
    '%s -> refused: nothing to serve',
    (options) => {
      expect(refusalOf(options)).toContain('banner: a banner is served with protocol: rfb and wakeOn: preface only');
    },
  );

  it.each([
    ['wakeOn: preface', 'any first byte is a preface of protocol auto'],
    ['wakeOn: preface, protocol: raw', 'any first byte is a preface of protocol raw'],
    ['wakeOn: preface, protocol: rfb', 'any connection wakes it: write banner: serve, or allowFrom'],
    ['wakeOn: preface, protocol: telnet', 'any connection wakes it: write allowFrom, or wakeOn: input'],
  ])('%s -> taken, with a warning', (options, what) => {
    const { warnings } = load(options);
    expect(warnings).toEqual([expect.stringContaining(what)]);
    expect(warnings[0]).toContain('torpor.yaml:8: platforms[0].vms[0].listeners[0].wakeOn');
  });

  it.each(['wakeOn: preface, protocol: ssh', 'wakeOn: preface, protocol: rfb, allowFrom: [10.0.0.0/8]'])(
    '%s -> no warning',
    (options) => {
      expect(load(options).warnings).toEqual([]);
    },
  );
});
