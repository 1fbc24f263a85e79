// What stands under `sel` of a platform: what Torpor writes into the BMC's own log, and how much of it.
import { wholeField, yesNoField } from './fields.ts';
import { mapping } from './mapping.ts';

export const selSchema = mapping({
  transitions: yesNoField.default(false),
  clients: yesNoField.default(false),
  perHour: wholeField(1, 1000).default(60),
});
