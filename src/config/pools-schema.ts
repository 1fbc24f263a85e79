// Pools of platforms that do the same for their users: the words of the YAML, what of them contradicts itself.
import { z } from 'zod';
import type { Pool } from '../platform/spare-rule.ts';
import { checkEvacuations, type EvacuateConfig, evacuateSchema, toEvacuate } from './evacuate-schema.ts';
import { targetField, textField, wholeField, wordField } from './fields.ts';
import { mapping } from './mapping.ts';
import { nearestName } from './nearest-name.ts';
import { asMapping, children, isUnset, type Mapping, type Placed, scalarText } from './raw-values.ts';
import type { ConfigPath } from './yaml-source.ts';

const MAX_POOLS = 1_000;
const MAX_MEMBERS = 10_000;
const SESSIONS_MAX = 1_000_000;

const platformField = textField('the name of a platform, such as vdi-01', /^[a-z0-9][a-z0-9-]{0,63}$/);
const vmField = textField('the name of a VM, such as alice', /^[A-Za-z0-9][\w.-]{0,63}$/);

export const poolsSchema = z
  .array(
    mapping({
      name: textField(
        'a name of letters, digits, dots, hyphens or underscores, such as office',
        /^[A-Za-z0-9][\w.-]{0,63}$/,
      ),
      spare: wholeField(0, MAX_MEMBERS).default(0),
      sessionsPerPlatform: wholeField(1, SESSIONS_MAX).nullable().default(null),
      stickyBy: wordField(['user', 'source', 'none']).default('user'),
      vms: z
        .array(mapping({ platform: platformField, vm: vmField, target: targetField }))
        .max(MAX_MEMBERS, `the list has more than ${MAX_MEMBERS} VMs: write another pool`)
        .default([]),
      platforms: z
        .array(platformField)
        .min(1, 'the list is empty: write the names of platforms')
        .max(MAX_MEMBERS, `the list has more than ${MAX_MEMBERS} platforms: write another pool`)
        .optional(),
      evacuate: evacuateSchema.nullable().default(null),
    }),
  )
  .max(MAX_POOLS, `the list has more than ${MAX_POOLS} pools: write fewer`)
  .default([]);

export type ParsedPools = z.output<typeof poolsSchema>;

export interface PoolConfig extends Pool {
  /** null: no VM is moved. */
  readonly evacuate: EvacuateConfig | null;
}

/** Relative paths are meant from `folder`. */
export function toPools(parsed: ParsedPools, folder: string): PoolConfig[] {
  return parsed.map(({ name, spare, sessionsPerPlatform, vms, platforms, evacuate }) => {
    const own = platforms ?? [...new Set(vms.map(({ platform }) => platform))];
    const moves = evacuate === null ? null : toEvacuate(evacuate, folder);
    return { name, spare, sessionsPerPlatform, platforms: own, evacuate: moves };
  });
}

interface Found {
  readonly path: ConfigPath;
  readonly what: string;
}

/** Names that lead nowhere or stand twice, more spares than there are platforms, bounds that nobody could keep. */
export function checkPools(root: unknown, platforms: ReadonlyArray<Placed<Mapping>>): Found[] {
  const file = asMapping(root);
  const names = platforms.map(({ value }) => scalarText(value.name));
  const pools = children({ path: [], value: file }, 'pools');
  const each = pools.flatMap((pool, index) => [
    ...checkName(pool, pools.slice(0, index)),
    ...checkPlatforms(pool, names),
    ...checkSessions(pool, file.workers),
  ]);
  return [...each, ...checkEvacuations(root, platforms)];
}

function checkName({ path, value }: Placed<Mapping>, before: ReadonlyArray<Placed<Mapping>>): Found[] {
  if (typeof value.name !== 'string' || !before.some((other) => other.value.name === value.name)) return [];
  return [{ path: [...path, 'name'], what: `another pool is called ${value.name}: write another name` }];
}

function checkPlatforms({ path, value }: Placed<Mapping>, names: readonly string[]): Found[] {
  const vms = children({ path, value }, 'vms');
  const members = Array.isArray(value.platforms)
    ? value.platforms.map(scalarText)
    : [...new Set(vms.map((vm) => scalarText(vm.value.platform)))];
  if (members.length === 0 && !Array.isArray(value.platforms))
    return [{ path, what: 'nothing is in it: write platforms, or vms' }];
  if (!Array.isArray(value.platforms)) return checkSpare(path, value, members.length);
  const findings = members.flatMap((member, index) => {
    const at = [...path, 'platforms', index];
    if (members.indexOf(member) < index) return [{ path: at, what: `${member} is in it already: write each once` }];
    if (names.includes(member)) return [];
    const near = nearestName(member, names);
    const advice = near === null ? `there are: ${names.join(', ')}` : `did you mean ${near}?`;
    return [{ path: at, what: `no platform is called ${member}; ${advice}` }];
  });
  return [...findings, ...checkSpare(path, value, members.length)];
}

function checkSpare(path: ConfigPath, { spare }: Mapping, count: number): Found[] {
  if (typeof spare !== 'number' || count === 0 || spare <= count) return [];
  return [{ path: [...path, 'spare'], what: `it has ${count} platforms only: write no more than that` }];
}

function checkSessions({ path, value }: Placed<Mapping>, workers: unknown): Found[] {
  if (isUnset(value.sessionsPerPlatform) || typeof workers !== 'number' || workers === 1) return [];
  const what = 'connections are counted by one process: write workers: 1, or leave it out';
  return [{ path: [...path, 'sessionsPerPlatform'], what }];
}
