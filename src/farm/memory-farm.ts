// All platforms of one Torpor, in memory: the Farm port over their controllers. The default; needs no other program.
import type { PlatformController } from '../controller/platform-controller.ts';
import type { EventLog } from '../history/event-log.ts';
import type { SleepLedger } from '../history/sleep-ledger.ts';
import { TorporError } from '../platform/errors.ts';
import { findBlockers } from '../platform/idle-policy.ts';
import { OPERATOR_INHIBITORS_MAX } from '../platform/inhibitor.ts';
import type { Clock, StreamStatus } from '../platform/ports.ts';
import type { SpoolJobStatus } from '../platform/spool.ts';
import type {
  CircuitStatus,
  Explanation,
  Farm,
  FarmEvent,
  FarmInstance,
  FarmStream,
  InhibitRequest,
  LinkStatus,
  PlatformReport,
  PlatformStatus,
  PoolStatus,
  StateName,
  WakeTurnStatus,
} from '../platform/status.ts';
import type { Evacuations } from './evacuation/evacuations.ts';
import { describeActiveStreams, explainPlatform } from './explain-platform.ts';
import { type FarmViews, formatView, type ViewDetail } from './farm-views.ts';
import type { OrderChange } from './orders/farm-orders.ts';
import { buildStatus, carriedBy } from './platform-status.ts';
import type { SparePools } from './spare-pools.ts';
import type { WakeTurns } from './wake-turns.ts';

/** Platforms where no pool places anybody new. */
export interface Drains {
  readonly drained: ReadonlySet<string>;
  /** Holds at once. Rejects with ERR_JOURNAL where it is not on disk. */
  set(name: string, on: boolean): Promise<void>;
}

export interface MemoryFarmOptions {
  /** As they are now: which ones there are may change while Torpor runs. */
  readonly controllers: () => readonly PlatformController[];
  readonly events: EventLog;
  /** Has been fed with the same events. */
  readonly ledger: SleepLedger;
  readonly clock: Clock;
  /** Default: there is no gate. */
  readonly links?: () => LinkStatus[];
  /** Default: no wake waits for its turn. */
  readonly turns?: WakeTurns;
  /** Default: there are no pools. */
  readonly pools?: SparePools;
  /** Default: no VM is moved. */
  readonly evacuations?: Evacuations;
  /** Default: nobody can be drained. */
  readonly drains?: Drains;
  /** Default: this Torpor is alone. */
  readonly others?: OtherTorpors;
}

/** The other Torpors of a farm, as far as this one's calls need them. */
export interface OtherTorpors {
  /** Tells them what an operator said here. Rejects with ERR_JOURNAL where it is not on disk. */
  order(platform: string, change: OrderChange): Promise<void>;
  /** Asks the owner to put it to sleep. Rejects with what it refused with, and with ERR_STORE_UNREACHABLE. */
  askSleep(owner: string, platform: string, force: boolean): Promise<void>;
  /** What they carry. */
  readonly views: FarmViews;
}

const STATES_TO_SLEEP: readonly StateName[] = ['saving', 'suspending', 'asleep'];

export class MemoryFarm implements Farm {
  readonly #controllers: () => readonly PlatformController[];
  readonly #events: EventLog;
  readonly #ledger: SleepLedger;
  readonly #clock: Clock;
  readonly #links: () => LinkStatus[];
  readonly #turns: WakeTurns | null;
  readonly #pools: SparePools | null;
  readonly #evacuations: Evacuations | null;
  readonly #drains: Drains | null;
  readonly #others: OtherTorpors | null;

  constructor(options: MemoryFarmOptions) {
    this.#controllers = options.controllers;
    this.#events = options.events;
    this.#ledger = options.ledger;
    this.#clock = options.clock;
    this.#links = options.links ?? (() => []);
    this.#turns = options.turns ?? null;
    this.#pools = options.pools ?? null;
    this.#evacuations = options.evacuations ?? null;
    this.#drains = options.drains ?? null;
    this.#others = options.others ?? null;
  }

  async refresh(detail: 'own' | ViewDetail = 'sums'): Promise<void> {
    const others = detail === 'own' ? null : this.#others;
    await Promise.all([
      this.#refreshOwn(detail === 'streams' ? 'streams' : 'sums'),
      others?.views.look(detail as ViewDetail),
    ]);
  }

