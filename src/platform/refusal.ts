// Why a client was not served, as a closed set of words. Who refuses, and what is said of it, is left to others.

/**
 * allow-from: its address may not use the listener. max-streams: the listener's bound. per-source: its source's bound there.
 * proxy-header: it brought none, a wrong one, or is no proxy that is believed. first-bytes: they were wrong or late. no-route: nothing
 * is behind the name it asked for. web-request: it asked for no WebSocket, or for one that it may not have. wake-rate: its source woke the VM too often. no-room: the core has no seat left.
 * datagram: no client, but one datagram of a UDP listener that was held in vain, or found a queue full.
 */
export const REFUSAL_REASONS = [
  'allow-from',
  'max-streams',
  'per-source',
  'proxy-header',
  'first-bytes',
  'no-route',
  'web-request',
  'wake-rate',
  'no-room',
  'datagram',
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** How many clients were refused, by why; a reason that never occurred may be missing. */
export type RefusedClients = Readonly<Partial<Record<RefusalReason, number>>>;

export function addRefused(one: RefusedClients, other: RefusedClients): RefusedClients {
  const sum: Partial<Record<RefusalReason, number>> = { ...one };
  for (const reason of REFUSAL_REASONS) {
    const more = other[reason] ?? 0;
    if (more > 0) sum[reason] = (sum[reason] ?? 0) + more;
  }
  return sum;
}
