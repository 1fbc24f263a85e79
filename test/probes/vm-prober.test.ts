import { describe, expect, it } from 'vitest';
import type { ProbeResult } from '../../src/platform/ports.ts';
import { ProbeLoad } from '../../src/probes/probe-load.ts';
import type { BoundedProbe } from '../../src/probes/question.ts';
import { ON_THE_WAY_MAX, VmProber } from '../../src/probes/vm-prober.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KeptLog } from '../support/kept-log.ts';

const START_MS = 1_000_000;

/** A probe whose answers the test gives, question by question. */
class AskedProbe implements BoundedProbe {
  readonly name = 'asked';
  readonly timeoutMs = 2000;
  readonly maxOpen: number;
  readonly connects: boolean;
  readonly askedAtMs: number[] = [];
  readonly signals: AbortSignal[] = [];
  readonly answer: Array<(answered: boolean) => void> = [];
  readonly fail: Array<(error: Error) => void> = [];
  readonly reach: Array<() => void> = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock, maxOpen: number, connects: boolean) {
    this.#clock = clock;
    this.connects = connects;
    this.maxOpen = maxOpen;
  }

  ask(signal: AbortSignal, onReached: () => void): Promise<boolean> {
    this.reach.push(onReached);
    this.askedAtMs.push(this.#clock.nowMs() - START_MS);
    this.signals.push(signal);
    return new Promise((resolve, reject) => {
      this.answer.push(resolve);
      this.fail.push(reject);
      signal.addEventListener('abort', () => resolve(false));
    });
  }
}

function makeProber(maxOpen = 100, connects = false) {
  const clock = new FakeClock(START_MS);
  const probe = new AskedProbe(clock, maxOpen, connects);
  const log = new KeptLog();
  const results: ProbeResult[] = [];
  const prober = new VmProber({ vm: 'alice', probe, clock, log, onResult: (result) => results.push(result) });
  return { clock, probe, log, results, prober };
}

