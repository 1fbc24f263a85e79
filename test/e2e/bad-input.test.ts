// What a user may get wrong: each ends in a clear error, never in a stack trace, and never in a suspend.
import { once } from 'node:events';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import type { TorporProcess } from '../support/torpor-process.ts';
import { E2E_TIMEOUT_MS, PASSWORD, PLATFORM, Stage, USER } from './support/stage.ts';

/** Several times all the waits between "all idle" and the press, as the stage configures them. */
const LONG_ENOUGH_TO_SLEEP_MS = 2_500;
/** A frame of a stack trace: `    at connect (file:///x/y.js:1:2)`. */
const STACK_FRAME = /^\s+at .*:\d+:\d+\)?$/m;

function expectClear(output: string, ...mentions: ReadonlyArray<string | RegExp>): void {
  expect(output).not.toMatch(STACK_FRAME);
  expect(output).not.toContain(PASSWORD);
  for (const mention of mentions) expect(output).toMatch(mention);
}

function expectUntouched(stage: Stage): void {
  expect(stage.changes).toEqual([]);
  expect(stage.platform.host.buttonPresses).toBe(0);
}

async function occupy(port: number): Promise<Server> {
  const server = createServer().listen({ host: '127.0.0.1', port });
  await once(server, 'listening');
  return server;
}

/** The reason why the platform stays awake, once there is one of that kind that says so. A busy machine may first be late with an answer. */
async function blockedBy(torpor: TorporProcess, kinds: readonly string[], says: RegExp): Promise<string> {
  return await eventually(`a blocker of kind ${kinds.join(' or ')} that says ${says}`, async () => {
    const { blockers } = await torpor.platform(PLATFORM);
    return blockers.find(({ kind, why }) => kinds.includes(kind) && says.test(why))?.why;
  });
}

describe.concurrent('a wrong BMC in the configuration', { timeout: E2E_TIMEOUT_MS }, () => {
  const wrongPassword = (stage: Stage) => ({ port: stage.platform.bmcPort, user: USER, password: 'not-the-password' });

  test('check: wrong password -> exit code 1, names the password, nothing pressed', async () => {
    await using stage = await Stage.open();
    stage.configure({ bmc: wrongPassword(stage) });
    const { code, output } = await stage.runToEnd('check');
    expect(code).toBe(1);
    expectClear(output, /password/i, `127.0.0.1:${stage.platform.bmcPort}`);
    expect(output).not.toContain('not-the-password');
    expectUntouched(stage);
  });

  test('run: wrong password -> stays awake and says why, nothing pressed', async () => {
    await using stage = await Stage.open();
    stage.configure({ bmc: wrongPassword(stage) });
    const torpor = await stage.run();
    await blockedBy(torpor, ['bmc', 'wake-path'], /password/i);
    await sleep(LONG_ENOUGH_TO_SLEEP_MS);
    expectClear(torpor.output, /password/i);
    expectUntouched(stage);
  });

  test('check: wrong port -> exit code 1, names the address', async () => {
    await using stage = await Stage.open();
    const port = await freePort();
    stage.configure({ bmc: { port, user: USER, password: PASSWORD } });
    const { code, output } = await stage.runToEnd('check');
    expect(code).toBe(1);
    expectClear(output, `127.0.0.1:${port}`);
    expectUntouched(stage);
  });

  test('run: wrong port -> stays awake and says why, and the client is served', async () => {
    await using stage = await Stage.open();
    const port = await freePort();
    stage.configure({ bmc: { port, user: USER, password: PASSWORD } });
    const torpor = await stage.run();
    await blockedBy(torpor, ['bmc'], new RegExp(`127\\.0\\.0\\.1:${port}`));
    using client = await stage.connect();
    expect(await client.ask('still served')).toMatch(/still served$/);
    expectClear(torpor.output);
    expectUntouched(stage);
  });

  test('check: BMC silent -> exit code 1, says that it does not answer', async () => {
    await using stage = await Stage.open();
    stage.platform.bmc.faults.silent = true;
    const { code, output } = await stage.runToEnd('check');
    expect(code).toBe(1);
    expectClear(output, /answer/i, `127.0.0.1:${stage.platform.bmcPort}`);
    expectUntouched(stage);
  });

  test('run: BMC falls silent under an awake platform -> not suspended though every client is idle', async () => {
    await using stage = await Stage.open({ idleTimeout: '3s', drowsyFor: '8s' });
    const torpor = await stage.run();
    using client = await stage.connect();
    await stage.readyToSleep(torpor);
    await client.ask('then idle');
    stage.platform.bmc.faults.silent = true;
    await blockedBy(torpor, ['bmc'], /BMC/);
    await eventually('the client to be idle', async () => (await torpor.platform(PLATFORM)).pool === 0);
    await sleep(LONG_ENOUGH_TO_SLEEP_MS);
    expectClear(torpor.output);
    expectUntouched(stage);
    expect(await client.ask('still served')).toMatch(/still served$/);
  });
});

