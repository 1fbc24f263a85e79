// What a UDP listener says about its datagrams. Reading it from a configuration is left to config.

/**
 * wake: a client's datagram counts as activity, and wakes a sleeper. count: it keeps awake what is awake, and wakes nobody. ignore: it is relayed,
 * no more.
 */
export type DatagramMeaning = 'wake' | 'count' | 'ignore';

export interface DatagramRule {
  readonly datagrams: DatagramMeaning;
  /** A datagram that was kept for longer is dropped: whoever sent it has sent it again, or has given up. */
  readonly holdForMs: number;
  /** A flow without a datagram either way for this long ends, unless it is in the pool: then its socket towards the VM is closed. */
  readonly flowIdleMs: number;
}

export const DEFAULT_DATAGRAM_RULE: DatagramRule = { datagrams: 'wake', holdForMs: 30_000, flowIdleMs: 120_000 };
