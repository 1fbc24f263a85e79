// What of Torpor's own machine, and of the addresses it was given, can end a sleeping platform's connections. Only what can be seen.
import { readFile } from 'node:fs/promises';
import type { PlatformConfig } from '../../config/torpor-config.ts';
import { formatDuration } from '../../platform/units.ts';
import type { CheckReport } from './check-finding.ts';

/** A night, with the evening before it: connections through Torpor's machine must be remembered that long. */
const NIGHT_SECONDS = 12 * 3600;
const TRACKING_TIMEOUT = '/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established';

/** A firewall on this machine that forgets a quiet connection drops its next packet. */
export async function checkConnectionTracking(report: CheckReport, path = TRACKING_TIMEOUT): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => null);
  const subject = 'connection tracking';
  if (text === null) {
    report.ok(subject, 'not loaded on this machine; firewalls between it and the clients or VMs cannot be seen');
    return;
  }
  const seconds = Number(text.trim());
  const age = formatDuration(seconds * 1000);
  if (seconds >= NIGHT_SECONDS) report.ok(subject, `this machine remembers a quiet connection for ${age}`);
  else {
    const todo = `sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established=${5 * 86_400}`;
    report.warn(subject, `this machine forgets a quiet connection after ${age}: it would not survive a night`, todo);
  }
}

/** A BMC at the address of a VM or of the host is a mistake, or a port that both share and that may vanish in S3. */
export function checkBmcAddress(platform: PlatformConfig, report: CheckReport): void {
  const bmc = platform.power.bmc?.host;
  const hosts = [
    ...platform.vms.flatMap((vm) => vm.listeners.map(({ target }) => target.host)),
    ...(platform.power.host !== null && 'host' in platform.power.host ? [platform.power.host.host] : []),
  ];
  if (bmc === undefined || !hosts.includes(bmc) || isLoopback(bmc)) return;
  const todo = 'give the BMC a port and an address of its own, and try a sleep by hand while you watch it';
  report.warn(
    'BMC address',
    `${bmc} is also an address of the host or of a VM: the BMC may vanish when it sleeps`,
    todo,
  );
}

/** A rehearsal on one machine, as the simulated platform is. */
function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || host === 'localhost';
}
