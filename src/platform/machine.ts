// The platform's state machine: step(model, event, nowMs) -> [model, effects]. Pure and total; the controller does the deeds.
import {
  type Assessment,
  allSilentForMs,
  anyVmAnswers,
  assess,
  EVIDENCE_FRESH_MS,
  hasPowerWitness,
  powerVerdict,
  SILENCE_MS,
  vmAnsweredSince,
} from './evidence.ts';
import { findBlockers, mayPressAgainAtMs, PRESS_COUNTS_MS } from './idle-policy.ts';
import type { InhibitorKind, InhibitorStatus, KeptOrders } from './inhibitor.ts';
import type { Effect, PlatformEvent, PlatformModel, PlatformPolicy, ProbeFact, Progress } from './model.ts';
import type { Intent, LostVms, PowerReading } from './ports.ts';
import { withCapabilities } from './power-policy.ts';
import type { StateName } from './status.ts';
import { formatDuration } from './units.ts';

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
/** Presses of the last hour that are remembered at most; `maxSuspendsPerHour` is no more. */
export const PRESSES_KEPT_MAX = 60;
/** Transitions that one event may cause in a row. */
const SETTLE_BOUND = 6;

const NO_PROGRESS: Progress = {
  phase: 'none',
  deadlineMs: null,
  sequence: 0,
  sleepSeenAtMs: null,
  wakeMethodIndex: 0,
  nextWakeRequestAtMs: null,
  restoreAtMs: null,
  restoreProblem: null,
  calledOff: false,
  releasedVms: [],
};

/** The machine before its first evidence. Streams are held until then; `intent` and `orders` are what the disk kept, if anything. */
export function createPlatform(
  policy: PlatformPolicy,
  armed: boolean,
  intent: Intent | null,
  nowMs: number,
  orders: KeptOrders | null = null,
): PlatformModel {
  const blockMs = failedWakeBlockMs(intent?.failedWakes ?? 0);
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
    power: null,
    probes: {},
    wakeWanted: null,
    wakeOrdered: false,
    scheduledUntilMs: null,
    wokenToAnswer: false,
    waitingSinceMs: null,
    neededVms: [],
    sleepAsked: null,
    lastActivityAtMs: null,
    backOff: blockMs === 0 ? null : { untilMs: nowMs + blockMs, why: failedWakeReason(intent?.failedWakes ?? 0) },
    failedSuspends: 0,
    suspends: 0,
    wakes: 0,
    failures: 0,
    wouldSleepSaid: false,
  };
}

/** A model on its way through one step, with the effects so far. */
interface Turn {
  readonly model: PlatformModel;
  readonly effects: readonly Effect[];
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
  return [turn.model, [...turn.effects]];
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
    model.pressed === null ? null : model.pressed.atMs + LATE_SLEEP_MS + 1,
    model.state === 'awake' ? model.sinceMs + model.policy.minAwakeMs : null,
    model.waitingSinceMs === null ? null : model.waitingSinceMs + model.policy.clientWaitMs,
    model.scheduledUntilMs,
    mayPressAgainAtMs(model),
    ...model.inhibitors.map((inhibitor) => inhibitor.untilMs),
  ].filter((moment) => moment !== null && moment > model.steppedAtMs) as number[];
  return moments.length === 0 ? null : Math.min(...moments);
}

// ------------------------------------------------------------------------------------------------ events become facts

function passTime(model: PlatformModel, nowMs: number): Turn {
  const pressesAtMs = countingPresses(model.pressesAtMs, nowMs);
  const past = model.inhibitors.filter((inhibitor) => isPast(inhibitor, nowMs));
  const turn: Turn = { model: { ...model, steppedAtMs: nowMs, pressesAtMs }, effects: [] };
  return past.length === 0 ? turn : lift(turn, past, 'its time is over');
}

function absorb(turn: Turn, event: PlatformEvent, nowMs: number): Turn {
  const { model } = turn;
  switch (event.kind) {
    case 'tick':
      return turn;
    case 'pool':
      return patch(turn, { pool: event.size, wouldSleepSaid: event.size > 0 ? false : model.wouldSleepSaid });
    case 'activity':
      return absorbActivity(turn, event.vm, event.why, nowMs);
    case 'keepalive':
      return absorbKeepalive(turn, event.vm, event.why, nowMs);
    case 'inhibit':
      return absorbInhibit(turn, event, nowMs);
    case 'lift':
      return absorbLift(turn, event.by, event.name, event.why);
    case 'maintenance':
      return absorbMaintenance(turn, event.on, event.why, nowMs);
    case 'scheduledWake':
      return absorbScheduledWake(turn, event.why, event.untilMs, nowMs);
    case 'release':
      return absorbRelease(turn, nowMs);
    case 'power':
      return patch(turn, { power: newerOf(model.power, event.reading), bmcReachable: true, bmcProblem: '' });
    case 'powerLost':
      return patch(turn, { bmcReachable: false, bmcProblem: event.why });
    case 'probe':
      return absorbProbe(turn, event.vm, event.answered, event.askedAtMs, nowMs);
    case 'wakeProof':
      return patch(turn, {
        wakeProven: event.proven,
        wakeProofWhy: event.why,
        policy: withCapabilities(model.policy, event.capabilities),
      });
    case 'operatorWake':
      return absorbOperatorWake(turn, event.why, nowMs);
    case 'operatorSleep':
      return absorbOperatorSleep(turn, event.force, nowMs);
    default:
      return absorbAnswer(turn, event, nowMs);
  }
}

/** Readings that overtook each other: the one that arrived at the BMC's client last is the truth. */
function newerOf(before: PowerReading | null, reading: PowerReading): PowerReading {
  return before !== null && before.atMs > reading.atMs ? before : reading;
}

function absorbActivity(turn: Turn, vm: string, why: string, nowMs: number): Turn {
  const { model } = turn;
  const noted = patch(turn, { lastActivityAtMs: nowMs, wokenToAnswer: false });
  const forced = model.sleepAsked?.force === true;
  if (model.state === 'drowsy') return forced ? noted : toAwake(noted, `activity: ${why}`, nowMs);
  const stops = model.state === 'saving' && !forced;
  const waits = model.held || stops || (model.state === 'failed' && model.progress.phase === 'suspend');
  if (!waits || !isOurs(model)) return noted;
  const wanted = wantWake(noted, vm, why, nowMs);
  return stops ? abortSaving(wanted, `activity: ${why}`, nowMs) : wanted;
}

/** Nobody is there: a sleeper is woken, but no suspend is called off, and nobody's maintenance ends. */
function absorbKeepalive(turn: Turn, vm: string, why: string, nowMs: number): Turn {
  const { model } = turn;
  if (!model.held || model.maintenance || !isOurs(model)) return turn;
  const wokenToAnswer = model.wakeWanted === null && model.state !== 'waking' ? true : model.wokenToAnswer;
  return wantWake(patch(turn, { wokenToAnswer }), vm, why, nowMs);
}

