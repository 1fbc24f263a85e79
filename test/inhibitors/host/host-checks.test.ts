// The readings of every look at the host, on what real programs print.
import { describe, expect, it } from 'vitest';
import { HOST_CHECKS } from '../../../src/config/inhibitors-config.ts';
import { type HostContext, HostFacts } from '../../../src/inhibitors/host/host-check.ts';
import { ALL_HOST_CHECKS } from '../../../src/inhibitors/host/host-checks.ts';
import {
  BUSCTL_NO_BUS,
  CRM_MON_1,
  CRM_MON_2,
  DOMJOBINFO_DUMP,
  DOMJOBINFO_GONE,
  DOMJOBINFO_NONE,
  DOMJOBINFO_SAVE,
  ETHTOOL_ARMED,
  ETHTOOL_OFF,
  HA_MANAGER,
  IP_FIXED,
  IP_LEASED,
  LIO_LOGGED_IN,
  LIO_NO_SESSION,
  PVECM_ALONE,
  PVECM_THREE_NODES,
  QUORUMTOOL_NOT_QUORATE,
  QUORUMTOOL_TWO_NODES,
  SANLOCK_IDLE,
  SANLOCK_LVM,
  SS_LOOPBACK,
  TGTADM,
} from './samples.ts';

const CONTEXT: HostContext = {
  sleep: 'S3',
  byButton: true,
  ports: [{ from: 22, to: 22 }],
  torporAddresses: ['10.0.0.2'],
};

/** As the shell's `tag` does it. */
function tag(name: string, output: string): string {
  return `${output
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => `${name} ${line}`)
    .join('\n')}\n`;
}

function read(name: string, output: string, change: Partial<HostContext> = {}): string {
  const check = ALL_HOST_CHECKS.find((each) => each.name === name);
  if (check === undefined) throw new Error(`no check is called ${name}`);
  const { outcome, why } = check.read(new HostFacts(output), { ...CONTEXT, ...change });
  return `${outcome}: ${why}`;
}

describe('quorum', () => {
  it.each([
    ['three nodes, all there', PVECM_THREE_NODES, 'free: without its 1 of 3 votes the cluster keeps its quorum of 2'],
    [
      'two nodes',
      QUORUMTOOL_TWO_NODES,
      'busy: asleep it would cost the cluster its quorum: 1 of the 2 votes needed would be left',
    ],
    ['alone', PVECM_ALONE, 'free: a cluster of this node alone'],
    ['one of two gone', QUORUMTOOL_NOT_QUORATE, 'busy: the cluster has no quorum (1 of 1 votes): it needs its nodes'],
    [
      'standalone Proxmox VE',
      "Error: Corosync config '/etc/pve/corosync.conf' does not exist - is this node part of a cluster?\n",
      'free: in no cluster',
    ],
    ['corosync stopped', 'Cannot initialize CMAP service\n', 'free: in no cluster'],
  ])('%s', (_title, output, verdict) => {
    expect(read('quorum', tag('status', output))).toBe(verdict);
  });

  it('three nodes, of which one sleeps already -> busy', () => {
    const asleep = PVECM_THREE_NODES.replace('Total votes:      3', 'Total votes:      2');
    expect(read('quorum', tag('status', asleep))).toContain('1 of the 2 votes needed would be left');
  });

  it('no tool -> free; a hung one, or half its words -> not known', () => {
    expect(read('quorum', 'none\n')).toBe('free: in no cluster');
    expect(() => read('quorum', '')).toThrow('cannot be read');
    expect(() => read('quorum', tag('status', PVECM_THREE_NODES.replace(' (local)', '')))).toThrow('cannot be read');
  });
});

