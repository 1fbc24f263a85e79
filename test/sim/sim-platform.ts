// One platform of a simulated world: its host, BMC, VM, disk and people, which outlive Torpor; and its controller and streams, which do not.
import { PlatformController } from '../../src/controller/platform-controller.ts';
import { TorporError } from '../../src/platform/errors.ts';
import type { KeptOrders } from '../../src/platform/inhibitor.ts';
import type { PlatformPolicy } from '../../src/platform/model.ts';
import type { Intent, PowerReading, StreamObserver } from '../../src/platform/ports.ts';
import type { StateName } from '../../src/platform/status.ts';
import { DEFAULT_STREAM_POLICY } from '../../src/platform/stream-policy.ts';
import { watchPace } from '../../src/platform/watch-pace.ts';
import { SimulatedHost } from '../../src/power/simulated/simulated-host.ts';
import { askBounded, type BoundedProbe } from '../../src/probes/question.ts';
import { VmProber } from '../../src/probes/vm-prober.ts';
import type { RawSockets } from '../../src/streams/raw-socket.ts';
import { ReadBuffers } from '../../src/streams/read-buffers.ts';
import type { StreamRegistry } from '../../src/streams/stream-registry.ts';
import { StreamSet } from '../../src/streams/stream-set.ts';
import type { Random } from '../platform/random.ts';
import type { EventClock } from './event-clock.ts';
import { DAY_MS, type Fault, MINUTE_MS } from './fault-plan.ts';
import {
  asleepIsTrue,
  noActiveClientPutToSleep,
  noStreamIsCut,
  nothingSentToSleeper,
  PRESS_INVARIANTS,
  type PressFacts,
  WAKES_FROM_SUSPEND_MS,
  wakesFromSuspend,
  wakeWishEnds,
} from './invariants.ts';
import { mergeSpans, type Span } from './perfect-sleep.ts';
import { PlatformFaults, RECOVERY_MS } from './platform-faults.ts';
import type { ProcessClock } from './process-clock.ts';
import { SilentLog } from './silent-log.ts';
import { type BmcWatch, SimBmc } from './sim-bmc.ts';
import { CHATTER_POLL, type Connection, Seat } from './sim-client.ts';
import type { SimSocket } from './sim-sockets.ts';
import { SimVm, type StreamAccounts } from './sim-vm.ts';
import { WatchClock } from './watch-clock.ts';

export const IDLE_TIMEOUT_MS = 5 * MINUTE_MS;
export const DISCONNECT_GRACE_MS = 5000;
const SEATS = 5;
const VM = 'alice';
/** How often somebody comes back while it goes to sleep. */
const COMES_BACK = 0.2;
const CHATTERS = 0.5;
const WISHES_LOOKED_AT_MS = 5000;
const OPERATOR_COMES_MS = 30 * MINUTE_MS;

export const POLICY: PlatformPolicy = {
  sleep: 'S3',
  minAwakeMs: 60_000,
  drowsyForMs: 30_000,
  suspendTimeoutMs: 60_000,
  wakeTimeoutMs: 60_000,
  saveTimeoutMs: 10_000,
  savesContext: false,
  savesVms: false,
  witness: 'sensor',
  wakeMethods: ['chassis-on'],
  maxSuspendsPerHour: null,
  asksTimeoutMs: 0,
  clientWaitMs: 300_000,
  vms: [VM],
  probedVms: [VM],
};

/** One process of Torpor, and what all of its platforms share. */
export interface Life {
  readonly clock: ProcessClock;
  readonly registry: StreamRegistry;
}

export interface PlatformWorld {
  readonly clock: EventClock;
  readonly random: Random;
  life(): Life | null;
  /** When the process was stopped last, and went on. */
  readonly paused: { fromMs: number; toMs: number };
  nextNumber(): number;
  /** Power is read and asked for by RMCP+ packets, not at the driver's port. */
  readonly speaksPackets: boolean;
  /** Readings of power that say the same are left out. */
  readonly skips: boolean;
  crash(forMs: number): void;
  pause(forMs: number): void;
  say(line: string): void;
  /** An invariant does not hold. */
  onWrong(invariant: string, why: string): void;
}

