// What a listener says of streams that may wait for a sleeper on disk.

/** Bounds of one listener's spool. At any of them a client is served as if nothing could be deferred: it wakes, and waits. */
export interface DeferRule {
  /** raw: a job is what a connection brings. ipp: what a request does, and its answer says that it is safe. Default: raw. */
  readonly as?: 'raw' | 'ipp';
  /** From the moment a job is safe until it wakes its platform by itself. */
  readonly forMs: number;
  /** Of one job, as its client sends it. */
  readonly maxJobBytes: number;
  readonly maxJobs: number;
  /** Of all jobs, as they lie on disk. */
  readonly maxTotalBytes: number;
}
