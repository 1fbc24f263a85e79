// One person at a simulated platform: comes when others do, types for a while, stays connected and away, or leaves; its program says that it is alive.
import type { Random } from '../platform/random.ts';
import { ByteAccount } from './byte-account.ts';
import type { EventClock } from './event-clock.ts';
import { MINUTE_MS } from './fault-plan.ts';
import { ActivityTrace } from './perfect-sleep.ts';
import type { ProcessClock } from './process-clock.ts';
import { type FarEnd, SimSocket } from './sim-sockets.ts';
import { NUMBER_BYTES, type SimVm, type StreamAccounts } from './sim-vm.ts';

/** What its program sends by itself: no activity, by the listener's policy. */
export const CHATTER = Buffer.from('GET /alive HTTP/1.1\r\nHost: desk\r\n\r\n');
export const CHATTER_POLL = 'GET /alive';
const WINDOW_BYTES = 64 * 1024;
/** Of the programs, those that say every few seconds that they are alive. */
const TALKATIVE = 0.05;

export interface ClientWorld {
  readonly clock: EventClock;
  readonly random: Random;
  readonly idleTimeoutMs: number;
  readonly disconnectGraceMs: number;
  /** The Torpor that a new connection arrives at. */
  pickDoor(): ClientDoor;
  nextNumber(): number;
  enter(life: ProcessClock, makeSocket: () => SimSocket, connection: Connection): void;
  /** Somebody waits for their VM from now on. */
  onWish(): void;
  /** Torpor ended it, not its person. */
  onCut(connection: Connection): void;
  onWrong(why: string): void;
}

/** One Torpor, as clients see it. */
export interface ClientDoor {
  /** The process that takes them in now; null: nobody does. */
  life(): ProcessClock | null;
  enter(vm: SimVm, makeSocket: () => SimSocket): void;
}

/** One connection from its begin to its end. */
export class Connection implements FarEnd, StreamAccounts {
  readonly number: number;
  readonly there: ByteAccount;
  readonly back: ByteAccount;
  readonly trace = new ActivityTrace();
  fate: 'open' | 'leaving' | 'ended' | 'reset' = 'open';
  /** When it began, on the world clock. */
  readonly sinceMs: number;
  inputAtMs = Number.NEGATIVE_INFINITY;
  readAtMs = Number.NEGATIVE_INFINITY;
  /** Real input that its VM has not heard yet: how far it reaches, and since when it waits. */
  readonly wishes: { untilBytes: number; sinceMs: number }[] = [];
  socket: SimSocket | null = null;
  readonly door: ClientDoor;
  readonly #world: ClientWorld;
  readonly #seat: Seat;
  readonly #delayMs: number;
  #life: ProcessClock | null = null;
  readonly #early: Buffer[] = [];
  #hasLeft = false;

  constructor(world: ClientWorld, seat: Seat) {
    this.#world = world;
    this.#seat = seat;
    this.door = world.pickDoor();
    this.number = world.nextNumber();
    this.sinceMs = world.clock.nowMs();
    const onWrong = (why: string) => world.onWrong(`stream ${this.number}: ${why}`);
    this.there = new ByteAccount(onWrong);
    this.back = new ByteAccount(onWrong);
    this.#delayMs = world.random.between(1, 40);
  }

  get isConnected(): boolean {
    return this.socket !== null && !this.socket.destroyed && this.fate === 'open';
  }

  /** Since when real input waits; null: none does. */
  get waitsSinceMs(): number | null {
    while (this.wishes[0] !== undefined && this.wishes[0].untilBytes <= this.there.heardBytes) this.wishes.shift();
    return this.fate === 'open' && !this.there.isCut ? (this.wishes[0]?.sinceMs ?? null) : null;
  }

