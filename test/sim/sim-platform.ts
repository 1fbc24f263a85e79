// One platform of a simulated world: its host, BMC, VM and people, which outlive every Torpor. What each Torpor has of it is its side's.
import type { StateName } from '../../src/platform/status.ts';
import { SimulatedHost } from '../../src/power/simulated/simulated-host.ts';
import type { Random } from '../platform/random.ts';
import type { EventClock } from './event-clock.ts';
import { FARM_PRESS_INVARIANTS, type FarmPressFacts, type HolderFacts } from './farm-invariants.ts';
import { DAY_MS, type Fault, MINUTE_MS, type PlatformFaultKind, type ProcessFaultKind } from './fault-plan.ts';
import { noStreamIsCut, WAKES_FROM_SUSPEND_MS, wakesFromSuspend, wakeWishEnds } from './invariants.ts';
import { mergeSpans, type Span } from './perfect-sleep.ts';
import { PlatformFaults, RECOVERY_MS } from './platform-faults.ts';
import type { ProcessClock } from './process-clock.ts';
import { type BmcDeeds, SimBmc } from './sim-bmc.ts';
import { type ClientDoor, type Connection, Seat } from './sim-client.ts';
import { DISCONNECT_GRACE_MS, IDLE_TIMEOUT_MS, PlatformSide, type SidePlatform } from './sim-side.ts';
import type { SimSocket } from './sim-sockets.ts';
import type { Life, SimTorpor } from './sim-torpor.ts';
import { SimVm, type StreamAccounts } from './sim-vm.ts';
import type { WatchedStore } from './watched-store.ts';

const SEATS = 5;
/** How often somebody comes back while it goes to sleep. */
/** Where a host has several VMs: how long after it each answers at most. */
const VM_STARTS_MS = 6000;
const COMES_BACK = 0.2;
const CHATTERS = 0.5;
const WISHES_LOOKED_AT_MS = 5000;
const OPERATOR_COMES_MS = 30 * MINUTE_MS;

export interface PlatformWorld {
  readonly clock: EventClock;
  readonly random: Random;
  readonly torpors: readonly SimTorpor[];
  /** Of each platform. */
  readonly vms: number;
  /** What they share; null: there is one. */
  readonly store: WatchedStore | null;
  nextNumber(): number;
  /** Power is read and asked for by RMCP+ packets, not at the driver's port. */
  readonly speaksPackets: boolean;
  /** Readings of power that say the same are left out. */
  readonly skips: boolean;
  /** Null: any of them. */
  crash(torpor: SimTorpor | null, forMs: number): void;
  pause(torpor: SimTorpor | null, forMs: number): void;
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

export class SimPlatform implements SidePlatform, BmcDeeds {
  readonly name: string;
  readonly clock: EventClock;
  readonly random: Random;
  readonly skips: boolean;
  readonly host: SimulatedHost;
  readonly bmc: SimBmc;
  readonly vms: readonly SimVm[];
  readonly faults: PlatformFaults;
  readonly seats: Seat[];
  /** By the places of their Torpors. */
  readonly sides: readonly PlatformSide[];
  readonly counts: PlatformCounts = { sleeps: 0, wakes: 0, presses: 0, failedWakes: 0, alarms: 0 };
  readonly sleepsOfDay: number[] = [];
  readonly faultsOfDay: number[] = [];
  readonly asleep: { fromMs: number; toMs: number }[] = [];
  /** When nobody can ask for perfect sleep, and why. */
  readonly excluded: Span[] = [];
  /** What a disk takes for a write, and how far away its VM is. */
  readonly diskMs: readonly [number, number];
  readonly #wayMs: number;
  didNotRunAtMs = Number.NEGATIVE_INFINITY;
  readonly #world: PlatformWorld;
  readonly #startMs: number;
  readonly #accounts = new Map<number, StreamAccounts>();
  readonly #pressedProposals = new Set<number>();
  #alarmAtMs = Number.NEGATIVE_INFINITY;
  #isClosing = false;
  #looksAtWishes = false;
  #wakesAsked = 0;

