// Every command's bodies against bytes written out from the specification's tables; requests as the console sends them, responses as BMCs do.
import { describe, expect, it } from 'vitest';
import { CIPHER_SUITES } from '../../../src/power/ipmi/cipher-suite.ts';
import type { IpmiCommand } from '../../../src/power/ipmi/command.ts';
import { ADD_SEL_ENTRY } from '../../../src/power/ipmi/commands/add-sel-entry.ts';
import { CHASSIS_CONTROL } from '../../../src/power/ipmi/commands/chassis-control.ts';
import { CLOSE_SESSION } from '../../../src/power/ipmi/commands/close-session.ts';
import { GET_ACPI_POWER_STATE } from '../../../src/power/ipmi/commands/get-acpi-power-state.ts';
import { GET_CHANNEL_AUTHENTICATION_CAPABILITIES } from '../../../src/power/ipmi/commands/get-channel-authentication-capabilities.ts';
import {
  cipherSuiteIds,
  encodeCipherSuiteRecord,
  GET_CHANNEL_CIPHER_SUITES,
} from '../../../src/power/ipmi/commands/get-channel-cipher-suites.ts';
import { GET_CHASSIS_STATUS } from '../../../src/power/ipmi/commands/get-chassis-status.ts';
import {
  GET_DCMI_CAPABILITIES,
  supportsPowerManagement,
} from '../../../src/power/ipmi/commands/get-dcmi-capabilities.ts';
import { GET_DCMI_POWER_READING } from '../../../src/power/ipmi/commands/get-dcmi-power-reading.ts';
import { GET_DEVICE_ID } from '../../../src/power/ipmi/commands/get-device-id.ts';
import { GET_SDR } from '../../../src/power/ipmi/commands/get-sdr.ts';
import { GET_SDR_REPOSITORY_INFO } from '../../../src/power/ipmi/commands/get-sdr-repository-info.ts';
import { GET_SEL_ENTRY } from '../../../src/power/ipmi/commands/get-sel-entry.ts';
import { GET_SEL_INFO } from '../../../src/power/ipmi/commands/get-sel-info.ts';
import { GET_SEL_TIME } from '../../../src/power/ipmi/commands/get-sel-time.ts';
import { GET_SENSOR_READING } from '../../../src/power/ipmi/commands/get-sensor-reading.ts';
import { GET_SYSTEM_GUID } from '../../../src/power/ipmi/commands/get-system-guid.ts';
import { GET_WATCHDOG_TIMER } from '../../../src/power/ipmi/commands/get-watchdog-timer.ts';
import { RESERVE_SDR_REPOSITORY } from '../../../src/power/ipmi/commands/reserve-sdr-repository.ts';
import { RESERVE_SEL } from '../../../src/power/ipmi/commands/reserve-sel.ts';
import { SET_ACPI_POWER_STATE } from '../../../src/power/ipmi/commands/set-acpi-power-state.ts';
import { SET_SESSION_PRIVILEGE_LEVEL } from '../../../src/power/ipmi/commands/set-session-privilege-level.ts';
import { bytesOf, hexOf } from '../support/hex.ts';

interface Row {
  // biome-ignore lint/suspicious/noExplicitAny: one table for commands of every type
  readonly command: IpmiCommand<any, any>;
  /** Network function and command number. Source: IPMI v2.0 table G-1. */
  readonly number: readonly [number, number];
  readonly request: readonly [unknown, string];
  readonly response: readonly [unknown, string];
  /** Bytes a response needs at least; more is tolerated. */
  readonly needs: number;
}

