// The configuration as it is after VMs were moved: each under the platform on which it runs. Reads and moves nothing.
import type { PlatformConfig, TorporConfig, VmConfig } from './torpor-config.ts';

/** `places`: platforms by VM; only VMs of pools with `evacuate` follow, to platforms of the same pool. */
export function placeVms(
  { platforms, pools }: Pick<TorporConfig, 'platforms' | 'pools'>,
  places: ReadonlyMap<string, string>,
): readonly PlatformConfig[] {
  const movable = pools.filter(({ evacuate }) => evacuate !== null);
  const placeOf = (platform: string, { name }: VmConfig): string => {
    const place = places.get(name) ?? platform;
    const isAllowed = movable.some((pool) => pool.platforms.includes(platform) && pool.platforms.includes(place));
    return isAllowed && platforms.some((each) => each.name === place) ? place : platform;
  };
  const placed = platforms.flatMap(({ name, vms }) => vms.map((vm) => ({ vm, from: name, to: placeOf(name, vm) })));
  if (placed.every(({ from, to }) => from === to)) return platforms;
  return platforms.map((platform) => {
    // Its own come first, in their order, so that what did not move is as it was.
    const own = placed.filter(({ from, to }) => from === platform.name && to === platform.name);
    const others = placed.filter(({ from, to }) => from !== platform.name && to === platform.name);
    const gone = placed.filter(({ from, to }) => from === platform.name && to !== platform.name);
    if (others.length + gone.length === 0) return platform;
    const vms = [...own, ...others].map(({ vm }) => vm);
    return { ...platform, vms, context: followNames(platform.context, names(gone), names(others)) };
  });
}

function names(placed: ReadonlyArray<{ readonly vm: VmConfig }>): string[] {
  return placed.map(({ vm }) => vm.name);
}

/** Who saves VMs by name saves those that are there. */
function followNames(
  context: PlatformConfig['context'],
  gone: readonly string[],
  come: readonly string[],
): PlatformConfig['context'] {
  const { saveVms } = context;
  if (saveVms === null || saveVms.vms === 'all') return context;
  const vms = [...saveVms.vms.filter((vm) => !gone.includes(vm)), ...come];
  return { ...context, saveVms: { ...saveVms, vms } };
}
