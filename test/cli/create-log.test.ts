// The log of a running Torpor: JSON for programs, lines for people, secrets in neither.
import { describe, expect, it } from 'vitest';
import { createLog, formatLogLine } from '../../src/cli/create-log.ts';
import { styleFor } from '../../src/cli/style.ts';
import { FakeIo } from './fakes/fake-io.ts';

const PLAIN = styleFor({ env: {}, outIsTerminal: false });

describe('createLog', () => {
  it('a pipe -> one JSON line each, with level and time in words', () => {
    const io = new FakeIo();
    createLog(io, 'info').warn({ platform: 'vdi-01', heldBytes: 12 }, 'hold is full');
    expect(JSON.parse(io.stdout)).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      platform: 'vdi-01',
      heldBytes: 12,
      msg: 'hold is full',
    });
    expect(io.stdout.endsWith('\n')).toBe(true);
  });

  it('below the level -> nothing', () => {
    const io = new FakeIo();
    const log = createLog(io, 'warn');
    log.debug({}, 'no');
    log.info({}, 'no');
    log.error({}, 'yes');
    expect(io.stdout.trim().split('\n')).toHaveLength(1);
  });

  it('secrets in the message or in text of facts -> masked, the rest of it as it was', () => {
    const io = new FakeIo();
    const log = createLog(io, 'info');
    log.info(
      { url: 'https://user:hunter2@bmc-1/redfish' },
      'asked mqtt://u:hunter2@broker:1883, took Bearer hunter2hunter2',
    );
    log.warn({ headers: ['Authorization: Basic aHVudGVyMjpodW50ZXIy'] }, 'PVEAPIToken=root@pam!torpor=hunter2-hunter2');
    log.error({ problem: new Error('-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY----- is odd') }, 'tls');
    expect(io.stdout).not.toMatch(/hunter2|aHVudGVy/);
    expect(io.stdout).toContain('https://user:***@bmc-1/redfish');
    expect(io.stdout).toContain('mqtt://u:***@broker:1883');
    expect(io.stdout).toContain('is odd');
  });

  it('secrets under any name and at any depth, in lists and errors -> masked; paths to them are not', () => {
    const io = new FakeIo();
    const secret = 'hunter2';
    const facts = {
      bmcPassword: secret,
      'x-auth-token': secret,
      API_KEY: secret,
      kg: secret,
      list: [{ passphrase: secret }, { a: { b: { c: { credentials: { x: secret } } } } }],
      error: Object.assign(new Error('no'), { secret }),
      bytes: Buffer.from(secret),
      passwordFile: '/etc/torpor/vdi-01.password',
      keepalive: 3,
      tokens: null,
    };
    createLog(io, 'info').info(facts, 'configured');
    expect(io.stdout).not.toContain(secret);
    expect(io.stdout).not.toContain(Buffer.from(secret).toString('base64'));
    const line = JSON.parse(io.stdout) as Record<string, unknown>;
    expect(line).toMatchObject({ passwordFile: '/etc/torpor/vdi-01.password', keepalive: 3, tokens: null, kg: '***' });
    expect(facts.kg).toBe(secret);
  });

  it.each([false, true])('secrets at any of three depths, terminal %s -> masked', (outIsTerminal) => {
    const io = new FakeIo();
    io.outIsTerminal = outIsTerminal;
    const secret = 'hunter2';
    const facts = { password: secret, bmc: { password: secret, user: 'torpor' }, a: { b: { token: secret } } };
    createLog(io, 'info').info(facts, 'configured');
    expect(io.stdout).not.toContain(secret);
    expect(io.stdout).toContain('***');
    expect(io.stdout).toContain('torpor');
  });

  it('a terminal -> a short line: local time, level, message, facts', () => {
    const io = new FakeIo();
    io.outIsTerminal = true;
    io.env.NO_COLOR = '1';
    createLog(io, 'info').info({ platform: 'vdi-01', why: 'nobody is active' }, 'awake -> drowsy');
    expect(io.stdout).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} INFO {2}awake -> drowsy platform=vdi-01 why="nobody is active"\n$/,
    );
  });
});

describe('formatLogLine', () => {
  it('escape sequences and line breaks in message and facts -> gone', () => {
    const line = JSON.stringify({
      level: 'error',
      time: '2026-01-02T03:04:05.678Z',
      msg: 'a\u001b[2Jb\nc',
      x: 'd\u0007 e',
    });
    const formatted = formatLogLine(line, PLAIN);
    expect(formatted).toMatch(/ERROR ab c x="d e"$/);
    expect(formatted).not.toMatch(/\p{Cc}/u);
  });

  it('a line that is no JSON -> as it is', () => {
    expect(formatLogLine('plain words\n', PLAIN).trim()).toBe('plain words');
  });
});
