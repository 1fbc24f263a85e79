// Why it stays awake, end to end: the built Torpor, a simulated platform, real check commands, kill -9 and a restart.
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { PlatformStatus } from '../../src/platform/status.ts';
import { eventually } from '../support/eventually.ts';
import type { TorporProcess } from '../support/torpor-process.ts';
import { runTorpor } from '../support/torpor-process.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

/** Adds what a platform's owner writes under `inhibitors`. */
function inhibit(stage: Stage, inhibitors: object): void {
  const config = parse(readFileSync(stage.configPath, 'utf8')) as { platforms: object[] };
  config.platforms = config.platforms.map((platform) => ({ ...platform, inhibitors }));
  writeFileSync(stage.configPath, stringify(config));
}

/** For a first run, so that an order is there before the platform sleeps, however busy this machine is. */
const NOT_YET = { minAwake: '10m' };

/** Time enough for several suspends of this platform, if anything let it: it sleeps within a second or two. */
async function staysAwake(stage: Stage, torpor: TorporProcess): Promise<void> {
  await stage.readyToSleep(torpor);
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  expect(stage.platform.host.buttonPresses).toBe(0);
}

function inhibitorsOf({ inhibitors }: PlatformStatus): string[] {
  return inhibitors.map(({ kind, name, why }) => `${kind} ${name}: ${why}`);
}

/** These and no others, as soon as each has been asked. */
async function toldInhibitors(torpor: TorporProcess, wanted: readonly string[]): Promise<void> {
  await eventually(wanted.join(', '), async () => {
    const told = inhibitorsOf(await torpor.platform(PLATFORM)).sort();
    if (isDeepStrictEqual(told, wanted)) return true;
    throw new Error(JSON.stringify(told));
  });
}

