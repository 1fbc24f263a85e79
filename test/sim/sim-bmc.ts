// A platform's BMC behind the driver's port: slow, silent, lying, forgetful, as its faults have it. What it does to its host is real there.
import { TorporError } from '../../src/platform/errors.ts';
import type { PowerAnswer, PowerDriver, PowerReading } from '../../src/platform/ports.ts';
import { askFence } from '../../src/power/press-fence.ts';
import type { SimulatedHost } from '../../src/power/simulated/simulated-host.ts';
import type { Random } from '../platform/random.ts';
import type { EventClock } from './event-clock.ts';
import { PacketBmc } from './packet-bmc.ts';
import type { ProcessClock } from './process-clock.ts';
import type { WatchClock } from './watch-clock.ts';

const WAKE_METHODS = ['chassis-on'] as const;
/** The driver's own patience with a BMC that does not answer. */
const PATIENCE_MS = 4000;
/** The watch's own: a proof is renewed so long after the last, and after one that failed. */
const PROOF_RENEW_MS = 60_000;
const PROOF_RETRY_MS = 5000;

export interface BmcFaults {
  isSilent: boolean;
  isSlow: boolean;
  losesAnswers: boolean;
  refusesSleep: boolean;
  /** What it says whatever is so; null: the truth. */
  stuckAt: PowerReading['acpi'];
  /** So many wakes come to nothing. */
  lostWakes: number;
  ignoresButton: boolean;
  /** The next sleeper that is woken starts anew. */
  losesMemory: boolean;
}

/** What one Torpor's driver learned and told, for those who judge what follows from it. */
export interface BmcWatch {
  /** Nothing of that Torpor's reaches the BMC. */
  readonly isCutFromBmc: boolean;
  onReading(reading: PowerReading | null, atMs: number): void;
  /** A reading of a BMC with which nothing is wrong was answered: the next ones, as far as they say the same, need not be made. */
  onCalm(reading: PowerReading, answerMs: number, proofAtMs: number): void;
  /** Between two readings, as the machine's state has it now. */
  paceMs(): number;
  onProof(isProven: boolean): void;
  /** Torpor asks for sleep: before anything comes of it. */
  onSleepAsked(): void;
  /** Whether the request may still be sent was asked at the last moment; null: it is sent. */
  onFence(why: string | null): void;
  onWakeAsked(): void;
}

/** What the BMC itself does, whoever asked for it. */
export interface BmcDeeds {
  /** The button is pressed. False: the host does not hear of it. */
  onPress(isHeard: boolean): void;
  /** The firmware could not resume. */
  onMemoryLost(): void;
  /** A verb arrived that nobody may send. */
  onHarm(what: string): void;
}

export class SimBmc {
  readonly faults: BmcFaults = {
    isSilent: false,
    isSlow: false,
    losesAnswers: false,
    refusesSleep: false,
    stuckAt: null,
    lostWakes: 0,
    ignoresButton: false,
    losesMemory: false,
  };
  readonly #world: EventClock;
  readonly #random: Random;
  readonly #host: SimulatedHost;
  readonly #deeds: BmcDeeds;
  /** null: the driver is the port itself. */
  readonly #packets: PacketBmc | null;
  /** One way of a reading where nothing is wrong. Not a whole number, so that no answer meets anything else at its moment. */
  readonly #readingMs: number;

  constructor(world: EventClock, random: Random, host: SimulatedHost, deeds: BmcDeeds, speaksPackets: boolean) {
    this.#world = world;
    this.#random = random;
    this.#host = host;
    this.#deeds = deeds;
    this.#readingMs = random.between(2, 20) + 1 / 64;
    const hands = {
      press: () => void this.#press(),
      wake: () => void this.#wake(),
      harm: (what: string) => deeds.onHarm(what),
    };
    this.#packets = speaksPackets ? new PacketBmc(world, random, host, this.faults, hands) : null;
  }

  /** What one life of Torpor speaks with. */
  driver(life: ProcessClock, clock: WatchClock, watch: BmcWatch): PowerDriver {
    return this.#packets?.driver(life, watch) ?? this.#port(life, clock, watch);
  }

