// A platform's BMC behind packets: the shipped IPMI driver and the simulated BMC, over a path that loses, doubles and delays datagrams in virtual time.
import type { PowerDriver } from '../../src/platform/ports.ts';
import { IpmiDriver } from '../../src/power/ipmi/ipmi-driver.ts';
import type { BmcTransport, OpenTransport } from '../../src/power/ipmi/transport.ts';
import { SimulatedBmc } from '../../src/power/simulated/simulated-bmc.ts';
import type { SimulatedHost } from '../../src/power/simulated/simulated-host.ts';
import type { Random } from '../platform/random.ts';
import type { EventClock } from './event-clock.ts';
import type { ProcessClock } from './process-clock.ts';
import type { BmcFaults, BmcWatch } from './sim-bmc.ts';

const USER = { name: 'torpor', password: 'simulated', privilege: 'operator' } as const;

/** What the simulated BMC may do to the host, as its faults have it. */
export interface Deeds {
  press(): void;
  wake(): void;
  /** Power was cut, or the host reset: nobody may ask for that. */
  harm(what: string): void;
}

export class PacketBmc {
  readonly #world: EventClock;
  readonly #random: Random;
  readonly #faults: BmcFaults;
  readonly #bmc: SimulatedBmc;

  constructor(world: EventClock, random: Random, host: SimulatedHost, faults: BmcFaults, deeds: Deeds) {
    this.#world = world;
    this.#random = random;
    this.#faults = faults;
    const machine = {
      powerState: () => faults.stuckAt ?? host.powerState(),
      powerBit: () => host.powerBit(),
      watts: () => host.watts(),
      peakWatts: host.peakWatts,
      pressPowerButton: () => deeds.press(),
      powerOn: () => deeds.wake(),
      powerOff: () => deeds.harm('power off'),
      reset: () => deeds.harm('reset'),
    };
    this.#bmc = new SimulatedBmc({ machine, clock: world, users: [USER], seed: random.between(1, 1_000_000) });
  }

  driver(life: ProcessClock, watch: BmcWatch): PowerDriver {
    const { name: user, password } = USER;
    const openTransport = this.#path(life);
    const driver = new IpmiDriver({ host: '10.0.9.11', user, password, sleep: 'S3', clock: life, openTransport });
    return {
      name: driver.name,
      wakeMethods: driver.wakeMethods,
      sleepWitness: () => driver.sleepWitness(),
      capabilities: () => driver.capabilities(),
      readPower: async (signal) => {
        try {
          const reading = await driver.readPower(signal);
          watch.onReading(reading, life.nowMs());
          return reading;
        } catch (thrown) {
          watch.onReading(null, life.nowMs());
          throw thrown;
        }
      },
      requestSleep: (signal, fence) => {
        watch.onSleepAsked();
        return driver.requestSleep(signal, () => {
          const why = fence?.() ?? null;
          watch.onFence(why);
          return why;
        });
      },
      requestWake: (method, signal) => {
        watch.onWakeAsked();
        return driver.requestWake(method, signal);
      },
      proveWake: async (signal) => {
        const proof = await driver.proveWake(signal);
        watch.onProof(proof.proven);
        return proof;
      },
      close: () => driver.close(),
    };
  }

  #path(life: ProcessClock): OpenTransport {
    return async (listener): Promise<BmcTransport> => {
      let isClosed = false;
      return {
        send: (bytes) => {
          if (life.isDead) return;
          const sent = Uint8Array.from(bytes);
          this.#carry(() => {
            const answer = this.#faults.isSilent ? null : this.#bmc.answerPacket(sent);
            if (answer === null) return;
            this.#carry(() =>
              life.run(() => {
                if (!isClosed) listener.packet(answer);
              }),
            );
          });
        },
        close: async () => {
          isClosed = true;
        },
      };
    };
  }

  /** Once, later; under faults never, twice, or past others. */
  #carry(arrive: () => void): void {
    const { isSlow, losesAnswers } = this.#faults;
    const latencyMs = () => (isSlow ? this.#random.between(100, 900) : this.#random.between(2, 20));
    if (losesAnswers && this.#random.chance(0.25)) return;
    this.#world.schedule(latencyMs(), arrive);
    if (losesAnswers && this.#random.chance(0.1)) this.#world.schedule(latencyMs(), arrive);
  }
}
