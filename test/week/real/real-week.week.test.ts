// The week over real sockets: the built Torpor with a gate, an edge, a line between them that breaks, a simulated platform that really is asked to sleep,
// clients who come and go on both ways. TORPOR_WEEK_MINUTES says for how long; `npm run test:week:real` builds and plays it.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { VmConnection, VmService } from '../../../src/power/simulated/vm-connection.ts';
import { drawSeed, randomFrom } from '../../core/support/seed.ts';
import { LinkedStage } from '../../e2e/support/linked-stage.ts';
import { PLATFORM } from '../../e2e/support/stage.ts';
import { eventually } from '../../support/eventually.ts';
import type { TorporProcess } from '../../support/torpor-process.ts';
import { EchoSession } from './echo-session.ts';

const MINUTES = Number(process.env.TORPOR_WEEK_MINUTES ?? 0.5);
const SEED = drawSeed('real week');
const PEOPLE = 10;
/** So long people work before all of them are away. */
const DAY_MS = 8_000;
const LONGEST_MESSAGE_BYTES = 150_000;
/** Far above a sleep and a wake, on a machine that is short of time. */
const BOUND_MS = 180_000;

class EchoService implements VmService {
  /** Of all connections that are over and brought something: those of probes do not. */
  readonly heard: Array<{ readonly sha256: string; readonly bytes: number }> = [];

  received(connection: VmConnection, bytes: Uint8Array): void {
    connection.write(bytes);
  }

  closed(connection: VmConnection): void {
    const { bytesReceived: bytes } = connection;
    if (bytes > 0) this.heard.push({ sha256: connection.receivedSha256(), bytes });
  }
}

/** What happened, for people. */
interface Tally {
  sessions: number;
  messages: number;
  bytes: number;
  overLink: number;
  nights: number;
  breaks: number;
}

class RealWeek {
  readonly tally: Tally = { sessions: 0, messages: 0, bytes: 0, overLink: 0, nights: 0, breaks: 0 };
  /** Of all sessions, what each sent. */
  readonly sent: string[] = [];
  readonly #linked: LinkedStage;
  readonly #torpor: TorporProcess;
  readonly #random = randomFrom(SEED);
  #isOver = false;
  #isDay = true;
  #onDay: Array<() => void> = [];
  /** Sessions that are in the middle of a message. */
  #busy = 0;

  constructor(linked: LinkedStage, torpor: TorporProcess) {
    this.#linked = linked;
    this.#torpor = torpor;
  }

  async play(minutes: number): Promise<void> {
    const endMs = performance.now() + minutes * 60_000;
    const people = Array.from({ length: PEOPLE }, (_, at) => this.#live(at));
    const breaking = this.#breakLines();
    const nights = this.#turnDays(endMs);
    // The first problem of anybody ends it.
    await Promise.race([nights, Promise.all(people).then(() => nights)]);
    await Promise.all([...people, breaking]);
  }

  /** A person, over the link or not, one session after another. A session goes on over nights. */
  async #live(person: number): Promise<void> {
    const random = randomFrom(SEED + 1000 * person);
    while (!this.#isOver) {
      const overLink = person % 2 === 0;
      const { edge, stage } = this.#linked;
      const port = overLink ? (edge.addresses[0] as { port: number }).port : stage.listenPort;
      const session = new EchoSession(port, random.u32());
      try {
        for (let left = random.below(12); left > 0 && !this.#isOver; left -= 1) {
          await this.#byDay(() => session.say(drawBytes(random)));
          await pause(random.below(1500));
        }
        await this.#byDay(() => session.end(drawBytes(random)));
      } finally {
        session.destroy();
      }
      this.sent.push(session.sha256);
      this.tally.sessions += 1;
      this.tally.bytes += session.sentBytes;
      if (overLink) this.tally.overLink += 1;
    }
  }

  async #byDay(say: () => Promise<void>): Promise<void> {
    await this.#untilDay();
    this.#busy += 1;
    try {
      await say();
    } finally {
      this.#busy -= 1;
    }
    this.tally.messages += 1;
  }

  async #turnDays(endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      await pause(DAY_MS);
      this.#isDay = false;
      await eventually('everybody to be away', () => this.#busy === 0, { withinMs: BOUND_MS });
      await eventually(
        'the platform to sleep',
        async () => (await this.#torpor.platform(PLATFORM)).state === 'asleep',
        {
          withinMs: BOUND_MS,
          everyMs: 200,
        },
      );
      this.tally.nights += 1;
      // Some nights the line is away as the first come back.
      await pause(this.#random.below(1500));
      this.#isDay = true;
      for (const wake of this.#onDay.splice(0)) wake();
    }
    this.#isOver = true;
  }

  async #breakLines(): Promise<void> {
    const { relay } = this.#linked;
    while (!this.#isOver) {
      await pause(500 + this.#random.below(4000));
      this.tally.breaks += 1;
      if (this.#random.below(3) > 0) relay.cut();
      else {
        relay.down();
        await pause(this.#random.below(2000));
        relay.up();
      }
    }
  }

  #untilDay(): Promise<void> {
    return this.#isDay ? Promise.resolve() : new Promise((resolve) => this.#onDay.push(resolve));
  }
}

/** Most are keys, some are files. */
function drawBytes(random: ReturnType<typeof randomFrom>): number {
  return 1 + random.below(random.below(4) === 0 ? LONGEST_MESSAGE_BYTES : 200);
}

test(
  'links that break, a platform that sleeps, people who come and go, over real sockets -> every byte once and in order, both ways',
  async () => {
    const vm = new EchoService();
    await using linked = await LinkedStage.open(
      { idleTimeout: '1s', disconnectGrace: '500ms' },
      { vms: [{ name: 'alice', service: vm }] },
    );
    const torpor = await linked.stage.run();
    await linked.startEdge();
    const week = new RealWeek(linked, torpor);
    await week.play(MINUTES);
    await eventually('the VM to have heard all of it', () => vm.heard.length >= week.sent.length);
    const figures = { ...week.tally, presses: linked.stage.platform.host.buttonPresses };
    console.info(`real week: ${MINUTES} min, seed ${SEED}: ${JSON.stringify(figures)}`);
    expect(vm.heard.map(({ sha256 }) => sha256).toSorted()).toEqual(week.sent.toSorted());
    expect(vm.heard.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(week.tally.bytes);
    // A day may have a moment in which nobody does anything, too.
    expect(figures.presses).toBeGreaterThanOrEqual(week.tally.nights);
    const [link] = await torpor.links();
    expect(link?.resumes).toBeGreaterThan(0);
  },
  MINUTES * 60_000 + 15 * 60_000,
);
