// What a listener says of datagrams (`udp`): its shape, and what means nothing there. The rules read the raw values, as cross-checks.ts does.
import { type DatagramRule, DEFAULT_DATAGRAM_RULE } from '../platform/datagram-rule.ts';
import { durationField, wordField } from './fields.ts';
import type { Finding } from './finding.ts';
import { mapping } from './mapping.ts';
import { asMapping, children, isUnset, type Mapping, type Placed } from './raw-values.ts';

export const udpSchema = mapping({
  datagrams: wordField(['wake', 'count', 'ignore']).default('wake'),
  holdFor: durationField(1000).prefault('30s'),
  flowIdle: durationField(1000).prefault('2m'),
});

const STREAM_ONLY = 'it is for connections, and datagrams have none: leave it out';
/** What means nothing to datagrams. Values that say so themselves, such as `banner: none`, pass. */
const STREAM_KEYS: Readonly<Record<string, readonly unknown[]>> = {
  proxyProtocol: [],
  link: [],
  routes: [],
  otherwise: [],
  banner: ['none'],
  waitingPage: ['off'],
  activity: ['every-byte'],
  viewing: ['ignore'],
  work: [],
  periodicInput: [],
  periodicRequests: [],
  polls: [],
  record: [false],
  defer: [],
  onKeepalive: ['hold'],
  keepaliveWait: [],
  wakeOn: ['connect', 'input'],
  protocol: ['auto', 'raw'],
};

export function isUdp(value: unknown): boolean {
  return typeof value === 'string' && value.trim().startsWith('udp:');
}

/** Of one listener. */
export function checkUdp(listener: Placed<Mapping>): Finding[] {
  const { path, value } = listener;
  const at = (key: string, what: string): Finding => ({ path: [...path, key], what });
  const routed = children(listener, 'routes').filter((route) => isUdp(route.value.target));
  if (routed.length > 0)
    return routed.map((route) => ({
      path: [...route.path, 'target'],
      what: 'a route is of connections, not datagrams',
    }));
  if (!isUdp(value.listen)) {
    if (isUdp(value.target))
      return [at('target', 'only a listener of datagrams has such a target: write listen: "udp:…"')];
    if (isUnset(value.udp)) return [];
    return [at('udp', 'it is about datagrams: write listen: "udp:0.0.0.0:PORT", or leave it out')];
  }
  const findings = Object.entries(STREAM_KEYS).flatMap(([key, allowed]) =>
    isUnset(value[key]) || allowed.includes(value[key]) ? [] : [at(key, STREAM_ONLY)],
  );
  // Left empty it has all its defaults, and so says something.
  if (value.webSocket !== undefined) findings.push(at('webSocket', STREAM_ONLY));
  if (typeof value.target === 'string' && !isUdp(value.target))
    findings.push(at('target', `datagrams are passed on as such: write target: "udp:${value.target}"`));
  const kind = typeof value.probe === 'string' ? value.probe : asMapping(value.probe).kind;
  if (kind === 'tcp' || kind === 'banner' || kind === 'exchange')
    findings.push(
      at(
        'probe',
        'such a probe connects, and a target of datagrams takes no connection: write probe: icmp, command or none',
      ),
    );
  return findings;
}

/** The socket of a UDP listener is read by one process. */
export function checkUdpWorkers(root: unknown, listeners: ReadonlyArray<Placed<Mapping>>): Finding[] {
  const { workers } = asMapping(root);
  if (typeof workers !== 'number' || workers <= 1) return [];
  const what =
    'with workers above 1 no listener can take datagrams, one process reads them: write workers: 1, or leave it out';
  return listeners.filter(({ value }) => isUdp(value.listen)).map(({ path }) => ({ path: [...path, 'listen'], what }));
}

/** Of a UDP listener; one that says nothing has the defaults. */
export function toUdp(
  parsed: { datagrams: DatagramRule['datagrams']; holdFor: number; flowIdle: number } | undefined,
): DatagramRule {
  if (parsed === undefined) return DEFAULT_DATAGRAM_RULE;
  return { datagrams: parsed.datagrams, holdForMs: parsed.holdFor, flowIdleMs: parsed.flowIdle };
}