describe('ha', () => {
  const pve = (node: string, output: string) => `pve-node ${node}\n${tag('pve', output)}`;
  const crm = (node: string, stonith: string, output: string) =>
    `crm-node ${node}\nstonith ${stonith}\n${tag('crm', output)}`;

  it.each([
    [
      'services here',
      'elsa',
      HA_MANAGER,
      'busy: HA runs ct:102, vm:501 here: the cluster would fence this node when it falls silent',
    ],
    [
      'the same by its long name',
      'elsa.example.org',
      HA_MANAGER,
      'busy: HA runs ct:102, vm:501 here: the cluster would fence this node when it falls silent',
    ],
    ['nothing here, its LRM not told', 'anna', HA_MANAGER, 'free: HA has nothing here'],
    [
      'LRM active without a service',
      'elsa',
      HA_MANAGER.replace(/service .*\n/g, ''),
      "busy: HA's local resource manager is active: its watchdog would reset a sleeper",
    ],
    [
      'LRM idle',
      'elsa',
      HA_MANAGER.replace(/service .*\n/g, '').replace('lrm elsa (active', 'lrm elsa (idle'),
      'free: HA has nothing here (idle)',
    ],
    [
      'all stopped, LRM idle',
      'elsa',
      HA_MANAGER.replace(/started/g, 'stopped').replace('lrm elsa (active', 'lrm elsa (idle'),
      'free: HA has nothing here (idle)',
    ],
  ])('Proxmox VE: %s', (_title, node, output, verdict) => {
    expect(read('ha', pve(node, output))).toBe(verdict);
  });

  it.each([
    ['a member, fencing on', crm('pcmk-1', 'true', CRM_MON_2), /^busy: a member of a Pacemaker cluster/],
    ['a member, fencing not told', crm('pcmk-1', '', CRM_MON_2), /^busy: a member of a Pacemaker cluster/],
    ['fencing off, resources here', crm('pcmk-1', 'false', CRM_MON_1), /^busy: Pacemaker runs 2 resources here/],
    ['fencing off, nothing here', crm('pcmk-2', 'false', CRM_MON_1), /^free: Pacemaker runs nothing here/],
    [
      'on standby',
      crm(
        'pcmk-2',
        'true',
        CRM_MON_2.replace('Online: [ pcmk-1 pcmk-2 ]', 'Node pcmk-2: standby\n  * Online: [ pcmk-1 ]'),
      ),
      /^busy: a member/,
    ],
    [
      'offline',
      crm(
        'pcmk-2',
        'true',
        CRM_MON_2.replace('Online: [ pcmk-1 pcmk-2 ]', 'Online: [ pcmk-1 ]\n  * OFFLINE: [ pcmk-2 ]'),
      ),
      /^free: Pacemaker takes this node for offline/,
    ],
    [
      'stopped here',
      crm('pcmk-1', '', 'crm_mon: Connection to cluster failed: Connection refused\n'),
      /^free: Pacemaker does not run here/,
    ],
    ['nothing of it', '', /^free: no high availability here/],
  ])('Pacemaker: %s', (_title, output, verdict) => {
    expect(read('ha', output)).toMatch(verdict);
  });

  it('what it does not understand -> not known', () => {
    expect(() => read('ha', crm('pcmk-3', 'true', CRM_MON_2))).toThrow('does not tell of pcmk-3');
    expect(() => read('ha', pve('elsa', "Can't locate PVE/HA/Tools.pm\n"))).toThrow("Can't locate");
  });
});

describe('sanlock', () => {
  it.each([
    [
      'leases',
      tag('sanlock', SANLOCK_LVM),
      'busy: sanlock renews 1 lockspaces (lvm_myvg) and 1 leases: a sleeper loses them',
    ],
    ['no lockspace', tag('sanlock', SANLOCK_IDLE), 'free: sanlock holds no lease'],
    ['not there, or no daemon', '', 'free: sanlock does not run'],
  ])('%s', (_title, output, verdict) => {
    expect(read('sanlock', output)).toBe(verdict);
  });
});

