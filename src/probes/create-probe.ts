// Builds the probe that a listener's configuration describes. Asks nothing.
import { formatEndpoint } from '../platform/endpoint.ts';
import { TorporError } from '../platform/errors.ts';
import type { Clock } from '../platform/ports.ts';
import { BannerProbe } from './banner-probe.ts';
import { CommandProbe, type ProbeCommand } from './command-probe.ts';
import { ExchangeProbe } from './exchange-probe.ts';
import { IcmpProbe, isPingableHost } from './icmp-probe.ts';
import type { BoundedProbe } from './question.ts';
import { TcpProbe } from './tcp-probe.ts';
import type { ProbeTarget } from './tcp-question.ts';

/** How to ask the VM behind one listener. Null fields: the probe's own default. */
export interface ProbeSpec {
  readonly kind: 'tcp' | 'banner' | 'exchange' | 'icmp' | 'command' | 'none';
  /** exchange: what is sent. */
  readonly send: string | null;
  /** banner, exchange: text that must be part of the answer. */
  readonly expect: string | null;
  /** command: what is run. */
  readonly command: ProbeCommand | null;
  /** One question's own bound. */
  readonly timeoutMs: number;
}

/** The probe for `spec`, or null where it says `none`. Throws ERR_PROBE_CONFIG where something is missing or makes no sense. */
export function createProbe(clock: Clock, spec: ProbeSpec, target: ProbeTarget): BoundedProbe | null {
  if (!(spec.timeoutMs > 0)) throw configError(`timeout ${spec.timeoutMs} ms`, 'give it more than nothing, such as 2s');
  switch (spec.kind) {
    case 'tcp':
      return new TcpProbe(clock, target, spec.timeoutMs);
    case 'banner':
      return new BannerProbe(clock, target, spec.expect, spec.timeoutMs);
    case 'exchange':
      return new ExchangeProbe(clock, target, spec, spec.timeoutMs);
    case 'icmp':
      if (!isPingableHost(target.host)) throw configError(`icmp to "${target.host}"`, 'give a host name or an address');
      return new IcmpProbe(clock, target.host, spec.timeoutMs);
    case 'command':
      if (spec.command === null || spec.command.length === 0) {
        throw configError('command without a command', 'say what to run, as a line for the shell');
      }
      return new CommandProbe(clock, spec.command, spec.timeoutMs, `command for ${formatEndpoint(target)}`);
    case 'none':
      return null;
  }
}

function configError(what: string, advice: string): TorporError {
  return new TorporError('ERR_PROBE_CONFIG', `a probe cannot be made from ${what}: ${advice}`);
}
