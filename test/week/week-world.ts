// A week of people at two edges: they come, work, stay away for hours and for nights, leave in order or break off, while their links break
// and the platform sleeps whenever nobody is there. Every byte is accounted for at both ends; what must not be is an error.
import { LinkSocket } from '../../src/link/link-socket.ts';
import type { LinkStream, StreamEnd } from '../../src/link/link-stream.ts';
import type { StateName } from '../../src/platform/status.ts';
import { randomFrom } from '../core/support/seed.ts';
import { Account } from './told-bytes.ts';
import { VirtualClock } from './virtual-clock.ts';
import { VirtualLink } from './virtual-link.ts';
import { VirtualPlatform } from './virtual-platform.ts';
import { NUMBER_BYTES, type VmSocket } from './virtual-vm.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
const SEATS = 8;
const LINE_DELAYS_MS = [25, 90];
/** Far longer than a notice is on its way, where the line stands. */
const NOTICE_MS = 2_000;

export interface WeekFigures {
  readonly streams: number;
  readonly ended: number;
  readonly resetByClient: number;
  readonly lostWithLink: number;
  readonly bytesThere: number;
  readonly bytesBack: number;
  readonly breaks: number;
  readonly resumes: number;
  readonly tooLong: number;
  readonly sleeps: number;
  readonly wakes: number;
  readonly asleepHours: number;
  readonly plainBytes: number;
  readonly wireBytes: number;
  readonly appointments: number;
}

/** One client from its connect to its end. */
class Person implements StreamEnd {
  readonly told: Account;
  readonly heard: Account;
  fate: 'open' | 'leaving' | 'ended' | 'reset' | 'lost' = 'open';
  hasRoom = true;
  readonly stream: LinkStream;
  readonly number: number;

  constructor(number: number, stream: LinkStream) {
    this.number = number;
    this.stream = stream;
    this.told = new Account(2 * number);
    this.heard = new Account(2 * number + 1);
    stream.end = this;
    const head = Buffer.alloc(NUMBER_BYTES);
    head.writeUInt32BE(number);
    stream.push(head);
  }

  say(bytes: number): void {
    if (this.hasRoom && this.fate === 'open') this.hasRoom = this.stream.push(this.told.tell(bytes));
  }

  leave(): void {
    if (this.fate !== 'open') return;
    this.fate = 'leaving';
    this.stream.finish();
  }

  breakOff(): void {
    if (this.fate !== 'open') return;
    this.fate = 'reset';
    this.stream.reset('its client broke off');
  }

  onBytes(bytes: Buffer): void {
    this.heard.hear(bytes);
    this.stream.consumed(bytes.length);
  }

  onEnd(): void {
    this.heard.hasEnded = true;
    if (this.fate === 'leaving') this.fate = 'ended';
    else throw new Error(`stream ${this.number} was ended by its server, which does not do that`);
  }

  onReset(why: string): void {
    // Said first, and answered by what its gate still had to say.
    if (this.fate === 'reset') return;
    if (why !== 'the link was away for too long' && why !== 'the week is over')
      throw new Error(`stream ${this.number} was reset: ${why}`);
    this.fate = 'lost';
  }

  onRoom(): void {
    this.hasRoom = true;
  }
}

export class WeekWorld {
  readonly clock = new VirtualClock();
  readonly below: (limit: number) => number;
  readonly #startMs = this.clock.nowMs();
  readonly #links: VirtualLink[] = [];
  readonly #people: Person[] = [];
  readonly #atVm = new Map<number, VmSocket>();
  readonly #told = new Map<string, LinkStream>();
  /** Whose a stream of the platform is, by its id. */
  readonly #clientOf = new Map<string, number>();
  readonly #active = new Set<string>();
  #platform!: VirtualPlatform;
  #sleeps = 0;
  #wakes = 0;
  /** What came over the links since the platform fell asleep. */
  #newsSinceAsleep = 0;
  #isOver = false;
  readonly #problems: string[] = [];

  static async start(seed: number): Promise<WeekWorld> {
    const world = new WeekWorld(seed);
    await world.#begin();
    return world;
  }

  private constructor(seed: number) {
    this.below = randomFrom(seed).below;
  }

