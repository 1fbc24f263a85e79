// A thousand platforms and a thousand clients at nine o'clock, in virtual time: the machines and the order of wakes are those that are shipped.
import { afterAll, describe, expect, it } from 'vitest';
import type { PlatformController } from '../../src/controller/platform-controller.ts';
import { QUEUE_LOOK_MS, WakeTurns } from '../../src/farm/wake-turns.ts';
import type { PlatformEvent, PlatformModel } from '../../src/platform/model.ts';
import { MachineRig, POLICY } from '../platform/machine-rig.ts';
import { Random } from '../platform/random.ts';
import { FakeClock } from '../support/fake-clock.ts';

const SEED = Number(process.env.TORPOR_SEED ?? Date.now() % 2 ** 31);
const PLATFORMS = 1_000;
const WAKING_AT_MOST = 40;
const WATTS = { asleep: 5, running: 150, waking: 400 };
const WATTS_AT_MOST = 160_000;
const WAKE_TIMEOUT_MS = 60_000;
const STEP_MS = 1_000;
const LEAD_MS = 600_000;
/** Longest that a healthy host needs. */
const RESUME_MAX_MS = 25_000;

interface Seat {
  readonly name: string;
  readonly rig: MachineRig;
  readonly priority: number;
  readonly resumeMs: number;
  /** Its host does not come up at all. */
  readonly isBroken: boolean;
  readonly comesAtMs: number;
  wakeAskedAtMs: number | null;
  awakeAtMs: number | null;
}

/** All begin alike: asleep. Somebody is in the pool as soon as it is awake, so that it stays so. */
const ASLEEP = asleepModel();

function asleepModel(): PlatformModel {
  const policy = { ...POLICY, wakeMethods: ['chassis-on'], wakeTimeoutMs: WAKE_TIMEOUT_MS, turnWaitMs: 7_200_000 };
  const rig = new MachineRig({ policy: { ...policy, minAwakeMs: 0, drowsyForMs: 0 } }).toAsleep();
  rig.pool(1);
  if (rig.state !== 'asleep') throw new Error(`the seat is ${rig.state}`);
  return rig.model;
}

class Rush {
  readonly clock = new FakeClock(10_000_000);
  readonly seats: Seat[] = [];
  readonly turns: WakeTurns;
  readonly nineMs: number;
  most = { waking: 0, watts: 0 };
  /** Names in the order in which their wakes went out. */
  readonly order: Seat[] = [];

  /** It begins so long before nine. */
  constructor(seed: number, leadMs = 0) {
    this.nineMs = this.clock.nowMs() + leadMs;
    const random = new Random(seed);
    for (let index = 0; index < PLATFORMS; index += 1) this.seats.push(this.#seat(index, random));
    const members = this.seats.map((seat) => ({
      circuit: 'hall',
      priority: seat.priority,
      watts: WATTS,
      controller: this.#controllerOf(seat),
    }));
    const circuit = { name: 'hall', wakingAtMost: WAKING_AT_MOST, watts: WATTS_AT_MOST, waitAtMostMs: 7_200_000 };
    this.turns = new WakeTurns({ circuits: [circuit], members: () => members, clock: this.clock });
  }

  /** Until everybody who can be is awake and there is an alarm for everybody else, or `boundMs` after nine. */
  async play(boundMs: number, events: (seat: Seat, nowMs: number) => PlatformEvent[]): Promise<void> {
    const endMs = this.nineMs + boundMs;
    for (let nowMs = this.clock.nowMs(); nowMs < endMs; nowMs = this.clock.nowMs()) {
      for (const seat of this.seats) for (const event of events(seat, nowMs)) this.#send(seat, event);
      for (const seat of this.seats) this.#live(seat, nowMs);
      this.turns.look();
      this.#measure();
      if (nowMs > this.nineMs && this.seats.every(isServed)) return;
      await this.clock.advance(STEP_MS);
    }
  }

  waitsMs(): number[] {
    return this.seats
      .filter(({ isBroken }) => !isBroken)
      .map(({ comesAtMs, awakeAtMs }) => Math.max(0, (awakeAtMs ?? Number.POSITIVE_INFINITY) - comesAtMs));
  }

  #seat(index: number, random: Random): Seat {
    const rig = new MachineRig();
    rig.model = ASLEEP;
    return {
      name: `vdi-${index}`,
      rig,
      priority: random.chance(0.05) ? 90 : 50,
      resumeMs: random.between(5_000, RESUME_MAX_MS),
      isBroken: index % 50 === 49,
      comesAtMs: this.nineMs + random.between(0, 300) * 1_000,
      wakeAskedAtMs: null,
      awakeAtMs: null,
    };
  }

