// Get Watchdog Timer: whether the BMC counts down to a reset, and how far it is. Torpor reads it and never touches it.
import { ByteReader, concatBytes, u16Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** What happens when it has counted down. 4 to 7 are reserved. */
export type WatchdogAction = 'none' | 'hard-reset' | 'power-down' | 'power-cycle';
export const WATCHDOG_ACTIONS: readonly WatchdogAction[] = ['none', 'hard-reset', 'power-down', 'power-cycle'];

/** Whose it is: BIOS FRB2, BIOS POST, OS load, SMS/OS, OEM. 0, 6 and 7 are reserved. */
export type WatchdogUse = 'none' | 'BIOS FRB2' | 'BIOS POST' | 'OS load' | 'OS' | 'OEM';
const USES: readonly WatchdogUse[] = ['none', 'BIOS FRB2', 'BIOS POST', 'OS load', 'OS', 'OEM'];

/** Source: IPMI v2.0 section 27.7. Counts are in steps of 100 ms on the wire. */
export interface WatchdogTimer {
  readonly running: boolean;
  readonly use: WatchdogUse;
  /** `reserved` for numbers that the specification does not name. */
  readonly action: WatchdogAction | 'reserved';
  readonly initialMs: number;
  /** What is left; where it does not run, whatever the BMC left standing. */
  readonly presentMs: number;
}

const COUNT_MS = 100;

/**
 * Request: empty. Response: 8 bytes: use (bit 6: running), action, pre-timeout interval in seconds, expiration flags, initial
 * and present countdown. Deviations: many BMCs go on counting while the platform is in S3, which is why a running one matters;
 * OpenIPMI's ipmi_sim leaves the present countdown out.
 */
export const GET_WATCHDOG_TIMER: IpmiCommand<void, WatchdogTimer> = {
  name: 'Get Watchdog Timer',
  netFn: NET_FN.app,
  code: 0x25,
  encodeRequest: () => NO_BODY,
  decodeRequest: () => undefined,
  encodeResponse: ({ running, use, action, initialMs, presentMs }) =>
    concatBytes(
      Uint8Array.of((running ? 0x40 : 0) | Math.max(0, USES.indexOf(use))),
      Uint8Array.of(action === 'reserved' ? 0x07 : WATCHDOG_ACTIONS.indexOf(action), 0, 0),
      u16Bytes(Math.round(initialMs / COUNT_MS)),
      u16Bytes(Math.round(presentMs / COUNT_MS)),
    ),
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get Watchdog Timer response');
    const use = reader.u8();
    const action = reader.u8() & 0x07;
    reader.skip(2);
    const initialMs = reader.u16() * COUNT_MS;
    return {
      running: (use & 0x40) !== 0,
      use: USES[use & 0x07] ?? 'none',
      action: WATCHDOG_ACTIONS[action] ?? 'reserved',
      initialMs,
      presentMs: reader.remaining < 2 ? initialMs : reader.u16() * COUNT_MS,
    };
  },
};
