// Several platforms under one Torpor, over real RMCP+: what a circuit bears, and in which order they wake.
import { describe, expect, test } from 'vitest';
import type { PoolStatus } from '../../src/platform/status.ts';
import { eventually } from '../support/eventually.ts';
import { type PlatformSetUp, type SetUpVm, writeFarmConfig } from '../support/torpor-config.ts';
import type { TorporHere } from '../support/torpor-here.ts';
import { E2E_TIMEOUT_MS, PASSWORD, Stage, USER } from './support/stage.ts';

const NAMES = ['vdi-01', 'vdi-02', 'vdi-03'];
const WATTS = { inrush: 300, busy: 200, idle: 100, asleep: 10 };

/** Simulated platforms; the first one’s folder has the configuration. */
async function openFarm(count = NAMES.length): Promise<Stage[]> {
  return Promise.all(NAMES.slice(0, count).map(() => Stage.open()));
}

function configure(
  stages: readonly Stage[],
  circuit: object,
  change: (name: string) => Partial<PlatformSetUp>,
  more: object = {},
): string {
  const [first] = stages as [Stage];
  const platforms = stages.map((stage, index) => {
    const platform = NAMES[index] as string;
    const bmc = { port: stage.platform.bmcPort, user: USER, password: PASSWORD };
    const vms = stage.alice({}).vms ?? [];
    const more = { circuit: 'rack-a' };
    return { platform, bmc, vms, power: { watts: WATTS }, more, ...change(platform) };
  });
  return writeFarmConfig(first.folder, {
    apiPort: first.apiPort,
    more: { circuits: [{ name: 'rack-a', ...circuit }], ...more },
    platforms,
  });
}

async function wakesInOrder(torpor: TorporHere): Promise<string[]> {
  const events = await torpor.events();
  return events
    .filter(({ kind, facts }) => kind === 'transition' && facts.to === 'waking')
    .map(({ platform }) => platform);
}

describe('circuits', { timeout: E2E_TIMEOUT_MS }, () => {
  test('a circuit that bears one awake: the others wait, told why, an operator’s first; each wakes as there is room, no byte is lost', async () => {
    const stages = await openFarm();
    const [one, two, three] = stages as [Stage, Stage, Stage];
    await using _one = one;
    await using _two = two;
    await using _three = three;
    const circuit = { watts: 400, waitAtMost: '1h' };
    configure(stages, circuit, (name) => (name === 'vdi-01' ? { idleTimeout: '1h' } : {}));
    const torpor = await one.runHere();
    using client = await one.connect();
    await client.ask('hello');
    await torpor.waitForState('vdi-02', 'asleep');
    await torpor.waitForState('vdi-03', 'asleep');

    using late = await two.connect();
    late.write('typed while it sleeps\n');
    await eventually('vdi-02 to be queued', async () => (await torpor.platform('vdi-02')).wakeTurn !== null);
    expect((await torpor.ask('vdi-03', 'wake'))[0]).toBe(202);
    await eventually(
      'both to wait, the operator’s first',
      async () => (await torpor.circuits())[0]?.queue.join() === 'vdi-03,vdi-02',
    );
    expect(await torpor.circuits()).toMatchObject([{ name: 'rack-a', waking: 0, watts: 220, wattsAtMost: 400 }]);
    const why = 'circuit rack-a: vdi-03 would draw 300 W, and 220 of 400 W are taken, 1 before it';
    expect((await torpor.platform('vdi-02')).wakeTurn).toMatchObject({ circuit: 'rack-a', ahead: 1, why });
    const explained = await fetch(`http://127.0.0.1:${one.apiPort}/api/v1/platforms/vdi-02/explain`);
    expect(((await explained.json()) as { summary: string }).summary).toContain(`waits for its turn`);
    const metrics = await (await fetch(`http://127.0.0.1:${one.apiPort}/metrics`)).text();
    expect(metrics).toContain('torpor_circuit_queued{circuit="rack-a"} 2');
    expect(late.state).toBe('open');
    expect([two.platform.host.phase, three.platform.host.phase]).toEqual(['asleep', 'asleep']);

    // The first one may sleep now: there is room for one, and then for the other.
    const path = configure(stages, circuit, () => ({}));
    expect((await torpor.reload(path)).problems).toEqual([]);
    expect(await late.readLine()).toMatch(/ n=1 .*typed while it sleeps$/);
    expect(await wakesInOrder(torpor)).toEqual(['vdi-03', 'vdi-02']);
    expect((await torpor.platform('vdi-02')).wakeTurn).toBeNull();
    // Told from the hosts: none of the two began before the one before it slept.
    const ran = stages.flatMap(({ changes }, index) =>
      changes.map(({ phase, atMs }) => ({ platform: NAMES[index] as string, phase, atMs })),
    );
    const resumed = (name: string) =>
      ran.find(({ platform, phase }) => platform === name && phase === 'resuming')?.atMs ?? 0;
    const asleepAfter = (name: string, fromMs: number) =>
      ran.find(({ platform, phase, atMs }) => platform === name && phase === 'asleep' && atMs > fromMs)?.atMs ??
      Infinity;
    expect(asleepAfter('vdi-01', 0)).toBeLessThanOrEqual(resumed('vdi-03'));
    expect(asleepAfter('vdi-03', resumed('vdi-03'))).toBeLessThanOrEqual(resumed('vdi-02'));
  });

  test('the limit is lifted by a reload -> whoever was queued wakes at once', async () => {
    const stages = await openFarm(2);
    const [one, two] = stages as [Stage, Stage];
    await using _one = one;
    await using _two = two;
    const stay = (name: string) => (name === 'vdi-01' ? { idleTimeout: '1h' } : {});
    configure(stages, { watts: 400 }, stay);
    const torpor = await one.runHere();
    using client = await one.connect();
    await client.ask('hello');
    await torpor.waitForState('vdi-02', 'asleep');
    using late = await two.connect();
    late.write('typed\n');
    await eventually('vdi-02 to be queued', async () => (await torpor.platform('vdi-02')).wakeTurn !== null);
    const path = configure(stages, { wakingAtMost: 1, watts: 600 }, stay);
    expect((await torpor.reload(path)).changes).toContain('circuits');
    expect(await late.readLine()).toMatch(/ n=1 .*typed$/);
    expect(await client.ask('still here')).toMatch(/ n=2 .*still here$/);
  });
});

