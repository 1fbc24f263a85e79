// Several Torpors in one memory world, each with a clock of its own and, in place of a machine, a small controller that follows the share's contract.
import { FarmMember } from '../../../src/farm/farm-member.ts';
import { type MemoryStore, MemoryWorld } from '../../../src/farm/memory-store.ts';
import { EMPTY_RECORD, type PlatformRecord, parseRecord } from '../../../src/farm/platform-record.ts';
import type { OwnShare, PeerFacts, PlatformShare, ShareEvent } from '../../../src/platform/share.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { KeptLog } from '../../support/kept-log.ts';
import { PausedClock } from './paused-clock.ts';

export const LEASE_MS = 10_000;
export const PLATFORM = 'vdi-01';

/** Holds for others while nobody is active here, and refuses while somebody is. */
export class SmallController {
  readonly share: PlatformShare;
  readonly told: ShareEvent[] = [];
  peers: PeerFacts | null = null;
  active = 0;
  isHeld = false;
  /** What came of the last seek that ended. */
  agreed: boolean | null = null;
  why = '';
  isSeeking = false;
  answersHeld = true;
  /** It knows that the platform runs, so that its streams flow; until then it holds them, as a machine does from its start. */
  #seesItRun = false;

  constructor(share: PlatformShare) {
    this.share = share;
    share.start((event) => this.#on(event));
    this.#tell();
  }

  get kinds(): string[] {
    return this.told.map(({ kind }) => kind).filter((kind) => kind !== 'peers');
  }

  setActive(active: number): void {
    this.active = active;
    if (active > 0 && this.isHeld) this.share.wantWake('a client');
    this.#tell();
  }

  /** Woken by somebody, without a wish of any Torpor's. */
  seeItRun(): void {
    this.#seesItRun = true;
    this.#tell();
  }

  seek(forced = false, signal = new AbortController().signal): void {
    if (this.isSeeking) return;
    this.isSeeking = true;
    this.isHeld = true;
    this.#seesItRun = false;
    void this.share.seekAgreement(signal, forced).then(({ agreed, why }) => {
      this.isSeeking = false;
      this.agreed = agreed;
      this.why = why;
      if (!agreed) this.end(why);
    });
  }

  end(why = 'it runs'): void {
    this.isHeld = false;
    this.agreed = null;
    this.share.endProposal(why);
  }

  #tell(): void {
    const { active } = this;
    const held = !this.#seesItRun;
    this.share.tell({ active, newestDeadlineMs: active > 0 ? 0 : null, keeps: null, held } satisfies OwnShare);
  }

  #on(event: ShareEvent): void {
    this.told.push(event);
    if (event.kind === 'peers') this.peers = event.peers;
    if (event.kind === 'suspendProposed') {
      this.isHeld = this.active === 0;
      if (this.answersHeld) this.share.answerProposal(event.proposal, this.isHeld, `${this.active} active`);
    }
    if (event.kind === 'suspendCommitted') this.isHeld = true;
    if (event.kind === 'suspendCalledOff' && !this.isSeeking) this.isHeld = false;
  }
}

interface RunOptions {
  /** Of its clock. Default 1. */
  readonly rate?: number;
  /** It goes on for a process of its name that rests. Default false. */
  readonly follows?: boolean;
}

export class Instance {
  readonly name: string;
  readonly clock: PausedClock;
  readonly store: MemoryStore;
  readonly member: FarmMember;
  readonly controller: SmallController;

  constructor(scene: FarmScene, name: string, boot: string, { rate = 1, follows = false }: RunOptions) {
    this.name = name;
    this.clock = new PausedClock(scene.clock, rate);
    this.store = scene.world.client(this.clock);
    let boots = 0;
    this.member = new FarmMember({
      store: this.store,
      name,
      version: '0.1.0',
      leaseMs: LEASE_MS,
      clock: this.clock,
      wallMs: () => this.clock.nowMs(),
      random: scene.world.random,
      newBoot: () => {
        boots += 1;
        return `${boot}.${boots}`;
      },
      log: scene.log,
      follows,
    });
    this.member.start();
    this.controller = new SmallController(this.member.share(PLATFORM));
  }

  get mayPress(): boolean {
    return this.controller.share.mayPress();
  }

  /** As kill -9: it says and hears nothing more. */
  kill(): void {
    this.store.cut();
    this.clock.pause();
  }
}

export class FarmScene {
  readonly clock = new FakeClock();
  readonly world: MemoryWorld;
  readonly log = new KeptLog();
  readonly instances = new Map<string, Instance>();
  #boots = 0;

  constructor(random: () => number = () => 0) {
    this.world = new MemoryWorld({ clock: this.clock, random });
  }

  /** Also in place of one that was killed. */
  run(name: string, options: RunOptions = {}): Instance {
    this.#boots += 1;
    const instance = new Instance(this, name, `boot${this.#boots}`, options);
    this.instances.set(name, instance);
    return instance;
  }

  static async of(...names: readonly string[]): Promise<FarmScene> {
    const scene = new FarmScene();
    for (const name of names) scene.run(name);
    await scene.clock.advance(6_000);
    return scene;
  }

  at(name: string): Instance {
    return this.instances.get(name) as Instance;
  }

  get owner(): Instance {
    const name = this.record.owner?.split('@')[0] ?? 'nobody';
    return this.at(name);
  }

  /** Those who do not own it, in the order of their names. */
  get guests(): Instance[] {
    const others = [...this.instances.values()].filter((each) => each !== this.owner);
    return others.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get record(): PlatformRecord {
    const value = this.world.entry(`platform.${PLATFORM}`)?.value;
    return value == null ? EMPTY_RECORD : (parseRecord(value) as PlatformRecord);
  }
}
