// The commands that speak to a running Torpor, against the real HTTP API over a farm of the test's own.
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ApiServer, startApi } from '../../src/api/start-api.ts';
import { TorporError } from '../../src/platform/errors.ts';
import { FAKE_NOW_MS, FakeFarm, fakeJob, fakePlatform, fakeReport, fakeStream } from '../api/fakes/fake-farm.ts';
import { eventually } from '../support/eventually.ts';
import { KeptLog } from '../support/kept-log.ts';
import { FakeIo } from './fakes/fake-io.ts';

let farm: FakeFarm;
let api: ApiServer;
let io: FakeIo;

beforeEach(async () => {
  // What is shown counts from now; a machine that is slow to show it must not change what is shown.
  vi.useFakeTimers({ toFake: ['Date'] });
  farm = new FakeFarm();
  api = await startApi(farm, { listen: { host: '127.0.0.1', port: 0 }, log: new KeptLog(), version: '1.2.3' });
  io = new FakeIo();
  io.env.TORPOR_API = api.url;
});

afterEach(async () => {
  vi.useRealTimers();
  await api.close();
});

/** Columns of a table's line. */
function columns(line: string | undefined): string[] {
  return (line ?? '').trim().split(/\s{2,}/);
}

describe('spool', () => {
  it('list -> a table with what went wrong below it; --json -> as the API has it; nothing -> said', async () => {
    farm.jobs = [
      fakeJob({ dueAtMs: Date.now() + 3_600_000, endedAtMs: Date.now() - 60_000, failures: 2, problem: 'no paper' }),
    ];
    expect(await io.run('spool', 'list')).toBe(0);
    const [heading, job, problem] = io.stdout.split('\n');
    expect(columns(heading)).toEqual([
      'PLATFORM',
      'VM',
      'JOB',
      'CLIENT',
      'SIZE',
      'ON DISK',
      'SAFE SINCE',
      'DUE',
      'STATE',
    ]);
    expect(columns(job)).toEqual([
      'vdi-01',
      'alice',
      '000000000001-0a0b0c0d',
      '10.0.2.7:50000',
      '2 KiB',
      '1 KiB',
      '1m',
      'in 1h',
      'waiting, failed 2 times',
    ]);
    expect(problem).toBe('000000000001-0a0b0c0d: no paper');
    const json = new FakeIo();
    json.env.TORPOR_API = api.url;
    await json.run('spool', 'list', '--json');
    expect(JSON.parse(json.stdout)).toEqual(farm.jobs);
    farm.jobs = [];
    const empty = new FakeIo();
    empty.env.TORPOR_API = api.url;
    await empty.run('spool', 'list');
    expect(empty.stdout).toBe('nothing is spooled\n');
  });

  it('deliver -> asks for it and says how many', async () => {
    farm.jobs = [fakeJob()];
    expect(await io.run('spool', 'deliver', 'vdi-01')).toBe(0);
    expect(farm.calls).toEqual(['deliverSpool vdi-01: an operator has its spooled jobs delivered']);
    expect(io.stdout).toContain('1 spooled job will be delivered');
  });

  it('drop -> only with --yes, and only what is there', async () => {
    farm.jobs = [fakeJob()];
    const [{ id } = fakeJob()] = farm.jobs;
    expect(await io.run('spool', 'drop', 'vdi-01', id)).toBe(2);
    expect([farm.jobs.length, io.stderr]).toEqual([1, expect.stringContaining('add --yes')]);
    expect(await io.run('spool', 'drop', 'vdi-01', id, '--yes')).toBe(0);
    expect(farm.jobs).toEqual([]);
    expect(await io.run('spool', 'drop', 'vdi-01', id, '--yes')).toBe(1);
    expect(io.stderr).toContain('has no spooled job');
  });
});

