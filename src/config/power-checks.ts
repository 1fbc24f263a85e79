// Rules across the keys under `power`: that somebody can put it to sleep, wake it and read it. They read the raw values, as
// cross-checks.ts does.
import type { Finding } from './finding.ts';
import { hostAbilities } from './host-abilities.ts';
import { asMapping, isUnset, type Mapping, type Placed, scalarText } from './raw-values.ts';
import { checkRedfish } from './redfish-schema.ts';

/** Everything wrong across the keys of one platform's `power`. */
export function checkPower(platform: Placed<Mapping>): Finding[] {
  if (isUnset(platform.value.power)) return [];
  const power = { path: [...platform.path, 'power'], value: asMapping(platform.value.power) };
  return [
    ...checkPassword(power),
    ...checkKg(power),
    ...checkRedfish(power),
    ...checkSleeper(power),
    ...checkWakers(power),
    ...checkStateReader(power),
    ...checkProxmoxHost(power),
  ];
}

/** What is allowed but probably not meant. */
export function doubtPower(platform: Placed<Mapping>): Finding[] {
  const power = { path: [...platform.path, 'power'], value: asMapping(platform.value.power) };
  return [...doubtSuite(power), ...doubtBroadcast(power)];
}

function doubtSuite({ path, value }: Placed<Mapping>): Finding[] {
  const { cipherSuite } = asMapping(value.bmc);
  if (cipherSuite !== 2 && cipherSuite !== 16) return [];
  const what = `cipher suite ${cipherSuite} does not encrypt, so who listens reads along: write auto, unless the BMC has nothing better`;
  return [{ path: [...path, 'bmc', 'cipherSuite'], what }];
}

function doubtBroadcast({ path, value }: Placed<Mapping>): Finding[] {
  const { wol } = value;
  if (isUnset(wol) || !isUnset(asMapping(wol).interface) || !isUnset(asMapping(wol).address)) return [];
  const what =
    'neither interface nor address: the broadcast leaves by the default route, where the platform may not be: write interface';
  return [{ path: [...path, 'wol'], what }];
}

function checkPassword({ path, value }: Placed<Mapping>): Finding[] {
  if (isUnset(value.bmc)) return [];
  const bmc = asMapping(value.bmc);
  const given = [bmc.passwordFile, bmc.passwordEnv].filter((source) => !isUnset(source));
  if (given.length === 1) return [];
  const what =
    given.length === 0
      ? 'the password is missing: write passwordFile (a path) or passwordEnv (an environment variable)'
      : 'passwordFile and passwordEnv exclude each other: write one of them';
  return [{ path: [...path, 'bmc'], what }];
}

function checkKg({ path, value }: Placed<Mapping>): Finding[] {
  const bmc = asMapping(value.bmc);
  if (isUnset(bmc.kgFile) || isUnset(bmc.kgEnv)) return [];
  return [{ path: [...path, 'bmc'], what: 'kgFile and kgEnv exclude each other: write one of them' }];
}

function checkProxmoxHost({ path, value }: Placed<Mapping>): Finding[] {
  const host = { path: [...path, 'host'], value: asMapping(value.host) };
  if (host.value.driver !== 'proxmox') return [];
  const sleeper = value.sleepBy ?? (isUnset(value.bmc) ? 'host' : 'bmc');
  const suspends = sleeper === 'host' && value.sleep !== 'S5';
  const what = 'a Proxmox node can be shut down, not suspended: write sleep: S5, or sleepBy: bmc';
  return [...checkProxmoxApi(host), ...(suspends ? [{ path: [...host.path, 'driver'], what }] : [])];
}

/** The keys of a Proxmox VE API, under `power.host` and under `context.saveVms`. */
export function checkProxmoxApi({ path, value }: Placed<Mapping>): Finding[] {
  const findings: Finding[] = [];
  const given = [value.tokenFile, value.tokenEnv].filter((source) => !isUnset(source));
  if (given.length !== 1) {
    const what =
      given.length === 0
        ? "the token's secret is missing: write tokenFile (a path) or tokenEnv (an environment variable)"
        : 'tokenFile and tokenEnv exclude each other: write one of them';
    findings.push({ path, what });
  }
  const { ca, fingerprint } = asMapping(value.tls);
  if (!isUnset(ca) && !isUnset(fingerprint)) {
    findings.push({ path: [...path, 'tls'], what: 'ca and fingerprint exclude each other: write one of them' });
  }
  return findings;
}

function checkSleeper({ path, value }: Placed<Mapping>): Finding[] {
  const hasBmc = !isUnset(value.bmc);
  const hasHost = !isUnset(value.host);
  const sleeper = value.sleepBy ?? (hasBmc ? 'bmc' : 'host');
  if (sleeper === 'bmc' && !hasBmc) {
    return [{ path: [...path, 'sleepBy'], what: 'there is no bmc: write power.bmc, or sleepBy: host' }];
  }
  if (sleeper !== 'host' || hostAbilities(asMapping(value.host)).sleeps) return [];
  if (!hasHost && isUnset(value.sleepBy)) {
    return [{ path, what: 'nothing here could put it to sleep: write bmc, or host' }];
  }
  const what = hasHost
    ? 'this host driver cannot put it to sleep as it is: write its sleep command, or sleepBy: bmc'
    : 'there is no host: write power.host, or sleepBy: bmc';
  return [{ path: isUnset(value.sleepBy) ? [...path, 'host'] : [...path, 'sleepBy'], what }];
}

function checkWakers({ path, value }: Placed<Mapping>): Finding[] {
  const able: Readonly<Record<string, boolean>> = {
    bmc: !isUnset(value.bmc),
    wol: !isUnset(value.wol),
    host: hostAbilities(asMapping(value.host)).wakes,
  };
  if (!Array.isArray(value.wakeBy)) {
    const any = Object.values(able).some(Boolean);
    // Where nothing is configured at all, that is what is said.
    if (any || isUnset(value.host)) return [];
    return [{ path, what: 'nothing here could wake it: write wol, bmc, or the wake command of a host' }];
  }
  const twins = value.wakeBy.filter((waker, index, all) => all.indexOf(waker) !== index);
  const unable = value.wakeBy.filter((waker) => typeof waker === 'string' && able[waker] === false);
  return [
    ...twins.map((waker) => ({
      path: [...path, 'wakeBy'],
      what: `${scalarText(waker)} stands there twice: write it once`,
    })),
    ...unable.map((waker: string) => ({
      path: [...path, 'wakeBy'],
      what: `${waker} cannot wake it: ${waker === 'host' ? 'write a host with a wake command' : `write power.${waker}`}, or take it off the list`,
    })),
  ];
}

function checkStateReader({ path, value }: Placed<Mapping>): Finding[] {
  if (value.stateBy === 'bmc' && isUnset(value.bmc)) {
    return [{ path: [...path, 'stateBy'], what: 'there is no bmc: write power.bmc, or stateBy: host or probes' }];
  }
  if (value.stateBy !== 'host' || hostAbilities(asMapping(value.host)).reads) return [];
  const what = 'this host driver cannot tell the state as it is: write its state command, or stateBy: bmc or probes';
  return [{ path: [...path, 'stateBy'], what }];
}
