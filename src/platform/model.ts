// What is known and wanted of one platform: the state machine's model, its events and its effects, all plain data.
import type { InhibitorKind, InhibitorStatus, KeptOrders, MaintenanceOrder } from './inhibitor.ts';
import type { Intent, LostVms, PowerCapabilities, PowerReading, WattsBounds } from './ports.ts';
import type { PeerFacts, ShareEvent } from './share.ts';
import type { StateName } from './status.ts';

/** What the owner configured and what the driver can do. Constant but for what a proof may correct: see `withCapabilities`. */
export interface PlatformPolicy {
  readonly sleep: 'S3' | 'S5';
  readonly minAwakeMs: number;
  readonly drowsyForMs: number;
  readonly suspendTimeoutMs: number;
  readonly wakeTimeoutMs: number;
  /** Both as their owner wrote them, where a proof may have lengthened them; left out: they are as written. */
  readonly configured?: { readonly suspendTimeoutMs: number; readonly wakeTimeoutMs: number };
  /** Bound on the context hooks; the machine gives up a little later. */
  readonly saveTimeoutMs: number;
  /** True where hooks change the platform's context (VMs saved before, restored after). */
  readonly savesContext: boolean;
  /** True where VMs themselves are saved: they acknowledge nothing from then on, so their streams are held before. */
  readonly savesVms: boolean;
  readonly witness: PowerCapabilities['readsSleepState'];
  /** What the witness `watts` is weighed by; null, or left out, where nothing was learned: then watts are no witness. */
  readonly watts?: WattsBounds | null;
  readonly wakeMethods: readonly string[];
  /** Who tells the power, for people, where it is not the BMC: `libvirt`. */
  readonly reader?: string;
  /** null: no bound. */
  readonly maxSuspendsPerHour: number | null;
  /** Bound on asking all checks once more before the button is pressed; 0 where there are none. */
  readonly asksTimeoutMs: number;
  /** Bound on a client's wait for a platform that does not come up. */
  readonly clientWaitMs: number;
  /** Bound on the wait for its turn to wake; null, or left out: its wakes are not staggered, and go at once. */
  readonly turnWaitMs?: number | null;
  readonly vms: readonly string[];
  /** The VMs with a probe. Only they can be silent, or show that they are ready. */
  readonly probedVms: readonly string[];
}

/** What a VM's probes said last. */
export interface ProbeFact {
  readonly answeredAtMs: number | null;
  /** Moment at which the first unanswered question since the last answer was asked; null while it answers. */
  readonly silentSinceMs: number | null;
  /** Moment of the last result, whatever it was. */
  readonly lastResultAtMs: number;
  /** Moment since which every question was answered; null while it is silent. */
  readonly answeringSinceMs: number | null;
  /** Moment at which the last answered question was asked. */
  readonly answeredAskedAtMs: number | null;
}

/** The part of a state that only some states have. */
export interface Progress {
  /** awake: doubt (taken for awake, no evidence yet). saving: preparing (only where hooks change the context), hooks, asking (only where there are checks), draining (before the hooks where VMs are saved), agreeing (only where there are other Torpors), journalling; or following: another Torpor is to press. waking: requested (no VM answered yet), restoring, releasing. failed: suspend, wake. */
  readonly phase:
    | 'none'
    | 'doubt'
    | 'preparing'
    | 'hooks'
    | 'asking'
    | 'draining'
    | 'agreeing'
    | 'following'
    | 'journalling'
    | 'requested'
    | 'restoring'
    | 'releasing'
    | 'suspend'
    | 'wake';
  /** End of the state's bounded wait, clock milliseconds. */
  readonly deadlineMs: number | null;
  /** Ties answers to the question they belong to: an answer with another number is stale. */
  readonly sequence: number;
  /** suspending: evidence of sleep was seen at this moment. */
  readonly sleepSeenAtMs: number | null;
  /** suspending: the witness of power said that it sleeps, or is off. */
  readonly powerSaidSleep: boolean;
  /** waking: which method comes next, when, and whether a request is under way. */
  readonly wakeMethodIndex: number;
  readonly nextWakeRequestAtMs: number | null;
  /** waking, with hooks that change the context: from when on they run although no VM answers. They may have saved all. */
  readonly restoreAtMs: number | null;
  /** waking: why the last restoring came to nothing. Said once, however often it is tried again. */
  readonly restoreProblem: string | null;
  /** waking: a suspend was called off before anything was pressed; it ran all the time, its context is restored. */
  readonly calledOff: boolean;
  /** waking: VMs whose streams flow again. */
  readonly releasedVms: readonly string[];
}

/** A suspend that all Torpors of a platform must agree to, as far as this one has a part in it. */
export type JointSuspend =
  /** This one asked for it, and has to say when it is over. */
  | { readonly role: 'owner'; readonly forced: boolean }
  /** Another one did. `held` and `refused` are this one's answers; none was given yet in `asked`. */
  | {
      readonly role: 'follower';
      readonly proposal: number;
      readonly by: string;
      readonly forced: boolean;
      readonly stage: 'asked' | 'held' | 'refused' | 'committed';
    };