  async #refreshOwn(detail: ViewDetail): Promise<void> {
    await Promise.all(this.#controllers().map(({ gate }) => gate.refresh(detail)));
  }

  /** This Torpor's own clients, for the others. */
  async view(detail: ViewDetail): Promise<string> {
    await this.#refreshOwn(detail);
    const sums = this.#controllers().map((each) => [each.name, carriedBy(each)] as const);
    return formatView(sums, detail === 'streams' ? this.#ownStreams() : []);
  }

  platforms(): PlatformStatus[] {
    const waiting = this.#turns?.waiting();
    return this.#controllers().map((each) => this.#statusOf(each, waiting?.get(each.name) ?? null));
  }

  platform(name: string): PlatformStatus {
    return this.#statusOf(this.#controller(name), this.#turnOf(name));
  }

  explain(name: string): Explanation {
    return explainPlatform(this.#controller(name), this.#clock.nowMs(), this.#turnOf(name));
  }

  streams(): FarmStream[] {
    const own = this.#ownStreams();
    return this.#others?.views.streams(own) ?? own.map((stream) => ({ ...stream, instance: null }));
  }

  instances(): FarmInstance[] {
    return this.#others?.views.instances(this.#ownStreams().length) ?? [];
  }

  links(): LinkStatus[] {
    return this.#links();
  }

  circuits(): CircuitStatus[] {
    return this.#turns?.circuits() ?? [];
  }

  pools(): PoolStatus[] {
    const evacuationOf = (name: string) => this.#evacuations?.status(name) ?? null;
    return (this.#pools?.pools() ?? []).map((pool) => ({ ...pool, evacuation: evacuationOf(pool.name) }));
  }

  report(): PlatformReport[] {
    return this.#ledger.report(this.#clock.nowMs());
  }

  recentEvents(afterId: number): FarmEvent[] {
    return this.#events.after(afterId);
  }

  onEvent(listener: (event: FarmEvent) => void): () => void {
    return this.#events.subscribe(listener);
  }

  wake(name: string, why: string): void {
    this.#controller(name).dispatch({ kind: 'operatorWake', why });
  }

  async sleep(name: string, force: boolean): Promise<void> {
    const { model } = this.#controller(name);
    const owner = model.peers?.owner ?? null;
    const isUnderWay = STATES_TO_SLEEP.includes(model.state);
    if (this.#others === null || owner === null || owner === model.peers?.self || isUnderWay)
      return this.#sleepHere(name, force);
    await this.#others.askSleep(owner, name, force);
  }

  /** Another Torpor's operator asks for it, this one owns it. Rejects as `sleep` does. */
  async sleepFor(name: string, force: boolean, by: string): Promise<void> {
    this.#sleepHere(name, force);
    this.#events.append(name, 'note', `asked to sleep by an operator at ${by}`, { by });
  }

  #sleepHere(name: string, force: boolean): void {
    const controller = this.#controller(name);
    const { model } = controller;
    if (STATES_TO_SLEEP.includes(model.state)) return;
    if (model.state !== 'awake' && model.state !== 'drowsy') {
      throw new TorporError('ERR_PLATFORM_STATE', `${name} cannot be put to sleep: it is ${model.state}`);
    }
    const blockersIf = (force: boolean) => findBlockers({ ...model, sleepAsked: { force } }, this.#clock.nowMs());
    const [other] = blockersIf(true);
    if (other !== undefined)
      throw new TorporError('ERR_PLATFORM_STATE', `${name} cannot be put to sleep: ${other.why}`);
    // What force would pass over: active clients, here and at other Torpors.
    const clients = force ? [] : blockersIf(false);
    if (clients.length > 0) {
      const own = clients.some(({ kind }) => kind === 'pool') ? [describeActiveStreams(controller)] : [];
      const elsewhere = clients.filter(({ kind }) => kind === 'peers').map(({ why }) => why);
      const who = [...own, ...elsewhere].join(', ');
      const advice = 'wait until they are idle, or force it';
      throw new TorporError('ERR_PLATFORM_BUSY', `${name} is in use by ${who}: ${advice}`, { retryable: true });
    }
    controller.dispatch({ kind: 'operatorSleep', force });
  }

  async inhibit(name: string, { inhibitor, forMs, why }: InhibitRequest): Promise<void> {
    const controller = this.#controller(name);
    const operators = operatorInhibitors(controller);
    if (!operators.includes(inhibitor) && operators.length >= OPERATOR_INHIBITORS_MAX) {
      const advice = `release one of them first (torpor inhibit --list ${name})`;
      throw new TorporError('ERR_PLATFORM_STATE', `${name} has ${operators.length} operators' inhibitors: ${advice}`);
    }
    const untilMs = forMs === null ? null : this.#clock.nowMs() + forMs;
    controller.dispatch({ kind: 'inhibit', by: 'operator', name: inhibitor, why, untilMs });
    await this.#keepOrder(controller, { kind: 'inhibit', name: inhibitor, why, untilMs });
  }

  async release(name: string, inhibitor: string | null): Promise<void> {
    const controller = this.#controller(name);
    if (inhibitor === null) {
      controller.dispatch({ kind: 'release' });
      this.#events.append(name, 'inhibitor', 'released by an operator', { change: 'released' });
    } else {
      const known = operatorInhibitors(controller);
      if (!known.includes(inhibitor)) {
        const there = known.length === 0 ? 'no operator inhibits it' : `there are: ${known.join(', ')}`;
        throw new TorporError('ERR_PLATFORM_STATE', `${name} has no operator's inhibitor "${inhibitor}"; ${there}`);
      }
      controller.dispatch({ kind: 'lift', by: 'operator', name: inhibitor, why: 'released by an operator' });
    }
    await this.#keepOrder(controller, inhibitor === null ? { kind: 'release' } : { kind: 'lift', name: inhibitor });
  }

  spooledJobs(): SpoolJobStatus[] {
    return this.#controllers().flatMap(({ gate }) => gate.spool?.jobs() ?? []);
  }

  deliverSpool(name: string, why: string): void {
    this.#controller(name).gate.spool?.deliver(why);
  }

  async dropSpooled(name: string, job: string): Promise<void> {
    const isDropped = await this.#controller(name).gate.spool?.drop(job);
    if (isDropped !== true)
      throw new TorporError('ERR_SPOOL', `${name} has no spooled job ${job}: torpor spool list names them`);
  }

  opened(name: string, client: string): void {
    this.#controller(name);
    const address = client.includes(':') ? `[${client}]` : client;
    this.#events.append(name, 'client-opened', `the machine at ${client} opened`, { client: address });
  }

  async drain(name: string, on: boolean): Promise<void> {
    this.#controller(name);
    const what = on ? 'drained: no pool places anybody new here' : 'not drained any more';
    this.#events.append(name, 'note', what, { drained: on });
    await Promise.all([this.#drains?.set(name, on), this.#others?.order(name, { kind: 'drain', on })]);
  }

  async maintenance(name: string, on: boolean, why: string): Promise<void> {
    const controller = this.#controller(name);
    controller.dispatch({ kind: 'maintenance', on, why });
    this.#events.append(name, 'maintenance', on ? `in maintenance: ${why}` : 'maintenance is over', { on });
    await this.#keepOrder(controller, { kind: 'maintenance', on, why });
  }

  /** It holds here already. */
  async #keepOrder(controller: PlatformController, change: OrderChange): Promise<void> {
    await Promise.all([controller.ordersKept(), this.#others?.order(controller.name, change)]);
  }

  #statusOf(controller: PlatformController, wakeTurn: WakeTurnStatus | null): PlatformStatus {
    const { name } = controller;
    const instances = this.#others?.views.platform(name, carriedBy(controller)) ?? null;
    return buildStatus(controller, this.#clock.nowMs(), { wakeTurn, drained: this.#isDrained(name), instances });
  }

  #ownStreams(): StreamStatus[] {
    return this.#controllers().flatMap((controller) => controller.gate.streams());
  }

  #isDrained(name: string): boolean {
    return this.#drains?.drained.has(name) ?? false;
  }

  #turnOf(name: string): WakeTurnStatus | null {
    return this.#turns?.waiting().get(name) ?? null;
  }

  #controller(name: string): PlatformController {
    const controller = this.#controllers().find((each) => each.name === name);
    if (controller !== undefined) return controller;
    const known = this.#controllers()
      .map((each) => each.name)
      .join(', ');
    throw new TorporError('ERR_PLATFORM_UNKNOWN', `no platform is called "${name}"; there are: ${known}`);
  }
}

function operatorInhibitors(controller: PlatformController): string[] {
  return controller.model.inhibitors.filter(({ kind }) => kind === 'operator').map(({ name }) => name);
}