const rows: Row[] = [
  {
    command: GET_DEVICE_ID,
    number: [0x06, 0x01],
    request: [undefined, ''],
    response: [
      {
        deviceId: 0x20,
        deviceRevision: 1,
        firmwareMajor: 3,
        firmwareMinor: 45,
        ipmiVersion: '2.0',
        manufacturerId: 10876,
        productId: 0x0934,
        available: true,
        supports: 0xbf,
      },
      '20 01 03 45 02 bf 7c 2a 00 34 09',
    ],
    needs: 11,
  },
  {
    command: GET_ACPI_POWER_STATE,
    number: [0x06, 0x07],
    request: [undefined, ''],
    response: [{ system: 'S3' }, '03 00'],
    needs: 2,
  },
  {
    command: GET_SYSTEM_GUID,
    number: [0x06, 0x37],
    request: [undefined, ''],
    response: [bytesOf('000102030405060708090a0b0c0d0e0f'), '000102030405060708090a0b0c0d0e0f'],
    needs: 16,
  },
  {
    command: GET_CHANNEL_AUTHENTICATION_CAPABILITIES,
    number: [0x06, 0x38],
    request: [{ channel: 0x0e, wantsV2: true, privilege: 3 }, '8e 03'],
    response: [{ channel: 1, supportsV2: true, needsKg: false }, '01 80 04 02 00 00 00 00'],
    needs: 8,
  },
  {
    command: SET_SESSION_PRIVILEGE_LEVEL,
    number: [0x06, 0x3b],
    request: [3, '03'],
    response: [3, '03'],
    needs: 1,
  },
  {
    command: CLOSE_SESSION,
    number: [0x06, 0x3c],
    request: [0x04030201, '01 02 03 04'],
    response: [undefined, ''],
    needs: 0,
  },
  {
    command: GET_CHANNEL_CIPHER_SUITES,
    number: [0x06, 0x54],
    request: [{ channel: 0x0e, index: 1 }, '0e 00 81'],
    response: [{ channel: 1, records: bytesOf('c0 03 01 41 81') }, '01 c0 03 01 41 81'],
    needs: 1,
  },
  {
    command: GET_CHASSIS_STATUS,
    number: [0x00, 0x01],
    request: [undefined, ''],
    response: [{ powerOn: true, powerOverload: false, powerFault: false, lastPowerOnByCommand: true }, '01 10 00'],
    needs: 3,
  },
  { command: CHASSIS_CONTROL, number: [0x00, 0x02], request: ['soft', '05'], response: [undefined, ''], needs: 0 },
  {
    command: GET_SDR_REPOSITORY_INFO,
    number: [0x0a, 0x20],
    request: [undefined, ''],
    response: [
      { recordCount: 0x0123, freeBytes: 0xfffe, lastAdditionSeconds: 0x60504030, lastEraseSeconds: 0xf0e0d0c0 },
      '51 23 01 fe ff 30 40 50 60 c0 d0 e0 f0 22',
    ],
    needs: 14,
  },
  {
    command: RESERVE_SDR_REPOSITORY,
    number: [0x0a, 0x22],
    request: [undefined, ''],
    response: [0x1234, '34 12'],
    needs: 2,
  },
  {
    command: GET_SDR,
    number: [0x0a, 0x23],
    request: [{ reservationId: 0x1234, recordId: 0x5678, offset: 5, lengthBytes: 24 }, '34 12 78 56 05 18'],
    response: [{ nextRecordId: 0xffff, data: bytesOf('01 02 03') }, 'ff ff 01 02 03'],
    needs: 2,
  },
  {
    command: GET_SEL_INFO,
    number: [0x0a, 0x40],
    request: [undefined, ''],
    response: [
      {
        ...{ entryCount: 2, freeBytes: 16, lastAdditionSeconds: 1, lastEraseSeconds: 2 },
        ...{ overflowed: true, reservable: true },
      },
      '51 02 00 10 00 01 00 00 00 02 00 00 00 82',
    ],
    needs: 14,
  },
  { command: RESERVE_SEL, number: [0x0a, 0x42], request: [undefined, ''], response: [0x1234, '34 12'], needs: 2 },
  {
    command: GET_SEL_ENTRY,
    number: [0x0a, 0x43],
    request: [{ reservationId: 0, recordId: 0xffff, offset: 0, lengthBytes: 0xff }, '00 00 ff ff 00 ff'],
    response: [
      { nextRecordId: 0x0203, data: bytesOf('01 02 02 5d 87 5e 5b 20 00 04 22 01 6f 03 ff ff') },
      '03 02 01 02 02 5d 87 5e 5b 20 00 04 22 01 6f 03 ff ff',
    ],
    needs: 2,
  },
  {
    command: ADD_SEL_ENTRY,
    number: [0x0a, 0x44],
    request: [
      bytesOf('00 00 d4 00 00 00 00 00 00 00 54 11 15 00 00 00'),
      '00 00 d4 00 00 00 00 00 00 00 54 11 15 00 00 00',
    ],
    response: [0x0102, '02 01'],
    needs: 2,
  },
  {
    command: GET_SEL_TIME,
    number: [0x0a, 0x48],
    request: [undefined, ''],
    response: [0x5b5e875d, '5d 87 5e 5b'],
    needs: 4,
  },
  {
    command: SET_ACPI_POWER_STATE,
    number: [0x06, 0x06],
    request: [{ system: 'S3' }, '83 7f'],
    response: [undefined, ''],
    needs: 0,
  },
  {
    // FreeIPMI's bmc-watchdog and ipmitool read such bytes as: running, SMS/OS, hard reset, 60.0 s of 90.0 s left.
    command: GET_WATCHDOG_TIMER,
    number: [0x06, 0x25],
    request: [undefined, ''],
    response: [
      { running: true, use: 'OS', action: 'hard-reset', initialMs: 90_000, presentMs: 60_000 },
      '44 01 00 00 84 03 58 02',
    ],
    needs: 6,
  },
  {
    command: GET_DCMI_CAPABILITIES,
    number: [0x2c, 0x01],
    request: [1, 'dc 01'],
    response: [{ version: '1.5', parameterRevision: 2, data: bytesOf('00 01 07') }, 'dc 01 05 02 00 01 07'],
    needs: 4,
  },
  {
    command: GET_DCMI_POWER_READING,
    number: [0x2c, 0x02],
    request: [undefined, 'dc 01 00 00'],
    response: [
      {
        ...{ presentWatts: 57, minimumWatts: 56, maximumWatts: 59, averageWatts: 57 },
        ...{ takenSeconds: 0x390a6fe3, periodMs: 1000, active: true },
      },
      'dc 39 00 38 00 3b 00 39 00 e3 6f 0a 39 e8 03 00 00 40',
    ],
    needs: 18,
  },
  {
    command: GET_SENSOR_READING,
    number: [0x04, 0x2d],
    request: [0x0a, '0a'],
    response: [{ value: 0, stateBits: 0x08, valid: true }, '00 c0 08 80'],
    needs: 2,
  },
];

