// The port of jobs that wait on disk for a sleeping platform: what may be seen of them, and what may be ordered.

/** One job that is safe on disk. The names are those of the HTTP API. */
export interface SpoolJobStatus {
  readonly id: string;
  readonly platform: string;
  readonly vm: string;
  readonly listener: string;
  /** `host:port` of whom it came from. */
  readonly client: string;
  readonly state: 'waiting' | 'delivering';
  readonly arrivedAtMs: number;
  /** Its client had sent all of it, and was told that it is safe just after. */
  readonly endedAtMs: number;
  /** When its platform is woken for it at the latest. */
  readonly dueAtMs: number;
  readonly contentBytes: number;
  /** On disk. */
  readonly fileBytes: number;
  /** Deliveries that came to nothing, and the last one's reason; null: none did since a delivery that arrived. */
  readonly failures: number;
  readonly problem: string | null;
}

/** The spools of one platform. */
export interface SpoolKeeper {
  /** In the order of delivery, listener by listener. */
  jobs(): SpoolJobStatus[];
  /** Has all of them delivered now, after one wake where it sleeps. */
  deliver(why: string): void;
  /** Forgets one. False: there is none of that name. Rejects with ERR_SPOOL where it is on its way. */
  drop(id: string): Promise<boolean>;
}
