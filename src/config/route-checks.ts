// Rules about the routes of listeners that span several keys. They read the raw values, as cross-checks.ts does.
import type { Finding } from './finding.ts';
import { nearestName } from './nearest-name.ts';
import { asMapping, children, hasEntries, isUnset, type Mapping, type Placed, scalarText } from './raw-values.ts';

/** Everything wrong with where routes lead and what they are told by. */
export function checkRoutes(platforms: ReadonlyArray<Placed<Mapping>>): Finding[] {
  return platforms.flatMap((platform) =>
    listenersOf(platform).flatMap((listener) => [
      ...checkDoor(listener),
      ...findTwinNames(listener),
      ...children(listener, 'routes').flatMap((route) => checkDestination(route, platform, platforms)),
    ]),
  );
}

/** Platforms that the routes of any listener lead to, or a pool. */
export function routedPlatforms(root: unknown, platforms: ReadonlyArray<Placed<Mapping>>): ReadonlySet<unknown> {
  const pools = children({ path: [], value: asMapping(root) }, 'pools');
  const seats = pools.flatMap((pool) => children(pool, 'vms')).map(({ value }) => value.platform);
  return new Set([
    ...seats,
    ...platforms.flatMap((platform) =>
      listenersOf(platform)
        .flatMap((listener) => children(listener, 'routes'))
        .map(({ value }) => value.platform ?? platform.value.name),
    ),
  ]);
}

function listenersOf(platform: Placed<Mapping>): Array<Placed<Mapping>> {
  return children(platform, 'vms').flatMap((vm) => children(vm, 'listeners'));
}

function checkDoor({ path, value }: Placed<Mapping>): Finding[] {
  if (!hasEntries(value.routes)) {
    if (isUnset(value.otherwise)) return [];
    return [
      { path: [...path, 'otherwise'], what: 'it speaks of routes, and there are none: write routes, or leave it out' },
    ];
  }
  const findings: Finding[] = [];
  if (/:0$/.test(scalarText(value.listen)))
    findings.push({ path: [...path, 'listen'], what: 'a port that is shared has a number: write it in place of 0' });
  if (value.protocol === 'ssh' || value.banner === 'serve') {
    const what = 'such clients name nobody before the server speaks: write a listener for each VM';
    findings.push({ path: [...path, 'routes'], what });
  }
  return findings;
}

/** A name leads to one place. */
function findTwinNames(listener: Placed<Mapping>): Finding[] {
  const seen = new Set<string>();
  return children(listener, 'routes').flatMap(({ path, value }) => {
    const names = (['hosts', 'rdp'] as const).flatMap((key) =>
      hasEntries(value[key]) ? (value[key] as unknown[]).map((name, index) => ({ key, name, index })) : [],
    );
    if (names.length === 0 && value.hosts === undefined && value.rdp === undefined)
      return [{ path, what: 'no client can ask for it: write hosts, rdp or both' }];
    return names.flatMap(({ key, name, index }) => {
      const text = `${key} ${scalarText(name).toLowerCase()}`;
      if (!seen.has(text)) {
        seen.add(text);
        return [];
      }
      const what = `${JSON.stringify(name)} leads somewhere already: write each name once`;
      return [{ path: [...path, key, index], what }];
    });
  });
}

function checkDestination(
  { path, value }: Placed<Mapping>,
  own: Placed<Mapping>,
  platforms: ReadonlyArray<Placed<Mapping>>,
): Finding[] {
  const name = value.platform ?? own.value.name;
  const platform = platforms.find((each) => each.value.name === name);
  if (platform === undefined) return [{ path: [...path, 'platform'], what: unknown('platform', name, platforms) }];
  const vms = children(platform, 'vms');
  if (isUnset(value.vm) || vms.some((vm) => vm.value.name === value.vm)) return [];
  return [{ path: [...path, 'vm'], what: `${unknown('VM', value.vm, vms)} (of the platform ${scalarText(name)})` }];
}

function unknown(noun: string, name: unknown, known: ReadonlyArray<Placed<Mapping>>): string {
  const names = known.map(({ value }) => scalarText(asMapping(value).name));
  const near = nearestName(scalarText(name), names);
  return `there is no ${noun} ${JSON.stringify(name)}${near === null ? '' : `; did you mean ${JSON.stringify(near)}?`}`;
}
