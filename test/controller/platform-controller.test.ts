import { beforeEach, describe, expect, it } from 'vitest';
import { type ControllerEvent, PlatformController } from '../../src/controller/platform-controller.ts';
import type { PlatformPolicy } from '../../src/platform/model.ts';
import type {
  AcpiState,
  DrainReport,
  InhibitorWatch,
  Intent,
  Journal,
  OrderStore,
  PlatformContext,
  PowerAnswer,
  PowerDriver,
  StreamGate,
  StreamStatus,
} from '../../src/platform/ports.ts';
import { DeskProber, deskDriver, emptyGate } from '../support/desk-host.ts';
import { DESK_POLICY as POLICY } from '../support/desk-policy.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { KeptLog } from '../support/kept-log.ts';

const ACCEPTED: PowerAnswer = { outcome: 'accepted', attempts: ['sent'] };

/** One platform that does what it is asked, and a list of all that was done to it, in order. */
class FakeWorld {
  readonly clock = new FakeClock();
  readonly deeds: string[] = [];
  readonly reported: ControllerEvent[] = [];
  acpi: AcpiState = 'S0';
  bmcAnswers = true;
  vmAnswers = true;
  drain: DrainReport = { drained: true, unackedBytes: 0, source: 'proc' };
  journalProblem: string | null = null;
  journalHangs = false;
  ordersProblem: string | null = null;
  readonly watches: InhibitorWatch[] = [];
  readonly log = new KeptLog();
  veto: string | null = null;
  /** Set: a hook that runs until it is called off, and a little longer. */
  saveEndsAfterAbortMs: number | null = null;
  sleepAnswer: PowerAnswer = ACCEPTED;
  readonly prober = new DeskProber(
    this.clock,
    () => this.vmAnswers,
    (result) => this.controller.onProbeResult('desk', result),
  );
  readonly controller: PlatformController;

  constructor(intent: Intent | null = null, policy: PlatformPolicy = POLICY) {
    this.controller = new PlatformController({
      name: 'vdi-01',
      policy,
      armed: true,
      intent,
      orders: null,
      driver: this.#driver(),
      journal: this.#journal(),
      orderStore: this.#orderStore(),
      context: this.#context(),
      clock: this.clock,
      log: this.log,
      report: (event) => this.reported.push(event),
    });
  }

  start(): void {
    this.controller.attach({ gate: this.#gate(), probers: [this.prober], inhibitors: this.watches });
    this.controller.start();
  }

  get state(): string {
    return this.controller.model.state;
  }

  #driver(): PowerDriver {
    const driver = deskDriver(this, this.clock);
    return {
      ...driver,
      readPower: async (signal) => {
        if (!this.bmcAnswers) throw new Error('no answer');
        return await driver.readPower(signal);
      },
      requestSleep: async () => {
        this.deeds.push('press');
        if (this.sleepAnswer.outcome !== 'refused') this.acpi = 'S3';
        this.vmAnswers = this.acpi === 'S0';
        return this.sleepAnswer;
      },
      requestWake: (method, signal) => {
        this.deeds.push(`wake ${method}`);
        this.vmAnswers = true;
        return driver.requestWake(method, signal);
      },
      close: async () => {
        this.deeds.push('close');
      },
    };
  }

  #journal(): Journal {
    return {
      read: async () => null,
      write: async (_platform, intent) => {
        if (this.journalHangs) await new Promise(() => {});
        if (this.journalProblem !== null) throw new Error(this.journalProblem);
        this.deeds.push(`journal ${intent.kind}`);
      },
    };
  }

  #orderStore(): OrderStore {
    return {
      read: async () => null,
      write: async (_platform, { inhibitors, maintenance }) => {
        if (this.ordersProblem !== null) throw new Error(this.ordersProblem);
        const names = inhibitors.map(({ name }) => name).join(' ');
        this.deeds.push(`keep [${names}]${maintenance === null ? '' : ' maintenance'}`);
      },
    };
  }

  #context(): PlatformContext {
    return {
      save: async (signal) => {
        const lingerMs = this.saveEndsAfterAbortMs;
        if (lingerMs === null) return { veto: this.veto };
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => this.clock.schedule(lingerMs, resolve), { once: true });
        });
        this.deeds.push('save ended');
        return { veto: 'called off' };
      },
      restore: async () => {
        this.deeds.push('restore');
        return { identity: 'unknown', lostVms: [], problem: null };
      },
      forget: () => this.deeds.push('forget'),
    };
  }

  #gate(): StreamGate {
    return emptyGate({
      hold: () => this.deeds.push('hold'),
      drain: async () => this.drain,
      release: (vm) => this.deeds.push(`release ${vm ?? 'all'}`),
      giveUp: (vm, why) => this.deeds.push(`give up ${vm ?? 'all'}: ${why}`),
      loseSessions: (vm) => this.deeds.push(`lose sessions of ${vm ?? 'all'}`),
    });
  }
}