function wantWake(turn: Turn, vm: string, why: string, nowMs: number): Turn {
  const { wakeWanted, waitingSinceMs, neededVms } = turn.model;
  return patch(turn, {
    wakeWanted: wakeWanted ?? why,
    waitingSinceMs: waitingSinceMs ?? nowMs,
    neededVms: neededVms.includes(vm) ? neededVms : [...neededVms, vm],
  });
}

/** A reason that is told anew, in other words or for longer, began when it was told first. */
function absorbInhibit(turn: Turn, event: Extract<PlatformEvent, { kind: 'inhibit' }>, nowMs: number): Turn {
  const { by, name, why, untilMs } = event;
  const before = turn.model.inhibitors.find((inhibitor) => isNamed(inhibitor, by, name));
  const inhibitor: InhibitorStatus = { kind: by, name, why, sinceMs: before?.sinceMs ?? nowMs, untilMs };
  const others = turn.model.inhibitors.filter((other) => other !== before);
  const set = patch(turn, { inhibitors: [...others, inhibitor] });
  const told = before === undefined ? effect(set, { kind: 'inhibited', inhibitor }) : set;
  return by === 'operator' ? keepOrders(told) : told;
}

function absorbLift(turn: Turn, by: InhibitorKind, name: string, why: string): Turn {
  const lifted = turn.model.inhibitors.filter((inhibitor) => isNamed(inhibitor, by, name));
  if (lifted.length === 0) return turn;
  return by === 'operator' ? keepOrders(lift(turn, lifted, why)) : lift(turn, lifted, why);
}

function absorbRelease(turn: Turn, nowMs: number): Turn {
  const { model } = turn;
  const operators = model.inhibitors.filter(({ kind }) => kind === 'operator');
  const lifted = lift(turn, operators, 'released by an operator');
  const forgiven = patch(lifted, { maintenance: false, maintenanceOrder: null, backOff: null, failedSuspends: 0 });
  const kept = operators.length > 0 || model.maintenanceOrder !== null ? keepOrders(forgiven) : forgiven;
  const kind = intentAfterMaintenance(model);
  if (kind === model.intent.kind && model.intent.failedWakes === 0) return kept;
  return journal(kept, kind, nowMs, 0);
}

function absorbMaintenance(turn: Turn, on: boolean, why: string, nowMs: number): Turn {
  const { model } = turn;
  if (on) {
    // The later order holds: a wake that was asked for before it is not asked of the BMC any more.
    const maintenanceOrder = { why, sinceMs: nowMs };
    return keepOrders(patch(turn, { maintenance: true, maintenanceOrder, wakeOrdered: false }));
  }
  const ended = patch(turn, { maintenance: false, maintenanceOrder: null });
  const kept = model.maintenanceOrder === null ? ended : keepOrders(ended);
  const kind = intentAfterMaintenance(model);
  return kind === model.intent.kind ? kept : journal(kept, kind, nowMs);
}

/** One that was powered off by somebody else, and is let go, sleeps as if we had sent it: the next client wakes it. */
function intentAfterMaintenance({ state, maintenance, armed, intent }: PlatformModel): Intent['kind'] {
  return maintenance && armed && state === 'asleep' ? 'sleep' : intent.kind;
}

function absorbScheduledWake(turn: Turn, why: string, untilMs: number, nowMs: number): Turn {
  const { model } = turn;
  const runs = model.state === 'awake' || model.state === 'drowsy' || model.state === 'saving';
  if (runs || untilMs <= nowMs || !isOurs(model)) return turn;
  if (model.maintenance) return effect(turn, { kind: 'note', why: `not woken, it is in maintenance: ${why}` });
  const scheduledUntilMs = Math.max(untilMs, model.scheduledUntilMs ?? untilMs);
  return patch(turn, { wakeWanted: model.wakeWanted ?? why, scheduledUntilMs, wokenToAnswer: false });
}

function absorbProbe(turn: Turn, vm: string, answered: boolean, askedAtMs: number, nowMs: number): Turn {
  const before = turn.model.probes[vm];
  const fact = answered ? answeredFact(before, askedAtMs, nowMs) : silentFact(before, askedAtMs, nowMs);
  return patch(turn, { probes: { ...turn.model.probes, [vm]: fact } });
}

function answeredFact(before: ProbeFact | undefined, askedAtMs: number, nowMs: number): ProbeFact {
  return {
    answeredAtMs: nowMs,
    silentSinceMs: null,
    lastResultAtMs: nowMs,
    answeringSinceMs: before?.answeringSinceMs ?? nowMs,
    answeredAskedAtMs: Math.max(askedAtMs, before?.answeredAskedAtMs ?? askedAtMs),
  };
}

/** A question asked before the last answered one, or with it, proves nothing: questions overlap and answers pass each other. */
function silentFact(before: ProbeFact | undefined, askedAtMs: number, nowMs: number): ProbeFact {
  const answeredAskedAtMs = before?.answeredAskedAtMs ?? null;
  if (before !== undefined && answeredAskedAtMs !== null && askedAtMs <= answeredAskedAtMs) return before;
  const fresh = before !== undefined && nowMs - before.lastResultAtMs <= EVIDENCE_FRESH_MS;
  const silentSinceMs = fresh && before.silentSinceMs !== null ? Math.min(before.silentSinceMs, askedAtMs) : askedAtMs;
  return {
    answeredAtMs: before?.answeredAtMs ?? null,
    silentSinceMs,
    lastResultAtMs: nowMs,
    answeringSinceMs: null,
    answeredAskedAtMs,
  };
}

function absorbOperatorWake(turn: Turn, why: string, nowMs: number): Turn {
  const { model } = turn;
  const freed = patch(turn, { ...endFoundMaintenance(model), sleepAsked: null, wokenToAnswer: false });
  switch (model.state) {
    case 'drowsy':
      return toAwake(freed, why, nowMs);
    case 'saving':
      return abortSaving(freed, why, nowMs);
    case 'failed':
      return toWaking(patch(freed, { wakeOrdered: true }), why, nowMs, true);
    case 'asleep':
    case 'suspending':
    case 'starting':
      return patch(freed, { wakeWanted: model.wakeWanted ?? why, wakeOrdered: true });
    default:
      return freed;
  }
}

function absorbOperatorSleep(turn: Turn, force: boolean, nowMs: number): Turn {
  const { model } = turn;
  if (model.state !== 'awake' && model.state !== 'drowsy') return turn;
  const asked = patch(turn, { sleepAsked: { force } });
  const [blocker] = findBlockers(asked.model, nowMs);
  if (blocker !== undefined) {
    return effect(patch(turn, { sleepAsked: null }), { kind: 'note', why: `asked to sleep, but ${blocker.why}` });
  }
  if (model.state !== 'drowsy') return asked;
  return patch(asked, { progress: { ...model.progress, deadlineMs: nowMs } });
}