export interface PlatformCounts {
  sleeps: number;
  wakes: number;
  presses: number;
  failedWakes: number;
  alarms: number;
}

export class SimPlatform implements BmcWatch {
  readonly name: string;
  readonly host: SimulatedHost;
  readonly bmc: SimBmc;
  readonly vm: SimVm;
  readonly seats: Seat[];
  readonly counts: PlatformCounts = { sleeps: 0, wakes: 0, presses: 0, failedWakes: 0, alarms: 0 };
  readonly sleepsOfDay: number[] = [];
  readonly faultsOfDay: number[] = [];
  readonly asleep: { fromMs: number; toMs: number }[] = [];
  /** When nobody can ask for perfect sleep, and why. */
  readonly excluded: Span[] = [];
  readonly #world: PlatformWorld;
  readonly #random: Random;
  readonly #startMs: number;
  readonly #faults: PlatformFaults;
  readonly #accounts = new Map<number, StreamAccounts>();
  #controller: PlatformController | null = null;
  #streams: StreamSet | null = null;
  /** The controller's. */
  #watchClock: WatchClock | null = null;
  // the disk
  #intent: Intent | null = null;
  #orders: KeptOrders | null = null;
  /** What its disk takes for a write, and how far away its VM is. */
  readonly #diskMs: readonly [number, number];
  readonly #wayMs: number;
  // what was seen
  readonly #pressedIntents = new Set<number>();
  #lastReadingAtMs = Number.NEGATIVE_INFINITY;
  #powerSaid: PowerReading['acpi'] = null;
  #isReachable = false;
  #isWakeProven = false;
  #failedInARow = 0;
  #lastPressAtMs = Number.NEGATIVE_INFINITY;
  #sleptSincePress = true;
  #didNotRunAtMs = Number.NEGATIVE_INFINITY;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  #alarmAtMs = Number.NEGATIVE_INFINITY;
  #savedBootId: string | null = null;
  #hasLooked = false;
  #isClosing = false;
  #looksAtWishes = false;
  #wakesAsked = 0;

