// The state `starting`: Torpor has just begun, and evidence must meet what the journal knew.
import { assess } from '../evidence.ts';
import { isEvidentlyRunning, isOver, mayWake } from './facts.ts';
import { flowAwake, toAsleep, toAwake, toWaking } from './moves.ts';
import { toSuspending } from './suspending.ts';
import { keepOrders, patch, type Turn } from './turn.ts';
import { isStaggered } from './wake-turn.ts';

/** A press that only its intent remembers is kept for itself before another intent takes that one's place. */
export function advanceStarting(turn: Turn, nowMs: number): Turn | null {
  const { intent, pressesAtMs } = turn.model;
  return leave(intent.kind === 'sleep' && pressesAtMs.includes(intent.atMs) ? keepOrders(turn) : turn, nowMs);
}

function leave(turn: Turn, nowMs: number): Turn | null {
  const { model } = turn;
  const evidence = assess(model, nowMs);
  if (isEvidentlyRunning(evidence)) return startRunning(turn, evidence.text, nowMs);
  if (evidence.verdict === 'asleep' || evidence.verdict === 'off') {
    const ours = model.intent.kind !== 'run';
    const asleep = toAsleep(turn, `evidence at start: ${evidence.text}`, evidence.power === 'off' && !ours, nowMs);
    const goesOn = model.intent.kind === 'wake' && mayWake(asleep.model);
    if (!goesOn) return asleep;
    const why = 'a wake was under way';
    return isStaggered(model) ? patch(asleep, { wakeWanted: why }) : toWaking(asleep, why, nowMs, true);
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