type AnswerEvent = Extract<
  PlatformEvent,
  {
    kind:
      | 'contextSaved'
      | 'inhibitorsAsked'
      | 'drained'
      | 'journalled'
      | 'sleepAnswered'
      | 'wakeAnswered'
      | 'contextRestored';
  }
>;

function absorbAnswer(turn: Turn, event: AnswerEvent, nowMs: number): Turn {
  const { state, progress, pressed } = turn.model;
  switch (event.kind) {
    case 'contextSaved':
      if (state !== 'saving' || progress.phase !== 'hooks' || event.sequence !== progress.sequence) return turn;
      return event.veto === null
        ? startAsking(turn, nowMs)
        : abortSaving(blockFor(turn, GUARD_BACK_OFF_MS, `vetoed: ${event.veto}`, nowMs), event.veto, nowMs);
    case 'inhibitorsAsked':
      if (state !== 'saving' || progress.phase !== 'asking' || event.sequence !== progress.sequence) return turn;
      return event.problem === null
        ? afterAsking(turn, nowMs)
        : abortSaving(blockFor(turn, GUARD_BACK_OFF_MS, event.problem, nowMs), event.problem, nowMs);
    case 'drained':
      if (state !== 'saving' || progress.phase !== 'draining' || event.sequence !== progress.sequence) return turn;
      return event.drained
        ? afterDraining(turn, nowMs)
        : abortSaving(blockFor(turn, GUARD_BACK_OFF_MS, event.why, nowMs), event.why, nowMs);
    case 'journalled':
      return absorbJournalled(turn, event.intentId, event.problem, nowMs);
    case 'sleepAnswered':
      if (state !== 'suspending' || event.intentId !== pressed?.intentId || event.outcome !== 'refused') return turn;
      return sleepRefused(turn, event.why, nowMs);
    case 'wakeAnswered':
      if (state !== 'waking' || event.sequence !== progress.sequence || event.outcome === 'accepted') return turn;
      return patch(turn, {
        progress: {
          ...progress,
          wakeMethodIndex: progress.wakeMethodIndex + 1,
          nextWakeRequestAtMs: nowMs + WAKE_NEXT_METHOD_MS,
        },
      });
    case 'contextRestored':
      if (state !== 'waking' || progress.phase !== 'restoring' || event.sequence !== progress.sequence) return turn;
      return event.problem !== null && mustRestoreAgain(turn.model)
        ? restoreAgain(turn, event.problem, nowMs)
        : startReleasing(turn, event.lostVms, event.problem, nowMs);
  }
}

function absorbJournalled(turn: Turn, intentId: number, problem: string | null, nowMs: number): Turn {
  const { state, progress, intent } = turn.model;
  const waits = state === 'saving' && (progress.phase === 'preparing' || progress.phase === 'journalling');
  const isAwaited = waits && intentId === intent.id;
  if (problem !== null) {
    const alarmed = effect(turn, { kind: 'alarm', why: problem });
    return isAwaited ? abortSaving(blockFor(alarmed, GUARD_BACK_OFF_MS, problem, nowMs), problem, nowMs) : alarmed;
  }
  if (!isAwaited) return turn;
  if (progress.phase === 'preparing') return afterPreparing(turn, nowMs);
  const [blocker] = findBlockers(turn.model, nowMs);
  if (blocker !== undefined) return abortSaving(turn, blocker.why, nowMs);
  return toSuspending(turn, true, 'intent is on disk, guards hold', nowMs);
}

// ------------------------------------------------------------------------------------------------ facts become moves

/** One entry per state: the next move, or null where the facts ask for none. */
const ADVANCE: Readonly<Record<StateName, (turn: Turn, nowMs: number) => Turn | null>> = {
  starting: advanceStarting,
  awake: advanceAwake,
  drowsy: advanceDrowsy,
  saving: advanceSaving,
  suspending: advanceSuspending,
  asleep: advanceAsleep,
  waking: advanceWaking,
  failed: advanceFailed,
};

function advanceStarting(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const evidence = assess(model, nowMs);
  if (isEvidentlyRunning(evidence)) return startRunning(turn, evidence.text, nowMs);
  if (evidence.verdict === 'asleep' || evidence.verdict === 'off') {
    const ours = model.intent.kind !== 'run';
    const asleep = toAsleep(turn, `evidence at start: ${evidence.text}`, evidence.power === 'off' && !ours, nowMs);
    const goesOn = model.intent.kind === 'wake' && mayWake(asleep.model);
    return goesOn ? toWaking(asleep, 'a wake was under way', nowMs, true) : asleep;
  }
  if (!isOver(model, nowMs)) return null;
  // The intent stays as it is: evidence that comes later meets what the journal knew.
  return flowAwake(turn, 'doubt', 'no clear evidence at start: taken for awake, nothing pressed', nowMs);
}

/** It runs at the start of Torpor. A request to sleep of just now may still have its effect; an older one had it. */
function startRunning(turn: Turn, evidence: string, nowMs: number): Turn {
  const { intent, policy } = turn.model;
  if (intent.kind === 'run') return toAwake(turn, `evidence at start: ${evidence}`, nowMs);
  if (intent.kind === 'sleep' && nowMs < intent.atMs + policy.suspendTimeoutMs) {
    return toSuspending(turn, false, `restarted while a sleep was asked for: ${evidence}`, nowMs);
  }
  const why = intent.kind === 'wake' ? 'a wake was under way' : 'a sleep was under way before, but it runs';
  return toWaking(turn, `${why}: ${evidence}`, nowMs, false);
}

function advanceAwake(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const adopted = adoptSleep(turn, nowMs);
  if (adopted !== null) return adopted;
  const known = settleIntent(turn, nowMs);
  if (known !== null) return known;
  const blockers = findBlockers(model, nowMs);
  if (blockers.length === 0) {
    const windowMs = model.sleepAsked === null ? model.policy.drowsyForMs : 0;
    const why = model.sleepAsked === null ? 'nobody is active' : 'an operator asked for sleep';
    return moveTo(turn, 'drowsy', why, nowMs, { wokenToAnswer: false }, { deadlineMs: nowMs + windowMs });
  }
  const onlyObserves = blockers.every((blocker) => blocker.kind === 'observe');
  if (!onlyObserves || model.wouldSleepSaid) return null;
  return effect(patch(turn, { wouldSleepSaid: true }), {
    kind: 'wouldSleep',
    why: 'would go to sleep now, but it is in observe mode',
  });
}

