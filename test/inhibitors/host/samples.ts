// What programs printed on real hosts, as their documentation shows it. Each sample names its source; none is made by our code.

/** Proxmox VE administration guide, chapter "Cluster Manager"; three nodes as posted with "pvecm status" of 2019. */
export const PVECM_THREE_NODES = `Quorum information
------------------
Date:             Mon Jul 22 13:44:10 2019
Quorum provider:  corosync_votequorum
Nodes:            3
Node ID:          0x00000001
Ring ID:          1/348
Quorate:          Yes

Votequorum information
----------------------
Expected votes:   3
Highest expected: 3
Total votes:      3
Quorum:           2  
Flags:            Quorate 

Membership information
----------------------
    Nodeid      Votes Name
0x00000001          1 192.168.1.101 (local)
0x00000002          1 192.168.1.102
0x00000003          1 192.168.1.103
`;

/** corosync-quorumtool of two nodes, 2016, as posted with a guide to Pacemaker on Ubuntu. */
export const QUORUMTOOL_TWO_NODES = `Quorum information
------------------
Date:             Mon May 23 01:46:03 2016
Quorum provider:  corosync_votequorum
Nodes:            2
Node ID:          2
Ring ID:          24
Quorate:          Yes
Votequorum information
----------------------
Expected votes:   2
Highest expected: 2
Total votes:      2
Quorum:           2 
Flags:            Quorate
Membership information
----------------------
    Nodeid      Votes Name
         2          1 10.10.10.26 (local)
         1          1 10.10.10.91
`;

/** A cluster of one node, Proxmox VE 6, 2020. */
export const PVECM_ALONE = `Cluster information
-------------------
Name:             local-cluster
Config Version:   1
Transport:        knet
Secure auth:      on

Quorum information
------------------
Date:             Sat Nov 14 13:32:02 2020
Quorum provider:  corosync_votequorum
Nodes:            1
Node ID:          0x00000001
Ring ID:          1.5
Quorate:          Yes

Votequorum information
----------------------
Expected votes:   1
Highest expected: 1
Total votes:      1
Quorum:           1  
Flags:            Quorate 

Membership information
----------------------
    Nodeid      Votes Name
0x00000001          1 192.168.0.150 (local)
`;

/** OpenShift's two-node documentation, "pcs quorum status --debug", 2026: one of two has gone. */
export const QUORUMTOOL_NOT_QUORATE = `Quorum information
------------------
Date:             Wed Apr 29 16:25:55 2026
Quorum provider:  corosync_votequorum
Nodes:            1
Node ID:          1
Ring ID:          1.e
Quorate:          No

Votequorum information
----------------------
Expected votes:   2
Highest expected: 2
Total votes:      1
Quorum:           1 Activity blocked
Flags:            2Node WaitForAll

Membership information
----------------------
    Nodeid      Votes    Qdevice Name
         1          1         NR master-0.ostest.test.metalkube.org (local)
`;

/** Proxmox VE administration guide, chapter "High Availability", section "How It Works". */
export const HA_MANAGER = `quorum OK
master elsa (active, Mon Nov 21 07:23:29 2016)
lrm elsa (active, Mon Nov 21 07:23:22 2016)
service ct:100 (elsa, stopped)
service ct:102 (elsa, started)
service vm:501 (elsa, started)
`;

/** ClusterLabs, "Pacemaker Remote", 2022: the part of the status that crm_mon prints. */
export const CRM_MON_2 = `Cluster Summary:
  * Stack: corosync
  * Current DC: pcmk-1 (version 2.1.2-4.el9-ada5c3b36e2) - partition with quorum
  * Last updated: Wed Aug 10 05:17:28 2022
  * Last change:  Wed Aug 10 05:17:26 2022 by root via cibadmin on pcmk-1
  * 3 nodes configured
  * 2 resource instances configured

Node List:
  * Online: [ pcmk-1 pcmk-2 ]
  * RemoteOnline: [ remote1 ]

Full List of Resources:
  * xvm	(stonith:fence_xvm):	 Started pcmk-1
  * remote1	(ocf:pacemaker:remote):	 Started pcmk-1
`;