  constructor(world: PlatformWorld, name: string) {
    this.#world = world;
    this.name = name;
    const { clock, random } = world;
    this.clock = clock;
    this.random = random;
    this.skips = world.skips;
    this.#startMs = clock.nowMs();
    this.diskMs = random.chance(0.5) ? [1, 30] : [20, 400];
    this.#wayMs = [0.3, 3, 40][random.between(0, 2)] as number;
    const suspendMs = () => (this.faults.sleepsLate ? random.between(50_000, 110_000) : random.between(500, 4500));
    const resumeMs = () => (random.chance(0.8) ? random.between(300, 1500) : random.between(1500, 6000));
    this.host = new SimulatedHost({ clock, suspendMs, resumeMs, powerBitInS3: random.chance(0.5) });
    this.host.onChange(({ phase, atMs, why }) => this.#onPhase(phase, atMs, why));
    this.bmc = new SimBmc(clock, random, this.host, this, world.speaksPackets);
    this.sides = world.torpors.map((torpor) => new PlatformSide(this, torpor));
    this.vms = Array.from({ length: world.vms }, (_, place) => this.#makeVm(place));
    this.faults = new PlatformFaults(world, this);
    this.seats = Array.from({ length: SEATS }, (_, place) => new Seat(this.#clientWorld(place), place));
  }

  #makeVm(place: number): SimVm {
    const { clock } = this;
    const vm: SimVm = new SimVm(place, {
      clock,
      isRunning: () => this.isUp(vm),
      travelMs: () => this.travelMs(vm),
      onSent: (what, life) => this.sides.find((side) => side.life() === life)?.onSent(what),
      accountsOf: (client) => this.#accounts.get(client) as StreamAccounts,
      onHeard: () => {},
      onWrong: (why) => this.#world.onWrong('bytesArriveOnceAndInOrder', why),
    });
    return vm;
  }

  get connections(): Connection[] {
    return this.seats.flatMap(({ connections }) => connections);
  }

  // ------------------------------------------------------------------------------------------ lives of Torpors

  begin(torpor: SimTorpor, life: Life): void {
    this.#side(torpor).begin(life);
  }

  /** Whatever was left out of that Torpor's readings is made up for. */
  catchUp(torpor: SimTorpor): void {
    this.#side(torpor).catchUp();
  }

  /** The process is gone. Call before the clock of that life is killed. */
  end(torpor: SimTorpor): void {
    const side = this.#side(torpor);
    side.end();
    for (const { now } of this.seats) if (now?.door === side) now.lose();
    this.faults.disarm();
  }

  #side(torpor: SimTorpor): PlatformSide {
    return this.sides[torpor.place] as PlatformSide;
  }

  #catchUpAll(): void {
    for (const side of this.sides) side.catchUp();
  }

  // ------------------------------------------------------------------------------------------ clients

  #clientWorld(place: number) {
    const { clock, random } = this.#world;
    return {
      clock,
      random,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      disconnectGraceMs: DISCONNECT_GRACE_MS,
      pickDoor: () =>
        this.sides[this.sides.length === 1 ? 0 : random.between(0, this.sides.length - 1)] as PlatformSide,
      nextNumber: () => this.#world.nextNumber(),
      enter: (life: ProcessClock, makeSocket: () => SimSocket, connection: Connection) => {
        if (connection.door.life() !== life) return;
        this.#accounts.set(connection.number, connection);
        connection.door.enter(this.vms[place % this.vms.length] as SimVm, makeSocket);
      },
      onWish: () => this.#lookAtWishes(),
      onCut: ({ number, door, sinceMs }: Connection) => {
        // A Torpor that did not lead its last sleep learns from its VM, with the next bytes, that it started anew.
        const isCalm = sinceMs > this.#lostMemoryAtMs && this.#isCalmSince(clock.nowMs(), door);
        this.check('noStreamIsCut', noStreamIsCut(number, isCalm));
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
        const isCalm = this.#isCalmSince(sinceMs, now.door);
        const facts = { nowMs, client: now.number, sinceMs, alarmAtMs: this.#alarmAtMs, isCalm };
        this.check('wakeWishEnds', wakeWishEnds(facts));
        this.#lookAtWishes();
      }
    });
  }

  /** The host loses that of all at once. */
  get #lostMemoryAtMs(): number {
    return Math.max(...this.vms.map(({ lostMemoryAtMs }) => lostMemoryAtMs));
  }