export interface PlatformModel {
  readonly policy: PlatformPolicy;
  readonly state: StateName;
  readonly sinceMs: number;
  readonly why: string;
  readonly progress: Progress;
  readonly intent: Intent;
  /**
   * The last request to sleep, until the platform was seen asleep or refused it: it may still have its effect, late. `proposal`: it is
   * another Torpor's, or may be, since that one was told that streams are held.
   */
  readonly pressed: { readonly intentId: number; readonly atMs: number; readonly proposal?: number } | null;
  /** Moment of the last step: what was due by then has been done. */
  readonly steppedAtMs: number;
  /** True while streams are held: nothing flows towards the VMs. */
  readonly held: boolean;
  // facts
  readonly armed: boolean;
  readonly pool: number;
  readonly inhibitors: readonly InhibitorStatus[];
  readonly bmcReachable: boolean;
  readonly bmcProblem: string;
  readonly wakeProven: boolean;
  readonly wakeProofWhy: string;
  /** Ordered by an operator, or powered off by somebody else: no client wakes it. */
  readonly maintenance: boolean;
  /** Set where an operator ordered it: then it also is never suspended, and only an order ends it. */
  readonly maintenanceOrder: MaintenanceOrder | null;
  /** Moments of the button's presses within the last hour, oldest first; kept across restarts. */
  readonly pressesAtMs: readonly number[];
  /** What is known of the other Torpors that share the platform; null: there are none. */
  readonly peers: PeerFacts | null;
  readonly joint: JointSuspend | null;
  readonly power: PowerReading | null;
  readonly probes: Readonly<Record<string, ProbeFact>>;
  // wishes
  /** Set by activity or an operator while the platform does not run; cleared when it runs. */
  readonly wakeWanted: string | null;
  /** That wish is an operator's: maintenance does not stand against it. */
  readonly wakeOrdered: boolean;
  /** All Torpors know that it is to be awake: this one told them, or was told. */
  readonly wakeShared: boolean;
  /** A schedule wants it awake until then: a wake that failed is tried again until then, though no client waits. */
  readonly scheduledUntilMs: number | null;
  /** Woken to answer a keepalive, and nobody has come since: `minAwakeMs` does not count. */
  readonly wokenToAnswer: boolean;
  /** Since when clients wait, for the bound on their wait. */
  readonly waitingSinceMs: number | null;
  /** Of their wait, what went by before it was its turn to wake: not counted against that bound. */
  readonly queuedMs: number;
  /** Where wakes are staggered and it would wake: since when it asks for its turn, and whether it has it. */
  readonly wakeTurn: {
    readonly askedAtMs: number;
    readonly isGranted: boolean;
    readonly grantedAtMs: number | null;
  } | null;
  /** VMs for which somebody waits. */
  readonly neededVms: readonly string[];
  /** An operator's wish to sleep now: skips minAwake and the abort window; forced, also the pool. */
  readonly sleepAsked: { readonly force: boolean } | null;
  readonly lastActivityAtMs: number | null;
  /** No suspend before this moment, and why: a veto, a failed suspend, a failed wake. */
  readonly backOff: { readonly untilMs: number; readonly why: string } | null;
  readonly failedSuspends: number;
  // counters since start
  /** Sleeps that a press of ours brought about, and the intent of the last one that was counted. */
  readonly suspends: number;
  readonly sleptIntentId: number | null;
  /** Times it came up after we had asked for a wake; by somebody else's doing. */
  readonly wakes: number;
  readonly adoptedWakes: number;
  /** Since its sleep: who woke it, where somebody did. */
  readonly wokenBy: 'nobody' | 'torpor' | 'others';
  readonly failures: number;
  /** observe mode: it has been said once that it would sleep now. */
  readonly wouldSleepSaid: boolean;
}