  open(): void {
    this.#world.clock.schedule(this.#delayMs, () => {
      const life = this.door.life();
      if (life === null) {
        this.#over('reset');
        return;
      }
      this.#life = life;
      life.run(() => this.#enter(life));
    });
  }

  #enter(life: ProcessClock): void {
    if (this.fate === 'reset') return;
    const remoteAddress = `192.0.2.${this.#seat.place + 1}`;
    const ends = {
      localAddress: '10.0.0.1',
      localPort: 13389,
      remoteAddress,
      remotePort: 1024 + (this.number % 60_000),
    };
    const makeSocket = () => {
      this.socket = new SimSocket(life, ends);
      this.socket.far = this;
      return this.socket;
    };
    this.#noteInput();
    this.#world.enter(life, makeSocket, this);
    const head = Buffer.alloc(NUMBER_BYTES);
    head.writeUInt32BE(this.number);
    for (const bytes of [head, ...this.#early.splice(0)]) this.socket?.arrive(bytes);
    if (this.#hasLeft) this.socket?.arriveEnd();
  }

  say(bytes: Buffer, isReal: boolean): void {
    if (this.fate !== 'open' || this.there.missingBytes > WINDOW_BYTES) return;
    const { clock } = this.#world;
    this.there.send(bytes, clock.nowMs());
    if (isReal) {
      this.wishes.push({ untilBytes: this.there.sentBytes, sinceMs: clock.nowMs() });
      this.#world.onWish();
    }
    clock.schedule(this.#delayMs, () => {
      if (this.socket?.destroyed === true) return;
      // Of one that a stopped process has not taken in yet the kernel keeps them.
      if (this.socket === null) this.#early.push(bytes);
      else this.socket.arrive(bytes);
      if (isReal) this.#noteInput();
    });
  }

  #noteInput(): void {
    const { clock, idleTimeoutMs } = this.#world;
    this.inputAtMs = clock.nowMs();
    this.#life?.run(() => {
      this.readAtMs = clock.nowMs();
      this.trace.active(clock.nowMs(), idleTimeoutMs);
    });
  }

  leave(): void {
    if (this.fate !== 'open') return;
    this.fate = 'leaving';
    this.#world.clock.schedule(this.#delayMs, () => {
      this.#hasLeft = true;
      this.socket?.arriveEnd();
    });
  }

  breakOff(): void {
    if (this.fate !== 'open') return;
    const socket = this.socket;
    this.#cut();
    this.#world.clock.schedule(this.#delayMs, () => socket?.arriveReset('ECONNRESET'));
    this.#over('reset');
  }

  // ------------------------------------------------------------------------------------------ FarEnd

  onBytes(bytes: Buffer): void {
    this.#world.clock.schedule(this.#delayMs, () => {
      if (this.fate === 'open' || this.fate === 'leaving') this.back.hear(bytes);
    });
  }

  onEnd(): void {
    this.#world.clock.schedule(this.#delayMs, () => {
      this.back.hasEnded = true;
      if (this.fate === 'leaving') this.#over('ended');
      else if (this.fate === 'open')
        this.#world.onWrong(`stream ${this.number} was ended, and its VM does not do that`);
    });
  }

  onReset(): void {
    this.#world.clock.schedule(this.#delayMs, () => {
      if (this.fate === 'reset' || this.fate === 'ended') return;
      this.#world.onCut(this);
      this.#cut();
      this.#over('reset');
    });
  }

  /** The process died before it took this one in. */
  lose(): void {
    if (this.fate !== 'open' || this.socket !== null) return;
    this.#cut();
    this.#over('reset');
  }

  #cut(): void {
    this.there.isCut = true;
    this.back.isCut = true;
  }

  #over(fate: 'ended' | 'reset'): void {
    const { clock, disconnectGraceMs } = this.#world;
    this.fate = fate;
    this.trace.closed(clock.nowMs(), disconnectGraceMs);
    this.#seat.onOver(this);
  }
}

/** A place at a platform, with one person who sits there now and then. */
export class Seat {
  readonly place: number;
  readonly connections: Connection[] = [];
  readonly #world: ClientWorld;
  #now: Connection | null = null;
  #worksUntilMs = Number.NEGATIVE_INFINITY;
  #isTyping = false;

  constructor(world: ClientWorld, place: number) {
    this.#world = world;
    this.place = place;
  }

  get now(): Connection | null {
    return this.#now;
  }

  /** Comes, if it is not there, and types for so long. */
  work(forMs: number): void {
    this.#worksUntilMs = Math.max(this.#worksUntilMs, this.#world.clock.nowMs() + forMs);
    if (!this.#isTyping) this.#type();
  }

  leave(): void {
    this.#worksUntilMs = Number.NEGATIVE_INFINITY;
    this.#now?.leave();
    this.#now = null;
  }

  #type(): void {
    const { clock, random } = this.#world;
    this.#isTyping = clock.nowMs() < this.#worksUntilMs;
    if (!this.#isTyping) {
      this.#rest();
      return;
    }
    if (this.#now === null) this.#connect();
    const bytes = random.chance(0.02) ? random.between(1000, 30_000) : random.between(1, 60);
    this.#now?.say(Buffer.alloc(bytes, `${this.place}:${clock.nowMs()} `), true);
    clock.schedule(random.between(300, random.chance(0.5) ? 10_000 : 60_000), () => this.#type());
  }

  #connect(): void {
    const made = new Connection(this.#world, this);
    this.#now = made;
    this.connections.push(made);
    made.open();
    const { random } = this.#world;
    const isTalkative = random.chance(TALKATIVE);
    this.#chatter(made, isTalkative ? random.between(2000, 45_000) : random.between(MINUTE_MS, 20 * MINUTE_MS));
  }

  /** Its program says something, if it is connected. */
  chatter(): void {
    this.#now?.say(CHATTER, false);
  }

  #chatter(connection: Connection, everyMs: number): void {
    this.#world.clock.schedule(everyMs, () => {
      if (connection.fate !== 'open') return;
      connection.say(CHATTER, false);
      this.#chatter(connection, everyMs);
    });
  }

  /** Stays, or goes after a while, in order or not. */
  #rest(): void {
    const { clock, random } = this.#world;
    const connection = this.#now;
    const way = random.next();
    clock.schedule(random.between(1, 20) * MINUTE_MS, () => {
      if (connection === null || connection !== this.#now || this.#isTyping) return;
      if (way < 0.35) connection.leave();
      else if (way < 0.45) connection.breakOff();
      else return;
      this.#now = null;
    });
  }

  /** Whoever was at work comes again soon. */
  onOver(connection: Connection): void {
    if (this.#now === connection) this.#now = null;
  }
}
