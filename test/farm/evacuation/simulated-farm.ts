// A farm in virtual time: the machines, the rule and its execution are those that are shipped; hosts, BMCs, hypervisors and users are simulated. Asserts nothing.
import type { PlatformController } from '../../../src/controller/platform-controller.ts';
import { type EvacuatedPlatform, Evacuations } from '../../../src/farm/evacuation/evacuations.ts';
import { TorporError } from '../../../src/platform/errors.ts';
import type { EvacuationMove, EvacuationRule } from '../../../src/platform/evacuation-rule.ts';
import type { PlatformEvent } from '../../../src/platform/model.ts';
import type { VmMover } from '../../../src/platform/vm-mover.ts';
import { MachineRig } from '../../platform/machine-rig.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

export const STEP_MS = 10_000;
const SUSPEND_MS = 10_000;
const RESUME_MS = 15_000;
const IDLE_TIMEOUT_MS = 10 * 60_000;

interface SimulatedPlace {
  readonly name: string;
  readonly rig: MachineRig;
  isUp: boolean;
  changesAtMs: number | null;
  asleepMs: number;
  events: string[];
}

interface SimulatedUser {
  readonly vm: string;
  /** In the active pool until then. */
  activeUntilMs: number;
  waitedMs: number;
  waits: number;
}

/** Takes its time, and fails when told to. `truth` is where VMs run, whatever anybody believes. */
export class SimulatedMover implements VmMover {
  readonly truth = new Map<string, string>();
  readonly moves: EvacuationMove[] = [];
  /** Whose VM a move was begun of while they were active. */
  readonly disturbed: string[] = [];
  moveMs = 60_000;
  /** What becomes of the next move. */
  next: 'well' | 'refused' | 'moved, and no answer' | 'lost' | 'never' = 'well';
  canBeAsked = true;
  readonly #clock: FakeClock;
  readonly #isActive: (vm: string) => boolean;

  constructor(clock: FakeClock, isActive: (vm: string) => boolean) {
    this.#clock = clock;
    this.#isActive = isActive;
  }

  async move(move: EvacuationMove, signal: AbortSignal): Promise<void> {
    this.moves.push(move);
    if (this.#isActive(move.vm)) this.disturbed.push(move.vm);
    const { next } = this;
    this.next = 'well';
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve());
      if (next !== 'never') this.#clock.schedule(this.moveMs, resolve);
    });
    if (signal.aborted) throw new TorporError('ERR_HYPERVISOR_REFUSED', 'cancelled');
    if (next === 'refused') throw new TorporError('ERR_HYPERVISOR_REFUSED', 'not enough memory');
    this.truth.set(move.vm, next === 'lost' ? 'nowhere' : move.to);
    if (next !== 'well') throw new TorporError('ERR_HYPERVISOR_UNREACHABLE', 'no answer');
  }

  async whereIs(vm: string, platforms: readonly string[]): Promise<string | null> {
    if (!this.canBeAsked) throw new TorporError('ERR_HYPERVISOR_UNREACHABLE', 'no answer');
    return platforms.find((platform) => platform === this.truth.get(vm)) ?? null;
  }
}

export class SimulatedFarm {
  readonly clock = new FakeClock(100_000_000);
  readonly mover = new SimulatedMover(this.clock, (vm) => this.isActive(vm));
  readonly places: SimulatedPlace[];
  readonly users: SimulatedUser[];
  /** Where Torpor counts each VM. */
  readonly home = new Map<string, string>();
  readonly told: string[] = [];
  readonly begun: EvacuationMove[] = [];
  readonly drained = new Set<string>();
  readonly evacuations: Evacuations;