describe('status', () => {
  it('two platforms -> an aligned table', async () => {
    farm.statuses = [
      fakePlatform({ sinceMs: Date.now() - 250_000, heldBytes: 0 }),
      fakePlatform({
        name: 'a-much-longer-name',
        state: 'asleep',
        sinceMs: Date.now() - 7_200_000,
        heldBytes: 1536,
        bmcReachable: false,
        wakeProven: false,
        evidence: 'VMs silent for 20s',
        evidenceIsWeak: true,
      }),
    ];
    expect(await io.run('status')).toBe(0);
    const [heading, first, second] = io.stdout.split('\n');
    expect(columns(heading)).toEqual([
      'PLATFORM',
      'STATE',
      'FOR',
      'MODE',
      'ACTIVE',
      'HELD',
      'BMC',
      'WAKE PATH',
      'INHIBITED BY',
      'EVIDENCE',
      'WHY',
    ]);
    expect(columns(first)).toEqual([
      'vdi-01',
      'awake',
      '4m 10s',
      'armed',
      '1/3',
      '-',
      'ok',
      'proven',
      '-',
      'S0 by sensor',
      'a VM answers its probe',
    ]);
    expect(columns(second).slice(0, 3)).toEqual(['a-much-longer-name', 'asleep', '2h']);
    expect(second).toContain('1.5 KiB');
    expect(second).toContain('VMs silent for 20s (weak)');
    expect(first?.indexOf('awake')).toBe(second?.indexOf('asleep'));
    expect(heading?.indexOf('WHY')).toBe(first?.indexOf('a VM answers'));
  });

  it('--json -> what the API said, on one line', async () => {
    expect(await io.run('status', '--json')).toBe(0);
    expect(JSON.parse(io.stdout)).toEqual([fakePlatform()]);
    expect(io.stdout.trim().split('\n')).toHaveLength(1);
  });

  it('a pipe -> no colour; a terminal -> colour; NO_COLOR or a dumb terminal -> none', async () => {
    await io.run('status');
    expect(io.stdout).not.toContain('\u001b');
    io.outIsTerminal = true;
    await io.run('status');
    expect(io.stdout).toContain('\u001b[32m');
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const plain = new FakeIo();
      plain.outIsTerminal = true;
      plain.env = { TORPOR_API: api.url, ...env };
      await plain.run('status');
      expect(plain.stdout).not.toContain('\u001b');
    }
  });

  it('clients that were refused -> told below the table, by why', async () => {
    farm.statuses = [fakePlatform({ refusedClients: { 'wake-rate': 3, 'proxy-header': 12 } })];
    await io.run('status');
    expect(io.stdout).toContain('vdi-01 refused clients: 3 wake-rate, 12 proxy-header\n');
  });

  it('status of a platform whose wake waits for its turn -> queued, and what for; a line for each circuit', async () => {
    const why = 'circuit rack-a: 3 of 3 are waking';
    const wakeTurn = { circuit: 'rack-a', sinceMs: FAKE_NOW_MS, ahead: 0, why };
    farm.statuses = [fakePlatform({ state: 'asleep', wakeTurn })];
    farm.feeds = [
      { name: 'rack-a', waking: 3, wakingAtMost: 3, watts: 640, wattsAtMost: 4000, queue: ['vdi-01'] },
      { name: 'rack-b', waking: 0, wakingAtMost: null, watts: 10, wattsAtMost: 500, queue: [] },
    ];
    await io.run('status');
    expect(io.stdout).toContain('asleep, queued');
    expect(io.stdout).toContain(`waits for its turn to wake: ${why}`);
    expect(io.stdout).toContain('circuit rack-a: 3 of 3 waking, 640 of 4000 W, 1 wait for their turn\n');
    expect(io.stdout).toContain('circuit rack-b: 0 waking, 10 of 500 W\n');
  });

  it('a platform that several Torpors share -> who owns it and what is known of the others, below the table', async () => {
    const others = [{ instance: 'torpor-c', active: 1, newestDeadlineMs: null, keeps: 'a backup' }];
    farm.statuses = [
      fakePlatform({ owner: 'torpor-b', peers: { self: 'torpor-a', uncertain: null, others } }),
      fakePlatform({ name: 'vdi-02', owner: 'torpor-a', peers: { self: 'torpor-a', uncertain: null, others: [] } }),
      fakePlatform({ name: 'vdi-03', peers: { self: 'torpor-a', uncertain: 'the store does not answer', others: [] } }),
    ];
    await io.run('status');
    expect(io.stdout).toContain(
      [
        'vdi-01 is shared, torpor-b owns it: 1 active client at torpor-c; kept awake at torpor-c: a backup',
        'vdi-02 is shared, torpor-a, this one, owns it',
        'vdi-03 is shared, nobody owns it now: not sure of the others: the store does not answer',
        '',
      ].join('\n'),
    );
  });

  it('several Torpors -> what all carry together, who did not answer, and a line for each; streams tell who carries them', async () => {
    const sums = { heldBytes: 0, heldStoredBytes: 0, bytesFromClients: 0, bytesToClients: 0, refusedClients: {} };
    const told = { instance: 'torpor-b', version: '0.2.0', carried: { pool: 4, streams: 6, ...sums } };
    const own = { instance: 'torpor-a', version: '0.1.0', carried: { pool: 1, streams: 1, ...sums } };
    const untold = { instance: 'torpor-c', version: '0.1.0', carried: null };
    farm.statuses = [
      fakePlatform({ pool: 1, streams: 1, instances: [own, told] }),
      fakePlatform({ name: 'vdi-02', instances: [own, untold] }),
    ];
    farm.torpors = [
      { name: 'torpor-a', version: '0.1.0', self: true, silentMs: 0, answered: true, streams: 1 },
      { name: 'torpor-b', version: '0.2.0', self: false, silentMs: 900, answered: true, streams: 6 },
      { name: 'torpor-c', version: '0.1.0', self: false, silentMs: 4_000, answered: false, streams: null },
    ];
    await io.run('status');
    expect(io.stdout).toMatch(/vdi-01 .* 5\/7 /);
    expect(io.stdout).toMatch(/vdi-02 .* 1\/1\+\? /);
    expect(io.stdout).toContain(
      [
        'torpor torpor-a 0.1.0, this one: 1 stream',
        'torpor torpor-b 0.2.0: 6 streams',
        'torpor torpor-c 0.1.0: did not answer, last heard of 4s ago',
        '',
      ].join('\n'),
    );
    farm.openStreams = [{ ...fakeStream(), instance: 'torpor-b' }];
    await io.run('streams');
    expect(io.stdout).toMatch(/AT +PLATFORM/);
    expect(io.stdout).toMatch(/torpor-b +vdi-01/);
  });

  it('text with escape sequences and line breaks -> shown without them', async () => {
    farm.statuses = [fakePlatform({ why: '\u001b[2J\u001b]0;title\u0007gone\nand more' })];
    await io.run('status');
    expect(io.stdout).toContain('gone and more');
    expect(io.stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(io.stdout.trim().split('\n')).toHaveLength(2);
  });
});