  /** Nothing is wrong with it: whatever it is asked is answered, and true. */
  get #isCalm(): boolean {
    const { isSilent, isSlow, losesAnswers, stuckAt } = this.faults;
    return !isSilent && !isSlow && !losesAnswers && stuckAt === null;
  }

  #port(life: ProcessClock, clock: WatchClock, watch: BmcWatch): PowerDriver {
    const ask = <T>(signal: AbortSignal, answer: () => T, wayMs: number | null = null) =>
      this.#ask(life, clock, watch, signal, answer, wayMs);
    let proofs = 0;
    let proofAtMs = Number.NEGATIVE_INFINITY;
    const nothing: PowerAnswer = { outcome: 'refused', attempts: ['not sent: the BMC does not answer'] };
    return {
      name: 'simulated',
      wakeMethods: WAKE_METHODS,
      sleepWitness: () => 'sensor',
      capabilities: () => ({ sleep: 'S3', retainsRam: true, readsSleepState: 'sensor', wakeMethods: WAKE_METHODS }),
      readPower: async (signal) => {
        const earlyMs = clock.takeEarlyMs(watch.paceMs());
        if (earlyMs > 0) {
          const boundBegins = clock.postponeLast();
          await new Promise<void>((resolve) => clock.schedule(earlyMs, resolve));
          boundBegins();
        }
        const wayMs = this.#isCalm ? this.#readingMs : null;
        const reading = await ask(signal, () => this.#see(), wayMs);
        watch.onReading(reading, life.nowMs());
        if (reading === null) throw new TorporError('ERR_IPMI_TIMEOUT', 'the simulated BMC does not answer');
        if (wayMs !== null && proofs === 0) {
          this.#world.schedule(0, () => {
            if (this.#isCalm && proofs === 0) watch.onCalm(reading, 2 * wayMs, proofAtMs);
          });
        }
        return { ...reading, atMs: life.nowMs() };
      },
      // A session that cannot be had is certainly no press; a press whose answer is lost may be one.
      requestSleep: async (signal, fence) => {
        watch.onSleepAsked();
        if ((await ask(signal, () => true)) === null) return nothing;
        const fenced = askFence(fence);
        watch.onFence(fenced?.attempts.join() ?? null);
        return fenced ?? (await ask(signal, () => this.#press())) ?? unanswered('chassis soft');
      },
      requestWake: async (_method, signal) => {
        watch.onWakeAsked();
        return (await ask(signal, () => this.#wake())) ?? unanswered('chassis on');
      },
      proveWake: async (signal) => {
        proofs += 1;
        const isProven = (await ask(signal, () => true)) === true;
        proofs -= 1;
        proofAtMs = life.nowMs() + (isProven ? PROOF_RENEW_MS : PROOF_RETRY_MS);
        watch.onProof(isProven);
        return { proven: isProven, why: isProven ? 'operator session, sensor read' : 'the BMC does not answer' };
      },
      close: async () => {},
    };
  }

  /**
   * One request and its answer; null: none came. What it does is done when the request arrives, whoever lives by then. `wayMs`: null for as long as
   * it takes.
   */
  #ask<T>(
    life: ProcessClock,
    clock: WatchClock,
    watch: BmcWatch,
    signal: AbortSignal,
    answer: () => T,
    wayMs: number | null,
  ): Promise<T | null> {
    return new Promise((resolve) => {
      const giveUp = () => life.run(() => resolve(null));
      if (signal.aborted) {
        giveUp();
        return;
      }
      const cancel = clock.schedule(PATIENCE_MS, () => resolve(null));
      signal.addEventListener('abort', giveUp, { once: true });
      const arrivesAtMs = clock.nowMs() + (wayMs ?? this.#latencyMs());
      this.#at(arrivesAtMs, () => {
        if (this.faults.isSilent || watch.isCutFromBmc || this.#isLost()) return;
        const said = answer();
        if (watch.isCutFromBmc || this.#isLost()) return;
        this.#at(arrivesAtMs + (wayMs ?? this.#latencyMs()), () =>
          life.run(() => {
            cancel();
            signal.removeEventListener('abort', giveUp);
            resolve(said);
          }),
        );
      });
    });
  }

  /** At a moment that may be past, of a reading that is made up for. */
  #at(atMs: number, run: () => void): void {
    if (atMs < this.#world.nowMs()) run();
    else this.#world.scheduleAt(atMs, run);
  }

  #latencyMs(): number {
    return this.faults.isSlow ? this.#random.between(300, 2500) : this.#random.between(2, 20);
  }

  #isLost(): boolean {
    return this.faults.losesAnswers && this.#random.chance(0.25);
  }

  #see(): PowerReading {
    const acpi = this.faults.stuckAt ?? this.#host.powerState();
    return { atMs: 0, acpi, acpiSource: 'sensor', powerBit: this.#host.powerBit(), watts: null };
  }

  #press(): PowerAnswer {
    if (this.faults.refusesSleep) return { outcome: 'refused', attempts: ['chassis soft: completion code D5h'] };
    const isHeard = !this.faults.ignoresButton;
    this.#deeds.onPress(isHeard);
    if (isHeard) this.#host.pressPowerButton();
    return { outcome: 'accepted', attempts: ['chassis soft accepted'] };
  }

  #wake(): PowerAnswer {
    if (this.#host.phase === 'asleep' && this.faults.lostWakes > 0) {
      this.faults.lostWakes -= 1;
      return { outcome: 'accepted', attempts: ['chassis on accepted'] };
    }
    if (this.#host.phase === 'asleep' && this.faults.losesMemory) {
      this.faults.losesMemory = false;
      this.#host.powerOff();
      this.#deeds.onMemoryLost();
    }
    this.#host.powerOn();
    return { outcome: 'accepted', attempts: ['chassis on accepted'] };
  }
}

function unanswered(what: string): PowerAnswer {
  return { outcome: 'unknown', attempts: [`${what} sent, no answer`] };
}
