// The configuration as YAML gave it, before any schema: mappings of whatever stands there, with the path to each.
import type { ConfigPath } from './yaml-source.ts';

export type Mapping = Readonly<Record<string, unknown>>;
export interface Placed<T> {
  readonly path: ConfigPath;
  readonly value: T;
}

/** The mappings in the list under a key, with their paths. */
export function children(parent: Placed<Mapping>, key: string): Array<Placed<Mapping>> {
  const list = parent.value[key];
  if (!Array.isArray(list)) return [];
  return list.map((value, index) => ({ path: [...parent.path, key, index], value: asMapping(value) }));
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asMapping(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

export function hasEntries(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

export function isUnset(value: unknown): boolean {
  return value === undefined || value === null;
}

/** A scalar as text. Anything else is empty: what a mapping is called as text, its own `toString` says, which may be no function. */
export function scalarText(value: unknown): string {
  return typeof value === 'object' || typeof value === 'function' ? '' : String(value);
}
