// The agreement of several Torpors, in memory and as simple as can be: leases, one proposal at a time, snapshots for everybody. It shows what
// the machines need of a store; messages to it and from it are late or lost as the test says.
import type { Agreement, OwnShare, PeerFacts, ShareEvent } from '../../src/platform/share.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

export const LEASE_MS = 6_000;
const RENEW_MS = 1_000;
/** A lease that was not renewed for so long is in doubt until it is over. */
const SILENT_MS = 2_500;
/** A Torpor trusts its own ownership for less long than the store does. */
const FENCE_MARGIN_MS = 1_500;

interface Member {
  own: OwnShare;
  renewedAtMs: number;
  joinedRevision: number;
}

interface Proposal {
  readonly id: number;
  readonly by: string;
  readonly forced: boolean;
  readonly answers: Map<string, boolean>;
  status: 'proposed' | 'committed' | 'over';
  why: string;
  revision: number;
}

interface Snapshot {
  readonly revision: number;
  readonly owner: string | null;
  readonly silent: string | null;
  readonly others: PeerFacts['others'];
  readonly proposal: Readonly<Proposal> | null;
  readonly wake: { readonly count: number; readonly by: string; readonly why: string };
}

export class FarmStore {
  onCommit: (proposal: Proposal) => void = () => {};
  commits = 0;
  readonly timeline: Timeline;
  readonly random: Random;
  #revision = 0;
  #owner: string | null = null;
  readonly #members = new Map<string, Member>();
  #proposal: Proposal | null = null;
  #wake = { count: 0, by: '', why: '' };
  readonly #listeners = new Map<string, (snapshot: Snapshot) => void>();

  constructor(timeline: Timeline, random: Random) {
    this.timeline = timeline;
    this.random = random;
    this.#look();
  }

  get owner(): string | null {
    return this.#owner;
  }

  get proposal(): Proposal | null {
    return this.#proposal;
  }

  isLive(name: string): boolean {
    const member = this.#members.get(name);
    return member !== undefined && this.timeline.nowMs < member.renewedAtMs + LEASE_MS;
  }

  /** Live, and known to the store before this revision. */
  wasThere(name: string, revision: number): boolean {
    return this.isLive(name) && (this.#members.get(name) as Member).joinedRevision < revision;
  }

  join(name: string, own: OwnShare, listener: (snapshot: Snapshot) => void): void {
    this.#listeners.set(name, listener);
    this.#members.set(name, { own, renewedAtMs: this.timeline.nowMs, joinedRevision: this.#revision + 1 });
    this.#proposal?.answers.delete(name);
    this.#changed();
  }

  renew(name: string, own: OwnShare): void {
    const member = this.#members.get(name);
    if (member === undefined) return;
    if (!this.isLive(name)) member.joinedRevision = this.#revision + 1;
    member.renewedAtMs = this.timeline.nowMs;
    member.own = own;
    this.#changed();
  }

  propose(by: string, id: number, forced: boolean): void {
    if (this.#owner !== by || !this.isLive(by) || this.#proposal?.id === id) return;
    const answers = new Map<string, boolean>();
    this.#proposal = { id, by, forced, answers, status: 'proposed', why: '', revision: this.#revision + 1 };
    this.#changed();
  }

  answer(name: string, id: number, held: boolean, why: string): void {
    const proposal = this.#proposal;
    if (proposal?.id !== id || proposal.status !== 'proposed') return;
    proposal.answers.set(name, held);
    if (!held) this.#end(proposal, `${name}: ${why}`);
    this.#changed();
  }

  end(by: string, id: number, why: string): void {
    const proposal = this.#proposal;
    if (proposal === null || proposal.by !== by || proposal.id !== id || proposal.status === 'over') return;
    this.#end(proposal, why);
    this.#changed();
  }

  wantWake(by: string, why: string): void {
    this.#wake = { count: this.#wake.count + 1, by, why };
    this.#changed();
  }

  #end(proposal: Proposal, why: string): void {
    proposal.status = 'over';
    proposal.why = why;
  }

  #look(): void {
    this.#changed();
    this.timeline.after(250, () => this.#look());
  }

  #silent(): string | null {
    const { nowMs } = this.timeline;
    for (const [name, { renewedAtMs }] of this.#members) {
      if (this.isLive(name) && nowMs - renewedAtMs > SILENT_MS) return `${name} is silent, and its lease is not over`;
    }
    return null;
  }

