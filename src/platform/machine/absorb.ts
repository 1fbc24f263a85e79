// Events become facts: what is known and wanted of a platform after each. Where an answer ends a wait, the next step of its state begins.
import { EVIDENCE_FRESH_MS } from '../evidence.ts';
import { findBlockers } from '../idle-policy.ts';
import type { InhibitorKind, InhibitorStatus } from '../inhibitor.ts';
import type { PlatformEvent, PlatformModel, ProbeFact } from '../model.ts';
import type { Intent, PowerReading } from '../ports.ts';
import { withCapabilities } from '../power-policy.ts';
import { GUARD_BACK_OFF_MS, WAKE_NEXT_METHOD_MS } from './bounds.ts';
import { isForced, isNamed, isOurs } from './facts.ts';
import { absorbShare, afterHolding, leaveFollowing } from './following.ts';
import { toAwake, toWaking } from './moves.ts';
import { abortSaving, afterAgreeing, afterAsking, afterDraining, afterPreparing, startAsking } from './saving.ts';
import { sleepRefused, sleepUnsent, toSuspending } from './suspending.ts';
import { blockFor, effect, endFoundMaintenance, journal, keepOrders, lift, patch, type Turn } from './turn.ts';
import { grantTurn, isStaggered } from './wake-turn.ts';
import { mustRestoreAgain, restoreAgain, startReleasing } from './waking.ts';

export function absorb(turn: Turn, event: PlatformEvent, nowMs: number): Turn {
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
    case 'wakeTurn':
      return grantTurn(turn, nowMs);
    case 'operatorWake':
      return absorbOperatorWake(turn, event.why, nowMs);
    case 'operatorSleep':
      return absorbOperatorSleep(turn, event.force, nowMs);
    case 'peers':
    case 'suspendProposed':
    case 'suspendCommitted':
    case 'suspendCalledOff':
    case 'peerWake':
      return absorbShare(turn, event, nowMs);
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
  const forced = isForced(model);
  if (model.state === 'drowsy') return forced ? noted : toAwake(noted, `activity: ${why}`, nowMs);
  const stops = model.state === 'saving' && !forced;
  const waits = model.held || stops || (model.state === 'failed' && model.progress.phase === 'suspend');
  if (!waits || !isOurs(model)) return noted;
  const wanted = wantWake(noted, vm, why, nowMs);
  return stops ? stopSaving(wanted, `activity: ${why}`, nowMs) : wanted;
}

/** The way to sleep is left, whoever leads it. */
function stopSaving(turn: Turn, why: string, nowMs: number): Turn {
  const follows = turn.model.progress.phase === 'following';
  return follows ? leaveFollowing(turn, why, nowMs) : abortSaving(turn, why, nowMs);
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
      return stopSaving(patch(freed, { wakeWanted: model.wakeWanted ?? why, wakeOrdered: true }), why, nowMs);
    case 'failed':
      return isStaggered(model)
        ? retryNow(freed, why, nowMs)
        : toWaking(patch(freed, { wakeOrdered: true }), why, nowMs, true);
    case 'asleep':
    case 'suspending':
    case 'starting':
      return patch(freed, { wakeWanted: model.wakeWanted ?? why, wakeOrdered: true });
    default:
      return freed;
  }
}

/** No back-off stands against an operator's word; its turn it waits for all the same. */
function retryNow(turn: Turn, why: string, nowMs: number): Turn {
  const { wakeWanted, progress } = turn.model;
  const deadlineMs = progress.phase === 'wake' ? nowMs : progress.deadlineMs;
  return patch(turn, { wakeWanted: wakeWanted ?? why, wakeOrdered: true, progress: { ...progress, deadlineMs } });
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
      | 'agreed'
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
    case 'agreed':
      if (state !== 'saving' || progress.phase !== 'agreeing' || event.sequence !== progress.sequence) return turn;
      return afterAgreeing(turn, event.agreed, event.why, nowMs);
    case 'drained':
      if (state === 'saving' && progress.phase === 'following' && event.sequence === progress.sequence) {
        return afterHolding(turn, event.drained, event.why, nowMs);
      }
      if (state !== 'saving' || progress.phase !== 'draining' || event.sequence !== progress.sequence) return turn;
      return event.drained
        ? afterDraining(turn, nowMs)
        : abortSaving(blockFor(turn, GUARD_BACK_OFF_MS, event.why, nowMs), event.why, nowMs);
    case 'journalled':
      return absorbJournalled(turn, event.intentId, event.problem, nowMs);
    case 'sleepAnswered':
      if (state !== 'suspending' || event.intentId !== pressed?.intentId) return turn;
      if (event.outcome === 'refused') return sleepRefused(turn, event.why, nowMs);
      return event.outcome === 'unsent' ? sleepUnsent(turn, event.why, nowMs) : turn;
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
