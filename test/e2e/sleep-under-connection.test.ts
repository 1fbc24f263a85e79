// The main job end to end, with Node alone: the built Torpor between a TCP client and a simulated platform.
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { bothEndsEstablished } from '../support/kernel-tcp.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage, UNHURRIED } from './support/stage.ts';

/** Far more than a socket's buffers on the way hold by themselves, far less than the hold's bound. */
const HELD_BYTES = 512 * 1024;

describe.concurrent('torpor run in front of a simulated platform', { timeout: E2E_TIMEOUT_MS }, () => {
  test('sleep: the only client is idle -> asleep under its open connection, its next line wakes, each line once', async () => {
    await using stage = await Stage.open(UNHURRIED);
    const torpor = await stage.run();
    using client = await stage.connect();
    expect(await client.ask('one')).toMatch(/^alice n=1 boot=\S+ one$|^vmalice n=1 boot=\S+ one$/);

    await torpor.waitForState(PLATFORM, 'asleep');
    expect(stage.platform.host.powerState()).toBe('S3');
    expect(client.state).toBe('open');
    expect(bothEndsEstablished(client.localPort, stage.listenPort)).toBe(true);
    const bootId = stage.platform.host.bootId;

    client.write('two\nthree\n');
    expect(await client.readLine()).toMatch(/ n=2 .*two$/);
    expect(await client.readLine()).toMatch(/ n=3 .*three$/);
    expect(client.unread).toEqual([]);
    expect(stage.platform.host.bootId).toBe(bootId);
    expect(stage.platform.host.buttonPresses).toBe(1);
  });

  test('sleep: bytes and a FIN from a client of a sleeper -> all delivered in order after the wake', async () => {
    await using stage = await Stage.open(UNHURRIED);
    const torpor = await stage.run();
    await torpor.waitForState(PLATFORM, 'asleep');

    const bytes = randomBytes(HELD_BYTES / 2).toString('hex');
    using client = await stage.connect();
    client.write(bytes);
    client.end();
    const expected = createHash('sha256').update(bytes).digest('hex');
    await eventually('every byte at the VM, then the FIN', () => {
      return stage.platform.vm('alice').connections.some((at) => at.closed && at.receivedSha256() === expected);
    });
    expect(stage.platform.host.buttonPresses).toBe(1);
  });

  test('sleep: a client is active -> 409 that names it; forced -> asleep', async () => {
    await using stage = await Stage.open({ idleTimeout: '10m' });
    const torpor = await stage.run();
    using client = await stage.connect();
    await stage.readyToSleep(torpor);
    await client.ask('one');
    const [refused, problem] = await torpor.ask(PLATFORM, 'sleep');
    expect(refused).toBe(409);
    expect(JSON.stringify(problem)).toContain(`127.0.0.1:${client.localPort}`);
    expect(stage.platform.host.buttonPresses).toBe(0);

    await torpor.ask(PLATFORM, 'sleep', { force: true });
    await torpor.waitForState(PLATFORM, 'asleep');
    expect(await client.ask('two')).toMatch(/ n=2 .*two$/);
  });
});
