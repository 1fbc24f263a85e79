// What PowerState says as evidence. It knows no S3: a system suspended to RAM reads On on some BMCs and Off on others.

/**
 * Source: DMTF Resource schema, PowerState. `PoweringOn`, `PoweringOff` and `Paused` are neither on nor off.
 */
export const POWER_STATES = ['On', 'Off', 'PoweringOn', 'PoweringOff', 'Paused'] as const;

export type PowerState = (typeof POWER_STATES)[number];

/** Null for what is no PowerState, missing included. */
export function toPowerState(value: unknown): PowerState | null {
  return POWER_STATES.find((known) => known === value) ?? null;
}

/** The power bit a state stands for; null while it changes, or where nothing is said: then it is no evidence. */
export function powerBitOf(state: PowerState | null): boolean | null {
  if (state === 'On') return true;
  return state === 'Off' ? false : null;
}
