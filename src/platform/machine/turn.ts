// A model on its way through one step, and the single changes that moves are made of. Knows no state.
import type { InhibitorStatus, KeptOrders } from '../inhibitor.ts';
import type { Effect, PlatformModel, Progress } from '../model.ts';
import type { Intent } from '../ports.ts';
import type { StateName } from '../status.ts';

export const NO_PROGRESS: Progress = {
  phase: 'none',
  deadlineMs: null,
  sequence: 0,
  sleepSeenAtMs: null,
  powerSaidSleep: false,
  wakeMethodIndex: 0,
  nextWakeRequestAtMs: null,
  restoreAtMs: null,
  restoreProblem: null,
  calledOff: false,
  releasedVms: [],
};

/** A model on its way through one step, with the effects so far. */
export interface Turn {
  readonly model: PlatformModel;
  readonly effects: readonly Effect[];
}

export function patch(turn: Turn, change: Partial<PlatformModel>): Turn {
  return { model: { ...turn.model, ...change }, effects: turn.effects };
}

export function effect(turn: Turn, added: Effect): Turn {
  return { model: turn.model, effects: [...turn.effects, added] };
}

export function moveTo(
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
    // A place in the queue outlasts the way down, and is over where it wakes or needs no wake.
    wakeTurn: to === 'asleep' || to === 'failed' ? turn.model.wakeTurn : null,
    ...change,
    state: to,
    sinceMs: nowMs,
    why,
    progress: { ...NO_PROGRESS, ...progress, sequence },
  });
  return effect(moved, { kind: 'transition', from, to, why });
}

export function journal(turn: Turn, kind: Intent['kind'], nowMs: number, failedWakes?: number): Turn {
  const before = turn.model.intent;
  const intent: Intent = { id: before.id + 1, kind, atMs: nowMs, failedWakes: failedWakes ?? before.failedWakes };
  return effect(patch(turn, { intent }), { kind: 'journal', intent });
}

export function lift(turn: Turn, lifted: readonly InhibitorStatus[], why: string): Turn {
  const inhibitors = turn.model.inhibitors.filter((inhibitor) => !lifted.includes(inhibitor));
  return lifted.reduce(
    (done, inhibitor) => effect(done, { kind: 'lifted', inhibitor, why }),
    patch(turn, { inhibitors }),
  );
}

/** What an operator's word and the guards must remember goes to disk whenever it changes. */
export function keepOrders(turn: Turn): Turn {
  const { inhibitors, maintenanceOrder, pressesAtMs } = turn.model;
  const orders: KeptOrders = {
    inhibitors: inhibitors.filter(({ kind }) => kind === 'operator'),
    maintenance: maintenanceOrder,
    pressesAtMs,
  };
  return effect(turn, { kind: 'keepOrders', orders });
}

/** What somebody else's power-off brought about ends when it runs again, an operator's order does not. */
export function endFoundMaintenance(model: PlatformModel): Pick<PlatformModel, 'maintenance'> {
  return { maintenance: model.maintenanceOrder !== null };
}

export function hold(turn: Turn): Turn {
  return turn.model.held ? turn : effect(patch(turn, { held: true }), { kind: 'holdStreams' });
}

export function release(turn: Turn): Turn {
  return turn.model.held ? effect(patch(turn, { held: false }), { kind: 'releaseStreams', vm: null }) : turn;
}

export function blockFor(turn: Turn, durationMs: number, why: string, nowMs: number): Turn {
  const untilMs = Math.max(nowMs + durationMs, turn.model.backOff?.untilMs ?? 0);
  return patch(turn, { backOff: { untilMs, why } });
}
