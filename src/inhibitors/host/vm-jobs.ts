// VMs in migration, backup, snapshot or the like (libvirt, Proxmox VE): half of it may be done on another machine.
import { busy, free, type HostCheck, type HostFacts, listSome } from './host-check.ts';

export const VM_JOBS: HostCheck = {
  name: 'vm-jobs',
  snippet: () => `
if has virsh && { [ -S /run/libvirt/libvirt-sock-ro ] || [ -S /run/libvirt/virtqemud-sock-ro ]; }; then
  if t virsh -r list --name >/dev/null 2>&1; then
    t virsh -r list --name | while IFS= read -r d; do
      if [ -n "$d" ]; then
        echo "job $d"
        t virsh -r domjobinfo "$d" 2>&1 </dev/null | tag job-info
      fi
    done
  else echo 'job-error libvirt does not answer'; fi
fi
for f in /etc/pve/qemu-server/*.conf /etc/pve/lxc/*.conf; do
  if [ -r "$f" ]; then grep -a '^lock:' "$f" | sed "s|^|lock \${f##*/} |"; fi
done
if has ps; then
  echo 'listed'
  ps -e -o args= | grep -a '^task UPID:' | tag task
fi`,
  read: (facts) => {
    if (facts.first('listed') === null) throw new Error('the processes cannot be listed');
    const problem = facts.first('job-error');
    if (problem !== null) throw new Error(problem);
    const jobs = [...libvirtJobs(facts), ...proxmoxLocks(facts), ...proxmoxTasks(facts)];
    return jobs.length === 0 ? free('no VM is in migration or backup') : busy(listSome(jobs));
  },
};

/** virsh prints "Job type: None" for a VM without a job, else its kind and what it does. One that ended meanwhile has none. */
function libvirtJobs(facts: HostFacts): string[] {
  const info = facts.all('job-info');
  const names = facts.all('job');
  const types = info.flatMap((line) => {
    if (line.startsWith('error: failed to get domain')) return ['None'];
    return line.startsWith('Job type:') ? [line.slice(9).trim()] : [];
  });
  if (types.length !== names.length) {
    throw new Error(info.find((line) => line.startsWith('error')) ?? 'virsh domjobinfo cannot be read');
  }
  const operations = info.flatMap((line) =>
    line.startsWith('Operation:') ? [line.slice(10).trim().toLowerCase()] : [],
  );
  const active = names.filter((_, index) => types[index] !== 'None');
  return active.map((name, index) => `VM ${name}: ${operations[index] ?? 'a job'} under way`);
}

/** A VM that is suspended to disk keeps that lock as long as it is. */
const LASTING_LOCKS: ReadonlySet<string> = new Set(['suspended']);

function proxmoxLocks(facts: HostFacts): string[] {
  return facts.all('lock').flatMap((line) => {
    const match = /^(\d+)\.conf lock: *(\S+)/.exec(line);
    return match === null || LASTING_LOCKS.has(match[2] ?? '') ? [] : [`VM ${match[1]}: locked by ${match[2]}`];
  });
}

/** A worker's title: UPID:node:pid:pstart:starttime:type:id:user: */
function proxmoxTasks(facts: HostFacts): string[] {
  return facts.all('task').flatMap((line) => {
    const [, , , , , type = '', id = ''] = line.split(':');
    return type === '' ? [] : [`Proxmox task ${type}${id === '' ? '' : ` of ${id}`}`];
  });
}
