// The idle policy of a live platform, end to end: the built Torpor, a simulated platform, one line of configuration.
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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

  test('reload under an active client, and after it -> no interval runs while it is there; what was learned before the reload stays', async () => {
    await using stage = await Stage.open();
    const stateDir = setPlatform(stage, { idlePolicy: 'learned' });
    const torpor = await stage.runHere();
    const policies = async () =>
      (await torpor.platform(PLATFORM)).inhibitors.filter(({ kind }) => kind === 'policy').map(({ name }) => name);
    {
      using client = await stage.connect();
      await client.ask('hello');
      await eventually('the interval before it to be over', async () => (await policies()).length === 0);
      setPlatform(stage, { minAwake: '1m' });
      expect((await torpor.reload(stage.configPath)).changes).toEqual([`${PLATFORM}: minAwake`]);
      expect(await policies()).toEqual([]);
    }
    await eventually('an interval, once the client has gone', async () => (await policies()).length === 1);
    setPlatform(stage, { minAwake: '2m' });
    await torpor.reload(stage.configPath);
    expect(await policies()).toEqual(['idle-policy']);
    await torpor.stop();
    const kept = JSON.parse(readFileSync(join(stateDir, 'learned', `${PLATFORM}.json`), 'utf8'));
    expect(kept.hazards.clients.map(({ name }: { name: string }) => name)).toEqual(['127.0.0.1 alice']);
  });

  test('learned, with calendars of a file, a server and one that is gone, and a machine that opens -> read, told of without their URLs, an event', async () => {
    await using stage = await Stage.open();
    const entry = ['BEGIN:VEVENT', 'UID:1', `DTSTART:${utc(3_600_000)}`, `DTEND:${utc(7_200_000)}`, 'END:VEVENT'];
    const calendar = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//torpor//test', ...entry, 'END:VCALENDAR', ''];
    const secret = 'moss-41-lantern';
    const asked: string[] = [];
    await using server = await serveText((url) => {
      asked.push(url);
      return url.includes('busy') ? calendar.join('\r\n') : null;
    });
    const file = stage.folder.file('holidays.ics');
    writeFileSync(file, calendar.join('\r\n'));
    const at = (path: string) => `http://127.0.0.1:${server.port}/${path}?key=${secret}`;
    const calendars = [{ file }, { url: at('busy.ics'), client: '127.0.0.1' }, { url: at('gone.ics') }];
    setPlatform(stage, { idlePolicy: 'learned', calendars });
    const torpor = await stage.run();
    await eventually('two calendars to be read', () => torpor.output.split('a calendar was read').length === 3);
    await eventually(
      'the third to be missed',
      () => /a calendar cannot be read/.test(torpor.output) && /status 404/.test(torpor.output),
    );
    expect(asked.sort()).toEqual([`/busy.ics?key=${secret}`, `/gone.ics?key=${secret}`]);
    expect(torpor.output).not.toContain(secret);

    expect(await opened(stage, PLATFORM, { client: '10.0.0.7' })).toBe(202);
    expect(await opened(stage, PLATFORM, { client: 'not an address' })).toBe(400);
    expect(await opened(stage, 'nobody', { client: '10.0.0.7' })).toBe(404);
    const events = (await torpor.events()).filter(({ kind }) => kind === 'client-opened');
    expect(events.map(({ facts }) => facts?.client)).toEqual(['10.0.0.7']);
  });
});

async function opened(stage: Stage, platform: string, body: object): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${stage.apiPort}/api/v1/platforms/${platform}/opened`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.status;
}

/** So much later than now, as iCalendar writes it. */
function utc(inMs: number): string {
  return `${new Date(Date.now() + inMs).toISOString().replace(/[-:]|\.\d+/g, '')}`;
}

/** A web server of texts; null is 404. */
async function serveText(textOf: (url: string) => string | null) {
  const server = createServer((request, response) => {
    const text = textOf(request.url ?? '');
    response.writeHead(text === null ? 404 : 200, { 'content-type': 'text/calendar' }).end(text ?? '');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
