// The watch that the fault scenes rely on: it must see what must not be.
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { openScene } from './support/scene.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

describe('the watch over presses', { timeout: E2E_TIMEOUT_MS }, () => {
  test('a press forced over an active client -> told by the client’s own record and by the table', async () => {
    await using stage = await Stage.open({ idleTimeout: '10m' });
    await using scene = await openScene(stage);
    const [status, body] = await scene.torpor.ask(PLATFORM, 'sleep', { force: true });
    expect(status, JSON.stringify(body)).toBe(202);
    await eventually('the press', () => stage.presses.presses === 1);
    expect(await stage.presses.overActive()).toEqual([
      expect.stringMatching(/^client 0 sent \d+ ms before the press$/),
      expect.stringMatching(/ is in the pool: /),
    ]);
  });
});