describe('pools', { timeout: E2E_TIMEOUT_MS }, () => {
  test('one spare of two -> one is kept and the other sleeps; it is full: the other is woken ahead; no pool any more: both sleep', async () => {
    const stages = await openFarm(2);
    const [one, two] = stages as [Stage, Stage];
    await using _one = one;
    await using _two = two;
    const platforms = NAMES.slice(0, 2);
    const pools = [{ name: 'office', spare: 1, sessionsPerPlatform: 1, platforms }];
    configure(stages, { wakingAtMost: 1 }, () => ({}), { pools });
    const torpor = await one.runHere();
    const keptBy = async (name: string) => (await torpor.platform(name)).inhibitors.map((inhibitor) => inhibitor.name);
    // Whichever was seen to run first.
    const kept = await eventually('one of them to be kept', async () => {
      const keeps = await Promise.all(platforms.map(keptBy));
      return platforms.find((_, index) => keeps[index]?.join() === 'spare-office') ?? false;
    });
    const [other] = platforms.filter((name) => name !== kept) as [string];
    await torpor.waitForState(other, 'asleep');
    const { state, blockers } = await torpor.platform(kept);
    expect(state).toBe('awake');
    expect(blockers.map(({ why }) => why).join()).toContain('spare of the pool office');

    using client = await (kept === 'vdi-01' ? one : two).connect();
    await client.ask('hello');
    // Nobody asked for it: it is woken for whoever comes next.
    await torpor.waitForState(other, 'awake');
    expect(await keptBy(other)).toEqual(['spare-office']);
    const [pool] = (await (await fetch(`http://127.0.0.1:${one.apiPort}/api/v1/pools`)).json()) as PoolStatus[];
    expect(pool).toMatchObject({ name: 'office', spare: 1, ready: 1, sessionsPerPlatform: 1 });
    expect(pool?.platforms.filter(({ hasRoom }) => hasRoom).map(({ platform }) => platform)).toEqual([other]);

    const path = configure(stages, { wakingAtMost: 1 }, () => ({}));
    expect((await torpor.reload(path)).changes).toContain('pools');
    await torpor.waitForState('vdi-01', 'asleep');
    await torpor.waitForState('vdi-02', 'asleep');
    expect(client.state).toBe('open');
  });

  test('a port that leads to a pool: one platform fills up before the other is woken; drained: nobody new, who is there stays', async () => {
    const stages = await openFarm(2);
    const [one, two] = stages as [Stage, Stage];
    await using _one = one;
    await using _two = two;
    const vms = stages.map(({ platform: { vmPorts } }, index) => ({
      platform: NAMES[index] as string,
      vm: 'alice',
      target: `127.0.0.1:${vmPorts[0]}`,
    }));
    const pools = [{ name: 'office', sessionsPerPlatform: 2, stickyBy: 'none', vms }];
    // The first one's port is the pool's; the second one's leads to its own VM, as ever.
    const port = { name: 'alice', listenPort: one.listenPort, pool: 'office' } as unknown as SetUpVm;
    configure(stages, { wakingAtMost: 2 }, (name) => (name === 'vdi-01' ? { vms: [port] } : {}), { pools });
    const torpor = await one.runHere();
    await torpor.waitForState('vdi-01', 'asleep');
    await torpor.waitForState('vdi-02', 'asleep');

    using first = await one.connect();
    expect(await first.ask('one')).toMatch(/ n=1 .*one$/);
    using second = await one.connect();
    expect(await second.ask('two')).toMatch(/ n=1 .*two$/);
    expect(two.platform.host.phase).toBe('asleep');
    using third = await one.connect();
    expect(await third.ask('three')).toMatch(/ n=1 .*three$/);
    const placed = async () => (await torpor.streams()).map(({ platform }) => platform).sort();
    expect(await placed()).toEqual(['vdi-01', 'vdi-01', 'vdi-02']);

    expect(await torpor.ask('vdi-02', 'drain', { on: true })).toMatchObject([200, { drained: true }]);
    // Reset at once: perhaps before it knows that it is connected.
    const refused = await one.connect().catch(() => null);
    await eventually('the fourth to be reset', () => refused === null || refused.state !== 'open');
    expect((await torpor.platform('vdi-01')).refusedClients).toEqual({ 'max-streams': 1 });
    expect(await third.ask('still here')).toMatch(/ n=2 .*still here$/);
    using own = await two.connect();
    expect(await own.ask('by its own port')).toMatch(/by its own port$/);
    own.destroy();
    await eventually(
      'it to be gone',
      async () => (await torpor.streams()).filter(({ mode }) => mode !== 'closed').length === 3,
    );

    expect(await torpor.ask('vdi-02', 'drain', { on: false })).toMatchObject([200, { drained: false }]);
    using fourth = await one.connect();
    expect(await fourth.ask('four')).toMatch(/ n=1 .*four$/);
    await eventually(
      'it to be placed there',
      async () => (await placed()).filter((name) => name === 'vdi-02').length === 2,
    );
  });
});
