// `torpor replay`: a log and generated activity, as table, JSON and page, and what it says to wrong input.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReplayReport } from '../../src/policy/replay-report.ts';
import { FakeIo } from './fakes/fake-io.ts';

const MINUTE_MS = 60_000;
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'torpor-replay-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function run(...args: string[]) {
  const io = new FakeIo();
  const code = await io.run('replay', ...args);
  return { code, out: io.stdout, err: io.stderr };
}

/** Two bursts of one minute, two hours and a minute apart. */
const LOG = [
  { client: 'alice', platform: '<b>vdi</b>', from: 0, to: MINUTE_MS },
  { client: 'alice', platform: '<b>vdi</b>', from: 122 * MINUTE_MS, to: 123 * MINUTE_MS },
]
  .map((line) => JSON.stringify(line))
  .join('\n');

/** What a pool's cost is made of. */
const PARTS = ['energy', 'moving', 'waits', 'wear'];

describe('torpor replay', () => {
  it('a log with one interval of two hours -> energy, waits and cost as reckoned by hand', async () => {
    const file = path.join(folder, 'log.jsonl');
    await writeFile(file, LOG);
    const { code, out } = await run(file, '--json', '--policy', 'fixed=10m', '--time-zone', 'UTC', '--no-curves');
    expect(code).toBe(0);
    const [report] = JSON.parse(out) as ReplayReport[];
    const wattSecond = 0.3 / 3.6e6;
    const asleepS = 7200 - 540 - 5;
    expect(report?.alwaysOn.cost).toBeCloseTo(7200 * 175 * wattSecond, 9);
    expect(report?.policies[0]?.cost).toBeCloseTo((540 * 175 + 13 * 175 + asleepS * 8) * wattSecond + 0.021, 9);
    expect(report?.policies[0]).toMatchObject({ name: 'fixed 10m', waits: 1, cycles: 1, meanWaitS: 8 });
    expect(report?.optimumNoWake.waits).toBe(1);
    expect(report?.optimum).toMatchObject({ waits: 0, preWakes: 1 });
    expect(report?.alwaysOn.kwh).toBeCloseTo((120 * 300 + (7200 + 60) * 175) / 3.6e6, 6);
  });

  it('the same log on stdin -> the same table; a name from outside stays text on the page', async () => {
    const io = new FakeIo();
    io.stdin = [Buffer.from(LOG.slice(0, 70)), Buffer.from(LOG.slice(70))];
    const page = path.join(folder, 'page.html');
    expect(await io.run('replay', '-', '--policy', 'fixed,break-even', '--html', page)).toBe(0);
    expect(io.stdout).toMatch(/fixed 10m/);
    expect(io.stdout).toMatch(/optimum, never waking ahead/);
    const html = await readFile(page, 'utf8');
    expect(html).toContain('&lt;b&gt;vdi&lt;/b&gt;');
    expect(html).not.toContain('<b>vdi');
    expect(html).not.toMatch(/<script|https?:\/\//);
    expect(html.match(/<svg/g)).toHaveLength(2);
  });

  it('generated activity, the same seed twice -> the same figures, learned among them', async () => {
    const args = ['--generate', 'home4', '--seed', '7', '--months', '0.4', '--json', '--no-curves'];
    const [one, other] = [await run(...args), await run(...args)];
    expect(one.code).toBe(0);
    expect(other.out).toBe(one.out);
    const [report] = JSON.parse(one.out) as ReplayReport[];
    expect(report?.policies.map(({ name }) => name)).toEqual([
      'fixed 5m',
      'fixed 10m',
      'fixed 30m',
      'break-even',
      'randomized',
      'learned',
    ]);
    for (const { cost } of report?.policies ?? []) expect(cost).toBeGreaterThanOrEqual(report?.optimum.cost as number);
  });

  it.each([
    [[], /name a log, or --generate/],
    [['nowhere.jsonl'], /cannot be read/],
    [['--generate', 'castle'], /Allowed choices/],
    [['--generate', 'home4', '--policy', 'magic'], /no idle policy/],
    [['--generate', 'home4', '--price-per-cycle', '0'], /wear is never free/],
    [['--generate', 'home4', '--asleep-watts', '200'], /sleeping saves nothing/],
    [['--generate', 'home4', '--count-from', '90d'], /leaves nothing/],
    [['--generate', 'home4', '--time-zone', 'Mars/Crater'], /no time zone/],
    [['--generate', 'home4', '--platforms', '0'], /no number of platforms/],
    [['--generate', 'home4', '--evacuate'], /needs --vms-per-platform/],
    [['--generate', 'home4', '--vms-per-platform', '4'], /add --evacuate/],
    [['--generate', 'home4', '--evacuate', '--vms-per-platform', '4'], /there is only one/],
    [['--generate', 'home4', '--evacuate', '--vms-per-platform', 'many'], /no number of VMs/],
    [
      ['--generate', 'home4', '--platforms', '2', '--evacuate', '--vms-per-platform', '4', '--rest-for', 'x'],
      /no dura/,
    ],
  ])('%j -> exit code 2 and why', async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  it('--evacuate of a log of two platforms -> the difference in the table, in JSON and on the page; VMs as the log names them', async () => {
    const file = path.join(folder, 'log.jsonl');
    const line = (client: string, vm: string, platform: string, from: number, to: number) =>
      JSON.stringify({ client, vm, platform, from: from * MINUTE_MS, to: to * MINUTE_MS });
    const lines = [
      line('ann', '<i>desk</i>', 'a', 0, 30),
      line('amy', '<i>desk</i>', 'a', 120, 121),
      line('bob', 'bench', 'b', 0, 480),
    ];
    await writeFile(file, lines.join('\n'));
    const page = path.join(folder, 'page.html');
    const args = [file, '--policy', 'fixed', '--no-curves', '--evacuate', '--vms-per-platform', '2'];
    const { code, out } = await run(...args, '--html', page);
    expect(code).toBe(0);
    expect(out).toContain('Evacuation: 2 platforms as one pool, 2 VMs, 8h');
    expect(out).toMatch(/^fixed 10m +\d.* 2 +0 +1 +[\d.]+ +0$/m);
    expect(out).toMatch(/^ {2}evacuating +\d.* 1 +0 +0 +[\d.]+ +1$/m);
    expect(out).toMatch(/^ {2}difference +-.* -1 +0 +-1 +-[\d.]+ +\+1$/m);
    expect(out).toMatch(/A move copies 8 GiB in 1m 12s \(9 s per GiB\), draws 60 W on top/);
    const html = await readFile(page, 'utf8');
    expect(html).toContain('fixed 10m, evacuating</th>');
    const json = JSON.parse((await run(...args, '--json')).out);
    const [{ without, with: moved }] = json.evacuation.policies;
    // One chart of where the money goes a platform, and that of the moves.
    expect(html.match(/<svg/g)).toHaveLength(3);
    const chart = html.slice(html.lastIndexOf('<svg'));
    const bars = [...chart.matchAll(/width="([\d.]+)"[^>]*><title>(\w+): ([\d.]+)/g)].map((found) => found.slice(1));
    expect(bars.map(([, part]) => part)).toEqual([...PARTS, ...PARTS]);
    const sumOf = (from: number, column: number) =>
      bars.slice(from, from + 4).reduce((sum, bar) => sum + Number(bar[column]), 0);
    expect([sumOf(0, 2), sumOf(4, 2)]).toEqual([expect.closeTo(without.cost, 2), expect.closeTo(moved.cost, 2)]);
    // As long as they cost, wait and wear: one scale for all.
    expect(sumOf(4, 0) / sumOf(0, 0)).toBeCloseTo(moved.cost / without.cost, 2);
    expect(bars[6]?.[2]).toBe('0.000');
    expect(bars[2]?.[2]).toBe('0.020');
    const share = ((100 * (without.cost - moved.cost)) / without.cost).toFixed(1);
    expect(chart).toContain(`fixed 10m: ${(without.cost - moved.cost).toFixed(2)} less (${share} %), 1 move<`);
    expect(json.platforms).toHaveLength(2);
    expect(json.evacuation.policies[0].difference).toMatchObject({ waits: -1, cycles: -1, moves: 1 });
  });

  it('a log with a broken line -> exit code 1, and which line', async () => {
    const file = path.join(folder, 'log.jsonl');
    await writeFile(file, `${LOG}\n{"client":1}\n`);
    expect(await run(file)).toMatchObject({ code: 1, err: expect.stringMatching(/line 3 of the activity log/) });
  });
});
