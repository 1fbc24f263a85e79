// The host serving storage to others: iSCSI targets with sessions, NFS with clients, Ceph OSDs.
import { busy, free, type HostCheck, listSome } from './host-check.ts';

export const STORAGE: HostCheck = {
  name: 'storage',
  snippet: () => `
for f in /sys/kernel/config/target/iscsi/iqn*/tpgt_*/acls/*/info; do
  if [ -r "$f" ]; then tag lio <"$f"; echo; fi
done
for f in /sys/kernel/config/target/iscsi/iqn*/tpgt_*/dynamic_sessions; do
  if [ -r "$f" ]; then tr '\\000' '\\n' <"$f" | tag lio-dynamic; fi
done
if has tgtadm; then t tgtadm --lld iscsi --mode target --op show 2>&1 | grep -a 'Initiator:' | tag tgt; fi
for f in /proc/fs/nfsd/clients/*/info; do
  if [ -r "$f" ]; then grep -a '^address:' "$f" | tag nfs4; fi
done
if has ss; then t ss -Htn state established '( sport = :2049 )' | head -n 50 | tag nfs; fi
if has ps; then echo "ceph $(ps -e -o comm= | grep -c '^ceph-osd$')"; fi`,
  read: (facts) => {
    const osds = Number(facts.first('ceph') ?? Number.NaN);
    if (!Number.isInteger(osds)) throw new Error('the processes cannot be listed');
    const initiators = [
      ...acledInitiators(facts.all('lio')),
      ...facts.all('lio-dynamic'),
      ...facts.all('tgt').map(afterColon),
    ];
    const iscsi = [...new Set(initiators.filter((name) => name.trim() !== ''))];
    const nfs = new Set([...facts.all('nfs4').map(nfsAddress), ...facts.all('nfs').map(peerAddress)]);
    const served = [
      ...(osds > 0 ? [`${osds} Ceph OSDs, whose data the cluster would begin to move`] : []),
      ...(iscsi.length > 0 ? [`iSCSI to ${listSome(iscsi)}`] : []),
      ...(nfs.size > 0 ? [`NFS to ${listSome([...nfs])}`] : []),
    ];
    return served.length === 0 ? free('serves no storage to anybody now') : busy(`serves ${served.join('; ')}`);
  },
};

/** Of a logged-in session the kernel prints InitiatorName before its state; else "No active iSCSI Session for …". */
function acledInitiators(lines: readonly string[]): string[] {
  const names: string[] = [];
  let name = '';
  for (const line of lines) {
    if (line.startsWith('InitiatorName: ')) name = afterColon(line);
    if (line.includes('Session State: TARG_SESS_STATE_LOGGED_IN')) names.push(name);
  }
  return names;
}

function afterColon(line: string): string {
  return line.slice(line.indexOf(':') + 1).trim();
}

/** `address: "10.0.0.7:757"`. */
function nfsAddress(line: string): string {
  return withoutPort(afterColon(line).replace(/"/g, ''));
}

/** The last column of ss. */
function peerAddress(line: string): string {
  return withoutPort(line.trim().split(/\s+/).at(-1) ?? '');
}

function withoutPort(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[(::ffff:)?|\]$/g, '');
}