  /** What the order of wakes uses of a controller. */
  #controllerOf(seat: Seat): PlatformController {
    const controller = {
      name: seat.name,
      get model() {
        return seat.rig.model;
      },
      dispatch: (event: PlatformEvent) => this.#send(seat, event),
      tell: () => {},
    };
    return controller as unknown as PlatformController;
  }

  #send(seat: Seat, event: PlatformEvent): void {
    seat.rig.nowMs = this.clock.nowMs();
    const effects = seat.rig.send(event);
    if (!effects.some(({ kind }) => kind === 'requestWake') || seat.wakeAskedAtMs !== null) return;
    seat.wakeAskedAtMs = this.clock.nowMs();
    this.order.push(seat);
  }

  /** A second of a host that is waking: its BMC and its VMs say how it is. */
  #live(seat: Seat, nowMs: number): void {
    if (seat.wakeAskedAtMs === null || seat.awakeAtMs !== null) return;
    const { rig } = seat;
    rig.nowMs = nowMs;
    if (seat.isBroken || nowMs < seat.wakeAskedAtMs + seat.resumeMs) {
      rig.powerDown();
      return;
    }
    rig.powerOn();
    for (const vm of POLICY.probedVms) rig.answers(vm);
    if (rig.phase === 'restoring') rig.restored();
    if (rig.state === 'awake') seat.awakeAtMs = nowMs;
  }

  /** Seen from outside: who draws what, and how many hosts that may still come up were asked to and have not. */
  #measure(): void {
    const nowMs = this.clock.nowMs();
    let [waking, watts] = [0, 0];
    for (const { wakeAskedAtMs, awakeAtMs } of this.seats) {
      const isWaking = wakeAskedAtMs !== null && awakeAtMs === null;
      if (isWaking && nowMs < wakeAskedAtMs + WAKE_TIMEOUT_MS) waking += 1;
      watts += awakeAtMs !== null ? WATTS.running : isWaking ? WATTS.waking : WATTS.asleep;
    }
    this.most = { waking: Math.max(this.most.waking, waking), watts: Math.max(this.most.watts, watts) };
  }
}

function isServed({ isBroken, rig, awakeAtMs }: Seat): boolean {
  return isBroken ? rig.all('alarm').length > 0 : awakeAtMs !== null;
}

const summary: string[] = [`wake-rush: seed ${SEED} (TORPOR_SEED repeats it)`];
afterAll(() => console.log(summary.join('\n')));

const comes = (seat: Seat, nowMs: number): PlatformEvent[] =>
  nowMs === seat.comesAtMs ? [{ kind: 'activity', vm: 'alice', why: 'connected' }] : [];

function tell(what: string, rush: Rush): number {
  const waits = rush.waitsMs().sort((a, b) => a - b);
  const at = (share: number) => `${(waits[Math.floor(share * (waits.length - 1))] as number) / 1_000} s`;
  summary.push(
    `${what}: waits median ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}; at most ${rush.most.waking} waking, ${rush.most.watts} W`,
  );
  return waits.at(-1) as number;
}

function expectWithinLimits(rush: Rush): void {
  expect(rush.most.waking).toBeLessThanOrEqual(WAKING_AT_MOST);
  expect(rush.most.watts).toBeLessThanOrEqual(WATTS_AT_MOST);
}

describe("a thousand clients at nine o'clock", () => {
  /** What it may take at most: all places, one after the other, and each broken host its whole time. */
  const boundMs = (Math.ceil(PLATFORMS / WAKING_AT_MOST) + 2) * (WAKE_TIMEOUT_MS + QUEUE_LOOK_MS);

  it('woken as they come, and woken ahead from ten to nine -> never over a limit, in order, all awake; ahead, and hardly anybody waits', async () => {
    const rush = new Rush(SEED);
    await rush.play(boundMs, comes);
    expectWithinLimits(rush);
    const longestMs = tell('as they come', rush);
    expect(longestMs).toBeLessThan(boundMs);
    // Who asked at the same second, or before, and is of higher priority, went no later.
    rush.order.forEach((seat, index) => {
      const isPassed = (other: Seat) => other.priority > seat.priority && other.comesAtMs < (seat.wakeAskedAtMs ?? 0);
      expect(rush.order.slice(index + 1).filter(isPassed)).toEqual([]);
    });
    expect(rush.seats.filter((seat) => !isServed(seat)).map(({ name }) => name)).toEqual([]);

    const ahead = new Rush(SEED, LEAD_MS);
    const fromMs = ahead.nineMs - LEAD_MS;
    await ahead.play(boundMs, (seat, nowMs) => [
      ...(nowMs === fromMs ? [{ kind: 'scheduledWake' as const, why: 'habit', untilMs: fromMs + 7_200_000 }] : []),
      ...comes(seat, nowMs),
    ]);
    expectWithinLimits(ahead);
    expect(tell('woken ahead', ahead)).toBeLessThan(longestMs);
  }, 60_000);
});