  #changed(): void {
    this.#revision += 1;
    const live = [...this.#members.keys()].filter((name) => this.isLive(name));
    if (this.#owner === null || !live.includes(this.#owner)) {
      this.#owner = live.length === 0 ? null : (live[this.random.between(0, live.length - 1)] as string);
    }
    this.#tryCommit(live);
    for (const [name, listener] of this.#listeners) listener(this.#snapshotFor(name, live));
  }

  /** By compare-and-set: at this very revision everybody holds and nobody is active. */
  #tryCommit(live: readonly string[]): void {
    const proposal = this.#proposal;
    if (proposal === null || proposal.status !== 'proposed') return;
    if (proposal.by !== this.#owner) {
      this.#end(proposal, `${proposal.by} does not own it any more`);
      return;
    }
    if (this.#silent() !== null) return;
    const agree = live.every((name) => {
      const { own } = this.#members.get(name) as Member;
      const isFree = (proposal.forced || own.active === 0) && own.keeps === null;
      return isFree && (name === proposal.by || proposal.answers.get(name) === true);
    });
    if (!agree) return;
    proposal.status = 'committed';
    proposal.revision = this.#revision;
    this.commits += 1;
    this.onCommit(proposal);
  }

  #snapshotFor(name: string, live: readonly string[]): Snapshot {
    const others = live.flatMap((instance) => {
      const { active, newestDeadlineMs, keeps } = (this.#members.get(instance) as Member).own;
      return instance === name || (active === 0 && keeps === null)
        ? []
        : [{ instance, active, newestDeadlineMs, keeps }];
    });
    const proposal = this.#proposal === null ? null : { ...this.#proposal };
    return {
      revision: this.#revision,
      owner: this.#owner,
      silent: this.#silent(),
      others,
      proposal,
      wake: this.#wake,
    };
  }
}

export interface LinkHands {
  /** Runs now, or when the process goes on that stands still. False answers: it is dead. */
  run(deed: () => void): void;
  hear(event: ShareEvent | { readonly agreement: Agreement }): void;
  own(): OwnShare;
}

/** One life's way to the store: what is lost is said again, what was heard is told the machine once and in order. */
export class FarmLink {
  cutUntilMs = 0;
  readonly #store: FarmStore;
  readonly #name: string;
  readonly #hands: LinkHands;
  #isOver = false;
  /** Own moment until which the store's last word is good. */
  #goodUntilMs = Number.NEGATIVE_INFINITY;
  #lastArrivalMs = 0;
  #seenRevision = 0;
  #seenWake: number | null = null;
  #known: { id: number; status: Proposal['status'] } | null = null;
  #peersSaid = '';
  #seeking: number | null = null;
  #openOwn: number | null = null;
  #ended: { id: number; why: string } | null = null;
  #answered: { id: number; held: boolean; why: string } | null = null;
  #lastSnapshot: Snapshot | null = null;

  constructor(store: FarmStore, name: string, hands: LinkHands) {
    this.#store = store;
    this.#name = name;
    this.#hands = hands;
  }

  start(): void {
    this.#renew();
  }

  /** Again as long as nothing was heard: who was cut off on its way is not there yet. */
  #join(): void {
    const own = this.#hands.own();
    this.#toStore(() => this.#store.join(this.#name, own, (snapshot) => this.#arrive(snapshot)));
  }