describe('storage', () => {
  it.each([
    [
      'a session by an ACL',
      `ceph 0\n${tag('lio', LIO_LOGGED_IN)}${tag('lio', LIO_NO_SESSION)}`,
      'busy: serves iSCSI to iqn.2026-06.local:initiator-0050562ef64f',
    ],
    ['ACLs without a session', `ceph 0\n${tag('lio', LIO_NO_SESSION)}`, 'free: serves no storage to anybody now'],
    [
      'a session without an ACL',
      'ceph 0\nlio-dynamic iqn.1994-05.com.redhat:a\nlio-dynamic \n',
      'busy: serves iSCSI to iqn.1994-05.com.redhat:a',
    ],
    [
      'tgt',
      `ceph 0\n${tag(
        'tgt',
        TGTADM.split('\n')
          .filter((line) => line.includes('Initiator:'))
          .join('\n'),
      )}`,
      'busy: serves iSCSI to iqn.1994-05.com.redhat:dd87ffb48f6e',
    ],
    [
      'NFS 4, by the kernel’s list and by its connection',
      'ceph 0\nnfs4 address: "10.0.0.7:757"\nnfs 0 0 10.0.0.1:2049 10.0.0.7:757\n',
      'busy: serves NFS to 10.0.0.7',
    ],
    ['NFS over IPv6', 'ceph 0\nnfs4 address: "[2001:db8::7]:757"\n', 'busy: serves NFS to 2001:db8::7'],
    ['Ceph', 'ceph 4\n', 'busy: serves 4 Ceph OSDs, whose data the cluster would begin to move'],
    ['none', 'ceph 0\n', 'free: serves no storage to anybody now'],
  ])('%s', (_title, output, verdict) => {
    expect(read('storage', output)).toBe(verdict);
  });

  it('the processes cannot be listed -> not known', () => {
    expect(() => read('storage', '')).toThrow('cannot be listed');
  });
});

describe('vfio', () => {
  it.each([
    ['none', 'uid 0\nopen 0\n', 'free: no device is passed through'],
    [
      'in use',
      'device 0000:01:00.0\ndevice 0000:01:00.1\nuid 0\nopen 2\n',
      'busy: a VM has 0000:01:00.0, 0000:01:00.1 passed through: such a device does not survive a sleep',
    ],
    [
      'bound, not in use',
      'device 0000:01:00.0\nuid 0\nopen 0\n',
      'free: 0000:01:00.0 could be passed through, but no VM has it',
    ],
    [
      'bound, and not root',
      'device 0000:01:00.0\nuid 1000\nopen 0\n',
      'busy: 0000:01:00.0 may be passed through to a VM; only root can see that',
    ],
  ])('%s', (_title, output, verdict) => {
    expect(read('vfio', output)).toBe(verdict);
  });

  it('nothing printed -> not known', () => {
    expect(() => read('vfio', '')).toThrow('cannot be counted');
  });
});

describe('vm-jobs', () => {
  const jobs = (...pairs: Array<[string, string]>) =>
    `${pairs.map(([name, info]) => `job ${name}\n${tag('job-info', info)}`).join('')}listed\n`;

  it.each([
    ['no VM', 'listed\n', 'free: no VM is in migration or backup'],
    [
      'VMs at rest',
      jobs(['alice', DOMJOBINFO_NONE], ['bob', DOMJOBINFO_NONE]),
      'free: no VM is in migration or backup',
    ],
    [
      'one of two is dumped',
      jobs(['alice', DOMJOBINFO_NONE], ['bob', DOMJOBINFO_DUMP]),
      'busy: VM bob: dump under way',
    ],
    [
      'both have a job',
      jobs(['alice', DOMJOBINFO_SAVE], ['bob', DOMJOBINFO_DUMP]),
      'busy: VM alice: save under way, VM bob: dump under way',
    ],
    [
      'one ended meanwhile',
      jobs(['bob', DOMJOBINFO_GONE], ['my vm', DOMJOBINFO_SAVE]),
      'busy: VM my vm: save under way',
    ],
    ['Proxmox backup', 'listed\nlock 101.conf lock: backup\n', 'busy: VM 101: locked by backup'],
    ['Proxmox, hibernated VM', 'listed\nlock 101.conf lock: suspended\n', 'free: no VM is in migration or backup'],
    [
      'Proxmox tasks',
      'listed\ntask task UPID:elsa:0000C530:001C9BEC:4DF2B4C8:vzdump:101:root@pam:\n',
      'busy: Proxmox task vzdump of 101',
    ],
  ])('%s', (_title, output, verdict) => {
    expect(read('vm-jobs', output)).toBe(verdict);
  });

  it('libvirt does not answer, or in other words -> not known', () => {
    expect(() => read('vm-jobs', 'job-error libvirt does not answer\nlisted\n')).toThrow('does not answer');
    expect(() => read('vm-jobs', jobs(['alice', 'error: Timed out during operation\n']))).toThrow('Timed out');
    expect(() => read('vm-jobs', '')).toThrow('cannot be listed');
  });
});

