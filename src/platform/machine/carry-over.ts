// A platform under another policy: what of the model before it still holds. Whose turn it is then is left to the machine.
import type { PlatformModel, PlatformPolicy } from '../model.ts';
import type { PeerFacts } from '../share.ts';

/**
 * The model of a settled platform whose configuration changed while Torpor runs. It keeps its state, its intent and its operators' orders.
 * What was read through the former driver, checks and schedules is not known any more, so that nothing is suspended before it is again.
 * `peers` is what is known of other Torpors where there are any: what was told before stands until it is told anew.
 */
export function carryOver(
  model: PlatformModel,
  policy: PlatformPolicy,
  armed: boolean,
  peers: PeerFacts | null = null,
): PlatformModel {
  return {
    ...model,
    policy,
    armed,
    peers: peers === null ? null : (model.peers ?? peers),
    joint: peers === null ? null : model.joint,
    inhibitors: model.inhibitors.filter(({ kind }) => kind === 'operator'),
    bmcReachable: false,
    bmcProblem: 'not asked yet',
    wakeProven: false,
    wakeProofWhy: 'not checked yet',
    power: null,
    probes: {},
    neededVms: model.neededVms.filter((vm) => policy.vms.includes(vm)),
    wouldSleepSaid: false,
    wakeTurn: policy.turnWaitMs == null ? null : model.wakeTurn,
  };
}