/** Awake with another intent on disk: taken for awake in doubt, or after a press that may still have its effect. */
function settleIntent(turn: Turn, nowMs: number): Turn | null {
  const { intent, progress, policy } = turn.model;
  if (intent.kind === 'run' || !isEvidentlyRunning(assess(turn.model, nowMs))) return null;
  if (progress.phase !== 'doubt') return mayBeLate(turn.model, nowMs) ? null : journal(turn, 'run', nowMs);
  if (!policy.savesContext) return journal(patch(turn, { progress: { ...progress, phase: 'none' } }), 'run', nowMs);
  const waking = toWaking(turn, 'it runs, and its context may not be restored', nowMs, false);
  // Restoring waits for no answer of saved VMs, and nothing flows before one. Without probes the next reading must speak for them.
  return policy.probedVms.length > 0 ? startRestoring(waking, nowMs) : waking;
}

function advanceDrowsy(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const adopted = adoptSleep(turn, nowMs);
  if (adopted !== null) return adopted;
  const [blocker] = findBlockers(model, nowMs);
  if (blocker !== undefined) return toAwake(turn, blocker.why, nowMs);
  if (!isOver(model, nowMs)) return null;
  if (model.policy.probedVms.length > 0 && !anyVmAnswers(model, nowMs)) {
    if (nowMs < model.sinceMs + DROWSY_PROBE_BOUND_MS) return null;
    const why = 'no VM answers its probe, so a wake could not be seen: check the listeners’ targets and probes';
    return toAwake(blockFor(turn, GUARD_BACK_OFF_MS, why, nowMs), why, nowMs);
  }
  const deadlineMs = nowMs + model.policy.saveTimeoutMs;
  const saving = moveTo(turn, 'saving', 'abort window over', nowMs, {}, { phase: 'preparing', deadlineMs });
  // Hooks are deeds too: before they change anything the disk must know that there may be something to restore.
  return model.policy.savesContext ? journal(saving, 'sleep', nowMs) : startHooks(saving, nowMs);
}

/** A VM that is being saved acknowledges nothing: what is on its way to it must arrive before, and nothing follow. */
function afterPreparing(turn: Turn, nowMs: number): Turn {
  return turn.model.policy.savesVms ? startDraining(turn, nowMs) : startHooks(turn, nowMs);
}

function afterDraining(turn: Turn, nowMs: number): Turn {
  return turn.model.policy.savesVms ? startHooks(turn, nowMs) : startJournalling(turn, nowMs);
}

function afterAsking(turn: Turn, nowMs: number): Turn {
  return turn.model.policy.savesVms ? startJournalling(turn, nowMs) : startDraining(turn, nowMs);
}

function startHooks(turn: Turn, nowMs: number): Turn {
  const { progress, policy } = turn.model;
  const sequence = progress.sequence + 1;
  const next: Progress = { ...progress, phase: 'hooks', sequence, deadlineMs: nowMs + policy.saveTimeoutMs };
  return effect(patch(turn, { progress: next }), { kind: 'saveContext', sequence });
}

function advanceSaving(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const [blocker] = findBlockers(model, nowMs);
  if (blocker !== undefined) return abortSaving(turn, blocker.why, nowMs);
  if (!isOver(model, nowMs)) return null;
  const why = `${model.progress.phase} did not end in time`;
  return abortSaving(blockFor(turn, GUARD_BACK_OFF_MS, why, nowMs), why, nowMs);
}

function advanceSuspending(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const evidence = assess(model, nowMs);
  const readSince = model.power !== null && model.power.atMs >= model.sinceMs;
  const powerSleeps = readSince && (evidence.power === 'sleeping' || evidence.power === 'off');
  const silent = allSilentForMs(model, nowMs) >= SILENCE_MS && !mayHaveSavedVms(model);
  if (powerSleeps && (evidence.verdict === 'asleep' || evidence.verdict === 'off')) {
    return toAsleep(patch(turn, { suspends: model.suspends + 1, failedSuspends: 0 }), evidence.text, false, nowMs);
  }
  if (evidence.weak && evidence.verdict === 'asleep') {
    return toAsleep(patch(turn, { suspends: model.suspends + 1, failedSuspends: 0 }), evidence.text, false, nowMs);
  }
  // Waking is always safe: whoever came back need not wait until the sleep is certain.
  if (model.wakeWanted !== null && mayWake(model) && (powerSleeps || silent)) {
    return toWaking(turn, model.wakeWanted, nowMs, true);
  }
  if (model.progress.sleepSeenAtMs === null && (powerSleeps || silent)) {
    return patch(turn, { progress: { ...model.progress, sleepSeenAtMs: nowMs } });
  }
  const sleepSeenAtMs = model.progress.sleepSeenAtMs;
  const answersAgain =
    sleepSeenAtMs !== null && model.policy.probedVms.some((vm) => vmAnsweredSince(model, vm, sleepSeenAtMs));
  if (answersAgain && !powerSleeps) return toWaking(turn, `woken by someone else: ${evidence.text}`, nowMs, false);
  if (model.wakeWanted !== null && !model.wokenToAnswer && keepsAnswering(model, nowMs)) {
    return backToAwake(
      failSuspend(turn, 'the power button was ignored', nowMs),
      `the button was ignored (a VM kept answering for ${formatDuration(BUTTON_IGNORED_MS)}), and a client is active`,
      nowMs,
    );
  }
  return isOver(model, nowMs) ? toFailedSuspend(turn, evidence.text, nowMs) : null;
}

function advanceAsleep(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const evidence = assess(model, nowMs);
  const sinceSleep = model.policy.probedVms.some((vm) => vmAnsweredSince(model, vm, model.sinceMs));
  const powerSince = model.power !== null && model.power.atMs >= model.sinceMs;
  if (evidence.verdict === 'awake' && (sinceSleep || (model.policy.probedVms.length === 0 && powerSince))) {
    const why = `woken by someone else: ${evidence.text}`;
    const freed = patch(turn, endFoundMaintenance(model));
    return model.held ? toWaking(freed, why, nowMs, false) : toAwake(freed, why, nowMs);
  }
  // VMs that hooks saved cannot answer before they are restored: the host alone must do.
  if (model.held && model.policy.savesContext && runsSince(model, nowMs)) {
    const freed = patch(turn, endFoundMaintenance(model));
    return toWaking(freed, `woken by someone else: ${evidence.text}`, nowMs, false);
  }
  if (model.wakeWanted === null) return null;
  if (mayWake(model)) return toWaking(turn, model.wakeWanted, nowMs, true);
  const why = model.maintenanceOrder?.why ?? 'powered off by somebody else';
  return giveUpLateClients(turn, `the platform is in maintenance: ${why}`, nowMs);
}

function advanceWaking(turn: Turn, nowMs: number): Turn | null {
  return advanceWakingPhase(turn, nowMs) ?? giveUpLateClients(turn, 'the platform did not wake in time', nowMs);
}

