// A configuration that is read again while clients are connected: what changed takes effect, and no stream of a listener that stays ends.
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LineClient } from '../support/line-client.ts';
import { freePort } from '../support/ports.ts';
import { writeFarmConfig } from '../support/torpor-config.ts';
import { atPhase, untilPressed } from './support/scene.ts';
import { E2E_TIMEOUT_MS, PASSWORD, PLATFORM, Stage, UNHURRIED, USER } from './support/stage.ts';

const SECOND = 'vdi-02';

/** The stage's platform and, behind the same simulated BMC, a second name: never both at once with the BMC. */
function farmOf(stage: Stage, second: { readonly port: number; readonly bmcPort: number; readonly target: string }) {
  const [vm] = stage.alice({}).vms;
  const bmc = { port: stage.platform.bmcPort, user: USER, password: PASSWORD };
  return {
    first: { platform: PLATFORM, bmc, vms: [vm as NonNullable<typeof vm>], idleTimeout: '10m' },
    second: {
      platform: SECOND,
      bmc: { ...bmc, port: second.bmcPort },
      vms: [{ name: 'bob', listenPort: second.port, target: second.target, probe: 'none' }],
      idleTimeout: '10m',
    },
  };
}

describe('a configuration that is read again', { timeout: E2E_TIMEOUT_MS }, () => {
  test('reload: shorter idleTimeout and mode armed -> it falls asleep under the open stream, whose next line wakes it', async () => {
    await using stage = await Stage.open({ ...UNHURRIED, idleTimeout: '10m', mode: 'observe' });
    const torpor = await stage.runHere();
    await stage.readyToSleep(torpor);
    using client = await stage.connect();
    await client.ask('one');
    stage.configure({ ...UNHURRIED, mode: 'armed' });
    const outcome = await torpor.reload(stage.configPath);
    expect(outcome).toEqual({ changes: [`${PLATFORM}: mode, idleTimeout, vms`], kept: [], problems: [] });
    expect((await torpor.platform(PLATFORM)).state).toBe('awake');
    await torpor.waitForState(PLATFORM, 'asleep');
    expect(client.state).toBe('open');
    expect(await client.ask('two')).toMatch(/ n=2 .*two$/);
    expect(stage.platform.host.buttonPresses).toBe(1);
  });

  test('reload while asleep: its control is another one -> asleep still, nothing pressed, the held stream wakes it', async () => {
    await using stage = await Stage.open();
    const torpor = await stage.runHere();
    using client = await stage.connect();
    await client.ask('one');
    await torpor.waitForState(PLATFORM, 'asleep');
    stage.configure({ minAwake: '10m' });
    await torpor.reload(stage.configPath);
    expect((await torpor.platform(PLATFORM)).state).toBe('asleep');
    expect(stage.platform.host.phase).toBe('asleep');
    expect(await client.ask('two')).toMatch(/ n=2 .*two$/);
    expect((await torpor.platform(PLATFORM)).blockers.map(({ kind }) => kind)).toContain('min-awake');
    expect(stage.platform.host.buttonPresses).toBe(1);
  });

  test('reload while it suspends -> the change waits until the sleep is there, one press, then it counts', async () => {
    await using stage = await Stage.open();
    const { bmc } = stage.platform;
    const torpor = await stage.runHere();
    using client = await stage.connect();
    await client.ask('one');
    // As long as nobody tells what became of the press it suspends, however late the file is read.
    atPhase(stage, 'suspending', () => {
      bmc.faults.silent = true;
    });
    await untilPressed(stage);
    stage.configure({ minAwake: '10m' });
    const { changes } = await torpor.reload(stage.configPath);
    expect(changes).toContain(`${PLATFORM} follows when it is not suspending any more`);
    bmc.faults.silent = false;
    await torpor.waitForState(PLATFORM, 'asleep');
    expect(await client.ask('two')).toMatch(/ n=2 .*two$/);
    expect(stage.platform.host.buttonPresses).toBe(1);
    await eventually('minAwake to count', async () =>
      (await torpor.platform(PLATFORM)).blockers.some(({ kind }) => kind === 'min-awake'),
    );
  });

  test('reload: a platform added, then taken out -> its clients come, later ones are refused, the open one stays to its end', async () => {
    await using stage = await Stage.open();
    await using other = await Stage.open();
    const port = await freePort();
    const target = `127.0.0.1:${other.platform.vmPorts[0]}`;
    const { first, second } = farmOf(stage, { port, bmcPort: other.platform.bmcPort, target });
    const { apiPort } = stage;
    writeFarmConfig(stage.folder, { apiPort, platforms: [first] });
    const torpor = await stage.runHere();
    using alice = await stage.connect();
    await alice.ask('one');

    writeFarmConfig(stage.folder, { apiPort, platforms: [first, second] });
    expect((await torpor.reload(stage.configPath)).changes).toEqual([`${SECOND} added`]);
    using bob = await LineClient.connect(port);
    await bob.ask('hello');
    expect((await torpor.platforms()).map(({ name }) => name)).toEqual([PLATFORM, SECOND]);

    writeFarmConfig(stage.folder, { apiPort, platforms: [first] });
    expect((await torpor.reload(stage.configPath)).changes).toEqual([`${SECOND} taken out`]);
    await expect(LineClient.connect(port)).rejects.toThrow('ECONNREFUSED');
    expect(await bob.ask('still here')).toMatch(/still here$/);
    const [inhibitor] = (await torpor.platform(SECOND)).inhibitors;
    expect(inhibitor).toMatchObject({ kind: 'torpor', untilMs: null });

    // Wanted again, it goes on with the stream it had.
    writeFarmConfig(stage.folder, { apiPort, platforms: [first, second] });
    expect((await torpor.reload(stage.configPath)).changes).toEqual([`${SECOND} is back`]);
    expect((await torpor.platform(SECOND)).inhibitors).toEqual([]);
    using carol = await LineClient.connect(port);
    await carol.ask('new');
    expect(await bob.ask('and here')).toMatch(/and here$/);

    writeFarmConfig(stage.folder, { apiPort, platforms: [first] });
    await torpor.reload(stage.configPath);
    const jobFolder = join(stage.folder.path, 'state', 'spool', SECOND, 'bob-9100');
    mkdirSync(jobFolder, { recursive: true });
    writeFileSync(join(jobFolder, '000000000001-0000abcd.job'), 'a job');
    bob.destroy();
    carol.destroy();
    await eventually('the platform to be out', async () => (await torpor.platforms()).length === 1);
    await eventually('its print job to be told', async () =>
      (await torpor.events()).some(({ message }) => message.startsWith('1 spooled job lies in')),
    );
    expect(await alice.ask('two')).toMatch(/ n=2 .*two$/);
  });

  test('reload: a change that waits for a sleep, then the platform taken out -> out it stays, nothing is listened on again', async () => {
    await using stage = await Stage.open();
    await using other = await Stage.open({}, { suspendMs: 10_000 });
    const port = await freePort();
    const target = `127.0.0.1:${other.platform.vmPorts[0]}`;
    const { first, second } = farmOf(stage, { port, bmcPort: other.platform.bmcPort, target });
    const sleeper = { ...second, idleTimeout: '500ms' };
    const { apiPort } = stage;
    writeFarmConfig(stage.folder, { apiPort, platforms: [first, sleeper] });
    const torpor = await stage.runHere();
    await torpor.waitForState(SECOND, 'suspending');

    writeFarmConfig(stage.folder, { apiPort, platforms: [first, { ...sleeper, minAwake: '10m' }] });
    expect((await torpor.reload(stage.configPath)).changes).toContain(
      `${SECOND} follows when it is not suspending any more`,
    );
    writeFarmConfig(stage.folder, { apiPort, platforms: [first] });
    expect((await torpor.reload(stage.configPath)).changes).toEqual([`${SECOND} taken out`]);
    await eventually('the platform to be out', async () => (await torpor.platforms()).length === 1);
    await expect(LineClient.connect(port)).rejects.toThrow('ECONNREFUSED');
  });

  test('reload: a missing secret, a taken port, another API address -> told by name, all that was stays, streams too', async () => {
    await using stage = await Stage.open({ idleTimeout: '10m' });
    const torpor = await stage.runHere();
    using client = await stage.connect();
    await client.ask('one');

    stage.configure({ idleTimeout: '10m', minAwake: '1h' });
    rmSync(stage.folder.file(`bmc-password-${PLATFORM}`));
    const refused = await torpor.reload(stage.configPath);
    expect(refused.problems).toEqual([expect.stringMatching(/^vdi-01 stays as it was: cannot read the password/)]);

    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    stage.configure({
      idleTimeout: '10m',
      apiPort: await freePort(),
      vms: [
        ...stage.alice({}).vms,
        { name: 'bob', listenPort: (taken.address() as AddressInfo).port, target: '127.0.0.1:9', probe: 'none' },
      ],
    });
    const partly = await torpor.reload(stage.configPath);
    expect(partly.kept).toEqual(['api']);
    expect(partly.problems).toEqual([expect.stringContaining('EADDRINUSE')]);
    expect(await client.ask('two')).toMatch(/ n=2 .*two$/);
    using another = await stage.connect();
    await another.ask('new');
    const told = (await torpor.events()).filter(({ platform }) => platform === '-');
    expect(told.map(({ kind }) => kind)).toEqual(['alarm', 'config', 'alarm', 'config']);
    taken.close();
  });
});
