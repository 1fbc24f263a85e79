// What stands under a pool's `evacuate`, in the words of the YAML, what of it contradicts the rest of the file, and what it becomes.
import { z } from 'zod';
import type { EvacuationRule } from '../platform/evacuation-rule.ts';
import { byDriver } from './by-driver.ts';
import { durationField, textField, wholeField, wordField, yesNoField } from './fields.ts';
import { libvirtUriField, proxmoxApiKeys } from './host-schema.ts';
import { mapping } from './mapping.ts';
import { checkProxmoxApi } from './power-checks.ts';
import type { ProxmoxApiConfig } from './power-config.ts';
import {
  asMapping,
  children,
  hasEntries,
  isMapping,
  isUnset,
  type Mapping,
  type Placed,
  scalarText,
} from './raw-values.ts';
import { toProxmoxApi } from './to-proxmox-api.ts';
import type { ConfigPath } from './yaml-source.ts';

const DAY_MS = 86_400_000;
const MAX_VMS = 10_000;
const platformField = textField('the name of a platform, such as vdi-01', /^[a-z0-9][a-z0-9-]{0,63}$/);

const hypervisorSchema = byDriver({
  libvirt: mapping({
    driver: wordField(['libvirt']),
    platform: platformField,
    uri: libvirtUriField,
    peerUri: libvirtUriField.optional(),
    transport: wordField(['p2p', 'tunnelled', 'direct']).default('p2p'),
  }),
  proxmox: mapping({ driver: wordField(['proxmox']), platform: platformField, ...proxmoxApiKeys }),
});

export const evacuateSchema = mapping({
  vmsPerPlatform: wholeField(1, MAX_VMS),
  activeAtMost: wholeField(0, MAX_VMS).default(1),
  quietFor: durationField(0, DAY_MS).prefault('15m'),
  idleFor: durationField(0, DAY_MS).prefault('0s'),
  restFor: durationField(60_000, DAY_MS).prefault('1h'),
  moveTimeout: durationField(1_000, DAY_MS).prefault('30m'),
  moveActive: yesNoField.default(false),
  hypervisors: z
    .array(hypervisorSchema)
    .min(2, 'VMs are moved between two at least: write the hypervisor of each platform of the pool')
    .max(MAX_VMS, `the list has more than ${MAX_VMS} hypervisors: write another pool`),
});

/** Who moves VMs off and onto one platform. */
export type MoverHostConfig =
  | {
      readonly driver: 'libvirt';
      readonly platform: string;
      /** As Torpor reaches it. */
      readonly uri: string;
      /** As the other hosts reach it. */
      readonly peerUri: string;
      readonly transport: 'p2p' | 'tunnelled' | 'direct';
    }
  | ({ readonly driver: 'proxmox'; readonly platform: string } & ProxmoxApiConfig);

export interface EvacuateConfig {
  readonly rule: EvacuationRule;
  readonly moveTimeoutMs: number;
  readonly hypervisors: readonly MoverHostConfig[];
}

export function toEvacuate(parsed: z.output<typeof evacuateSchema>, folder: string): EvacuateConfig {
  const { vmsPerPlatform, activeAtMost, quietFor, idleFor, restFor, moveActive, moveTimeout, hypervisors } = parsed;
  const times = { quietForMs: quietFor, idleForMs: idleFor, restForMs: restFor };
  return {
    rule: { vmsPerPlatform, activeAtMost, moveActive, ...times },
    moveTimeoutMs: moveTimeout,
    hypervisors: hypervisors.map((each) => {
      const { driver, platform } = each;
      if (driver === 'proxmox') return { driver, platform, ...toProxmoxApi(each, folder) };
      return { driver, platform, uri: each.uri, peerUri: each.peerUri ?? each.uri, transport: each.transport };
    }),
  };
}

interface Found {
  readonly path: ConfigPath;
  readonly what: string;
}

/** Platforms without a hypervisor, drivers that cannot give to each other, VMs that cannot be told apart, and what this cannot go with. */
export function checkEvacuations(root: unknown, platforms: ReadonlyArray<Placed<Mapping>>): Found[] {
  const file = asMapping(root);
  const pools = children({ path: [], value: file }, 'pools').filter(({ value }) => isMapping(value.evacuate));
  if (pools.length === 0) return [];
  const moved = pools.flatMap((pool) => membersOf(pool));
  return [
    ...pools.flatMap((pool) => checkPool(pool, platforms, file)),
    ...checkNames(platforms.filter(({ value }) => moved.includes(scalarText(value.name)))),
  ];
}

function membersOf(pool: Placed<Mapping>): string[] {
  if (Array.isArray(pool.value.platforms)) return pool.value.platforms.map(scalarText);
  return [...new Set(children(pool, 'vms').map(({ value }) => scalarText(value.platform)))];
}

function checkPool(pool: Placed<Mapping>, platforms: ReadonlyArray<Placed<Mapping>>, file: Mapping): Found[] {
  const path = [...pool.path, 'evacuate'];
  const hosts = children({ path, value: asMapping(pool.value.evacuate) }, 'hypervisors');
  const found: Found[] = hosts.flatMap((host) => (host.value.driver === 'proxmox' ? checkProxmoxApi(host) : []));
  const add = (what: string, at: ConfigPath = path) => found.push({ path: at, what });
  if (typeof file.workers === 'number' && file.workers > 1)
    add('a moved VM takes its streams along, within one process: write workers: 1');
  if (!isUnset(file.farm)) add('other Torpors would not know where a VM is: leave out farm, or evacuate');
  const members = membersOf(pool);
  const named = hosts.map(({ value }) => scalarText(value.platform));
  const missing = members.filter((member) => !named.includes(member));
  if (missing.length > 0)
    add(`there is no hypervisor for ${missing.join(', ')}: write one for each platform of the pool`);
  hosts.forEach((host, index) => {
    const name = named[index] as string;
    if (!members.includes(name)) add(`${name} is not in the pool`, [...host.path, 'platform']);
    else if (named.indexOf(name) < index) add(`${name} has one already: write each once`, [...host.path, 'platform']);
  });
  if (new Set(hosts.map(({ value }) => value.driver)).size > 1)
    add('libvirt and Proxmox cannot give VMs to each other: write hypervisors of one driver, or another pool');
  for (const { value, path: at } of platforms) {
    if (!members.includes(scalarText(value.name)) || asMapping(value.power).stateBy !== 'probes') continue;
    add(
      'without VMs nobody could tell whether it sleeps: write stateBy: bmc, or leave it out of a pool with evacuate',
      [...at, 'power', 'stateBy'],
    );
  }
  return found;
}

/** Moved to the same platform they would be one. */
function checkNames(platforms: ReadonlyArray<Placed<Mapping>>): Found[] {
  const seen = new Map<string, string>();
  return platforms.flatMap((platform) => {
    if (!hasEntries(platform.value.vms)) return [];
    return children(platform, 'vms').flatMap(({ path, value }) => {
      const name = scalarText(value.name);
      const owner = seen.get(name);
      if (owner === undefined) seen.set(name, scalarText(platform.value.name));
      if (owner === undefined || owner === platform.value.name) return [];
      const what = `${owner} has a VM ${name}, too, and VMs are moved between them (evacuate): write another name`;
      return [{ path: [...path, 'name'], what }];
    });
  });
}
