import { describe, expect, it } from 'vitest';
import { IdlePolicyWatch, REMEMBER_MS } from '../../src/inhibitors/idle-policy-watch.ts';
import type { PlatformEvent } from '../../src/platform/model.ts';
import type { Arrival } from '../../src/policy/idle-course.ts';
import type { IdlePlan, IdlePolicy } from '../../src/policy/policy.ts';
import { FakeClock } from '../support/fake-clock.ts';

const MINUTE_MS = 60_000;
const LAG_MS = MINUTE_MS;

/** A policy whose plans a test writes, as minutes since the begin; it records what it is told. */
class ScriptedPolicy implements IdlePolicy {
  readonly name = 'learned';
  readonly learns = true;
  readonly clients: string[] = [];
  readonly notes: string[] = [];
  readonly reviews: boolean[] = [];
  readonly ends: Arrival[] = [];
  plans: Array<{ minutes: number[]; reviewMin?: number }> = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  addClient(name: string): number {
    if (!this.clients.includes(name)) this.clients.push(name);
    return this.clients.indexOf(name);
  }
  note(kind: number, client: number): void {
    this.notes.push(`${['begin', 'end', 'connect', 'disconnect', 'open'][kind]} ${this.clients[client]}`);
  }
  begin(): IdlePlan {
    return this.#next();
  }
  review(_atMs: number, isAsleep: boolean): IdlePlan {
    this.reviews.push(isAsleep);
    return this.#next();
  }
  end(arrival: Arrival): void {
    this.ends.push(arrival);
  }
  #next(): IdlePlan {
    const { minutes, reviewMin } = this.plans.shift() ?? { minutes: [] };
    const nowMs = this.#clock.nowMs();
    return {
      momentsMs: minutes.map((minute) => nowMs + minute * MINUTE_MS),
      reviewAtMs: reviewMin === undefined ? Number.POSITIVE_INFINITY : nowMs + reviewMin * MINUTE_MS,
    };
  }
}

class Stage {
  readonly clock = new FakeClock();
  readonly policy = new ScriptedPolicy(this.clock);
  readonly events: PlatformEvent[] = [];
  readonly remembered: unknown[] = [];
  asleep = false;
  #id = 0;
  readonly watch = new IdlePolicyWatch({
    policy: this.policy,
    snapshot: () => ({ learned: this.policy.notes.length }),
    memory: { remember: (snapshot) => this.remembered.push(snapshot) },
    lagMs: LAG_MS,
    changeMs: 13_000,
    drowsyForMs: 30_000,
    clock: this.clock,
    isAsleep: () => this.asleep,
    onEvent: (event) => this.events.push(event),
  });

