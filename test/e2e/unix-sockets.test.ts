// Unix sockets under the whole program: a sleeper behind one, hand-over, reload, the end.

import { existsSync, lstatSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { isAlive } from '../support/is-alive.ts';
import { LineClient } from '../support/line-client.ts';
import { handedOverTo } from '../support/torpor-process.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

describe('a Unix socket', { timeout: E2E_TIMEOUT_MS }, () => {
  test.each([
    [1, '500ms'],
    [2, '10m'],
  ])(
    '%d workers, idle after %s: a sleeper wakes by its client’s line; handed over, its file stays and new clients come; at the end it is gone',
    async (workers, idleTimeout) => {
      await using stage = await Stage.open();
      const path = stage.folder.file('alice.sock');
      stage.configure({ idleTimeout, workers, ...stage.alice({ listen: `unix:${path}` }) });
      const torpor = await stage.run();
      using client = await LineClient.connectTo(path);
      expect(await client.ask('one')).toMatch(/ n=1 .*one$/);
      expect((await torpor.streams()).map(({ client: name, listener }) => [name, listener])).toEqual([
        ['unix', `unix:${path}`],
      ]);
      if (workers === 1) await torpor.waitForState(PLATFORM, 'asleep');
      expect(await client.ask('two', 40_000)).toMatch(/ n=2 .*two$/);
      const { ino } = lstatSync(path);

      process.kill(torpor.pid, 'SIGUSR2');
      const next = await eventually('the hand-over', () => handedOverTo(torpor.output), {
        withinMs: 60_000,
        context: () => torpor.output,
      });
      try {
        expect(lstatSync(path).ino).toBe(ino);
        using fresh = await LineClient.connectTo(path);
        expect(await fresh.ask('new', 40_000)).toMatch(/ n=1 .*new$/);
        expect(await client.ask('three')).toMatch(/ n=3 .*three$/);
        client.destroy();
        await eventually('the old process to end', () => !isAlive(torpor.pid), { withinMs: 60_000 });
        expect(lstatSync(path).ino).toBe(ino);
      } finally {
        if (isAlive(next)) process.kill(next, 'SIGTERM');
        await eventually('the new process to end', () => !isAlive(next), { withinMs: 60_000 });
      }
      expect(existsSync(path)).toBe(false);
    },
  );

  test('after kill -9 its file is left behind, and the next Torpor takes it over; a second one beside it is refused', async () => {
    await using stage = await Stage.open({ idleTimeout: '10m' });
    const path = stage.folder.file('alice.sock');
    stage.configure({ idleTimeout: '10m', ...stage.alice({ listen: `unix:${path}` }) });
    const first = await stage.run();
    process.kill(first.pid, 'SIGKILL');
    await eventually('it to be gone', () => !isAlive(first.pid));
    expect(existsSync(path)).toBe(true);
    await using second = await stage.run();
    using client = await LineClient.connectTo(path);
    expect(await client.ask('one')).toMatch(/one$/);
    const third = await stage.runToEnd('run');
    expect(third.code).toBe(1);
    expect(third.output).toContain('another program listens there');
    expect(await client.ask('two')).toMatch(/two$/);
    expect(isAlive(second.pid)).toBe(true);
  });
});
