// A deterministic world of one platform and several Torpors: each may be cut off from the store, stand still or die. Blames what must not be.
import { findBindingReason } from '../../src/platform/idle-policy.ts';
import type { KeptOrders } from '../../src/platform/inhibitor.ts';
import { createPlatform, nextDeadlineMs, step } from '../../src/platform/machine.ts';
import type { Effect, PlatformEvent, PlatformModel } from '../../src/platform/model.ts';
import type { Intent, PowerCapabilities } from '../../src/platform/ports.ts';
import { PEERS_UNKNOWN } from '../../src/platform/share.ts';
import { watchPace } from '../../src/platform/watch-pace.ts';
import { FarmLink, FarmStore } from './farm-store.ts';
import { MachineChecker } from './machine-checker.ts';
import { POLICY } from './machine-rig.ts';
import { Random } from './random.ts';
import { Timeline } from './timeline.ts';
import { WorldHost } from './world-host.ts';

const IDLE_TIMEOUT_MS = 8_000;
const START_MS = 1_000_000;
const VM = 'alice';
const FARM_POLICY = {
  ...POLICY,
  minAwakeMs: 3_000,
  drowsyForMs: 2_000,
  suspendTimeoutMs: 20_000,
  wakeTimeoutMs: 20_000,
  saveTimeoutMs: 10_000,
  vms: [VM],
  probedVms: [VM],
};

export interface FarmPlan {
  readonly seed: number;
  readonly torpors: number;
  readonly sleep: 'S3' | 'S5';
  readonly chaosMs: number;
  readonly bursts: number;
  readonly cuts: number;
  readonly pauses: number;
  readonly deaths: number;
  readonly operator: boolean;
  /** From the wish to press to the packet, milliseconds at most. */
  readonly slowBmcMs: number;
}

interface Life {
  model: PlatformModel;
  readonly checker: MachineChecker;
  readonly link: FarmLink;
  readonly active: Map<string, number>;
  flows: boolean;
  sought: number;
  tickTurn: number;
  nextReadMs: number;
  nextAskMs: number;
  told: string;
}

class Torpor {
  readonly name: string;
  life: Life | null = null;
  pausedUntilMs = 0;
  backlog: Array<() => void> = [];
  disk: Intent | null = null;
  orders: KeptOrders | null = null;

  constructor(name: string) {
    this.name = name;
  }
}

export class FarmWorld {
  readonly timeline = new Timeline(START_MS);
  readonly host: WorldHost;
  readonly store: FarmStore;
  readonly torpors: Torpor[];
  readonly problems: string[] = [];
  readonly log: string[] = [];
  presses = 0;
  fenced = 0;
  readonly #plan: FarmPlan;
  readonly #random: Random;
  #chaos = true;
  #forcedAtMs = Number.NEGATIVE_INFINITY;

