// The idle policy of a live platform, end to end: the built Torpor, a simulated platform, one line of configuration.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

/** Writes keys of the platform, in place of its idle time-out. */
function setPlatform(stage: Stage, keys: object): string {
  const config = parse(readFileSync(stage.configPath, 'utf8')) as { stateDir: string; platforms: object[] };
  config.platforms = config.platforms.map((platform) => {
    const { idleTimeout: _, ...rest } = platform as { idleTimeout?: string };
    return { ...rest, ...keys };
  });
  writeFileSync(stage.configPath, stringify(config));
  return config.stateDir;
}

/** Energy so dear that idling for some six seconds is worth a sleep, a wake and a wait. */
const DEAR = { perKwh: 100, perWait: 0.006, perCycle: 0.0001, suspend: '1s', resume: '1s' };

describe('idlePolicy', { timeout: 2 * E2E_TIMEOUT_MS }, () => {
  test('break-even -> kept awake by the policy, with that reason, until idling was worth a sleep; then asleep', async () => {
    await using stage = await Stage.open();
    setPlatform(stage, { idlePolicy: 'break-even', idleCosts: DEAR });
    const torpor = await stage.run();
    const why = 'break-even: the idle policy has not yet said sleep';
    await eventually('the policy to keep it awake', async () => {
      const { inhibitors } = await torpor.platform(PLATFORM);
      return inhibitors.some(
        ({ kind, name, why: told }) => kind === 'policy' && name === 'idle-policy' && told === why,
      );
    });
    // Its press comes no sooner: that much idling is worth more than a second and a half.
    expect(stage.platform.host.buttonPresses).toBe(0);
    await torpor.waitForState(PLATFORM, 'asleep');
    using client = await stage.connect();
    client.write('hello\n');
    expect(await client.readLine()).toMatch(/hello$/);
  });

  test('learned -> fixed 10m while it learns; what it learned is on disk after the stop, and taken up again', async () => {
    await using stage = await Stage.open();
    const stateDir = setPlatform(stage, { idlePolicy: 'learned' });
    const torpor = await stage.run();
    using client = await stage.connect();
    client.write('hello\n');
    expect(await client.readLine()).toMatch(/hello$/);
    await torpor.stop();
    const path = join(stateDir, 'learned', `${PLATFORM}.json`);
    await eventually('what was learned on disk', () => existsSync(path));
    const kept = JSON.parse(readFileSync(path, 'utf8'));
    expect(kept.hazards.clients.map(({ name }: { name: string }) => name)).toEqual(['127.0.0.1 alice']);
    await using again = await stage.run();
    const leftMs = await eventually('the policy to keep it awake', async () => {
      const [inhibitor] = (await again.platform(PLATFORM)).inhibitors;
      return inhibitor?.kind === 'policy' && inhibitor.untilMs !== null && inhibitor.untilMs - Date.now();
    });
    expect(leftMs).toBeGreaterThan(7 * 60_000);
    expect(leftMs).toBeLessThan(9 * 60_000 + 1000);
  });
});
