// A controller beside others: what it tells them and asks of them, and what it does at their word.
import { beforeEach, describe, expect, it } from 'vitest';
import { PlatformController } from '../../src/controller/platform-controller.ts';
import type { KeptOrders } from '../../src/platform/inhibitor.ts';
import type { PlatformEvent } from '../../src/platform/model.ts';
import type { AcpiState, PowerDriver, StreamGate, StreamName } from '../../src/platform/ports.ts';
import type { Agreement, OwnShare, PeerFacts, PlatformShare, ShareEvent } from '../../src/platform/share.ts';
import { DeskProber, deskDriver, EMPTY_CONTEXT, emptyGate } from '../support/desk-host.ts';
import { DESK_POLICY as POLICY } from '../support/desk-policy.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { KeptLog } from '../support/kept-log.ts';

const OWNING: PeerFacts = { self: 'torpor-a', owner: 'torpor-a', uncertain: null, others: [] };
const STREAM: StreamName = {
  id: 's1',
  platform: 'vdi-01',
  vm: 'desk',
  listener: '127.0.0.1:1',
  client: '127.0.0.1:2',
  protocol: 'raw',
};
const UNUSED = { read: async () => null, write: async () => {} };

/** What the store would do is the test's to say; what is asked of it is kept. */
class FakeShare implements PlatformShare {
  readonly asked: string[] = [];
  readonly told: OwnShare[] = [];
  mayPressNow = true;
  answer: (agreement: Agreement) => void = () => {};
  say: (event: ShareEvent) => void = () => {};

  start(listener: (event: ShareEvent) => void): void {
    this.say = listener;
    listener({ kind: 'peers', peers: { ...OWNING, owner: null, uncertain: 'the store has not answered yet' } });
  }

  tell(own: OwnShare): void {
    this.told.push(own);
  }

  seekAgreement(signal: AbortSignal, forced: boolean): Promise<Agreement> {
    this.asked.push(forced ? 'seek, forced' : 'seek');
    signal.addEventListener('abort', () => this.asked.push('abort'), { once: true });
    return new Promise((resolve) => {
      this.answer = resolve;
    });
  }

  answerProposal(proposal: number, held: boolean): void {
    this.asked.push(`answer ${proposal} ${held}`);
  }

  mayPress(): boolean {
    return this.mayPressNow;
  }

  endProposal(): void {
    this.asked.push('end');
  }

  wantWake(why: string): void {
    this.asked.push(`wake: ${why}`);
  }

  async stop(): Promise<void> {
    this.asked.push('stop');
  }
}

/** One platform, seen by one of its Torpors. */
class SharedWorld {
  readonly clock = new FakeClock();
  readonly share = new FakeShare();
  readonly deeds: string[] = [];
  /** Operators' orders as they came to the disk. */
  readonly kept: KeptOrders[] = [];
  acpi: AcpiState = 'S0';
  /** What the BMC takes its time for before it can be pressed. */
  setUp: () => Promise<void> = async () => {};
  readonly controller: PlatformController;
  readonly #prober: DeskProber;

  constructor(successorOf?: SharedWorld) {
    if (successorOf !== undefined) {
      this.clock = successorOf.clock;
      this.share = successorOf.share;
      this.acpi = successorOf.acpi;
    }
    this.controller = new PlatformController({
      name: 'vdi-01',
      policy: POLICY,
      armed: true,
      intent: null,
      orders: null,
      driver: this.#driver(),
      journal: UNUSED,
      orderStore: { ...UNUSED, write: async (_platform, orders) => void this.kept.push(orders) },
      context: EMPTY_CONTEXT,
      clock: this.clock,
      log: new KeptLog(),
      share: this.share,
      ...(successorOf === undefined ? {} : { successorOf: successorOf.controller }),
      report: () => {},
    });
    const { controller } = this;
    this.#prober = new DeskProber(
      this.clock,
      () => this.acpi === 'S0',
      (result) => controller.onProbeResult('desk', result),
    );
    controller.attach({ gate: this.#gate(), probers: [this.#prober], inhibitors: [] });
    this.controller.start();
  }

  get state(): string {
    return this.controller.model.state;
  }

  #driver(): PowerDriver {
    const driver = deskDriver(this, this.clock);
    return {
      ...driver,
      requestSleep: async (signal, fence) => {
        await this.setUp();
        const answer = await driver.requestSleep(signal, fence);
        this.deeds.push(answer.outcome === 'accepted' ? 'press' : `unsent: ${answer.attempts}`);
        return answer;
      },
      requestWake: (method, signal) => {
        this.deeds.push('wake');
        return driver.requestWake(method, signal);
      },
    };
  }

  #gate(): StreamGate {
    return emptyGate({
      hold: () => this.deeds.push('hold'),
      release: (vm) => this.deeds.push(`release ${vm ?? 'all'}`),
    });
  }
}

