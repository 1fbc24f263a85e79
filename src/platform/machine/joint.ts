// After each step, whatever it was: what the other Torpors must hear of it. One place, so that each thing is said exactly once.
import type { PlatformModel } from '../model.ts';
import { isOurs, mayWake } from './facts.ts';
import { isHeldAsleep } from './following.ts';
import { effect, patch, type Turn } from './turn.ts';

export function settleJoint(turn: Turn): Turn {
  return turn.model.peers === null ? turn : tellWake(tellAnswer(tellEnd(turn)));
}

/** A proposal of this one's ends where nothing is pressed for it, or where it runs again. */
function tellEnd(turn: Turn): Turn {
  const { joint, why } = turn.model;
  if (joint?.role !== 'owner' || isProposalOpen(turn.model)) return turn;
  return effect(patch(turn, { joint: null }), { kind: 'endProposal', why });
}

function isProposalOpen({ state, progress }: PlatformModel): boolean {
  switch (state) {
    case 'saving':
      return progress.phase === 'agreeing' || progress.phase === 'journalling';
    case 'failed':
      return progress.phase === 'wake';
    case 'suspending':
    case 'asleep':
    case 'waking':
      return true;
    default:
      return false;
  }
}

/** Streams that were said to be held, or were to be, flow or will: the other must not press. */
function tellAnswer(turn: Turn): Turn {
  const { joint, state, progress, why } = turn.model;
  if (joint?.role !== 'follower' || (joint.stage !== 'asked' && joint.stage !== 'held')) return turn;
  const follows = state === 'saving' && progress.phase === 'following';
  if (follows || (joint.stage === 'held' && isHeldAsleep(turn.model))) return turn;
  const refused = patch(turn, { joint: { ...joint, stage: 'refused' } });
  return effect(refused, { kind: 'answerProposal', proposal: joint.proposal, held: false, why });
}

/** As early as the wish: who has not pressed yet calls it off, and another Torpor may reach the BMC where this one cannot. */
function tellWake(turn: Turn): Turn {
  const { model, effects } = turn;
  const { state, wakeShared, wakeWanted, why } = model;
  if (state === 'awake' || state === 'drowsy' || state === 'saving' || state === 'failed') {
    return wakeShared ? patch(turn, { wakeShared: false }) : turn;
  }
  if (state === 'starting') return turn;
  const isAsked = effects.some(({ kind }) => kind === 'requestWake');
  // What clients send meanwhile does not call off what an operator forced: it is woken for them once it sleeps.
  const isEarly = state === 'suspending' && model.joint?.forced === true && !model.wakeOrdered;
  const isWanted = wakeWanted !== null && isOurs(model) && mayWake(model) && !isEarly;
  if (wakeShared || !(isAsked || isWanted)) return turn;
  return effect(patch(turn, { wakeShared: true }), { kind: 'wantWake', why: wakeWanted ?? why });
}