describe('explain and streams', () => {
  it('explain -> summary, what keeps it awake, who is active', async () => {
    expect(await io.run('explain', 'vdi-01')).toBe(0);
    expect(io.stdout).toMatch(/^vdi-01 stays awake because 10\.0\.2\.7 is active on alice, for at most 4m 10s more\n/);
    expect(io.stdout).toMatch(/ {2}pool {2}10\.0\.2\.7 is active on alice/);
    expect(io.stdout).toMatch(/ {2}10\.0\.2\.7:50123 {2}alice .* client bytes/);
  });

  it('explain --json -> as the API has it', async () => {
    await io.run('explain', 'vdi-01', '--json');
    expect(JSON.parse(io.stdout)).toEqual(farm.explain('vdi-01'));
  });

  it('streams -> one line each; none -> said', async () => {
    farm.openStreams = [fakeStream(), fakeStream({ id: 's2', active: false, heldBytes: 2048, mode: 'holding' })];
    expect(await io.run('streams')).toBe(0);
    const lines = io.stdout.trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[2]).toMatch(/rdp-tls +holding +no .* 2 KiB .*every byte counts$/);
    farm.openStreams = [];
    const empty = new FakeIo();
    empty.env.TORPOR_API = api.url;
    await empty.run('streams');
    expect(empty.stdout).toBe('no streams\n');
  });
});