function advanceWakingPhase(turn: Turn, nowMs: number): Turn | null {
  switch (turn.model.progress.phase) {
    case 'requested':
      return advanceRequested(turn, nowMs);
    case 'restoring':
      if (fellAsleepAgain(turn.model, nowMs)) return wakeAgain(turn, nowMs);
      return isOver(turn.model, nowMs)
        ? startReleasing(turn, [], 'restoring the context did not end in time', nowMs)
        : null;
    default:
      return fellAsleepAgain(turn.model, nowMs) ? wakeAgain(turn, nowMs) : advanceReleasing(turn, nowMs);
  }
}

/** A request to sleep had its effect after all, while somebody was let back in: nothing more flows, it is woken anew. */
function wakeAgain(turn: Turn, nowMs: number): Turn {
  return toWaking(patch(turn, { pressed: null }), `fell asleep late: ${assess(turn.model, nowMs).text}`, nowMs, true);
}

function advanceRequested(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const { progress, policy } = model;
  const power = powerVerdict(model, nowMs);
  const mayRestore = progress.restoreAtMs !== null && nowMs >= progress.restoreAtMs;
  if (isReady(model, nowMs) || (mayRestore && power !== 'sleeping' && power !== 'off')) {
    return startRestoring(turn, nowMs);
  }
  if (!mayWake(model)) return waitHandsOff(turn, nowMs);
  if (isOver(model, nowMs)) return endWakeMethod(turn, nowMs);
  if (progress.nextWakeRequestAtMs === null || progress.nextWakeRequestAtMs > nowMs) return null;
  // Asked while it still goes down, a request is lost: it is repeated as soon as the sleep shows.
  const pauseMs = power === 'running' && model.bmcReachable ? WAKE_NEXT_METHOD_MS : WAKE_RESEND_MS;
  if (runsSince(model, nowMs)) {
    return patch(turn, { progress: { ...progress, nextWakeRequestAtMs: nowMs + pauseMs } });
  }
  const sequence = progress.sequence + 1;
  const method = policy.wakeMethods[progress.wakeMethodIndex % policy.wakeMethods.length] as string;
  // The intent is journalled with the first request, whoever asked and whenever that is.
  const known = model.intent.kind === 'wake' ? turn : journal(turn, 'wake', nowMs);
  const asked = patch(known, { progress: { ...progress, sequence, nextWakeRequestAtMs: nowMs + pauseMs } });
  return effect(asked, { kind: 'requestWake', sequence, method });
}

/** In maintenance nothing is asked for: it may be off again already, under its technician's hands. */
function waitHandsOff(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const evidence = assess(model, nowMs);
  const readSince = model.power !== null && model.power.atMs > model.sinceMs;
  if (readSince && (evidence.verdict === 'asleep' || evidence.verdict === 'off')) {
    return toAsleep(turn, `it does not run, and is in maintenance: ${evidence.text}`, false, nowMs);
  }
  return isOver(model, nowMs) ? failHandsOff(turn, nowMs) : null;
}

/** Not counted among failed wakes: none was asked for. Whoever still waits when the maintenance ends is woken for soon. */
function failHandsOff(turn: Turn, nowMs: number): Turn {
  const why = `no VM answers, and in maintenance no wake is asked for (${assess(turn.model, nowMs).text})`;
  return moveTo(turn, 'failed', why, nowMs, {}, { phase: 'wake', deadlineMs: nowMs + WAKE_BACK_OFF_MS });
}

/** The method had its time: the next one gets as much, unless there is none, or it runs and none could help. */
function endWakeMethod(turn: Turn, nowMs: number): Turn {
  const { progress, policy } = turn.model;
  const wakeMethodIndex = progress.wakeMethodIndex + 1;
  if (wakeMethodIndex >= policy.wakeMethods.length || runsSince(turn.model, nowMs)) return toFailedWake(turn, nowMs);
  const next: Progress = {
    ...progress,
    phase: 'requested',
    wakeMethodIndex,
    deadlineMs: nowMs + policy.wakeTimeoutMs,
    nextWakeRequestAtMs: nowMs,
    restoreAtMs: restoreAtMs(policy, nowMs),
  };
  return patch(turn, { progress: next });
}

function startRestoring(turn: Turn, nowMs: number): Turn {
  const { progress, policy } = turn.model;
  const sequence = progress.sequence + 1;
  const deadlineMs = nowMs + policy.saveTimeoutMs;
  const next: Progress = {
    ...progress,
    phase: 'restoring',
    sequence,
    deadlineMs,
    nextWakeRequestAtMs: null,
    restoreAtMs: null,
  };
  return effect(patch(turn, { progress: next }), { kind: 'restoreContext', sequence });
}

function advanceReleasing(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const { progress, policy } = model;
  if (isRestoredUnanswered(model)) return isOver(model, nowMs) ? giveUpRestored(turn, nowMs) : null;
  const ready = policy.vms.filter((vm) => !progress.releasedVms.includes(vm) && isVmReady(model, vm));
  if (ready.length > 0) {
    const released = patch(turn, { progress: { ...progress, releasedVms: [...progress.releasedVms, ...ready] } });
    return ready.reduce((done, vm) => effect(done, { kind: 'releaseStreams', vm }), released);
  }
  const missing = model.neededVms.filter((vm) => !progress.releasedVms.includes(vm));
  if (missing.length > 0 && !isOver(model, nowMs)) return null;
  return toAwake(patch(giveUpMissing(turn, missing), { wakes: model.wakes + 1 }), model.why, nowMs);
}

function giveUpMissing(turn: Turn, missing: readonly string[]): Turn {
  const within = formatDuration(turn.model.policy.wakeTimeoutMs);
  return missing.reduce((done, vm) => {
    const why = `VM ${vm} did not answer its probe within ${within} of the wake`;
    return effect(done, { kind: 'giveUpStreams', vm, why });
  }, turn);
}

/** The hooks are done and no VM came back: a failed wake if one was asked for, else a reason to ask. */
function giveUpRestored(turn: Turn, nowMs: number): Turn {
  const { model } = turn;
  if (!model.progress.calledOff) {
    if (!mayWake(model)) return failHandsOff(turn, nowMs);
    const wasAsked = model.intent.kind === 'wake';
    return wasAsked ? endWakeMethod(turn, nowMs) : toWaking(turn, 'no VM came back by itself', nowMs, true);
  }
  const alarmed = effect(turn, { kind: 'alarm', why: 'no VM answers after a suspend was called off' });
  return toAwake(giveUpMissing(alarmed, model.neededVms), model.why, nowMs);
}

