// The state `drowsy`: the abort window between "all idle" and the way to sleep.
import { anyVmAnswers } from '../evidence.ts';
import { findBlockers } from '../idle-policy.ts';
import { DROWSY_PROBE_BOUND_MS, GUARD_BACK_OFF_MS } from './bounds.ts';
import { isOver } from './facts.ts';
import { adoptSleep, toAwake } from './moves.ts';
import { startHooks } from './saving.ts';
import { blockFor, journal, moveTo, type Turn } from './turn.ts';

export function advanceDrowsy(turn: Turn, nowMs: number): Turn | null {
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
