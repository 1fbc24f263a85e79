// Listeners that lead to a pool: each is a seat of its own VM, and each other VM of the pool gets one behind its port. What contradicts itself there.
import { formatEndpoint } from '../platform/endpoint.ts';
import type { PoolRule } from '../platform/placement.ts';
import { nearestName } from './nearest-name.ts';
import type { ParsedPools } from './pools-schema.ts';
import { asMapping, children, hasEntries, isUnset, type Mapping, type Placed, scalarText } from './raw-values.ts';
import type { ParsedConfig } from './schema.ts';
import type { ConfigPath } from './yaml-source.ts';

type ParsedPlatform = ParsedConfig['platforms'][number];
type ParsedVm = ParsedPlatform['vms'][number];
type ParsedListener = ParsedVm['listeners'][number];
type Target = ParsedPools[number]['vms'][number]['target'];

/** With a target, its own or its VM's in the pool. */
export type SeatedListener = Omit<ParsedListener, 'target'> & { readonly target: Target };
export interface SeatedPlatform extends Omit<ParsedPlatform, 'vms'> {
  readonly vms: ReadonlyArray<Omit<ParsedVm, 'listeners'> & { readonly listeners: readonly SeatedListener[] }>;
}

/** Checked before: a listener has a target, or its VM has one in the pool. */
export function seatPoolListeners(platforms: readonly ParsedPlatform[], pools: ParsedPools): SeatedPlatform[] {
  return platforms.map((platform) => ({
    ...platform,
    vms: platform.vms.map((vm) => ({
      ...vm,
      listeners: vm.listeners.map((listener) => {
        const seats = pools.find(({ name }) => name === listener.pool)?.vms ?? [];
        const own = seats.find((seat) => seat.platform === platform.name && seat.vm === vm.name);
        return { ...listener, target: (listener.target ?? own?.target) as Target };
      }),
    })),
  }));
}

export function poolRuleOf(pool: string | undefined, pools: ParsedPools): PoolRule | null {
  const found = pools.find(({ name }) => name === pool);
  if (found === undefined) return null;
  const { name, stickyBy, sessionsPerPlatform } = found;
  return { name, stickyBy, sessionsPerPlatform };
}

/** What stands behind the port for the other VMs of its pool. */
export function seatsBehind(
  { listen, pool }: SeatedListener,
  own: { readonly platform: string; readonly vm: string },
  pools: ParsedPools,
) {
  const seats = pools.find(({ name }) => name === pool)?.vms ?? [];
  return seats
    .filter(({ platform, vm }) => platform !== own.platform || vm !== own.vm)
    .map(({ platform, vm, target }) => {
      const routed = { door: formatEndpoint(listen), hosts: [], rdp: [], pool: pool as string };
      return { key: `${platform}/${vm}`, target, routed };
    });
}

interface Found {
  readonly path: ConfigPath;
  readonly what: string;
}

export function checkPoolListeners(root: unknown, platforms: ReadonlyArray<Placed<Mapping>>): Found[] {
  const file = asMapping(root);
  const pools = children({ path: [], value: file }, 'pools');
  return [
    ...pools.flatMap((pool) => checkSeats(pool, platforms)),
    ...platforms.flatMap((platform) =>
      children(platform, 'vms').flatMap((vm) =>
        children(vm, 'listeners').flatMap((listener) => checkListener(listener, { platform, vm }, pools, file)),
      ),
    ),
  ];
}

function checkSeats(pool: Placed<Mapping>, platforms: ReadonlyArray<Placed<Mapping>>): Found[] {
  const seen = new Set<string>();
  return children(pool, 'vms').flatMap(({ path, value }) => {
    const platform = platforms.find((each) => each.value.name === value.platform);
    if (platform === undefined) {
      const names = platforms.map((each) => scalarText(each.value.name));
      return [{ path: [...path, 'platform'], what: unknown('platform', value.platform, names) }];
    }
    const vms = children(platform, 'vms').map((vm) => scalarText(vm.value.name));
    if (!vms.includes(scalarText(value.vm))) return [{ path: [...path, 'vm'], what: unknown('VM', value.vm, vms) }];
    const key = `${value.platform}/${value.vm}`;
    if (seen.has(key)) return [{ path, what: `${key} is in it already: write each once` }];
    seen.add(key);
    return [];
  });
}

function unknown(noun: string, name: unknown, known: readonly string[]): string {
  const near = nearestName(scalarText(name), known);
  return `there is no ${noun} ${JSON.stringify(name)}${near === null ? '' : `; did you mean ${JSON.stringify(near)}?`}`;
}

function checkListener(
  { path, value }: Placed<Mapping>,
  own: { readonly platform: Placed<Mapping>; readonly vm: Placed<Mapping> },
  pools: ReadonlyArray<Placed<Mapping>>,
  file: Mapping,
): Found[] {
  if (isUnset(value.pool)) {
    if (!isUnset(value.target)) return [];
    return [{ path, what: '`target` is missing: write host:port of the VM, or pool' }];
  }
  const at = [...path, 'pool'];
  if (!isUnset(value.target))
    return [{ path: at, what: 'a listener leads to its target or to a pool: write one of them' }];
  const pool = pools.find((each) => each.value.name === value.pool);
  if (pool === undefined)
    return [
      {
        path: at,
        what: unknown(
          'pool',
          value.pool,
          pools.map((each) => scalarText(each.value.name)),
        ),
      },
    ];
  const [platform, vm] = [own.platform.value.name, own.vm.value.name];
  const isSeat = children(pool, 'vms').some((seat) => seat.value.platform === platform && seat.value.vm === vm);
  const findings: Found[] = [];
  if (!isSeat) {
    const what = `${scalarText(platform)}/${scalarText(vm)} is not in the vms of the pool: write it there, or the listener at a VM that is`;
    findings.push({ path: at, what });
  }
  return [...findings, ...checkKind(at, value, pool.value, file)];
}

/** What a place cannot be chosen for, and what nobody could be told by. */
function checkKind(path: ConfigPath, listener: Mapping, pool: Mapping, file: Mapping): Found[] {
  const found: Found[] = [];
  const add = (what: string) => found.push({ path, what });
  if (typeof file.workers === 'number' && file.workers > 1)
    add('one process has to know who is placed where: write workers: 1');
  if (hasEntries(listener.routes)) add('a port leads to names or to a pool: write routes or pool');
  if (/^udp:/.test(scalarText(listener.listen))) add('datagrams have no session that could be placed: write a target');
  if (/:0$/.test(scalarText(listener.listen))) add('a port that is shared has a number: write it in place of 0');
  for (const key of ['webSocket', 'defer', 'link'])
    if (!isUnset(listener[key])) add(`\`${key}\` is about one VM: write a target`);
  const greets = listener.protocol === 'ssh' || listener.protocol === 'rfb' || listener.banner === 'serve';
  if (greets && (pool.stickyBy ?? 'user') === 'user')
    add('such clients name nobody before the server speaks: write stickyBy: source at the pool');
  return found;
}