function advanceFailed(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const evidence = assess(model, nowMs);
  const answered = model.policy.probedVms.some((vm) => vmAnsweredSince(model, vm, model.sinceMs));
  const runs = evidence.verdict === 'awake' && (answered || model.policy.probedVms.length === 0);
  if (model.progress.phase === 'suspend') {
    const runsBare = model.policy.savesContext && runsSince(model, nowMs);
    if (runs || runsBare) return backToAwake(turn, `it runs: ${evidence.text}`, nowMs);
    if (evidence.verdict === 'asleep' || evidence.verdict === 'off') {
      return toAsleep(turn, `fell asleep late: ${evidence.text}`, false, nowMs);
    }
    const silent = allSilentForMs(model, nowMs) >= SILENCE_MS;
    const wakes = model.wakeWanted !== null && silent && mayWake(model);
    return wakes ? toWaking(turn, model.wakeWanted ?? '', nowMs, true) : null;
  }
  if (runs) return toWaking(turn, `it runs after all: ${evidence.text}`, nowMs, false);
  if (model.wakeWanted === null) return null;
  if (model.waitingSinceMs === null && !isScheduled(model, nowMs) && !model.wakeOrdered) {
    return patch(turn, { wakeWanted: null, scheduledUntilMs: null });
  }
  if (isOver(model, nowMs) && mayWake(model)) return toWaking(turn, `once more: ${model.wakeWanted}`, nowMs, true);
  return giveUpLateClients(turn, 'the platform could not be woken', nowMs);
}

// ------------------------------------------------------------------------------------------------ questions to the facts

function isOver(model: PlatformModel, nowMs: number): boolean {
  return model.progress.deadlineMs !== null && nowMs >= model.progress.deadlineMs;
}

/** S0 is evident: a VM answered a question asked since the wake began; where none has a probe, the witness of power. */
function isReady(model: PlatformModel, nowMs: number): boolean {
  if (model.policy.probedVms.length === 0) return runsSince(model, nowMs);
  return model.policy.probedVms.some((vm) => vmAnsweredSince(model, vm, model.sinceMs));
}

function isEvidentlyRunning(evidence: Assessment): boolean {
  return evidence.verdict === 'awake' || evidence.power === 'running';
}

/** The witness of power says that it runs, and was read since the state began. */
function runsSince(model: PlatformModel, nowMs: number): boolean {
  return powerVerdict(model, nowMs) === 'running' && model.power !== null && model.power.atMs > model.sinceMs;
}

/** From when on hooks may run although no VM answers; null where there are none, or no VM that could answer. */
function restoreAtMs(policy: PlatformPolicy, nowMs: number): number | null {
  if (!policy.savesContext || policy.probedVms.length === 0) return null;
  return nowMs + (policy.savesVms ? RESTORE_SAVED_VMS_MS : RESTORE_UNANSWERED_MS);
}

/** Hooks ran without any VM to answer, and none did since: nothing may flow yet. */
function isRestoredUnanswered(model: PlatformModel): boolean {
  const { probedVms } = model.policy;
  return probedVms.length > 0 && probedVms.every((vm) => !vmAnsweredSince(model, vm, model.sinceMs));
}

/** Where hooks save VMs their silence is no sign of sleep, as long as the BMC could give one. */
function mayHaveSavedVms(model: PlatformModel): boolean {
  return model.policy.savesContext && hasPowerWitness(model.policy) && model.bmcReachable;
}

/** True where this Torpor presses buttons, or did so before it was told to observe: then it also undoes its sleep. */
function isOurs(model: PlatformModel): boolean {
  return model.armed || model.intent.kind !== 'run';
}

/** In maintenance only an operator wakes it. */
function mayWake(model: PlatformModel): boolean {
  return !model.maintenance || model.wakeOrdered;
}

function isScheduled(model: PlatformModel, nowMs: number): boolean {
  return model.scheduledUntilMs !== null && model.scheduledUntilMs > nowMs;
}

function isPast({ untilMs }: InhibitorStatus, nowMs: number): boolean {
  return untilMs !== null && untilMs <= nowMs;
}

function isNamed(inhibitor: InhibitorStatus, kind: InhibitorKind, name: string): boolean {
  return inhibitor.kind === kind && inhibitor.name === name;
}

/** The intent is on disk before its press, the count after it: a death between them must not lose one. */
function rememberedPresses(intent: Intent | null, orders: KeptOrders | null): readonly number[] {
  const counted = orders?.pressesAtMs ?? [];
  const isCounted = intent?.kind !== 'sleep' || counted.some((atMs) => atMs >= intent.atMs);
  return isCounted ? counted : [...counted, intent.atMs];
}

function countingPresses(pressesAtMs: readonly number[], nowMs: number): readonly number[] {
  return pressesAtMs.filter((atMs) => atMs + PRESS_COUNTS_MS > nowMs).slice(-PRESSES_KEPT_MAX);
}

/** True where a request to sleep is out that may have its effect only now. */
function mayBeLate(model: PlatformModel, nowMs: number): boolean {
  return model.pressed !== null && nowMs - model.pressed.atMs <= LATE_SLEEP_MS;
}

/** In restoring and releasing, where the platform ran: the BMC says since then that it sleeps, and all VMs are silent. */
function fellAsleepAgain(model: PlatformModel, nowMs: number): boolean {
  if (model.progress.calledOff && !mayBeLate(model, nowMs)) return false;
  const { verdict, power } = assess(model, nowMs);
  const sleeps = (verdict === 'asleep' || verdict === 'off') && power !== 'unknown';
  return sleeps && model.power !== null && model.power.atMs > model.sinceMs;
}

function isVmReady(model: PlatformModel, vm: string): boolean {
  return !model.policy.probedVms.includes(vm) || vmAnsweredSince(model, vm, model.sinceMs);
}

function keepsAnswering(model: PlatformModel, nowMs: number): boolean {
  return model.policy.probedVms.some((vm) => {
    const fact = model.probes[vm];
    if (fact?.answeringSinceMs == null || nowMs - fact.lastResultAtMs > EVIDENCE_FRESH_MS) return false;
    const answersFromMs = Math.max(fact.answeringSinceMs, model.sinceMs);
    return fact.lastResultAtMs - answersFromMs >= BUTTON_IGNORED_MS;
  });
}

// ------------------------------------------------------------------------------------------------ moves

function patch(turn: Turn, change: Partial<PlatformModel>): Turn {
  return { model: { ...turn.model, ...change }, effects: turn.effects };
}

function effect(turn: Turn, added: Effect): Turn {
  return { model: turn.model, effects: [...turn.effects, added] };
}

function moveTo(
  turn: Turn,
  to: StateName,
  why: string,
  nowMs: number,
  change: Partial<PlatformModel> = {},
  progress: Partial<Progress> = {},
): Turn {
  const from = turn.model.state;
  // Sequence numbers never start again, so that an answer from an earlier state is always stale.
  const sequence = Math.max(turn.model.progress.sequence, progress.sequence ?? 0);
  const moved = patch(turn, {
    ...change,
    state: to,
    sinceMs: nowMs,
    why,
    progress: { ...NO_PROGRESS, ...progress, sequence },
  });
  return effect(moved, { kind: 'transition', from, to, why });
}