describe.each(rows)('$command.name', ({ command, number, request, response, needs }) => {
  it('network function and number -> as in table G-1', () => {
    expect([command.netFn, command.code]).toEqual(number);
  });

  it('request -> both ways', () => {
    expect(hexOf(command.encodeRequest(request[0]))).toBe(hexOf(bytesOf(request[1])));
    expect(command.decodeRequest(bytesOf(request[1]))).toEqual(request[0]);
  });

  it('response -> both ways', () => {
    expect(hexOf(command.encodeResponse(response[0]))).toBe(hexOf(bytesOf(response[1])));
    expect(command.decodeResponse(bytesOf(response[1]))).toEqual(response[0]);
  });

  it('too short at every length -> ERR_IPMI_PROTOCOL', () => {
    const whole = bytesOf(response[1]);
    for (let length = 0; length < needs; length += 1) {
      expect(() => command.decodeResponse(whole.subarray(0, length)), `${length} bytes`).toThrow(
        expect.objectContaining({ code: 'ERR_IPMI_PROTOCOL' }),
      );
    }
    const body = bytesOf(request[1]);
    for (let length = 0; length < body.length; length += 1) {
      expect(() => command.decodeRequest(body.subarray(0, length)), `${length} bytes`).toThrow(
        expect.objectContaining({ code: 'ERR_IPMI_PROTOCOL' }),
      );
    }
  });
});

describe('single fields', () => {
  it.each([
    ['power-off', 0],
    ['power-on', 1],
    ['power-cycle', 2],
    ['hard-reset', 3],
    ['diagnostic-interrupt', 4],
    ['soft', 5],
  ] as const)('Chassis Control %s -> %i (section 28.3)', (action, number) => {
    expect(CHASSIS_CONTROL.encodeRequest(action)).toEqual(Uint8Array.of(number));
    expect(CHASSIS_CONTROL.decodeRequest(Uint8Array.of(number))).toBe(action);
  });

  it('Chassis Control with a reserved action -> ERR_IPMI_PROTOCOL', () => {
    expect(() => CHASSIS_CONTROL.decodeRequest(Uint8Array.of(6))).toThrow(/action 6 is not known/);
  });

  it.each([
    ['00 00', 'S0'],
    ['01 00', 'S1'],
    ['04 00', 'S4'],
    ['05 00', 'S5'],
    ['06 00', 'S5'],
    ['07 00', 'S5'],
    ['20 00', 'S0'],
    ['21 00', 'S5'],
    ['2a 2a', null],
    ['7f 00', null],
    // Bit 7 of the byte is reserved.
    ['83 00', 'S3'],
  ])('Get ACPI Power State %s -> %s (table 20-8)', (hex, system) => {
    expect(GET_ACPI_POWER_STATE.decodeResponse(bytesOf(hex))).toEqual({ system });
  });

  it('Get ACPI Power State of an unknown state -> 2Ah', () => {
    expect(hexOf(GET_ACPI_POWER_STATE.encodeResponse({ system: null }))).toBe('2a00');
  });

  it.each([
    ['00 40 08', { value: 0, stateBits: 0x08, valid: true }, 'three bytes: no high states'],
    ['5c c0', { value: 0x5c, stateBits: 0, valid: true }, 'two bytes: no states at all'],
    ['5c e0 00 80', { value: 0x5c, stateBits: 0, valid: false }, 'reading unavailable'],
    ['5c 80 00 80', { value: 0x5c, stateBits: 0, valid: false }, 'scanning disabled'],
    ['00 c0 00 c2', { value: 0, stateBits: 0x4200, valid: true }, 'states 9 and 14, reserved bit ignored'],
  ])('Get Sensor Reading %s -> %o (%s)', (hex, reading) => {
    expect(GET_SENSOR_READING.decodeResponse(bytesOf(hex))).toEqual(reading);
  });

  it.each([
    ['a BMC of v1.5', '01 15 04 00 00 00 00 00', false, false],
    ['extended capabilities without v2.0', '01 80 04 01 00 00 00 00', false, false],
    ['a K_G key', '01 80 24 02 00 00 00 00', true, true],
  ])('Get Channel Authentication Capabilities of %s', (_name, hex, supportsV2, needsKg) => {
    expect(GET_CHANNEL_AUTHENTICATION_CAPABILITIES.decodeResponse(bytesOf(hex))).toMatchObject({ supportsV2, needsKg });
  });

  it('Get Device ID while the firmware is updated, IPMI 1.5 -> not available', () => {
    const device = GET_DEVICE_ID.decodeResponse(bytesOf('20 81 83 45 51 bf 7c 2a 00 34 09 01 02 03 04'));
    expect(device).toMatchObject({ available: false, firmwareMajor: 3, ipmiVersion: '1.5', deviceRevision: 1 });
  });
});