describe('a Torpor whose clock is another one', () => {
  it.each([3_600_000, -3_600_000])('%i ms ahead -> durations by its clock', async (aheadMs) => {
    const nowMs = () => Date.now() + aheadMs;
    const elsewhere = await startApi(farm, {
      ...{ listen: { host: '127.0.0.1', port: 0 }, log: new KeptLog(), version: '1.2.3', nowMs },
    });
    io.env.TORPOR_API = elsewhere.url;
    const sinceMs = nowMs() - 300_000;
    farm.statuses = [fakePlatform({ sinceMs })];
    farm.openStreams = [fakeStream({ openedAtMs: sinceMs, lastActiveAtMs: sinceMs })];
    try {
      expect(await io.run('status')).toBe(0);
      expect(columns(io.stdout.split('\n')[1])[2]).toBe('5m');
      io.stdout = '';
      expect(await io.run('streams')).toBe(0);
      expect(io.stdout).toMatch(/ 5m ago +5m /);
    } finally {
      await elsewhere.close();
    }
  });
});

describe('status and explain: what keeps it awake', () => {
  it('inhibitors and checks -> named, with the time that is left and what they said last', async () => {
    const nowMs = Date.now();
    farm.change('vdi-01', {
      inhibitors: [
        { kind: 'operator', name: 'operator', why: 'a new fan', sinceMs: nowMs, untilMs: nowMs + 3_600_400 },
        { kind: 'check', name: 'backup', why: 'rsync runs', sinceMs: nowMs, untilMs: null },
      ],
      checks: [
        { kind: 'check', name: 'backup', outcome: 'busy', why: 'rsync runs', atMs: nowMs - 30_000, blocks: true },
        { kind: 'host', name: 'vfio', outcome: 'pending', why: 'not asked yet', atMs: nowMs, blocks: false },
      ],
    });
    expect(await io.run('status')).toBe(0);
    expect(io.stdout).toContain('  operator 1h, check backup  ');
    expect(await io.run('explain', 'vdi-01')).toBe(0);
    expect(io.stdout).toMatch(
      /What the checks said last:\n {2}check backup +busy +30s ago +rsync runs\n {2}host vfio +pending +not asked yet\n/,
    );
  });
});

describe('report', () => {
  const HOUR_MS = 3_600_000;

  function report(changes: Parameters<typeof fakeReport>[0] = {}) {
    return fakeReport({ sinceMs: Date.now() - 100 * HOUR_MS, ...changes });
  }

  it('observe mode -> what it would have slept, and who kept it awake', async () => {
    farm.reports = [report()];
    expect(await io.run('report')).toBe(0);
    const [title, slept, would, heading, who, others] = io.stdout.split('\n');
    expect(title).toBe('vdi-01 (observe), since Torpor started 4d 4h ago:');
    expect([slept, would]).toEqual([
      '  slept never',
      '  would have slept 1d 16h (40 % of the time): 4 suspends, 3 wakes',
    ]);
    expect(columns(heading)).toEqual(['WHO KEPT IT AWAKE', 'VM', 'ACTIVE', 'OF THAT ALONE', 'TIMES']);
    expect(columns(who)).toEqual(['10.0.2.7', 'alice', '1d 6h', '2h', '12']);
    expect(others).toBe('  others together 1m');
  });

  it('armed, nobody was active -> what it slept, and nothing that would have been', async () => {
    const slept = { totalMs: 50 * HOUR_MS, suspends: 1, wakes: 1 };
    farm.reports = [report({ mode: 'armed', slept, keptAwakeBy: [], othersActiveMs: 0 })];
    await io.run('report', 'vdi-01');
    expect(io.stdout.trim().split('\n')).toEqual([
      'vdi-01 (armed), since Torpor started 4d 4h ago:',
      '  slept 2d 2h (50 % of the time): 1 suspend, 1 wake',
      '  nobody was active',
    ]);
  });

  it('--json, one platform of two -> as the API has it; an unknown one -> told', async () => {
    farm.reports = [report(), report({ platform: 'vdi-02' })];
    await io.run('report', 'vdi-02', '--json');
    expect(JSON.parse(io.stdout)).toEqual([farm.reports[1]]);
    expect(await io.run('report', 'vdi-03')).toBe(1);
    expect(io.stderr).toContain('no platform is called "vdi-03"; there are: vdi-01, vdi-02');
  });
});

