import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BusyCheck, CheckRule, CheckVerdict } from '../../src/inhibitors/busy-check.ts';
import { CheckWatch } from '../../src/inhibitors/check-watch.ts';
import type { PlatformEvent } from '../../src/platform/model.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

const SEED = Number(process.env.TORPOR_SEED ?? Date.now() % 2 ** 31);
console.log(`check-watch: seed ${SEED} (TORPOR_SEED repeats it)`);

const FREE: CheckVerdict = { name: 'backup', outcome: 'free', why: 'no rsync' };
const BUSY: CheckVerdict = { name: 'backup', outcome: 'busy', why: 'rsync runs' };

/** A check whose answers the test gives, one question at a time. */
class FakeCheck implements BusyCheck {
  readonly by = 'check';
  readonly names: readonly string[];
  readonly rule: CheckRule;
  asked = 0;
  running = 0;
  heedsSignal = true;
  #answers: Array<{ resolve: (verdicts: CheckVerdict[]) => void; reject: (error: Error) => void }> = [];

  constructor(onError: 'block' | 'ignore' = 'block', names = ['backup']) {
    this.rule = { everyMs: 60_000, timeoutMs: 10_000, onError };
    this.names = names;
  }

  ask(signal: AbortSignal): Promise<readonly CheckVerdict[]> {
    this.asked += 1;
    this.running += 1;
    if (this.running > 1) throw new Error('asked twice at once');
    return new Promise<CheckVerdict[]>((resolve, reject) => {
      this.#answers.push({ resolve, reject });
      if (this.heedsSignal) signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    }).finally(() => {
      this.running -= 1;
    });
  }

  async answer(...verdicts: CheckVerdict[]): Promise<void> {
    this.#answers.shift()?.resolve(verdicts);
    await settle();
  }

  async fail(what: string): Promise<void> {
    this.#answers.shift()?.reject(new Error(what));
    await settle();
  }
}

class Stage {
  readonly clock = new FakeClock();
  readonly events: PlatformEvent[] = [];
  readonly told: string[] = [];
  readonly inhibited = new Map<string, string>();
  readonly watch: CheckWatch;
  readonly check: FakeCheck;

  constructor(check = new FakeCheck()) {
    this.check = check;
    this.watch = new CheckWatch({
      check,
      clock: this.clock,
      onEvent: (event) => {
        this.events.push(event);
        if (event.kind === 'inhibit') this.inhibited.set(event.name, event.why);
        if (event.kind === 'lift') this.inhibited.delete(event.name);
      },
      report: (_kind, message) => this.told.push(message),
    });
    this.watch.start();
  }

  get why(): string | undefined {
    return this.inhibited.get('backup');
  }

  /** Awake, its first question asked. */
  async run(): Promise<this> {
    this.watch.setPace('running');
    await this.clock.advance(1);
    return this;
  }
}

