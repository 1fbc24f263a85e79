// Rules about listeners and targets that are Unix sockets or named by systemd. They read the raw values, as cross-checks.ts does.
import type { Finding } from './finding.ts';
import { asMapping, hasEntries, isUnset, type Mapping, type Placed } from './raw-values.ts';

/** What asks for clients with an address: a Unix socket's have none. */
const ADDRESS_KEYS: Readonly<Record<string, string>> = {
  allowFrom: 'the mode and the folder of the socket say who may connect (socketMode)',
  maxPerSource: 'all its clients are one source: write maxStreams',
};

function isUnix(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('unix:');
}

export function checkUnix({ path, value }: Placed<Mapping>): Finding[] {
  const findings: Finding[] = [];
  const isSocket = isUnix(value.listen);
  if (!isSocket && !isUnset(value.socketMode)) {
    const what = 'only a Unix socket has a mode: write listen: "unix:/run/torpor/NAME.sock", or leave it out';
    findings.push({ path: [...path, 'socketMode'], what });
  }
  if (isSocket) {
    for (const [key, advice] of Object.entries(ADDRESS_KEYS)) {
      if (isUnset(value[key])) continue;
      findings.push({ path: [...path, key], what: `clients of a Unix socket have no address; ${advice}` });
    }
    if (!isUnset(asMapping(value.proxyProtocol).acceptFrom)) {
      const what =
        'a proxy that connects to a Unix socket has no address to be believed by: let it connect to 127.0.0.1, or leave it out';
      findings.push({ path: [...path, 'proxyProtocol', 'acceptFrom'], what });
    }
  }
  const { probe } = value;
  const kind = typeof probe === 'string' ? probe : asMapping(probe).kind;
  if (isUnix(value.target) && kind === 'icmp') {
    const what = 'a Unix socket cannot be pinged: write probe: banner, exchange or command';
    findings.push({ path: [...path, 'probe'], what });
  }
  return findings;
}

/** The program behind a Unix socket runs on this machine, whether or not the VM does. */
export function doubtUnix({ path, value }: Placed<Mapping>): Finding[] {
  const { probe } = value;
  const kind = typeof probe === 'string' ? probe : (asMapping(probe).kind ?? 'tcp');
  const targets = [value, ...(hasEntries(value.routes) ? (value.routes as unknown[]).map(asMapping) : [])];
  if (kind !== 'tcp' || !targets.some(({ target }) => isUnix(target))) return [];
  const what =
    'whatever listens on a Unix socket takes connections on this machine, also while the VM sleeps: write a probe that only the VM answers (banner, exchange, command)';
  return [{ path: [...path, 'target'], what }];
}
