// Builds an idle policy from its name: the one place that knows them all.
import { TorporError } from '../platform/errors.ts';
import { parseDurationMs } from '../platform/units.ts';
import { BreakEvenPolicy } from './break-even-policy.ts';
import type { BusyTimes } from './busy-times.ts';
import { type CostModel, idleLagMs, toRates } from './cost-model.ts';
import { FixedPolicy } from './fixed-policy.ts';
import { LearnedPolicy } from './learned-policy.ts';
import type { LocalOffset } from './local-time.ts';
import { type IdlePolicy, POLICY_NAMES, type PolicyName } from './policy.ts';
import { RandomizedPolicy } from './randomized-policy.ts';

/** A policy as people name it: `fixed`, `fixed=5m`, `break-even`, … */
export interface PolicyChoice {
  readonly name: PolicyName;
  /** Of `fixed` only, from the last activity. */
  readonly idleMs: number;
  readonly label: string;
}

export const DEFAULT_IDLE_MS = 600_000;

/** Reads a choice. Throws ERR_CONFIG_INVALID where there is no such policy. */
export function parsePolicyChoice(text: string): PolicyChoice {
  const [name, idle, ...rest] = text.trim().split('=');
  const isKnown = (POLICY_NAMES as readonly string[]).includes(name as string);
  if (!isKnown || rest.length > 0 || (idle !== undefined && name !== 'fixed')) {
    throw new TorporError(
      'ERR_CONFIG_INVALID',
      `"${text}" is no idle policy: write ${POLICY_NAMES.join(', ')}, or fixed=5m for another time`,
    );
  }
  const label = name === 'fixed' ? `fixed ${idle ?? '10m'}` : (name as string);
  return { name: name as PolicyName, idleMs: idle === undefined ? DEFAULT_IDLE_MS : parseDurationMs(idle), label };
}

export interface PolicyContext {
  readonly costs: CostModel;
  readonly offset: LocalOffset;
  readonly seed: number;
  /** What calendars say, for those who ask. */
  readonly busy?: BusyTimes | null;
}

/** A new policy that knows nothing yet. */
export function createPolicy(choice: PolicyChoice, { costs, offset, seed, busy = null }: PolicyContext): IdlePolicy {
  const rates = toRates(costs);
  switch (choice.name) {
    case 'fixed':
      return new FixedPolicy(choice.label, choice.idleMs);
    case 'break-even':
      return new BreakEvenPolicy(rates);
    case 'randomized':
      return new RandomizedPolicy(rates, seed);
    case 'learned':
      return new LearnedPolicy(rates, offset, idleLagMs(costs), busy);
  }
}
