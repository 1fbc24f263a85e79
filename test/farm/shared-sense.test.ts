// What several Torpors decide together over the shared store: turns on circuits, places of users, and who keeps spares.
import { describe, expect, it } from 'vitest';
import type { PlatformController } from '../../src/controller/platform-controller.ts';
import { FarmMember } from '../../src/farm/farm-member.ts';
import { FarmPlaces, PLACE_LIFETIME_MS, PLACE_PREFIX, PLACE_RENEWAL_MS } from '../../src/farm/farm-places.ts';
import { CIRCUIT_PREFIX, FarmTurns } from '../../src/farm/farm-turns.ts';
import { type MemoryStore, MemoryWorld } from '../../src/farm/memory-store.ts';
import { SparePools } from '../../src/farm/spare-pools.ts';
import { WakeTurns } from '../../src/farm/wake-turns.ts';
import type { PlatformEvent, PlatformModel } from '../../src/platform/model.ts';
import { Broker, type Seat } from '../../src/streams/broker.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KeptLog } from '../support/kept-log.ts';
import { PausedClock } from './support/paused-clock.ts';

const LEASE_MS = 10_000;
const RESUME_MS = 20_000;
const STEP_MS = 500;
const WATTS = { asleep: 0, running: 0, waking: 0 };
const POOL = { name: 'office', stickyBy: 'user', sessionsPerPlatform: null } as const;

/** What a turn needs of one platform as one Torpor sees it; the host is the test's. */
class Sleeper {
  readonly name: string;
  readonly #nowMs: () => number;
  #state: 'asleep' | 'waking' | 'awake' = 'asleep';
  #sinceMs = 0;
  #turn: PlatformModel['wakeTurn'] = null;

  constructor(name: string, nowMs: () => number) {
    this.name = name;
    this.#nowMs = nowMs;
  }

  get model(): PlatformModel {
    const facts = {
      state: this.#state,
      sinceMs: this.#sinceMs,
      wakeTurn: this.#turn,
      policy: { wakeTimeoutMs: 60_000 },
    };
    return { ...facts, progress: {}, wakeOrdered: false, wokenToAnswer: false, waitingSinceMs: 0 } as PlatformModel;
  }

  ask(): void {
    this.#turn = { askedAtMs: this.#nowMs(), isGranted: false, grantedAtMs: null };
  }

  /** What its BMC says here, wherever it was woken. */
  see(state: 'asleep' | 'awake'): void {
    if (state === 'awake') this.#turn = null;
    if (state === 'awake' || this.#state !== 'waking') this.#state = state;
  }

  dispatch(event: PlatformEvent): void {
    if (event.kind !== 'wakeTurn') return;
    this.#turn = null;
    this.#state = 'waking';
    this.#sinceMs = this.#nowMs();
  }

  tell(): void {}
}

class Torpor {
  readonly clock: PausedClock;
  readonly store: MemoryStore;
  readonly member: FarmMember;
  readonly places: FarmPlaces;
  readonly turns: WakeTurns;
  readonly sleepers: Sleeper[];

  constructor(world: MemoryWorld, name: string, platforms: number, isShared: boolean) {
    const clock = new PausedClock(world.clock as FakeClock, 1);
    const wallMs = () => clock.nowMs();
    const log = new KeptLog();
    this.clock = clock;
    this.store = world.client(clock);
    const { store } = this;
    const newBoot = () => '1';
    const random = () => 0;
    this.member = new FarmMember({ store, name, version: '0', leaseMs: LEASE_MS, clock, random, log, wallMs, newBoot });
    const instances = () => this.member.instances().length;
    const shared = new FarmTurns({ store, view: this.member.view(), instances, clock });
    this.places = new FarmPlaces({ store, wallMs, leads: () => this.member.leads('places'), log });
    this.member.follow(CIRCUIT_PREFIX, shared);
    this.member.follow(PLACE_PREFIX, this.places);
    this.sleepers = Array.from({ length: platforms }, (_, at) => new Sleeper(`host-${at}`, wallMs));
    const members = this.sleepers.map((sleeper) => {
      return { circuit: 'rack a', priority: 50, watts: WATTS, controller: sleeper as unknown as PlatformController };
    });
    const circuits = [{ name: 'rack a', wakingAtMost: 4, watts: null, waitAtMostMs: 3_600_000 }];
    this.turns = new WakeTurns({ circuits, members: () => members, clock, shared: isShared ? shared : null });
    this.member.start();
  }

  wakingNames(): string[] {
    return this.sleepers.filter(({ model }) => model.state === 'waking').map(({ name }) => name);
  }
}

class Rack {
  readonly clock = new FakeClock();
  readonly world = new MemoryWorld({ clock: this.clock });
  readonly torpors: Torpor[];
  readonly #wokenMs = new Map<string, number>();
  mostWaking = 0;

  constructor(platforms: number, isShared = true) {
    this.torpors = ['a', 'b'].map((name) => new Torpor(this.world, name, platforms, isShared));
  }

  at(which: number): Torpor {
    return this.torpors[which] as Torpor;
  }