const STREAM: StreamStatus = {
  id: 's1',
  platform: 'vdi-01',
  vm: 'desk',
  listener: '127.0.0.1:1',
  client: '127.0.0.1:2',
  target: '127.0.0.1:3',
  protocol: 'raw',
  device: 'desktop',
  speaks: 'rdp-tls',
  verdict: 'client bytes: every byte counts',
  mode: 'holding',
  active: true,
  openedAtMs: 0,
  lastActiveAtMs: 0,
  lastActiveWhy: 'client bytes',
  idleAtMs: null,
  bytesFromClient: 0,
  bytesToClient: 0,
  heldBytes: 0,
  heldStoredBytes: 0,
};

describe('PlatformController', () => {
  let world: FakeWorld;
  beforeEach(async () => {
    world = new FakeWorld();
    world.start();
    await world.clock.advance(600);
  });

  it('start: a platform that runs -> awake, streams released, nothing pressed', () => {
    expect(world.state).toBe('awake');
    expect(world.deeds).toEqual(['release all']);
  });

  it('nobody active: the whole path -> held, journalled, pressed once, in this order, then asleep', async () => {
    await world.clock.advance(10_000);
    expect(world.state).toBe('asleep');
    expect(world.deeds).toEqual(['release all', 'hold', 'journal sleep', 'press', 'keep []']);
  });

  it('asleep: a client is active -> journalled, woken once, context restored, then released', async () => {
    await world.clock.advance(10_000);
    world.deeds.length = 0;
    for (let i = 0; i < 5; i += 1) world.controller.streamActive(STREAM, 'client bytes');
    await world.clock.advance(200);
    expect(world.deeds).toEqual([
      'journal wake',
      'wake chassis-on',
      'restore',
      'release desk',
      'release all',
      'journal run',
    ]);
    expect(world.state).toBe('awake');
  });

  it('asleep: the disk is full when a client comes -> an alarm, and it is woken all the same', async () => {
    await world.clock.advance(10_000);
    world.journalProblem = 'no space left';
    world.controller.streamActive(STREAM, 'client bytes');
    await world.clock.advance(200);
    expect(world.deeds).toContain('wake chassis-on');
    expect(world.reported).toContainEqual(expect.objectContaining({ kind: 'alarm', message: 'no space left' }));
  });

  it('asleep: the disk hangs when a client comes -> it is woken within seconds all the same', async () => {
    await world.clock.advance(10_000);
    world.journalHangs = true;
    world.controller.streamActive(STREAM, 'client bytes');
    await world.clock.advance(1_000);
    expect(world.deeds).not.toContain('wake chassis-on');
    await world.clock.advance(2_000);
    expect(world.deeds).toContain('wake chassis-on');
  });

  it('saving: a client comes while the hook runs -> its context is restored only after the hook has ended', async () => {
    const hooked = new FakeWorld(null, { ...POLICY, savesContext: true });
    hooked.saveEndsAfterAbortMs = 700;
    hooked.start();
    await hooked.clock.advance(4_000);
    expect(hooked.state).toBe('saving');
    hooked.deeds.length = 0;
    hooked.controller.streamActive(STREAM, 'client bytes');
    await hooked.clock.advance(500);
    expect(hooked.deeds).not.toContain('restore');
    await hooked.clock.advance(1_000);
    expect(hooked.deeds.filter((deed) => /^save|^restore/.test(deed))).toEqual(['save ended', 'restore']);
    expect(hooked.deeds).not.toContain('press');
  });

  it('saving: the intent cannot be written -> nothing is pressed, streams flow again', async () => {
    world.journalProblem = 'no space left';
    await world.clock.advance(10_000);
    expect(world.deeds).toEqual(['release all', 'hold', 'release all']);
    expect(world.state).toBe('awake');
  });

  it('saving: bytes towards the VMs stay unacknowledged -> nothing is pressed', async () => {
    world.drain = { drained: false, unackedBytes: 17, source: 'proc' };
    await world.clock.advance(10_000);
    expect(world.deeds).not.toContain('press');
    expect(world.reported.map(({ message }) => message).join('\n')).toContain('17 bytes');
  });

  it('saving: a disk’s client waits for answers -> nothing is pressed', async () => {
    world.drain = { drained: false, unackedBytes: 0, unansweredRequests: 2, source: 'proc' };
    await world.clock.advance(10_000);
    expect(world.deeds).not.toContain('press');
    expect(world.reported.map(({ message }) => message).join('\n')).toContain('2 requests of disks');
  });

  it('saving: the hook vetoes -> nothing is pressed, its reason is shown', async () => {
    world.veto = 'backup is running';
    await world.clock.advance(10_000);
    expect(world.deeds).not.toContain('press');
    expect(world.controller.model.why).toBe('backup is running');
  });

  it('suspending: the BMC refuses -> awake, streams released, alarm', async () => {
    world.sleepAnswer = { outcome: 'refused', attempts: ['insufficient privilege'] };
    await world.clock.advance(5_000);
    expect(world.state).toBe('awake');
    expect(world.deeds.filter((deed) => deed === 'press')).toHaveLength(1);
    expect(world.reported).toContainEqual(expect.objectContaining({ kind: 'alarm' }));
  });

  it('a suspend is called off, then somebody else puts it to sleep -> what was read before is forgotten before it is restored', async () => {
    world.journalProblem = 'no space left';
    await world.clock.advance(10_000);
    world.journalProblem = null;
    world.controller.streamActive(STREAM, 'client bytes');
    world.deeds.length = 0;
    world.acpi = 'S3';
    world.vmAnswers = false;
    await world.clock.advance(20_000);
    world.controller.streamActive(STREAM, 'client bytes');
    await world.clock.advance(1_000);
    expect(world.deeds).not.toContain('press');
    expect(world.deeds.filter((deed) => deed === 'forget' || deed === 'restore')).toEqual(['forget', 'restore']);
  });

  it('awake: the BMC stops answering -> no suspend, and the reason says so', async () => {
    world.bmcAnswers = false;
    world.controller.streamActive(STREAM, 'client bytes');
    await world.clock.advance(5_000);
    world.controller.streamIdle(STREAM, 'idle');
    await world.clock.advance(60_000);
    expect(world.state).toBe('awake');
    expect(world.deeds).not.toContain('press');
    expect(world.controller.model.bmcProblem).toBe('no answer');
  });

  it('a log that shows no information -> is not given any, alarms it is; the events are told all the same', async () => {
    const quiet = Object.assign(world.log, { isLevelEnabled: () => false });
    quiet.lines.splice(0);
    world.controller.streamOpened(STREAM);
    world.controller.tell('alarm', 'a test of it');
    expect(quiet.lines.map(({ level, message }) => [level, message])).toEqual([['error', 'a test of it']]);
    expect(world.reported.map(({ kind }) => kind).slice(-2)).toEqual(['stream-open', 'alarm']);
  });

  it('table: a stream enters twice and leaves once -> the counter and the record tell it', async () => {
    world.controller.streamActive(STREAM, 'connected');
    world.controller.streamActive(STREAM, 'client bytes');
    expect(world.controller.model.pool).toBe(1);
    world.controller.streamIdle(STREAM, 'idle for 10m');
    expect(world.controller.model.pool).toBe(0);
    expect(world.controller.table.records().map(({ kind, why, poolAfter }) => [kind, why, poolAfter])).toEqual([
      ['enter', 'connected', 1],
      ['exit', 'idle for 10m', 0],
    ]);
  });

  it('asleep: the sensor says so -> the VM is not asked any more', async () => {
    await world.clock.advance(10_000);
    expect(world.prober.paceMs).toBeNull();
  });

  it('stop: while asleep -> the driver is closed, no timer is left, no event changes anything', async () => {
    await world.clock.advance(10_000);
    await world.controller.stop();
    expect(world.deeds.at(-1)).toBe('close');
    world.controller.streamActive(STREAM, 'client bytes');
    await world.clock.advance(60_000);
    await settle();
    expect(world.deeds.at(-1)).toBe('close');
    expect(world.state).toBe('asleep');
    expect(world.clock.pending).toBe(0);
  });
});

