// A deterministic world around one machine: host, BMC, probes, hooks, disk, clients, and a Torpor that may die at any effect.
import { ActivityTable } from '../../src/platform/activity-table.ts';
import { findBlockers } from '../../src/platform/idle-policy.ts';
import type { KeptOrders } from '../../src/platform/inhibitor.ts';
import { createPlatform, nextDeadlineMs, step } from '../../src/platform/machine.ts';
import type { Effect, PlatformEvent, PlatformModel, PlatformPolicy } from '../../src/platform/model.ts';
import type { Intent, PowerCapabilities } from '../../src/platform/ports.ts';
import { watchPace } from '../../src/platform/watch-pace.ts';
import { MachineChecker } from './machine-checker.ts';
import { learnedOf, WATTS } from './machine-rig.ts';
import { Random } from './random.ts';
import { Timeline } from './timeline.ts';
import { type HostPlan, WorldHost } from './world-host.ts';

const IDLE_TIMEOUT_MS = 10_000;
const DISCONNECT_GRACE_MS = 5_000;
const READ_BOUND_MS = 5_000;
const PROBE_BOUND_MS = 1_000;
const WORLD_START_MS = 1_000_000;

export interface WorldPlan {
  readonly seed: number;
  readonly host: HostPlan;
  readonly witness: PowerCapabilities['readsSleepState'];
  /**
   * notify: hooks run and change nothing that anybody could see. save-vms: VMs are silent from one to the other. saver: the
   * same, and Torpor knows it.
   */
  readonly hooks: 'none' | 'notify' | 'save-vms' | 'saver';
  readonly vms: readonly string[];
  readonly clients: number;
  readonly armed: boolean;
  /** How long the faults last; then everything works as it should. */
  readonly chaosMs: number;
  readonly bmcLoss: number;
  /** Number of times that the BMC goes silent, for up to half a minute. */
  readonly bmcSilences: number;
  readonly probeLoss: number;
  readonly vetoes: number;
  readonly journalFailures: number;
  readonly wakesAlone: boolean;
  readonly inhibitors: number;
  readonly maxSuspendsPerHour: number | null;
  /** A check of the owner's: asked before each press, it may say busy, fail or hang. */
  readonly checks: boolean;
  readonly operator: boolean;
  /** Deaths of Torpor at random moments. */
  readonly deaths: number;
  /** One death at the n-th effect of the first life: before its deed, or after it and before its answer. */
  readonly deathAtEffect: { readonly nth: number; readonly afterDeed: boolean } | null;
}

interface Client {
  readonly id: string;
  readonly vm: string;
  connected: boolean;
  typesUntilMs: number;
  lastKeyAtMs: number;
  heldKeys: number;
}

/** One life of Torpor: what is lost when it dies. */
interface Life {
  model: PlatformModel;
  readonly checker: MachineChecker;
  readonly table: ActivityTable;
  readonly flowingVms: Set<string>;
  journalBusyUntilMs: number;
  nextReadAtMs: number;
  reading: boolean;
  readPaceMs: number;
  readTurn: number;
  probePaceMs: number | null;
  probeTurn: number;
  lastAskedAtMs: number;
  tickTurn: number;
}

