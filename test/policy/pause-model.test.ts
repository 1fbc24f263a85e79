// Pauses told from leaving: what the time of a pause's begin, and its age, say of a return.
import { describe, expect, it } from 'vitest';
import { WEEK_QUARTERS } from '../../src/policy/local-time.ts';
import { PAUSE_MS, PauseModel, PauseTally, pauseRateUntilMs } from '../../src/policy/pause-model.ts';

const MINUTE_MS = 60_000;
const TEN_O_CLOCK = 40;
const SIX_O_CLOCK = 72;

/** A client whose pauses of two minutes end all day, and hardly ever from six on. */
function tallyOf(pauses: number): PauseTally {
  const tally = new PauseTally();
  for (let pause = 0; pause < pauses; pause += 1) {
    tally.add(TEN_O_CLOCK, 2.5 * MINUTE_MS, 1);
    tally.add(SIX_O_CLOCK, pause % 10 === 0 ? 2.5 * MINUTE_MS : PAUSE_MS, 1);
  }
  return tally;
}

/** How likely a return within the pause's time is, from an age on. */
function chanceFrom(model: PauseModel, share: number, fromMs: number): number {
  let expected = 0;
  for (let ageMs = fromMs; ageMs < PAUSE_MS; ageMs = pauseRateUntilMs(ageMs)) {
    expected += model.rate(share, ageMs) * (pauseRateUntilMs(ageMs) - ageMs);
  }
  return 1 - Math.exp(-expected);
}

describe('pause model', () => {
  it('pauses that end at ten and not at six -> a share for each, near what was seen', () => {
    const tally = tallyOf(50);
    new PauseModel().rebuild([tally], 1);
    expect(tally.shares[TEN_O_CLOCK]).toBeGreaterThan(0.95);
    expect(tally.shares[SIX_O_CLOCK]).toBeLessThan(0.15);
  });

  it('a quarter in which one client never paused -> drawn towards its neighbours, else towards all clients', () => {
    const [tally, other] = [tallyOf(50), new PauseTally()];
    new PauseModel().rebuild([tally, other], 1);
    expect(tally.shares[SIX_O_CLOCK + 2]).toBeLessThan(0.2);
    expect(other.shares[SIX_O_CLOCK]).toBeLessThan(0.2);
    expect(other.shares[TEN_O_CLOCK]).toBeGreaterThan(0.9);
  });

  it.each([0.05, 0.5, 0.95])(
    'a share of %d -> rates that bring just that share back, and fewer the longer it lasts',
    (share) => {
      const model = new PauseModel();
      model.rebuild([tallyOf(1000)], 1);
      expect(chanceFrom(model, share, MINUTE_MS)).toBeCloseTo(share, 1);
      expect(chanceFrom(model, share, 5 * MINUTE_MS)).toBeLessThan(share / 2);
    },
  );

  it('nothing seen -> finite rates above none, everywhere', () => {
    const [model, tally] = [new PauseModel(), new PauseTally()];
    model.rebuild([tally], 1);
    for (let quarter = 0; quarter < WEEK_QUARTERS; quarter += 1) {
      for (let ageMs = 0; ageMs < PAUSE_MS; ageMs += MINUTE_MS / 2) {
        const rate = model.rate(tally.shares[quarter] as number, ageMs);
        expect(rate > 0 && Number.isFinite(rate)).toBe(true);
      }
    }
  });

  it('kept and restored -> the same shares and rates', () => {
    const [tally, restored] = [tallyOf(30), new PauseTally()];
    restored.restore(JSON.parse(JSON.stringify(tally.snapshot(1))));
    const models = [tally, restored].map((each) => {
      const model = new PauseModel();
      model.rebuild([each], 1);
      return model.rate(each.shares[SIX_O_CLOCK] as number, 3 * MINUTE_MS);
    });
    expect(restored.shares).toEqual(tally.shares);
    expect(models[1]).toBe(models[0]);
  });
});