describe('wake, sleep, inhibit, release', () => {
  it('wake -> asked, exit code 0', async () => {
    farm.change('vdi-01', { state: 'asleep', why: 'evidence of sleep' });
    expect(await io.run('wake', 'vdi-01')).toBe(0);
    expect(farm.calls).toEqual(['wake vdi-01 (operator, by torpor wake)']);
    expect(io.stdout).toBe('vdi-01 was asked to wake: evidence of sleep\n');
  });

  it('wake --wait -> each step told, 0 once it is awake', async () => {
    farm.change('vdi-01', { state: 'asleep' });
    const run = io.run('wake', 'vdi-01', '--wait');
    await eventually('the request', () => farm.calls.length === 1);
    farm.change('vdi-01', { state: 'waking', why: 'chassis on accepted' });
    await eventually('the step', () => io.stdout.includes('vdi-01 is waking: chassis on accepted'));
    farm.change('vdi-01', { state: 'awake', why: 'a VM answers' });
    expect(await run).toBe(0);
    expect(io.stdout.endsWith('vdi-01 is awake: a VM answers\n')).toBe(true);
    expect(io.signalListeners).toBe(0);
  });

  it('wake --wait, and it fails -> exit code 1 with the reason', async () => {
    farm.change('vdi-01', { state: 'asleep' });
    const run = io.run('wake', 'vdi-01', '--wait');
    await eventually('the request', () => farm.calls.length === 1);
    farm.change('vdi-01', { state: 'failed', sinceMs: FAKE_NOW_MS + 1, failures: 1, why: 'no VM answered for 60s' });
    expect(await run).toBe(1);
    expect(io.stderr).toBe('torpor: vdi-01 did not become awake: no VM answered for 60s\n');
  });

  it('wake --wait --timeout, and nothing happens -> exit code 1 in time', async () => {
    farm.change('vdi-01', { state: 'asleep', why: 'evidence of sleep' });
    expect(await io.run('wake', 'vdi-01', '--wait', '--timeout', '300ms')).toBe(1);
    expect(io.stderr).toContain('vdi-01 is asleep after 300ms: evidence of sleep; torpor explain vdi-01 tells more');
  });

  it('wake --wait, interrupted -> exit code 1 at once', async () => {
    farm.change('vdi-01', { state: 'asleep' });
    const run = io.run('wake', 'vdi-01', '--wait');
    await eventually('the request', () => farm.calls.length === 1);
    await eventually('the wait', () => io.signalListeners === 1);
    io.signal('SIGINT');
    expect(await run).toBe(1);
    expect(io.stderr).toContain('the wait for awake was interrupted');
  });

  it('sleep over active users -> exit code 1, and who', async () => {
    farm.sleepRefusal = new TorporError(
      'ERR_PLATFORM_BUSY',
      'vdi-01 is in use by 10.0.2.7 on alice: wait, or force it',
    );
    expect(await io.run('sleep', 'vdi-01')).toBe(1);
    expect(io.stderr).toBe('torpor: vdi-01 is in use by 10.0.2.7 on alice: wait, or force it\n');
  });

  it('sleep --force -> forced', async () => {
    expect(await io.run('sleep', 'vdi-01', '--force')).toBe(0);
    expect(farm.calls).toEqual(['sleep vdi-01 force=true']);
  });

  it.each(['asleep', 'saving', 'suspending'] as const)(
    'sleep while it is %s -> nothing asked, exit code 0',
    async (state) => {
      farm.change('vdi-01', { state });
      expect(await io.run('sleep', 'vdi-01')).toBe(0);
      expect(farm.calls).toEqual([]);
    },
  );

  it('sleep --wait, and it turns back -> exit code 1 with the reason', async () => {
    const run = io.run('sleep', 'vdi-01', '--wait');
    await eventually('the request', () => farm.calls.length === 1);
    farm.change('vdi-01', { state: 'drowsy', sinceMs: FAKE_NOW_MS + 1, why: 'asked by an operator' });
    await eventually('the step', () => io.stdout.includes('is drowsy'));
    farm.change('vdi-01', { state: 'awake', sinceMs: FAKE_NOW_MS + 2, why: '10.0.2.7 became active' });
    expect(await run).toBe(1);
    expect(io.stderr).toBe('torpor: vdi-01 did not become asleep: 10.0.2.7 became active\n');
  });

  it('sleep --wait --json -> only the last status', async () => {
    const run = io.run('sleep', 'vdi-01', '--wait', '--json');
    await eventually('the request', () => farm.calls.length === 1);
    farm.change('vdi-01', { state: 'suspending', sinceMs: FAKE_NOW_MS + 1 });
    farm.change('vdi-01', { state: 'asleep', sinceMs: FAKE_NOW_MS + 2 });
    expect(await run).toBe(0);
    expect(JSON.parse(io.stdout)).toMatchObject({ name: 'vdi-01', state: 'asleep' });
  });

  it('inhibit and release -> passed on', async () => {
    expect(await io.run('inhibit', 'vdi-01', '--for', '2h', '--why', 'memory test')).toBe(0);
    expect(await io.run('inhibit', 'vdi-01', '--name', 'fan', '--why', 'until I say so')).toBe(0);
    expect(await io.run('release', 'vdi-01', '--name', 'fan')).toBe(0);
    expect(await io.run('release', 'vdi-01')).toBe(0);
    expect(farm.calls).toEqual([
      'inhibit vdi-01 operator for=7200000 (memory test)',
      'inhibit vdi-01 fan for=null (until I say so)',
      'release vdi-01 fan',
      'release vdi-01',
    ]);
    expect(io.stdout).toContain('vdi-01 will not be put to sleep for 2h\n');
    expect(io.stdout).toContain('vdi-01 will not be put to sleep until: torpor release vdi-01 --name fan\n');
  });

  it('inhibit --list -> a line each with kind, name, since, time left and why, of one platform or of all', async () => {
    const nowMs = Date.now();
    farm.change('vdi-01', {
      inhibitors: [
        { kind: 'check', name: 'backup', why: 'rsync\u001b[2J runs', sinceMs: nowMs - 60_000, untilMs: null },
        { kind: 'operator', name: 'fan', why: 'a new fan', sinceMs: nowMs - 7_200_000, untilMs: nowMs + 3_600_400 },
      ],
    });
    expect(await io.run('inhibit', '--list')).toBe(0);
    expect(io.stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['PLATFORM', 'KIND', 'NAME', 'SINCE', 'LEFT', 'WHY'],
      ['vdi-01', 'operator', 'fan', '2h', '1h', 'a new fan'],
      ['vdi-01', 'check', 'backup', '1m', '-', 'rsync runs'],
      [''],
    ]);
    expect(await io.run('inhibit', 'vdi-01', '--list', '--json')).toBe(0);
    expect(JSON.parse(io.stdout.slice(io.stdout.indexOf('[{')))).toMatchObject([
      { platform: 'vdi-01', kind: 'check', untilMs: null },
      { platform: 'vdi-01', kind: 'operator' },
    ]);
  });

  it('inhibit --list, nothing inhibits -> says so', async () => {
    expect(await io.run('inhibit', '--list')).toBe(0);
    expect(io.stdout).toMatch(/^nothing inhibits a sleep/);
  });

  it('drain and undrain -> passed on, and what it means', async () => {
    expect(await io.run('drain', 'vdi-01')).toBe(0);
    expect(io.stdout).toContain('vdi-01 is drained: nobody new is placed there, 3 open connections stay');
    expect(await io.run('undrain', 'vdi-01')).toBe(0);
    expect(farm.calls).toEqual(['drain vdi-01 true', 'drain vdi-01 false']);
  });

  it('maintenance on and off -> passed on, and what it means', async () => {
    farm.change('vdi-01', { maintenance: true, maintenanceWhy: 'a new fan' });
    expect(await io.run('maintenance', 'on', 'vdi-01', '--why', 'a new fan')).toBe(0);
    expect(io.stdout).toMatch(/^vdi-01 is in maintenance \(a new fan\): no client wakes it/);
    expect(await io.run('maintenance', 'off', 'vdi-01')).toBe(0);
    expect(farm.calls).toEqual([
      'maintenance on vdi-01 (a new fan)',
      'maintenance off vdi-01 (ordered by an operator)',
    ]);
  });

  it.each([
    ['inhibit', '--why', 'x'],
    ['inhibit', 'vdi-01'],
    ['inhibit', 'vdi-01', '--list', '--why', 'x'],
    ['maintenance', 'vdi-01'],
    ['maintenance', 'maybe', 'vdi-01'],
    ['maintenance', 'off', 'vdi-01', '--why', 'x'],
  ])('%s %s %s: bad usage -> exit code 2, nothing asked', async (...args) => {
    expect(await io.run(...args)).toBe(2);
    expect(farm.calls).toEqual([]);
  });

  it('inhibit with a reason the API refuses -> exit code 1 and its words', async () => {
    expect(await io.run('inhibit', 'vdi-01', '--why', ' ')).toBe(1);
    expect(io.stderr).toMatch(/^torpor: why: /);
  });

  it.each([
    ['explain', 'nobody'],
    ['wake', 'nobody'],
    ['sleep', 'nobody'],
    ['release', 'nobody'],
    ['maintenance', 'on', 'nobody'],
    ['inhibit', 'nobody', '--why', 'x'],
    ['wake', '../streams?x=%00'],
  ])('%s %s: unknown -> exit code 1 and the known names', async (...args) => {
    expect(await io.run(...args)).toBe(1);
    expect(io.stderr).toContain('no platform is called');
    expect(io.stderr).toContain('there are: vdi-01');
  });
});