export class World {
  readonly plan: WorldPlan;
  readonly timeline = new Timeline(WORLD_START_MS);
  readonly host: WorldHost;
  readonly problems: string[] = [];
  readonly log: string[] = [];
  presses = 0;
  deaths = 0;
  readonly #random: Random;
  readonly #policy: PlatformPolicy;
  readonly #clients: Client[];
  readonly #pressedIntents = new Set<number>();
  #life: Life | null = null;
  #disk: Intent | null = null;
  #ordersOnDisk: KeptOrders | null = null;
  /** Moments of real presses: no restart may make Torpor forget them. */
  readonly #pressesAtMs: number[] = [];
  #effectCount = 0;
  #silentUntilMs = 0;
  #meterWatts = 180;
  #meterAtMs = WORLD_START_MS;
  #hookTurn = 0;
  #chaos = true;
  #forcedAtMs = Number.NEGATIVE_INFINITY;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(plan: WorldPlan) {
    this.plan = plan;
    this.#random = new Random(plan.seed);
    this.host = new WorldHost(plan.host, this.timeline, this.#random);
    this.#policy = policyOf(plan);
    this.#clients = Array.from({ length: plan.clients }, (_, i) => ({
      id: `client-${i}`,
      vm: plan.vms[i % plan.vms.length] as string,
      connected: false,
      typesUntilMs: 0,
      lastKeyAtMs: Number.NEGATIVE_INFINITY,
      heldKeys: 0,
    }));
    this.#live();
    this.#planChaos();
  }

  get nowMs(): number {
    return this.timeline.nowMs;
  }

  get #silencesVms(): boolean {
    return this.plan.hooks === 'save-vms' || this.plan.hooks === 'saver';
  }

  get model(): PlatformModel | null {
    return this.#life?.model ?? null;
  }

  /** From now on nothing fails any more and nobody dies; `client`: one client of the first VM types on and on. */
  settle(client: boolean): void {
    this.#chaos = false;
    this.#silentUntilMs = 0;
    this.#life ??= this.#live();
    for (const other of this.#clients) this.#hangUp(other);
    // Whoever is done with the host gives it back; that is no fault to be survived.
    this.#dispatch(this.#life, { kind: 'maintenance', on: false, why: '' });
    if (client) this.#typeUntil(this.#newClient(), Number.POSITIVE_INFINITY);
  }

  /** Lets time pass until `holds` does; false where it did not within the bound. */
  runUntil(holds: () => boolean, boundMs: number): boolean {
    const endMs = this.nowMs + boundMs;
    while (!holds() && this.problems.length === 0) {
      if (this.nowMs >= endMs) return false;
      this.timeline.runUntil(Math.min(endMs, this.nowMs + 250));
    }
    return this.problems.length === 0;
  }

  /** For a failure: the last things that happened. */
  story(): string {
    return [...this.problems, ...this.log.slice(-60)].join('\n');
  }

  // ------------------------------------------------------------------------------------------ the lives of Torpor

  #live(): Life {
    const { nowMs } = this;
    const model = createPlatform(this.#policy, this.plan.armed, this.#disk, nowMs, this.#ordersOnDisk);
    const life: Life = {
      model,
      checker: new MachineChecker(model),
      table: new ActivityTable(),
      flowingVms: new Set(),
      journalBusyUntilMs: nowMs,
      nextReadAtMs: nowMs,
      reading: false,
      readPaceMs: 500,
      readTurn: 0,
      probePaceMs: null,
      probeTurn: 0,
      lastAskedAtMs: Number.NEGATIVE_INFINITY,
      tickTurn: 0,
    };
    this.#life = life;
    this.#say(`Torpor starts with ${this.#disk === null ? 'no intent' : `intent ${this.#disk.id} ${this.#disk.kind}`}`);
    this.#prove(life);
    this.#readLater(life);
    this.#afterStep(life);
    return life;
  }

  /** kill -9: all connections go with it, deeds that are under way take their course, nobody hears their answers. */
  #die(): void {
    if (this.#life === null) return;
    this.deaths += 1;
    this.#say(`Torpor dies in ${this.#life.model.state}`);
    this.#life = null;
    for (const client of this.#clients) this.#hangUp(client);
    this.timeline.after(this.#random.between(50, 20_000), () => {
      if (this.#life === null) this.#live();
    });
  }

  #dispatch(life: Life, event: PlatformEvent): void {
    if (this.#life !== life) return;
    const { nowMs } = this;
    const [model, effects] = step(life.model, event, nowMs);
    life.model = model;
    try {
      life.checker.watch(event, model, effects, nowMs);
    } catch (thrown) {
      this.#blame((thrown as Error).message);
    }
    for (const effect of effects) {
      this.#effectCount += 1;
      const death = this.plan.deathAtEffect;
      const diesHere = this.#chaos && death !== null && this.#effectCount === death.nth;
      if (!diesHere || death.afterDeed) this.#run(life, effect);
      if (diesHere) this.#die();
      if (this.#life !== life) return;
    }
    this.#afterStep(life);
  }

  #afterStep(life: Life): void {
    const dueMs = nextDeadlineMs(life.model);
    life.tickTurn += 1;
    const turn = life.tickTurn;
    if (dueMs !== null) {
      this.timeline.after(Math.max(1, dueMs - this.nowMs), () => {
        if (life.tickTurn === turn) this.#dispatch(life, { kind: 'tick' });
      });
    }
    const pace = watchPace(life.model, this.nowMs);
    this.#setReadPace(life, pace.powerMs);
    this.#setProbePace(life, pace.probeMs);
  }

  /** An answer to a deed, unless Torpor died meanwhile. */
  #answer(life: Life, delayMs: number, event: () => PlatformEvent): void {
    this.timeline.after(delayMs, () => {
      if (this.#life === life) this.#dispatch(life, event());
    });
  }

  // ------------------------------------------------------------------------------------------ effects become deeds

  #run(life: Life, effect: Effect): void {
    const random = this.#random;
    switch (effect.kind) {
      case 'transition':
        this.#say(`${effect.from} -> ${effect.to}: ${effect.why}`);
        return;
      case 'holdStreams':
        life.flowingVms.clear();
        return;
      case 'releaseStreams':
        this.#release(life, effect.vm);
        return;
      case 'giveUpStreams':
        for (const client of this.#clients) {
          if (client.heldKeys > 0 && (effect.vm === null || effect.vm === client.vm)) this.#hangUp(client);
        }
        return;
      case 'saveContext': {
        const vetoes = this.#chaos && random.chance(this.plan.vetoes);
        const delayMs = random.between(10, this.plan.hooks === 'none' ? 50 : 4_000);
        this.#hookTurn += 1;
        const turn = this.#hookTurn;
        this.timeline.after(delayMs / 2, () => {
          if (this.#silencesVms && this.#hookTurn === turn) this.host.saveVms();
        });
        this.#answer(life, delayMs, () => ({
          kind: 'contextSaved',
          sequence: effect.sequence,
          veto: vetoes ? 'busy' : null,
        }));
        return;
      }
      case 'abortSave':
        // The hook is ended; what it did by then stays done. It outlives Torpor's own death, though.
        this.#hookTurn += 1;
        return;
      case 'restoreContext':
        this.#restore(life, effect.sequence);
        return;
      case 'keepOrders':
        // What an operator was told is kept, is: the write is awaited before the answer, as the journal's is before the press.
        this.#ordersOnDisk = effect.orders;
        return;
      case 'askInhibitors': {
        const says = this.#chaos ? random.between(0, 9) : 9;
        if (says === 0) return;
        const delayMs = random.between(5, 3_000);
        this.timeline.after(delayMs / 2, () => {
          const busy = { kind: 'inhibit', by: 'check', name: 'backup', why: 'rsync runs', untilMs: null } as const;
          if (this.#life !== life) return;
          const done = { kind: 'lift', by: 'check', name: 'backup', why: 'it is done' } as const;
          this.#dispatch(life, says <= 2 ? busy : done);
          // Asked again and again while it runs, it says some day that it is done.
          if (says <= 2) this.#answer(life, random.between(1_000, 60_000), () => done);
        });
        this.#answer(life, delayMs, () => ({ kind: 'inhibitorsAsked', sequence: effect.sequence, problem: null }));
        return;
      }
      case 'drainSendQueues': {
        const acknowledges = this.plan.hooks !== 'saver' || this.plan.vms.some((vm) => this.host.answers(vm));
        const drained = this.host.isUp && acknowledges && !(this.#chaos && random.chance(0.05));
        const delayMs = drained ? random.between(5, 300) : effect.boundMs;
        this.#answer(life, delayMs, () => ({
          kind: 'drained',
          sequence: effect.sequence,
          drained,
          why: 'not drained',
        }));
        return;
      }
      case 'journal':
        this.#journal(life, effect.intent);
        return;
      case 'requestSleep':
        this.#press(life, effect.intentId);
        return;
      case 'requestWake':
        this.#requestWake(life, effect.sequence, effect.method);
        return;
      case 'alarm':
      case 'note':
      case 'wouldSleep':
        this.#say(`${effect.kind}: ${effect.why}`);
        return;
      default:
        return;
    }
  }

  #release(life: Life, vm: string | null): void {
    for (const client of this.#clients) {
      if (vm !== null && vm !== client.vm) continue;
      client.heldKeys = 0;
    }
    for (const name of vm === null ? this.plan.vms : [vm]) life.flowingVms.add(name);
  }

  #restore(life: Life, sequence: number): void {
    const delayMs = this.#random.between(10, this.plan.hooks === 'none' ? 50 : 3_000);
    const lostVms = this.host.sleptIn === 'S5' && this.plan.host.sleep === 'S3' ? ('all' as const) : [];
    let problem: string | null = null;
    this.timeline.after(delayMs, () => {
      if (this.#silencesVms && !this.host.restoreVms()) problem = 'no route to the hypervisor';
    });
    this.#answer(life, delayMs, () => ({ kind: 'contextRestored', sequence, lostVms, problem }));
  }

  #journal(life: Life, intent: Intent): void {
    const fails = this.#chaos && this.#random.chance(this.plan.journalFailures);
    life.journalBusyUntilMs = Math.max(life.journalBusyUntilMs, this.nowMs) + this.#random.between(1, 40);
    const problem = fails ? 'disk full' : null;
    this.timeline.after(life.journalBusyUntilMs - this.nowMs, () => {
      // A write that was under way when Torpor died may have reached the disk, or not; a later life's write stands.
      if (this.#life !== life && (this.#life !== null || this.#random.chance(0.5))) return;
      if (!fails) this.#disk = intent;
      this.#dispatch(life, { kind: 'journalled', intentId: intent.id, problem });
    });
  }

  #press(life: Life, intentId: number): void {
    this.presses += 1;
    this.#say(`press for intent ${intentId}`);
    if (this.#pressedIntents.has(intentId)) this.#blame(`pressed twice for intent ${intentId}`);
    this.#pressedIntents.add(intentId);
    if (this.#disk?.id !== intentId || this.#disk.kind !== 'sleep') this.#blame('pressed and the disk does not know');
    const isForced = this.nowMs - this.#forcedAtMs < 60_000;
    const active = this.#clients.filter(
      ({ connected, lastKeyAtMs }) => connected && this.nowMs - lastKeyAtMs < IDLE_TIMEOUT_MS,
    );
    if (active.length > 0 && !isForced) this.#blame(`pressed while ${active[0]?.id} is active`);
    this.#checkOrders(isForced);
    const reaches = !this.#bmcFails();
    const pressMs = this.#random.between(2, 60);
    if (reaches) {
      this.timeline.after(pressMs, () => {
        this.host.press();
        if (this.host.pressedAsleep > 0) this.#blame('pressed while it slept already');
      });
    }
    const outcome = reaches && !this.#bmcFails() ? 'accepted' : 'unknown';
    const answerMs = outcome === 'accepted' ? pressMs + 5 : 3_000;
    this.#answer(life, answerMs, () => ({ kind: 'sleepAnswered', intentId, outcome, why: 'chassis soft' }));
  }

  /** What operators ordered stands across every death of Torpor. */
  #checkOrders(isForced: boolean): void {
    const { nowMs } = this;
    const orders = this.#ordersOnDisk;
    const standing = orders?.inhibitors.find(({ untilMs }) => untilMs === null || untilMs > nowMs);
    if (standing !== undefined) this.#blame(`pressed although an operator inhibits: ${standing.why}`);
    if (orders?.maintenance != null) this.#blame('pressed in maintenance');
    const max = this.plan.maxSuspendsPerHour;
    const recent = this.#pressesAtMs.filter((atMs) => nowMs - atMs < 3_600_000);
    if (max !== null && recent.length >= max && !isForced && !this.#askedLately()) this.#blame('pressed too often');
    this.#pressesAtMs.push(nowMs);
  }

  #askedLately(): boolean {
    return this.nowMs - this.#askedAtMs < 60_000;
  }

  /** The first method goes through the BMC; the second does not need it, and nobody answers it. */
  #requestWake(life: Life, sequence: number, method: string): void {
    this.#say(`wake by ${method}`);
    const fails = method === 'chassis-on' && this.#bmcFails();
    const delayMs = this.#random.between(2, 60);
    if (!fails) this.timeline.after(delayMs, () => this.host.wake(method));
    const outcome = fails ? 'unknown' : 'accepted';
    this.#answer(life, fails ? 3_000 : delayMs, () => ({ kind: 'wakeAnswered', sequence, outcome, why: method }));
  }

  // ------------------------------------------------------------------------------------------ witnesses

  #bmcFails(): boolean {
    return this.nowMs < this.#silentUntilMs || (this.#chaos && this.#random.chance(this.plan.bmcLoss));
  }

  #prove(life: Life): void {
    if (this.#life !== life) return;
    const proven = !this.#bmcFails();
    const { sleep, witness, wakeMethods } = this.#policy;
    const capabilities: PowerCapabilities = {
      sleep,
      retainsRam: sleep === 'S3',
      readsSleepState: witness,
      wakeMethods,
      learned: learnedOf(this.#policy),
    };
    const isRunning = ['starting', 'awake', 'drowsy'].includes(life.model.state);
    if (isRunning) {
      const why = proven ? 'session and sensor' : 'no answer';
      this.#answer(life, this.#random.between(20, 400), () => ({ kind: 'wakeProof', proven, why, capabilities }));
    }
    this.timeline.after(proven ? 60_000 : 5_000, () => this.#prove(life));
  }

  /** Lags behind what is drawn, and wavers: half of the way in a second. */
  #meter(): number {
    const drawn = this.host.isUp ? this.#random.between(150, 220) : this.#random.between(8, 12);
    const passed = 1 - 0.5 ** ((this.nowMs - this.#meterAtMs) / 1_000);
    this.#meterWatts += (drawn - this.#meterWatts) * passed;
    this.#meterAtMs = this.nowMs;
    return this.#meterWatts;
  }

  #setReadPace(life: Life, paceMs: number): void {
    if (paceMs === life.readPaceMs) return;
    life.readPaceMs = paceMs;
    life.nextReadAtMs = Math.min(life.nextReadAtMs, this.nowMs + paceMs);
    this.#readLater(life);
  }

  #readLater(life: Life): void {
    life.readTurn += 1;
    const turn = life.readTurn;
    if (life.reading) return;
    this.timeline.after(life.nextReadAtMs - this.nowMs, () => {
      if (this.#life === life && life.readTurn === turn) this.#read(life);
    });
  }

  #read(life: Life): void {
    life.reading = true;
    const fails = this.#bmcFails();
    this.timeline.after(fails ? READ_BOUND_MS : this.#random.between(5, 150), () => {
      if (this.#life !== life) return;
      life.reading = false;
      life.nextReadAtMs = this.nowMs + life.readPaceMs;
      const acpi = this.host.acpi();
      const hasSensor = this.plan.witness === 'sensor' || this.plan.witness === 'command';
      const reading = {
        atMs: this.nowMs,
        acpi: hasSensor ? acpi : null,
        acpiSource: hasSensor ? ('sensor' as const) : null,
        powerBit: this.plan.witness === 'power-bit' ? acpi === 'S0' : true,
        watts: this.plan.witness === 'watts' ? this.#meter() : null,
      };
      this.#dispatch(life, fails ? { kind: 'powerLost', why: 'no answer' } : { kind: 'power', reading });
      this.#readLater(life);
    });
  }

  #setProbePace(life: Life, paceMs: number | null): void {
    if (paceMs === life.probePaceMs) return;
    life.probePaceMs = paceMs;
    life.probeTurn += 1;
    if (paceMs !== null) this.#askLater(life, life.probeTurn, Math.max(0, life.lastAskedAtMs + paceMs - this.nowMs));
  }

  #askLater(life: Life, turn: number, delayMs: number): void {
    this.timeline.after(delayMs, () => {
      if (this.#life !== life || life.probeTurn !== turn || life.probePaceMs === null) return;
      life.lastAskedAtMs = this.nowMs;
      for (const vm of this.#policy.probedVms) this.#ask(life, vm);
      this.#askLater(life, turn, life.probePaceMs);
    });
  }

  /** A question that is answered within its round trip, or given up at its bound; withdrawn where VMs are not asked any more. */
  #ask(life: Life, vm: string): void {
    const askedAtMs = this.nowMs;
    const lost = this.#chaos && this.#random.chance(this.plan.probeLoss);
    const tripMs = this.#random.between(1, 20);
    this.timeline.after(tripMs, () => {
      const answered = !lost && this.host.answers(vm);
      this.timeline.after(answered ? 0 : PROBE_BOUND_MS - tripMs, () => {
        if (life.probePaceMs !== null) this.#dispatch(life, { kind: 'probe', vm, answered, askedAtMs });
      });
    });
  }

  // ------------------------------------------------------------------------------------------ clients

  #newClient(): Client {
    const vm = this.plan.vms[0] as string;
    const client = { id: 'client-settled', vm, connected: false, typesUntilMs: 0, lastKeyAtMs: -1, heldKeys: 0 };
    this.#clients.push(client);
    return client;
  }

  #typeUntil(client: Client, untilMs: number): void {
    client.typesUntilMs = untilMs;
    this.#type(client);
  }

  #type(client: Client): void {
    if (this.nowMs > client.typesUntilMs) return;
    if (this.#life !== null) this.#key(this.#life, client);
    this.timeline.after(this.#random.between(200, 2_000), () => this.#type(client));
  }

  #key(life: Life, client: Client): void {
    const isNew = !client.connected;
    client.connected = true;
    client.lastKeyAtMs = this.nowMs;
    const flows = !life.model.held || life.flowingVms.has(client.vm);
    if (!flows) client.heldKeys += 1;
    const entered = life.table.enter(client.id, isNew ? 'connected' : 'client bytes', this.nowMs);
    if (entered || !flows) this.#dispatch(life, { kind: 'activity', vm: client.vm, why: client.id });
    if (!entered) return;
    this.#dispatch(life, { kind: 'pool', size: life.table.size });
    this.#leaveWhenIdle(life, client);
  }

  #leaveWhenIdle(life: Life, client: Client): void {
    this.timeline.after(client.lastKeyAtMs + IDLE_TIMEOUT_MS - this.nowMs, () => {
      if (this.#life !== life) return;
      if (client.connected && this.nowMs < client.lastKeyAtMs + IDLE_TIMEOUT_MS)
        return this.#leaveWhenIdle(life, client);
      this.#leave(life, client);
    });
  }

  #leave(life: Life, client: Client): void {
    if (this.#life !== life || !life.table.exit(client.id, 'idle', this.nowMs)) return;
    this.#dispatch(life, { kind: 'pool', size: life.table.size });
  }

  #hangUp(client: Client): void {
    const life = this.#life;
    client.connected = false;
    client.heldKeys = 0;
    if (life === null) return;
    const leftAtMs = this.nowMs;
    this.timeline.after(DISCONNECT_GRACE_MS, () => {
      if (client.lastKeyAtMs < leftAtMs) this.#leave(life, client);
    });
  }

  // ------------------------------------------------------------------------------------------ chaos

  #planChaos(): void {
    const { plan, timeline } = this;
    const random = this.#random;
    const atRandom = (times: number, run: () => void) => {
      for (let i = 0; i < times; i += 1) timeline.after(random.between(0, plan.chaosMs), () => this.#chaos && run());
    };
    atRandom(plan.bmcSilences, () => {
      this.#silentUntilMs = this.nowMs + random.between(1_000, 30_000);
    });
    atRandom(plan.deaths, () => this.#die());
    atRandom(plan.inhibitors, () => {
      const life = this.#life;
      const untilMs = this.nowMs + random.between(1_000, 60_000);
      const name = random.chance(0.5) ? 'operator' : 'backup';
      if (life !== null) this.#dispatch(life, { kind: 'inhibit', by: 'operator', name, why: 'a test', untilMs });
    });
    if (plan.operator) atRandom(4, () => this.#operate());
    if (plan.wakesAlone) atRandom(8, () => this.host.wakeAlone());
    const perClient = Math.ceil(plan.chaosMs / 120_000);
    for (const client of this.#clients) {
      atRandom(perClient, () => this.#typeUntil(client, this.nowMs + random.between(0, 20_000)));
      atRandom(Math.floor(perClient / 2), () => this.#hangUp(client));
    }
  }

  #operate(): void {
    const life = this.#life;
    if (life === null) return;
    const choice = this.#random.between(0, 6);
    if (choice === 0) this.#dispatch(life, { kind: 'operatorWake', why: 'operator' });
    if (choice === 1) this.#dispatch(life, { kind: 'release' });
    if (choice === 4) this.#dispatch(life, { kind: 'maintenance', on: this.#random.chance(0.5), why: 'a new fan' });
    if (choice === 5) this.#dispatch(life, { kind: 'scheduledWake', why: 'backup', untilMs: this.nowMs + 60_000 });
    if (choice === 2 || choice === 3) {
      this.#askedAtMs = this.nowMs;
      if (choice === 3) this.#forcedAtMs = this.nowMs;
      this.#dispatch(life, { kind: 'operatorSleep', force: choice === 3 });
    }
  }

  blockers(): string[] {
    return this.#life === null ? [] : findBlockers(this.#life.model, this.nowMs).map(({ kind }) => kind);
  }

  /** True where the first VM's streams flow, and to a VM that is really there. */
  flowsToVm(): boolean {
    const life = this.#life;
    const vm = this.plan.vms[0] as string;
    return life !== null && !life.model.held && life.flowingVms.has(vm) && this.host.answers(vm);
  }

  #say(what: string): void {
    this.log.push(`${this.nowMs - WORLD_START_MS} ms [${this.host.state}] ${what}`);
  }

  #blame(problem: string): void {
    this.problems.push(`${this.nowMs - WORLD_START_MS} ms: ${problem}`);
  }
}

function policyOf(plan: WorldPlan): PlatformPolicy {
  return {
    sleep: plan.host.sleep,
    minAwakeMs: 5_000,
    drowsyForMs: 3_000,
    suspendTimeoutMs: 20_000,
    wakeTimeoutMs: 20_000,
    saveTimeoutMs: 15_000,
    savesContext: plan.hooks !== 'none',
    savesVms: plan.hooks === 'saver',
    witness: plan.witness,
    watts: plan.witness === 'watts' ? WATTS : null,
    wakeMethods: Object.keys(plan.host.wakeMethods),
    maxSuspendsPerHour: plan.maxSuspendsPerHour,
    asksTimeoutMs: plan.checks ? 5_000 : 0,
    clientWaitMs: 120_000,
    vms: plan.vms,
    probedVms: plan.vms,
  };
}
