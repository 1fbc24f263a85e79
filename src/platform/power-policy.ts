// What a proof of the power path changes in a platform's policy: the witness that counts, the ways to wake, learned time-outs.
import type { PlatformPolicy } from './model.ts';
import type { PowerCapabilities } from './ports.ts';

/**
 * Learned times only ever lengthen what the owner configured: a wait that is too short gives up a platform that works. They end with
 * the proof that taught them.
 */
export function withCapabilities(policy: PlatformPolicy, capabilities: PowerCapabilities): PlatformPolicy {
  const { readsSleepState, wakeMethods, learned } = capabilities;
  const configured = policy.configured ?? policy;
  return {
    ...policy,
    configured: { suspendTimeoutMs: configured.suspendTimeoutMs, wakeTimeoutMs: configured.wakeTimeoutMs },
    witness: readsSleepState,
    wakeMethods,
    watts: learned?.watts ?? null,
    suspendTimeoutMs: Math.max(configured.suspendTimeoutMs, learned?.suspendTimeoutMs ?? 0),
    wakeTimeoutMs: Math.max(configured.wakeTimeoutMs, learned?.wakeTimeoutMs ?? 0),
  };
}
