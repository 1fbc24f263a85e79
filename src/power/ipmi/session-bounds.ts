// Every bound of a BMC session in one place: waits, counts, queues.

/** Durations in milliseconds. What happens at each bound stands beside it. */
export interface SessionBounds {
  /**
   * Waits after each packet of one command, in order; its length is the number of packets. After the last the session
   * counts as lost, is opened anew, and the command is asked once more there. Seven: where three of ten packets are lost each
   * way, a session that seems lost and is not costs more than the repeats (of readings by three commands, 75 % in time with
   * four packets, 97 % with seven).
   */
  readonly commandWaitsMs: readonly number[];
  /** Wait after a command that may be sent only once. Then its outcome is unknown: ERR_IPMI_TIMEOUT. */
  readonly onceWaitMs: number;
  /** As `commandWaitsMs`, for each message of session activation. After the last: ERR_IPMI_TIMEOUT, or another activation. */
  readonly activationWaitsMs: readonly number[];
  /** Activations in a row where the BMC lost its place (a lost RAKP message, a stale session id). Then that error. */
  readonly maxActivations: number;
  /**
   * Waits before a BMC that had no place left for a session is asked again: others hold its few places, and give them back.
   * Then ERR_IPMI_SESSION.
   */
  readonly noRoomWaitsMs: readonly number[];
  /** An idle session says Get Device ID this often; BMCs close sessions after 60 s (IPMI v2.0 section 6.12.15). */
  readonly keepAliveMs: number;
  /** How long a polite Close Session may take. Then the socket is closed all the same. */
  readonly closeWaitMs: number;
  /** Commands asked at the same time; further ones wait. BMCs have few message buffers. */
  readonly maxInFlight: number;
  /** Commands that wait for a place. Then ERR_IPMI_SESSION at once. */
  readonly maxWaiting: number;
  /** Waits before a command is asked again that the BMC was too busy for, see `isPassing`. Then ERR_IPMI_COMPLETION. */
  readonly busyWaitsMs: readonly number[];
  /**
   * After the BMC refused the credentials, how long the same refusal is answered without asking: a BMC that counts bad
   * passwords must not lock the user out because somebody polls. Twice as long after each further refusal, up to the longest
   * one: no longer, since a wake may wait for it. With a wrong BMC key each try also leaves the BMC a session for a minute.
   */
  readonly refusedHoldOffMs: number;
  readonly longestHoldOffMs: number;
  /** How long a request sequence number that may still get a late answer is not used again. */
  readonly rqSeqQuarantineMs: number;
}

export const DEFAULT_BOUNDS: SessionBounds = {
  commandWaitsMs: [250, 350, 450, 550, 600, 650, 650],
  onceWaitMs: 5000,
  activationWaitsMs: [500, 700, 1000, 1300],
  maxActivations: 3,
  noRoomWaitsMs: [500, 1500, 3000],
  keepAliveMs: 20_000,
  closeWaitMs: 500,
  maxInFlight: 4,
  maxWaiting: 64,
  busyWaitsMs: [100, 300, 600],
  refusedHoldOffMs: 10_000,
  longestHoldOffMs: 60_000,
  rqSeqQuarantineMs: 10_000,
};