export type PlatformEvent =
  | { readonly kind: 'tick' }
  | { readonly kind: 'pool'; readonly size: number }
  | { readonly kind: 'activity'; readonly vm: string; readonly why: string }
  /** A held keepalive is to be answered, though nobody is there. */
  | { readonly kind: 'keepalive'; readonly vm: string; readonly why: string }
  | {
      readonly kind: 'inhibit';
      readonly by: InhibitorKind;
      readonly name: string;
      readonly why: string;
      readonly untilMs: number | null;
    }
  /** Ends one inhibitor; none of that name is none. */
  | { readonly kind: 'lift'; readonly by: InhibitorKind; readonly name: string; readonly why: string }
  /** Ends all operators' inhibitors, maintenance, and the record of failed wakes. */
  | { readonly kind: 'release' }
  | { readonly kind: 'maintenance'; readonly on: boolean; readonly why: string }
  /** The calendar wants it awake until then: a sleeper is woken. Staying awake is its inhibitor's business. */
  | { readonly kind: 'scheduledWake'; readonly why: string; readonly untilMs: number }
  /** All checks were asked once more; what they said has come as `inhibit` and `lift` before. */
  | { readonly kind: 'inhibitorsAsked'; readonly sequence: number; readonly problem: string | null }
  | { readonly kind: 'power'; readonly reading: PowerReading }
  | { readonly kind: 'powerLost'; readonly why: string }
  | {
      readonly kind: 'probe';
      readonly vm: string;
      readonly answered: boolean;
      readonly askedAtMs: number;
    }
  | {
      readonly kind: 'wakeProof';
      readonly proven: boolean;
      readonly why: string;
      readonly capabilities: PowerCapabilities;
    }
  | { readonly kind: 'contextSaved'; readonly sequence: number; readonly veto: string | null }
  | { readonly kind: 'drained'; readonly sequence: number; readonly drained: boolean; readonly why: string }
  | { readonly kind: 'journalled'; readonly intentId: number; readonly problem: string | null }
  | {
      readonly kind: 'sleepAnswered';
      readonly intentId: number;
      /** unsent: the press's fence was shut, so nobody was asked. The others as a PowerAnswer has them. */
      readonly outcome: 'accepted' | 'refused' | 'unknown' | 'unsent';
      readonly why: string;
    }
  | {
      readonly kind: 'wakeAnswered';
      readonly sequence: number;
      readonly outcome: 'accepted' | 'refused' | 'unknown';
      readonly why: string;
    }
  | {
      readonly kind: 'contextRestored';
      readonly sequence: number;
      readonly lostVms: LostVms;
      readonly problem: string | null;
    }
  /** The others' answer to `seekAgreement`. */
  | { readonly kind: 'agreed'; readonly sequence: number; readonly agreed: boolean; readonly why: string }
  | ShareEvent
  /** It is its turn to wake, where it asked for that. */
  | { readonly kind: 'wakeTurn' }
  | { readonly kind: 'operatorWake'; readonly why: string }
  | { readonly kind: 'operatorSleep'; readonly force: boolean };

export type Effect =
  | { readonly kind: 'transition'; readonly from: StateName; readonly to: StateName; readonly why: string }
  | { readonly kind: 'holdStreams' }
  /** null: all VMs. */
  | { readonly kind: 'releaseStreams'; readonly vm: string | null }
  /** Ends the streams that wait for the VM (null: all). */
  | { readonly kind: 'giveUpStreams'; readonly vm: string | null; readonly why: string }
  /** A VM (null: all) lost its memory: connections that existed before the sleep are dead; new ones go on. */
  | { readonly kind: 'loseSessions'; readonly vm: string | null; readonly why: string }
  | { readonly kind: 'saveContext'; readonly sequence: number }
  | { readonly kind: 'abortSave' }
  | { readonly kind: 'restoreContext'; readonly sequence: number }
  /** It sleeps, and not by a suspend of this one's: identities read before an earlier one, called off, say nothing about this sleep. */
  | { readonly kind: 'forgetContext' }
  /** Every check is to be asked once more: what it said last may be a minute old. */
  | { readonly kind: 'askInhibitors'; readonly sequence: number }
  | { readonly kind: 'drainSendQueues'; readonly sequence: number; readonly boundMs: number }
  /** All other Torpors are asked to hold and drain, too. */
  | { readonly kind: 'seekAgreement'; readonly sequence: number; readonly forced: boolean }
  /** What `seekAgreement` began is over: nothing is pressed for it, or it runs again. */
  | { readonly kind: 'endProposal'; readonly why: string }
  | { readonly kind: 'answerProposal'; readonly proposal: number; readonly held: boolean; readonly why: string }
  /** The other Torpors are told that it is to be awake. */
  | { readonly kind: 'wantWake'; readonly why: string }
  | { readonly kind: 'journal'; readonly intent: Intent }
  /** What operators ordered, and how often the button was pressed, has changed: it must outlive Torpor. */
  | { readonly kind: 'keepOrders'; readonly orders: KeptOrders }
  | { readonly kind: 'inhibited'; readonly inhibitor: InhibitorStatus }
  | { readonly kind: 'lifted'; readonly inhibitor: InhibitorStatus; readonly why: string }
  /** `forced`: an operator's word over active clients, so that what they send meanwhile is no reason to leave the press out. */
  | { readonly kind: 'requestSleep'; readonly intentId: number; readonly forced?: boolean }
  | { readonly kind: 'requestWake'; readonly sequence: number; readonly method: string }
  | { readonly kind: 'alarm'; readonly why: string }
  | { readonly kind: 'note'; readonly why: string }
  /** observe mode: armed, it would be drowsy from now on. */
  | { readonly kind: 'wouldSleep'; readonly why: string };
