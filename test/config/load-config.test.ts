// The configuration from YAML: the contract's example, every default, and every kind of problem with its line.
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NO_INHIBITORS } from '../../src/config/inhibitors-config.ts';
import { loadConfig, parseConfig } from '../../src/config/load-config.ts';
import type { TorporError } from '../../src/platform/errors.ts';
import { TempFolder } from '../support/temp-folder.ts';

/** The example of the outside contract. */
const EXAMPLE = `api: { listen: "127.0.0.1:7070" }
stateDir: /var/lib/torpor
platforms:
  - name: vdi-01
    mode: armed               # observe (default) | armed
    idleTimeout: 10m          # of a stream, from its last activity; ms, s, m, h
    drowsyFor: 30s            # abort window between "all idle" and the request to sleep
    minAwake: 5m
    power:
      sleep: S3               # S3 | S5
      wakeTimeout: 60s
      suspendTimeout: 60s
      bmc: { driver: ipmi, host: 10.0.9.11, port: 623, user: torpor, passwordFile: /run/secrets/vdi-01, cipherSuite: 17 }
      watts: { busy: 320, idle: 180, asleep: 9 }
    vms:
      - name: alice
        identity: { command: "ssh alice cat /proc/sys/kernel/random/boot_id" }   # optional
        listeners:
          - { listen: "0.0.0.0:13389", target: "10.0.1.21:3389", protocol: auto, device: desktop, wakeOn: connect, probe: tcp }
`;

/** One platform with as little as can be said. */
const LEAST = `platforms:
  - name: lab
    power:
      bmc: { driver: ipmi, host: lab-bmc.example, user: torpor, passwordEnv: LAB_BMC }
    vms:
      - name: one
        listeners:
          - { listen: "127.0.0.1:2222", target: "10.0.0.7:22" }
`;

function parse(text: string) {
  return parseConfig(text, 'torpor.yaml', '/etc/torpor');
}

/** The error of a text that is refused. */
function refusal(text: string): TorporError {
  try {
    parse(text);
  } catch (error) {
    return error as TorporError;
  }
  throw new Error('it was accepted');
}

/** LEAST with one line replaced. */
function leastWith(line: string, replacement: string): string {
  expect(LEAST).toContain(line);
  return LEAST.replace(line, replacement);
}

function listenerOf(options: string) {
  const text = leastWith('target: "10.0.0.7:22" }', `target: "10.0.0.7:22", ${options} }`);
  return parse(text).config.platforms[0]?.vms[0]?.listeners[0];
}

