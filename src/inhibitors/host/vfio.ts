// PCI devices given to VMs by VFIO: the host cannot save their state, and few survive its sleep.
import { busy, free, type HostCheck, listSome } from './host-check.ts';

export const VFIO: HostCheck = {
  name: 'vfio',
  snippet: () => `
for d in /sys/bus/pci/drivers/vfio-pci/[0-9a-f]*:*; do
  if [ -e "$d" ]; then echo "device \${d##*/}"; fi
done
echo "uid $(id -u)"
echo "open $(ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c -- '-> /dev/vfio/[0-9]')"`,
  read: (facts) => {
    const devices = facts.all('device').map((device) => device.trim());
    const uid = facts.first('uid');
    const open = Number(facts.first('open') ?? Number.NaN);
    if (uid === null || !Number.isInteger(open)) throw new Error('the open devices cannot be counted');
    if (devices.length === 0) return free('no device is passed through');
    const named = listSome(devices);
    if (open > 0) return busy(`a VM has ${named} passed through: such a device does not survive a sleep`);
    if (uid.trim() !== '0') return busy(`${named} may be passed through to a VM; only root can see that`);
    return free(`${named} could be passed through, but no VM has it`);
  },
};