describe('VmProber', () => {
  it('no pace yet -> asks nothing', async () => {
    const { clock, probe } = makeProber();
    await clock.advance(10_000);
    expect(probe.askedAtMs).toEqual([]);
  });

  it('questions that are not answered -> do not hold up the next ones', async () => {
    const { clock, probe, prober } = makeProber();
    prober.setPace(100);
    await clock.advance(450);
    expect(probe.askedAtMs).toEqual([0, 100, 200, 300, 400]);
    expect(prober.open).toBe(5);
  });

  it('an answer -> told with both moments; older questions are withdrawn unreported, younger ones stay', async () => {
    const { clock, probe, prober, results } = makeProber();
    prober.setPace(100);
    await clock.advance(250);
    probe.answer[1]?.(true);
    await clock.advance(0);
    expect(results).toEqual([{ answered: true, askedAtMs: START_MS + 100, atMs: START_MS + 250 }]);
    expect(probe.signals.map(({ aborted }) => aborted)).toEqual([true, false, false]);
    expect(prober.open).toBe(1);
  });

  it('a question reached the service -> those that have not are withdrawn, and it has 100 ms before the next', async () => {
    const { clock, probe, prober, results } = makeProber(100, true);
    prober.setPace(20);
    await clock.advance(70);
    expect(probe.askedAtMs).toEqual([0, 20, 40, 60]);
    probe.reach[1]?.();
    expect(probe.signals.map(({ aborted }) => aborted)).toEqual([true, false, true, true]);
    await clock.advance(99);
    expect(probe.askedAtMs).toHaveLength(4);
    await clock.advance(11);
    expect(probe.askedAtMs.slice(4)).toEqual([180]);
    probe.answer[1]?.(true);
    await clock.advance(0);
    expect(results).toEqual([{ answered: true, askedAtMs: START_MS + 20, atMs: START_MS + 180 }]);
  });

  it('a service that is reached and never answers -> asked on at 100 ms, each question told at its bound', async () => {
    const { clock, probe, prober, results } = makeProber(100, true);
    prober.setPace(20);
    for (let at = 0; at < 10; at += 1) {
      await clock.advance(at === 0 ? 0 : 100);
      probe.reach[at]?.();
    }
    expect(probe.askedAtMs).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    for (const answer of probe.answer) answer(false);
    await clock.advance(0);
    expect(results.map(({ askedAtMs }) => askedAtMs - START_MS)).toEqual(probe.askedAtMs);
    expect(results.some(({ answered }) => answered)).toBe(false);
  });

  it('connections on their way -> never more than six: two stay to their bound, the others make place for fresh ones', async () => {
    const { clock, probe, prober } = makeProber(100, true);
    prober.setPace(20);
    await clock.advance(250);
    expect(probe.askedAtMs).toHaveLength(13);
    expect(prober.open).toBe(ON_THE_WAY_MAX);
    const stillOpen = probe.askedAtMs.filter((_, at) => probe.signals[at]?.aborted === false);
    expect(stillOpen).toEqual([0, 20, 180, 200, 220, 240]);
  });

  it('no answer within the bound -> told, the others stay', async () => {
    const { clock, probe, prober, results } = makeProber();
    prober.setPace(100);
    await clock.advance(150);
    probe.answer[0]?.(false);
    await clock.advance(0);
    expect(results).toEqual([{ answered: false, askedAtMs: START_MS, atMs: START_MS + 150 }]);
    expect(prober.open).toBe(1);
  });

  it('a faster pace, set between two questions -> counts from the last one', async () => {
    const { clock, probe, prober } = makeProber();
    prober.setPace(2000);
    await clock.advance(2030);
    prober.setPace(100);
    await clock.advance(70);
    expect(probe.askedAtMs).toEqual([0, 2000, 2100]);
  });

  it('a faster pace, set when its question is overdue -> asks at once', async () => {
    const { clock, probe, prober } = makeProber();
    prober.setPace(2000);
    await clock.advance(500);
    prober.setPace(100);
    expect(probe.askedAtMs).toEqual([0, 500]);
    await clock.advance(100);
    expect(probe.askedAtMs).toEqual([0, 500, 600]);
  });

  it('the same pace again and again -> changes nothing', async () => {
    const { clock, probe, prober } = makeProber();
    for (let call = 0; call < 10; call += 1) {
      prober.setPace(100);
      await clock.advance(30);
    }
    expect(probe.askedAtMs).toEqual([0, 100, 200, 300]);
  });

  it('pace null, and stop -> withdraw what is under way, report nothing, leave no appointment', async () => {
    for (const end of [(prober: VmProber) => prober.setPace(null), (prober: VmProber) => prober.stop()]) {
      const { clock, probe, prober, results } = makeProber();
      prober.setPace(100);
      await clock.advance(250);
      end(prober);
      await clock.advance(10_000);
      expect([results, prober.open, clock.pending, probe.askedAtMs.length]).toEqual([[], 0, 0, 3]);
      expect(probe.signals.every(({ aborted }) => aborted)).toBe(true);
      prober.setPace(100);
      expect(probe.askedAtMs).toHaveLength(4);
    }
  });

  it('null and back within an interval -> the spacing is kept', async () => {
    const { clock, probe, prober } = makeProber();
    prober.setPace(100);
    await clock.advance(10);
    prober.setPace(null);
    prober.setPace(100);
    await clock.advance(89);
    expect(probe.askedAtMs).toEqual([0]);
    await clock.advance(1);
    expect(probe.askedAtMs).toEqual([0, 100]);
  });

  it('a pace that would open more than the bound -> is stretched evenly, and never exceeds it', async () => {
    const { clock, probe, prober } = makeProber(4);
    prober.setPace(20);
    await clock.advance(1600);
    expect(probe.askedAtMs).toEqual([0, 500, 1000, 1500]);
    await clock.advance(5000);
    expect(prober.open).toBe(4);
  });

  it('a probe that rejects, against its contract -> is logged, counts as nothing, and asking goes on', async () => {
    const { clock, probe, prober, results, log } = makeProber();
    prober.setPace(100);
    probe.fail[0]?.(new Error('broken'));
    await clock.advance(100);
    expect([results, probe.askedAtMs.length, prober.open]).toEqual([[], 2, 1]);
    expect(log.lines).toMatchObject([{ level: 'error', message: 'a question of asked ended in an error: broken' }]);
  });

  it('300 VMs begin to be asked every 20 ms -> 2,000 questions a second in all, none silent for long, evenly spread', async () => {
    const clock = new FakeClock(START_MS);
    const load = new ProbeLoad();
    const askedAtMs: number[][] = [];
    const probers = Array.from({ length: 300 }, (_, index) => {
      const asked: number[] = [];
      askedAtMs.push(asked);
      const ask = async () => {
        asked.push(clock.nowMs() - START_MS);
        return false;
      };
      const probe: BoundedProbe = { name: 'counted', timeoutMs: 2000, maxOpen: 100, connects: false, ask };
      return new VmProber({ vm: `vm-${index}`, probe, clock, log: new KeptLog(), onResult: () => {}, load });
    });
    for (const prober of probers) prober.setPace(20);
    await clock.advance(4000);
    const within = (fromMs: number, toMs: number) => askedAtMs.flat().filter((at) => at >= fromMs && at < toMs).length;
    // The first ones began before they knew of the others.
    expect(within(1000, 4000)).toBeGreaterThan(5000);
    expect(within(1000, 4000)).toBeLessThan(7000);
    for (let atMs = 1000; atMs < 4000; atMs += 100) expect(within(atMs, atMs + 100)).toBeLessThan(400);
    const longestMs = Math.max(
      ...askedAtMs.map((asked) => Math.max(...asked.map((at, i) => at - (asked[i - 1] ?? 0)))),
    );
    expect(longestMs).toBeLessThanOrEqual(1000);

    for (const prober of probers.slice(10)) prober.stop();
    const before = within(0, 4000);
    await clock.advance(1000);
    expect(askedAtMs.flat().length - before).toBeGreaterThan(400);
    for (const prober of probers) prober.stop();
  });
});