describe('inhibitors', { timeout: 2 * E2E_TIMEOUT_MS }, () => {
  test('operator: inhibited, killed at once, restarted -> still inhibited; released -> it sleeps', async () => {
    await using stage = await Stage.open(NOT_YET);
    const torpor = await stage.run();
    const api = ['--api', `http://127.0.0.1:${stage.apiPort}`];
    const done = await runTorpor(['inhibit', PLATFORM, '--name', 'fan', '--for', '2h', '--why', 'a new fan', ...api]);
    expect(done.code, done.output).toBe(0);
    await torpor.killNow();
    stage.configure({});
    const restarted = await stage.run();
    await staysAwake(stage, restarted);
    const listed = await runTorpor(['inhibit', '--list', ...api]);
    expect(listed.output).toMatch(/vdi-01 +operator +fan +\S+ +1h 5\dm +a new fan/);
    expect((await runTorpor(['release', PLATFORM, '--name', 'fan', ...api])).code).toBe(0);
    await restarted.waitForState(PLATFORM, 'asleep');
  });

  test('maintenance: on while it sleeps, killed, restarted -> a client does not wake it; off -> it does', async () => {
    await using stage = await Stage.open();
    const torpor = await stage.run();
    await torpor.waitForState(PLATFORM, 'asleep');
    const api = ['--api', `http://127.0.0.1:${stage.apiPort}`];
    const done = await runTorpor(['maintenance', 'on', PLATFORM, '--why', 'a new fan', ...api]);
    expect(done.code, done.output).toBe(0);
    await torpor.killNow();
    const restarted = await stage.run();
    const status = await restarted.waitForState(PLATFORM, 'asleep');
    expect(status).toMatchObject({ maintenance: true, maintenanceWhy: 'a new fan' });
    using client = await stage.connect();
    client.write('hello\n');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(stage.platform.host.phase).toBe('asleep');
    expect((await runTorpor(['maintenance', 'off', PLATFORM, ...api])).code).toBe(0);
    expect(await client.readLine()).toMatch(/ n=1 .*hello$/);
  });

  test('maintenance: on while awake -> never put to sleep, also not on request', async () => {
    await using stage = await Stage.open(NOT_YET);
    const before = await stage.run();
    const [on] = await before.ask(PLATFORM, 'maintenance', { on: true });
    expect(on).toBe(200);
    await before.stop();
    stage.configure({});
    const torpor = await stage.run();
    await staysAwake(stage, torpor);
    const [status, body] = await torpor.ask(PLATFORM, 'sleep', { force: true });
    expect(status).toBe(409);
    expect(body).toMatchObject({ detail: expect.stringContaining('in maintenance: ordered by an operator') });
  });

  test('check: busy while a file stands -> awake, with its reason in explain; gone -> asleep, begin and end told', async () => {
    await using stage = await Stage.open();
    const lock = stage.folder.file('backup.lock');
    appendFileSync(lock, 'rsync of /home\n');
    inhibit(stage, { checks: [{ name: 'backup', command: `! cat ${lock}`, every: '5s' }] });
    const torpor = await stage.run();
    await staysAwake(stage, torpor);
    await toldInhibitors(torpor, ['check backup: rsync of /home']);
    const api = ['--api', `http://127.0.0.1:${stage.apiPort}`];
    const explained = await runTorpor(['explain', PLATFORM, ...api]);
    expect(explained.output).toContain('inhibited by check backup: rsync of /home');
    expect(explained.output).toMatch(/check backup +busy/);
    rmSync(lock);
    await torpor.waitForState(PLATFORM, 'asleep');
    const told = (await torpor.events()).filter(({ kind }) => kind === 'inhibitor').map(({ facts }) => facts.change);
    expect(told).toEqual(['began', 'ended']);
  });

  test('check: hangs, or cannot be asked -> awake with that reason', async () => {
    await using stage = await Stage.open();
    inhibit(stage, {
      checks: [
        { name: 'hangs', command: 'sleep 600', every: '5s', timeout: '500ms' },
        { name: 'fails', command: 'echo no route; exit 255', every: '5s' },
      ],
    });
    const torpor = await stage.run();
    await staysAwake(stage, torpor);
    await toldInhibitors(torpor, [
      'check fails: cannot be asked: exit code 255: no route',
      'check hangs: cannot be asked: no answer within 500ms',
    ]);
  });

  test('check: is asked once more before the button, and becomes busy just then -> not pressed', async () => {
    await using stage = await Stage.open({ minAwake: '3s' });
    const count = stage.folder.file('asked');
    // Free when it is asked first, busy from its second question on.
    const command = `echo x >> ${count}; test "$(wc -l < ${count})" -lt 2`;
    inhibit(stage, { checks: [{ name: 'late', command, every: '1h' }] });
    const torpor = await stage.run();
    await staysAwake(stage, torpor);
    await eventually('the second question', () => readFileSync(count, 'utf8').length >= 4);
    await toldInhibitors(torpor, ['check late: busy']);
    expect(stage.platform.host.buttonPresses).toBe(0);
  });

  test('wake time: open when Torpor finds a sleeper -> woken without a client, awake for its window', async () => {
    await using stage = await Stage.open();
    const torpor = await stage.run();
    await torpor.waitForState(PLATFORM, 'asleep');
    await torpor.killNow();
    inhibit(stage, { wakeAt: [{ name: 'backup', cron: '* * * * *', for: '1h', timezone: 'UTC' }] });
    const restarted = await stage.run();
    await restarted.waitForState(PLATFORM, 'awake');
    expect(stage.platform.host.phase).toBe('running');
    expect(inhibitorsOf(await restarted.platform(PLATFORM))).toEqual(['schedule backup: * * * * * (UTC)']);
    await eventually('it on disk', () => existsSync(stage.folder.file('state/wake-times/vdi-01.json')));
  });

  test('host: a look at it over its channel keeps it awake, and check tells it', async () => {
    await using stage = await Stage.open();
    const bin = stage.folder.file('bin');
    const run = `mkdir -p ${bin}; printf '#!/bin/sh\\necho daemon a.b\\necho s LS:1:/dev/x:0\\n' > ${bin}/sanlock; chmod +x ${bin}/sanlock; PATH=${bin}:$PATH exec sh -s`;
    inhibit(stage, { hostChecks: { run, every: '10s', checks: ['sanlock', 'vfio'] } });
    const checked = await stage.runToEnd('check');
    expect(checked.output).toMatch(/warning +host sanlock +busy: sanlock renews 1 lockspaces \(LS\)/);
    const torpor = await stage.run();
    await staysAwake(stage, torpor);
    await eventually('what the look found', async () => {
      return inhibitorsOf(await torpor.platform(PLATFORM))[0]?.includes('host sanlock: sanlock renews 1 lockspaces');
    });
    expect(stage.platform.host.buttonPresses).toBe(0);
  });

  test('orders on disk are damaged -> kept awake until somebody has looked', async () => {
    await using stage = await Stage.open();
    mkdirSync(stage.folder.file('state/orders'), { recursive: true });
    writeFileSync(stage.folder.file('state/orders/vdi-01.json'), '{"form":1,"inhib');
    const restarted = await stage.run();
    await staysAwake(stage, restarted);
    expect(inhibitorsOf(await restarted.platform(PLATFORM))[0]).toMatch(
      /unreadable-orders: the operators' orders in .* are damaged/,
    );
    await restarted.ask(PLATFORM, 'release');
    await restarted.waitForState(PLATFORM, 'asleep');
  });
});
