// What a listener's owner decides about its streams where bytes alone cannot tell: named switches, as data. Who obeys them is elsewhere.

/** Streams that one process can carry: its core's handles keep their index in 16 bits. Source: asm/layout.ts, MAX_STREAMS. */
export const STREAMS_PER_PROCESS_MAX = 65_536;

/** How much must be sent for how long to count as work, though nobody types. */
export interface WorkPolicy {
  /** Bytes per second from the client; null: what detection itself calls work. */
  readonly fromClientBytes: number | null;
  /** Bytes per second from the server. Looked at only with `viewing: active`. */
  readonly fromServerBytes: number;
  /** The time over which both are measured. */
  readonly windowMs: number;
}

/** The switches of one listener. The default of each is the one that neither loses a user nor needs a decision. */
export interface StreamPolicy {
  /** active: a server's bytes count as work where they exceed `work.fromServerBytes`, as those of a film do. ignore: never by themselves. */
  readonly viewing: 'active' | 'ignore';
  readonly work: WorkPolicy;
  /**
   * Input that keeps a period, as of a mouse jiggler, of which a person is not seen to be there. active: it counts like any other. moves: a
   * pointer's movements do not count, with no button held, which no hand repeats so exactly; keys and clicks do. ignore: none of it counts.
   */
  readonly periodicInput: 'active' | 'moves' | 'ignore';
  /**
   * Requests and short WebSocket messages that keep a period, told from their repetition: polls, health checks, the `SELECT 1` of a pool, a page
   * that saves by itself. active: they count like any other.
   */
  readonly periodicRequests: 'active' | 'ignore';
  /** HTTP requests that never count, as `GET /path`: method and path, whatever the query. */
  readonly polls: readonly string[];
}

export const DEFAULT_STREAM_POLICY: StreamPolicy = {
  viewing: 'ignore',
  work: { fromClientBytes: null, fromServerBytes: 128 * 1024, windowMs: 5000 },
  periodicInput: 'moves',
  periodicRequests: 'ignore',
  polls: [],
};