  async #begin(): Promise<void> {
    const { clock, below } = this;
    this.#platform = await VirtualPlatform.start(clock, below, {
      onState: (from, to) => this.#onState(from, to),
      onJudged: (stream, isActive) => this.#onJudged(stream, isActive),
      onKnown: (number, socket) => {
        if (this.#atVm.has(number)) throw new Error(`stream ${number} came to its VM twice`);
        this.#atVm.set(number, socket);
      },
    });
    for (const delayMs of LINE_DELAYS_MS) {
      const accept = (stream: LinkStream, { client }: { client: string }) => this.#accept(stream, client);
      this.#links.push(await VirtualLink.start({ clock, random: below, delayMs, accept }));
    }
    await clock.advance(10_000);
    for (let seat = 0; seat < SEATS; seat += 1) clock.schedule(below(HOUR_MS), () => this.#comes(seat));
    for (const link of this.#links) this.#breakSometimes(link);
  }

  /** Throws at the first thing that must not be. */
  async pass(ms: number): Promise<void> {
    try {
      await this.clock.advance(ms);
    } catch (error) {
      const said = this.#platform.log.lines.slice(-3).map(({ message }) => message);
      const why = [...said, this.#platform.lastClosed].join('; ');
      throw new Error(`at hour ${this.#hour.toFixed(2)}, ${this.#platform.state}: ${String(error)} (${why})`, {
        cause: error,
      });
    }
    const { disturbances } = this.#platform;
    if (disturbances.length > 0)
      throw new Error(`sent to a VM that cannot hear: ${disturbances.slice(0, 3).join('; ')}`);
  }

  /** Everybody leaves; what is still on its way arrives. Then all accounts are compared. */
  async end(): Promise<WeekFigures> {
    this.#isOver = true;
    for (const person of this.#people) person.leave();
    // The longest break is over by then. An end of an idle client wakes nobody: it waits for the next wake.
    await this.pass(10 * MINUTE_MS);
    this.#newsSinceAsleep += 1;
    this.#platform.controller.dispatch({ kind: 'operatorWake', why: 'the week is over' });
    await this.pass(2 * MINUTE_MS);
    for (const person of this.#people) this.#compare(person);
    const { streams } = this.#platform;
    const left = streams.streams().filter(({ mode }) => mode !== 'closed');
    if (left.length > 0) throw new Error(`${left.length} streams are left: ${JSON.stringify(left[0])}`);
    for (const link of this.#links) link.close('the week is over');
    const figures = this.#figures();
    await this.#platform.stop();
    return figures;
  }

  /** What the edges were told is so, where their links stand: at once, or once what is on its way has arrived. */
  async checkNotices(): Promise<number> {
    const { wrong, checked } = this.#compareNotices();
    if (wrong.size === 0) return checked;
    await this.pass(NOTICE_MS);
    const later = this.#compareNotices().wrong;
    for (const [id, what] of later) if (wrong.has(id)) throw new Error(what);
    return checked;
  }

  #compareNotices(): { readonly wrong: ReadonlyMap<string, string>; readonly checked: number } {
    let checked = 0;
    const wrong = new Map<string, string>();
    const { state } = this.#platform;
    for (const [id, { notice }] of this.#told) {
      const person = this.#people.find((each) => each.number === this.#clientOf.get(id));
      const isConnected = this.#links.every(({ edge }) => edge.isConnected);
      if (person === undefined || person.fate !== 'open' || notice === null || !isConnected) continue;
      const heard = person.stream.notice;
      if (heard?.state !== state || heard.isActive !== this.#active.has(id))
        wrong.set(id, `the edge was told ${JSON.stringify(heard)} of ${id}: it is ${state}, ${this.#active.has(id)}`);
      checked += 1;
    }
    return { wrong, checked };
  }

  // ------------------------------------------------------------------------------------------ people

  get #hour(): number {
    return ((this.clock.nowMs() - this.#startMs) / HOUR_MS + 6) % 24;
  }

  get #isNight(): boolean {
    return this.#hour < 7 || this.#hour > 21;
  }

  #comes(seat: number): void {
    if (this.#isOver) return;
    const link = this.#links[seat % this.#links.length] as VirtualLink;
    const number = this.#people.length + 1;
    const stream = link.edge.open({ service: 'desktop', client: `192.0.2.${seat + 1}:${1024 + (number % 60_000)}` });
    if (stream === null) throw new Error('the edge takes nobody');
    const person = new Person(number, stream);
    this.#people.push(person);
    this.#works(seat, person, 1 + this.below(6));
  }

  /** A spell of keys, and some bulk; then away, or gone. */
  #works(seat: number, person: Person, spells: number): void {
    const { clock, below } = this;
    if (person.fate !== 'open' || this.#isOver) {
      if (!this.#isOver) clock.schedule(below(20 * MINUTE_MS), () => this.#comes(seat));
      return;
    }
    if (spells === 0) {
      if (below(4) === 0) person.breakOff();
      else person.leave();
      clock.schedule(below(HOUR_MS), () => this.#comes(seat));
      return;
    }
    let keys = 10 + below(120);
    const press = () => {
      if (person.fate !== 'open' || this.#isOver || keys === 0) {
        const awayMs = this.#isNight ? 2 * HOUR_MS + below(6 * HOUR_MS) : 10 * MINUTE_MS + below(2 * HOUR_MS);
        clock.schedule(awayMs, () => this.#works(seat, person, spells - 1));
        return;
      }
      keys -= 1;
      person.say(below(40) === 0 ? 1000 + below(200_000) : 1 + below(60));
      clock.schedule(200 + below(8000), press);
    };
    press();
  }

  #breakSometimes(link: VirtualLink): void {
    const { clock, below } = this;
    clock.schedule(2 * MINUTE_MS + below(40 * MINUTE_MS), () => {
      if (this.#isOver) return;
      const forMs = below(60) === 0 ? 70_000 + below(5 * MINUTE_MS) : below(4) === 0 ? below(50_000) : below(3000);
      link.cut(forMs);
      this.#breakSometimes(link);
    });
  }

  // ------------------------------------------------------------------------------------------ the gate

  #accept(stream: LinkStream, client: string): StreamEnd {
    let socket: LinkSocket | null = null;
    this.#newsSinceAsleep += 1;
    this.#platform.streams.enter('desktop', (at) => {
      const onCarried = (id: string) => {
        this.#told.set(id, stream);
        this.#clientOf.set(
          id,
          this.#people.find((person) => person.stream.id === stream.id && person.stream.client === client)?.number ?? 0,
        );
        stream.tell({ isActive: false, state: this.#platform.state });
      };
      socket = new LinkSocket({ stream, client, at, onCarried, defer: (run) => void this.clock.schedule(0, run) });
      return socket;
    });
    return this.#counted(socket as unknown as LinkSocket);
  }

  #counted(socket: LinkSocket): StreamEnd {
    const news = () => {
      this.#newsSinceAsleep += 1;
    };
    return {
      onBytes: (bytes) => {
        news();
        socket.onBytes(bytes);
      },
      onEnd: () => {
        news();
        socket.onEnd();
      },
      onReset: (why) => {
        news();
        socket.onReset(why);
      },
      onRoom: () => socket.onRoom(),
    };
  }

  #onState(from: StateName, to: StateName): void {
    if (to === 'asleep') {
      this.#sleeps += 1;
      this.#newsSinceAsleep = 0;
    }
    if (from === 'asleep' && to === 'waking') {
      this.#wakes += 1;
      if (this.#newsSinceAsleep === 0) this.#problems.push('it woke, and nobody had done anything');
    }
    if (to === 'failed') this.#problems.push(`it failed, from ${from}`);
    for (const stream of this.#told.values()) if (stream.notice !== null) stream.tell({ ...stream.notice, state: to });
  }

  #onJudged(id: string, isActive: boolean): void {
    if (isActive) this.#active.add(id);
    else this.#active.delete(id);
    const stream = this.#told.get(id);
    if (stream !== undefined && stream.notice !== null) stream.tell({ ...stream.notice, isActive });
    if (stream?.isOver === true && !isActive) this.#told.delete(id);
  }

  // ------------------------------------------------------------------------------------------ the accounts

  #compare({ number, fate, told, heard }: Person): void {
    const vm = this.#atVm.get(number);
    if (fate !== 'ended') {
      if (fate === 'open' || fate === 'leaving')
        throw new Error(
          `stream ${number} is still ${fate} when all is over: ${told.bytes} told, ${vm?.heard?.bytes} came, ${vm?.said?.bytes} said, ${heard.bytes} heard`,
        );
      return;
    }
    const isWhole = vm?.heard?.digest === told.digest && vm.said?.digest === heard.digest;
    const isCounted = vm?.heard?.bytes === told.bytes && vm.said?.bytes === heard.bytes;
    if (!isWhole || !isCounted || vm.heard?.hasEnded !== true)
      throw new Error(
        `stream ${number}: ${told.bytes} there, ${vm?.heard?.bytes} came; ${vm?.said?.bytes} back, ${heard.bytes} came`,
      );
  }

  #figures(): WeekFigures {
    const of = (fate: Person['fate']) => this.#people.filter((person) => person.fate === fate).length;
    const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
    return {
      streams: this.#people.length,
      ended: of('ended'),
      resetByClient: of('reset'),
      lostWithLink: of('lost'),
      bytesThere: sum([...this.#atVm.values()].map(({ heard: account }) => account?.bytes ?? 0)),
      bytesBack: sum(this.#people.map(({ heard: account }) => account.bytes)),
      breaks: sum(this.#links.map(({ breaks }) => breaks)),
      resumes: sum(this.#links.map(({ resumes }) => resumes)),
      tooLong: sum(this.#links.map(({ tooLong }) => tooLong)),
      sleeps: this.#sleeps,
      wakes: this.#wakes,
      asleepHours: this.#platform.asleepMs / HOUR_MS,
      plainBytes: sum(this.#links.map(({ plainBytes }) => plainBytes)),
      wireBytes: sum(this.#links.map(({ wireBytes }) => wireBytes)),
      appointments: this.clock.kept,
    };
  }
}