describe('PlatformController after a restart', () => {
  it('journalled sleep, platform asleep -> asleep, nothing pressed; the first client wakes it', async () => {
    const world = new FakeWorld({ id: 4, kind: 'sleep', atMs: 0, failedWakes: 0 });
    world.acpi = 'S3';
    world.vmAnswers = false;
    world.start();
    await world.clock.advance(3_500);
    expect(world.state).toBe('asleep');
    expect(world.deeds).toEqual([]);
    world.controller.streamActive(STREAM, 'connected');
    await world.clock.advance(500);
    expect(world.state).toBe('awake');
  });

  it('journalled sleep, platform still runs -> the button is not pressed again', async () => {
    const world = new FakeWorld({ id: 4, kind: 'sleep', atMs: 1_700_000_000_000 - 5_000, failedWakes: 0 });
    world.start();
    await world.clock.advance(45_000);
    expect(world.deeds.filter((deed) => deed === 'press')).toHaveLength(0);
    expect(world.controller.model.failures).toBe(1);
    expect(world.state).toBe('awake');
  });
});

describe('inhibitors', () => {
  /** A watch whose answer the test gives. */
  class FakeWatch implements InhibitorWatch {
    readonly calls: string[] = [];
    answer: () => void = () => {};
    start(): void {
      this.calls.push('start');
    }
    readings = 0;
    setPace(pace: string): void {
      if (this.calls.at(-1) !== pace) this.calls.push(pace);
    }
    onPower(): void {
      this.readings += 1;
    }
    ask(): Promise<void> {
      this.calls.push('ask');
      return new Promise((resolve) => {
        this.answer = resolve;
      });
    }
    checks() {
      return [];
    }
    stop(): void {
      this.calls.push('stop');
    }
  }

  const CHECKED = { ...POLICY, asksTimeoutMs: 15_000 };

  it('controller: with a check -> paced by the state, asked once more, and pressed only after its answer', async () => {
    const world = new FakeWorld(null, CHECKED);
    const watch = new FakeWatch();
    world.watches.push(watch);
    world.start();
    await world.clock.advance(4_000);
    expect(watch.calls).toEqual(['start', 'resting', 'running', 'drowsy', 'running', 'ask', 'running']);
    expect(watch.readings).toBeGreaterThan(2);
    await world.clock.advance(2_000);
    expect(world.deeds).not.toContain('press');
    expect(world.deeds).not.toContain('hold');
    watch.answer();
    await world.clock.advance(100);
    expect(world.deeds).toContain('press');
    await world.controller.stop();
    expect(watch.calls.at(-1)).toBe('stop');
  });

  it('controller: a check reports busy while it is asked -> awake, nothing pressed, begin and end told', async () => {
    const world = new FakeWorld(null, CHECKED);
    const watch = new FakeWatch();
    world.watches.push(watch);
    world.start();
    await world.clock.advance(4_000);
    world.controller.dispatch({ kind: 'inhibit', by: 'check', name: 'backup', why: 'rsync runs', untilMs: null });
    watch.answer();
    await world.clock.advance(10_000);
    expect(world.state).toBe('awake');
    expect(world.deeds).not.toContain('press');
    world.controller.dispatch({ kind: 'lift', by: 'check', name: 'backup', why: 'it says free' });
    const told = world.reported.filter(({ kind }) => kind === 'inhibitor');
    expect(told).toEqual([
      {
        kind: 'inhibitor',
        message: 'inhibited by check backup: rsync runs',
        facts: { change: 'began', by: 'check', name: 'backup', untilMs: null },
      },
      {
        kind: 'inhibitor',
        message: 'no longer inhibited by check backup: it says free',
        facts: { change: 'ended', by: 'check', name: 'backup', untilMs: null },
      },
    ]);
  });

  it('controller: orders -> on disk in their order before ordersKept resolves', async () => {
    const world = new FakeWorld();
    world.start();
    world.controller.dispatch({ kind: 'inhibit', by: 'operator', name: 'fan', why: 'a new fan', untilMs: null });
    world.controller.dispatch({ kind: 'maintenance', on: true, why: 'a new fan' });
    await world.controller.ordersKept();
    expect(world.deeds.filter((deed) => deed.startsWith('keep'))).toEqual(['keep [fan]', 'keep [fan] maintenance']);
  });

  it('controller: the disk refuses an order -> told to who waits and as an alarm; it holds all the same', async () => {
    const world = new FakeWorld();
    world.start();
    world.ordersProblem = 'disk full';
    world.controller.dispatch({ kind: 'inhibit', by: 'operator', name: 'fan', why: 'a new fan', untilMs: null });
    await expect(world.controller.ordersKept()).rejects.toThrow('disk full');
    expect(world.reported).toContainEqual({ kind: 'alarm', message: 'disk full', facts: {} });
    expect(world.controller.model.inhibitors).toHaveLength(1);
    world.ordersProblem = null;
    world.controller.dispatch({ kind: 'release' });
    await world.controller.ordersKept();
    expect(world.deeds).toContain('keep []');
  });
});
