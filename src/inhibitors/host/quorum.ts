// Cluster quorum (corosync, and so Proxmox VE and Pacemaker): a sleeper gives no vote.
import { busy, free, type HostCheck, type HostFacts } from './host-check.ts';

/** What pvecm and corosync-quorumtool say on a host that is in no cluster, or whose cluster does not run. */
const NO_CLUSTER = /is this node part of a cluster|Cannot initialize (CMAP|QUORUM) service/i;

export const QUORUM: HostCheck = {
  name: 'quorum',
  snippet: () => `
if has pvecm; then t pvecm status 2>&1 | tag status
elif has corosync-quorumtool; then t corosync-quorumtool -s 2>&1 | tag status
else echo 'none'; fi`,
  read: (facts) => {
    if (facts.first('none') !== null) return free('in no cluster');
    const status = facts.all('status');
    if (status.some((line) => NO_CLUSTER.test(line))) return free('in no cluster');
    return judge(status, facts);
  },
};

function judge(status: readonly string[], facts: HostFacts) {
  const field = (name: string) =>
    status
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  const quorate = field('Quorate');
  const total = Number.parseInt(field('Total votes') ?? '', 10);
  const quorum = Number.parseInt(field('Quorum') ?? '', 10);
  // Nodeid, votes, with a quorum device its state, name; the node itself is marked.
  const local = facts.all('status').find((line) => line.trimEnd().endsWith('(local)'));
  const own = Number.parseInt(local?.trim().split(/\s+/)[1] ?? '', 10);
  if (quorate === undefined || [total, quorum, own].some(Number.isNaN)) throw new Error('the quorum cannot be read');
  if (quorate !== 'Yes') return busy(`the cluster has no quorum (${total} of ${quorum} votes): it needs its nodes`);
  const left = total - own;
  if (left === 0) return free('a cluster of this node alone');
  if (left >= quorum) return free(`without its ${own} of ${total} votes the cluster keeps its quorum of ${quorum}`);
  return busy(`asleep it would cost the cluster its quorum: ${left} of the ${quorum} votes needed would be left`);
}
