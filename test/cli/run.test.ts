// `torpor run` and `torpor demo` around what they start, which is a stand-in here: signals, bounds, exit codes.
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startApi } from '../../src/api/start-api.ts';
import type { RunningTorpor } from '../../src/cli/cli-io.ts';
import { STOP_BOUND_MS } from '../../src/cli/commands/run.ts';
import type { TorporConfig } from '../../src/config/torpor-config.ts';
import { TorporError } from '../../src/platform/errors.ts';
import { FakeFarm } from '../api/fakes/fake-farm.ts';
import { comesTrue } from '../support/eventually.ts';
import { KeptLog } from '../support/kept-log.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { FakeIo } from './fakes/fake-io.ts';

const CONFIG = `platforms:
  - name: lab
    power:
      bmc: { driver: ipmi, host: 127.0.0.1, user: torpor, passwordEnv: LAB_BMC }
    vms:
      - name: one
        listeners:
          - { listen: "127.0.0.1:0", target: "127.0.0.1:22", probe: none }
`;

let folder: TempFolder;
let path: string;
let io: FakeIo;
/** What the stand-in was told of configurations that were read again. */
let reloads: TorporConfig[];
let refusals: string[];

beforeEach(() => {
  folder = new TempFolder('run');
  path = folder.file('torpor.yaml');
  writeFileSync(path, CONFIG);
  io = new FakeIo();
  reloads = [];
  refusals = [];
});

afterEach(() => {
  folder.remove();
  vi.useRealTimers();
});

function running(stop: () => Promise<void>): RunningTorpor {
  return {
    farm: new FakeFarm(),
    apiUrl: 'http://127.0.0.1:7070',
    reload: async (config) => void reloads.push(config),
    refuseReload: (why) => void refusals.push(why),
    handOver: new FakeHandOver(),
    stop,
  };
}

/** A hand-over that remembers what was asked of it. */
class FakeHandOver {
  readonly sockets = [7, 8].map((fd) => ({ fd, name: null, ownsFile: false }));
  readonly asked: string[] = [];
  takeFlowSockets() {
    return [];
  }
  async leave() {
    this.asked.push('leave');
    return [];
  }
  async takeBack() {
    this.asked.push('takeBack');
  }
  async drained() {
    this.asked.push('drained');
  }
  formerEnded() {
    this.asked.push('formerEnded');
  }
  wakeForFormer(platform: string) {
    this.asked.push(`wake ${platform}`);
  }
}

