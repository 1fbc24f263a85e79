// What several Torpors share about one platform: who owns it, who is active at the others, and whether all agree to a suspend.

/** What another Torpor adds to the reasons that keep a platform awake. */
export interface PeerShare {
  /** The other Torpor's name in the farm. */
  readonly instance: string;
  /** Its active clients of this platform; also those of one that died, until its lease is over. */
  readonly active: number;
  /** When the last of them leaves the pool if nothing more comes, Unix milliseconds; null where nobody is active. */
  readonly newestDeadlineMs: number | null;
  /** A reason of its own against a suspend, in words: an inhibitor, a check; null: none. */
  readonly keeps: string | null;
}

/** What is known of the others. A fact of the machine; null there where this Torpor is the only one. */
export interface PeerFacts {
  /** This Torpor's name in the farm. */
  readonly self: string;
  /** Who alone may press the button now; null: nobody. */
  readonly owner: string | null;
  /**
   * Why it is not sure what the others do: the store does not answer, a Torpor went silent and its lease is not over. Null where it is
   * sure. While it is not, nothing is suspended; wakes go on.
   */
  readonly uncertain: string | null;
  /** Those with active clients or a reason of their own. */
  readonly others: readonly PeerShare[];
}

/** Before the farm has said anything. */
export const PEERS_UNKNOWN: PeerFacts = {
  self: '',
  owner: null,
  uncertain: 'nothing is known of them yet',
  others: [],
};

/** What this Torpor lets the others know; written only where zero became non-zero, or back, or the reason changed, and by and by the deadline. */
export interface OwnShare {
  readonly active: number;
  readonly newestDeadlineMs: number | null;
  readonly keeps: string | null;
  /** True while its streams of this platform are held. */
  readonly held: boolean;
}

/** Told in the order in which the store has them. All are events of the machine as they are. */
export type ShareEvent =
  | { readonly kind: 'peers'; readonly peers: PeerFacts }
  /** The owner wants to suspend: streams are to be held and drained, then `answerProposal`. */
  | {
      readonly kind: 'suspendProposed';
      readonly proposal: number;
      readonly by: string;
      /** An operator forces it: active clients are no reason against it, here as at the owner. Left out: false. */
      readonly forced?: boolean;
    }
  /**
   * All agreed: the owner may press from now on. Whoever is active from here on waits for a wake. Told, too, to a Torpor that begins
   * while it stands: what it then finds asleep sleeps by the farm's will, and its clients wake it.
   */
  | { readonly kind: 'suspendCommitted'; readonly proposal: number; readonly by: string }
  /** Nothing will be pressed for this proposal any more, or the press came to nothing: streams may flow where it runs. */
  | { readonly kind: 'suspendCalledOff'; readonly proposal: number; readonly why: string }
  /** Another Torpor has asked for a wake, or wants one. */
  | { readonly kind: 'peerWake'; readonly by: string; readonly why: string };

/** What came of asking the others. */
export interface Agreement {
  readonly agreed: boolean;
  /** For people: who refused and why, or who agreed. */
  readonly why: string;
}

/**
 * One platform's place in the farm, as its controller sees it. Calls return at once; what needs the store happens behind them. A single
 * Torpor has none.
 */
export interface PlatformShare {
  /**
   * Begins to tell; the first event is `peers`, with `uncertain` set until the store has answered. Called again by the controller that
   * follows on this one (a reload): that listener takes the place of the former, and the first event is `peers` as it is known.
   */
  start(listener: (event: ShareEvent) => void): void;
  /** May be called as often as wanted: only changes are written. Never rejects; what could not be written makes `uncertain`. */
  tell(own: OwnShare): void;
  /**
   * The owner, its own streams held and drained: asks every live Torpor to hold and drain too, and commits by compare-and-set at the
   * revision at which every count was zero; `forced`: whatever the counts are. Never rejects: not to know is not to agree. When the
   * signal aborts the proposal is called off.
   */
  seekAgreement(signal: AbortSignal, forced: boolean): Promise<Agreement>;
  /** This Torpor's answer to a proposal; `held: false` refuses it, also after it was agreed to and before it is committed. */
  answerProposal(proposal: number, held: boolean, why: string): void;
  /** Fencing: looked at right before the one packet that presses. True only while this Torpor's ownership is certain by its own clock. */
  mayPress(): boolean;
  /** The proposal of this owner ended: the press was refused or came to nothing, it was called off, or the platform runs again. */
  endProposal(why: string): void;
  /** Tells the others, as far as they can be reached, that it is to be awake. The caller wakes it, too. */
  wantWake(why: string): void;
  /**
   * Gives up what it holds, so that the others need not wait for its lease. Bounded, never rejects. Called by who composes, not by a
   * controller: it outlives one at a reload.
   */
  stop(): Promise<void>;
}
