// One platform as one Torpor of a simulated world has it: its disk, which outlives the process, its controller and its streams, which do not. Whatever it
// reads, asks for and takes for true is judged here.
import { PlatformController } from '../../src/controller/platform-controller.ts';
import { formatEndpoint } from '../../src/platform/endpoint.ts';
import { TorporError } from '../../src/platform/errors.ts';
import type { KeptOrders } from '../../src/platform/inhibitor.ts';
import type { PlatformPolicy } from '../../src/platform/model.ts';
import type { Intent, PowerReading, StreamObserver } from '../../src/platform/ports.ts';
import type { PlatformShare } from '../../src/platform/share.ts';
import type { StateName } from '../../src/platform/status.ts';
import { DEFAULT_STREAM_POLICY } from '../../src/platform/stream-policy.ts';
import { watchPace } from '../../src/platform/watch-pace.ts';
import type { SimulatedHost } from '../../src/power/simulated/simulated-host.ts';
import { askBounded, type BoundedProbe } from '../../src/probes/question.ts';
import { VmProber } from '../../src/probes/vm-prober.ts';
import { ReadBuffers } from '../../src/streams/read-buffers.ts';
import { StreamSet } from '../../src/streams/stream-set.ts';
import type { Random } from '../platform/random.ts';
import { DESK_POLICY } from '../support/desk-policy.ts';
import { rawSocketsOf } from '../support/raw-sockets-of.ts';
import type { EventClock } from './event-clock.ts';
import { MINUTE_MS } from './fault-plan.ts';
import {
  asleepIsTrue,
  noActiveClientPutToSleep,
  nothingSentToSleeper,
  PRESS_INVARIANTS,
  type PressFacts,
} from './invariants.ts';
import type { PlatformFaults } from './platform-faults.ts';
import type { ProcessClock } from './process-clock.ts';
import { SilentLog } from './silent-log.ts';
import type { BmcWatch, SimBmc } from './sim-bmc.ts';
import { CHATTER_POLL, type ClientDoor, type Connection } from './sim-client.ts';
import type { SimSocket } from './sim-sockets.ts';
import type { Life, SimTorpor } from './sim-torpor.ts';
import type { SimVm } from './sim-vm.ts';
import { WatchClock } from './watch-clock.ts';

export const IDLE_TIMEOUT_MS = 5 * MINUTE_MS;
export const DISCONNECT_GRACE_MS = 5000;

export const POLICY: PlatformPolicy = {
  ...DESK_POLICY,
  minAwakeMs: 60_000,
  drowsyForMs: 30_000,
  suspendTimeoutMs: 60_000,
  wakeTimeoutMs: 60_000,
};

function policyOf(vms: readonly SimVm[]): PlatformPolicy {
  const names = vms.map(({ name }) => name);
  return { ...POLICY, vms: names, probedVms: names };
}

/** The platform itself, and its world. */
export interface SidePlatform {
  readonly name: string;
  readonly clock: EventClock;
  readonly random: Random;
  readonly skips: boolean;
  readonly host: SimulatedHost;
  readonly bmc: SimBmc;
  readonly vms: readonly SimVm[];
  readonly faults: PlatformFaults;
  /** What a disk takes for a write. */
  readonly diskMs: readonly [number, number];
  /** The last moment at which the host did not run; infinite: it does not now. */
  readonly didNotRunAtMs: number;
  /** Open ones only. */
  connectionsOf(side: PlatformSide): Connection[];
  isUp(vm: SimVm): boolean;
  travelMs(vm: SimVm): number;
  onTransition(side: PlatformSide, from: StateName, to: StateName): void;
  onAlarm(): void;
  onSleepAsked(): void;
  /** The press is on its way: judged by what the other Torpors hold. */
  onPressSent(side: PlatformSide): void;
  onWakeAsked(): void;
  check(invariant: string, why: string | null): void;
  say(line: string): void;
}