describe.concurrent('ports and targets that cannot be had', { timeout: E2E_TIMEOUT_MS }, () => {
  test('run: listener port in use -> exit code 1, names address and VM', async () => {
    await using stage = await Stage.open();
    const other = await occupy(stage.listenPort);
    const { code, output } = await stage.runToEnd('run');
    other.close();
    expect(code).toBe(1);
    expectClear(output, `127.0.0.1:${stage.listenPort}`, 'alice', /another program has that port/);
    expectUntouched(stage);
  });

  test('run: API port in use -> exit code 1, names address', async () => {
    await using stage = await Stage.open();
    const other = await occupy(stage.apiPort);
    const { code, output } = await stage.runToEnd('run');
    other.close();
    expect(code).toBe(1);
    expectClear(output, `127.0.0.1:${stage.apiPort}`, 'API', /port is taken/);
    expectUntouched(stage);
  });

  test('run: target refused -> the client is let go, log and status say why, not suspended though idle', async () => {
    await using stage = await Stage.open();
    const target = `127.0.0.1:${await freePort()}`;
    stage.configure({ vms: [{ name: 'alice', listenPort: stage.listenPort, target }] });
    const torpor = await stage.run();
    await torpor.waitForState(PLATFORM, 'awake');
    // Let go at once: perhaps before it knows that it is connected.
    using client = await stage.connect().catch(() => null);
    await client?.whenClosed();
    const closed = await eventually('the end of the stream among the events', async () => {
      return (await torpor.events()).find(({ kind }) => kind === 'stream-closed');
    });
    expect(closed.message).toContain(target);
    await eventually('a reason to stay awake that names the probe', async () => {
      const { blockers } = await torpor.platform(PLATFORM);
      return blockers.some(({ why }) => /no VM answers its probe/.test(why));
    });
    await sleep(LONG_ENOUGH_TO_SLEEP_MS);
    expectClear(torpor.output, target);
    expectUntouched(stage);
  });
});

describe.concurrent('a configuration that cannot be read', { timeout: E2E_TIMEOUT_MS }, () => {
  test.each(['run', 'check'] as const)('%s: broken YAML -> exit code 1, names file and line', async (command) => {
    await using stage = await Stage.open();
    writeFileSync(
      stage.configPath,
      'api: { listen: "127.0.0.1:7070" }\nplatforms:\n  - name: [vdi-01\n    mode: armed\n',
    );
    const { code, output } = await stage.runToEnd(command);
    expect(code).toBe(1);
    expectClear(output, 'torpor.yaml', /:[34]\b|line [34]/);
    expectUntouched(stage);
  });

  test('run: unknown key -> exit code 1, names line and nearest key', async () => {
    await using stage = await Stage.open();
    appendFileSync(stage.configPath, 'stateDirectory: /nowhere\n');
    const { code, output } = await stage.runToEnd('run');
    expect(code).toBe(1);
    expectClear(output, 'stateDirectory', /stateDir\b/);
    expectUntouched(stage);
  });

  test('run: no such configuration -> exit code 1, names the path', async () => {
    await using stage = await Stage.open();
    rmSync(stage.configPath);
    const { code, output } = await stage.runToEnd('run');
    expect(code).toBe(1);
    expectClear(output, stage.configPath);
  });

  test('run: the password file is missing -> exit code 1, names the path', async () => {
    await using stage = await Stage.open();
    rmSync(stage.folder.file(`bmc-password-${PLATFORM}`));
    const { code, output } = await stage.runToEnd('run');
    expect(code).toBe(1);
    expectClear(output, stage.folder.file(`bmc-password-${PLATFORM}`));
    expectUntouched(stage);
  });
});
