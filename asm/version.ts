// What a host asks first: which interface this module speaks, and in which unit it counts time.

const ABI_VERSION: u32 = 3;
const TICK_MS: u32 = 1;

/** The version of the exports' names, parameters, statuses and flags. It rises when a host built for the old ones would fail. */
export function abiVersion(): u32 {
  return ABI_VERSION;
}

/** Length of one tick in milliseconds. */
export function abiTickMs(): u32 {
  return TICK_MS;
}
