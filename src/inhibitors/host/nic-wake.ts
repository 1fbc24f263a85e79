// Whether a NIC of the host wakes it by a magic packet: a warning only, its BMC may be enough.
import { free, type HostCheck, listSome, warning } from './host-check.ts';

export const NIC_WAKE: HostCheck = {
  name: 'nic-wake',
  snippet: () => `
if has ethtool; then echo 'ethtool yes'; else echo 'ethtool no'; fi
for i in /sys/class/net/*; do
  if [ -e "$i/device" ]; then
    n="\${i##*/}"
    echo "nic $n"
    if has ethtool; then t ethtool "$n" | grep -a '^[[:space:]]*Wake-on:' | sed "s/^/wol $n /"; fi
  fi
done`,
  read: (facts) => {
    const nics = facts.all('nic').map((name) => name.trim());
    const armed = facts.all('wol').flatMap((line) => {
      const match = /^(\S+)\s+Wake-on: *([a-z]+)/.exec(line);
      return match?.[2]?.includes('g') ? [match[1] ?? ''] : [];
    });
    if (armed.length > 0) return free(`${listSome(armed)} wakes on a magic packet`);
    if (nics.length === 0) return warning('no NIC of its own is seen, so none could wake it');
    if (facts.first('ethtool') !== 'yes') return warning('ethtool is not there: whether a NIC wakes it cannot be told');
    return warning(
      `no NIC wakes on a magic packet (${listSome(nics)}): ethtool -s NIC wol g, if Wake-on-LAN shall wake it`,
    );
  },
};
