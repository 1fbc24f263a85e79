// How often the witnesses are asked in each state. Nothing is sent towards a sleeper whose BMC tells that it sleeps.
import { anyVmAnswers, hasPowerWitness, powerVerdict } from './evidence.ts';
import type { PlatformModel } from './model.ts';

/** Pause between two questions to the BMC, and between two to each VM (null: VMs are not asked). Milliseconds. */
export interface WatchPace {
  readonly powerMs: number;
  readonly probeMs: number | null;
}

/** While waking, a VM's first answer is noticed within this time, plus its round trip. */
export const WAKING_PROBE_MS = 20;
/** Pace of the probes while awake where nothing else could tell a sleep: by someone else, or late. */
const LONE_WITNESS_PROBE_MS = 5_000;

/**
 * While drowsy, once a VM has answered. Services count connections that come to nothing, OpenSSH 9.8 punishes their source:
 * no more are made than keep the answer fresh.
 */
const DROWSY_CONFIRMED_PROBE_MS = 4000;

/** The pace that the machine's present state needs. */
export function watchPace(model: PlatformModel, nowMs: number): WatchPace {
  const power = powerVerdict(model, nowMs);
  const seemsAsleep = power === 'sleeping' || power === 'off';
  switch (model.state) {
    case 'starting':
      return { powerMs: 500, probeMs: 250 };
    case 'awake':
      if (seemsAsleep) return { powerMs: 500, probeMs: 250 };
      return { powerMs: 3000, probeMs: hasPowerWitness(model.policy) ? null : LONE_WITNESS_PROBE_MS };
    case 'drowsy':
      return { powerMs: 1000, probeMs: anyVmAnswers(model, nowMs) ? DROWSY_CONFIRMED_PROBE_MS : 500 };
    case 'saving':
      return { powerMs: 1000, probeMs: null };
    case 'suspending':
      return { powerMs: 200, probeMs: 200 };
    case 'asleep': {
      if (!hasPowerWitness(model.policy)) return { powerMs: 2000, probeMs: 2000 };
      return { powerMs: 2000, probeMs: power === 'running' ? 250 : null };
    }
    case 'waking':
      return { powerMs: 500, probeMs: WAKING_PROBE_MS };
    case 'failed':
      return { powerMs: 1000, probeMs: 500 };
  }
}
