// What stands under `history` and `energy`, in the words of its YAML: how much is remembered, and what a kilowatt-hour is worth.
import { z } from 'zod';
import { amountField, durationField, sizeField, textField, timeZoneField } from './fields.ts';
import { mapping } from './mapping.ts';

const DAY_MS = 86_400_000;
const MIB = 1024 ** 2;
/** Ten years and their leap days. */
const KEEP_MAX_MS = 3653 * DAY_MS;
/** A sample a second is finer than any BMC measures. */
const SAMPLE_MIN_MS = 1000;
const SAMPLE_MAX_MS = 3_600_000;

/** `off` keeps none; an empty value is told as one. */
export const historySchema = z.preprocess(
  (value) => (value === 'off' || value === false ? null : (value ?? '')),
  mapping({
    keep: durationField(DAY_MS, KEEP_MAX_MS).prefault('400d'),
    maxSize: sizeField(8 * MIB, 64 * 1024 * MIB).prefault('512MiB'),
    powerEvery: durationField(SAMPLE_MIN_MS, SAMPLE_MAX_MS).prefault('60s'),
  }).nullable(),
);

/** An average household in Germany, and its grid's mix, as of 2024, rounded; a small always-on machine. Assumptions, to be replaced. */
export const energySchema = mapping({
  price: amountField(1000, '0.30').default(0.3),
  currency: textField('a currency of three letters, such as EUR', /^[A-Z]{3}$/).default('EUR'),
  co2eKgPerKwh: amountField(100, '0.38').default(0.38),
  ownWatts: amountField(10_000, '6').default(6),
  timeZone: timeZoneField.optional(),
});