describe('DCMI and the watchdog', () => {
  it.each([
    ['00 01 07', true],
    ['00 00 07', false],
    ['00', false],
  ])('capabilities %s -> power management %s', (hex, supported) => {
    const capabilities = GET_DCMI_CAPABILITIES.decodeResponse(bytesOf(`dc 01 05 02 ${hex}`));
    expect(supportsPowerManagement(capabilities)).toBe(supported);
  });

  it('an answer of another group -> ERR_IPMI_PROTOCOL', () => {
    const reading = 'ae 39 00 38 00 3b 00 39 00 e3 6f 0a 39 e8 03 00 00 40';
    expect(() => GET_DCMI_POWER_READING.decodeResponse(bytesOf(reading))).toThrow(/group 174 is not DCMI/);
    expect(() => GET_DCMI_CAPABILITIES.decodeRequest(bytesOf('00 01'))).toThrow(/group 0 is not DCMI/);
  });

  it('a power reading in enhanced mode -> not known', () => {
    expect(() => GET_DCMI_POWER_READING.decodeRequest(bytesOf('dc 02 05 00'))).toThrow(/mode 2 is not known/);
  });

  it.each([
    ['04 00 00 00 00 00 00 00', { running: false, use: 'OS', action: 'none' }],
    ['c1 32 00 00 00 00 00 00', { running: true, use: 'BIOS FRB2', action: 'power-down' }],
    // As OpenIPMI's ipmi_sim answers: without the present countdown.
    ['44 01 00 00 84 03', { running: true, use: 'OS', action: 'hard-reset', presentMs: 90_000 }],
    ['46 07 00 00 ff ff ff ff', { running: true, use: 'none', action: 'reserved', presentMs: 6_553_500 }],
  ])('Get Watchdog Timer %s -> %o', (hex, expected) => {
    expect(GET_WATCHDOG_TIMER.decodeResponse(bytesOf(hex))).toMatchObject(expected);
  });

  it('Set ACPI Power State without a change, and of an unknown state -> null', () => {
    expect(SET_ACPI_POWER_STATE.decodeRequest(bytesOf('7f 7f'))).toEqual({ system: null });
    expect(SET_ACPI_POWER_STATE.decodeRequest(bytesOf('aa 80'))).toEqual({ system: null });
    expect(hexOf(SET_ACPI_POWER_STATE.encodeRequest({ system: null }))).toBe('7f7f');
  });
});

describe('cipher suite records', () => {
  it('suites 3 and 17 -> as in table 22-20', () => {
    expect(hexOf(encodeCipherSuiteRecord(CIPHER_SUITES[3]))).toBe('c003014181');
    expect(hexOf(encodeCipherSuiteRecord(CIPHER_SUITES[17]))).toBe('c011034481');
  });

  it('a list with several algorithms per record, and an OEM record -> the standard ids', () => {
    const records = 'c0 00 00 40 80  c0 03 01 41 81  c1 80 01 02 03 01 41 81  c0 11 03 44 81';
    expect(cipherSuiteIds(bytesOf(records))).toEqual([0, 3, 17]);
  });

  it('broken lists -> what stands before the break', () => {
    expect(cipherSuiteIds(bytesOf(''))).toEqual([]);
    expect(cipherSuiteIds(bytesOf('c0'))).toEqual([]);
    expect(cipherSuiteIds(bytesOf('41 81'))).toEqual([]);
    expect(cipherSuiteIds(bytesOf('c0 03 01 41 81 c0'))).toEqual([3]);
    expect(cipherSuiteIds(bytesOf('c1 80 01'))).toEqual([]);
  });
});
