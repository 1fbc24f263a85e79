// DCMI of the simulated BMC: its capabilities, and the machine's watts with their history.
import type { Clock } from '../../platform/ports.ts';
import { GET_DCMI_CAPABILITIES } from '../ipmi/commands/get-dcmi-capabilities.ts';
import { type DcmiPowerReading, GET_DCMI_POWER_READING } from '../ipmi/commands/get-dcmi-power-reading.ts';
import { COMPLETION } from '../ipmi/completion-code.ts';
import { type CommandTable, Refused } from './command-table.ts';

/**
 * Parameters 1 to 5. Source: DCMI v1.5 section 6.1.1. 1: power management; LAN alone. 2: 512 log entries that do not roll over,
 * temperature every second. 3: the BMC itself measures (20h, channel 0). 4: LAN on channel 1, nothing else. 5: no
 * rolling averages.
 */
const CAPABILITIES: Readonly<Record<number, readonly number[]>> = {
  1: [0x00, 0x01, 0x04],
  2: [0x00, 0x02, 0x00, 0x00, 0x01],
  3: [0x20, 0x00],
  4: [0x01, 0xff, 0xff],
  5: [0x00],
};

export class SimulatedDcmi {
  readonly #clock: Clock;
  readonly #readWatts: () => number;
  readonly #startedAtMs: number;
  #minimumWatts = Number.POSITIVE_INFINITY;
  #maximumWatts = 0;
  /** Watts times milliseconds up to the last look, at which it drew `#lastWatts`. */
  #wattMs = 0;
  #lastWatts: number;
  #lastAtMs: number;

  constructor(clock: Clock, readWatts: () => number) {
    this.#clock = clock;
    this.#readWatts = readWatts;
    this.#startedAtMs = clock.nowMs();
    this.#lastAtMs = this.#startedAtMs;
    this.#lastWatts = Math.round(readWatts());
  }

  read(): DcmiPowerReading {
    const nowMs = this.#clock.nowMs();
    const presentWatts = Math.round(this.#readWatts());
    this.#wattMs += this.#lastWatts * (nowMs - this.#lastAtMs);
    this.#lastWatts = presentWatts;
    this.#lastAtMs = nowMs;
    this.#minimumWatts = Math.min(this.#minimumWatts, presentWatts);
    this.#maximumWatts = Math.max(this.#maximumWatts, presentWatts);
    const periodMs = Math.max(0, Math.round(nowMs - this.#startedAtMs));
    return {
      presentWatts,
      minimumWatts: this.#minimumWatts,
      maximumWatts: this.#maximumWatts,
      averageWatts: periodMs === 0 ? presentWatts : Math.round(this.#wattMs / periodMs),
      takenSeconds: Math.floor(nowMs / 1000),
      periodMs,
      active: true,
    };
  }

  addCommands(table: CommandTable): void {
    table.add(GET_DCMI_CAPABILITIES, 'none', (parameter) => {
      const data = CAPABILITIES[parameter];
      if (data === undefined) throw new Refused(COMPLETION.parameterOutOfRange);
      return { version: '1.5', parameterRevision: 2, data: Uint8Array.from(data) };
    });
    table.add(GET_DCMI_POWER_READING, 'user', () => this.read());
  }
}