  constructor(plan: FarmPlan) {
    this.#plan = plan;
    this.#random = new Random(plan.seed);
    const wakeMethods = { 'chassis-on': true, 'wake-on-lan': true };
    const times = { entryMs: [500, 4_000], entryAnswersPart: 0.5, resumeMs: [500, 4_000] } as const;
    const host = { sleep: plan.sleep, button: 'suspend', ...times, wakeMethods, deafVms: [] } as const;
    this.host = new WorldHost(host, this.timeline, this.#random);
    this.store = new FarmStore(this.timeline, this.#random);
    this.store.onCommit = ({ by }) => this.#checkCommit(by);
    this.torpors = Array.from({ length: plan.torpors }, (_, i) => new Torpor(`torpor-${'abc'[i]}`));
    for (const torpor of this.torpors) this.#live(torpor);
    this.#planChaos();
  }

  get nowMs(): number {
    return this.timeline.nowMs;
  }

  /** Nothing fails any more; nobody is active but one client at this Torpor, who types on and on. Null: nobody. */
  settle(clientAt: number | null): void {
    this.#chaos = false;
    for (const torpor of this.torpors) {
      torpor.pausedUntilMs = Math.min(torpor.pausedUntilMs, this.nowMs);
      this.#resume(torpor);
      if (torpor.life === null) this.#live(torpor);
      else torpor.life.link.cutUntilMs = 0;
    }
    if (clientAt !== null) this.#type(this.torpors[clientAt] as Torpor, 'settled', Number.POSITIVE_INFINITY);
  }

  runUntil(holds: () => boolean, boundMs: number): boolean {
    const endMs = this.nowMs + boundMs;
    while (!holds() && this.problems.length === 0) {
      if (this.nowMs >= endMs) return false;
      this.timeline.runUntil(Math.min(endMs, this.nowMs + 250));
    }
    return this.problems.length === 0;
  }

  story(): string {
    return [...this.problems, ...this.log.slice(-90)].join('\n');
  }

  // ------------------------------------------------------------------------------------------ lives

  #live(torpor: Torpor): void {
    const { nowMs } = this;
    const policy = { ...FARM_POLICY, sleep: this.#plan.sleep };
    const model = createPlatform(policy, true, torpor.disk, nowMs, torpor.orders, PEERS_UNKNOWN);
    const link = new FarmLink(this.store, torpor.name, {
      run: (deed) => this.#run(torpor, life, deed),
      hear: (event) => {
        if (!('agreement' in event)) return this.#dispatch(torpor, life, event);
        this.#dispatch(torpor, life, { kind: 'agreed', sequence: life.sought, ...event.agreement });
      },
      own: () => this.#own(life),
    });
    const life: Life = {
      model,
      checker: new MachineChecker(model),
      link,
      active: new Map(),
      flows: false,
      sought: 0,
      tickTurn: 0,
      nextReadMs: nowMs,
      nextAskMs: nowMs,
      told: '',
    };
    torpor.life = life;
    link.start();
    this.#say(torpor, 'starts');
    this.#watch(torpor, life);
    this.#prove(torpor, life);
    this.#afterStep(torpor, life);
  }

  #die(torpor: Torpor): void {
    if (torpor.life === null) return;
    this.#say(torpor, `dies in ${torpor.life.model.state}`);
    torpor.life.link.end();
    torpor.life = null;
    torpor.backlog = [];
    torpor.pausedUntilMs = 0;
    this.timeline.after(this.#random.between(200, 30_000), () => {
      if (torpor.life === null) this.#live(torpor);
    });
  }

  /** A process that stands still does later what fell due meanwhile. */
  #run(torpor: Torpor, life: Life, deed: () => void): void {
    if (torpor.life !== life) return;
    if (this.nowMs >= torpor.pausedUntilMs) deed();
    else torpor.backlog.push(() => this.#run(torpor, life, deed));
  }

