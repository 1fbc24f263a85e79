// Clients that go past Torpor: connections to the host's own ports that do not come from Torpor.
import { busy, free, type HostCheck, type HostContext, listSome } from './host-check.ts';

export const BYPASS: HostCheck = {
  name: 'bypass',
  snippet: ({ ports }) => `
if has ss; then
  echo "from \${SSH_CONNECTION:-local}"
  t ss -Htn state established '( ${ports.map(portFilter).join(' or ')} )' 2>&1 | head -n 200 | tag ss
fi`,
  read: (facts, context) => {
    const from = facts.first('from');
    if (from === null) throw new Error('ss is not there: install iproute2, or leave this check out');
    const ours = new Set([...context.torporAddresses, from.split(' ')[0] ?? ''].map(plainAddress));
    const clients = facts.all('ss').flatMap((line) => clientOf(line, ours));
    const named = [...new Set(clients)];
    return named.length === 0
      ? free('nobody is connected past Torpor')
      : busy(`connected past Torpor: ${listSome(named)}`);
  },
};

function portFilter({ from, to }: HostContext['ports'][number]): string {
  return from === to ? `sport = :${from}` : `( sport >= :${from} and sport <= :${to} )`;
}

/** Recv-Q, Send-Q, local, peer. What the host says to itself is nobody. */
function clientOf(line: string, ours: ReadonlySet<string>): string[] {
  const [, , local = '', peer = ''] = line.trim().split(/\s+/);
  const here = splitEndpoint(local);
  const there = splitEndpoint(peer);
  if (here === null || there === null) throw new Error(`ss: ${line}`);
  const isOwn = there.address === here.address || there.address === '::1' || there.address.startsWith('127.');
  return isOwn || ours.has(there.address) ? [] : [`${there.address} on port ${here.port}`];
}

function splitEndpoint(text: string): { readonly address: string; readonly port: string } | null {
  const match = /^(.+):(\d+)$/.exec(text);
  return match === null ? null : { address: plainAddress(match[1] ?? ''), port: match[2] ?? '' };
}

/** Without brackets, zone and the prefix of mapped addresses. */
function plainAddress(text: string): string {
  return text
    .replace(/^\[|\]$/g, '')
    .replace(/%.*$/, '')
    .replace(/^::ffff:(?=\d+\.)/, '');
}
