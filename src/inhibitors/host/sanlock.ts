// sanlock (libvirt, oVirt, lvmlockd): a host that does not renew its leases is reset by its watchdog, and its VMs start elsewhere.
import { busy, free, type HostCheck, listSome } from './host-check.ts';

export const SANLOCK: HostCheck = {
  name: 'sanlock',
  snippet: () => `
if has sanlock; then t sanlock client status 2>&1 | tag sanlock; fi`,
  read: (facts) => {
    const lines = facts.all('sanlock');
    if (!lines.some((line) => line.startsWith('daemon '))) return free('sanlock does not run');
    const lockspaces = lines.flatMap((line) => /^s ([^:]+):/.exec(line)?.[1] ?? []);
    const leases = lines.filter((line) => line.startsWith('r ')).length;
    if (lockspaces.length + leases === 0) return free('sanlock holds no lease');
    return busy(
      `sanlock renews ${lockspaces.length} lockspaces (${listSome(lockspaces, 2)}) and ${leases} leases: a sleeper loses them`,
    );
  },
};
