// One platform's record in the store, seen from one Torpor: takes part in it, owns it where nobody else does, and tells the controller.
//
// What is wanted (own share, answer, end, wake, ownership) is kept as it is wanted now, and written by compare-and-set until it stands
// there: an answer that was lost, or a write that came late, needs no memory.
import { errorText } from '../platform/errors.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import type { Agreement, OwnShare, PeerFacts, PlatformShare, ShareEvent } from '../platform/share.ts';
import {
  answer,
  type Change,
  callOff,
  commit,
  EMPTY_RECORD,
  end,
  formatRecord,
  handOver,
  type IsLive,
  instanceOf,
  leave,
  liveMembers,
  type MemberId,
  type MemberRecord,
  missingAgreement,
  type PlatformRecord,
  parseRecord,
  propose,
  takeOver,
  tell,
} from './platform-record.ts';
import { rankFor } from './rendezvous.ts';
import type { SharedStore, StoreEntry } from './shared-store.ts';
import type { TakeOvers } from './take-overs.ts';

export const PLATFORM_PREFIX = 'platform.';
/** A proposal that not everybody answered by then is called off. */
const PROPOSAL_BOUND_MS = 30_000;
/** A commit is pressed at once or not at all: this long after it was sent, by the owner's clock. */
const PRESS_WITHIN_MS = 5_000;
/** While clients are active their newest deadline is written again this often, where it moved. */
const DEADLINE_REFRESH_MS = 300_000;
/** Before a conflict is tried again, at most. */
const CONFLICT_WAIT_MS = 100;
/** One change meets so many conflicts in a row before it is left to the next occasion. */
const CONFLICTS_MAX = 25;
/** A platform goes back to the Torpor that it belongs to once that has been there for so long. */
const HAND_BACK_AFTER_MS = 60_000;
/** What could not be written is tried again after this time. */
const AGAIN_MS = 2_000;
const STOP_BOUND_MS = 2_000;

/** What a member knows of the farm beyond its platform. */
export interface FarmView {
  /** This Torpor's name. */
  readonly self: string;
  /** This run of it. Another after its lease was ended by the others. */
  readonly me: MemberId;
  readonly isLive: IsLive;
  /** Why it is not sure who is there; null: it is. */
  doubt(): string | null;
  leaseHolds(): boolean;
  /** Since when that run of a Torpor is seen, clock milliseconds; null: it is not. */
  seenSinceMs(id: MemberId): number | null;
}

export interface PlatformMemberOptions {
  readonly platform: string;
  readonly view: FarmView;
  readonly store: SharedStore;
  /** One for all platforms of a Torpor. */
  readonly takeOvers: TakeOvers;
  readonly clock: Clock;
  /** 0 to below 1. */
  readonly random: () => number;
  readonly log: Logger;
  /** Tells the other Torpors at once, as far as they can be reached. */
  readonly publishWake: (why: string) => void;
}

type Written = { readonly outcome: 'done' } | { readonly outcome: 'refused' | 'unreachable'; readonly why: string };

const DONE: Written = { outcome: 'done' };

export class PlatformMember implements PlatformShare {
  readonly platform: string;
  readonly #options: PlatformMemberOptions;
  #listener: ((event: ShareEvent) => void) | null = null;
  /** Null: it is of a kind that this Torpor must not touch. */
  #record: PlatformRecord | null = EMPTY_RECORD;
  /** 0: nothing stands there yet. */
  #revision = 0;
  /** The newest that the watch has told: what was written or read here may be ahead of it. */
  #heardRevision = 0;
  #isRead = false;
  #told: { phase: PlatformRecord['phase']; proposal: number } = { phase: 'awake', proposal: 0 };
  #toldPeers = '';
  // What is wanted.
  #own: OwnShare = { active: 0, newestDeadlineMs: null, keeps: null, held: true };
  #ownWrittenMs = 0;
  #answer: { proposal: number; held: boolean; why: string } | null = null;
  /** A proposal of this Torpor's that has ended; null: none that still stands. */
  #ended: { proposal: number; why: string } | null = null;
  /** Set while a wish to wake has not been seen to be written. */
  #wake: string | null = null;
  #isStopped = false;
  // What is under way.
  #chain: Promise<unknown> = Promise.resolve();
  #reconciling = false;
  #cancelAgain: (() => void) | null = null;
  #ownerlessSinceMs: number | null = null;
  /** Whether it waits for a turn to be taken over, or has one. */
  #turn: 'none' | 'queued' | 'given' = 'none';
  #committed: { proposal: number; sentMs: number } | null = null;
  #isSeeking = false;
  /** The first proposal that this process may have made; null: it made none. One before it made those of the same run. */
  #ownFrom: number | null = null;
  readonly #waiting = new Set<() => void>();