  /** `vms`: by platform. `rule` null: nobody is moved. */
  constructor(
    vms: Readonly<Record<string, readonly string[]>>,
    rule: EvacuationRule | null,
    left: EvacuationMove[] = [],
  ) {
    this.places = Object.keys(vms).map((name) => this.#place(name));
    this.users = Object.values(vms).flatMap((list) =>
      list.map((vm) => ({ vm, activeUntilMs: 0, waitedMs: 0, waits: 0 })),
    );
    for (const [platform, list] of Object.entries(vms))
      for (const vm of list) {
        this.home.set(vm, platform);
        this.mover.truth.set(vm, platform);
      }
    const pool = { name: 'office', platforms: Object.keys(vms), moveTimeoutMs: 30 * 60_000, mover: this.mover };
    this.evacuations = new Evacuations({
      pools: rule === null ? [] : [{ ...pool, rule }],
      platforms: () => this.places.map((place) => this.#platformOf(place)),
      begun: left,
      noteBegun: async (move) => void this.begun.push(move),
      noteMoved: async ({ vm, to }) => void this.home.set(vm, to),
      noteStayed: async () => {},
      clock: this.clock,
      tell: (platform, kind, message) => this.told.push(`${platform} ${kind}: ${message}`),
    });
  }

  get nowMs(): number {
    return this.clock.nowMs();
  }

  place(name: string): SimulatedPlace {
    const found = this.places.find((place) => place.name === name);
    if (found === undefined) throw new Error(`no platform ${name}`);
    return found;
  }

  vmsAt(platform: string): string[] {
    return [...this.home].flatMap(([vm, at]) => (at === platform ? [vm] : []));
  }

  /** Somebody types: it wakes a sleeper, and waits for it. */
  act(vm: string): void {
    const user = this.users.find((each) => each.vm === vm);
    const place = this.place(this.home.get(vm) ?? '');
    if (user === undefined) throw new Error(`no VM ${vm}`);
    if (place.rig.model.held && !this.isActive(vm)) user.waits += 1;
    user.activeUntilMs = this.nowMs + IDLE_TIMEOUT_MS;
    this.#send(place, { kind: 'activity', vm, why: 'client bytes' });
    this.#send(place, { kind: 'pool', size: this.#poolOf(place) });
  }

  async run(forMs: number, everyStep: () => void = () => {}): Promise<void> {
    this.evacuations.look();
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; ) {
      for (const place of this.places) this.#live(place);
      everyStep();
      await this.clock.advance(STEP_MS);
    }
    await settle();
  }

  isActive(vm: string): boolean {
    return (this.users.find((user) => user.vm === vm)?.activeUntilMs ?? 0) > this.nowMs;
  }

  #place(name: string): SimulatedPlace {
    const policy = { vms: [], probedVms: [], minAwakeMs: 60_000, drowsyForMs: 30_000, wakeMethods: ['chassis-on'] };
    const rig = new MachineRig({ policy });
    rig.nowMs = this.clock.nowMs();
    return { name, rig, isUp: true, changesAtMs: null, asleepMs: 0, events: [] };
  }

  #poolOf({ name }: SimulatedPlace): number {
    return this.vmsAt(name).filter((vm) => this.isActive(vm)).length;
  }

  /** What its BMC says, and its pool. */
  #live(place: SimulatedPlace): void {
    const { rig } = place;
    if (place.changesAtMs !== null && this.nowMs >= place.changesAtMs) {
      place.isUp = !place.isUp;
      place.changesAtMs = null;
    }
    rig.nowMs = this.nowMs;
    if (!rig.model.wakeProven) rig.proof(true);
    const acpi = place.isUp ? ('S0' as const) : ('S3' as const);
    const reading = { atMs: this.nowMs, acpi, acpiSource: 'sensor' as const, powerBit: place.isUp, watts: null };
    this.#send(place, { kind: 'power', reading });
    this.#send(place, { kind: 'pool', size: this.#poolOf(place) });
    this.#send(place, { kind: 'tick' });
    if (!place.isUp) place.asleepMs += STEP_MS;
    if (rig.model.held) for (const user of this.users) if (this.#waitsAt(user, place)) user.waitedMs += STEP_MS;
    rig.forget();
  }

  #waitsAt({ vm }: SimulatedUser, { name }: SimulatedPlace): boolean {
    return this.isActive(vm) && this.home.get(vm) === name;
  }

  #send(place: SimulatedPlace, event: PlatformEvent): void {
    const { rig } = place;
    rig.nowMs = this.nowMs;
    for (const effect of rig.send(event)) {
      if (effect.kind === 'transition') place.events.push(`${effect.from} -> ${effect.to}`);
      if (effect.kind === 'drainSendQueues')
        this.#send(place, { kind: 'drained', sequence: effect.sequence, drained: true, why: '' });
      if (effect.kind === 'saveContext')
        this.#send(place, { kind: 'contextSaved', sequence: effect.sequence, veto: null });
      if (effect.kind === 'restoreContext')
        this.#send(place, { kind: 'contextRestored', sequence: effect.sequence, lostVms: [], problem: null });
      if (effect.kind === 'journal')
        this.#send(place, { kind: 'journalled', intentId: effect.intent.id, problem: null });
      if (effect.kind === 'requestSleep' && place.isUp) place.changesAtMs = this.nowMs + SUSPEND_MS;
      if (effect.kind === 'requestWake' && !place.isUp) place.changesAtMs ??= this.nowMs + RESUME_MS;
    }
  }

  /** What evacuations use of a platform. */
  #platformOf(place: SimulatedPlace): EvacuatedPlatform {
    const controller = {
      name: place.name,
      get model() {
        return place.rig.model;
      },
      gate: { streams: () => this.vmsAt(place.name).map((vm) => ({ vm, active: this.isActive(vm) })) },
      dispatch: (event: PlatformEvent) => this.#send(place, event),
    } as unknown as PlatformController;
    return {
      controller,
      vms: this.vmsAt(place.name),
      closedFor: this.drained.has(place.name) ? 'it is drained' : null,
      whyFixed: () => null,
    };
  }
}
