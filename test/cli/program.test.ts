// The command line as a whole: help, versions, bad usage, exit codes, and no stack trace anywhere.
import { describe, expect, it } from 'vitest';
import { CommandFailed } from '../../src/cli/command-failed.ts';
import { buildProgram, reportError } from '../../src/cli/program.ts';
import { TorporError } from '../../src/platform/errors.ts';
import { FakeIo } from './fakes/fake-io.ts';

/** Every command of this release. What is not there yet is not listed. */
const COMMANDS = [
  ['run'],
  ['demo'],
  ['check'],
  ['classify'],
  ['status'],
  ['top'],
  ['explain'],
  ['wake'],
  ['sleep'],
  ['inhibit'],
  ['release'],
  ['maintenance'],
  ['drain'],
  ['undrain'],
  ['streams'],
  ['spool'],
  ['spool', 'list'],
  ['spool', 'deliver'],
  ['spool', 'drop'],
  ['report'],
  ['replay'],
  ['savings'],
  ['events'],
  ['token'],
  ['token', 'add'],
  ['token', 'list'],
  ['token', 'revoke'],
  ['history'],
  ['history', 'export'],
  ['bmc'],
  ['bmc', 'power'],
  ['bmc', 'sim'],
  ['link'],
  ['link', 'edge'],
  ['link', 'gate'],
  ['link', 'keygen'],
  ['lz4'],
  ['lz4', 'compress'],
  ['lz4', 'decompress'],
  ['completion'],
  ['man'],
];
const STACK = /^\s+at .+:\d+:\d+\)?$/m;