describe('events', () => {
  it('the kept ones -> a line each, oldest first', async () => {
    farm.emit('awake -> drowsy: nobody is active', 'transition');
    farm.emit('wake failed', 'alarm');
    expect(await io.run('events')).toBe(0);
    const lines = io.stdout.trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} vdi-01 transition {4}awake -> drowsy: nobody/);
  });

  it('--json -> one JSON line each', async () => {
    const sent = [farm.emit('one'), farm.emit('two')];
    await io.run('events', '--json');
    expect(
      io.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(sent);
  });

  it('--follow -> kept and new ones, until interrupted', async () => {
    farm.emit('before');
    const run = io.run('events', '--follow');
    await eventually('the kept event', () => io.stdout.includes('before'));
    farm.emit('after');
    await eventually('the new event', () => io.stdout.includes('after'));
    io.signal('SIGINT');
    expect(await run).toBe(0);
    expect(io.stdout.trim().split('\n')).toHaveLength(2);
    await eventually('the API to notice', () => farm.listenerCount === 0);
  });

  it('--follow over a restart of the API -> goes on where it left off', async () => {
    farm.emit('one');
    const run = io.run('events', '--follow');
    await eventually('the first event', () => io.stdout.includes('one'));
    const { port } = new URL(api.url);
    await api.close();
    farm.emit('two');
    const listen = { host: '127.0.0.1', port: Number(port) };
    api = await startApi(farm, { listen, log: new KeptLog(), version: '1.2.3' });
    await eventually('the missed event', () => io.stdout.includes('two'));
    io.signal('SIGTERM');
    expect(await run).toBe(0);
    expect(io.stdout.match(/ one$/gm)).toHaveLength(1);
  });

  it('--follow over a restart of Torpor -> a word about what is missing, on stderr', async () => {
    for (let index = 0; index < 5; index += 1) farm.emit(`old ${index}`);
    const run = io.run('events', '--follow');
    await eventually('the old events', () => io.stdout.includes('old 4'));
    const { port } = new URL(api.url);
    await api.close();
    farm.forgetEvents();
    farm.emit('new life');
    const listen = { host: '127.0.0.1', port: Number(port) };
    api = await startApi(farm, { listen, log: new KeptLog(), version: '1.2.3' });
    await eventually('the new event', () => io.stdout.includes('new life'));
    io.signal('SIGINT');
    await run;
    expect(io.stderr).toContain('some events are missing here');
  });
});

