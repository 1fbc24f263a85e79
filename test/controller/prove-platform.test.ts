// The proof run over a platform that a fake clock moves: what it learns, and that it never leaves a sleeper behind unasked.
import { describe, expect, it } from 'vitest';
import { type ProveOptions, type ProveResult, provePlatform } from '../../src/controller/prove-platform.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type FakePlan, FakePlatform } from './fake-proof-platform.ts';

interface Run {
  readonly platform: FakePlatform;
  readonly result: ProveResult;
  readonly told: readonly string[];
  readonly tookMs: number;
}

/** Runs to the end, with time moving on by itself. `at`: what happens that long after the start. */
async function runProof(plan: FakePlan, options: Partial<ProveOptions> = {}, stopAtMs?: number): Promise<Run> {
  const clock = new FakeClock();
  const startMs = clock.nowMs();
  const platform = new FakePlatform(plan, clock);
  const told: string[] = [];
  const stop = new AbortController();
  if (stopAtMs !== undefined) clock.schedule(stopAtMs, () => stop.abort());
  let result: ProveResult | null = null;
  const run = provePlatform({
    platform: 'lab',
    sleep: 'S3',
    suspendTimeoutMs: 30_000,
    wakeTimeoutMs: 25_000,
    settleMs: 10_000,
    idleWatts: null,
    hands: platform,
    buildProbers: (onResult) => platform.vms.map((vm) => platform.prober(vm, onResult)),
    clock,
    tell: (line) => told.push(line),
    signal: stop.signal,
    ...options,
  }).then((ended) => {
    result = ended;
  });
  while (result === null && clock.nowMs() - startMs < 600_000) await clock.advance(50);
  expect(result, told.join('\n')).not.toBeNull();
  await run;
  return { platform, result: result as unknown as ProveResult, told, tookMs: clock.nowMs() - startMs };
}

const presses = ({ platform }: Run) => platform.deeds.filter((deed) => deed === 'sleep').length;

describe('prove: what differs', () => {
  it.each<[string, FakePlan, string, string[]]>([
    ['a sensor, the power bit stays on', { bitAsleep: true }, 'sensor', ['acpi']],
    ['a sensor and the power bit', { bitAsleep: false }, 'sensor', ['acpi', 'power-bit']],
    ['the power bit alone', { acpi: false, bitAsleep: false }, 'power-bit', ['power-bit']],
    ['watts alone', { acpi: false, bitAsleep: true, watts: { awake: 182, asleep: 9 } }, 'watts', ['watts']],
    ['watts that hardly fall', { acpi: false, bitAsleep: true, watts: { awake: 50, asleep: 47 } }, 'none', []],
    ['nothing', { acpi: false, bitAsleep: null }, 'none', []],
  ])('prove: %s -> the strongest that differs', async (_title, plan, witness, differing) => {
    const run = await runProof(plan);
    expect(run.result).toMatchObject({ outcome: 'proven', wokeBy: 'chassis-on', identity: 'same' });
    expect(run.result.learned?.witness).toBe(witness);
    expect(run.result.witnesses.filter(({ differs }) => differs).map(({ kind }) => kind)).toEqual(differing);
    expect(presses(run)).toBe(1);
    expect(run.platform.asleep).toBe(false);
  });

  it('prove: watts -> bounds half-way with room between, in words what was seen', async () => {
    const { result } = await runProof({ acpi: false, bitAsleep: true, watts: { awake: 180, asleep: 10 } });
    expect(result.learned?.watts).toEqual({ asleepAtMost: 73.8, awakeAtLeast: 116.3 });
    expect(result.witnesses[2]).toEqual({ kind: 'watts', awake: '180 W', asleep: '10 W', differs: true });
  });

  it('prove: a meter that lags behind the sleep -> what it said early does not count', async () => {
    const { result } = await runProof({ watts: { awake: 180, asleep: 10 }, wattsLagMs: 5_000 });
    expect(result.witnesses[2]).toMatchObject({ asleep: '10 W', differs: true });
  });

  it('prove: the owner says it draws less when idle -> the bounds keep below that', async () => {
    const { result } = await runProof({ watts: { awake: 300, asleep: 10 } }, { idleWatts: 60 });
    expect(result.learned?.watts?.awakeAtLeast).toBeLessThan(60);
  });

  it('prove: no VM has a probe -> by the witness alone', async () => {
    const { result } = await runProof({ vms: [] });
    expect(result).toMatchObject({ outcome: 'proven', learned: { witness: 'sensor' } });
    expect(result.steps).toMatchObject({ silentMs: null, vms: [] });
  });

  it('prove: not readable while it sleeps -> said, nothing tells the sleep, another way wakes', async () => {
    const plan: FakePlan = { unreadableAsleep: true, wakes: { 'chassis-on': 'refused', 'wake-on-lan': 'wakes' } };
    const { result, told } = await runProof(plan);
    expect(result).toMatchObject({ outcome: 'proven', wokeBy: 'wake-on-lan', readableAsleep: false });
    expect(result.learned?.witness).toBe('none');
    expect(told).toContain('its power could not be read while it slept');
  });
});