function journal(turn: Turn, kind: Intent['kind'], nowMs: number, failedWakes?: number): Turn {
  const before = turn.model.intent;
  const intent: Intent = { id: before.id + 1, kind, atMs: nowMs, failedWakes: failedWakes ?? before.failedWakes };
  return effect(patch(turn, { intent }), { kind: 'journal', intent });
}

function lift(turn: Turn, lifted: readonly InhibitorStatus[], why: string): Turn {
  const inhibitors = turn.model.inhibitors.filter((inhibitor) => !lifted.includes(inhibitor));
  return lifted.reduce(
    (done, inhibitor) => effect(done, { kind: 'lifted', inhibitor, why }),
    patch(turn, { inhibitors }),
  );
}

/** What an operator's word and the guards must remember goes to disk whenever it changes. */
function keepOrders(turn: Turn): Turn {
  const { inhibitors, maintenanceOrder, pressesAtMs } = turn.model;
  const orders: KeptOrders = {
    inhibitors: inhibitors.filter(({ kind }) => kind === 'operator'),
    maintenance: maintenanceOrder,
    pressesAtMs,
  };
  return effect(turn, { kind: 'keepOrders', orders });
}

/** What somebody else's power-off brought about ends when it runs again, an operator's order does not. */
function endFoundMaintenance(model: PlatformModel): Pick<PlatformModel, 'maintenance'> {
  return { maintenance: model.maintenanceOrder !== null };
}

function hold(turn: Turn): Turn {
  return turn.model.held ? turn : effect(patch(turn, { held: true }), { kind: 'holdStreams' });
}

function release(turn: Turn): Turn {
  return turn.model.held ? effect(patch(turn, { held: false }), { kind: 'releaseStreams', vm: null }) : turn;
}

function blockFor(turn: Turn, durationMs: number, why: string, nowMs: number): Turn {
  const untilMs = Math.max(nowMs + durationMs, turn.model.backOff?.untilMs ?? 0);
  return patch(turn, { backOff: { untilMs, why } });
}

/** Awake: streams flow, nobody waits any more, and the journal knows it, unless a press may still have its effect. */
function toAwake(turn: Turn, why: string, nowMs: number): Turn {
  const next = flowAwake(turn, 'none', why, nowMs);
  return next.model.intent.kind === 'run' || mayBeLate(next.model, nowMs) ? next : journal(next, 'run', nowMs);
}

function flowAwake(turn: Turn, phase: 'none' | 'doubt', why: string, nowMs: number): Turn {
  const change = {
    wakeWanted: null,
    wakeOrdered: false,
    scheduledUntilMs: null,
    waitingSinceMs: null,
    neededVms: [],
    sleepAsked: null,
    ...endFoundMaintenance(turn.model),
    wouldSleepSaid: false,
  };
  return release(moveTo(turn, 'awake', why, nowMs, change, { phase }));
}

/** Awake after all, its context restored first where hooks may have changed it. It runs: no wake is asked for. */
function backToAwake(turn: Turn, why: string, nowMs: number, calledOff = false): Turn {
  if (!turn.model.policy.savesContext) return toAwake(turn, why, nowMs);
  const waking = toWaking(turn, why, nowMs, false);
  return startRestoring(patch(waking, { progress: { ...waking.model.progress, calledOff } }), nowMs);
}

/** For how long nothing is suspended after this many failed wakes; zero after none. */
function failedWakeBlockMs(failedWakes: number): number {
  return failedWakes === 0 ? 0 : Math.min(FAILED_WAKE_BLOCK_MS * 2 ** (failedWakes - 1), FAILED_WAKE_BLOCK_MAX_MS);
}

function failedWakeReason(failedWakes: number): string {
  const times = failedWakes === 1 ? 'a wake' : `${failedWakes} wakes`;
  return `${times} failed before: \`torpor release\` forgives that`;
}

/** The hooks may have taken minutes, and the checks' last word may be as old: they are asked once more. */
function startAsking(turn: Turn, nowMs: number): Turn {
  const { policy, progress } = turn.model;
  if (policy.asksTimeoutMs === 0) return afterAsking(turn, nowMs);
  const sequence = progress.sequence + 1;
  const next: Progress = { ...progress, phase: 'asking', sequence, deadlineMs: nowMs + policy.asksTimeoutMs };
  return effect(patch(turn, { progress: next }), { kind: 'askInhibitors', sequence });
}

function startDraining(turn: Turn, nowMs: number): Turn {
  const sequence = turn.model.progress.sequence + 1;
  const draining = patch(hold(turn), {
    progress: {
      ...turn.model.progress,
      phase: 'draining',
      sequence,
      deadlineMs: nowMs + 2 * DRAIN_BOUND_MS,
    },
  });
  return effect(draining, { kind: 'drainSendQueues', sequence, boundMs: DRAIN_BOUND_MS });
}

function startJournalling(turn: Turn, nowMs: number): Turn {
  const progress: Progress = {
    ...turn.model.progress,
    phase: 'journalling',
    deadlineMs: nowMs + turn.model.policy.saveTimeoutMs,
  };
  return journal(patch(turn, { progress }), 'sleep', nowMs);
}

/** Back to awake before anything was pressed. A context that hooks may have changed is restored first. */
function abortSaving(turn: Turn, why: string, nowMs: number): Turn {
  const { phase } = turn.model.progress;
  const isUnchanged = phase === 'preparing' || (phase === 'draining' && turn.model.policy.savesVms);
  if (isUnchanged) return toAwake(turn, why, nowMs);
  return backToAwake(phase === 'hooks' ? effect(turn, { kind: 'abortSave' }) : turn, why, nowMs, true);
}

/** `press`: whether this intent's one request goes out now; after a restart it may be out already and is not repeated. */
function toSuspending(turn: Turn, press: boolean, why: string, nowMs: number): Turn {
  const moved = moveTo(
    hold(turn),
    'suspending',
    why,
    nowMs,
    { sleepAsked: null },
    { deadlineMs: nowMs + turn.model.policy.suspendTimeoutMs },
  );
  if (!press) return moved;
  const intentId = moved.model.intent.id;
  const pressesAtMs = countingPresses([...moved.model.pressesAtMs, nowMs], nowMs);
  const pressed = patch(moved, { pressed: { intentId, atMs: nowMs }, pressesAtMs });
  return keepOrders(effect(pressed, { kind: 'requestSleep', intentId }));
}

function failSuspend(turn: Turn, why: string, nowMs: number): Turn {
  const failedSuspends = turn.model.failedSuspends + 1;
  const backOffMs = Math.min(SUSPEND_BACK_OFF_MS * 2 ** (failedSuspends - 1), SUSPEND_BACK_OFF_MAX_MS);
  const counted = patch(turn, { failedSuspends, failures: turn.model.failures + 1 });
  return blockFor(counted, backOffMs, `the last suspend failed: ${why}`, nowMs);
}

