// Sensor data records against bytes from others' configurations and from the specification's tables.
import { describe, expect, it } from 'vitest';
import { acpiStateOfSensor, sensorBitsOf } from '../../../src/power/ipmi/acpi-power-state.ts';
import { convertReading, decodeSdrHeader, decodeSensorRecord } from '../../../src/power/ipmi/sensor-record.ts';
import { bytesOf } from '../support/hex.ts';

/** A compact record as an OpenIPMI emulator is configured with it. */
const ACPI_STATE = bytesOf(
  `01 00 51 02 25 20 00 01 07 01 67 40 22 6f ff 3f 00 00 ff 3f c0 00 00 01 00 00 00 00 00 00 00
   ca 41 43 50 49 20 53 74 61 74 65`,
);
/** A full record of a power meter in watts, 2 W a step. */
const POWER_METER = bytesOf(
  `02 00 51 01 34 20 00 02 07 01 7f 40 0b 01 00 00 00 00 00 00 00 06 00 00 02 00 00 00 00 00
   00 50 64 32 ff 00 00 00 00 00 00 00 00 00 00 00 00 c9 50 77 72 20 4d 65 74 65 72`,
);

/** The meter with other bytes from offset 20 on: units, base unit, modifier, linearization, M, M/tol, B, B/acc, acc, exponents. */
function meterWith(factors: string): Uint8Array {
  const record = Uint8Array.from(POWER_METER);
  record.set(bytesOf(factors), 20);
  return record;
}

describe('sensor data records', () => {
  it('compact record -> sensor 1, System ACPI Power State', () => {
    expect(decodeSensorRecord(ACPI_STATE)).toEqual({
      recordId: 1,
      ownerAddress: 0x20,
      ownerLun: 0,
      sensorNumber: 1,
      sensorType: 0x22,
      eventReadingType: 0x6f,
      name: 'ACPI State',
      conversion: null,
    });
  });

  it('full record -> sensor 2, watts, 92 raw are 184 W', () => {
    const sensor = decodeSensorRecord(POWER_METER);
    expect(sensor).toMatchObject({ recordId: 2, sensorNumber: 2, sensorType: 0x0b, name: 'Pwr Meter' });
    expect(sensor?.conversion && convertReading(sensor.conversion, 92)).toBe(184);
  });

  it('header -> id, type and length', () => {
    expect(decodeSdrHeader(POWER_METER)).toEqual({ recordId: 2, recordType: 1, bodyBytes: 0x34 });
  });

  it('records of other types -> null', () => {
    expect(decodeSensorRecord(bytesOf('03 00 51 12 05 20 00 00 83 00'))).toBeNull();
  });

  it.each([
    // M = -10: 10 bits, two's complement, low byte F6h, high bits 11b.
    ['00 06 00 00 f6 c0 00 00 00 00', 3, -30],
    // M = 14, Rexp = -1: 1.4 W a step.
    ['00 06 00 00 0e 00 00 00 00 f0', 100, 140],
    // M = 1, B = 5, Bexp = 2, Rexp = -2: (100 + 500) / 100.
    ['00 06 00 00 01 00 05 00 00 e2', 100, 6],
    // B = -1, Bexp = 1.
    ['00 06 00 00 01 00 ff c0 00 01', 20, 10],
    // M = 511, the largest.
    ['00 06 00 00 ff 40 00 00 00 00', 255, 130_305],
    // Two's complement raw values.
    ['80 06 00 00 01 00 00 00 00 00', 0xff, -1],
    // One's complement raw values.
    ['40 06 00 00 01 00 00 00 00 00', 0xfe, -1],
  ])('factors %s, raw %i -> %d (section 36.3)', (factors, raw, value) => {
    const conversion = decodeSensorRecord(meterWith(factors))?.conversion;
    expect(conversion && convertReading(conversion, raw)).toBeCloseTo(value, 9);
  });

  it.each([
    ['not linear (log10)', '00 06 00 02 01 00 00 00 00 00'],
    ['no analog reading', 'c0 06 00 00 01 00 00 00 00 00'],
    ['a rate per hour', '28 06 00 00 01 00 00 00 00 00'],
    ['a percentage', '01 06 00 00 01 00 00 00 00 00'],
    ['a modifier unit', '02 06 15 00 01 00 00 00 00 00'],
  ])('%s -> no conversion', (_name, factors) => {
    expect(decodeSensorRecord(meterWith(factors))?.conversion).toBeNull();
  });

  it('ID strings in other codings, with control characters, longer than the record -> no name, cleaned, cut', () => {
    const unicode = Uint8Array.from(ACPI_STATE);
    unicode[31] = 0x0a;
    expect(decodeSensorRecord(unicode)?.name).toBe('');
    const control = Uint8Array.from(ACPI_STATE);
    control.set([0x1b, 0x5b], 32);
    expect(decodeSensorRecord(control)?.name).toBe('[PI State');
    const longer = Uint8Array.from(ACPI_STATE);
    longer[31] = 0xdf;
    expect(decodeSensorRecord(longer)?.name).toBe('ACPI State');
  });

  it('cut before the ID string at every length -> ERR_IPMI_PROTOCOL', () => {
    for (let length = 0; length < 20; length += 1) {
      expect(() => decodeSensorRecord(ACPI_STATE.subarray(0, length)), `${length} bytes`).toThrow(
        expect.objectContaining({ code: 'ERR_IPMI_PROTOCOL' }),
      );
    }
    for (let length = 0; length < 30; length += 1) {
      expect(() => decodeSensorRecord(POWER_METER.subarray(0, length)), `${length} bytes`).toThrow(
        expect.objectContaining({ code: 'ERR_IPMI_PROTOCOL' }),
      );
    }
  });
});

describe('System ACPI Power State sensor', () => {
  it.each([
    [0x0001, 'S0'],
    [0x0002, 'S1'],
    [0x0004, 'S2'],
    [0x0008, 'S3'],
    [0x0010, 'S4'],
    [0x0020, 'S5'],
    [0x0040, 'S5'],
    [0x0080, 'S5'],
    [0x0100, 'S3'],
    [0x0200, 'S3'],
    [0x0400, 'S5'],
    [0x0800, 'S0'],
    [0x1000, 'S5'],
    [0x4000, null],
    [0x0000, null],
    // S5 and "S4/S5": they agree. S0 and S3: they do not.
    [0x0060, 'S5'],
    [0x0009, null],
  ])('states %i -> %s (table 42-3)', (bits, state) => {
    expect(acpiStateOfSensor(bits)).toBe(state);
  });

  it('each state -> one bit, which reads back', () => {
    expect((['S0', 'S1', 'S2', 'S3', 'S4', 'S5'] as const).map(sensorBitsOf)).toEqual([1, 2, 4, 8, 16, 32]);
  });
});