/** A promise and its end. */
function gate() {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

function logLines(): Array<Record<string, unknown>> {
  return io.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('torpor run', () => {
  it('SIGTERM -> stopped in order, exit code 0', async () => {
    const started = gate();
    let configured: TorporConfig | null = null;
    let stops = 0;
    io.runTorpor = async (config) => {
      configured = config;
      started.open();
      return running(async () => {
        stops += 1;
      });
    };
    const run = io.run('run', '--config', path);
    await started.opened;
    await comesTrue(() => expect(io.stdout).toContain('Torpor runs'));
    io.signal('SIGTERM');
    expect(await run).toBe(0);
    expect(stops).toBe(1);
    expect(io.told).toEqual(['READY=1', 'STATUS=1 platforms, API http://127.0.0.1:7070', 'STOPPING=1']);
    expect((configured as TorporConfig | null)?.platforms[0]?.name).toBe('lab');
    expect(logLines().map(({ msg }) => msg)).toEqual([
      expect.stringContaining('no listener has a probe'),
      'Torpor runs',
      'stopping; once more ends at once',
      'Torpor stopped',
    ]);
    expect(io.signalListeners).toBe(0);
  });

  it('a signal while it starts -> stopped as soon as it runs', async () => {
    const started = gate();
    const entered = gate();
    let stops = 0;
    io.runTorpor = async () => {
      entered.open();
      await started.opened;
      return running(async () => {
        stops += 1;
      });
    };
    const run = io.run('run', '--config', path);
    await entered.opened;
    io.signal('SIGINT');
    started.open();
    expect(await run).toBe(0);
    expect(stops).toBe(1);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('a second %s while it stops -> ended at once with %d', async (signal, code) => {
    const stopping = gate();
    io.runTorpor = async () => running(() => stopping.opened);
    const run = io.run('run', '--config', path);
    await comesTrue(() => expect(io.stdout).toContain('Torpor runs'));
    io.signal(signal);
    await comesTrue(() => expect(io.stdout).toContain('stopping'));
    expect(io.exits).toEqual([]);
    io.signal(signal);
    expect(io.exits).toEqual([code]);
    stopping.open();
    await run;
  });

  it('a stop without an end -> given up at the bound, exit code 1', async () => {
    io.runTorpor = async () => running(() => new Promise(() => {}));
    const run = io.run('run', '--config', path);
    await comesTrue(() => expect(io.stdout).toContain('Torpor runs'));
    vi.useFakeTimers();
    io.signal('SIGTERM');
    await vi.advanceTimersByTimeAsync(STOP_BOUND_MS + 1);
    expect(await run).toBe(1);
    expect(io.stdout).toContain('not everything stopped in time');
  });

  it('a stop that fails -> logged, exit code 1', async () => {
    io.runTorpor = async () =>
      running(async () => {
        throw new TorporError('ERR_JOURNAL', 'the journal cannot be written');
      });
    const run = io.run('run', '--config', path);
    await comesTrue(() => expect(io.stdout).toContain('Torpor runs'));
    io.signal('SIGTERM');
    expect(await run).toBe(1);
    expect(logLines().at(-1)).toMatchObject({ level: 'error', code: 'ERR_JOURNAL' });
  });

  it('SIGHUP -> the file is read again and handed on, the level of the log follows; one while it reads is served after it', async () => {
    io.runTorpor = async () => running(async () => {});
    const run = io.run('run', '--config', path);
    await comesTrue(() => expect(io.stdout).toContain('Torpor runs'));
    writeFileSync(path, `log: { level: error }\n${CONFIG.replace('name: lab', 'name: den')}`);
    io.hangUp();
    io.hangUp();
    await comesTrue(() => expect(reloads).toHaveLength(2));
    expect(reloads[0]?.platforms[0]?.name).toBe('den');
    expect(refusals).toEqual([]);
    io.signal('SIGTERM');
    expect(await run).toBe(0);
    expect(io.stdout).not.toContain('Torpor stopped');
  });

  it('SIGHUP with a broken file -> refused with file and line, nothing handed on, still running', async () => {
    io.runTorpor = async () => running(async () => {});
    const run = io.run('run', '--config', path);
    await comesTrue(() => expect(io.stdout).toContain('Torpor runs'));
    writeFileSync(path, CONFIG.replace('name: lab', 'name: lab\n    idleTimeot: 1m'));
    io.hangUp();
    await comesTrue(() => expect(refusals).toHaveLength(1));
    expect(refusals[0]).toContain(`${path}:3: platforms[0]: unknown key`);
    expect(reloads).toEqual([]);
    writeFileSync(path, CONFIG);
    io.hangUp();
    await comesTrue(() => expect(reloads).toHaveLength(1));
    await comesTrue(() => expect(io.told.slice(2)).toEqual(['RELOADING=1', 'READY=1', 'RELOADING=1', 'READY=1']));
    io.signal('SIGTERM');
    expect(await run).toBe(0);
  });

  it('it cannot start -> the reason on stderr, exit code 1, no signal handler left', async () => {
    io.runTorpor = async () => {
      throw new TorporError('ERR_API_LISTEN', 'the API cannot listen on 127.0.0.1:7070: the port is taken');
    };
    expect(await io.run('run', '--config', path)).toBe(1);
    expect(io.stderr).toBe('torpor: the API cannot listen on 127.0.0.1:7070: the port is taken\n');
    expect(io.signalListeners).toBe(0);
  });

  it('a broken configuration -> every problem with its line, nothing started, exit code 1', async () => {
    writeFileSync(path, CONFIG.replace('name: lab', 'name: lab\n    idleTimeot: 1m').replace('"127.0.0.1:22"', '22'));
    io.runTorpor = async () => {
      throw new Error('it was started');
    };
    expect(await io.run('run', '--config', path)).toBe(1);
    expect(io.stderr).toBe(
      `torpor: ${path}:3: platforms[0]: unknown key \`idleTimeot\`; did you mean \`idleTimeout\`?\n` +
        `${path}:9: platforms[0].vms[0].listeners[0].target: 22 is no address: ` +
        'write host:port, such as 10.0.1.21:3389 or [::1]:7070, or unix:/path\n',
    );
  });

  it('broken YAML -> file, line, column and the line, exit code 1', async () => {
    writeFileSync(path, 'platforms:\n  - name: [lab\n');
    expect(await io.run('run', '--config', path)).toBe(1);
    expect(io.stderr).toMatch(new RegExp(`^torpor: ${path}:\\d+:\\d+: [^\\n]+\\n {2}\\d+ \\| [^\\n]*\\n$`));
  });

  it('no such file -> said, exit code 1', async () => {
    expect(await io.run('run', '--config', folder.file('nowhere.yaml'))).toBe(1);
    expect(io.stderr).toContain('there is no such file');
  });
});

describe('torpor demo', () => {
  it.each([
    [true, 0],
    [false, 1],
  ])('played with ok=%s -> exit code %d, options passed on, lines printed', async (ok, code) => {
    io.playDemo = async ({ once, json, print }) => {
      print(JSON.stringify({ once, json }));
      return { ok };
    };
    expect(await io.run('demo', '--once', '--json')).toBe(code);
    expect(io.stdout).toBe('{"once":true,"json":true}\n');
    expect(io.signalListeners).toBe(0);
  });

  it('a signal -> aborts the play; a second one ends at once', async () => {
    const finished = gate();
    io.playDemo = async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await finished.opened;
      return { ok: true };
    };
    const run = io.run('demo');
    await comesTrue(() => expect(io.signalListeners).toBe(1));
    io.signal('SIGINT');
    expect(io.exits).toEqual([]);
    io.signal('SIGINT');
    expect(io.exits).toEqual([130]);
    finished.open();
    expect(await run).toBe(0);
  });

  it('--top -> its live view until the play is over, then the last lines of it', async () => {
    const farm = new FakeFarm();
    farm.change('vdi-01', { why: 'somebody types' });
    const listen = { host: '127.0.0.1', port: 0 };
    const api = await startApi(farm, { listen, log: new KeptLog(), version: '0' });
    const seen = gate();
    io.playDemo = async ({ print, onReady, onEnding }) => {
      for (let line = 1; line <= 30; line++) print(`line ${line}`);
      onReady?.(api.url);
      await seen.opened;
      onEnding?.();
      await api.close();
      return { ok: true };
    };
    const run = io.run('demo', '--top');
    await comesTrue(() => expect(io.stdout).toContain('somebody types'));
    seen.open();
    expect(await run).toBe(0);
    expect(io.stdout).toMatch(/somebody types[\s\S]*\nline 11\n[\s\S]*line 30\n$/);
    expect(io.stdout).not.toContain('line 10\n');
    expect(io.signalListeners).toBe(0);
  });

  it('--top with --json -> refused', async () => {
    expect(await io.run('demo', '--top', '--json')).toBe(2);
  });

  it('it breaks -> one line, exit code 1', async () => {
    io.playDemo = async () => {
      throw new TorporError('ERR_STREAM_LISTEN', 'no port is free');
    };
    expect(await io.run('demo')).toBe(1);
    expect(io.stderr).toBe('torpor: no port is free\n');
  });
});
