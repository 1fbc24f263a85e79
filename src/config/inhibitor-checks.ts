// Rules across the keys under `inhibitors`. They read the raw values; what is wrong by itself is the schema's business.
import type { Finding } from './finding.ts';
import { asMapping, children, isUnset, type Mapping, type Placed } from './raw-values.ts';

export function checkInhibitors(platform: Placed<Mapping>): Finding[] {
  const inhibitors = inhibitorsOf(platform);
  const checks = children(inhibitors, 'checks');
  const schedules = [...children(inhibitors, 'awake'), ...children(inhibitors, 'wakeAt')];
  return [...checks.flatMap(checkAsk), ...findNameTwins(checks, 'check'), ...findNameTwins(schedules, 'schedule')];
}

/** What is allowed but probably not meant. */
export function doubtInhibitors(platform: Placed<Mapping>): Finding[] {
  const inhibitors = inhibitorsOf(platform);
  const { watts } = asMapping(platform.value.power);
  const findings: Finding[] = [];
  if (!isUnset(inhibitors.value.busyWatts) && isUnset(asMapping(watts).idle)) {
    const what =
      'power.watts.idle is not set, so idle is taken from the least it draws: a host that was busy all the time hides it';
    findings.push({ path: [...inhibitors.path, 'busyWatts'], what });
  }
  return findings;
}

function inhibitorsOf(platform: Placed<Mapping>): Placed<Mapping> {
  return { path: [...platform.path, 'inhibitors'], value: asMapping(platform.value.inhibitors) };
}

function checkAsk({ path, value }: Placed<Mapping>): Finding[] {
  const given = ['command', 'url'].filter((key) => !isUnset(value[key]));
  if (given.length === 1) return [];
  const what =
    given.length === 0
      ? 'a check needs a command or a url: write one of them'
      : 'a check has one way to be asked: write command or url, not both';
  return [{ path, what }];
}

function findNameTwins(items: ReadonlyArray<Placed<Mapping>>, noun: string): Finding[] {
  const seen = new Set<unknown>();
  return items.flatMap(({ path, value }) => {
    const { name } = value;
    if (typeof name !== 'string') return [];
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ path: [...path, 'name'], what: `another ${noun} is called ${JSON.stringify(name)}: write another name` }];
  });
}