describe('CheckWatch', () => {
  it('check: not asked yet -> says so, and blocks nothing: it is asked before every press', () => {
    const stage = new Stage();
    expect(stage.events).toEqual([]);
    expect(stage.watch.checks()).toMatchObject([{ name: 'backup', outcome: 'pending', blocks: false }]);
  });

  it('check: the platform runs -> asked at once, then `every` after each answer', async () => {
    const stage = await new Stage().run();
    expect(stage.check.asked).toBe(1);
    await stage.check.answer(FREE);
    await stage.clock.advance(59_998);
    expect(stage.check.asked).toBe(1);
    await stage.clock.advance(2);
    expect(stage.check.asked).toBe(2);
  });

  it('check: says free, then busy, then free -> lifted, inhibited with its reason, lifted', async () => {
    const stage = await new Stage().run();
    await stage.check.answer(FREE);
    expect(stage.why).toBeUndefined();
    await stage.clock.advance(60_000);
    await stage.check.answer(BUSY);
    expect(stage.why).toBe('rsync runs');
    expect(stage.watch.checks()).toMatchObject([{ name: 'backup', outcome: 'busy', why: 'rsync runs', blocks: true }]);
    await stage.clock.advance(60_000);
    await stage.check.answer(FREE);
    expect(stage.why).toBeUndefined();
    expect(stage.watch.checks()).toMatchObject([{ outcome: 'free', blocks: false, atMs: stage.clock.nowMs() }]);
  });

  it('check: a warning -> kept for people, blocks nothing', async () => {
    const stage = await new Stage().run();
    await stage.check.answer({ name: 'backup', outcome: 'warning', why: 'no NIC wakes' });
    expect(stage.why).toBeUndefined();
    expect(stage.watch.checks()).toMatchObject([{ outcome: 'warning', blocks: false }]);
  });

  it('check: fails after it said free -> blocks, with what failed', async () => {
    const stage = await new Stage().run();
    await stage.check.answer(FREE);
    await stage.clock.advance(60_000);
    await stage.check.fail('exit code 255: no route to host');
    expect(stage.why).toBe('cannot be asked: exit code 255: no route to host');
    expect(stage.told).toEqual([]);
  });

  it('check: fails where errors are ignored -> not blocked, but told, once', async () => {
    const stage = await new Stage(new FakeCheck('ignore')).run();
    await stage.check.fail('no route to host');
    await stage.clock.advance(60_000);
    await stage.check.fail('no route to host');
    expect(stage.why).toBeUndefined();
    expect(stage.told).toEqual(['check backup cannot be asked, which is ignored (onError): no route to host']);
  });

  it('check: says nothing of one of its names -> that one blocks, the others count', async () => {
    const stage = await new Stage(new FakeCheck('block', ['quorum', 'vfio'])).run();
    await stage.check.answer({ name: 'vfio', outcome: 'free', why: '' });
    expect([...stage.inhibited]).toEqual([['quorum', 'cannot be asked: it said nothing of that']]);
  });

  it.each([
    [-1, undefined],
    [0, 'cannot be asked: no answer within 10s'],
    [1, 'cannot be asked: no answer within 10s'],
  ])('check: hangs, %i ms after its time-out -> "%s"', async (lateMs, why) => {
    const stage = await new Stage().run();
    await stage.clock.advance(9_999 + lateMs);
    expect(stage.why).toBe(why);
  });

  it('check: hangs and heeds no signal -> blocks, never asked beside itself, asked anew once it has ended', async () => {
    const stage = new Stage();
    stage.check.heedsSignal = false;
    await stage.run();
    await stage.clock.advance(10 * 60_000);
    expect(stage.check.asked).toBe(1);
    expect(stage.why).toBe('cannot be asked: the last question has not ended yet');
    await stage.check.answer(FREE);
    // The late answer is nobody's any more: the question is asked anew, at once.
    expect(stage.why).toMatch(/^cannot be asked/);
    await stage.clock.advance(1);
    expect(stage.check.asked).toBe(2);
    await stage.check.answer(FREE);
    expect(stage.why).toBeUndefined();
  });

  it('check: the platform becomes drowsy -> asked at once, unless it was just now', async () => {
    const stage = await new Stage().run();
    await stage.check.answer(FREE);
    stage.watch.setPace('drowsy');
    await stage.clock.advance(1);
    expect(stage.check.asked).toBe(1);
    stage.watch.setPace('running');
    await stage.clock.advance(5_001);
    stage.watch.setPace('drowsy');
    await stage.clock.advance(1);
    expect(stage.check.asked).toBe(2);
  });

  it('check: the platform does not run -> called off, its silence counts for nothing, nothing is asked', async () => {
    const stage = await new Stage().run();
    await stage.check.answer(FREE);
    await stage.clock.advance(60_000);
    expect(stage.check.running).toBe(1);
    stage.watch.setPace('resting');
    await stage.clock.advance(600_000);
    expect(stage.check).toMatchObject({ asked: 2, running: 0 });
    expect(stage.why).toBeUndefined();
    stage.watch.setPace('running');
    await stage.clock.advance(1);
    expect(stage.check.asked).toBe(3);
  });

  it('ask: while a question is under way -> another is asked behind it, and awaited', async () => {
    const stage = await new Stage().run();
    let isDone = false;
    void stage.watch.ask(new AbortController().signal).then(() => {
      isDone = true;
    });
    await stage.check.answer(FREE);
    expect(isDone).toBe(false);
    expect(stage.check.asked).toBe(2);
    await stage.check.answer(BUSY);
    expect(isDone).toBe(true);
    expect(stage.why).toBe('rsync runs');
  });

  it('ask: hangs -> ends within its time-out, and blocks', async () => {
    const stage = await new Stage().run();
    await stage.check.answer(FREE);
    let isDone = false;
    void stage.watch.ask(new AbortController().signal).then(() => {
      isDone = true;
    });
    await stage.clock.advance(10_000);
    expect(isDone).toBe(true);
    expect(stage.why).toBe('cannot be asked: no answer within 10s');
  });

  it('stop: -> no timer is left, nothing more is said', async () => {
    const stage = await new Stage().run();
    stage.watch.stop();
    await settle();
    const said = stage.events.length;
    await stage.clock.advance(600_000);
    expect(stage.events).toHaveLength(said);
    expect(stage.clock.pending).toBe(0);
  });

  it('property: whatever a blocking check does, it is lifted only by its own fresh "free", and never asked twice at once', async () => {
    const action = fc.constantFrom(
      'free',
      'busy',
      'fail',
      'wait',
      'long wait',
      'rest',
      'run',
      'drowsy',
      'ask',
      'deaf',
      'heeding',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 40 }), async (actions) => {
        const stage = await new Stage().run();
        for (const what of actions) {
          const lifts = stage.events.filter(({ kind }) => kind === 'lift').length;
          if (what === 'free') await stage.check.answer(FREE);
          if (what === 'busy') await stage.check.answer(BUSY);
          if (what === 'fail') await stage.check.fail('no route to host');
          if (what === 'wait') await stage.clock.advance(3_000);
          if (what === 'long wait') await stage.clock.advance(70_000);
          if (what === 'rest') stage.watch.setPace('resting');
          if (what === 'run') stage.watch.setPace('running');
          if (what === 'drowsy') stage.watch.setPace('drowsy');
          if (what === 'ask') void stage.watch.ask(new AbortController().signal);
          if (what === 'deaf') stage.check.heedsSignal = false;
          if (what === 'heeding') stage.check.heedsSignal = true;
          await settle();
          const isLifted = stage.events.filter(({ kind }) => kind === 'lift').length > lifts;
          if (isLifted) expect(what).toBe('free');
          expect(stage.watch.checks()[0]?.blocks).toBe(stage.why !== undefined);
        }
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});
