// Keeps spare platforms of pools awake: asks the pure rule again and again, and inhibits, lifts and wakes what it says. What is kept stands in the
// platforms' own models, so that a platform under another configuration is kept anew.
import type { PlatformController } from '../controller/platform-controller.ts';
import type { PlatformModel } from '../platform/model.ts';
import type { Clock } from '../platform/ports.ts';
import { chooseSpares, type Pool, type SpareDecision, type SpareMember } from '../platform/spare-rule.ts';
import type { PoolStatus } from '../platform/status.ts';

/** Between two looks. Milliseconds. */
export const SPARE_LOOK_MS = 5_000;
/** A spare that does not wake is tried again for so long. Milliseconds. */
const WAKE_FOR_MS = 10 * 60_000;

export interface SparePoolsOptions {
  readonly pools: readonly Pool[];
  readonly controllers: () => readonly PlatformController[];
  readonly clock: Clock;
  /** Of several Torpors one keeps each pool's spares: true, this one. Default: it is alone. */
  readonly leads?: (pool: string) => boolean;
}

export class SparePools {
  readonly #options: SparePoolsOptions;
  #pools: readonly Pool[];
  #isLooking = false;
  #mustLook = false;
  #isStopped = false;
  #cancelLook: () => void = () => {};
  /** By pool and platform: since when it is kept and not needed. */
  readonly #surplusSinceMs = new Map<string, number>();

  constructor(options: SparePoolsOptions) {
    this.#options = options;
    this.#pools = options.pools;
  }

  /** Other pools, from now on. What a pool that is gone kept is let go. */
  configure(pools: readonly Pool[]): void {
    const gone = this.#pools.filter(({ name }) => !pools.some((pool) => pool.name === name));
    for (const pool of gone) this.#keep(pool, []);
    this.#pools = pools;
    this.look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelLook();
  }

  /** Its state has changed: one that was woken must be kept before it goes to sleep again. */
  changed(platform: string): void {
    if (this.#pools.some(({ platforms }) => platforms.includes(platform))) this.look();
  }

  /** Now, and from now on every SPARE_LOOK_MS while there is a pool. Called back from within, by those that it moves, it looks once more. */
  look(): void {
    this.#mustLook = true;
    if (this.#isLooking || this.#isStopped) return;
    this.#isLooking = true;
    try {
      while (this.#mustLook) {
        this.#mustLook = false;
        for (const pool of this.#pools) this.#lookAt(pool);
      }
    } finally {
      this.#isLooking = false;
    }
    this.#cancelLook();
    if (this.#pools.length > 0) this.#cancelLook = this.#options.clock.schedule(SPARE_LOOK_MS, () => this.look());
  }

  pools(): Array<Omit<PoolStatus, 'evacuation'>> {
    return this.#pools.map((pool) => {
      const members = this.#membersOf(pool);
      const { ready } = this.#decide(pool, members);
      const { name, spare, sessionsPerPlatform } = pool;
      const platforms = members.map(({ platform, sessions, hasRoom, isKept }) => ({
        platform,
        sessions,
        hasRoom,
        isKept,
      }));
      return { name, spare, ready, sessionsPerPlatform, platforms };
    });
  }

  #lookAt(pool: Pool): void {
    if (this.#options.leads?.(pool.name) === false) {
      // Who leads now keeps them, and knows of those that are kept here.
      this.#keep(pool, []);
      return;
    }
    const decision = this.#decide(pool, this.#membersOf(pool));
    this.#noteSurplus(pool, decision);
    this.#keep(pool, decision.keep, `spare of the pool ${pool.name}, which keeps ${pool.spare}`);
    const nowMs = this.#options.clock.nowMs();
    for (const controller of this.#options.controllers()) {
      if (!decision.wake.includes(controller.name)) continue;
      const why = `woken ahead: the pool ${pool.name} keeps ${pool.spare} spare, and has ${decision.ready}`;
      controller.dispatch({ kind: 'scheduledWake', why, untilMs: nowMs + WAKE_FOR_MS });
    }
  }

  #keep(pool: Pool, platforms: readonly string[], why = ''): void {
    const name = inhibitorOf(pool);
    for (const controller of this.#options.controllers()) {
      const isKept = isKeptBy(controller.model, name);
      const keeps = platforms.includes(controller.name);
      if (keeps && !isKept) controller.dispatch({ kind: 'inhibit', by: 'policy', name, why, untilMs: null });
      if (!keeps && isKept) controller.dispatch({ kind: 'lift', by: 'policy', name, why: 'not needed as a spare' });
    }
  }

  #noteSurplus({ name }: Pool, { surplus }: SpareDecision): void {
    for (const key of [...this.#surplusSinceMs.keys()]) {
      const [pool, platform] = key.split(' ') as [string, string];
      if (pool === name && !surplus.includes(platform)) this.#surplusSinceMs.delete(key);
    }
    for (const platform of surplus) {
      const key = `${name} ${platform}`;
      if (!this.#surplusSinceMs.has(key)) this.#surplusSinceMs.set(key, this.#options.clock.nowMs());
    }
  }

  #decide({ spare }: Pool, members: readonly SpareMember[]): SpareDecision {
    return chooseSpares(spare, members, this.#options.clock.nowMs());
  }

  /** In the pool's order; those that this Torpor does not have, or not any more, are left out. */
  #membersOf(pool: Pool): SpareMember[] {
    const byName = new Map(this.#options.controllers().map((controller) => [controller.name, controller]));
    return pool.platforms.flatMap((platform) => {
      const controller = byName.get(platform);
      return controller === undefined ? [] : [this.#memberOf(pool, controller)];
    });
  }

  /** Where nothing is bounded who is active is enough to know, and costs nothing. */
  #memberOf(pool: Pool, { name: platform, model, gate, table }: PlatformController): SpareMember {
    const own =
      pool.sessionsPerPlatform === null ? table.size : gate.streams().filter(({ mode }) => mode !== 'closed').length;
    // Of the others who is active is known, as it was told last.
    const sessions = (model.peers?.others ?? []).reduce((sum, { active }) => sum + active, own);
    return {
      platform,
      stage: stageOf(model),
      sessions,
      hasRoom: pool.sessionsPerPlatform === null || sessions < pool.sessionsPerPlatform,
      isKept: isKeptBy(model, inhibitorOf(pool)),
      surplusSinceMs: this.#surplusSinceMs.get(`${pool.name} ${platform}`) ?? null,
    };
  }
}

function inhibitorOf({ name }: Pool): string {
  return `spare-${name}`;
}

function isKeptBy({ inhibitors }: PlatformModel, name: string): boolean {
  return inhibitors.some((inhibitor) => inhibitor.kind === 'policy' && inhibitor.name === name);
}

/** One that observes cannot be woken, and one that somebody else holds in hands must not be. */
function stageOf({ state, armed, maintenance, wakeWanted }: PlatformModel): SpareMember['stage'] {
  if (maintenance || state === 'starting' || state === 'failed') return 'unfit';
  if (state === 'awake' || state === 'drowsy' || state === 'saving') return 'awake';
  if (state === 'waking' || wakeWanted !== null) return 'waking';
  return armed && state === 'asleep' ? 'asleep' : 'unfit';
}