describe('configuration', () => {
  it('the example of the contract -> typed, with units, no warning', () => {
    const { config, warnings } = parse(EXAMPLE);
    expect(warnings).toEqual([]);
    expect(config).toEqual({
      api: { listen: { host: '127.0.0.1', port: 7070 }, tokensFile: null, tls: null },
      stateDir: '/var/lib/torpor',
      workers: 1,
      maxStreams: 50_000,
      log: { level: 'info' },
      record: { folder: '/var/lib/torpor/traces', maxFiles: 100, maxFileBytes: 4_194_304 },
      history: { keepMs: 400 * 86_400_000, maxBytes: 512 * 1024 ** 2, sampleEveryMs: 60_000 },
      energy: {
        price: 0.3,
        currency: 'EUR',
        co2eKgPerKwh: 0.38,
        ownWatts: 6,
        timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
      },
      link: null,
      farm: null,
      circuits: [],
      pools: [],
      integrations: { mqtt: null, webhooks: [] },
      platforms: [
        {
          name: 'vdi-01',
          mode: 'armed',
          idleTimeoutMs: 600_000,
          idlePolicy: 'fixed',
          idleCosts: {
            busyWatts: 320,
            idleWatts: 180,
            asleepWatts: 9,
            transitionWatts: 180,
            suspendMs: 5000,
            resumeMs: 8000,
            pricePerKwh: 0.3,
            pricePerWait: 0.02,
            pricePerCycle: 0.001,
          },
          calendars: [],
          disconnectGraceMs: 5000,
          drowsyForMs: 30_000,
          minAwakeMs: 300_000,
          clientWaitMs: null,
          circuit: null,
          hold: { perStreamBytes: 1_048_576, perPlatformBytes: 67_108_864, perSourceBytes: 33_554_432 },
          hooks: { beforeSuspend: null, afterWake: null, timeoutMs: 300_000 },
          context: { saveVms: null, identity: null },
          power: {
            sleep: 'S3',
            wakeTimeoutMs: 60_000,
            suspendTimeoutMs: 60_000,
            bmc: {
              driver: 'ipmi',
              host: '10.0.9.11',
              port: 623,
              user: 'torpor',
              password: { kind: 'file', path: '/run/secrets/vdi-01' },
              kg: null,
              cipherSuite: 17,
            },
            host: null,
            wol: null,
            sleepBy: 'bmc',
            wakeBy: ['bmc'],
            stateBy: 'bmc',
            watts: { inrush: null, busy: 320, idle: 180, asleep: 9 },
          },
          sel: { transitions: false, clients: false, perHour: 60 },
          inhibitors: NO_INHIBITORS,
          vms: [
            {
              name: 'alice',
              identity: { kind: 'command', command: 'ssh alice cat /proc/sys/kernel/random/boot_id', match: null },
              listeners: [
                {
                  listen: { host: '0.0.0.0', port: 13_389 },
                  target: { host: '10.0.1.21', port: 3389 },
                  protocol: 'auto',
                  device: 'desktop',
                  wakeOn: 'connect',
                  allowFrom: null,
                  wakeRate: null,
                  banner: 'none',
                  defer: null,
                  waitingPage: 'off',
                  idleTimeoutMs: 600_000,
                  activity: 'learned',
                  policy: {
                    viewing: 'ignore',
                    work: { fromClientBytes: null, fromServerBytes: 131_072, windowMs: 5000 },
                    periodicInput: 'moves',
                    periodicRequests: 'ignore',
                    polls: [],
                  },
                  record: false,
                  onKeepalive: 'hold',
                  keepaliveWaitMs: 30_000,
                  probe: { kind: 'tcp', send: null, expect: null, command: null, timeoutMs: 2000 },
                  proxyProtocol: { acceptFrom: null, send: null },
                  webSocket: null,
                  door: null,
                  routed: null,
                  link: null,
                  maxPerSource: null,
                  maxStreams: null,
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it('as little as can be said -> the defaults of the contract', () => {
    const { config } = parse(LEAST);
    const platform = config.platforms[0];
    expect(config.api.listen).toEqual({ host: '127.0.0.1', port: 7070 });
    expect(config.stateDir).toBe('/var/lib/torpor');
    expect(config.log.level).toBe('info');
    expect(platform).toMatchObject({
      mode: 'observe',
      idleTimeoutMs: 600_000,
      disconnectGraceMs: 5000,
      drowsyForMs: 30_000,
      minAwakeMs: 300_000,
      hold: { perStreamBytes: 1024 ** 2, perPlatformBytes: 64 * 1024 ** 2 },
      hooks: { beforeSuspend: null, afterWake: null, timeoutMs: 300_000 },
    });
    expect(platform?.power).toMatchObject({
      sleep: 'S3',
      wakeTimeoutMs: 60_000,
      suspendTimeoutMs: 60_000,
      watts: { inrush: null, busy: null, idle: null, asleep: null },
      bmc: { port: 623, cipherSuite: 'auto', kg: null, password: { kind: 'env', name: 'LAB_BMC' } },
    });
    expect(platform?.vms[0]?.identity).toBeNull();
    expect(platform?.vms[0]?.listeners[0]).toMatchObject({
      protocol: 'auto',
      device: 'desktop',
      wakeOn: 'connect',
      activity: 'learned',
      onKeepalive: 'hold',
      keepaliveWaitMs: 30_000,
      probe: { kind: 'tcp' },
      maxStreams: null,
    });
  });

  it.each([
    ['onKeepalive: wake, activity: learned', { onKeepalive: 'wake', keepaliveWaitMs: 30_000 }],
    ['onKeepalive: close, activity: learned, keepaliveWait: 1s', { onKeepalive: 'close', keepaliveWaitMs: 1000 }],
    ['onKeepalive: hold', { onKeepalive: 'hold' }],
  ])('listener with %s -> taken', (options, expected) => {
    expect(listenerOf(options)).toMatchObject(expected);
  });

  it.each([
    ['onKeepalive: wake, activity: every-byte', /write activity: learned/],
    ['onKeepalive: close, activity: every-byte', /write activity: learned/],
    ['onKeepalive: answer, activity: learned', /one of hold, wake, close/],
    ['keepaliveWait: 10ms', /too short: write 1000ms or more/],
  ])('listener with %s -> refused', (options, problem) => {
    expect(() => listenerOf(options)).toThrow(problem);
  });

  it.each([
    ['device: printer', 'none'],
    ['device: serial', 'none'],
    ['device: disk', 'tcp'],
    ['device: printer, probe: tcp', 'tcp'],
    ['device: printer, probe: icmp', 'icmp'],
  ])('listener with %s -> probe %s', (options, kind) => {
    expect(listenerOf(options)?.probe.kind).toBe(kind);
  });

  it.each([
    ['{ listen: "0.0.0.0:7070" }', /beyond loopback the API asks for tokens/],
    ['{ tls: { cert: a.pem } }', /key.*is missing/],
  ])('api: %s -> refused', (api, what) => {
    expect(() => parse(EXAMPLE.replace('{ listen: "127.0.0.1:7070" }', api))).toThrow(what);
  });

  it('api: tokens and TLS -> absolute paths; tokens in the clear beyond loopback -> a warning', () => {
    const withApi = (api: string) => parse(EXAMPLE.replace('{ listen: "127.0.0.1:7070" }', api));
    const safe = withApi('{ listen: "0.0.0.0:7070", tokensFile: tokens, tls: { cert: a.pem, key: /b.pem } }');
    expect(safe.warnings).toEqual([]);
    expect(safe.config.api.tokensFile).toMatch(/^\/.*tokens$/);
    expect(safe.config.api.tls).toEqual({ cert: expect.stringMatching(/^\/.*a\.pem$/), key: '/b.pem' });
    expect(withApi('{ listen: "0.0.0.0:7070", tokensFile: tokens }').warnings.join()).toContain('in the clear');
  });

  it('target port 9100 -> no probe: a printer prints whatever connects', () => {
    const { config } = parse(LEAST.replace('10.0.0.7:22', '10.0.0.7:9100'));
    expect(config.platforms[0]?.vms[0]?.listeners[0]?.probe.kind).toBe('none');
  });

  it('probe as a mapping -> all its fields; a command gets more time', () => {
    expect(listenerOf('probe: { kind: exchange, send: "hi\\n", expect: ok, timeout: 500ms }')?.probe).toEqual({
      kind: 'exchange',
      send: 'hi\n',
      expect: 'ok',
      command: null,
      timeoutMs: 500,
    });
    expect(listenerOf('probe: { kind: command, command: "ssh one true" }')?.probe).toEqual({
      kind: 'command',
      send: null,
      expect: null,
      command: 'ssh one true',
      timeoutMs: 5000,
    });
  });

  it('IPv6 addresses -> without brackets', () => {
    const { config } = parse(LEAST.replace('127.0.0.1:2222', '[::1]:2222').replace('10.0.0.7:22', '[2001:db8::7]:22'));
    const listener = config.platforms[0]?.vms[0]?.listeners[0];
    expect(listener?.listen).toEqual({ host: '::1', port: 2222 });
    expect(listener?.target).toEqual({ host: '2001:db8::7', port: 22 });
  });

  it('relative paths -> from the folder of the file', () => {
    const text = leastWith('passwordEnv: LAB_BMC', 'passwordFile: secrets/lab');
    const { config } = parse(`stateDir: state\n${text}`);
    expect(config.stateDir).toBe('/etc/torpor/state');
    expect(config.platforms[0]?.power.bmc?.password).toEqual({ kind: 'file', path: '/etc/torpor/secrets/lab' });
  });

  it('anchors and aliases -> resolved', () => {
    const text = `x: 1`;
    expect(refusal(`${text}\n${LEAST}`).message).toContain('unknown key `x`');
    const aliased = LEAST.replace('name: lab', 'name: lab\n    idleTimeout: &short 90s\n    drowsyFor: *short');
    expect(parse(aliased).config.platforms[0]).toMatchObject({ idleTimeoutMs: 90_000, drowsyForMs: 90_000 });
  });

  it('nothing in it ever holds the password -> only where it is read from', () => {
    expect(JSON.stringify(parse(EXAMPLE).config)).toContain('/run/secrets/vdi-01');
    expect(Object.keys(parse(LEAST).config.platforms[0]?.power.bmc ?? {})).toEqual([
      'driver',
      'host',
      'port',
      'user',
      'password',
      'kg',
      'cipherSuite',
    ]);
  });
});

describe('warnings', () => {
  it('no listener has a probe -> accepted, with file and line', () => {
    const { warnings } = parse(leastWith('target: "10.0.0.7:22" }', 'target: "10.0.0.7:22", probe: none }'));
    expect(warnings).toEqual([
      'torpor.yaml:2: platforms[0]: no listener has a probe, so only the BMC can tell whether it runs: ' +
        'give one listener a probe, such as probe: tcp',
    ]);
  });

  it('no VM at all, observed -> accepted, with a warning', () => {
    const text = LEAST.slice(0, LEAST.indexOf('    vms:'));
    expect(parse(text).warnings).toEqual([
      'torpor.yaml:2: platforms[0]: has no listener, so no client can be seen: it is only observed',
    ]);
  });

  it('no VM at all, armed -> refused: it would look idle for ever', () => {
    const text = LEAST.slice(0, LEAST.indexOf('    vms:')).replace('name: lab', 'name: lab\n    mode: armed');
    expect(refusal(text).message).toBe(
      'torpor.yaml:3: platforms[0].mode: an armed platform without a listener would always look idle: ' +
        'write vms with listeners, or mode: observe',
    );
  });
});

describe('problems', () => {
  it('names, references and addresses that are mappings with a toString of their own -> refused by line, no TypeError', () => {
    const odd = '{ toString: "" }';
    const listener = `{ listen: ${odd}, allowFrom: [${odd}], link: { service: ${odd} }, pool: ${odd}, routes: [{ sni: ${odd}, vm: ${odd} }] }`;
    const text = [
      `circuits: [{ name: ${odd} }]`,
      `pools: [{ name: ${odd}, platforms: [${odd}], vms: [${odd}] }]`,
      `platforms: [{ name: ${odd}, circuit: ${odd}, idlePolicy: ${odd}, idleTimeout: 1m, vms: [{ name: ${odd}, listeners: [${listener}] }] }]`,
    ].join('\n');
    expect(refusal(text).code).toBe('ERR_CONFIG_INVALID');
  });

  it('a mistyped key -> its line and the nearest name', () => {
    const error = refusal(leastWith('name: lab', 'name: lab\n    idleTimeot: 10m'));
    expect(error.code).toBe('ERR_CONFIG_INVALID');
    expect(error.message).toBe('torpor.yaml:3: platforms[0]: unknown key `idleTimeot`; did you mean `idleTimeout`?');
  });

  it.each([
    ['stateDirr: /x', 'unknown key `stateDirr`; did you mean `stateDir`?'],
    ['platfroms: []', 'unknown key `platfroms`; did you mean `platforms`?'],
    ['API: {}', 'unknown key `API`; did you mean `api`?'],
    [
      'wibble: 1',
      'unknown key `wibble`; known here: api, stateDir, workers, maxStreams, log, record, history, energy, mqtt, webhooks, link, farm, circuits, pools, platforms',
    ],
    [
      '"a\\u0007b": 1',
      'unknown key `a\\u0007b`; known here: api, stateDir, workers, maxStreams, log, record, history, energy, mqtt, webhooks, link, farm, circuits, pools, platforms',
    ],
    [
      '__proto__: {}',
      'unknown key `__proto__`; known here: api, stateDir, workers, maxStreams, log, record, history, energy, mqtt, webhooks, link, farm, circuits, pools, platforms',
    ],
  ])('top level %s -> %s', (line, what) => {
    expect(refusal(`${line}\n${LEAST}`).message).toBe(`torpor.yaml:1: ${what}`);
  });

  it('a password in the file -> refused without showing it', () => {
    const error = refusal(leastWith('passwordEnv: LAB_BMC', 'password: hunter2'));
    expect(error.message).toContain('a password does not stand in this file: write passwordFile or passwordEnv');
    expect(error.message).not.toContain('hunter2');
  });

  it('a password where a variable name belongs -> refused without showing it', () => {
    const error = refusal(leastWith('passwordEnv: LAB_BMC', 'passwordEnv: "hunter2!"'));
    expect(error.message).toContain('power.bmc.passwordEnv: the value does not fit');
    expect(error.message).not.toContain('hunter2');
  });

  it.each<[string, string, string]>([
    ['name: lab', 'name: Lab_1', ':2: platforms[0].name: "Lab_1" does not fit: write a name of lower-case letters'],
    ['name: lab', 'name: 12', ':2: platforms[0].name: 12 is no text: write it in quotes'],
    ['name: lab', 'name:', ':2: platforms[0].name: is empty: write a name'],
    ['name: lab', 'mode: observe', ':2: platforms[0].name: is missing: write a name'],
    [
      'name: lab',
      'name: lab\n    mode: army',
      ':3: platforms[0].mode: "army" is not known: write one of observe, armed',
    ],
    [
      'name: lab',
      'name: lab\n    drowsyFor: 30',
      ':3: platforms[0].drowsyFor: 30 has no unit: write a number and a unit',
    ],
    ['name: lab', 'name: lab\n    minAwake: soon', ':3: platforms[0].minAwake: "soon" is no duration: write a number'],
    ['name: lab', 'name: lab\n    idleTimeout: 0s', ':3: platforms[0].idleTimeout: 0s is too short: write 1ms or more'],
    [
      'name: lab',
      'name: lab\n    idleTimeout: 25d',
      ':3: platforms[0].idleTimeout: 25d is too long: write 24d or less',
    ],
    ['name: lab', 'name: lab\n    hold:', ':3: platforms[0].hold: is empty: write a mapping (key: value), or leave'],
    [
      'name: lab',
      'name: lab\n    hold: { perStream: 1MB }',
      ':3: platforms[0].hold.perStream: "1MB" is no size: write',
    ],
    [
      'name: lab',
      'name: lab\n    hold: { perStream: 1KiB }',
      ':3: platforms[0].hold.perStream: 1KiB is too small: write 4KiB',
    ],
    [
      'name: lab',
      'name: lab\n    hold: { perStream: 8MiB, perPlatform: 1MiB }',
      ':3: platforms[0].hold.perPlatform: one stream may hold more than the whole platform',
    ],
    [
      'name: lab',
      'name: lab\n    hooks: { beforeSuspend: " " }',
      ':3: platforms[0].hooks.beforeSuspend: the command line is blank',
    ],
    [
      'host: lab-bmc.example',
      'host: "10.0.0.1:623"',
      ':4: platforms[0].power.bmc.host: "10.0.0.1:623" is no host; the port has its own key',
    ],
    ['host: lab-bmc.example', 'host: 10.0.0.256', ':4: platforms[0].power.bmc.host: "10.0.0.256" is no host: write'],
    [
      'driver: ipmi',
      'driver: telnet',
      ':4: platforms[0].power.bmc.driver: "telnet" is not known: write one of ipmi, redfish',
    ],
    [
      'user: torpor',
      'user: seventeen-letters',
      ':4: platforms[0].power.bmc.user: "seventeen-letters" does not fit: write a user name of the BMC, 1 to 16',
    ],
    [
      'user: torpor',
      'user: torpor, cipherSuite: 0',
      ':4: platforms[0].power.bmc.cipherSuite: 0 is not supported: write auto, 17, 3, 16 or 2',
    ],
    [
      'user: torpor',
      'user: torpor, port: 70000',
      ':4: platforms[0].power.bmc.port: 70000 is not one: write a whole number from 1 to 65535',
    ],
    [
      'user: torpor, passwordEnv: LAB_BMC',
      'user: torpor',
      ':4: platforms[0].power.bmc: the password is missing: write passwordFile',
    ],
    [
      'user: torpor',
      'user: torpor, passwordFile: /x',
      ':4: platforms[0].power.bmc: passwordFile and passwordEnv exclude each other',
    ],
    ['"127.0.0.1:2222"', '2222', ':8: platforms[0].vms[0].listeners[0].listen: 2222 is no address: write host:port'],
    [
      '"127.0.0.1:2222"',
      '":2222"',
      ':8: platforms[0].vms[0].listeners[0].listen: ":2222" is no address: the host is missing',
    ],
    [
      '"127.0.0.1:2222"',
      '"::1:2222"',
      ':8: platforms[0].vms[0].listeners[0].listen: "::1:2222" is no address: an IPv6 address stands in brackets',
    ],
    [
      '"127.0.0.1:2222"',
      '"127.0.0.1:7070"',
      ':8: platforms[0].vms[0].listeners[0].listen: 127.0.0.1:7070 is already taken by the API',
    ],
    [
      '"10.0.0.7:22"',
      '"10.0.0.7"',
      ':8: platforms[0].vms[0].listeners[0].target: "10.0.0.7" is no address: the port is missing',
    ],
    [
      '"10.0.0.7:22"',
      '"10.0.0.7:0"',
      ':8: platforms[0].vms[0].listeners[0].target: 10.0.0.7:0 has port 0: write host:port',
    ],
    [
      '"10.0.0.7:22"',
      '"10.0.0.7:65536"',
      ':8: platforms[0].vms[0].listeners[0].target: "10.0.0.7:65536" is no address',
    ],
    [
      '"10.0.0.7:22"',
      '"127.0.0.1:2222"',
      ':8: platforms[0].vms[0].listeners[0].target: 127.0.0.1:2222 is Torpor itself',
    ],
    [
      '"10.0.0.7:22" }',
      '"10.0.0.7:22", probe: command }',
      ':8: platforms[0].vms[0].listeners[0].probe: a command probe needs its command',
    ],
    [
      '"10.0.0.7:22" }',
      '"10.0.0.7:22", probe: { kind: tcp, send: x } }',
      ':8: platforms[0].vms[0].listeners[0].probe.send: `send` means nothing to a "tcp" probe',
    ],
    [
      '"10.0.0.7:22" }',
      '"10.0.0.7:22", probe: tpc }',
      ':8: platforms[0].vms[0].listeners[0].probe: "tpc" is not known: write one of tcp',
    ],
    [
      '"10.0.0.7:22" }',
      '"10.0.0.7:22", maxStreams: 0 }',
      ':8: platforms[0].vms[0].listeners[0].maxStreams: 0 is not one: write a whole',
    ],
    ['    vms:', '    vms: 3\n    x:', ':5: platforms[0].vms: 3 stands where a list belongs: write a list'],
    [
      '      - name: one',
      '      - one\n      - name: one',
      ':6: platforms[0].vms[0]: "one" stands where a mapping belongs',
    ],
  ])('%s replaced by %j -> %s', (line, replacement, expected) => {
    const error = refusal(leastWith(line, replacement));
    expect(error.code).toBe('ERR_CONFIG_INVALID');
    expect(error.message).toContain(`torpor.yaml${expected}`);
  });

  it.each([
    ['0.0.0.0:2222', '127.0.0.1:2222'],
    ['[::]:2222', '127.0.0.1:2222'],
    ['127.0.0.1:2222', '127.0.0.1:2222'],
  ])('listeners on %s and %s -> the second is refused', (first, second) => {
    const two = LEAST.replace(
      '{ listen: "127.0.0.1:2222", target: "10.0.0.7:22" }',
      `{ listen: "${first}", target: "10.0.0.7:22" }\n          - { listen: "${second}", target: "10.0.0.7:23" }`,
    );
    expect(refusal(two).message).toBe(
      `torpor.yaml:9: platforms[0].vms[0].listeners[1].listen: ${second} is already taken by ` +
        'platforms[0].vms[0].listeners[0]: write another address or port',
    );
  });

  it('listeners on port 0 -> never clash', () => {
    const two = LEAST.replace(
      '{ listen: "127.0.0.1:2222", target: "10.0.0.7:22" }',
      '{ listen: "127.0.0.1:0", target: "10.0.0.7:22" }\n          - { listen: "127.0.0.1:0", target: "10.0.0.7:23" }',
    );
    expect(parse(two).config.platforms[0]?.vms[0]?.listeners).toHaveLength(2);
  });

  it('two platforms of one name and one BMC -> both told', () => {
    const twice = `${LEAST}${LEAST.replace('platforms:\n', '').replace('2222', '2223')}`;
    expect(refusal(twice).message.split('\n')).toEqual([
      'torpor.yaml:9: platforms[1].name: another platform is called "lab": write another name',
      'torpor.yaml:11: platforms[1].power.bmc.host: lab-bmc.example:623 is the BMC of platforms[0] already, ' +
        'and a BMC has one platform: write its own',
    ]);
  });

  it('watts in the wrong order -> told', () => {
    const text = leastWith(
      'passwordEnv: LAB_BMC }',
      'passwordEnv: LAB_BMC }\n      watts: { busy: 100, idle: 180, asleep: 180 }',
    );
    expect(refusal(text).message.split('\n')).toEqual([
      'torpor.yaml:5: platforms[0].power.watts.idle: 180 is not below busy (100): write what was measured',
      'torpor.yaml:5: platforms[0].power.watts.asleep: 180 is not below idle (180): write what was measured',
    ]);
  });

  it('several problems -> all of them, in the order of their lines', () => {
    const text = `stateDirr: x
platforms:
  - name: lab
    mode: army
    power:
      bmc: { driver: ipmi, host: a, user: torpor, passwordEnv: P }
    vms:
      - name: one
        listeners:
          - { listen: "127.0.0.1:2222", target: "10.0.0.7" }
  - 5
`;
    expect(
      refusal(text)
        .message.split('\n')
        .map((line) => line.split(': ').slice(0, 2).join(': ')),
    ).toEqual([
      'torpor.yaml:1: unknown key `stateDirr`; did you mean `stateDir`?',
      'torpor.yaml:4: platforms[0].mode',
      'torpor.yaml:10: platforms[0].vms[0].listeners[0].target',
      'torpor.yaml:11: platforms[1]',
    ]);
  });

  it('more problems than anybody reads -> the first fifty and a count', () => {
    const text = `platforms:\n${'  - 5\n'.repeat(80)}`;
    const lines = refusal(text).message.split('\n');
    expect(lines).toHaveLength(51);
    expect(lines.at(-1)).toBe('and 30 more');
  });

  it.each(['', '# only a comment\n', '---\n', 'null\n'])('the file %j -> empty', (text) => {
    expect(refusal(text)).toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: 'torpor.yaml: the file is empty: write at least platforms',
    });
  });

  it.each([
    ['- a\n', 'a list stands where a mapping belongs'],
    ['42\n', '42 stands where a mapping belongs'],
    ['api: {}\n', 'platforms: is missing: write a list'],
    ['platforms: []\n', 'platforms: the list is empty: write at least one platform'],
    ['platforms:\n', 'platforms: is empty: write a list'],
  ])('the file %j -> %s', (text, what) => {
    expect(refusal(text).message).toContain(`torpor.yaml:1: ${what}`);
  });
});

describe('syntax errors', () => {
  it.each([
    ['a: [1\nb: 2\n', 'torpor.yaml:2:1: ', '\n  2 | b: 2'],
    ['a:\n\tb: 1\n', 'torpor.yaml:2:1: ', '\n  2 | \tb: 1'],
    ['a: b: c\n', 'torpor.yaml:1:4: ', '\n  1 | a: b: c'],
    ['a: 1\na: 2\n', 'torpor.yaml:2:1: Map keys must be unique', '\n  2 | a: 2'],
    ['a: *nobody\n', 'torpor.yaml:1:4: the alias *nobody names no anchor above it', '\n  1 | a: *nobody'],
    ['a: 1\n---\nb: 2\n', 'torpor.yaml:2:1: ', '\n  2 | ---'],
  ])('%j -> file, line, column and the line', (text, start, end) => {
    const error = refusal(text);
    expect(error.code).toBe('ERR_CONFIG_SYNTAX');
    expect(error.message.startsWith(start)).toBe(true);
    expect(error.message.endsWith(end)).toBe(true);
  });

  it.each([
    'password: "hunter2" x\n',
    'bmc: { password: hunter2: x, user: b\n',
    'my_token : hunter2: 3\n',
    "Secret: 'hunter2' 'x'\n",
    'passwordHash: hunter2: x\n',
  ])('%j -> the line without the secret', (text) => {
    const error = refusal(text);
    expect(error.code).toBe('ERR_CONFIG_SYNTAX');
    expect(error.message).not.toContain('hunter2');
    expect(error.message).toContain('***');
  });

  it('aliases that expand without end -> refused, not expanded', () => {
    const rows = Array.from(
      { length: 12 },
      (_, row) => `a${row}: &a${row} [${'*a'.concat(String(row - 1), ', ').repeat(9)}]`,
    );
    const text = [`a: &a-1 [x, x]`, ...rows].join('\n');
    expect(refusal(text).code).toBe('ERR_CONFIG_SYNTAX');
  });

  it('nesting without end -> refused', () => {
    expect(refusal('['.repeat(100_000)).code).toBe('ERR_CONFIG_SYNTAX');
  });

  it('an alias of its own anchor -> refused', () => {
    expect(refusal('platforms: &p [*p]\n').code).toMatch(/^ERR_CONFIG_/);
  });
});

describe('the file', () => {
  it('read from disk -> paths from its folder, errors with the path as given', async () => {
    using folder = new TempFolder('config');
    const path = folder.file('torpor.yaml');
    writeFileSync(path, `\ufeff${LEAST.replaceAll('\n', '\r\n')}stateDir: state\r\n`);
    const { config } = await loadConfig(path);
    expect(config.stateDir).toBe(folder.file('state'));
  });

  it('missing -> ERR_CONFIG_READ that says so', async () => {
    await expect(loadConfig('nowhere/torpor.yaml')).rejects.toMatchObject({
      code: 'ERR_CONFIG_READ',
      message: 'cannot read the configuration nowhere/torpor.yaml: there is no such file; give its path with --config',
    });
  });

  it('a folder -> ERR_CONFIG_READ that says so', async () => {
    using folder = new TempFolder('config');
    mkdirSync(folder.file('conf'));
    await expect(loadConfig(folder.file('conf'))).rejects.toMatchObject({
      code: 'ERR_CONFIG_READ',
      message: expect.stringContaining('it is a folder'),
    });
  });

  it('not UTF-8 -> ERR_CONFIG_READ that says so', async () => {
    using folder = new TempFolder('config');
    writeFileSync(folder.file('x.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]));
    await expect(loadConfig(folder.file('x.yaml'))).rejects.toMatchObject({
      code: 'ERR_CONFIG_READ',
      message: expect.stringContaining('it is not UTF-8 text'),
    });
  });

  it('larger than any configuration -> refused before it is read', async () => {
    using folder = new TempFolder('config');
    writeFileSync(folder.file('x.yaml'), Buffer.alloc(4 * 1024 * 1024 + 1, '#'));
    await expect(loadConfig(folder.file('x.yaml'))).rejects.toMatchObject({
      code: 'ERR_CONFIG_READ',
      message: expect.stringContaining('larger than 4 MiB'),
    });
  });

  it('calendars: a file beside the configuration, an URL of one client by IPv6 -> as clients are told of, read each 15 m', () => {
    const text = leastWith(
      '  - name: lab\n',
      `  - name: lab
    idlePolicy: learned
    calendars:
      - { file: holidays.ics }
      - { url: "https://cal.example/alice.ics", client: "fd00::7", every: 1h }
`,
    );
    expect(parse(text).config.platforms[0]?.calendars).toEqual([
      { place: { file: '/etc/torpor/holidays.ics' }, client: null, everyMs: 900_000 },
      { place: { url: 'https://cal.example/alice.ics' }, client: '[fd00::7]', everyMs: 3_600_000 },
    ]);
  });

  it.each([
    ['learned', '{ client: 10.0.0.7 }', /write either file or url/],
    ['learned', '{ file: a.ics, url: "https://cal.example/a" }', /write either file or url/],
    ['fixed', '{ file: a.ics }', /write idlePolicy: learned/],
    ['learned', '{ url: "ftp://cal.example/a" }', /not of HTTP/],
    ['learned', '{ file: a.ics, every: 1s }', /too short/],
  ])('calendars of %s: %s -> refused', (policy, calendar, message) => {
    const text = leastWith(
      '  - name: lab\n',
      `  - name: lab\n    idlePolicy: ${policy}\n    calendars: [${calendar}]\n`,
    );
    expect(refusal(text).message).toMatch(message);
  });
});
