// What the Torpors of a farm tell each other about who is connected, and what this one heard last: so that each can show them all.
import type { StreamStatus } from '../platform/ports.ts';
import type { CarriedSums, FarmInstance, FarmStream, PlatformInstance } from '../platform/status.ts';
import type { InstanceStatus } from './farm-member.ts';

/** A view as text is at most this long, bytes: NATS takes a mebibyte. Streams, active ones first, then platforms beyond it are counted only. */
export const VIEW_BYTES_MAX = 768 * 1024;
/** Of which platforms take at most this. */
const PLATFORMS_BYTES_MAX = 256 * 1024;

export type ViewDetail = 'sums' | 'streams';

/** One Torpor's own clients. */
export interface InstanceView {
  /** Those that somebody uses, or used; all others carry nothing. */
  readonly platforms: Readonly<Record<string, CarriedSums>>;
  readonly unlistedPlatforms: number;
  /** Of all platforms. */
  readonly openStreams: number;
  /** Empty where sums were asked for. */
  readonly streams: readonly StreamStatus[];
  readonly unlistedStreams: number;
}

export const NOTHING_CARRIED: CarriedSums = {
  pool: 0,
  streams: 0,
  heldBytes: 0,
  heldStoredBytes: 0,
  bytesFromClients: 0,
  bytesToClients: 0,
  refusedClients: {},
};

/** What a stream of another version lacks. */
const STREAM_DEFAULTS: StreamStatus = {
  id: '',
  platform: '',
  vm: '',
  listener: '',
  client: '',
  target: '',
  protocol: 'raw',
  device: 'desktop',
  speaks: '',
  verdict: '',
  mode: 'flowing',
  active: false,
  openedAtMs: 0,
  lastActiveAtMs: 0,
  lastActiveWhy: '',
  idleAtMs: null,
  bytesFromClient: 0,
  bytesToClient: 0,
  heldBytes: 0,
  heldStoredBytes: 0,
};

/** A view as text, within VIEW_BYTES_MAX. */
export function formatView(
  platforms: ReadonlyArray<readonly [name: string, sums: CarriedSums]>,
  streams: readonly StreamStatus[],
): string {
  const used = platforms.filter(([, sums]) => JSON.stringify(sums) !== JSON.stringify(NOTHING_CARRIED));
  const rows = listWithin(used, PLATFORMS_BYTES_MAX);
  const latestFirst = [...streams].sort(
    (a, b) => Number(b.active) - Number(a.active) || b.lastActiveAtMs - a.lastActiveAtMs,
  );
  const listed = listWithin(latestFirst, VIEW_BYTES_MAX - PLATFORMS_BYTES_MAX);
  return JSON.stringify({
    platforms: Object.fromEntries(rows),
    unlistedPlatforms: used.length - rows.length,
    openStreams: used.reduce((sum, [, each]) => sum + each.streams, 0),
    streams: listed,
    unlistedStreams: streams.length - listed.length,
  });
}

/** Null: it is none. A Torpor of another version may leave something out, or add to it. */
export function readView(text: string): InstanceView | null {
  try {
    const { platforms, unlistedPlatforms, openStreams, streams, unlistedStreams } = JSON.parse(text);
    const rows = Object.entries(platforms as object).map(
      ([name, sums]) => [name, fill(NOTHING_CARRIED, sums)] as const,
    );
    return {
      platforms: Object.fromEntries(rows),
      unlistedPlatforms: Number(unlistedPlatforms),
      openStreams: Number(openStreams),
      streams: (streams as object[]).map((stream) => fill(STREAM_DEFAULTS, stream)),
      unlistedStreams: Number(unlistedStreams),
    };
  } catch {
    return null;
  }
}

