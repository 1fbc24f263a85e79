// What an idle policy weighs, in the words of the YAML: prices, and how long the platform falls asleep and wakes.
import { DEFAULT_COSTS } from '../policy/cost-model.ts';
import { durationField, priceField } from './fields.ts';
import { mapping } from './mapping.ts';

export const idleCostsSchema = mapping({
  perKwh: priceField(0.0001).default(DEFAULT_COSTS.pricePerKwh),
  perWait: priceField(0).default(DEFAULT_COSTS.pricePerWait),
  perCycle: priceField(0.000001).default(DEFAULT_COSTS.pricePerCycle),
  suspend: durationField(0).prefault(`${DEFAULT_COSTS.suspendMs}ms`),
  resume: durationField(1).prefault(`${DEFAULT_COSTS.resumeMs}ms`),
});