  tell(kind: string, stream: string, client = 'alice'): void {
    this.#id += 1;
    const facts = { stream, vm: 'vm', client: `${client}:${4000 + this.#id}` };
    this.watch.note({ id: this.#id, atMs: this.clock.nowMs(), platform: 'p', kind, message: '', facts });
  }

  /** What was dispatched since the last look; times in minutes from now. */
  take(): string[] {
    return this.events.splice(0).map((event) => {
      if (event.kind === 'inhibit') {
        const until = event.untilMs === null ? 'ever' : (event.untilMs - this.clock.nowMs()) / MINUTE_MS;
        return `inhibit ${until}`;
      }
      return event.kind === 'scheduledWake' ? `wake ${(event.untilMs - this.clock.nowMs()) / MINUTE_MS}` : event.kind;
    });
  }
}

/** One client came, worked, and has been quiet for the lag. */
function leftAlone(plans: ScriptedPolicy['plans']): Stage {
  const stage = new Stage();
  stage.tell('stream-open', 's1');
  stage.tell('stream-active', 's1');
  stage.policy.plans = plans;
  stage.tell('stream-idle', 's1');
  return stage;
}

describe('IdlePolicyWatch', () => {
  it('plan: sleep in ten minutes -> inhibited until the abort window before it, at once, before the machine hears of the empty pool', () => {
    const stage = leftAlone([{ minutes: [10] }]);
    expect(stage.take()).toEqual(['inhibit 9.5']);
    expect(stage.policy.notes).toEqual(['connect alice vm', 'begin alice vm', 'end alice vm']);
  });

  it('plan: sleep now -> nothing keeps it awake', () => {
    expect(leftAlone([{ minutes: [0] }]).take()).toEqual(['lift']);
  });

  it('plan: never sleep -> inhibited without end', () => {
    expect(leftAlone([{ minutes: [] }]).take()).toEqual(['inhibit ever']);
  });

  it('plan: sleep, wake ahead, sleep again -> a scheduled wake at its moment, awake until the next sleep', async () => {
    const stage = leftAlone([{ minutes: [0, 60, 85] }]);
    stage.take();
    stage.asleep = true;
    await stage.clock.advance(60 * MINUTE_MS - 1);
    expect(stage.take()).toEqual([]);
    await stage.clock.advance(1);
    expect(stage.take()).toEqual(['wake 25', 'inhibit 24.5']);
  });

  it('the moment to wake ahead finds it awake (a guard kept it) -> no wake, only kept awake', async () => {
    const stage = leftAlone([{ minutes: [0, 60, 85] }]);
    stage.take();
    await stage.clock.advance(60 * MINUTE_MS);
    expect(stage.take()).toEqual(['inhibit 24.5']);
  });

  it('the review comes while it sleeps -> asked as asleep, its first moment is a wake', async () => {
    const stage = leftAlone([{ minutes: [0], reviewMin: 600 }, { minutes: [30, 40] }]);
    stage.take();
    stage.asleep = true;
    await stage.clock.advance(600 * MINUTE_MS);
    expect(stage.policy.reviews).toEqual([true]);
    expect(stage.take()).toEqual([]);
    await stage.clock.advance(30 * MINUTE_MS);
    expect(stage.take()).toEqual(['wake 10', 'inhibit 9.5']);
  });

  it('somebody comes -> the plan is dropped, lifted only after the machine was told; who came with them waited too', async () => {
    const stage = leftAlone([{ minutes: [10, 20] }, { minutes: [0] }]);
    stage.take();
    await stage.clock.advance(5 * MINUTE_MS);
    stage.tell('stream-active', 's1');
    expect(stage.take()).toEqual([]);
    await stage.clock.advance(3000);
    expect(stage.take()).toEqual(['lift']);
    stage.tell('stream-active', 's2', 'bob');
    await stage.clock.advance(60 * MINUTE_MS);
    stage.tell('stream-idle', 's1');
    expect(stage.policy.ends).toEqual([]);
    stage.tell('stream-idle', 's2', 'bob');
    expect(stage.policy.ends).toHaveLength(1);
    expect(stage.policy.ends[0]).toMatchObject({ hasArrival: true, waiterMs: [0, 3000], waiterTo: 2 });
    expect(stage.take()).toEqual(['lift']);
  });

  it('the client closed its connection -> the interval begins a lag after that, kept awake until then', async () => {
    const stage = new Stage();
    stage.tell('stream-open', 's1');
    stage.tell('stream-active', 's1');
    stage.tell('stream-closed', 's1');
    await stage.clock.advance(5000);
    stage.policy.plans = [{ minutes: [0] }];
    stage.tell('stream-idle', 's1');
    expect(stage.take()[0]).toMatch(/^inhibit 0\.9/);
    await stage.clock.advance(55_000);
    expect(stage.take()).toEqual(['lift']);
    expect(stage.policy.notes).toEqual(['connect alice vm', 'begin alice vm', 'disconnect alice vm', 'end alice vm']);
  });

  it('a second connection of the same client at the same VM -> one client; a connection in an interval -> asked again', () => {
    const stage = leftAlone([{ minutes: [10] }, { minutes: [20] }]);
    stage.tell('stream-open', 's2');
    expect(stage.policy.clients).toEqual(['alice vm']);
    expect(stage.policy.reviews).toEqual([]);
    stage.tell('stream-open', 's3', 'bob');
    expect(stage.policy.reviews).toEqual([false]);
  });

  it('a machine opens -> of its clients that are gone, once in ten minutes; asked again then', async () => {
    const stage = leftAlone([{ minutes: [0] }, { minutes: [0] }, { minutes: [2, 9] }]);
    stage.take();
    stage.watch.noteOpening('alice', stage.clock.nowMs());
    expect(stage.policy.notes).not.toContain('open alice vm');
    stage.tell('stream-closed', 's1');
    stage.asleep = true;
    stage.watch.noteOpening('al', stage.clock.nowMs());
    stage.watch.noteOpening('bob', stage.clock.nowMs());
    stage.watch.noteOpening('alice', stage.clock.nowMs());
    stage.watch.noteOpening('alice', stage.clock.nowMs() + 5 * MINUTE_MS);
    expect(stage.policy.notes.filter((note) => note === 'open alice vm')).toHaveLength(1);
    expect(stage.policy.reviews).toEqual([false, true]);
    await stage.clock.advance(2 * MINUTE_MS);
    expect(stage.take()).toContain('wake 7');
  });

  it('told by an event of the log -> the same', () => {
    const stage = leftAlone([{ minutes: [0] }]);
    stage.tell('stream-closed', 's1');
    const facts = { client: 'alice' };
    const { clock, watch } = stage;
    watch.note({ id: 99, atMs: clock.nowMs(), platform: 'p', kind: 'client-opened', message: '', facts });
    expect(stage.policy.notes).toContain('open alice vm');
  });

  it('start without anybody -> an interval begins; stop -> what was learned is kept, nothing happens any more', async () => {
    const stage = new Stage();
    stage.policy.plans = [{ minutes: [0, 30, 40] }];
    stage.watch.start();
    expect(stage.take()).toEqual(['lift']);
    expect(stage.remembered).toHaveLength(1);
    stage.watch.stop();
    expect(stage.remembered).toHaveLength(2);
    stage.asleep = true;
    await stage.clock.advance(REMEMBER_MS * 4);
    expect(stage.take()).toEqual([]);
  });
});