/** What this Torpor heard of the others last. */
export class FarmViews {
  readonly #instances: () => readonly InstanceStatus[];
  readonly #ask: (instance: string, detail: ViewDetail) => Promise<InstanceView | null>;
  /** By name; null: it did not answer when it was asked last. */
  readonly #sums = new Map<string, InstanceView | null>();
  readonly #streams = new Map<string, InstanceView | null>();
  readonly #looks = new Map<ViewDetail, Promise<void>>();

  /** `instances`: all that are there, this one first. `ask`: bounded, null where nobody answers. */
  constructor(
    instances: () => readonly InstanceStatus[],
    ask: (instance: string, detail: ViewDetail) => Promise<InstanceView | null>,
  ) {
    this.#instances = instances;
    this.#ask = ask;
  }

  /** Asks all others at once. Who asks while that is under way waits for the same answers. */
  look(detail: ViewDetail): Promise<void> {
    const underWay = this.#looks.get(detail);
    if (underWay !== undefined) return underWay;
    const look = this.#look(detail).finally(() => this.#looks.delete(detail));
    this.#looks.set(detail, look);
    return look;
  }

  /** All Torpors of the farm, this one first. */
  instances(ownStreams: number): FarmInstance[] {
    return this.#instances().map(({ name, version, silentMs }, at) => {
      if (at === 0) return { name, version, self: true, silentMs, answered: true, streams: ownStreams };
      const view = this.#sums.get(name);
      const streams = view?.openStreams ?? null;
      return { name, version, self: false, silentMs, answered: view === undefined ? null : view !== null, streams };
    });
  }

  /** What each of them carries of one platform. */
  platform(name: string, own: CarriedSums): PlatformInstance[] {
    return this.#instances().map(({ name: instance, version }, at) => {
      const carried = at === 0 ? own : sumsOf(this.#sums.get(instance) ?? null, name);
      return { instance, version, carried };
    });
  }

  /** This Torpor's own and, as far as they were listed, the others'. */
  streams(own: readonly StreamStatus[]): FarmStream[] {
    const [self, ...others] = this.#instances();
    const named = (streams: readonly StreamStatus[], instance: string | null) =>
      streams.map((stream) => ({ ...stream, instance }));
    return [
      ...named(own, self?.name ?? null),
      ...others.flatMap(({ name }) => named(this.#streams.get(name)?.streams ?? [], name)),
    ];
  }

  async #look(detail: ViewDetail): Promise<void> {
    const others = this.#instances().slice(1);
    for (const views of [this.#sums, this.#streams])
      for (const name of views.keys()) if (!others.some((each) => each.name === name)) views.delete(name);
    await Promise.all(
      others.map(async ({ name }) => {
        const view = await this.#ask(name, detail);
        this.#sums.set(name, view);
        if (detail === 'streams') this.#streams.set(name, view);
      }),
    );
  }
}

/** Null: it is not known. */
function sumsOf(view: InstanceView | null, platform: string): CarriedSums | null {
  if (view === null) return null;
  if (Object.hasOwn(view.platforms, platform)) return view.platforms[platform] ?? null;
  return view.unlistedPlatforms > 0 ? null : NOTHING_CARRIED;
}

function listWithin<T>(all: readonly T[], bytesMax: number): T[] {
  let bytes = 0;
  const end = all.findIndex((each) => {
    bytes += Buffer.byteLength(JSON.stringify(each)) + 1;
    return bytes > bytesMax;
  });
  return all.slice(0, end === -1 ? all.length : end);
}

/** What is known of the pattern, of the type that it has there; the rest of it from the pattern. */
function fill<T extends object>(pattern: T, read: unknown): T {
  const given = (typeof read === 'object' && read !== null ? read : {}) as Record<string, unknown>;
  const fields = Object.entries(pattern).map(([key, ours]) => {
    const theirs = given[key];
    const fits = ours === null ? theirs === null || typeof theirs === 'number' : typeof theirs === typeof ours;
    return [key, fits && (theirs !== null || ours === null) ? theirs : ours] as const;
  });
  return Object.fromEntries(fields) as T;
}