describe('bypass', () => {
  const ss = (...lines: string[]) => `from 10.0.0.9 50122 10.0.0.1 22\n${lines.map((line) => `ss ${line}\n`).join('')}`;

  it.each([
    ['nobody', ss(), 'free: nobody is connected past Torpor'],
    [
      'Torpor, by its configured address, and by the one that the check comes from',
      ss('0 0 10.0.0.1:22 10.0.0.2:40000', '0 0 10.0.0.1:22 10.0.0.9:50122'),
      'free: nobody is connected past Torpor',
    ],
    [
      'Torpor as a mapped address',
      ss('0 0 [::ffff:10.0.0.1]:5900 [::ffff:10.0.0.2]:40000'),
      'free: nobody is connected past Torpor',
    ],
    ['the host itself', `from local\n${tag('ss', SS_LOOPBACK)}`, 'free: nobody is connected past Torpor'],
    ['the host at its own address', ss('0 0 10.0.0.1:8006 10.0.0.1:51000'), 'free: nobody is connected past Torpor'],
    [
      'somebody',
      ss('0 0 10.0.0.1:22 10.0.0.7:40000', '0 36 [2001:db8::1]:5900 [2001:db8::7]:40001'),
      'busy: connected past Torpor: 10.0.0.7 on port 22, 2001:db8::7 on port 5900',
    ],
  ])('%s', (_title, output, verdict) => {
    expect(read('bypass', output)).toBe(verdict);
  });

  it('no ss, or words that are not understood -> not known', () => {
    expect(() => read('bypass', '')).toThrow('install iproute2');
    expect(() => read('bypass', ss('Error: ipv4: FIB table does not exist.'))).toThrow('ss:');
  });
});

describe('power-key', () => {
  it.each<[string, string, Partial<HostContext>, RegExp]>([
    ['suspend, S3', 'key s "suspend"\n', {}, /^free: the power button means suspend/],
    [
      'poweroff, S3',
      'key s "poweroff"\n',
      {},
      /^busy: the power button means poweroff, and power.sleep is S3: set HandlePowerKey=suspend/,
    ],
    ['ignore', 'key s "ignore"\n', {}, /^busy: the power button is ignored/],
    ['hibernate, S3', 'key s "hibernate"\n', {}, /^busy: the power button means hibernate/],
    ['poweroff, S5', 'key s "poweroff"\n', { sleep: 'S5' }, /^free/],
    ['suspend, S5', 'key s "suspend"\n', { sleep: 'S5' }, /^busy.*HandlePowerKey=poweroff/],
    ['not by the button', 'key s "ignore"\n', { byButton: false }, /^free: not put to sleep by its button/],
    [
      'no bus',
      `key ${BUSCTL_NO_BUS}${tag('lock', BUSCTL_NO_BUS)}`,
      {},
      /^warning: what the power button does cannot be read: Failed to connect/,
    ],
    ['no systemd', '', {}, /^warning: .*no systemd-logind/],
    [
      'a package manager forbids sleep',
      'key s "suspend"\nlock Unattended Upgrades Shutdown 0 root 812 unattended-upgr shutdown:sleep Stop ongoing upgrades or perform upgrades before shutdown block\n',
      {},
      /^busy: Unattended Upgrades Shutdown forbids sleep: Stop ongoing upgrades/,
    ],
    [
      'a delay is no block',
      'key s "suspend"\nlock ModemManager 0 root 700 ModemManager sleep ModemManager needs to reset devices delay\n',
      {},
      /^free/,
    ],
    [
      'a block of something else',
      'key s "suspend"\nlock anna 1000 anna 900 gnome-shell idle:handle-lid-switch Presentation block\n',
      {},
      /^free/,
    ],
  ])('%s', (_title, output, context, verdict) => {
    expect(read('power-key', output, context)).toMatch(verdict);
  });
});