function sleepRefused(turn: Turn, why: string, nowMs: number): Turn {
  const failed = failSuspend(patch(turn, { pressed: null }), why, nowMs);
  return backToAwake(effect(failed, { kind: 'alarm', why: `the BMC refused to suspend: ${why}` }), why, nowMs);
}

function toFailedSuspend(turn: Turn, evidence: string, nowMs: number): Turn {
  const why = `did not fall asleep within ${formatDuration(turn.model.policy.suspendTimeoutMs)} (${evidence})`;
  const failed = failSuspend(turn, why, nowMs);
  const moved = moveTo(failed, 'failed', why, nowMs, {}, { phase: 'suspend' });
  return effect(release(moved), { kind: 'alarm', why: `suspend failed: ${why}` });
}

/** A platform in observe mode that others put to sleep is only noted: nothing is held for it and nothing pressed. */
function toAsleep(turn: Turn, why: string, byOthers: boolean, nowMs: number): Turn {
  const ours = isOurs(turn.model);
  const maintenance = byOthers || turn.model.maintenanceOrder !== null;
  const change = { maintenance, sleepAsked: null, pressed: null };
  const asleep = moveTo(ours ? hold(turn) : turn, 'asleep', why, nowMs, change);
  if (!ours) return release(asleep);
  // The intent stays `run`, which is how a restart knows that this sleep was not asked for.
  if (byOthers) return asleep;
  return asleep.model.intent.kind === 'sleep' ? asleep : journal(asleep, 'sleep', nowMs);
}

/** Evidence that a platform which should run sleeps: late, or by someone else. Somebody who was active just now wakes it. */
function adoptSleep(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const evidence = assess(model, nowMs);
  if (evidence.verdict !== 'asleep' && evidence.verdict !== 'off') return null;
  const late = mayBeLate(model, nowMs);
  const byOthers = evidence.power === 'off' && !late && model.intent.kind === 'run';
  const recent = model.lastActivityAtMs !== null && nowMs - model.lastActivityAtMs <= RECENT_ACTIVITY_MS;
  const inUse = recent || (late && model.pool > 0);
  const wakes =
    inUse && model.armed && !byOthers && !model.maintenance
      ? { wakeWanted: 'a client was active just before', waitingSinceMs: nowMs }
      : {};
  const why = late ? 'fell asleep late' : 'put to sleep by someone else';
  return toAsleep(patch(turn, wakes), `${why}: ${evidence.text}`, byOthers, nowMs);
}

/** `request`: ask for a wake now. Otherwise it runs already; should no VM answer, a wake is asked for a little later. */
function toWaking(turn: Turn, why: string, nowMs: number, request: boolean): Turn {
  const { policy, progress } = turn.model;
  const next: Partial<Progress> = {
    phase: 'requested',
    sequence: progress.sequence + 1,
    deadlineMs: nowMs + policy.wakeTimeoutMs,
    nextWakeRequestAtMs: request ? nowMs : nowMs + WAKE_RESEND_MS,
    restoreAtMs: restoreAtMs(policy, nowMs),
  };
  return moveTo(hold(turn), 'waking', why, nowMs, { sleepAsked: null }, next);
}

/** The hooks failed where no VM answered yet: perhaps they ran too early, and there is time to run them again. */
function mustRestoreAgain(model: PlatformModel): boolean {
  return isRestoredUnanswered(model) && !model.progress.calledOff;
}

function restoreAgain(turn: Turn, problem: string, nowMs: number): Turn {
  const { progress, policy, sinceMs } = turn.model;
  const deadlineMs = Math.max(nowMs, sinceMs + policy.wakeTimeoutMs * (progress.wakeMethodIndex + 1));
  const next: Progress = {
    ...progress,
    phase: 'requested',
    deadlineMs,
    nextWakeRequestAtMs: nowMs + WAKE_NEXT_METHOD_MS,
    restoreAtMs: restoreAtMs(policy, nowMs),
    restoreProblem: problem,
  };
  const again = patch(turn, { progress: next });
  if (problem === progress.restoreProblem) return again;
  return effect(again, { kind: 'note', why: `${problem}; tried again while no VM answers` });
}

function startReleasing(turn: Turn, lostVms: LostVms, problem: string | null, nowMs: number): Turn {
  const { model } = turn;
  let next = patch(turn, {
    progress: { ...model.progress, phase: 'releasing', deadlineMs: nowMs + model.policy.wakeTimeoutMs },
  });
  if (problem !== null) next = effect(next, { kind: 'alarm', why: problem });
  if (lostVms === 'all') return loseSessions(next, null, 'the platform');
  return lostVms.reduce((done, vm) => loseSessions(done, vm, `VM ${vm}`), next);
}

function loseSessions(turn: Turn, vm: string | null, who: string): Turn {
  const why = `${who} lost its memory: its identity changed across the sleep`;
  return effect(effect(turn, { kind: 'alarm', why }), { kind: 'loseSessions', vm, why });
}

function toFailedWake(turn: Turn, nowMs: number): Turn {
  const { model } = turn;
  const failedWakes = model.intent.failedWakes + 1;
  const backOffMs = Math.min(WAKE_BACK_OFF_MS * 2 ** (failedWakes - 1), WAKE_BACK_OFF_MAX_MS);
  const why = `no VM answered within ${formatDuration(model.policy.wakeTimeoutMs)} of the request to wake (${assess(model, nowMs).text})`;
  const moved = moveTo(
    turn,
    'failed',
    why,
    nowMs,
    {
      failures: model.failures + 1,
      wakeWanted: model.waitingSinceMs === null && !isScheduled(model, nowMs) ? null : model.wakeWanted,
      wakeOrdered: false,
    },
    { phase: 'wake', deadlineMs: nowMs + backOffMs },
  );
  const blocked = blockFor(moved, failedWakeBlockMs(failedWakes), failedWakeReason(failedWakes), nowMs);
  const kept = journal(blocked, 'wake', nowMs, failedWakes);
  return effect(kept, {
    kind: 'alarm',
    why: `wake failed: ${why}; next try in ${formatDuration(backOffMs)} while clients wait`,
  });
}

/** Each client's wait is bounded: past it all who wait are let go, and the platform's state stands. */
function giveUpLateClients(turn: Turn, why: string, nowMs: number): Turn | null {
  const { waitingSinceMs, policy } = turn.model;
  if (waitingSinceMs === null || nowMs < waitingSinceMs + policy.clientWaitMs) return null;
  const wakeWanted = isScheduled(turn.model, nowMs) ? turn.model.wakeWanted : null;
  const freed = patch(turn, { wakeWanted, waitingSinceMs: null, neededVms: [] });
  return effect(freed, {
    kind: 'giveUpStreams',
    vm: null,
    why: `${why}; waited ${formatDuration(policy.clientWaitMs)}`,
  });
}