  constructor(options: PlatformMemberOptions) {
    this.#options = options;
    this.platform = options.platform;
  }

  // ------------------------------------------------------------------------------------------ the controller's side

  start(listener: (event: ShareEvent) => void): void {
    this.#listener = listener;
    this.#toldPeers = '';
    this.#told = { phase: 'awake', proposal: 0 };
    this.changed();
  }

  tell(own: OwnShare): void {
    this.#own = own;
    this.#reconcile();
  }

  answerProposal(proposal: number, held: boolean, why: string): void {
    this.#answer = { proposal, held, why };
    this.#reconcile();
  }

  endProposal(why: string): void {
    this.#committed = null;
    const record = this.#record;
    if (record === null || record.phase === 'awake') return;
    this.#ended = { proposal: record.proposal, why };
    this.#reconcile();
  }

  wantWake(why: string): void {
    this.#options.publishWake(why);
    this.#wake = why;
    this.#reconcile();
  }

  mayPress(): boolean {
    const { view, store, clock } = this.#options;
    const record = this.#record;
    if (record === null || this.#committed === null || this.#isStopped) return false;
    return (
      store.status.connected &&
      view.leaseHolds() &&
      clock.nowMs() - this.#committed.sentMs < PRESS_WITHIN_MS &&
      record.phase === 'committed' &&
      record.proposal === this.#committed.proposal &&
      record.owner === view.me &&
      record.by === view.me
    );
  }

  async seekAgreement(signal: AbortSignal, forced: boolean): Promise<Agreement> {
    if (this.#isSeeking) return { agreed: false, why: 'it is being asked already' };
    this.#isSeeking = true;
    try {
      return await this.#seek(signal, forced);
    } finally {
      this.#isSeeking = false;
    }
  }

  async stop(): Promise<void> {
    this.#listener = null;
    this.#committed = null;
    this.#isStopped = true;
    this.#cancelAgain?.();
    for (const wake of [...this.#waiting]) wake();
    const { clock, view } = this.#options;
    let cancel: () => void = () => {};
    const bound = new Promise<void>((resolve) => {
      cancel = clock.schedule(STOP_BOUND_MS, resolve);
    });
    await Promise.race([this.#change((record) => leave(record, view.me)), bound]);
    cancel();
  }

  // ------------------------------------------------------------------------------------------ the farm's side

  /** All is told anew: what is known is old. */
  onBegin(): void {
    this.#isRead = false;
    this.#revision = 0;
    this.#heardRevision = 0;
    this.changed();
  }

  /** The store has told all that stands. */
  onCaughtUp(): void {
    if (this.#revision === 0) this.#record = EMPTY_RECORD;
    this.#isRead = true;
    this.changed();
  }

  onEntry(entry: StoreEntry): void {
    this.#heardRevision = Math.max(this.#heardRevision, entry.revision);
    if (entry.revision > this.#revision) this.#take(entry);
    else for (const wake of [...this.#waiting]) wake();
  }

  #take(entry: StoreEntry): void {
    this.#adopt(entry);
    if (this.#isRead) this.changed();
  }

  onPeerWake(by: string, why: string): void {
    this.#listener?.({ kind: 'peerWake', by, why });
  }

  /** Who is there, whether the store answers, or the record may have changed. */
  changed(): void {
    this.#tellPhase();
    this.#tellPeers();
    for (const wake of [...this.#waiting]) wake();
    this.#reconcile();
  }

  /** For people: what stands there. */
  get record(): PlatformRecord | null {
    return this.#record;
  }

  /** Why it is not sure what the others do; null: it is. */
  uncertain(): string | null {
    const { view, store } = this.#options;
    if (!store.status.connected) return `the shared store: ${store.status.why}`;
    const doubt = view.doubt();
    if (doubt !== null) return doubt;
    if (this.#record === null) return 'what stands in the store was written by a newer Torpor, or is damaged';
    if (!this.#isRead) return 'what the others do has not been read yet';
    if (this.#record.members[view.me] === undefined) return 'the others have not been told of this Torpor yet';
    return null;
  }

  // ------------------------------------------------------------------------------------------ telling

  #tellPhase(): void {
    const record = this.#record;
    if (record === null || !this.#isRead || this.#listener === null) return;
    const { phase, proposal, by, why, forced } = record;
    const before = this.#told;
    if (before.phase === phase && (phase === 'awake' || before.proposal === proposal)) return;
    // Where peers were never told, they come first.
    if (this.#toldPeers === '') this.#tellPeers();
    this.#told = { phase, proposal };
    const isOver = before.phase !== 'awake' && (phase === 'awake' || before.proposal !== proposal);
    if (isOver) this.#listener({ kind: 'suspendCalledOff', proposal: before.proposal, why });
    // Its own proposals are the owner's to know.
    if (phase === 'awake' || by === null || by === this.#options.view.me) return;
    const name = instanceOf(by);
    if (phase === 'proposed') this.#listener?.({ kind: 'suspendProposed', proposal, by: name, forced });
    else this.#listener?.({ kind: 'suspendCommitted', proposal, by: name });
  }

  #tellPeers(): void {
    if (this.#listener === null) return;
    const peers = this.peers();
    const told = JSON.stringify(peers);
    if (told === this.#toldPeers) return;
    this.#toldPeers = told;
    this.#listener({ kind: 'peers', peers });
  }

  peers(): PeerFacts {
    const { view } = this.#options;
    const record = this.#record ?? EMPTY_RECORD;
    const live = liveMembers(record, view.isLive).filter(([id]) => id !== view.me);
    const isBusy = ({ active, keeps }: MemberRecord) => active > 0 || keeps !== null;
    return {
      self: view.self,
      owner: record.owner !== null && view.isLive(record.owner) ? instanceOf(record.owner) : null,
      uncertain: this.uncertain(),
      others: live
        .filter(([, member]) => isBusy(member))
        .map(([id, { active, newestDeadlineMs, keeps }]) => ({
          instance: instanceOf(id),
          active,
          newestDeadlineMs,
          keeps,
        })),
    };
  }

  // ------------------------------------------------------------------------------------------ what is wanted

  /** Writes what is wanted and does not stand there yet; again when that failed. One at a time. */
  #reconcile(): void {
    if (this.#reconciling || this.#isStopped || !this.#canWrite()) return;
    this.#forgetDone();
    const record = this.#record;
    if (record === null || this.#wanted(record) === record) return;
    // Who only owns one platform more can wait; who says that somebody is active, agrees or wakes cannot.
    if (this.#wishes(record) === record && this.#turn !== 'given') {
      this.#queueForTurn();
      return;
    }
    this.#reconciling = true;
    void this.#change((now) => this.#wanted(now))
      .finally(() => this.#endTurn())
      .then((written) => {
        this.#reconciling = false;
        if (written.outcome === 'done') this.#reconcile();
        else this.#againLater();
      })
      .catch((thrown) => {
        this.#reconciling = false;
        this.#options.log.error({ platform: this.platform, error: errorText(thrown) }, 'a record was not changed');
      });
  }

  #queueForTurn(): void {
    if (this.#turn === 'queued') return;
    this.#turn = 'queued';
    this.#options.takeOvers.queue(() => {
      this.#turn = 'given';
      this.#reconcile();
      // Meanwhile another has taken it, or something else is being written.
      if (!this.#reconciling) this.#endTurn();
    });
  }

  #endTurn(): void {
    if (this.#turn !== 'given') return;
    this.#turn = 'none';
    this.#options.takeOvers.done();
  }

  #againLater(delayMs = AGAIN_MS): void {
    if (this.#cancelAgain !== null || this.#isStopped) return;
    this.#cancelAgain = this.#options.clock.schedule(delayMs, () => {
      this.#cancelAgain = null;
      this.#reconcile();
    });
  }

  #canWrite(): boolean {
    const { view, store } = this.#options;
    return store.status.connected && this.#isRead && this.#record !== null && view.leaseHolds();
  }

  /** The record as this Torpor wants it; the same where nothing is to be written. */
  #wanted(record: PlatformRecord): PlatformRecord {
    return this.#withOwner(this.#wishes(record));
  }

  /** All of it but who owns it. */
  #wishes(record: PlatformRecord): PlatformRecord {
    const { me } = this.#options.view;
    let next = this.#isTold(record) ? record : tell(record, me, this.#own, this.#options.view.isLive);
    if (this.#answer !== null) {
      const { proposal, held, why } = this.#answer;
      next = answer(next, me, proposal, held, why);
    }
    if (this.#ended !== null && next.proposal === this.#ended.proposal) next = end(next, me, this.#ended.why);
    if (this.#isForgotten(next)) next = callOff(next, `${instanceOf(me)} has given it up`);
    if (this.#isOutlived(next)) next = callOff(next, `${instanceOf(me)} owns it now, and sees it run`);
    if (this.#wake !== null) next = callOff(next, `${instanceOf(me)} wants it awake: ${this.#wake}`);
    return next;
  }

  /** It stands there as this run's wish, and nobody here waits for it: its answer was lost. */
  #isForgotten({ phase, by, proposal }: PlatformRecord): boolean {
    if (phase === 'awake' || by !== this.#options.view.me || this.#isSeeking) return false;
    const isOwn = this.#ownFrom !== null && proposal >= this.#ownFrom;
    if (phase === 'committed' && !isOwn) return false;
    return this.#committed?.proposal !== proposal;
  }

  /**
   * Another one committed it, or this one before it began anew, and who owns it by now lets its streams flow: there it runs. Nobody else is
   * left to say so, and for as long as it stands nobody may suspend it again.
   */
  #isOutlived({ phase, owner }: PlatformRecord): boolean {
    const isOwn = this.#isSeeking || this.#committed !== null;
    return phase === 'committed' && owner === this.#options.view.me && !isOwn && !this.#own.held;
  }

  /** A write is worth it where zero became non-zero, or back, or the reason changed, and by and by for the deadline. */
  #isTold(record: PlatformRecord): boolean {
    const { me } = this.#options.view;
    const told = record.members[me];
    if (told === undefined) return false;
    const { active, newestDeadlineMs, keeps } = this.#own;
    if (told.active > 0 !== active > 0 || told.keeps !== keeps) return false;
    const isStale = this.#options.clock.nowMs() - this.#ownWrittenMs > DEADLINE_REFRESH_MS;
    return active === 0 || !isStale || (told.newestDeadlineMs === newestDeadlineMs && told.active === active);
  }

  #withOwner(record: PlatformRecord): PlatformRecord {
    const { view, clock, random } = this.#options;
    const names = liveMembers(record, view.isLive).map(([id]) => id);
    const ranked = rankFor(this.platform, names.map(instanceOf));
    if (record.owner === null || !view.isLive(record.owner)) {
      const nowMs = clock.nowMs();
      this.#ownerlessSinceMs ??= nowMs + random() * CONFLICT_WAIT_MS;
      const better = ranked.slice(0, Math.max(0, ranked.indexOf(view.self)));
      const waitMs = this.#options.takeOvers.dueMs(this.#ownerlessSinceMs, better) - nowMs;
      if (waitMs <= 0) return takeOver(record, view.me, view.isLive);
      this.#againLater(waitMs);
      return record;
    }
    this.#ownerlessSinceMs = null;
    const best = names.find((id) => instanceOf(id) === ranked[0]);
    if (record.owner !== view.me || best === undefined || best === view.me || this.#isSeeking) return record;
    const sinceMs = view.seenSinceMs(best);
    const isSteady = sinceMs !== null && clock.nowMs() - sinceMs > HAND_BACK_AFTER_MS;
    return isSteady && this.uncertain() === null ? handOver(record, view.me, best, view.isLive) : record;
  }

  // ------------------------------------------------------------------------------------------ the agreement

  async #seek(signal: AbortSignal, forced: boolean): Promise<Agreement> {
    const { view, clock } = this.#options;
    const doubt = this.uncertain();
    if (doubt !== null) return { agreed: false, why: doubt };
    this.#ownFrom ??= (this.#record?.proposal ?? 0) + 1;
    const proposed = await this.#change((record) => propose(record, view.me, forced, view.isLive));
    if (proposed.outcome !== 'done') return { agreed: false, why: proposed.why };
    const proposal = this.#record?.proposal ?? 0;
    const endMs = clock.nowMs() + PROPOSAL_BOUND_MS;
    for (;;) {
      const record = this.#record;
      const over = this.#whyOver(record, proposal, signal, endMs);
      if (over !== null || record === null) return this.#giveUp(proposal, over ?? 'the record cannot be read');
      if (this.#isHeard && missingAgreement(record, view.isLive) === null) {
        const agreement = await this.#commit(proposal);
        if (agreement !== null) return agreement;
      } else await this.#nextChange(signal, endMs - clock.nowMs());
    }
  }

  #whyOver(record: PlatformRecord | null, proposal: number, signal: AbortSignal, endMs: number): string | null {
    const { view, clock } = this.#options;
    if (this.#isStopped) return 'this Torpor stops';
    if (record === null || !this.#isRead) return this.uncertain() ?? 'the record cannot be read';
    if (record.phase !== 'proposed' || record.proposal !== proposal || record.by !== view.me) return record.why;
    if (signal.aborted) return 'it is not wanted any more';
    if (clock.nowMs() >= endMs) return missingAgreement(record, view.isLive) ?? 'it took too long';
    return this.uncertain();
  }

  /** Null: what stands there by now has not been heard by the watch. */
  async #commit(proposal: number): Promise<Agreement | null> {
    const { view, clock } = this.#options;
    let sentMs = 0;
    let isHeard = true;
    const committed = await this.#change((record) => {
      sentMs = clock.nowMs();
      isHeard = this.#isHeard;
      return isHeard ? commit(record, view.me, proposal, view.isLive) : record;
    });
    if (!isHeard) return null;
    if (committed.outcome !== 'done') return this.#giveUp(proposal, committed.why);
    this.#committed = { proposal, sentMs };
    const record = this.#record ?? EMPTY_RECORD;
    const names = liveMembers(record, view.isLive).map(([id]) => instanceOf(id));
    return { agreed: true, why: `${names.sort().join(', ')} agreed` };
  }

  /**
   * The watch has told all that came before the record as it is known here. Ahead of that a Torpor may stand in it whose presence has not been told, and
   * which would count as dead: nothing is committed then.
   */
  get #isHeard(): boolean {
    return this.#heardRevision >= this.#revision;
  }

  #giveUp(proposal: number, why: string): Agreement {
    const record = this.#record;
    // Also what cannot be seen to stand: it may have been written all the same.
    if (record === null || record.phase !== 'awake' || !this.#isRead) this.#ended = { proposal, why };
    this.#reconcile();
    return { agreed: false, why };
  }

  #nextChange(signal: AbortSignal, boundMs: number): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        cancel();
        this.#waiting.delete(go);
        signal.removeEventListener('abort', go);
        resolve();
      };
      const cancel = this.#options.clock.schedule(boundMs, go);
      this.#waiting.add(go);
      signal.addEventListener('abort', go);
    });
  }

  // ------------------------------------------------------------------------------------------ the record

  #adopt({ value, revision }: StoreEntry): void {
    const before = this.#record?.owner ?? null;
    this.#revision = value === null ? 0 : revision;
    this.#record = value === null ? EMPTY_RECORD : parseRecord(value);
    const owner = this.#record?.owner ?? null;
    if (this.#isRead && owner !== null && owner !== before) this.#options.takeOvers.seen(instanceOf(owner));
  }

  /** One change after the other. Never rejects but for a fault of its own. */
  #change(reduce: (record: PlatformRecord) => Change): Promise<Written> {
    const next = this.#chain.then(() => this.#compareAndSet(reduce));
    this.#chain = next.catch(() => {});
    return next;
  }

  async #compareAndSet(reduce: (record: PlatformRecord) => Change): Promise<Written> {
    const { store, clock, random } = this.#options;
    const key = PLATFORM_PREFIX + this.platform;
    for (let tries = 0; tries < CONFLICTS_MAX; tries += 1) {
      const record = this.#record;
      if (!this.#canWrite() || record === null)
        return { outcome: 'unreachable', why: this.uncertain() ?? 'the store cannot be written now' };
      const next = reduce(record);
      if ('refused' in next) return { outcome: 'refused', why: next.refused };
      if (next === record) return DONE;
      const value = formatRecord(next);
      const revision = this.#revision;
      const answered = revision === 0 ? await store.create(key, value) : await store.update(key, value, revision);
      if (answered.outcome === 'written') {
        this.#wrote({ key, value, revision: answered.revision });
        return DONE;
      }
      try {
        const entry = await store.get(key);
        if (entry !== null && entry.revision > this.#revision) this.#take(entry);
      } catch (thrown) {
        return { outcome: 'unreachable', why: errorText(thrown) };
      }
      if (answered.outcome === 'conflict')
        await new Promise<void>((resolve) => clock.schedule(random() * CONFLICT_WAIT_MS, resolve));
    }
    return { outcome: 'unreachable', why: 'too many others change it' };
  }

  #wrote(entry: StoreEntry): void {
    this.#ownWrittenMs = this.#options.clock.nowMs();
    // The watch may have been faster than the answer.
    if (entry.revision <= this.#revision) return;
    this.#adopt(entry);
    this.changed();
  }

  /** Wishes that stand there now, or came too late, are no wishes any more. */
  #forgetDone(): void {
    const record = this.#record;
    if (record === null) return;
    if (record.phase === 'awake') {
      this.#wake = null;
      this.#ended = null;
    }
    if (this.#answer !== null && (record.phase === 'awake' || record.proposal !== this.#answer.proposal))
      this.#answer = null;
  }
}
