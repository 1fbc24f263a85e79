// Addresses that the host has by DHCP: a lease shorter than a night may be somebody else's when it wakes. A warning only.
import { formatDuration } from '../../platform/units.ts';
import { free, type HostCheck, warning } from './host-check.ts';

/** A night, with the evening before it. */
const NIGHT_SECONDS = 12 * 3600;

export const LEASE: HostCheck = {
  name: 'lease',
  snippet: () => `
if has ip; then echo 'ip yes'; t ip -o -4 addr show dynamic | tag addr; fi`,
  read: (facts) => {
    if (facts.first('ip') === null) return warning('ip is not there: leases cannot be told');
    const leases = facts.all('addr').flatMap((line) => {
      const match = /inet ([\d.]+)\/\d+ .*valid_lft (\d+)sec/.exec(line);
      return match === null ? [] : [{ address: match[1] ?? '', seconds: Number(match[2]) }];
    });
    const [shortest] = leases.sort((a, b) => a.seconds - b.seconds);
    if (shortest === undefined) return free('no address by DHCP');
    const left = formatDuration(shortest.seconds * 1000);
    if (shortest.seconds >= NIGHT_SECONDS) return free(`the lease of ${shortest.address} lasts ${left} more`);
    return warning(
      `the lease of ${shortest.address} lasts ${left} more: make it longer than a night, or the address fixed`,
    );
  },
};
