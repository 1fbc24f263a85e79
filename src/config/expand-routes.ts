// Makes each route of a shared port a listener of the VM that it leads to: with the rules of the port, and a target of its own.
import { formatEndpoint } from '../platform/endpoint.ts';
import { defaultProbeKind } from './device-kinds.ts';
import { type SeatedPlatform, seatsBehind } from './pool-listeners.ts';
import type { ParsedPools } from './pools-schema.ts';
import type { ParsedConfig } from './schema.ts';
import type { ListenerConfig, PlatformConfig } from './torpor-config.ts';

type ParsedRoute = ParsedConfig['platforms'][number]['vms'][number]['listeners'][number]['routes'][number];

/** `configs` as they were made of `parsed`, in the same order. */
export function expandRoutes(
  configs: readonly PlatformConfig[],
  parsed: readonly SeatedPlatform[],
  pools: ParsedPools,
): PlatformConfig[] {
  const more = new Map<string, ListenerConfig[]>();
  for (const [at, { name, vms }] of parsed.entries()) {
    for (const [vmAt, { listeners }] of vms.entries()) {
      for (const [listenerAt, listener] of listeners.entries()) {
        const { routes } = listener;
        const door = configs[at]?.vms[vmAt]?.listeners[listenerAt] as ListenerConfig;
        for (const route of routes) {
          const key = `${route.platform ?? name}/${route.vm}`;
          more.set(key, [...(more.get(key) ?? []), toRouted(door, route)]);
        }
        for (const { key, target, routed } of seatsBehind(
          listener,
          { platform: name, vm: vms[vmAt]?.name ?? '' },
          pools,
        )) {
          more.set(key, [...(more.get(key) ?? []), { ...toBehind(door, target), routed }]);
        }
      }
    }
  }
  return configs.map((platform) => ({
    ...platform,
    vms: platform.vms.map((vm) => ({
      ...vm,
      listeners: [...vm.listeners, ...(more.get(`${platform.name}/${vm.name}`) ?? [])],
    })),
  }));
}

function toRouted(door: ListenerConfig, { target, hosts, rdp }: ParsedRoute): ListenerConfig {
  const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase());
  const routed = { door: formatEndpoint(door.listen), hosts: lower(hosts), rdp: lower(rdp) };
  return { ...toBehind(door, target), routed };
}

/** A probe that the port spells out asks each target; else the target's port tells which. */
function toBehind(door: ListenerConfig, target: ListenerConfig['target']): ListenerConfig {
  const isDefault = door.probe.kind === defaultProbeKind(door.device, door.target.port);
  const probe = isDefault ? { ...door.probe, kind: defaultProbeKind(door.device, target.port) } : door.probe;
  const proxyProtocol = { ...door.proxyProtocol, acceptFrom: null };
  return { ...door, target, probe, proxyProtocol, door: null, link: null };
}