export class PlatformSide implements BmcWatch, ClientDoor {
  readonly torpor: SimTorpor;
  /** Since the host slept last nobody pressed. */
  sleptSincePress = true;
  failedInARow = 0;
  /** When this one said last that its streams are held for another's proposal, and for which. */
  heldFor: { readonly proposal: number; readonly atMs: number } | null = null;
  readonly #platform: SidePlatform;
  #controller: PlatformController | null = null;
  #streams: StreamSet | null = null;
  /** The controller's. */
  #watchClock: WatchClock | null = null;
  // the disk
  #intent: Intent | null = null;
  #orders: KeptOrders | null = null;
  // what was seen
  readonly #pressedIntents = new Set<number>();
  #lastReadingAtMs = Number.NEGATIVE_INFINITY;
  #powerSaid: PowerReading['acpi'] = null;
  #isReachable = false;
  #isWakeProven = false;
  #lastPressAtMs = Number.NEGATIVE_INFINITY;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  #savedBootId: string | null = null;
  #hasLooked = false;

  constructor(platform: SidePlatform, torpor: SimTorpor) {
    this.#platform = platform;
    this.torpor = torpor;
  }

  get state(): StateName | 'no process' {
    return this.#controller?.model.state ?? 'no process';
  }

  /** It leads no suspend: another one does, and it holds for it. */
  get follows(): boolean {
    return this.#controller?.model.joint?.role === 'follower';
  }

  get controller(): PlatformController | null {
    return this.#controller;
  }

  get isCutFromBmc(): boolean {
    return this.torpor.isCutFromBmc;
  }

  // ------------------------------------------------------------------------------------------ a life of Torpor

  begin(life: Life): void {
    const { clock } = life;
    const { name, bmc, vms } = this.#platform;
    const log = new SilentLog();
    const watchClock = new WatchClock(clock);
    this.#forget(watchClock);
    const share = life.member?.share(name);
    const controller = new PlatformController({
      name,
      policy: policyOf(vms),
      armed: true,
      intent: this.#intent,
      orders: this.#orders,
      driver: bmc.driver(clock, watchClock, this),
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
          this.#savedBootId = this.#platform.host.bootId;
          return { veto: null };
        },
        restore: async () => this.#restored(),
        forget: () => {
          this.#savedBootId = null;
        },
      },
      clock: watchClock,
      log,
      ...(share === undefined ? {} : { share: this.#watched(share) }),
      report: ({ kind, facts, message }) => this.#onReport(kind, message, facts ?? {}),
    });
    const streams = this.#openStreams(life, controller, log);
    this.#controller = controller;
    this.#streams = streams;
    const probers = vms.map(
      (vm) =>
        new VmProber({
          vm: vm.name,
          probe: this.#probe(clock, vm),
          clock,
          log,
          onResult: (result) => {
            if (result.answered) this.#answeredAtMs = result.atMs;
            controller.onProbeResult(vm.name, result);
          },
        }),
    );
    controller.attach({ gate: streams, probers, inhibitors: [] });
    controller.start();
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
  }

