// Which listener stands behind which name of a shared port. Reads no bytes and accepts nobody.
import type { PoolRule } from '../platform/placement.ts';
import type { Asked } from './asked-name.ts';

/** The names by which one listener is reached through the port of another. In lower case; a host may begin with `*.`. */
export interface RouteNames {
  /** Of the listener whose port it is: its configured address. */
  readonly door: string;
  readonly hosts: readonly string[];
  readonly rdp: readonly string[];
  /** The pool whose port it is: then it is reached by no name. Default: none. */
  readonly pool?: string;
}

/** Where nobody is asked for by a name that is known: serve, by the port's own target, or refuse. */
export interface DoorRule {
  readonly key: string;
  readonly otherwise: 'serve' | 'refuse';
  /** It leads to a pool, whoever is asked for. Default: it does not. */
  readonly pool?: PoolRule;
}

/** One for all platforms of a process. */
export class RouteTable<Behind> {
  readonly #doors = new Map<string, Map<string, Behind>>();

  add({ door, hosts, rdp }: RouteNames, behind: Behind): void {
    const names = this.#doors.get(door) ?? new Map<string, Behind>();
    this.#doors.set(door, names);
    for (const host of hosts) names.set(`host ${host}`, behind);
    for (const name of rdp) names.set(`rdp ${name}`, behind);
  }

  /** Of these names those that still lead there. */
  remove({ door, hosts, rdp }: RouteNames, behind: Behind): void {
    const names = this.#doors.get(door);
    if (names === undefined) return;
    const keys = [...hosts.map((host) => `host ${host}`), ...rdp.map((name) => `rdp ${name}`)];
    for (const key of keys) if (names.get(key) === behind) names.delete(key);
    if (names.size === 0) this.#doors.delete(door);
  }

  /** The name itself before a wildcard, a longer wildcard before a shorter one. */
  find(door: string, asked: Asked): Behind | null {
    const names = this.#doors.get(door);
    if (names === undefined) return null;
    if (asked.rdp !== null) return names.get(`rdp ${asked.rdp}`) ?? null;
    if (asked.host === null) return null;
    const exact = names.get(`host ${asked.host}`);
    if (exact !== undefined) return exact;
    for (let dot = asked.host.indexOf('.'); dot >= 0; dot = asked.host.indexOf('.', dot + 1)) {
      const found = names.get(`host *${asked.host.slice(dot)}`);
      if (found !== undefined) return found;
    }
    return null;
  }
}
