// The fence of a press: looked at right before the one packet that presses, however long the way to it took. Undefined: there is none.
import { TorporError } from '../platform/errors.ts';
import type { PowerAnswer, PressFence } from '../platform/ports.ts';

/** Throws ERR_POWER_FENCED where the fence is shut. */
export function passFence(fence: PressFence | undefined): void {
  const whyNot = fence?.() ?? null;
  if (whyNot !== null) throw new TorporError('ERR_POWER_FENCED', wordsOf(whyNot));
}

/** The answer where the fence is shut; null where it is open, or there is none. */
export function askFence(fence: PressFence | undefined): PowerAnswer | null {
  const whyNot = fence?.() ?? null;
  return whyNot === null ? null : { outcome: 'refused', attempts: [wordsOf(whyNot)] };
}

function wordsOf(whyNot: string): string {
  return `nothing was sent: ${whyNot}`;
}