describe('mem-sleep', () => {
  it.each<[string, string, Partial<HostContext>, RegExp]>([
    ['deep', 'mem s2idle [deep]\n', {}, /^free/],
    ['deep not chosen', 'mem [s2idle] deep\n', {}, /^busy: suspend means \[s2idle\] deep, not S3/],
    ['s2idle alone', 'mem [s2idle]\n', {}, /^busy: this host has no S3/],
    ['no suspend', 'none\n', {}, /^busy: this kernel knows no suspend/],
    ['S5', 'none\n', { sleep: 'S5' }, /^free/],
  ])('%s', (_title, output, context, verdict) => {
    expect(read('mem-sleep', output, context)).toMatch(verdict);
  });
});

describe('nic-wake and lease: warnings only', () => {
  const wol = (nic: string, output: string) =>
    `nic ${nic}\n${output
      .split('\n')
      .filter((line) => /^\s*Wake-on:/.test(line))
      .map((line) => `wol ${nic} ${line}\n`)
      .join('')}`;

  it.each([
    ['armed', `ethtool yes\n${wol('eth2', ETHTOOL_ARMED)}`, /^free: eth2 wakes on a magic packet/],
    ['one of two armed', `ethtool yes\n${wol('enp3s0', ETHTOOL_OFF)}${wol('eth2', ETHTOOL_ARMED)}`, /^free: eth2/],
    ['not armed', `ethtool yes\n${wol('enp3s0', ETHTOOL_OFF)}`, /^warning: no NIC wakes on a magic packet \(enp3s0\)/],
    ['no ethtool', 'ethtool no\nnic eth0\n', /^warning: ethtool is not there/],
    ['no NIC', 'ethtool yes\n', /^warning: no NIC of its own/],
  ])('nic-wake: %s', (_title, output, verdict) => {
    expect(read('nic-wake', output)).toMatch(verdict);
  });

  it.each([
    ['fixed', `ip yes\n${tag('addr', IP_FIXED)}`, /^free: no address by DHCP/],
    ['an hour', `ip yes\n${tag('addr', IP_LEASED)}`, /^warning: the lease of 192.168.1.50 lasts 53m 35s more/],
    [
      'a day',
      `ip yes\n${tag('addr', IP_LEASED.replaceAll('3215sec', '86400sec'))}`,
      /^free: the lease of 192.168.1.50 lasts 1d more/,
    ],
    ['no ip', '', /^warning: ip is not there/],
  ])('lease: %s', (_title, output, verdict) => {
    expect(read('lease', output)).toMatch(verdict);
  });
});

describe('all', () => {
  it('every check has a name of the configuration, and every name a check', () => {
    expect(ALL_HOST_CHECKS.map(({ name }) => name)).toEqual([...HOST_CHECKS]);
  });

  it.each(ALL_HOST_CHECKS.map((check) => [check.name, check] as const))(
    '%s: nothing printed -> a warning, "free" where its program is not there, or not known; never a trap',
    (_name, check) => {
      try {
        expect(['free', 'warning', 'busy']).toContain(check.read(new HostFacts(''), CONTEXT).outcome);
      } catch (thrown) {
        expect((thrown as Error).message).not.toMatch(/undefined|Cannot read prop/);
      }
    },
  );
});
