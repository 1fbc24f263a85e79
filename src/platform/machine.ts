// The platform's state machine: step(model, event, nowMs) -> [model, effects]. Pure and total; the controller does the deeds.
import { mayPressAgainAtMs } from './idle-policy.ts';
import type { KeptOrders } from './inhibitor.ts';
import { absorb } from './machine/absorb.ts';
import { advanceAsleep } from './machine/asleep.ts';
import { advanceAwake } from './machine/awake.ts';
import { DROWSY_PROBE_BOUND_MS, LATE_SLEEP_MS, STARTING_BOUND_MS, UNWATCHED_FROM_MS } from './machine/bounds.ts';
import { advanceDrowsy } from './machine/drowsy.ts';
import { countingPresses, isPast, recordedBlock } from './machine/facts.ts';
import { advanceFailed } from './machine/failed.ts';
import { advanceFollowing } from './machine/following.ts';
import { settleJoint } from './machine/joint.ts';
import { advanceSaving } from './machine/saving.ts';
import { advanceStarting } from './machine/starting.ts';
import { advanceSuspending, ignoredFromMs } from './machine/suspending.ts';
import { lift, NO_PROGRESS, type Turn } from './machine/turn.ts';
import { clientsLetGoAtMs, turnUntilMs } from './machine/wake-turn.ts';
import { advanceWaking } from './machine/waking.ts';
import type { Effect, PlatformEvent, PlatformModel, PlatformPolicy, Progress } from './model.ts';
import type { Intent } from './ports.ts';
import type { PeerFacts } from './share.ts';
import type { StateName } from './status.ts';

/** Transitions that one event may cause in a row. */
const SETTLE_BOUND = 6;

/**
 * The machine before its first evidence. Streams are held until then; `intent` and `orders` are what the disk kept, if anything. `peers`:
 * what is known of the other Torpors; null where this one is alone.
 */
export function createPlatform(
  policy: PlatformPolicy,
  armed: boolean,
  intent: Intent | null,
  nowMs: number,
  orders: KeptOrders | null = null,
  peers: PeerFacts | null = null,
): PlatformModel {
  return {
    policy,
    state: 'starting',
    sinceMs: nowMs,
    why: 'Torpor started',
    progress: { ...NO_PROGRESS, deadlineMs: nowMs + STARTING_BOUND_MS },
    intent: intent ?? { id: 0, kind: 'run', atMs: nowMs, failedWakes: 0 },
    pressed: intent?.kind === 'sleep' ? { intentId: intent.id, atMs: intent.atMs } : null,
    steppedAtMs: nowMs,
    held: true,
    armed,
    pool: 0,
    inhibitors: (orders?.inhibitors ?? []).filter((inhibitor) => !isPast(inhibitor, nowMs)),
    bmcReachable: false,
    bmcProblem: 'not asked yet',
    wakeProven: false,
    wakeProofWhy: 'not checked yet',
    maintenance: orders?.maintenance != null,
    maintenanceOrder: orders?.maintenance ?? null,
    pressesAtMs: countingPresses(rememberedPresses(intent, orders), nowMs),
    peers,
    joint: null,
    power: null,
    probes: {},
    wakeWanted: null,
    wakeOrdered: false,
    wakeShared: false,
    scheduledUntilMs: null,
    wokenToAnswer: false,
    waitingSinceMs: null,
    queuedMs: 0,
    wakeTurn: null,
    neededVms: [],
    sleepAsked: null,
    lastActivityAtMs: null,
    backOff: recordedBlock(intent, nowMs),
    failedSuspends: 0,
    suspends: 0,
    sleptIntentId: null,
    wakes: 0,
    adoptedWakes: 0,
    wokenBy: 'nobody',
    failures: 0,
    wouldSleepSaid: false,
  };
}

/**
 * One step: takes in the event, then moves on as long as the facts allow. Every state answers every event.
 * Effects are in the order in which they must begin.
 */
