// The fence of a press: looked at right before the one packet that presses, however long the way to it took. Null and undefined: there is none.
import { TorporError } from '../platform/errors.ts';
import type { PowerAnswer, PressFence } from '../platform/ports.ts';

const FENCED = "nothing was sent: this Torpor's ownership ran out";

/** Throws ERR_POWER_FENCED where the fence is shut. */
export function passFence(mayPress: PressFence | undefined): void {
  if (mayPress?.() === false) throw new TorporError('ERR_POWER_FENCED', FENCED);
}

/** The answer where the fence is shut; null where it is open, or there is none. */
export function askFence(mayPress: PressFence | undefined): PowerAnswer | null {
  return mayPress?.() === false ? { outcome: 'refused', attempts: [FENCED] } : null;
}
