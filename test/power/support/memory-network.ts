// A network in memory between BMC sessions and a simulated BMC: what it does to each datagram is the test's to say, time is a FakeClock's.
import type { OpenTransport, TransportListener } from '../../../src/power/ipmi/transport.ts';
import type { SimulatedBmc } from '../../../src/power/simulated/simulated-bmc.ts';
import type { FakeClock } from '../../support/fake-clock.ts';

/** Delays in milliseconds after which a datagram arrives: none means lost, two mean doubled. `index` counts per direction from 0. */
export type Fate = (packet: Uint8Array, index: number) => readonly number[];

export const DELIVERED: Fate = () => [1];
export const LOST: Fate = () => [];

export interface SentPacket {
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

export class MemoryNetwork {
  /** Every datagram of the console, whether it arrived or not. */
  readonly fromConsole: SentPacket[] = [];
  /** Every datagram of the BMC. */
  readonly fromBmc: SentPacket[] = [];
  toBmc: Fate = DELIVERED;
  toConsole: Fate = DELIVERED;
  readonly #clock: FakeClock;
  readonly #bmc: SimulatedBmc;
  /** Consoles, each with a path of its own: an answer goes where its question came from. */
  readonly #listeners = new Set<TransportListener>();

  constructor(clock: FakeClock, bmc: SimulatedBmc) {
    this.#clock = clock;
    this.#bmc = bmc;
  }

  readonly openTransport: OpenTransport = async (listener) => {
    this.#listeners.add(listener);
    return {
      send: (bytes) => this.#send(bytes, listener),
      close: async () => {
        this.#listeners.delete(listener);
      },
    };
  };

  get isOpen(): boolean {
    return this.#listeners.size > 0;
  }

  #send(bytes: Uint8Array, from: TransportListener): void {
    const index = this.fromConsole.push({ atMs: this.#clock.nowMs(), bytes }) - 1;
    for (const delayMs of this.toBmc(bytes, index)) {
      this.#clock.schedule(delayMs, () => this.#arriveAtBmc(bytes, from));
    }
  }

  #arriveAtBmc(bytes: Uint8Array, from: TransportListener): void {
    const answer = this.#bmc.answerPacket(bytes);
    if (answer === null) return;
    const index = this.fromBmc.push({ atMs: this.#clock.nowMs(), bytes: answer }) - 1;
    for (const delayMs of this.toConsole(answer, index)) {
      this.#clock.schedule(delayMs, () => {
        if (this.#listeners.has(from)) from.packet(answer);
      });
    }
  }

  /** A datagram arrives at every console, from wherever. */
  inject(bytes: Uint8Array): void {
    for (const listener of this.#listeners) listener.packet(bytes);
  }

  /** The network reports an error, as ICMP does. */
  fail(error: Parameters<TransportListener['failure']>[0]): void {
    for (const listener of this.#listeners) listener.failure(error);
  }
}
