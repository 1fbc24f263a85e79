// High availability (Proxmox VE's HA manager, Pacemaker): a node that falls silent is fenced, or its own watchdog resets it.
import { busy, free, type HostCheck, type HostFacts, type HostVerdict, listSome } from './host-check.ts';

export const HA: HostCheck = {
  name: 'ha',
  snippet: () => `
if has ha-manager; then echo "pve-node $(uname -n)"; t ha-manager status 2>&1 | tag pve; fi
if has crm_mon; then
  echo "crm-node $(crm_node -n 2>/dev/null || uname -n)"
  echo "stonith $(t crm_attribute -G -t crm_config -n stonith-enabled -q -d true)"
  t crm_mon -1 2>&1 | tag crm
fi`,
  read: (facts) => {
    const found = [readProxmox(facts), readPacemaker(facts)].filter((verdict) => verdict !== null);
    return found.find(({ outcome }) => outcome === 'busy') ?? found[0] ?? free('no high availability here');
  },
};

/** A local resource manager that is not idle has its watchdog armed. */
const CALM_LRM = /^(idle|maintenance mode)$/;
const CALM_SERVICE: ReadonlySet<string> = new Set(['stopped', 'ignored', 'disabled']);
/** On a host without a cluster. */
const NO_PVE_CLUSTER = /no quorum on this node|not part of a cluster|cluster not ready/i;

function readProxmox(facts: HostFacts): HostVerdict | null {
  const node = facts.first('pve-node');
  if (node === null) return null;
  const lines = facts.all('pve');
  const here = shortName(node);
  const services = lines.flatMap((line) => {
    const match = /^service (\S+) \(([^,]+), ([^,)]+)/.exec(line);
    return match !== null && match[2] === here && !CALM_SERVICE.has(match[3] ?? '') ? [match[1] ?? ''] : [];
  });
  if (services.length > 0) {
    return busy(`HA runs ${listSome(services)} here: the cluster would fence this node when it falls silent`);
  }
  const lrm = lines.map((line) => /^lrm (\S+) \(([^,]+),/.exec(line)).find((match) => match?.[1] === here)?.[2];
  if (lrm !== undefined && !CALM_LRM.test(lrm)) {
    return busy(`HA's local resource manager is ${lrm}: its watchdog would reset a sleeper`);
  }
  if (lrm !== undefined) return free(`HA has nothing here (${lrm})`);
  const isRead = lines.some((line) => line.startsWith('quorum '));
  if (isRead || lines.length === 0) return free('HA has nothing here');
  if (lines.some((line) => NO_PVE_CLUSTER.test(line))) return busy(`HA: ${lines[0]}`);
  throw new Error(`ha-manager: ${lines[0]}`);
}

/** Stopped on this node, though installed. */
const NO_PACEMAKER =
  /cluster is not available|not connected|connection to cluster failed|could not connect|connection refused/i;

function readPacemaker(facts: HostFacts): HostVerdict | null {
  const node = facts.first('crm-node');
  if (node === null) return null;
  const lines = facts.all('crm');
  if (lines.some((line) => NO_PACEMAKER.test(line))) return free('Pacemaker does not run here');
  const online = lines.flatMap((line) => /Online: \[ (.*) \]/.exec(line)?.[1]?.split(/\s+/) ?? []);
  const other = lines
    .map((line) => /Node (?:List:|(\S+?)(?: \([^)]*\))?: (.+))$/.exec(line))
    .find((match) => isHere(match?.[1], node));
  const isOffline = lines.some((line) =>
    /OFFLINE: \[ (.*) \]/
      .exec(line)?.[1]
      ?.split(/\s+/)
      .some((name) => isHere(name, node)),
  );
  if (isOffline || other?.[2]?.startsWith('OFFLINE')) return free('Pacemaker takes this node for offline');
  const isMember = online.some((name) => isHere(name, node)) || other !== undefined;
  if (!isMember) throw new Error(`crm_mon does not tell of ${node}`);
  if (facts.first('stonith')?.trim() !== 'false') {
    return busy(
      'a member of a Pacemaker cluster: the others fence a node that falls silent (stop the cluster on it before)',
    );
  }
  const resources = lines.filter((line) =>
    new RegExp(`(Started|Master|Promoted):? ${escapePattern(node)}\\b`).test(line),
  );
  if (resources.length > 0) return busy(`Pacemaker runs ${resources.length} resources here`);
  return free('Pacemaker runs nothing here, and fences nobody');
}

function isHere(name: string | undefined, node: string): boolean {
  return name !== undefined && shortName(name) === shortName(node);
}

function shortName(name: string): string {
  return name.trim().split('.', 1)[0] ?? '';
}

function escapePattern(text: string): string {
  return text.replace(/[^\w]/g, '\\$&');
}