describe('prove: how long', () => {
  it('prove: steps -> from each request to each witness; time-outs three times as long', async () => {
    const plan = { entryMs: 3_000, resumeMs: 2_000, vmLagMs: { alice: 500, bob: 4_000 }, deafVms: ['carol'] };
    const { result } = await runProof({ ...plan, vms: ['alice', 'bob', 'carol'] });
    const { steps } = result;
    expect(steps?.firstWitnessMs).toBeGreaterThanOrEqual(3_000);
    expect(steps?.firstWitnessMs).toBeLessThan(3_600);
    expect(steps?.runningMs).toBeGreaterThanOrEqual(2_000);
    expect(steps?.runningMs).toBeLessThan(2_600);
    const [alice, bob, carol] = steps?.vms ?? [];
    expect(alice?.answeredAfterMs).toBeGreaterThanOrEqual(2_500);
    expect(alice?.answeredAfterMs).toBeLessThan(2_700);
    expect(bob?.answeredAfterMs).toBeGreaterThanOrEqual(6_000);
    expect(carol).toEqual({ vm: 'carol', answeredBefore: false, silentAfterMs: null, answeredAfterMs: null });
    expect(result.learned?.wakeTimeoutMs).toBeGreaterThanOrEqual(18_000);
    expect(result.learned?.wakeTimeoutMs).toBeLessThan(21_000);
    expect(result.learned?.suspendTimeoutMs).toBeGreaterThanOrEqual(9_000);
    expect(result.learned?.suspendTimeoutMs).toBeLessThan(12_000);
  });

  it('prove: guards that take longer than the suspend may -> the time-out and the steps count from the press', async () => {
    const { result } = await runProof({ guardsMs: 40_000, entryMs: 3_000 });
    expect(result.outcome, result.why).toBe('proven');
    expect(result.steps?.asleepMs).toBeGreaterThanOrEqual(3_000);
    expect(result.steps?.asleepMs).toBeLessThan(4_000);
  });

  it('prove: nothing but probes -> asleep only after fifteen seconds of silence', async () => {
    const { tookMs } = await runProof({ acpi: false, bitAsleep: null });
    expect(tookMs).toBeGreaterThan(15_000 + 10_000);
  });
});

