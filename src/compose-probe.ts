// The probe of a configured listener. Asks nothing.
import type { ListenerConfig } from './config/torpor-config.ts';
import { udpAddressOf } from './platform/endpoint.ts';
import type { Clock } from './platform/ports.ts';
import { createProbe } from './probes/create-probe.ts';
import type { BoundedProbe } from './probes/question.ts';
import { encodeProxyHeader } from './streams/proxy-header.ts';

/** null where it has none. A target that expects a PROXY header gets one that says: no client, a check. */
export function buildProbe(clock: Clock, { probe, target, proxyProtocol }: ListenerConfig): BoundedProbe | null {
  const { send } = proxyProtocol;
  const preamble = send === null ? null : encodeProxyHeader(send, null);
  return createProbe(clock, probe, { ...(udpAddressOf(target) ?? target), preamble });
}