describe('controller: one of several Torpors', () => {
  let world: SharedWorld;
  let share: FakeShare;
  beforeEach(async () => {
    world = new SharedWorld();
    share = world.share;
    await world.clock.advance(600);
  });

  const own = () => share.say({ kind: 'peers', peers: OWNING });

  it('the store has not answered -> awake, streams flow, never asked for sleep', async () => {
    await world.clock.advance(60_000);
    expect([world.state, world.deeds, share.asked]).toEqual(['awake', ['release all'], []]);
  });

  it('owner -> asks the others, presses when they agreed, ends it when it runs again', async () => {
    own();
    await world.clock.advance(5_000);
    expect([world.deeds, share.asked]).toEqual([['release all', 'hold'], ['seek']]);
    share.answer({ agreed: true, why: 'torpor-b holds' });
    await world.clock.advance(5_000);
    expect([world.state, world.deeds.at(-1)]).toEqual(['asleep', 'press']);
    world.controller.streamActive(STREAM, 'client bytes');
    await world.clock.advance(500);
    expect(world.state).toBe('awake');
    expect(share.asked).toEqual(['seek', 'wake: desk from 127.0.0.1:2 (raw): client bytes', 'end']);
  });

  it('a client while the others are asked -> the question is called off at once, and its answer is stale', async () => {
    own();
    await world.clock.advance(5_000);
    world.controller.streamActive(STREAM, 'client bytes');
    expect(share.asked).toEqual(['seek', 'abort', 'end']);
    share.answer({ agreed: true, why: 'torpor-b holds' });
    await world.clock.advance(5_000);
    expect([world.state, world.deeds.includes('press')]).toEqual(['awake', false]);
  });

  it('its ownership ran out after they agreed -> nothing pressed, ended, and streams flow', async () => {
    own();
    await world.clock.advance(5_000);
    share.mayPressNow = false;
    share.answer({ agreed: true, why: 'torpor-b holds' });
    await world.clock.advance(500);
    expect(world.state).toBe('awake');
    const unsent = "unsent: this Torpor's ownership ran out";
    expect(world.deeds).toEqual(['release all', 'hold', unsent, 'release all']);
    expect(share.asked).toEqual(['seek', 'end']);
  });

  it('the BMC takes long, a client comes and it is given up -> the press that was on its way is not sent any more', async () => {
    own();
    let ready = () => {};
    world.setUp = () =>
      new Promise((resolve) => {
        ready = resolve;
      });
    await world.clock.advance(5_000);
    share.answer({ agreed: true, why: 'torpor-b holds' });
    await world.clock.advance(500);
    world.controller.streamActive(STREAM, 'client bytes');
    await world.clock.advance(4_000);
    expect([world.state, world.deeds.at(-1)]).toEqual(['awake', 'release all']);
    ready();
    await world.clock.advance(500);
    expect(world.deeds.at(-1)).toBe('unsent: it is not to sleep any more');
    expect([world.state, world.acpi]).toEqual(['awake', 'S0']);
  });

  it('the BMC takes long and another one wants it awake -> not sent any more, awake at once, no failure', async () => {
    own();
    let ready = () => {};
    world.setUp = () =>
      new Promise((resolve) => {
        ready = resolve;
      });
    await world.clock.advance(5_000);
    share.answer({ agreed: true, why: 'torpor-b holds' });
    await world.clock.advance(500);
    share.say({ kind: 'peerWake', by: 'torpor-b', why: 'bob connected' });
    ready();
    await world.clock.advance(50);
    expect(world.deeds.slice(-2)).toEqual(['unsent: it is to be awake: torpor-b: bob connected', 'release all']);
    expect([world.state, world.controller.model.failures, share.asked.at(-1)]).toEqual(['awake', 0, 'end']);
  });

  const ORDERS: ReadonlyArray<[string, PlatformEvent, string]> = [
    [
      'an operator inhibits it',
      { kind: 'inhibit', by: 'operator', name: 'build', why: 'a build', untilMs: null },
      'inhibited by operator (build): a build',
    ],
    ['maintenance is ordered', { kind: 'maintenance', on: true, why: 'a new fan' }, 'in maintenance: a new fan'],
  ];
  it.each(ORDERS)(
    'the BMC takes long and %s -> not sent any more, awake at once, no failure',
    async (_name, order, why) => {
      own();
      let ready = () => {};
      world.setUp = () =>
        new Promise((resolve) => {
          ready = resolve;
        });
      await world.clock.advance(5_000);
      share.answer({ agreed: true, why: 'torpor-b holds' });
      await world.clock.advance(500);
      world.controller.dispatch(order);
      expect(world.state).toBe('suspending');
      ready();
      await world.clock.advance(50);
      expect(world.deeds.slice(-2)).toEqual([`unsent: ${why}`, 'release all']);
      expect([world.state, world.controller.model.failures, share.asked.at(-1)]).toEqual(['awake', 0, 'end']);
    },
  );

  it('forced by an operator -> asked for as such', async () => {
    own();
    world.controller.streamActive(STREAM, 'client bytes');
    world.controller.dispatch({ kind: 'operatorSleep', force: true });
    await world.clock.advance(2_000);
    expect(share.asked).toEqual(['seek, forced']);
  });

  it('forced, and a client goes on sending while the BMC takes long -> pressed all the same, then woken for it', async () => {
    own();
    let ready = () => {};
    world.setUp = () =>
      new Promise((resolve) => {
        ready = resolve;
      });
    world.controller.streamActive(STREAM, 'client bytes');
    world.controller.dispatch({ kind: 'operatorSleep', force: true });
    await world.clock.advance(2_000);
    share.answer({ agreed: true, why: 'torpor-b holds' });
    await world.clock.advance(500);
    expect(world.state).toBe('suspending');
    world.controller.activityWhileHeld(STREAM, 'client bytes');
    await world.clock.advance(200);
    expect(share.asked).toEqual(['seek, forced']);
    ready();
    await world.clock.advance(500);
    expect(world.deeds).toContain('press');
    await world.clock.advance(10_000);
    expect(world.deeds.some((deed) => deed.startsWith('wake'))).toBe(true);
    expect(share.asked.slice(1)).toContainEqual(expect.stringContaining('wake'));
  });

  it('what the others must know -> told when it changes: active clients, a reason, held streams', async () => {
    const last = () => share.told.at(-1);
    expect(last()).toEqual({ active: 0, newestDeadlineMs: null, keeps: null, held: false });
    const before = share.told.length;
    await world.clock.advance(20_000);
    expect(share.told.length).toBe(before);
    world.controller.streamActive(STREAM, 'client bytes');
    expect(last()).toMatchObject({ active: 1 });
    world.controller.streamIdle(STREAM, 'idle');
    expect(last()).toMatchObject({ active: 0 });
    world.controller.dispatch({ kind: 'inhibit', by: 'check', name: 'backup', why: 'rsync runs', untilMs: null });
    expect(last()).toMatchObject({ keeps: 'inhibited by check backup: rsync runs' });
    world.controller.dispatch({ kind: 'lift', by: 'check', name: 'backup', why: 'done' });
    share.say({ kind: 'suspendProposed', proposal: 3, by: 'torpor-b' });
    expect(last()).toMatchObject({ keeps: null, held: true });
  });

  it('another one leads -> held, answered; sleeps without a press of its own; woken by its own client', async () => {
    share.say({ kind: 'peers', peers: { ...OWNING, owner: 'torpor-b' } });
    share.say({ kind: 'suspendProposed', proposal: 3, by: 'torpor-b' });
    await world.clock.advance(1);
    expect(share.asked).toEqual(['answer 3 true']);
    share.say({ kind: 'suspendCommitted', proposal: 3, by: 'torpor-b' });
    world.acpi = 'S3';
    await world.clock.advance(5_000);
    expect([world.state, world.deeds]).toEqual(['asleep', ['release all', 'hold']]);
    world.controller.streamActive(STREAM, 'client bytes');
    await world.clock.advance(500);
    expect([world.state, world.deeds.includes('wake')]).toEqual(['awake', true]);
  });

  it('another one wants it awake -> woken from here, too, and nobody is active here', async () => {
    own();
    await world.clock.advance(5_000);
    share.answer({ agreed: true, why: 'torpor-b holds' });
    await world.clock.advance(5_000);
    share.say({ kind: 'peerWake', by: 'torpor-b', why: 'bob connected' });
    await world.clock.advance(500);
    expect([world.state, world.deeds.at(-1)]).toEqual(['awake', 'release all']);
    expect(share.told.at(-1)).toMatchObject({ active: 0 });
    expect(share.asked).toEqual(['seek', 'end']);
  });

  it('a reload while it sleeps -> the next controller goes on with what is known, and the share lives on', async () => {
    own();
    await world.clock.advance(5_000);
    share.answer({ agreed: true, why: 'torpor-b holds' });
    await world.clock.advance(5_000);
    await world.controller.stop();
    const next = new SharedWorld(world);
    own();
    next.controller.streamActive(STREAM, 'client bytes');
    await next.clock.advance(500);
    expect(next.state).toBe('awake');
    expect(share.asked.filter((each) => each === 'end' || each === 'stop')).toEqual(['end']);
  });

  it('an operator inhibits it between one controller and the next -> it holds, and is on disk before that is confirmed', async () => {
    await world.clock.advance(5_000);
    await world.controller.stop();
    world.controller.dispatch({ kind: 'inhibit', by: 'operator', name: 'build', why: 'a build', untilMs: null });
    let isKept = false;
    const kept = world.controller.ordersKept().then(() => {
      isKept = true;
    });
    await settle();
    expect(isKept).toBe(false);
    const next = new SharedWorld(world);
    await kept;
    expect(next.kept.at(-1)?.inhibitors).toMatchObject([{ name: 'build' }]);
    expect(next.controller.model.inhibitors).toMatchObject([{ kind: 'operator', name: 'build' }]);
  });

  it('asleep, and somebody asks for a wake between one controller and the next -> woken', async () => {
    own();
    await world.clock.advance(5_000);
    share.answer({ agreed: true, why: 'torpor-b holds' });
    await world.clock.advance(5_000);
    expect(world.state).toBe('asleep');
    await world.controller.stop();
    world.controller.dispatch({ kind: 'operatorWake', why: 'operator' });
    const next = new SharedWorld(world);
    await next.clock.advance(500);
    expect(next.state).toBe('awake');
  });
});