describe('no Torpor', () => {
  const others: Server[] = [];
  afterEach(async () => {
    for (const other of others.splice(0)) await new Promise((resolve) => other.close(resolve));
  });

  /** Something that is not Torpor, at an address of its own. */
  async function answerWith(status: number, type: string, body: string): Promise<string> {
    const other = createHttpServer((_request, response) => {
      response.writeHead(status, { 'content-type': type, connection: 'close' });
      response.end(body);
    });
    others.push(other);
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  }

  it.each([
    ['status'],
    ['streams'],
    ['events'],
    ['events', '--follow'],
    ['explain', 'x'],
    ['wake', 'x', '--wait'],
    ['sleep', 'x'],
    ['release', 'x'],
    ['inhibit', 'x', '--why', 'y'],
  ])('%s %s: nothing listens -> exit code 1, and how to start it', async (...args) => {
    await api.close();
    expect(await io.run(...args.filter((word) => word !== undefined))).toBe(1);
    expect(io.stderr).toBe(
      `torpor: no Torpor at ${api.url}: nothing listens there; start it with: torpor run --config FILE, ` +
        'or name its address with --api or TORPOR_API\n',
    );
    expect(io.stdout).toBe('');
  });

  it('--api before TORPOR_API', async () => {
    io.env.TORPOR_API = 'http://127.0.0.1:1';
    expect(await io.run('status', '--api', `${api.url}/`)).toBe(0);
  });

  it.each([
    [200, 'text/html', '<html>'],
    [404, 'text/html', 'not found'],
    [404, 'application/json', '{}'],
    [500, 'text/plain', 'oops'],
  ])('an answer %d of type %s -> not Torpor, exit code 1', async (status, type, body) => {
    io.env.TORPOR_API = await answerWith(status, type, body);
    for (const args of [['status'], ['events', '--follow'], ['wake', 'x']]) {
      io.stderr = '';
      expect(await io.run(...args)).toBe(1);
      expect(io.stderr).toContain('what answers there is not Torpor');
    }
  });

  it.each(['{}', 'null', '3', '"x"'])('JSON of another shape, %s -> not Torpor, exit code 1', async (body) => {
    io.env.TORPOR_API = await answerWith(200, 'application/json', body);
    expect(await io.run('status')).toBe(1);
    expect(io.stderr).toContain('what answers there is not Torpor');
  });

  it('JSON that breaks off -> exit code 1, no stack', async () => {
    io.env.TORPOR_API = await answerWith(200, 'application/json', '[{"name":');
    expect(await io.run('status')).toBe(1);
    expect(io.stderr).toMatch(/^torpor: no Torpor at [^\n]+\n$/);
  });
});
