// Observe mode with its report, recording, and prefaces, end to end: the built Torpor in front of a simulated platform.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PlatformReport } from '../../src/platform/status.ts';
import { eventually } from '../support/eventually.ts';
import { runTorpor } from '../support/torpor-process.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage, UNHURRIED } from './support/stage.ts';

describe.concurrent('torpor run, asked who is there', { timeout: E2E_TIMEOUT_MS }, () => {
  test('observe mode: a client leaves and comes back -> nothing pressed; the report says what it would have slept', async () => {
    await using stage = await Stage.open({ mode: 'observe' });
    const torpor = await stage.run();
    await stage.readyToSleep(torpor);
    using client = await stage.connect();
    await client.ask('one');
    const sleeps = async () => (await torpor.report())[0]?.wouldHaveSlept ?? { suspends: 0, wakes: 0 };
    // However soon after its line: it has woken by that, and each wake has its suspend before it.
    const before = await eventually('a sleep that would be', async () => {
      const so = await sleeps();
      return so.suspends > so.wakes ? so : null;
    });
    await client.ask('two');
    await eventually('its wake', async () => (await sleeps()).wakes > before.wakes);
    const [report] = (await torpor.report()) as [PlatformReport];
    expect(report).toMatchObject({
      platform: PLATFORM,
      mode: 'observe',
      slept: { totalMs: 0, suspends: 0, wakes: 0 },
      keptAwakeBy: [{ client: '127.0.0.1', vm: 'alice' }],
    });
    expect(report.wouldHaveSlept.totalMs).toBeGreaterThan(0);
    expect(report.keptAwakeBy[0]?.entries).toBeGreaterThanOrEqual(2);
    expect([stage.platform.host.buttonPresses, stage.changes]).toEqual([0, []]);
    const { code, output } = await runTorpor(['report', '--api', `http://127.0.0.1:${stage.apiPort}`]);
    expect([code, output]).toEqual([0, expect.stringContaining(`${PLATFORM} (observe), since Torpor started`)]);
    expect(output).toMatch(/ {2}would have slept .* suspends?, /);
  });

  test('armed, preface: a health check at a sleeper -> it sleeps on; a client with a preface -> it wakes', async () => {
    await using stage = await Stage.open();
    stage.configure({ ...UNHURRIED, ...stage.alice({ protocol: 'ssh', wakeOn: 'preface' }) });
    const torpor = await stage.run();
    await torpor.waitForState(PLATFORM, 'asleep');
    using check = await stage.connect();
    check.write('GET /health HTTP/1.0\r\n\r\n');
    await eventually('its reset', () => check.state !== 'open');
    expect((await torpor.platform(PLATFORM)).state).toBe('asleep');
    using client = await stage.connect();
    expect(await client.ask('SSH-2.0-x')).toMatch(/ n=1 .*SSH-2\.0-x$/);
    expect(stage.platform.host.buttonPresses).toBe(1);
  });

  test('record: true -> a trace for its owner only, which torpor classify replays', async () => {
    await using stage = await Stage.open({ mode: 'observe' });
    stage.configure({ mode: 'observe', ...stage.alice({ activity: 'learned', protocol: 'telnet', record: true }) });
    const torpor = await stage.run();
    using client = await stage.connect();
    await client.ask('one');
    await client.ask('two');
    expect((await torpor.stop()).code).toBe(0);
    const folder = stage.folder.file('state/traces');
    const [name = '', ...more] = readdirSync(folder);
    expect(more).toEqual([]);
    expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    const { code, output } = await runTorpor(['classify', '--protocol', 'telnet', join(folder, name)]);
    const found = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(found).toHaveLength(2);
    expect(found[0]).toMatchObject({ active: true, protocol: 'telnet' });
  });
});