  #resume(torpor: Torpor): void {
    if (this.nowMs < torpor.pausedUntilMs) return;
    for (const deed of torpor.backlog.splice(0)) deed();
  }

  #later(torpor: Torpor, life: Life, delayMs: number, deed: () => void): void {
    this.timeline.after(delayMs, () => this.#run(torpor, life, deed));
  }

  #own({ model, active }: Life) {
    const keeps = findBindingReason(model, this.nowMs);
    return { active: active.size, newestDeadlineMs: null, keeps, held: model.held };
  }

  #dispatch(torpor: Torpor, life: Life, event: PlatformEvent): void {
    if (torpor.life !== life) return;
    const [model, effects] = step(life.model, event, this.nowMs);
    life.model = model;
    try {
      life.checker.watch(event, model, effects, this.nowMs);
    } catch (thrown) {
      this.#blame(torpor, `${event.kind}: ${(thrown as Error).message}`);
    }
    for (const effect of effects) this.#do(torpor, life, effect);
    this.#afterStep(torpor, life);
  }

  #afterStep(torpor: Torpor, life: Life): void {
    const own = JSON.stringify(this.#own(life));
    if (own !== life.told) {
      life.told = own;
      life.link.tell();
    }
    const dueMs = nextDeadlineMs(life.model);
    life.tickTurn += 1;
    const turn = life.tickTurn;
    if (dueMs === null) return;
    this.#later(torpor, life, Math.max(1, dueMs - this.nowMs), () => {
      if (life.tickTurn === turn) this.#dispatch(torpor, life, { kind: 'tick' });
    });
  }

  // ------------------------------------------------------------------------------------------ effects become deeds

  #do(torpor: Torpor, life: Life, effect: Effect): void {
    const between = (from: number, to: number) => this.#random.between(from, to);
    const answer = (delayMs: number, event: PlatformEvent) =>
      this.#later(torpor, life, delayMs, () => this.#dispatch(torpor, life, event));
    switch (effect.kind) {
      case 'transition':
        this.#say(torpor, `${effect.from} -> ${effect.to}: ${effect.why}`);
        return;
      case 'holdStreams':
        life.flows = false;
        return;
      case 'releaseStreams':
        life.flows = true;
        return;
      case 'saveContext':
        answer(between(1, 50), { kind: 'contextSaved', sequence: effect.sequence, veto: null });
        return;
      case 'restoreContext':
        answer(between(1, 50), { kind: 'contextRestored', sequence: effect.sequence, lostVms: [], problem: null });
        return;
      case 'drainSendQueues':
        answer(between(1, 400), { kind: 'drained', sequence: effect.sequence, drained: this.host.isUp, why: 'bytes' });
        return;
      case 'journal':
        torpor.disk = effect.intent;
        answer(between(1, 40), { kind: 'journalled', intentId: effect.intent.id, problem: null });
        return;
      case 'keepOrders':
        torpor.orders = effect.orders;
        return;
      case 'seekAgreement':
        life.sought = effect.sequence;
        life.link.seek(effect.forced);
        return;
      case 'endProposal':
        life.link.endProposal(effect.why);
        return;
      case 'answerProposal':
        this.#say(torpor, `answers held=${effect.held}: ${effect.why}`);
        life.link.answer(effect.proposal, effect.held, effect.why);
        return;
      case 'wantWake':
        life.link.wantWake(effect.why);
        return;
      case 'requestSleep':
        this.#later(torpor, life, between(1, this.#plan.slowBmcMs), () => this.#press(torpor, life, effect.intentId));
        return;
      case 'requestWake': {
        const { sequence, method } = effect;
        this.timeline.after(between(2, 60), () => this.host.wake(method));
        answer(70, { kind: 'wakeAnswered', sequence, outcome: 'accepted', why: method });
        return;
      }
      default:
        return;
    }
  }

  /** The session with the BMC stands: the fence is asked, and the packet leaves or does not. */
  #press(torpor: Torpor, life: Life, intentId: number): void {
    const { state, pressed, wakeWanted } = life.model;
    const isWanted = state === 'suspending' && pressed?.intentId === intentId && wakeWanted === null;
    const isOpen = isWanted && life.link.mayPress();
    const outcome = isOpen ? 'accepted' : 'unsent';
    this.#later(torpor, life, 20, () =>
      this.#dispatch(torpor, life, { kind: 'sleepAnswered', intentId, outcome, why: 'ownership' }),
    );
    if (!isOpen) {
      this.fenced += 1;
      return;
    }
    this.presses += 1;
    this.#say(torpor, 'presses');
    if (this.store.owner !== torpor.name) this.#blame(torpor, `pressed while ${this.store.owner} owns it`);
    const { proposal } = this.store;
    // Another one may have taken its word for gone: it was agreed to, and is not taken back by who did.
    if (proposal?.by !== torpor.name || proposal.status !== 'committed')
      this.#blame(torpor, 'pressed without a commit');
    const revision = proposal?.revision ?? 0;
    for (const other of this.torpors) {
      if (other.life === null || !this.store.wasThere(other.name, revision) || this.#wasForced) continue;
      if (other.life.flows) this.#blame(torpor, `pressed while streams flow at ${other.name}`);
    }
    this.timeline.after(5, () => {
      this.host.press();
      if (this.host.pressedAsleep > 0) this.#blame(torpor, 'pressed while it slept already');
    });
  }

  /** Whoever is there holds its streams at the very moment. The owner itself may have given it up just now: then it will not press. */
  #checkCommit(by: string): void {
    for (const torpor of this.torpors) {
      const { life } = torpor;
      if (life === null || torpor.name === by || !this.store.isLive(torpor.name)) continue;
      if (life.flows) this.#blame(torpor, `${by}'s suspend was committed while streams flow here`);
    }
  }

  get #wasForced(): boolean {
    return this.nowMs - this.#forcedAtMs < 60_000;
  }

  // ------------------------------------------------------------------------------------------ witnesses

  #prove(torpor: Torpor, life: Life): void {
    if (torpor.life !== life) return;
    const { sleep } = this.#plan;
    const capabilities: PowerCapabilities = {
      sleep,
      retainsRam: sleep === 'S3',
      readsSleepState: 'sensor',
      wakeMethods: FARM_POLICY.wakeMethods,
    };
    this.#run(torpor, life, () =>
      this.#dispatch(torpor, life, { kind: 'wakeProof', proven: true, why: 'session', capabilities }),
    );
  }

  #watch(torpor: Torpor, life: Life): void {
    if (torpor.life !== life) return;
    const pace = watchPace(life.model, this.nowMs);
    if (this.nowMs >= life.nextReadMs) {
      life.nextReadMs = this.nowMs + Math.max(200, pace.powerMs);
      this.#read(torpor, life);
    }
    if (pace.probeMs !== null && this.nowMs >= life.nextAskMs) {
      life.nextAskMs = this.nowMs + Math.max(200, pace.probeMs);
      this.#ask(torpor, life);
    }
    this.timeline.after(200, () => this.#watch(torpor, life));
  }

  #read(torpor: Torpor, life: Life): void {
    this.timeline.after(this.#random.between(5, 100), () => {
      const acpi = this.host.acpi();
      this.#run(torpor, life, () => {
        const reading = { atMs: this.nowMs, acpi, acpiSource: 'sensor' as const, powerBit: null, watts: null };
        this.#dispatch(torpor, life, { kind: 'power', reading });
      });
    });
  }

  #ask(torpor: Torpor, life: Life): void {
    const askedAtMs = this.nowMs;
    this.timeline.after(this.#random.between(1, 20), () => {
      const answered = this.host.answers(VM);
      this.#later(torpor, life, answered ? 0 : 900, () =>
        this.#dispatch(torpor, life, { kind: 'probe', vm: VM, answered, askedAtMs }),
      );
    });
  }

  // ------------------------------------------------------------------------------------------ clients and chaos

  #type(torpor: Torpor, client: string, untilMs: number): void {
    if (this.nowMs > untilMs) return;
    const { life } = torpor;
    if (life !== null) this.#run(torpor, life, () => this.#key(torpor, life, client));
    this.timeline.after(this.#random.between(100, 1_500), () => this.#type(torpor, client, untilMs));
  }

  #key(torpor: Torpor, life: Life, client: string): void {
    const entered = !life.active.has(client);
    life.active.set(client, this.nowMs);
    if (entered || !life.flows) this.#dispatch(torpor, life, { kind: 'activity', vm: VM, why: client });
    if (!entered) return;
    this.#dispatch(torpor, life, { kind: 'pool', size: life.active.size });
    this.#leaveWhenIdle(torpor, life, client);
  }

  #leaveWhenIdle(torpor: Torpor, life: Life, client: string): void {
    const lastMs = life.active.get(client) ?? 0;
    this.#later(torpor, life, lastMs + IDLE_TIMEOUT_MS - this.nowMs, () => {
      if ((life.active.get(client) ?? 0) > lastMs) return this.#leaveWhenIdle(torpor, life, client);
      life.active.delete(client);
      this.#dispatch(torpor, life, { kind: 'pool', size: life.active.size });
    });
  }

  #planChaos(): void {
    const { chaosMs, bursts, cuts, pauses, deaths, operator } = this.#plan;
    const random = this.#random;
    const anyone = () => this.torpors[random.between(0, this.torpors.length - 1)] as Torpor;
    const atRandom = (times: number, run: () => void) => {
      for (let i = 0; i < times; i += 1) this.timeline.after(random.between(0, chaosMs), () => this.#chaos && run());
    };
    atRandom(bursts, () =>
      this.#type(anyone(), `client-${random.between(0, 5)}`, this.nowMs + random.between(0, 9_000)),
    );
    atRandom(cuts, () => {
      const { name, life } = anyone();
      if (life === null) return;
      life.link.cutUntilMs = this.nowMs + random.between(500, 30_000);
      this.log.push(`${this.nowMs - START_MS} ms ${name} is cut off for ${life.link.cutUntilMs - this.nowMs} ms`);
    });
    atRandom(pauses, () => {
      const torpor = anyone();
      torpor.pausedUntilMs = this.nowMs + random.between(100, 60_000);
      this.#say(torpor, `stands still for ${torpor.pausedUntilMs - this.nowMs} ms`);
      this.timeline.after(torpor.pausedUntilMs - this.nowMs, () => this.#resume(torpor));
    });
    atRandom(deaths, () => this.#die(anyone()));
    if (!operator) return;
    atRandom(3, () => {
      const torpor = anyone();
      const { life } = torpor;
      if (life === null) return;
      const force = random.chance(0.5);
      if (force) this.#forcedAtMs = this.nowMs;
      this.#run(torpor, life, () =>
        this.#dispatch(
          torpor,
          life,
          force ? { kind: 'operatorSleep', force } : { kind: 'operatorWake', why: 'operator' },
        ),
      );
    });
  }

  #say(torpor: Torpor, what: string): void {
    this.log.push(`${this.nowMs - START_MS} ms [${this.host.state}] ${torpor.name} ${what}`);
  }

  #blame(torpor: Torpor, problem: string): void {
    this.problems.push(`${this.nowMs - START_MS} ms: ${torpor.name}: ${problem}`);
  }
}
