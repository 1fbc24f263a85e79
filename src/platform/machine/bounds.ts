// Every bound of the machine in one place: waits, back-offs, counts.

/**
 * After a start of Torpor, evidence must come within this time; then the platform is taken for awake, nothing pressed.
 * Longer than WEAK_SILENCE_MS by a few questions, else a sleeper without a witness of power could never be recognised.
 */
export const STARTING_BOUND_MS = 20_000;
/** A drowsy platform's VMs must answer a probe within this time, however short its abort window is. */
export const DROWSY_PROBE_BOUND_MS = 5_000;
/** A platform whose VMs keep answering this long after the request, while a client is active, ignored the button. */
export const BUTTON_IGNORED_MS = 3_000;
/** Pause between two requests to wake while nothing shows that one worked. Waking is idempotent. */
export const WAKE_RESEND_MS = 10_000;
/** Pause before the next method where a request to wake was refused or got no answer. */
export const WAKE_NEXT_METHOD_MS = 1_000;
/** Bound on the wait for send queues towards the VMs. */
export const DRAIN_BOUND_MS = 5_000;
/** Bound on the other Torpors' agreement: they drain within 2 * DRAIN_BOUND_MS, and the store between them takes its time. */
export const AGREE_BOUND_MS = 20_000;
/** A Torpor that holds its streams for another one's suspend waits this long for the word, then lets them flow and says so. */
export const FOLLOW_BOUND_MS = 30_000;
/**
 * The press of another Torpor comes within this time of the word that it may, or not at all: its ownership is shorter. For so long nothing
 * flows at one that gave its word, whatever became of it: taken back, unheard of, or a platform that still runs.
 */
export const PEERS_PRESS_MS = 15_000;
/** A platform that sleeps within this time of the request, though it seemed to ignore it, does so because of it. */
export const LATE_SLEEP_MS = 10 * 60_000;
/** Hooks may have saved all VMs, so that none can answer: this long after a wake began they are restored unanswered. */
export const RESTORE_UNANSWERED_MS = 10_000;
/** Saved VMs certainly cannot answer: no longer than a host needs that woke with them (hibernated guests may come back by themselves). */
export const RESTORE_SAVED_VMS_MS = 3_000;
/** A platform found asleep this soon after activity is woken again: somebody was using it. */
export const RECENT_ACTIVITY_MS = 10_000;
/** Back-off after a veto, a send queue that did not empty, or a probe that found no VM. */
export const GUARD_BACK_OFF_MS = 60_000;
/** Back-off after a failed suspend; doubles with each one in a row up to SUSPEND_BACK_OFF_MAX_MS. */
export const SUSPEND_BACK_OFF_MS = 60_000;
export const SUSPEND_BACK_OFF_MAX_MS = 4 * 3_600_000;
/** Back-off between series of wake attempts while clients wait; doubles up to WAKE_BACK_OFF_MAX_MS. */
export const WAKE_BACK_OFF_MS = 5_000;
export const WAKE_BACK_OFF_MAX_MS = 15 * 60_000;
/** From a wake that failed, no suspend for this time; doubles with each one up to a day. A release forgives. */
export const FAILED_WAKE_BLOCK_MS = 3_600_000;
export const FAILED_WAKE_BLOCK_MAX_MS = 24 * 3_600_000;
/** A tick that comes so long after its moment says that this process was stopped, and nobody watched meanwhile. */
export const UNWATCHED_FROM_MS = 2_000;
/** Presses of the last hour that are remembered at most; `maxSuspendsPerHour` is no more. */
export const PRESSES_KEPT_MAX = 60;