export function step(model: PlatformModel, event: PlatformEvent, nowMs: number): [PlatformModel, Effect[]] {
  let turn = absorb(passTime(model, nowMs), event, nowMs);
  for (let i = 0; i < SETTLE_BOUND; i += 1) {
    const next = ADVANCE[turn.model.state](turn, nowMs);
    if (next === null) break;
    turn = next;
  }
  turn = settleJoint(turn);
  return [turn.model, [...turn.effects]];
}

/**
 * Activity, and a pool that is now of this size, would move nothing but the model's memory of them: whoever tells the machine may do so a
 * little later, the latest of each kind only, as long as it does before it tells anything else.
 */
export function isCalm({ state, held, sleepAsked, pool }: PlatformModel, nextPool: number): boolean {
  return state === 'awake' && !held && sleepAsked === null && pool > 0 && nextPool > 0;
}

/**
 * The next moment at which a tick may change something, clock milliseconds; null where only an event can. Always later
 * than the last step, which has done all that was due by then.
 */
export function nextDeadlineMs(model: PlatformModel): number | null {
  const moments = [
    model.progress.deadlineMs,
    model.progress.nextWakeRequestAtMs,
    model.progress.restoreAtMs,
    model.state === 'drowsy' ? model.sinceMs + DROWSY_PROBE_BOUND_MS : null,
    model.backOff?.untilMs ?? null,
    model.state === 'suspending' && model.wakeWanted !== null ? ignoredFromMs(model) : null,
    model.pressed === null ? null : model.pressed.atMs + LATE_SLEEP_MS + 1,
    model.state === 'awake' ? model.sinceMs + model.policy.minAwakeMs : null,
    clientsLetGoAtMs(model),
    turnUntilMs(model),
    model.scheduledUntilMs,
    mayPressAgainAtMs(model),
    ...model.inhibitors.map((inhibitor) => inhibitor.untilMs),
  ].filter((moment) => moment !== null && moment > model.steppedAtMs) as number[];
  return moments.length === 0 ? null : Math.min(...moments);
}

function passTime(model: PlatformModel, nowMs: number): Turn {
  const pressesAtMs = countingPresses(model.pressesAtMs, nowMs);
  const past = model.inhibitors.filter((inhibitor) => isPast(inhibitor, nowMs));
  const progress = skipUnwatched(model, nowMs);
  const turn: Turn = { model: { ...model, progress, steppedAtMs: nowMs, pressesAtMs }, effects: [] };
  return past.length === 0 ? turn : lift(turn, past, 'its time is over');
}

/**
 * A wake has its time while somebody watches: what passed since a tick was due does not count. Stopped within the write of its intent, this process has not
 * asked for a wake at all when it goes on, and one that failed keeps the platform awake for an hour.
 */
function skipUnwatched(model: PlatformModel, nowMs: number): Progress {
  const { state, progress } = model;
  const dueMs = nextDeadlineMs(model);
  if (state !== 'waking' || dueMs === null || nowMs - dueMs < UNWATCHED_FROM_MS) return progress;
  const later = (atMs: number | null) => (atMs === null || atMs < dueMs ? atMs : atMs + nowMs - dueMs);
  return { ...progress, deadlineMs: later(progress.deadlineMs), restoreAtMs: later(progress.restoreAtMs) };
}

/** One entry per state: the next move, or null where the facts ask for none. */
const ADVANCE: Readonly<Record<StateName, (turn: Turn, nowMs: number) => Turn | null>> = {
  starting: advanceStarting,
  awake: advanceAwake,
  drowsy: advanceDrowsy,
  saving: (turn, nowMs) =>
    turn.model.progress.phase === 'following' ? advanceFollowing(turn, nowMs) : advanceSaving(turn, nowMs),
  suspending: advanceSuspending,
  asleep: advanceAsleep,
  waking: advanceWaking,
  failed: advanceFailed,
};

/** The intent is on disk before its press, the count after it: a death between them must not lose one. */
function rememberedPresses(intent: Intent | null, orders: KeptOrders | null): readonly number[] {
  const counted = orders?.pressesAtMs ?? [];
  const isCounted = intent?.kind !== 'sleep' || counted.some((atMs) => atMs >= intent.atMs);
  return isCounted ? counted : [...counted, intent.atMs];
}