  get #nowMs(): number {
    return this.#store.timeline.nowMs;
  }

  get isCut(): boolean {
    return this.#nowMs < this.cutUntilMs;
  }

  end(): void {
    this.#isOver = true;
  }

  mayPress(): boolean {
    return this.#lastSnapshot?.owner === this.#name && this.#nowMs < this.#goodUntilMs - FENCE_MARGIN_MS;
  }

  tell(): void {
    const own = this.#hands.own();
    this.#toStore(() => this.#store.renew(this.#name, own));
  }

  seek(forced: boolean): void {
    const id = this.#nowMs * 1_000 + this.#store.random.between(0, 999);
    this.#seeking = id;
    this.#openOwn = id;
    this.#toStore(() => this.#store.propose(this.#name, id, forced));
  }

  endProposal(why: string): void {
    if (this.#openOwn === null) return;
    this.#ended = { id: this.#openOwn, why };
    this.#openOwn = null;
    this.#seeking = null;
    this.#say();
  }

  answer(id: number, held: boolean, why: string): void {
    this.#answered = { id, held, why };
    this.#say();
  }

  wantWake(why: string): void {
    this.#toStore(() => this.#store.wantWake(this.#name, why));
  }

  #say(): void {
    const ended = this.#ended;
    const answered = this.#answered;
    if (ended !== null) this.#toStore(() => this.#store.end(this.#name, ended.id, ended.why));
    if (answered !== null) {
      this.#toStore(() => this.#store.answer(this.#name, answered.id, answered.held, answered.why));
    }
  }

  #renew(): void {
    if (this.#isOver) return;
    this.#hands.run(() => {
      if (this.#lastSnapshot === null) this.#join();
      const sentAtMs = this.#nowMs;
      const own = this.#hands.own();
      this.#toStore(() => {
        this.#store.renew(this.#name, own);
        this.#fromStore(() => {
          this.#goodUntilMs = Math.max(this.#goodUntilMs, sentAtMs + LEASE_MS);
        });
      });
      this.#say();
      this.#tellPeers();
    });
    this.#store.timeline.after(RENEW_MS, () => this.#renew());
  }

  /** In the order in which it was sent, as over one connection. */
  #toStore(deed: () => void): void {
    if (this.isCut || this.#isOver) return;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#nowMs + this.#store.random.between(1, 60));
    this.#store.timeline.after(this.#lastArrivalMs - this.#nowMs, () => {
      if (!this.isCut) deed();
    });
  }

  #fromStore(deed: () => void): void {
    this.#store.timeline.after(this.#store.random.between(1, 60), () => {
      if (!this.isCut && !this.#isOver) this.#hands.run(deed);
    });
  }

  /** One that was overtaken tells nothing new. */
  #arrive(snapshot: Snapshot): void {
    this.#fromStore(() => {
      if (snapshot.revision < this.#seenRevision) return;
      this.#seenRevision = snapshot.revision;
      this.#lastSnapshot = snapshot;
      this.#tellPeers();
      if (this.#seenWake !== null && snapshot.wake.count > this.#seenWake && snapshot.wake.by !== this.#name) {
        this.#hands.hear({ kind: 'peerWake', by: snapshot.wake.by, why: snapshot.wake.why });
      }
      this.#seenWake = snapshot.wake.count;
      if (snapshot.proposal !== null) this.#tellProposal(snapshot.proposal);
    });
  }

  #tellPeers(): void {
    const known = this.#lastSnapshot;
    const isLost = this.#nowMs >= this.#goodUntilMs;
    const uncertain = known === null || isLost ? 'the store does not answer' : known.silent;
    const peers = { self: this.#name, owner: known?.owner ?? null, uncertain, others: known?.others ?? [] };
    const said = JSON.stringify(peers);
    if (said === this.#peersSaid) return;
    this.#peersSaid = said;
    this.#hands.hear({ kind: 'peers', peers });
  }

  #tellProposal({ id, by, forced, status, why }: Proposal): void {
    const before = this.#known?.id === id ? this.#known.status : null;
    this.#known = { id, status };
    if (by === this.#name) {
      if (this.#seeking !== id || status === 'proposed') return;
      this.#seeking = null;
      this.#hands.hear({ agreement: { agreed: status === 'committed', why } });
      return;
    }
    if (before === null && status === 'proposed')
      this.#hands.hear({ kind: 'suspendProposed', proposal: id, by, forced });
    if (before !== 'committed' && status === 'committed')
      this.#hands.hear({ kind: 'suspendCommitted', proposal: id, by });
    if (before !== 'over' && before !== null && status === 'over') {
      this.#hands.hear({ kind: 'suspendCalledOff', proposal: id, why });
    }
  }
}
