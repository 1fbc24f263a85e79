// Whether the host's suspend is S3 at all: the kernel may only know s2idle, which no BMC can tell from running.
import { busy, free, type HostCheck } from './host-check.ts';

export const MEM_SLEEP: HostCheck = {
  name: 'mem-sleep',
  snippet: () => `
if [ -r /sys/power/mem_sleep ]; then tag mem </sys/power/mem_sleep; else echo 'none'; fi`,
  read: (facts, { sleep }) => {
    if (sleep !== 'S3') return free('not needed for S5');
    const modes = facts.first('mem');
    if (modes === null) return busy('this kernel knows no suspend (no /sys/power/mem_sleep)');
    if (modes.includes('[deep]')) return free('suspend means S3 (deep)');
    const words = modes.trim();
    if (!modes.includes('deep'))
      return busy(`this host has no S3, only ${words}: enable it in the firmware, or set power.sleep: S5`);
    return busy(
      `suspend means ${words}, not S3: boot with mem_sleep_default=deep, or write deep to /sys/power/mem_sleep`,
    );
  },
};
