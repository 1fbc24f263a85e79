// Rules across the keys that say what is done around a sleep. They read the raw values, as cross-checks.ts does.
import type { Finding } from './finding.ts';
import { checkProxmoxApi } from './power-checks.ts';
import { asMapping, children, isMapping, isUnset, type Mapping, type Placed } from './raw-values.ts';

/** Everything wrong across the keys of one platform's `context` and of its identities. */
export function checkContext(platform: Placed<Mapping>): Finding[] {
  const context = contextOf(platform);
  const saver = { path: [...context.path, 'saveVms'], value: asMapping(context.value.saveVms) };
  return [
    ...checkIdentity(context),
    ...children(platform, 'vms').flatMap(checkIdentity),
    ...(saver.value.driver === 'proxmox' ? checkProxmoxApi(saver) : []),
  ];
}

/** What is allowed but probably not meant. */
export function doubtContext(platform: Placed<Mapping>): Finding[] {
  const context = contextOf(platform);
  const power = asMapping(platform.value.power);
  const savesVms = !isUnset(context.value.saveVms) || !isUnset(asMapping(platform.value.hooks).beforeSuspend);
  const findings: Finding[] = [];
  if (power.sleep === 'S5' && !savesVms) {
    const what =
      'S5 loses what is in memory and nobody saves the VMs, so every session is lost with each sleep: write context.saveVms, or a hook beforeSuspend that saves them';
    findings.push({ path: [...platform.path, 'power', 'sleep'], what });
  }
  const isSaved = !isUnset(context.value.saveVms) || (power.sleep === 'S5' && savesVms);
  if (isSaved && !isUnset(context.value.identity)) {
    const what =
      "the host's identity is not looked at where its VMs are saved, for they outlive its memory: write an identity for each VM";
    findings.push({ path: [...context.path, 'identity'], what });
  }
  return findings;
}

function contextOf(platform: Placed<Mapping>): Placed<Mapping> {
  return { path: [...platform.path, 'context'], value: asMapping(platform.value.context) };
}

function checkIdentity({ path, value }: Placed<Mapping>): Finding[] {
  if (!isMapping(value.identity)) return [];
  const { command, url, banner } = value.identity;
  const given = [command, url, banner].filter((source) => !isUnset(source));
  if (given.length === 1) return [];
  const what =
    given.length === 0
      ? 'it says nowhere where to read it: write command, url or banner'
      : 'command, url and banner exclude each other: write one of them';
  return [{ path: [...path, 'identity'], what }];
}
