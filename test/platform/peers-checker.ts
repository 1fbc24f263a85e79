// Watches what one machine promises to other Torpors, from outside, by its events and effects alone. Part of MachineChecker.
import type { Effect, PlatformEvent, PlatformModel } from '../../src/platform/model.ts';
import type { PeerFacts } from '../../src/platform/share.ts';

const OF_PEERS: readonly Effect['kind'][] = ['seekAgreement', 'endProposal', 'answerProposal', 'wantWake'];

export class PeersChecker {
  #peers: PeerFacts | null;
  /** Its own question to the others: out, answered well, or none. */
  #own: { readonly sequence: number; agreed: boolean } | null = null;
  /** Another one's question, and its last word to it. */
  #asked: { readonly proposal: number; said: 'nothing' | 'held' | 'refused'; committed: boolean } | null = null;
  #wakeTold = false;

  constructor(peers: PeerFacts | null) {
    this.#peers = peers;
  }

  #demand(holds: boolean, problem: string): asserts holds {
    if (!holds) throw new Error(problem);
  }

  hear(event: PlatformEvent): void {
    if (event.kind === 'peers') {
      this.#peers = event.peers;
      return;
    }
    if (this.#peers === null) return;
    switch (event.kind) {
      case 'agreed':
        if (this.#own?.sequence === event.sequence && event.agreed) this.#own.agreed = true;
        return;
      case 'suspendProposed':
        if (event.by !== this.#peers.self)
          this.#asked = { proposal: event.proposal, said: 'nothing', committed: false };
        return;
      case 'suspendCommitted':
        if (event.by === this.#peers.self) return;
        if (this.#asked?.proposal === event.proposal) this.#asked.committed = true;
        else this.#asked = { proposal: event.proposal, said: 'nothing', committed: true };
        return;
      case 'suspendCalledOff':
        if (this.#asked?.proposal === event.proposal) this.#asked = null;
        return;
      default:
        return;
    }
  }

  /** Everything that must hold at a press, beside what holds for one that is alone. */
  checkPress(forced: boolean): void {
    if (this.#peers === null) return;
    const { self, owner, uncertain, others } = this.#peers;
    this.#demand(owner === self, `pressed while ${owner} owns it`);
    this.#demand(uncertain === null, 'pressed without being sure of the others');
    this.#demand(this.#own?.agreed === true, 'pressed without agreement');
    this.#demand(forced || others.every(({ active }) => active === 0), 'pressed over clients of another Torpor');
    this.#demand(
      others.every(({ keeps }) => keeps === null),
      'pressed against another Torpor’s reason',
    );
  }

  watch(model: PlatformModel, effects: readonly Effect[]): void {
    if (this.#peers === null) {
      this.#demand(!effects.some(({ kind }) => OF_PEERS.includes(kind)), 'spoke to others, and is alone');
      return;
    }
    for (const effect of effects) this.#check(effect);
    const { state, progress } = model;
    const agrees = state === 'saving' && (progress.phase === 'agreeing' || progress.phase === 'journalling');
    const stands =
      ['suspending', 'asleep', 'waking'].includes(state) || (state === 'failed' && progress.phase === 'wake');
    this.#demand(this.#own === null || agrees || stands, `its proposal is still open in ${state} ${progress.phase}`);
    this.#demand(progress.phase !== 'agreeing' || this.#own !== null, 'agreeing with nobody');
    const gaveWord = this.#asked !== null && this.#asked.said === 'held' && !this.#asked.committed;
    this.#demand(!gaveWord || model.held, 'said that streams are held, and they flow');
    this.#demand(progress.phase !== 'following' || model.held, 'follows, and streams flow');
    const owesWord = this.#asked !== null && this.#asked.said === 'nothing' && !this.#asked.committed;
    this.#demand(!owesWord || progress.phase === 'following', 'owes another Torpor its answer');
  }

  #check(effect: Effect): void {
    switch (effect.kind) {
      case 'seekAgreement':
        this.#demand(this.#own === null, 'asked for agreement twice');
        this.#own = { sequence: effect.sequence, agreed: false };
        return;
      case 'endProposal':
        this.#demand(this.#own !== null, 'ended a proposal that was none');
        this.#own = null;
        return;
      case 'answerProposal':
        this.#checkAnswer(effect.proposal, effect.held);
        return;
      case 'wantWake':
        this.#demand(!this.#wakeTold, 'told twice of one wake');
        this.#wakeTold = true;
        return;
      case 'transition':
        if (['awake', 'failed', 'saving'].includes(effect.to)) this.#wakeTold = false;
        // It sees the sleep before it hears the word: as good as that.
        if (effect.from === 'saving' && effect.to === 'suspending' && this.#asked !== null)
          this.#asked.committed = true;
        return;
      default:
        return;
    }
  }

  #checkAnswer(proposal: number, held: boolean): void {
    const asked = this.#asked;
    this.#demand(asked !== null && asked.proposal === proposal, `answered proposal ${proposal}, which is not asked`);
    this.#demand(asked.said !== 'refused', 'answered after it refused');
    this.#demand(!held || asked.said === 'nothing', 'said twice that its streams are held');
    asked.said = held ? 'held' : 'refused';
  }
}