/** crm_mon of Pacemaker 1.1, 2009, as quoted in a guide to crmsh. */
export const CRM_MON_1 = `============
Last updated: Fri Aug 28 16:19:24 2009
Stack: openais
Current DC: pcmk-2 - partition with quorum
Version: 1.1.5-bdd89e69ba545404d02445be1f3d72e6a203ba2f
2 Nodes configured, 2 expected votes
2 Resources configured.
============

Online: [ pcmk-1 pcmk-2 ]

ClusterIP    (ocf::heartbeat:IPaddr):    Started pcmk-1
WebSite    (ocf::heartbeat:apache):    Started pcmk-1
`;

/** A host with LVM on shared storage, "sanlock status" in a guide to lvmlockd. */
export const SANLOCK_LVM = `daemon 965af208-5dab-48aa-8d58-e822dbe481f0.zeroway-Sta
p -1 helper
p -1 listener
p 21399 lvmlockd
p -1 status
s lvm_myvg:11:/dev/mapper/myvg-lvmlock:0
r lvm_myvg:Y0MvQU-VzCz-LUjW-hJol-10ex-pHyx-BcDuup:/dev/mapper/myvg-lvmlock:70254592:1 p 21399
`;

/** The same daemon without a lockspace, from a storage driver's tests against a real stand. */
export const SANLOCK_IDLE = `daemon abc.node
p -1 helper
p 1060640 lvmlockd
p -1 status
`;

/** Linux 6, drivers/target/iscsi/iscsi_target_configfs.c, lio_target_nacl_info_show, as its printf formats write it. */
export const LIO_LOGGED_IN = `InitiatorName: iqn.2026-06.local:initiator-0050562ef64f
InitiatorAlias: win11
LIO Session ID: 3  ISID: 0x00023d000001  TSIH: 3  SessionType: Normal
Session State: TARG_SESS_STATE_LOGGED_IN
`;
export const LIO_NO_SESSION =
  'No active iSCSI Session for Initiator Endpoint: iqn.2026-06.local:initiator-00505638bb2c\n';

/** tgtadm --mode target --op show, one initiator, as a project's recorded answer. */
export const TGTADM = `Target 1: iqn.2001-04.com.nas-0-1
    System information:
        Driver: iscsi
        State: ready
    I_T nexus information:
        I_T nexus: 1
            Initiator: iqn.1994-05.com.redhat:dd87ffb48f6e
            Connection: 0
                IP Address: 10.2.20.250
    LUN information:
`;

/** ethtool of a Realtek NIC, armed, and of another, not armed (forum posts). */
export const ETHTOOL_ARMED = `Settings for eth2:
        Supported ports: [ TP ]
        Auto-negotiation: on
        Supports Wake-on: pumbg
        Wake-on: g
        Current message level: 0x00000033 (51)
        Link detected: yes
`;
export const ETHTOOL_OFF = `Settings for enp3s0:
	Supports Wake-on: pumbg
	Wake-on: d
	Link detected: yes
`;

/** virsh 9.0.0 of Debian 12 on a running QEMU guest: without a job, during `virsh dump --live --memory-only`, during `virsh save`. */
export const DOMJOBINFO_NONE = 'Job type:         None        \n\n';
export const DOMJOBINFO_DUMP = `Job type:         Unbounded   
Operation:        Dump        
Time elapsed:     401          ms
`;
export const DOMJOBINFO_SAVE = `Job type:         Unbounded   
Operation:        Save        
Time elapsed:     180          ms
Data processed:   531.525 KiB
Data remaining:   71.684 MiB
Data total:       256.375 MiB
`;
export const DOMJOBINFO_GONE = "error: failed to get domain 'bob'\n";

/** ss of iproute2 6.1 (Debian 12), real connections: IPv4 and an IPv4 peer at an IPv6 socket. */
export const SS_LOOPBACK = `0      0               127.0.0.1:46463          127.0.0.1:48364
0      0      [::ffff:127.0.0.1]:55311 [::ffff:127.0.0.1]:52812
`;

/** busctl without a system bus, Debian 12 in a container. */
export const BUSCTL_NO_BUS = 'Failed to connect to bus: No such file or directory\n';

/** ip of iproute2: a fixed address (real), and the form of a leased one, ip-address(8), print_addrinfo. */
export const IP_FIXED =
  '4: eth0    inet 192.0.2.2/24 brd 192.0.2.255 scope global eth0\\       valid_lft forever preferred_lft forever\n';
export const IP_LEASED =
  '2: enp1s0    inet 192.168.1.50/24 brd 192.168.1.255 scope global dynamic noprefixroute enp1s0\\       valid_lft 3215sec preferred_lft 3215sec\n';