  /** No time around the wish is excluded from what is asked of sleep. */
  #isCalmSince(sinceMs: number, door: ClientDoor): boolean {
    const { torpors, clock } = this.#world;
    if (door.life() === null || torpors.some(({ paused }) => paused.toMs > sinceMs - RECOVERY_MS)) return false;
    return !this.excluded.some(({ fromMs, toMs }) => fromMs <= clock.nowMs() && toMs > sinceMs);
  }

  // ------------------------------------------------------------------------------------------ what is seen

  check(invariant: string, why: string | null): void {
    if (why !== null) this.#world.onWrong(invariant, `${this.name}: ${why}`);
  }

  say(line: string): void {
    this.#world.say(line);
  }

  isUp({ upFromMs }: SimVm): boolean {
    return this.host.phase === 'running' && this.clock.nowMs() >= upFromMs;
  }

  travelMs(vm: SimVm): number {
    const { random } = this.#world;
    if (this.faults.cutOff === vm) return Number.POSITIVE_INFINITY;
    if (this.faults.packetsLost !== vm) return this.#wayMs;
    return random.chance(0.5) ? Number.POSITIVE_INFINITY : random.between(1, 800);
  }

  #onPhase(phase: string, atMs: number, why: string): void {
    this.#catchUpAll();
    this.#world.say(`${this.name} host: ${phase} (${why})`);
    if (phase === 'running') this.#onRunning(atMs);
    else this.didNotRunAtMs = Number.POSITIVE_INFINITY;
    // Switched off by somebody while it was to sleep: what ignored the button before it started anew says nothing any more.
    if (phase === 'off') for (const side of this.sides) side.sleptSincePress = true;
    const open = this.asleep.at(-1);
    if (open !== undefined && open.toMs === Number.POSITIVE_INFINITY) open.toMs = atMs;
    if (phase !== 'asleep') return;
    this.asleep.push({ fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
    this.counts.sleeps += 1;
    for (const side of this.sides) side.sleptSincePress = true;
    const day = Math.floor((atMs - this.#startMs) / DAY_MS);
    this.sleepsOfDay[day] = (this.sleepsOfDay[day] ?? 0) + 1;
    this.#looksWhetherItWakes();
    if (!this.faults.wakesAlone) return;
    this.faults.wakesAlone = false;
    this.#world.clock.schedule(this.random.between(10_000, 30 * MINUTE_MS), () => {
      if (this.host.phase === 'asleep') this.exclude(RECOVERY_MS);
      this.host.wakeByOther('its real-time clock');
    });
  }

  #onRunning(atMs: number): void {
    this.didNotRunAtMs = atMs;
    if (this.vms.length === 1) return;
    for (const vm of this.vms) vm.upFromMs = atMs + this.random.between(0, VM_STARTS_MS);
  }

  onAlarm(): void {
    this.#alarmAtMs = this.clock.nowMs();
    this.counts.alarms += 1;
  }

  onTransition(side: PlatformSide, from: StateName, to: StateName): void {
    if (to === 'waking' && from === 'asleep') this.counts.wakes += 1;
    if (to === 'saving') {
      if (!side.follows) this.#stirs();
      this.faults.hit('save', side.torpor);
    }
    if (to === 'failed' && from === 'waking') this.#onFailedWake();
  }

  #stirs(): void {
    if (this.random.chance(COMES_BACK)) this.#comesBack();
    for (const seat of this.seats) if (this.random.chance(CHATTERS)) this.#chatters(seat);
  }

  /** In the moments in which it goes to sleep programs say something more often than by chance. */
  #chatters(seat: Seat): void {
    const withinMs = [60, 600, 6000][this.random.between(0, 2)] as number;
    this.#world.clock.schedule(this.random.between(0, withinMs), () => seat.chatter());
  }

  /** Somebody comes back in the moment in which it goes to sleep. */
  #comesBack(): void {
    const { clock } = this.#world;
    const seat = this.seats[this.random.between(0, this.seats.length - 1)] as Seat;
    const withinMs = this.random.chance(0.5) ? 500 : 8000;
    clock.schedule(this.random.between(0, withinMs), () => {
      if (!this.#isClosing) seat.work(this.random.between(1000, 60_000));
    });
  }

  #looksWhetherItWakes(): void {
    const { clock } = this;
    const nowMs = clock.nowMs();
    const waiting = this.seats.find(
      ({ now }) => now !== null && now.readAtMs < nowMs && now.waitsSinceMs !== null,
    )?.now;
    const asked = this.#wakesAsked;
    const side = this.sides.find((each) => each === waiting?.door);
    const life = side?.life();
    if (waiting === undefined || waiting === null || side?.state !== 'suspending') return;
    clock.schedule(WAKES_FROM_SUSPEND_MS, () => {
      const isUsual = this.#isCalmSince(nowMs, side) && side.life() === life && this.host.phase === 'asleep';
      const isAsked = this.#wakesAsked > asked || waiting.waitsSinceMs === null;
      if (isUsual) this.check('wakesFromSuspend', wakesFromSuspend(waiting.number, isAsked));
    });
  }

  /** Somebody reads the alarm, looks at the platform, and forgives it. */
  #onFailedWake(): void {
    this.counts.failedWakes += 1;
    this.exclude(OPERATOR_COMES_MS + RECOVERY_MS);
    this.clock.schedule(OPERATOR_COMES_MS, () => {
      for (const side of this.sides) side.release();
    });
  }

  /** Those who are connected there, or were until just now. */
  connectionsOf(side: PlatformSide): Connection[] {
    return this.seats.flatMap(({ now }) => (now === null || now.door !== side ? [] : now));
  }

  onSleepAsked(): void {
    this.counts.presses += 1;
  }

  onPressSent(side: PlatformSide): void {
    const { store } = this.#world;
    if (store === null) return;
    const by = side.torpor.id;
    const nowMs = this.clock.nowMs();
    const committed = store.committed(this.name);
    const facts: FarmPressFacts = {
      nowMs,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      by,
      holdsLease: store.holdsLease(by),
      owner: store.owner(this.name),
      committed,
      pressedProposals: this.#pressedProposals,
      holders: this.sides.flatMap((other) => (committed?.agreed.includes(other.torpor.id) ? this.#holder(other) : [])),
    };
    for (const [name, holds] of Object.entries(FARM_PRESS_INVARIANTS)) this.check(name, holds(facts));
    if (committed !== null) this.#pressedProposals.add(committed.proposal);
  }

  #holder(side: PlatformSide): HolderFacts {
    const { store } = this.#world;
    const life = side.life();
    const unacked = life === null ? [] : this.vms.flatMap((vm) => [...vm.unacked(life).values()]);
    const isSame = side.heldFor !== null && side.heldFor.proposal === store?.committed(this.name)?.proposal;
    return {
      name: side.torpor.name,
      heldAtMs: isSame ? (side.heldFor?.atMs ?? null) : null,
      clients: this.connectionsOf(side),
      unackedBytes: unacked.reduce((sum, bytes) => sum + bytes, 0),
    };
  }

  onPress(isHeard: boolean): void {
    this.say(`${this.name} button pressed${isHeard ? '' : ', and the host does not hear of it'}`);
  }

  onWakeAsked(): void {
    this.#wakesAsked += 1;
    if (this.bmc.faults.lostWakes > 0 && this.host.phase === 'asleep') this.exclude(RECOVERY_MS);
  }

  onHarm(what: string): void {
    this.check('neverResetCycleOrOff', `${what} was sent`);
  }

  onMemoryLost(): void {
    this.exclude(RECOVERY_MS);
    for (const vm of this.vms) vm.loseMemory();
  }

  // ------------------------------------------------------------------------------------------ faults

  /** From a minute before now, and for so long: nobody can ask for perfect sleep. */
  exclude(forMs: number): void {
    const nowMs = this.#world.clock.nowMs();
    this.excluded.push({ fromMs: nowMs - MINUTE_MS, toMs: nowMs + forMs });
  }

  strike(fault: Fault<ProcessFaultKind | PlatformFaultKind>): void {
    const day = Math.floor((this.#world.clock.nowMs() - this.#startMs) / DAY_MS);
    this.faultsOfDay[day] = (this.faultsOfDay[day] ?? 0) + 1;
    this.#catchUpAll();
    this.faults.strike(fault);
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
    for (const side of this.sides) side.wake('the run is over');
  }

  /** Every byte of a stream that was not cut is at its other end. */
  compare(): void {
    for (const { number, fate, there, back } of this.connections) {
      if (there.isCut || back.isCut || fate === 'reset') continue;
      const isWhole = fate === 'ended' && there.missingBytes === 0 && back.missingBytes === 0 && there.hasEnded;
      if (isWhole) continue;
      const what = `${there.missingBytes} bytes missing there, ${back.missingBytes} back`;
      this.check('bytesArriveOnceAndInOrder', `stream ${number} is ${fate} when all is over: ${what}`);
    }
  }

  busySpans(): Span[] {
    return mergeSpans(this.connections.flatMap(({ trace }) => trace.spans));
  }
}
