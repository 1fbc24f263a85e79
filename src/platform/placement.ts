// Where a pool's next client goes. Pure: who the seats are, and who remembers whom, is others'.

/** How a port leads to a pool. */
export interface PoolRule {
  readonly name: string;
  /** user: whom the client names (RDP cookie or token, TLS SNI, HTTP Host), its source where it names nobody. */
  readonly stickyBy: 'user' | 'source' | 'none';
  readonly sessionsPerPlatform: number | null;
}

/** One VM of a pool. */
export interface PlacementSeat {
  /** Unique within its pool: `vdi-01/alice`. */
  readonly key: string;
  readonly platform: string;
  readonly stage: 'awake' | 'waking' | 'asleep';
  /** Open connections of its platform, and of itself. */
  readonly platformSessions: number;
  readonly sessions: number;
  /** Its platform takes nobody new: drained, in maintenance, or it cannot be woken. */
  readonly isClosed: boolean;
}

const RANK = { awake: 0, waking: 1, asleep: 2 } as const;

/**
 * `formerKey`: where the client's user was placed before; there it goes again, also beyond the limit, as long as that takes anybody. Else what is awake
 * fills up, then what wakes, then the sleepers in the order of the pool: the fullest platform first, and there the emptiest VM. null: nobody has room.
 */
export function choosePlace<Seat extends PlacementSeat>(
  seats: readonly Seat[],
  formerKey: string | null,
  sessionsPerPlatform: number | null,
): Seat | null {
  const open = seats.filter(({ isClosed }) => !isClosed);
  const former = open.find(({ key }) => key === formerKey);
  if (former !== undefined) return former;
  const free = open.filter((seat) => sessionsPerPlatform === null || seat.platformSessions < sessionsPerPlatform);
  const [best = null] = [...free].sort(
    (a, b) => RANK[a.stage] - RANK[b.stage] || b.platformSessions - a.platformSessions || a.sessions - b.sessions,
  );
  return best;
}