  constructor(world: PlatformWorld, name: string) {
    this.#world = world;
    this.#random = world.random;
    this.name = name;
    const { clock, random } = world;
    this.#startMs = clock.nowMs();
    this.#diskMs = random.chance(0.5) ? [1, 30] : [20, 400];
    this.#wayMs = [0.3, 3, 40][random.between(0, 2)] as number;
    const suspendMs = () => (this.#faults.sleepsLate ? random.between(50_000, 110_000) : random.between(500, 4500));
    const resumeMs = () => (random.chance(0.8) ? random.between(300, 1500) : random.between(1500, 6000));
    this.host = new SimulatedHost({ clock, suspendMs, resumeMs, powerBitInS3: random.chance(0.5) });
    this.host.onChange(({ phase, atMs, why }) => this.#onPhase(phase, atMs, why));
    this.bmc = new SimBmc(clock, random, this.host, this, world.speaksPackets);
    this.vm = new SimVm({
      clock,
      isRunning: () => this.host.phase === 'running',
      travelMs: () => this.#travelMs(),
      onSent: (what) => this.#onSent(what),
      accountsOf: (client) => this.#accounts.get(client) as StreamAccounts,
      onHeard: () => {},
      onWrong: (why) => world.onWrong('bytesArriveOnceAndInOrder', why),
    });
    this.#faults = new PlatformFaults(world, this);
    this.seats = Array.from({ length: SEATS }, (_, place) => new Seat(this.#clientWorld(), place));
  }

  get state(): StateName | 'no process' {
    return this.#controller?.model.state ?? 'no process';
  }

  get connections(): Connection[] {
    return this.seats.flatMap(({ connections }) => connections);
  }

  // ------------------------------------------------------------------------------------------ a life of Torpor

  begin(life: Life): void {
    const { clock } = life;
    const log = new SilentLog();
    const watchClock = new WatchClock(clock);
    this.#watchClock = watchClock;
    this.#isReachable = false;
    this.#isWakeProven = false;
    this.#failedInARow = 0;
    this.#sleptSincePress = true;
    this.#savedBootId = null;
    const controller = new PlatformController({
      name: this.name,
      policy: POLICY,
      armed: true,
      intent: this.#intent,
      orders: this.#orders,
      driver: this.bmc.driver(clock, watchClock),
      journal: { read: async () => this.#intent, write: (_, intent) => this.#write(clock, () => this.#keep(intent)) },
      orderStore: {
        read: async () => this.#orders,
        write: (_, orders) =>
          this.#write(clock, () => {
            this.#orders = orders;
          }),
      },
      context: {
        save: async () => {
          this.#savedBootId = this.host.bootId;
          return { veto: null };
        },
        restore: async () => this.#restored(),
      },
      clock: watchClock,
      log,
      report: ({ kind, facts, message }) => this.#onReport(kind, message, facts ?? {}),
    });
    const streams = this.#openStreams(life, controller, log);
    this.#controller = controller;
    this.#streams = streams;
    const prober = new VmProber({
      vm: VM,
      probe: this.#probe(clock),
      clock,
      log,
      onResult: (result) => {
        if (result.answered) this.#answeredAtMs = result.atMs;
        controller.onProbeResult(VM, result);
      },
    });
    controller.attach({ gate: streams, probers: [prober], inhibitors: [] });
    controller.start();
  }

  #openStreams({ clock, registry }: Life, observer: PlatformController, log: SilentLog): StreamSet {
    const raw = { connect: () => this.vm.connect(clock) } as unknown as RawSockets;
    return new StreamSet({
      platform: this.name,
      registry,
      buffers: Object.assign(new ReadBuffers({ core: registry.core, clock, direct: null }), { raw }),
      clock,
      observer: this.#observer(observer),
      log,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      disconnectGraceMs: DISCONNECT_GRACE_MS,
      hold: { perStreamBytes: 1024 * 1024, perPlatformBytes: 16 * 1024 * 1024 },
      initiallyHeld: true,
      listeners: [
        {
          listen: { host: '127.0.0.1', port: 13389 },
          target: { host: '10.0.1.21', port: 3389 },
          vm: VM,
          protocol: 'raw',
          activity: 'learned',
          policy: { ...DEFAULT_STREAM_POLICY, polls: [CHATTER_POLL] },
          device: 'desktop',
          wakeOn: 'connect',
          maxStreams: null,
          link: { service: 'desktop' },
        },
      ],
      readUnacked: async () => {
        if (observer.model.state === 'saving') this.#hasLooked = true;
        return this.vm.unacked();
      },
    });
  }

  /** What the streams tell may make the machine look at what was read last: unless nothing but the pool's activity changes. */
  #observer(controller: PlatformController): StreamObserver {
    const caughtUp = () => {
      this.catchUp();
      return controller;
    };
    return {
      streamOpened: (stream) => controller.streamOpened(stream),
      streamActive: (stream, why) => (isBusy(controller) ? controller : caughtUp()).streamActive(stream, why),
      activityWhileHeld: (stream, why) => caughtUp().activityWhileHeld(stream, why),
      keepaliveOverdue: (stream, why) => caughtUp().keepaliveOverdue(stream, why),
      streamIdle: (stream, why) => caughtUp().streamIdle(stream, why),
      streamClosed: (stream, why) => controller.streamClosed(stream, why),
      streamDelivered: (stream, heldBytes) => controller.streamDelivered(stream, heldBytes),
    };
  }

  /** Whatever was left out of this platform's readings is made up for. */
  catchUp(): void {
    this.#watchClock?.catchUp();
  }

  onCalm(reading: PowerReading, answerMs: number, proofAtMs: number): void {
    const controller = this.#controller;
    const watchClock = this.#watchClock;
    const life = this.#world.life()?.clock;
    if (!this.#world.skips || controller === null || watchClock === null || life === undefined || life.isPaused) return;
    const { model, table } = controller;
    const isAsleep = model.state === 'asleep' && model.wakeWanted === null && reading.acpi === 'S3';
    const isAwake = isBusy(controller) && table.size > 0 && model.intent.kind === 'run' && reading.acpi === 'S0';
    if (!isAsleep && !(isAwake && this.host.phase === 'running')) return;
    const nowMs = life.nowMs();
    const { powerMs } = watchPace(model, nowMs);
    // Only where what is due next is the next reading, and no reading or proof is under way.
    if (watchClock.lastDueAtMs !== nowMs + powerMs) return;
    watchClock.rest({
      periodMs: powerMs + answerMs,
      answerMs,
      untilMs: isAsleep ? Number.POSITIVE_INFINITY : proofAtMs - 1,
      answered: () => {
        const atMs = watchClock.nowMs();
        this.onReading(reading, atMs);
        controller.dispatch({ kind: 'power', reading: { ...reading, atMs } });
      },
    });
  }

  /** The process is gone, and its kernel resets what it had open. Call before the clock of that life is killed. */
  end(): void {
    const controller = this.#controller;
    const streams = this.#streams;
    this.#controller = null;
    this.#streams = null;
    this.#watchClock = null;
    void streams?.close();
    void controller?.stop();
    for (const { now } of this.seats) now?.lose();
    this.#faults.disarm();
  }

  #restored() {
    const wasLost = this.#savedBootId !== null && this.#savedBootId !== this.host.bootId;
    const lost = { identity: 'changed', lostVms: 'all', problem: null } as const;
    return wasLost ? lost : ({ identity: 'unknown', lostVms: [], problem: null } as const);
  }

  #probe(clock: ProcessClock): BoundedProbe {
    return {
      name: 'tcp 10.0.1.21:3389',
      timeoutMs: 1000,
      maxOpen: 64,
      connects: true,
      ask: (signal) =>
        askBounded(clock, 1000, signal, (answer) => {
          const ms = this.#travelMs();
          if (!Number.isFinite(ms)) return () => {};
          return this.#world.clock.schedule(ms, () => {
            if (this.host.phase === 'running') this.#world.clock.schedule(ms, () => clock.run(() => answer(true)));
          });
        }),
    };
  }

  /** On disk some time later, perhaps also where the process does not live to hear of it. */
  #write(life: ProcessClock, keep: () => void): Promise<void> {
    const { clock, random } = this.#world;
    const [least, most] = this.#faults.diskSlow ? [300, 3000] : this.#diskMs;
    const takesMs = random.between(least, most);
    const fails = this.#faults.diskFails;
    const survives = random.chance(0.5);
    this.#faults.hit('write');
    return new Promise((resolve, reject) => {
      clock.schedule(takesMs, () => {
        if (fails) {
          life.run(() => reject(new TorporError('ERR_JOURNAL', 'the simulated disk is full')));
          return;
        }
        if (!life.isDead || survives) keep();
        life.run(resolve);
      });
    });
  }

  /** A write of a life that is over never takes the place of a later one. */
  #keep(intent: Intent): void {
    if (intent.id > (this.#intent?.id ?? 0)) this.#intent = intent;
  }

  // ------------------------------------------------------------------------------------------ clients

  #clientWorld() {
    const { clock, random } = this.#world;
    return {
      clock,
      random,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      disconnectGraceMs: DISCONNECT_GRACE_MS,
      life: () => this.#world.life()?.clock ?? null,
      nextNumber: () => this.#world.nextNumber(),
      enter: (life: ProcessClock, makeSocket: () => SimSocket, connection: Connection) => {
        if (this.#world.life()?.clock !== life) return;
        this.#accounts.set(connection.number, connection);
        this.#streams?.enter('desktop', makeSocket);
      },
      onWish: () => this.#lookAtWishes(),
      onCut: ({ number }: Connection) => {
        const isCalm = this.#isCalmSince(clock.nowMs());
        this.#check('noStreamIsCut', noStreamIsCut(number, isCalm));
      },
      onWrong: (why: string) => this.#world.onWrong('bytesArriveOnceAndInOrder', `${this.name}: ${why}`),
    };
  }

  /** A day's meetings at this platform: each brings most of its people, within minutes, for minutes. */
  planDay(dayMs: number): void {
    const { clock, random } = this.#world;
    const meetings = random.between(7, 13);
    for (let meeting = 0; meeting < meetings; meeting += 1) {
      const atMs = dayMs + (DAY_MS / meetings) * (meeting + 0.6 * random.next());
      for (const seat of this.seats) {
        const comes = random.chance(0.6);
        const lateMs = random.between(0, 5 * MINUTE_MS);
        const forMs = random.between(10_000, 15 * MINUTE_MS);
        if (comes) clock.schedule(this.#startMs + atMs + lateMs - clock.nowMs(), () => seat.work(forMs));
      }
    }
  }

  /** As long as somebody waits. */
  #lookAtWishes(): void {
    if (this.#looksAtWishes) return;
    this.#looksAtWishes = true;
    const { clock } = this.#world;
    clock.schedule(WISHES_LOOKED_AT_MS, () => {
      this.#looksAtWishes = false;
      const nowMs = clock.nowMs();
      for (const { now } of this.seats) {
        const sinceMs = now?.waitsSinceMs ?? null;
        if (now === null || sinceMs === null) continue;
        const isCalm = this.#isCalmSince(sinceMs);
        const facts = { nowMs, client: now.number, sinceMs, alarmAtMs: this.#alarmAtMs, isCalm };
        this.#check('wakeWishEnds', wakeWishEnds(facts));
        this.#lookAtWishes();
      }
    });
  }

  /** No time around the wish is excluded from what is asked of sleep. */
  #isCalmSince(sinceMs: number): boolean {
    const { paused, clock } = this.#world;
    if (this.#world.life() === null || paused.toMs > sinceMs - RECOVERY_MS) return false;
    return !this.excluded.some(({ fromMs, toMs }) => fromMs <= clock.nowMs() && toMs > sinceMs);
  }

  // ------------------------------------------------------------------------------------------ what is seen

  #check(invariant: string, why: string | null): void {
    if (why !== null) this.#world.onWrong(invariant, `${this.name}: ${why}`);
  }

  #travelMs(): number {
    const { random } = this.#world;
    if (this.#faults.isCutOff) return Number.POSITIVE_INFINITY;
    if (!this.#faults.packetsLost) return this.#wayMs;
    return random.chance(0.5) ? Number.POSITIVE_INFINITY : random.between(1, 800);
  }

  #onPhase(phase: string, atMs: number, why: string): void {
    this.catchUp();
    this.#world.say(`${this.name} host: ${phase} (${why})`);
    if (phase === 'running') this.#didNotRunAtMs = atMs;
    else this.#didNotRunAtMs = Number.POSITIVE_INFINITY;
    const open = this.asleep.at(-1);
    if (open !== undefined && open.toMs === Number.POSITIVE_INFINITY) open.toMs = atMs;
    if (phase !== 'asleep') return;
    this.asleep.push({ fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
    this.counts.sleeps += 1;
    this.#sleptSincePress = true;
    const day = Math.floor((atMs - this.#startMs) / DAY_MS);
    this.sleepsOfDay[day] = (this.sleepsOfDay[day] ?? 0) + 1;
    this.#looksWhetherItWakes();
    if (!this.#faults.wakesAlone) return;
    this.#faults.wakesAlone = false;
    this.#world.clock.schedule(this.#random.between(10_000, 30 * MINUTE_MS), () => {
      if (this.host.phase === 'asleep') this.exclude(RECOVERY_MS);
      this.host.wakeByOther('its real-time clock');
    });
  }

  #onReport(kind: string, message: string, facts: Readonly<Record<string, unknown>>): void {
    const { clock } = this.#world;
    if (kind === 'transition') this.#onTransition(facts.from as StateName, facts.to as StateName);
    if (kind === 'alarm') {
      this.#alarmAtMs = clock.nowMs();
      this.counts.alarms += 1;
    }
    if (['transition', 'alarm', 'note', 'power'].includes(kind)) this.#world.say(`${this.name} ${kind}: ${message}`);
  }

  #onTransition(from: StateName, to: StateName): void {
    const { clock, paused } = this.#world;
    const nowMs = clock.nowMs();
    if (to === 'waking' && from === 'asleep') this.counts.wakes += 1;
    this.#hasLooked = false;
    if (to === 'saving') {
      if (this.#random.chance(COMES_BACK)) this.#comesBack();
      for (const seat of this.seats) if (this.#random.chance(CHATTERS)) this.#chatters(seat);
      this.#faults.hit('save');
    }
    if (to === 'failed' && from === 'waking') this.#onFailedWake();
    const evidenceMs = 12_000;
    const knowsFromMs = (nowMs - paused.toMs < evidenceMs ? paused.fromMs : nowMs) - evidenceMs;
    const seen = { didNotRunAtMs: this.#didNotRunAtMs, answeredAtMs: this.#answeredAtMs, powerSaid: this.#powerSaid };
    this.#check('asleepIsTrue', asleepIsTrue({ nowMs, to, knowsFromMs, ...seen }));
  }

  /** In the moments in which it goes to sleep programs say something more often than by chance. */
  #chatters(seat: Seat): void {
    const withinMs = [60, 600, 6000][this.#random.between(0, 2)] as number;
    this.#world.clock.schedule(this.#random.between(0, withinMs), () => seat.chatter());
  }

  /** Somebody comes back in the moment in which it goes to sleep. */
  #comesBack(): void {
    const { clock } = this.#world;
    const seat = this.seats[this.#random.between(0, this.seats.length - 1)] as Seat;
    const withinMs = this.#random.chance(0.5) ? 500 : 8000;
    clock.schedule(this.#random.between(0, withinMs), () => {
      if (!this.#isClosing) seat.work(this.#random.between(1000, 60_000));
    });
  }

  #looksWhetherItWakes(): void {
    const { clock } = this.#world;
    const nowMs = clock.nowMs();
    const waiting = this.seats.find(
      ({ now }) => now !== null && now.readAtMs < nowMs && now.waitsSinceMs !== null,
    )?.now;
    const asked = this.#wakesAsked;
    const life = this.#world.life();
    if (this.state !== 'suspending' || waiting === undefined || waiting === null) return;
    clock.schedule(WAKES_FROM_SUSPEND_MS, () => {
      const isUsual = this.#isCalmSince(nowMs) && this.#world.life() === life && this.host.phase === 'asleep';
      const isAsked = this.#wakesAsked > asked || waiting.waitsSinceMs === null;
      if (isUsual) this.#check('wakesFromSuspend', wakesFromSuspend(waiting.number, isAsked));
    });
  }

  /** Somebody reads the alarm, looks at the platform, and forgives it. */
  #onFailedWake(): void {
    this.counts.failedWakes += 1;
    this.exclude(OPERATOR_COMES_MS + RECOVERY_MS);
    this.#world.clock.schedule(OPERATOR_COMES_MS, () =>
      this.#world.life()?.clock.run(() => {
        this.#failedInARow = 0;
        this.catchUp();
        this.#controller?.dispatch({ kind: 'release' });
      }),
    );
  }

  #onSent(what: string): void {
    const model = this.#controller?.model;
    if (model === undefined) return;
    const why = nothingSentToSleeper(model.state, model.held, this.#hasLooked, what);
    this.#check('nothingSentToSleeper', why);
  }

  onReading(reading: PowerReading | null, atMs: number): void {
    this.#isReachable = reading !== null;
    if (reading === null) return;
    this.#lastReadingAtMs = atMs;
    this.#powerSaid = reading.acpi;
  }

  paceMs(): number {
    const controller = this.#controller;
    return controller === null ? 0 : watchPace(controller.model, this.#world.clock.nowMs()).powerMs;
  }

  onProof(isProven: boolean): void {
    this.#isWakeProven = isProven;
  }

  onSleepAsked(): void {
    const nowMs = this.#world.clock.nowMs();
    if (!this.#sleptSincePress) this.#failedInARow += 1;
    else this.#failedInARow = 0;
    const facts = this.#pressFacts(nowMs);
    for (const [name, holds] of Object.entries(PRESS_INVARIANTS)) this.#check(name, holds(facts));
    this.#lastPressAtMs = nowMs;
    this.#sleptSincePress = false;
    this.counts.presses += 1;
    if (this.#intent !== null) this.#pressedIntents.add(this.#intent.id);
    this.#faults.hit('press');
  }

  #pressFacts(nowMs: number): PressFacts {
    const unackedBytes = [...this.vm.unacked().values()].reduce((sum, bytes) => sum + bytes, 0);
    // What comes in this very moment is read after it.
    const clients = this.seats.flatMap(({ now }) => (now === null || now.readAtMs === nowMs ? [] : now));
    return {
      nowMs,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      pool: this.#controller?.table.size ?? 0,
      clients,
      intentOnDisk: this.#intent,
      pressedIntents: this.#pressedIntents,
      lastReadingAtMs: this.#lastReadingAtMs,
      isReachable: this.#isReachable,
      isWakeProven: this.#isWakeProven,
      unackedBytes,
      state: this.#controller?.model.state ?? 'starting',
      failedInARow: this.#failedInARow,
      lastPressAtMs: this.#lastPressAtMs,
    };
  }

  /** What was not sent has failed at nothing; what is sent must not meet anybody who came while the BMC's session was made. */
  onFence(why: string | null): void {
    if (why === null)
      this.#check('noActiveClientPutToSleep', noActiveClientPutToSleep(this.#pressFacts(this.#world.clock.nowMs())));
    else this.#sleptSincePress = true;
    if (why !== null) this.#world.say(`${this.name} press not sent: ${why}`);
  }

  onPress(isHeard: boolean): void {
    this.#world.say(`${this.name} button pressed${isHeard ? '' : ', and the host does not hear of it'}`);
  }

  onWakeAsked(): void {
    this.#wakesAsked += 1;
    if (this.bmc.faults.lostWakes > 0 && this.host.phase === 'asleep') this.exclude(RECOVERY_MS);
  }

  onHarm(what: string): void {
    this.#check('neverResetCycleOrOff', `${what} was sent`);
  }

  onMemoryLost(): void {
    this.exclude(RECOVERY_MS);
    this.vm.loseMemory();
  }

  // ------------------------------------------------------------------------------------------ faults

  /** From a minute before now, and for so long: nobody can ask for perfect sleep. */
  exclude(forMs: number): void {
    const nowMs = this.#world.clock.nowMs();
    this.excluded.push({ fromMs: nowMs - MINUTE_MS, toMs: nowMs + forMs });
  }

  strike(fault: Fault): void {
    const day = Math.floor((this.#world.clock.nowMs() - this.#startMs) / DAY_MS);
    this.faultsOfDay[day] = (this.faultsOfDay[day] ?? 0) + 1;
    this.catchUp();
    this.#faults.strike(fault);
  }

  // ------------------------------------------------------------------------------------------ the end

  /** Everybody leaves. */
  close(): void {
    this.#isClosing = true;
    for (const seat of this.seats) seat.leave();
  }

  /** What was to go wrong with the next wake, and met none, is over. */
  wake(): void {
    Object.assign(this.bmc.faults, { lostWakes: 0, losesMemory: false });
    this.catchUp();
    this.#controller?.dispatch({ kind: 'operatorWake', why: 'the run is over' });
  }

  /** Every byte of a stream that was not cut is at its other end. */
  compare(): void {
    for (const { number, fate, there, back } of this.connections) {
      if (there.isCut || back.isCut || fate === 'reset') continue;
      const isWhole = fate === 'ended' && there.missingBytes === 0 && back.missingBytes === 0 && there.hasEnded;
      if (isWhole) continue;
      const what = `${there.missingBytes} bytes missing there, ${back.missingBytes} back`;
      this.#check('bytesArriveOnceAndInOrder', `stream ${number} is ${fate} when all is over: ${what}`);
    }
  }

  busySpans(): Span[] {
    return mergeSpans(this.connections.flatMap(({ trace }) => trace.spans));
  }
}

/** Awake, and told so: neither a reading nor more activity moves it. */
function isBusy({ model }: PlatformController): boolean {
  return model.state === 'awake' && !model.held && model.pool > 0;
}
