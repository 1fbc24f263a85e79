// Whatever text a configuration is, reading it ends in a configuration or in a TorporError with a line, never in anything else.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config/load-config.ts';
import { TorporError } from '../../src/platform/errors.ts';
import { drawSeed, runs } from '../core/support/seed.ts';

const SEED = drawSeed('configuration');

const KEYS = [
  'api',
  'listen',
  'stateDir',
  'log',
  'level',
  'platforms',
  'name',
  'mode',
  'idleTimeout',
  'hold',
  'perStream',
  'perPlatform',
  'hooks',
  'power',
  'sleep',
  'bmc',
  'driver',
  'host',
  'port',
  'user',
  'password',
  'passwordFile',
  'passwordEnv',
  'watts',
  'busy',
  'idle',
  'asleep',
  'vms',
  'identity',
  'command',
  'listeners',
  'target',
  'probe',
  'kind',
  'send',
  'expect',
  'timeout',
  'constructor',
  'toString',
  '__proto__',
];

const WORDS = ['armed', 'S3', '10m', '1MiB', '127.0.0.1:7070', '[::1]:22', 'tcp', 'command', 'ipmi', 'vdi-01', '', ' '];
const SECRET = 'hunter2-and-more';

/** Values shaped like a configuration, with everything that can be wrong about one. */
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom(...WORDS),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ maxLength: 12 }),
    fc.double(),
    fc.integer(),
    fc.constant(null),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('mapping'),
  ),
  mapping: fc
    .array(fc.tuple(fc.oneof(fc.constantFrom(...KEYS), fc.string({ unit: 'binary', maxLength: 8 })), tie('value')), {
      maxLength: 6,
    })
    .map((entries) => new Map(entries)),
}));

/** Reads the text; the error if it was refused. */
function read(text: string): unknown {
  try {
    parseConfig(text, 'torpor.yaml', '/etc/torpor');
    return null;
  } catch (error) {
    return error;
  }
}

function expectGoodEnd(text: string): void {
  const error = read(text);
  if (error === null) return;
  expect(error).toBeInstanceOf(TorporError);
  const { code, message } = error as TorporError;
  expect(code).toMatch(/^ERR_CONFIG_(SYNTAX|INVALID)$/);
  expect(message.startsWith('torpor.yaml:')).toBe(true);
  // Line breaks stand between problems and tabs in quoted lines; no other control character reaches a terminal.
  expect(message.replaceAll(/[\n\t]/g, '')).not.toMatch(/\p{Cc}/u);
  if (code === 'ERR_CONFIG_INVALID') {
    for (const line of message.split('\n')) expect(line).toMatch(/^(torpor\.yaml:(\d+:)? |and \d+ more$)/);
  }
}

describe('parseConfig', () => {
  it('any text -> a configuration or a TorporError', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), expectGoodEnd), runs(500, SEED));
  });

  it("any text of YAML's own characters -> a configuration or a TorporError", () => {
    const unit = fc.constantFrom(...':-{}[],&*!|>#\'"%@`? \n\tab1~<='.split(''), '\r\n', 'platforms:', '  - name: ');
    const text = fc.string({ unit, maxLength: 60 });
    fc.assert(fc.property(text, expectGoodEnd), runs(2000, SEED));
  });

  it('any value in the shape of a configuration -> a configuration or a TorporError', () => {
    const text = fc
      .dictionary(fc.constantFrom('platforms', 'api', 'log', 'stateDir'), anyValue)
      .map((value) => stringify(value));
    fc.assert(fc.property(text, expectGoodEnd), runs(2000, SEED));
  });

  it('a platform with any value at any of its keys -> a configuration or a TorporError', () => {
    const platform = fc.record(
      {
        name: fc.oneof(fc.constant('lab'), anyValue),
        mode: anyValue,
        idleTimeout: anyValue,
        hold: anyValue,
        hooks: anyValue,
        power: fc.oneof(anyValue, fc.record({ bmc: anyValue, watts: anyValue })),
        vms: fc.oneof(
          anyValue,
          fc.array(fc.record({ name: anyValue, listeners: fc.array(anyValue, { maxLength: 2 }) }), { maxLength: 2 }),
        ),
      },
      { requiredKeys: [] },
    );
    const text = fc.array(platform, { maxLength: 3 }).map((platforms) => stringify({ platforms }));
    fc.assert(fc.property(text, expectGoodEnd), runs(1000, SEED));
  });

  it('a listener with any value at any of its keys -> a configuration or a TorporError', () => {
    const or = (...words: readonly unknown[]) => fc.oneof(fc.constantFrom(...words), anyValue);
    const listener = fc.record(
      {
        listen: or('127.0.0.1:0'),
        target: or('10.0.0.7:22', '10.0.0.7:9100'),
        protocol: or('rfb', 'ssh', 'http', 'raw'),
        device: or('printer', 'serial', 'web'),
        wakeOn: or('preface', 'input'),
        idleTimeout: or('1m'),
        allowFrom: fc.oneof(anyValue, fc.array(or('10.0.0.0/8', '::/0', '10.0.0.1/8'), { maxLength: 3 })),
        wakeRate: fc.oneof(or('none'), fc.record({ count: or(3), per: or('1h') }, { requiredKeys: [] })),
        banner: or('serve'),
        activity: or('learned'),
        viewing: or('active'),
        work: fc.oneof(
          anyValue,
          fc.record({ fromServer: or('1MiB'), fromClient: or('1MiB'), window: or('5s') }, { requiredKeys: [] }),
        ),
        periodicInput: or('ignore'),
        periodicRequests: or('active'),
        polls: fc.oneof(anyValue, fc.array(or('GET /'), { maxLength: 3 })),
        record: or(true),
      },
      { requiredKeys: [] },
    );
    const text = fc.array(listener, { maxLength: 2 }).map((listeners) => {
      const bmc = { driver: 'ipmi', host: 'lab-bmc', user: 'torpor', passwordEnv: 'LAB_BMC' };
      return stringify({ platforms: [{ name: 'lab', power: { bmc }, vms: [{ name: 'one', listeners }] }] });
    });
    fc.assert(fc.property(text, expectGoodEnd), runs(500, SEED));
  });

  it('a password under any key that says so, on a line that is wrong -> never shown', () => {
    const key = fc.constantFrom(
      'password',
      'Password',
      'bmcPassword',
      'passwd',
      'secret',
      'apiToken',
      'token',
      '"password"',
    );
    const breakage = fc.constantFrom(': x: y', ' [', '"', ' "x', ': {', ' &a', ' - b', '\n\t- x');
    const property = fc.property(key, breakage, fc.constantFrom('', 'bmc: { ', '- '), (name, wrong, before) => {
      const error = read(`${before}${name}: ${SECRET}${wrong}\n`);
      if (error !== null) expect((error as Error).message).not.toContain(SECRET);
    });
    fc.assert(property, runs(500, SEED));
  });
});