  /** A new process knows nothing of what the one before it saw. */
  #forget(watchClock: WatchClock): void {
    this.#watchClock = watchClock;
    this.#isReachable = false;
    this.#isWakeProven = false;
    this.failedInARow = 0;
    this.sleptSincePress = true;
    this.heldFor = null;
    this.#savedBootId = null;
  }

  #openStreams({ clock, registry }: Life, observer: PlatformController, log: SilentLog): StreamSet {
    const { name, vms } = this.#platform;
    const raw = rawSocketsOf((target) => (vms.find((vm) => vm.target.host === target.host) as SimVm).connect(clock));
    return new StreamSet({
      platform: name,
      registry,
      buffers: Object.assign(new ReadBuffers({ core: registry.core, clock, direct: null }), { raw }),
      clock,
      observer: this.#observer(observer),
      log,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      disconnectGraceMs: DISCONNECT_GRACE_MS,
      hold: { perStreamBytes: 1024 * 1024, perPlatformBytes: 16 * 1024 * 1024 },
      initiallyHeld: true,
      listeners: vms.map(({ name: vm, target }, place) => ({
        listen: { host: '127.0.0.1', port: 13_389 + place },
        target,
        vm,
        protocol: 'raw',
        activity: 'learned',
        policy: { ...DEFAULT_STREAM_POLICY, polls: [CHATTER_POLL] },
        device: 'desktop',
        wakeOn: 'connect',
        maxStreams: null,
        link: { service: vm },
      })),
      readUnacked: async () => {
        if (observer.model.state === 'saving') this.#hasLooked = true;
        return new Map(vms.flatMap((vm) => [...vm.unacked(clock)]));
      },
    });
  }

  /** What the others say may make the machine look at what was read last. What it answers them is judged at their press. */
  #watched(share: PlatformShare): PlatformShare {
    const { clock } = this.#platform;
    return {
      start: (listener) =>
        share.start((event) => {
          this.catchUp();
          listener(event);
        }),
      tell: (own) => share.tell(own),
      seekAgreement: (signal, forced) => share.seekAgreement(signal, forced),
      answerProposal: (proposal, held, why) => {
        this.heldFor = held ? { proposal, atMs: clock.nowMs() } : null;
        share.answerProposal(proposal, held, why);
      },
      mayPress: () => share.mayPress(),
      endProposal: (why) => share.endProposal(why),
      wantWake: (why) => share.wantWake(why),
      stop: () => share.stop(),
    };
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

  /** Whatever was left out of its readings is made up for. */
  catchUp(): void {
    this.#watchClock?.catchUp();
  }

  onCalm(reading: PowerReading, answerMs: number, proofAtMs: number): void {
    const controller = this.#controller;
    const watchClock = this.#watchClock;
    const life = this.torpor.life()?.clock;
    const { skips, host } = this.#platform;
    if (!skips || controller === null || watchClock === null || life === undefined || life.isPaused) return;
    const { model } = controller;
    const isAsleep = model.state === 'asleep' && model.wakeWanted === null && reading.acpi === 'S3';
    const isAwake = isKeptAwake(controller) && model.intent.kind === 'run' && reading.acpi === 'S0';
    if (!isAsleep && !(isAwake && host.phase === 'running')) return;
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

  #restored() {
    const wasLost = this.#savedBootId !== null && this.#savedBootId !== this.#platform.host.bootId;
    // As ContextChain: until the next sleep it may boot anew as it likes.
    this.#savedBootId = null;
    const lost = { identity: 'changed', lostVms: 'all', problem: null } as const;
    return wasLost ? lost : ({ identity: 'unknown', lostVms: [], problem: null } as const);
  }

  #probe(process: ProcessClock, vm: SimVm): BoundedProbe {
    const { clock } = this.#platform;
    return {
      name: `tcp ${formatEndpoint(vm.target)}`,
      timeoutMs: 1000,
      maxOpen: 64,
      connects: true,
      ask: (signal) =>
        askBounded(process, 1000, signal, (answer) => {
          const ms = this.#platform.travelMs(vm);
          if (!Number.isFinite(ms)) return () => {};
          return clock.schedule(ms, () => {
            if (this.#platform.isUp(vm)) clock.schedule(ms, () => process.run(() => answer(true)));
          });
        }),
    };
  }

  /** On disk some time later, perhaps also where the process does not live to hear of it. */
  #write(life: ProcessClock, keep: () => void): Promise<void> {
    const { clock, random, faults, diskMs } = this.#platform;
    const [least, most] = faults.diskSlow ? [300, 3000] : diskMs;
    const takesMs = random.between(least, most);
    const fails = faults.diskFails;
    const survives = random.chance(0.5);
    faults.hit('write', this.torpor);
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

  // ------------------------------------------------------------------------------------------ ClientDoor

  life(): ProcessClock | null {
    return this.torpor.life()?.clock ?? null;
  }

  enter(vm: SimVm, makeSocket: () => SimSocket): void {
    this.#streams?.enter(vm.name, makeSocket);
  }

  // ------------------------------------------------------------------------------------------ what is seen

  #onReport(kind: string, message: string, facts: Readonly<Record<string, unknown>>): void {
    const platform = this.#platform;
    if (kind === 'transition') this.#onTransition(facts.from as StateName, facts.to as StateName);
    if (kind === 'alarm') platform.onAlarm();
    if (['transition', 'alarm', 'note', 'power'].includes(kind))
      platform.say(`${platform.name}${this.torpor.suffix} ${kind}: ${message}`);
  }

  #onTransition(from: StateName, to: StateName): void {
    const { clock, didNotRunAtMs } = this.#platform;
    const { paused } = this.torpor;
    const nowMs = clock.nowMs();
    this.#hasLooked = false;
    // Its VMs are silent, somebody came, and it is woken: whether it would have slept nobody knows.
    if (from === 'suspending' && to === 'waking' && this.#hasNewcomer()) this.sleptSincePress = true;
    this.#platform.onTransition(this, from, to);
    const evidenceMs = 12_000;
    const knowsFromMs = (nowMs - paused.toMs < evidenceMs ? paused.fromMs : nowMs) - evidenceMs;
    const seen = { didNotRunAtMs, answeredAtMs: this.#answeredAtMs, powerSaid: this.#powerSaid };
    this.#platform.check('asleepIsTrue', asleepIsTrue({ nowMs, to, knowsFromMs, ...seen }));
  }

  #hasNewcomer(): boolean {
    return this.#platform.connectionsOf(this).some(({ readAtMs }) => readAtMs >= this.#lastPressAtMs);
  }

  /** Somebody forgives it a failed wake. */
  release(): void {
    this.torpor.life()?.clock.run(() => {
      this.failedInARow = 0;
      // A press that brought nothing counts here once the next one comes, in Torpor when it is over.
      if (this.#controller?.model.state !== 'suspending') this.sleptSincePress = true;
      this.catchUp();
      this.#controller?.dispatch({ kind: 'release' });
    });
  }

  wake(why: string): void {
    this.catchUp();
    this.#controller?.dispatch({ kind: 'operatorWake', why });
  }

  onSent(what: string): void {
    const model = this.#controller?.model;
    if (model === undefined) return;
    const why = nothingSentToSleeper(model.state, model.held, this.#hasLooked, what);
    this.#platform.check('nothingSentToSleeper', why);
  }

  onReading(reading: PowerReading | null, atMs: number): void {
    this.#isReachable = reading !== null;
    if (reading === null) return;
    this.#lastReadingAtMs = atMs;
    this.#powerSaid = reading.acpi;
  }

  paceMs(): number {
    const controller = this.#controller;
    return controller === null ? 0 : watchPace(controller.model, this.#platform.clock.nowMs()).powerMs;
  }

  onProof(isProven: boolean): void {
    this.#isWakeProven = isProven;
  }

  onSleepAsked(): void {
    const platform = this.#platform;
    const nowMs = platform.clock.nowMs();
    if (!this.sleptSincePress) this.failedInARow += 1;
    else this.failedInARow = 0;
    const facts = this.#pressFacts(nowMs);
    for (const [name, holds] of Object.entries(PRESS_INVARIANTS)) platform.check(name, holds(facts));
    this.#lastPressAtMs = nowMs;
    this.sleptSincePress = false;
    if (this.#intent !== null) this.#pressedIntents.add(this.#intent.id);
    platform.onSleepAsked();
    platform.faults.hit('press', this.torpor);
  }

  #pressFacts(nowMs: number): PressFacts {
    const life = this.life();
    const unackedBytes = life === null ? 0 : sumOf(this.#platform.vms.flatMap((vm) => [...vm.unacked(life).values()]));
    // What comes in this very moment is read after it.
    const clients = this.#platform.connectionsOf(this).filter(({ readAtMs }) => readAtMs !== nowMs);
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
      failedInARow: this.failedInARow,
      lastPressAtMs: this.#lastPressAtMs,
    };
  }

  /** What was not sent has failed at nothing; what is sent must not meet anybody who came while the BMC's session was made. */
  onFence(why: string | null): void {
    const platform = this.#platform;
    if (why === null) {
      const facts = this.#pressFacts(platform.clock.nowMs());
      platform.check('noActiveClientPutToSleep', noActiveClientPutToSleep(facts));
      platform.onPressSent(this);
    } else this.sleptSincePress = true;
    if (why !== null) platform.say(`${platform.name} press not sent: ${why}`);
  }

  onWakeAsked(): void {
    this.#platform.onWakeAsked();
  }
}

function sumOf(bytes: readonly number[]): number {
  return bytes.reduce((sum, each) => sum + each, 0);
}

/** Awake, and told so: neither a reading nor more activity moves it. */
function isBusy({ model }: PlatformController): boolean {
  return model.state === 'awake' && !model.held && model.pool > 0;
}

/** Awake for somebody here, or at another Torpor: whatever changes that is an event before which readings are caught up with. */
function isKeptAwake(controller: PlatformController): boolean {
  const { model, table } = controller;
  if (isBusy(controller)) return table.size > 0;
  const { peers } = model;
  const isForOthers = peers !== null && peers.uncertain === null && peers.others.some(({ active }) => active > 0);
  return isForOthers && model.state === 'awake' && !model.held && table.size === 0;
}
