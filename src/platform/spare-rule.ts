// Which platforms of a pool stay awake for sessions that have not come yet, and which is woken ahead for them. Pure: who asks, and what is done, is others'.

/** One whose sessions do not need it any more keeps its place for so long: who is counted comes and goes. Milliseconds. */
export const SPARE_LINGER_MS = 10 * 60_000;

/** Platforms that do the same for their users. */
export interface Pool {
  readonly name: string;
  /** So many stay awake with room for somebody. */
  readonly spare: number;
  /** Open connections of one platform; null: no bound. */
  readonly sessionsPerPlatform: number | null;
  /** In the order in which they are woken. */
  readonly platforms: readonly string[];
}

/** One platform of a pool, as the rule sees it. */
export interface SpareMember {
  readonly platform: string;
  /** waking: it wakes, or its wake waits for its turn. unfit: neither it sleeps nor could it take anybody. */
  readonly stage: 'awake' | 'waking' | 'asleep' | 'unfit';
  readonly sessions: number;
  /** It takes another session. */
  readonly hasRoom: boolean;
  readonly isKept: boolean;
  /** Since when it is kept and not needed as a spare; null: it is needed, or not kept. */
  readonly surplusSinceMs: number | null;
}

export interface SpareDecision {
  /** Are to be kept awake; all others are let go. */
  readonly keep: readonly string[];
  /** Are woken ahead. */
  readonly wake: readonly string[];
  /** Kept, and not needed any more: let go when it stays so. */
  readonly surplus: readonly string[];
  /** Awake with room for somebody. */
  readonly ready: number;
}

/**
 * `spare` platforms with room stay awake. Those that are in use come first, fullest first, so that the empty ones may sleep; then those that are
 * kept already, then those that are awake anyhow, then those that wake. Where there are too few, sleeping ones are woken in the order of the pool.
 */
export function chooseSpares(spare: number, members: readonly SpareMember[], nowMs: number): SpareDecision {
  const fit = members.filter(({ stage, hasRoom }) => hasRoom && stage !== 'unfit');
  const up = fit.filter(({ stage }) => stage !== 'asleep').sort(byUse);
  const needed = up.slice(0, spare).map(({ platform }) => platform);
  const asleep = fit.filter(({ stage }) => stage === 'asleep').map(({ platform }) => platform);
  const wake = asleep.slice(0, Math.max(0, spare - needed.length));
  const isNeeded = (platform: string) => needed.includes(platform) || wake.includes(platform);
  const surplus = members.filter(({ isKept, platform }) => isKept && !isNeeded(platform));
  const lingers = surplus.filter(({ surplusSinceMs }) => nowMs < (surplusSinceMs ?? nowMs) + SPARE_LINGER_MS);
  return {
    keep: [...needed, ...lingers.map(({ platform }) => platform)],
    wake,
    surplus: surplus.map(({ platform }) => platform),
    ready: up.filter(({ stage }) => stage === 'awake').length,
  };
}

function byUse(a: SpareMember, b: SpareMember): number {
  return (
    b.sessions - a.sessions ||
    Number(b.isKept) - Number(a.isKept) ||
    Number(b.stage === 'awake') - Number(a.stage === 'awake')
  );
}
