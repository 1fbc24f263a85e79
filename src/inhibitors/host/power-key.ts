// What the host does when its power button is pressed, and who has forbidden it (systemd-logind).
import {
  busy,
  free,
  type HostCheck,
  type HostContext,
  type HostFacts,
  type HostVerdict,
  warning,
} from './host-check.ts';

export const POWER_KEY: HostCheck = {
  name: 'power-key',
  snippet: () => `
if has busctl; then
  echo "key $(t busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager HandlePowerKey 2>&1 | head -n 1)"
fi
if has systemd-inhibit; then t systemd-inhibit --list --no-legend --no-pager 2>&1 | tag lock; fi`,
  read: (facts, context) => {
    const locks = blockingLocks(facts);
    if (locks.length > 0) return busy(locks[0] ?? '');
    return context.byButton ? readKey(facts, context) : free('not put to sleep by its button');
  },
};

const WANTED: Readonly<Record<HostContext['sleep'], readonly string[]>> = {
  S3: ['suspend', 'sleep', 'suspend-then-hibernate'],
  S5: ['poweroff', 'hibernate'],
};

function readKey(facts: HostFacts, { sleep }: HostContext): HostVerdict {
  const key = facts.first('key');
  const action = /^s "([a-z-]+)"/.exec(key ?? '')?.[1];
  if (action === undefined) {
    return warning(`what the power button does cannot be read${key === null ? ' (no systemd-logind)' : `: ${key}`}`);
  }
  const wanted = WANTED[sleep];
  if (wanted.includes(action)) return free(`the power button means ${action}`);
  const advice = `set HandlePowerKey=${wanted[0]} in logind.conf`;
  if (action === 'ignore') return busy(`the power button is ignored: ${advice}`);
  return busy(`the power button means ${action}, and power.sleep is ${sleep}: ${advice}`);
}

/** WHO UID USER PID COMM WHAT WHY MODE, of which WHO and WHY may hold spaces. */
function blockingLocks(facts: HostFacts): string[] {
  return facts.all('lock').flatMap((line) => {
    const match = /^(.+?)\s+\d+\s+\S+\s+\d+\s+\S+\s+([a-z:-]+)\s+(.*?)\s+block$/.exec(line.trim());
    if (match === null) return [];
    const [, who = '', what = '', why = ''] = match;
    const kinds = what.split(':').filter((kind) => kind === 'sleep' || kind === 'handle-power-key');
    return kinds.length === 0 ? [] : [`${who} forbids ${kinds.join(' and ')}: ${why}`];
  });
}