describe('torpor', () => {
  it('--version -> the version, exit code 0', async () => {
    const io = new FakeIo();
    expect(await io.run('--version')).toBe(0);
    expect(io.stdout).toBe('1.2.3\n');
  });

  it.each(COMMANDS)('%s %s --help -> usage on stdout, exit code 0', async (...path) => {
    const words = path.filter((word) => word !== undefined);
    const io = new FakeIo();
    expect(await io.run(...words, '--help')).toBe(0);
    expect(io.stdout).toContain(`Usage: torpor ${words.join(' ')}`);
    expect(io.stderr).toBe('');
  });

  it('help wake -> the same help, exit code 0', async () => {
    const io = new FakeIo();
    expect(await io.run('help', 'wake')).toBe(0);
    expect(io.stdout).toContain('Usage: torpor wake');
  });

  it('the list of commands -> exactly those that exist', () => {
    const program = buildProgram(new FakeIo());
    const names = program.commands.map((command) => command.name());
    expect(names).toEqual(COMMANDS.filter((path) => path.length === 1).map(([name]) => name));
  });

  it.each([[[]], [['bmc']]])('%j: no command -> usage on stderr, exit code 2', async (args) => {
    const io = new FakeIo();
    expect(await io.run(...args)).toBe(2);
    expect(io.stderr).toContain('Usage: torpor');
    expect(io.stdout).toBe('');
  });

  it.each([
    [['stat'], "unknown command 'stat'\n(Did you mean status?)"],
    [['classify'], "missing required argument 'file'"],
    [['classify', 'no-such.jsonl'], 'no-such.jsonl cannot be read'],
    [['classify', '--protocol', 'gopher', 'x'], 'Allowed choices are raw, auto, ssh'],
    [['classify', '--port', '70000', 'x'], 'a port is 0 to 65535'],
    [['replay'], 'name a log, or --generate a population: one of both'],
    [['gzip', 'compress'], "unknown command 'gzip'"],
    [['links', 'edge'], "unknown command 'links'"],
    [['link', 'edge', '--keys', 'k'], "required option '--gate <host:port>' not specified"],
    [['status', '--jsn'], "unknown option '--jsn'\n(Did you mean --json?)"],
    [['wake'], "missing required argument 'platform'"],
    [['wake', 'a', 'b'], "too many arguments for 'wake'"],
    [['run'], "required option '-c, --config <file>' not specified"],
    [['check'], "required option '-c, --config <file>' not specified"],
    [['inhibit', 'vdi-01', '--for', '2h'], "required option '--why <text>' not specified"],
    [['inhibit', 'vdi-01', '--why', 'x', '--for', '2'], '"2" is no duration'],
    [['inhibit', 'vdi-01', '--why', 'x', '--for', '0s'], '"0s" is no time at all'],
    [['wake', 'vdi-01', '--wait', '--timeout', 'soon'], '"soon" is no duration'],
    [['status', '--api', 'nowhere'], 'torpor: --api: "nowhere" is no address'],
    [['status', '--api', 'ftp://127.0.0.1'], 'is no http address'],
    [['bmc', 'power', 'status'], "required option '-H, --host <host>' not specified"],
    [['bmc', 'power', 'cycle', '-H', 'x', '-U', 'y'], 'Allowed choices are status, on, soft'],
    [['bmc', 'power', 'status', '-H', 'x', '-U', 'y', '-p', '70000'], '"70000" is no port'],
    [['bmc', 'power', 'status', '-H', 'x', '-U', 'y', '--cipher-suite', '0'], 'cipher suite "0" is not supported'],
    [['bmc', 'power', 'status', '-H', 'x', '-U', 'y'], 'TORPOR_BMC_PASSWORD is not set'],
    [['bmc', 'sim'], 'TORPOR_BMC_PASSWORD is not set'],
    [['bmc', 'sim', '--cipher-suites', '3,3'], 'each cipher suite once'],
    [['bmc', 'sim', '--button', 'explode'], 'Allowed choices are suspend, poweroff, ignore'],
  ])('bad usage %j -> exit code 2, one line that says what, no stack', async (args, what) => {
    const io = new FakeIo();
    expect(await io.run(...args)).toBe(2);
    expect(io.stderr.startsWith('torpor: ')).toBe(true);
    expect(io.stderr).toContain(what);
    expect(io.stderr).not.toMatch(STACK);
    expect(io.stdout).toBe('');
  });

  it('bad usage -> how to get help for that very command', async () => {
    const io = new FakeIo();
    await io.run('bmc', 'power', 'status');
    expect(io.stderr).toContain('Run "torpor bmc power --help" for how to use it.');
  });

  it('TORPOR_API that is no address -> bad usage', async () => {
    const io = new FakeIo();
    io.env.TORPOR_API = 'not an address';
    expect(await io.run('status')).toBe(2);
    expect(io.stderr).toContain('"not an address" is no address');
  });

  it('an address with a password -> refused without showing it', async () => {
    const io = new FakeIo();
    expect(await io.run('status', '--api', 'http://me:hunter2@127.0.0.1:1')).toBe(2);
    expect(io.stderr).toContain('an address with a user or a password in it is refused');
    expect(io.stderr).not.toContain('hunter2');
  });
});

describe('reportError', () => {
  const thrown = new TorporError('ERR_CONFIG_READ', 'cannot read x', { cause: new Error('deep down') });

  it('a TorporError -> its message, exit code 1', () => {
    const io = new FakeIo();
    expect(reportError(thrown, io)).toBe(1);
    expect(io.stderr).toBe('torpor: cannot read x\n');
  });

  it('a TorporError with TORPOR_DEBUG=1 -> the stack and its cause too', () => {
    const io = new FakeIo();
    io.env.TORPOR_DEBUG = '1';
    expect(reportError(thrown, io)).toBe(1);
    expect(io.stderr).toMatch(STACK);
    expect(io.stderr).toContain('caused by: Error: deep down');
  });

  it('anything else -> one line that says how to see more, exit code 1', () => {
    const io = new FakeIo();
    expect(reportError(new TypeError('x is not a function'), io)).toBe(1);
    expect(io.stderr).toBe(
      'torpor: internal error: x is not a function; TORPOR_DEBUG=1 shows where, please report it\n',
    );
  });

  it('a command that failed and said so -> nothing more, its exit code', () => {
    const io = new FakeIo();
    expect(reportError(new CommandFailed(3), io)).toBe(3);
    expect(io.stderr).toBe('');
  });
});