  async play(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += STEP_MS / 1_000) {
      for (const torpor of this.torpors) if (!torpor.clock.isPaused) torpor.turns.look();
      await this.clock.advance(STEP_MS);
      this.#live();
    }
  }

  get awake(): number {
    return this.at(1).sleepers.filter(({ model }) => model.state === 'awake').length;
  }

  #live(): void {
    const nowMs = this.clock.nowMs();
    for (const torpor of this.torpors)
      for (const name of torpor.wakingNames()) if (!this.#wokenMs.has(name)) this.#wokenMs.set(name, nowMs);
    const isUp = (name: string) => nowMs >= (this.#wokenMs.get(name) ?? Number.POSITIVE_INFINITY) + RESUME_MS;
    for (const { sleepers } of this.torpors)
      for (const sleeper of sleepers) sleeper.see(isUp(sleeper.name) ? 'awake' : 'asleep');
    const waking = [...this.#wokenMs.keys()].filter((name) => !isUp(name)).length;
    this.mostWaking = Math.max(this.mostWaking, waking);
  }

  /** Clients of the even platforms come to the first Torpor, those of the odd ones to the second. */
  rush(): void {
    for (const [which, { sleepers }] of this.torpors.entries())
      for (const [at, sleeper] of sleepers.entries()) if (at % 2 === which) sleeper.ask();
  }
}

describe('circuits of several Torpors', () => {
  it('each by itself -> twice as many wake at once as the circuit bears', async () => {
    const rack = new Rack(12, false);
    await rack.play(6);
    rack.rush();
    await rack.play(90);
    expect([rack.mostWaking, rack.awake]).toEqual([8, 12]);
  });

  it('over the store -> as many as the circuit bears, and all come up', async () => {
    const rack = new Rack(12);
    rack.world.faults.delayMs = [20, 20];
    await rack.play(6);
    rack.rush();
    await rack.play(90);
    expect([rack.mostWaking, rack.awake]).toEqual([4, 12]);
    const { value } = rack.world.entries().find(({ key }) => key.startsWith(CIRCUIT_PREFIX)) as { value: string };
    expect(JSON.parse(value)).toEqual({ circuit: 'rack a', turns: {} });
  });

  it('a wake of one platform wished at both -> one place', async () => {
    const rack = new Rack(12);
    await rack.play(6);
    for (const { sleepers } of rack.torpors) for (const sleeper of sleepers) sleeper.ask();
    const before = rack.world.attempts;
    await rack.play(90);
    expect([rack.mostWaking, rack.awake]).toEqual([4, 12]);
    // Beats, two writes of each wake, and a few that met each other.
    expect(rack.world.attempts - before).toBeLessThan(2 * 45 + 4 * 12);
  });

  it('the store cannot be reached -> nobody waits for it: each its share, and says so', async () => {
    const rack = new Rack(12);
    await rack.play(6);
    for (const { store } of rack.torpors) store.cut();
    rack.rush();
    await rack.play(1);
    expect(rack.torpors.map((torpor) => torpor.wakingNames().length)).toEqual([2, 2]);
    const [, turn] = [...rack.at(0).turns.waiting()][0] as [string, { why: string }];
    expect(turn.why).toBe('circuit rack a: 2 of 2 are waking (this Torpor’s share, the shared store: cut off)');
    await rack.play(90);
    expect([rack.mostWaking, rack.awake]).toEqual([4, 12]);
  });

  it('the store stops to answer while a turn is asked for -> after its bound by the own share', async () => {
    const rack = new Rack(12);
    await rack.play(6);
    rack.world.answers = false;
    rack.rush();
    await rack.play(120);
    expect(rack.awake).toBe(12);
    expect(rack.mostWaking).toBe(4);
  });

  it('who wakes four dies -> its places are free once its lease is over', async () => {
    const rack = new Rack(12);
    await rack.play(6);
    for (const sleeper of rack.at(0).sleepers.slice(0, 4)) sleeper.ask();
    await rack.play(1);
    expect(rack.at(0).wakingNames().length).toBe(4);
    rack.at(0).store.cut();
    rack.at(0).clock.pause();
    rack.at(1).sleepers[9]?.ask();
    await rack.play(5);
    expect(rack.at(1).wakingNames()).toEqual([]);
    await rack.play(15);
    expect(rack.at(1).sleepers[9]?.model.state).not.toBe('asleep');
  });
});

describe('places of several Torpors', () => {
  function brokerOf({ places }: Torpor, first: string): Broker {
    const broker = new Broker();
    broker.shared = places;
    const look = () => ({ stage: 'awake', platformSessions: 0, sessions: 0 }) as const;
    const seatOf = (name: string): Seat => ({ key: `${name}/desk`, platform: name, look, admit: () => {} });
    for (const name of [first, first === 'host-0' ? 'host-1' : 'host-0']) broker.add('door', seatOf(name));
    return broker;
  }

  it('the same user at another Torpor, and at one that was restarted -> the same VM; nobody is named in the store', async () => {
    const rack = new Rack(2);
    await rack.play(6);
    expect(brokerOf(rack.at(0), 'host-0').place('door', POOL, 'alice')?.key).toBe('host-0/desk');
    await rack.play(1);
    expect(brokerOf(rack.at(1), 'host-1').place('door', POOL, 'alice')?.key).toBe('host-0/desk');
    expect(brokerOf(rack.at(0), 'host-1').place('door', POOL, 'alice')?.key).toBe('host-0/desk');
    expect(brokerOf(rack.at(1), 'host-1').place('door', POOL, 'bob')?.key).toBe('host-1/desk');
    expect(JSON.stringify(rack.world.entries())).not.toMatch(/alice|bob/);
  });

  it('placed at both at one moment -> one of the two holds at both from then on', async () => {
    const rack = new Rack(2);
    rack.world.faults.delayMs = [20, 20];
    await rack.play(6);
    const [one, two] = [brokerOf(rack.at(0), 'host-0'), brokerOf(rack.at(1), 'host-1')];
    one.place('door', POOL, 'alice');
    two.place('door', POOL, 'alice');
    await rack.play(1);
    const keys = [one, two].map((broker) => broker.place('door', POOL, 'alice')?.key);
    expect(keys[0]).toBe(keys[1]);
  });

  it('the store is away -> placed all the same, and the same again', async () => {
    const rack = new Rack(2);
    await rack.play(6);
    rack.at(0).store.cut();
    const broker = brokerOf(rack.at(0), 'host-0');
    broker.place('door', POOL, 'alice');
    broker.add('door', { ...(brokerOf(rack.at(0), 'x').place('door', POOL, null) as Seat) });
    expect(broker.place('door', POOL, 'alice')?.key).toBe('host-0/desk');
    await rack.play(1);
    expect(rack.at(1).places.seatOf('office alice')).toBeNull();
  });

  it('comes every day -> written once a day; for a month not -> forgotten, and removed by one of them', async () => {
    const rack = new Rack(1);
    await rack.play(6);
    const { places } = rack.at(0);
    places.remember('office alice', 'host-0/desk');
    await rack.play(1);
    const entry = () => rack.world.entries().find(({ key }) => key.startsWith(PLACE_PREFIX));
    const first = entry()?.revision;
    places.remember('office alice', 'host-0/desk');
    await rack.play(1);
    expect(entry()?.revision).toBe(first);
    // What follows needs no beats.
    const later = (ms: number) => {
      return new FarmPlaces({
        store: rack.at(0).store,
        wallMs: () => rack.clock.nowMs() + ms,
        leads: () => true,
        log: new KeptLog(),
      });
    };
    const [tomorrow, nextMonth] = [later(PLACE_RENEWAL_MS), later(PLACE_LIFETIME_MS + 60_000)];
    for (const each of [tomorrow, nextMonth]) each.onEntry(entry() as never);
    expect([tomorrow, nextMonth].map((each) => each.seatOf('office alice'))).toEqual(['host-0/desk', null]);
    tomorrow.remember('office alice', 'host-0/desk');
    await rack.play(1);
    expect(entry()?.revision).toBeGreaterThan(first ?? 0);
    nextMonth.onEntry({ ...(entry() as never as { key: string; revision: number }), value: '{"seat":"x","atMs":0}' });
    nextMonth.tidy();
    await rack.play(1);
    expect(entry()?.value).toBeNull();
  });
});

describe('one of several Torpors', () => {
  it('leads each thing; where it dies another does', async () => {
    const rack = new Rack(0);
    await rack.play(6);
    const leaders = (thing: string) => rack.torpors.map(({ member }) => member.leads(thing));
    const things = ['spares one', 'spares two', 'spares three', 'spares four'];
    for (const thing of things) expect(leaders(thing).filter((isLeader) => isLeader).length).toBe(1);
    rack.at(0).store.cut();
    rack.at(0).clock.pause();
    await rack.play(20);
    for (const thing of things) expect(rack.at(1).member.leads(thing)).toBe(true);
  });

  it('keeps the spares of a pool: who leads, the one in use at another; who does not, none', () => {
    const kept = (isLeader: boolean) => {
      const deeds: string[] = [];
      const controllers = ['host-0', 'host-1'].map((name, at) => {
        const others = [{ instance: 'b', active: at, newestDeadlineMs: null, keeps: null }];
        const peers = { self: 'a', owner: 'a', uncertain: null, others };
        const model = { state: 'awake', armed: true, maintenance: false, wakeWanted: null, peers, inhibitors: [] };
        const dispatch = ({ kind }: PlatformEvent) => deeds.push(`${kind} ${name}`);
        return { name, model, dispatch, table: { size: 0 } } as unknown as PlatformController;
      });
      const pool = { name: 'office', spare: 1, sessionsPerPlatform: null, platforms: ['host-0', 'host-1'] };
      const clock = new FakeClock();
      const leads = (name: string) => name === 'office' && isLeader;
      const spares = new SparePools({ pools: [pool], controllers: () => controllers, clock, leads });
      spares.look();
      spares.stop();
      return deeds;
    };
    expect(kept(true)).toEqual(['inhibit host-1']);
    expect(kept(false)).toEqual([]);
  });
});