describe('prove: the way back', () => {
  it('prove: the first method does nothing -> its whole time, then the next; both are told', async () => {
    const { result, tookMs } = await runProof({ wakes: { 'chassis-on': 'nothing', 'wake-on-lan': 'wakes' } });
    expect(result).toMatchObject({ outcome: 'proven', wokeBy: 'wake-on-lan' });
    expect(result.wakeAttempts).toHaveLength(2);
    expect(result.wakeAttempts[0]).toContain('not awake within 25s');
    expect(tookMs).toBeGreaterThan(25_000);
  });

  it('prove: a wake that is asked again -> every ten seconds', async () => {
    const { platform } = await runProof({ wakes: { 'chassis-on': 'nothing', 'wake-on-lan': 'wakes' } });
    expect(platform.deeds.filter((deed) => deed === 'wake by chassis-on')).toHaveLength(3);
  });

  it('prove: nothing wakes it -> every method was tried, and its owner is told', async () => {
    const { result, platform } = await runProof({ wakes: { 'chassis-on': 'nothing', 'wake-on-lan': 'refused' } });
    expect(result).toMatchObject({ outcome: 'no-wake', wokeBy: null, learned: null });
    expect(result.why).toContain('press its power button');
    expect(platform.deeds).toContain('wake by wake-on-lan');
  });

  it('prove: it wakes by itself -> not proven, and what to look for', async () => {
    const { result } = await runProof({ wakesAloneAfterMs: 4_000 });
    expect(result).toMatchObject({ outcome: 'no-wake', learned: null });
    expect(result.why).toContain('it woke before it was asked to');
  });

  it('prove: its VMs were saved -> restored once the host runs, again while that fails', async () => {
    const run = await runProof({ savesVms: true, restoreFails: 1 });
    expect(run.result).toMatchObject({ outcome: 'proven', identity: 'same' });
    expect(run.platform.deeds.filter((deed) => deed === 'finish')).toHaveLength(2);
    expect(run.result.steps?.vms.every(({ answeredAfterMs }) => answeredAfterMs !== null)).toBe(true);
  });

  it('prove: memory was lost -> said, and proven all the same: it was woken', async () => {
    const { result, told } = await runProof({ identity: 'changed' });
    expect(result).toMatchObject({ outcome: 'proven', identity: 'changed' });
    expect(told).toContain('its identity changed: its memory was lost');
  });
});

describe('prove: not at all', () => {
  it('prove: the button is ignored -> told, context restored, one press', async () => {
    const run = await runProof({ button: 'ignore' });
    expect(run.result).toMatchObject({ outcome: 'no-sleep', learned: null });
    expect(run.result.why).toContain('did not fall asleep within 30s: VMs alice, bob answer');
    expect(presses(run)).toBe(1);
    expect(run.platform.deeds.at(-1)).toBe('finish');
  });

  it('prove: the request is refused -> told, context restored, no wake asked for', async () => {
    const { result, platform } = await runProof({ sleepOutcome: 'refused' });
    expect(result).toMatchObject({ outcome: 'no-sleep' });
    expect(platform.deeds).toEqual(['prepare', 'sleep', 'finish']);
  });

  it('prove: the answer is lost, it sleeps -> goes on by evidence', async () => {
    expect((await runProof({ sleepOutcome: 'unknown' })).result.outcome).toBe('proven');
  });

  it.each<[string, FakePlan, string, string[]]>([
    ['a hook vetoes', { veto: 'backup runs' }, 'vetoed: backup runs', ['prepare', 'finish']],
    ['no VM answers', { deafVms: ['alice', 'bob'] }, 'no VM answers its probe', []],
    ['it sleeps already', { asleepAlready: true }, 'it is in S3 already', []],
    ['nothing could be seen', { vms: [], acpi: false, bitAsleep: null }, 'neither sleep nor wake could be seen', []],
  ])('prove: %s -> nothing pressed', async (_title, plan, why, deeds) => {
    const { result, platform } = await runProof(plan);
    expect(result.outcome).toBe('not-tried');
    expect(result.why).toContain(why);
    expect(platform.deeds).toEqual(deeds);
  });

  it('prove: called off before the press -> nothing pressed', async () => {
    const { result, platform } = await runProof({}, {}, 2_000);
    expect(result).toMatchObject({ outcome: 'not-tried', why: 'it was called off' });
    expect(platform.deeds).toEqual([]);
  });

  it.each([4_500, 6_000, 9_000])(
    'prove: called off %i ms after the start -> woken at once, proven',
    async (stopAtMs) => {
      const run = await runProof({}, {}, stopAtMs);
      expect(run.platform.asleep).toBe(false);
      expect(run.result.outcome).toBe('proven');
      expect(run.tookMs).toBeLessThan(20_000);
    },
  );
});
