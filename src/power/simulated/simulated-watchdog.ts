// The watchdog timer of the simulated BMC: counts down, whatever state the machine is in, and then acts on it.
import type { Clock } from '../../platform/ports.ts';
import { ByteReader } from '../ipmi/byte-reader.ts';
import { NET_FN } from '../ipmi/command.ts';
import {
  GET_WATCHDOG_TIMER,
  WATCHDOG_ACTIONS,
  type WatchdogAction,
  type WatchdogTimer,
} from '../ipmi/commands/get-watchdog-timer.ts';
import { type CommandTable, Refused } from './command-table.ts';

/** What it does to its machine. */
export interface WatchedMachine {
  powerOff(): void;
  reset(): void;
}

const COUNT_MS = 100;
/** "Attempt to start an uninitialized watchdog". Source: IPMI v2.0 section 27.5. */
const NEVER_SET = 0x80;
/** Set Watchdog Timer, byte 1 bit 6: do not stop a running timer. */
const DO_NOT_STOP = 0x40;

export class SimulatedWatchdog {
  readonly #clock: Clock;
  readonly #machine: WatchedMachine;
  #action: WatchdogAction = 'none';
  #initialMs = 0;
  #endsAtMs: number | null = null;
  #wasSet = false;
  #cancelTimer: () => void = () => {};

  constructor(clock: Clock, machine: WatchedMachine) {
    this.#clock = clock;
    this.#machine = machine;
  }

  /** As the machine's own software does: sets it and lets it run. */
  start(initialMs: number, action: WatchdogAction): void {
    this.#set(initialMs, action);
    this.#run();
  }

  stop(): void {
    this.#cancelTimer();
    this.#endsAtMs = null;
  }

  read(): WatchdogTimer {
    const presentMs = this.#endsAtMs === null ? this.#initialMs : Math.max(0, this.#endsAtMs - this.#clock.nowMs());
    const running = this.#endsAtMs !== null;
    return { running, use: 'OS', action: this.#action, initialMs: this.#initialMs, presentMs };
  }

  #set(initialMs: number, action: WatchdogAction): void {
    this.#initialMs = initialMs;
    this.#action = action;
    this.#wasSet = true;
  }

  #run(): void {
    this.#cancelTimer();
    this.#endsAtMs = this.#clock.nowMs() + this.#initialMs;
    this.#cancelTimer = this.#clock.schedule(this.#initialMs, () => this.#expire());
  }

  #expire(): void {
    this.#endsAtMs = null;
    if (this.#action === 'power-down') this.#machine.powerOff();
    else if (this.#action !== 'none') this.#machine.reset();
  }

  /** Get, and what the machine's own software sends: Set and Reset. Source: IPMI v2.0 sections 27.5 to 27.7. */
  addCommands(table: CommandTable): void {
    table.add(GET_WATCHDOG_TIMER, 'user', () => this.read());
    const set = { name: 'Set Watchdog Timer', netFn: NET_FN.app, code: 0x24 };
    table.addRaw(set, 'operator', (body) => {
      const reader = new ByteReader(body, set.name);
      const use = reader.u8();
      const action = reader.u8() & 0x07;
      reader.skip(2);
      this.#set(reader.u16() * COUNT_MS, WATCHDOG_ACTIONS[action] ?? 'none');
      if ((use & DO_NOT_STOP) === 0) this.stop();
      else if (this.#endsAtMs !== null) this.#run();
      return new Uint8Array(0);
    });
    table.addRaw({ name: 'Reset Watchdog Timer', netFn: NET_FN.app, code: 0x22 }, 'operator', () => {
      if (!this.#wasSet) throw new Refused(NEVER_SET);
      this.#run();
      return new Uint8Array(0);
    });
  }
}
