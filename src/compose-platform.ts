// Part of the composition root: one running platform, its streams and whoever controls it. The streams outlive a change of the other.
import { isDeepStrictEqual } from 'node:util';
import { buildContext, contextPolicy } from './compose-context.ts';
import type { SharedFarm } from './compose-farm.ts';
import { asksTimeoutMs, buildInhibitors, watchdogOf } from './compose-inhibitors.ts';
import { HeldHere } from './compose-orders.ts';
import { NO_POLICY, prepareIdlePolicy, type RunningPolicy } from './compose-policy.ts';
import { buildParts, combineParts, type PowerParts, secretReader } from './compose-power.ts';
import { buildProbe } from './compose-probe.ts';
import { proofReader } from './compose-proof.ts';
import { recordIntoBmc } from './compose-sel.ts';
import { spoolFolder } from './compose-spool.ts';
import type { PlatformConfig, VmConfig } from './config/torpor-config.ts';
import { ObserverRelay } from './controller/observer-relay.ts';
import { type ControllerEvent, PlatformController } from './controller/platform-controller.ts';
import type { Drains } from './farm/memory-farm.ts';
import type { EventLog } from './history/event-log.ts';
import { errorText, TorporError } from './platform/errors.ts';
import type { KeptOrders } from './platform/inhibitor.ts';
import type { PlatformPolicy } from './platform/model.ts';
import type {
  Intent,
  Journal,
  Logger,
  OrderStore,
  PlatformContext,
  PowerDriver,
  ProbeResult,
  Prober,
} from './platform/ports.ts';
import { withCapabilities } from './platform/power-policy.ts';
import { formatDuration } from './platform/units.ts';
import { DeputyDriver } from './power/deputy-driver.ts';
import type { ProbeLoad } from './probes/probe-load.ts';
import { VmProber } from './probes/vm-prober.ts';
import type { LeavingFlows } from './streams/datagrams/flow-record.ts';
import type { ListenerOptions } from './streams/listener.ts';
import type { StreamSetChange } from './streams/stream-set.ts';
import { systemClock } from './system-clock.ts';
import type { CarriedStreams, StreamCarrier } from './workers/stream-carrier.ts';

/** Where nothing is said a client waits at most this long, or three wake times if that is more, for a platform that does not come up. */
const CLIENT_WAIT_MIN_MS = 5 * 60_000;
const HOST_READERS = { ssh: 'the host', libvirt: 'libvirt', proxmox: 'Proxmox VE' } as const;
/** Between two looks at whether a platform that is given up still has streams. */
const RETIRE_LOOK_MS = 1_000;
/** Streams of a platform that was taken out of the configuration are ended after this time. */
export const RETIRE_BOUND_MS = 24 * 3_600_000;
/** The names of the inhibitors that keep a platform awake while it is given up, and while a former Torpor still has streams of it. */
const RETIRING = 'retiring';
const FORMER = 'former-torpor';

export interface RunningListener {
  readonly platform: string;
  readonly vm: string;
  /** `host:port`, with the real port also where the configuration said 0. */
  readonly address: string;
}

/** What the platforms of one Torpor share. */
export interface PlatformShared {
  /** The process of the Torpor before this one, as long as it has streams; null: there is none. */
  readonly follows: () => number | null;
  /** Called when a platform's part in the order of wakes has changed. */
  readonly onWakePlace?: (platform: string) => void;
  readonly carrier: StreamCarrier;
  readonly events: EventLog;
  readonly journal: Journal;
  readonly orderStore: OrderStore;
  readonly drains: Drains;
  readonly stateDir: string;
  readonly log: Logger;
  readonly probeLoad: ProbeLoad;
  /** Other Torpors with the same platforms; null: it is alone. */
  readonly farm: SharedFarm | null;
}

/** Who decides on a platform, with everything it asks. Built beside the one before it; begins when that has stopped. */
interface Control {
  readonly controller: PlatformController;
  readonly idlePolicy: RunningPolicy;
  stop(): Promise<void>;
}

export class RunningPlatform {
  readonly streams: CarriedStreams;
  readonly #shared: PlatformShared;
  readonly #relay: ObserverRelay;
  #config: PlatformConfig;
  #control: Control;
  #wanted: PlatformConfig | null = null;
  #changing: Promise<string[]> | null = null;
  /** Has a platform that is given up wanted again; null: it is not given up. */
  #endRetirement: (() => void) | null = null;
  #isRetired = false;

  private constructor(
    config: PlatformConfig,
    shared: PlatformShared,
    streams: CarriedStreams,
    relay: ObserverRelay,
    control: Control,
  ) {
    this.#config = config;
    this.#shared = shared;
    this.streams = streams;
    this.#relay = relay;
    this.#control = control;
  }

  static async start(config: PlatformConfig, shared: PlatformShared): Promise<RunningPlatform> {
    const relay = new ObserverRelay();
    const prepared = await prepareControl(config, shared);
    const streams = shared.carrier.carry({
      ...{ platform: config.name, observer: relay, spoolFolder: spoolFolder(shared.stateDir, config.name) },
      ...carriedOf(config),
    });
    const control = prepared.begin(streams, relay);
    const platform = new RunningPlatform(config, shared, streams, relay, control);
    try {
      await streams.open();
      platform.#inhibitForFormer();
      const { drains, events, log } = shared;
      const controller = () => platform.controller;
      const here = new HeldHere(config.name, { controller, drains, events, clock: systemClock, log });
      await shared.farm?.followOrders(config.name, here);
      control.controller.start();
      return platform;
    } catch (thrown) {
      await platform.stop();
      throw thrown;
    }
  }

  get name(): string {
    return this.#config.name;
  }

  get config(): PlatformConfig {
    return this.#config;
  }

  get controller(): PlatformController {
    return this.#control.controller;
  }

  get isRetiring(): boolean {
    return this.#endRetirement !== null;
  }

  /** It is given up, and nothing is left of it but to end it. */
  get isRetired(): boolean {
    return this.isRetiring && this.#isRetired;
  }

  get listeners(): RunningListener[] {
    const vms = routesOf(this.#config).map(({ vm }) => vm);
    const toListener = (address: string, index: number) => ({ platform: this.name, vm: vms[index] ?? '', address });
    return this.streams.endpoints().map(toListener);
  }

  /**
   * Goes over to another configuration, without ending a stream: at once, or as soon as the sleep or wake that is under way has ended.
   * The last one asked for counts. Resolves with what could not be done; where its control cannot be built all stays as it was.
   */
  change(next: PlatformConfig): Promise<string[]> {
    this.#wanted = next;
    this.#changing ??= this.#changeWhenSettled().finally(() => {
      this.#changing = null;
    });
    return this.#changing;
  }

  /**
   * Takes no more clients and presses nothing more; a change that waits is forgotten. Resolves when its last stream has ended, or at the bound, and it may be
   * ended, or when it is wanted again.
   */
  async retire(): Promise<'over' | 'wanted'> {
    this.#wanted = null;
    this.#isRetired = false;
    const outcome = await new Promise<'over' | 'wanted'>((resolve) => {
      const endMs = systemClock.nowMs() + RETIRE_BOUND_MS;
      let cancel: () => void = () => {};
      const look = () => {
        const isOver = this.controller.isSettled && this.#changing === null && !this.hasStreams;
        if (isOver || systemClock.nowMs() >= endMs) {
          this.#isRetired = true;
          return resolve('over');
        }
        cancel = systemClock.schedule(RETIRE_LOOK_MS, look);
      };
      this.#endRetirement = () => {
        cancel();
        this.#endRetirement = null;
        this.#isRetired = false;
        resolve('wanted');
      };
      this.#giveUp();
      look();
    });
    return outcome;
  }

  /** One that is retired: for good. */
  async end(): Promise<void> {
    await this.stop();
    await this.#shared.farm?.leave(this.name);
  }

  #giveUp(): void {
    this.streams.stopListening();
    const why = 'taken out of the configuration: its streams may end, it is not put to sleep any more';
    this.controller.dispatch({ kind: 'inhibit', by: 'torpor', name: RETIRING, why, untilMs: null });
  }

  /** Takes no more clients where `next` does not listen. */
  closeUnwanted(next: PlatformConfig): void {
    this.streams.stopListening(routesOf(next));
  }

  /**
   * For another Torpor that takes over: once nothing is under way this one takes no more clients, presses nothing and writes nothing more. Its streams
   * go on; one that needs its sleeper has `askWake` asked. Rejects where the platform does not settle in time; then it stays as it was.
   */
  async handOver(boundMs: number, askWake: () => void, flows: LeavingFlows): Promise<void> {
    await this.#untilSettled(boundMs);
    await this.#replaceControl(this.#config, askWake);
    this.streams.leaveFiles();
    this.streams.leaveFlows(flows);
    this.streams.stopListening();
    const why = 'another Torpor has taken over: this one only sees its streams to their end';
    this.controller.dispatch({ kind: 'inhibit', by: 'torpor', name: RETIRING, why, untilMs: null });
  }

  /** Back from `handOver`: the other one did not come up. Resolves with what could not be listened on. */
  async takeBack(): Promise<string[]> {
    await this.#replaceControl(this.#config);
    return (await this.streams.update(carriedOf(this.#config))).map(errorText);
  }

  /** Resolves when nothing is under way. Rejects with ERR_PLATFORM_STATE at the bound. */
  settled(boundMs: number): Promise<void> {
    return this.#untilSettled(boundMs);
  }

  formerEnded(): void {
    this.controller.dispatch({ kind: 'lift', by: 'torpor', name: FORMER, why: 'the Torpor before this one has ended' });
  }

  /** Nothing is put to sleep under streams that this Torpor does not see. */
  #inhibitForFormer(): void {
    const pid = this.#shared.follows();
    if (pid === null) return;
    const why = `streams of the Torpor before this one (process ${pid}) are still open`;
    this.controller.dispatch({ kind: 'inhibit', by: 'torpor', name: FORMER, why, untilMs: null });
  }

  get hasStreams(): boolean {
    return this.streams.streams().some(({ mode }) => mode !== 'closed');
  }

  async stop(): Promise<void> {
    await this.#control.stop();
    await this.streams.close();
  }

  async #changeWhenSettled(): Promise<string[]> {
    let problems: string[] = [];
    while (this.#wanted !== null) {
      await this.#untilSettled();
      const next: PlatformConfig | null = this.#wanted;
      // It was given up meanwhile.
      if (next === null) break;
      this.#wanted = null;
      problems = await this.#apply(next);
      if (this.isRetiring) this.#giveUp();
    }
    return problems;
  }

  /** All effects of the step that settles it have run by then: they run at once. */
  async #untilSettled(boundMs: number | null = null): Promise<void> {
    const endMs = boundMs === null ? Number.POSITIVE_INFINITY : systemClock.nowMs() + boundMs;
    while (!this.controller.isSettled) {
      const leftMs = endMs - systemClock.nowMs();
      if (leftMs <= 0) {
        const what = `${this.name} is ${this.controller.model.state} for longer than ${formatDuration(boundMs ?? 0)}`;
        throw new TorporError('ERR_PLATFORM_STATE', what, { retryable: true });
      }
      await this.#nextTransition(leftMs);
    }
  }

  #nextTransition(boundMs: number): Promise<void> {
    return new Promise<void>((resolve) => {
      const end = () => {
        forget();
        cancel();
        setImmediate(resolve);
      };
      const forget = this.#shared.events.subscribe(({ platform, kind }) => {
        if (platform === this.name && kind === 'transition') end();
      });
      const cancel = Number.isFinite(boundMs) ? systemClock.schedule(boundMs, end) : () => {};
    });
  }

  async #apply(next: PlatformConfig): Promise<string[]> {
    const wasRetiring = this.isRetiring;
    this.#endRetirement?.();
    try {
      if (wasRetiring || !isDeepStrictEqual(controlPart(this.#config), controlPart(next)))
        await this.#replaceControl(next);
    } catch (thrown) {
      await this.streams.update(carriedOf(this.#config));
      return [`${this.name} stays as it was: ${errorText(thrown)}`];
    }
    this.#config = next;
    const problems = await this.streams.update(carriedOf(next));
    return problems.map(errorText);
  }

  /** The former one presses nothing any more before the next one begins. */
  async #replaceControl(next: PlatformConfig, askWake: (() => void) | null = null): Promise<void> {
    const prepared = await prepareControl(next, this.#shared, askWake);
    await this.#untilSettled();
    const former = this.#control;
    this.#relay.setObserver(null);
    await former.stop();
    // A policy has to know who is there already; `fixed` asks nobody.
    if (next.idlePolicy !== 'fixed') await this.streams.refresh('streams');
    this.#control = prepared.begin(this.streams, this.#relay, former);
    this.#inhibitForFormer();
    this.#control.controller.start();
  }
}

/** Where nothing is kept: another Torpor keeps it. */
const FORGETFUL: Journal = { read: async () => null, write: async () => {} };
const NO_CONTEXT: PlatformContext = {
  save: async () => ({ veto: 'this Torpor has handed over' }),
  restore: async () => ({ identity: 'unknown', lostVms: [], problem: null }),
  forget: () => {},
};

/** Everything that may fail is built here; `begin` cannot. With `askWake` it is a deputy's: it reads, and leaves all deeds to another Torpor. */
async function prepareControl(config: PlatformConfig, shared: PlatformShared, askWake: (() => void) | null = null) {
  // A deputy keeps orders, too: until the last platform is let go of an operator may give some, and the process that follows reads them after that.
  const { events, orderStore, stateDir, log } = shared;
  const isDeputy = askWake !== null;
  const journal = isDeputy ? FORGETFUL : shared.journal;
  const report = ({ kind, message, facts }: ControllerEvent) => events.append(config.name, kind, message, facts ?? {});
  const power = { log, readProof: proofReader(stateDir, config) };
  const parts = await buildParts(config, power);
  const own = await combineParts(config, parts, power);
  const driver = askWake === null ? own : new DeputyDriver({ driver: own, askWake });
  const context = isDeputy
    ? NO_CONTEXT
    : await buildContext(config, {
        stateDir,
        log,
        tell: (kind, message) => report({ kind, message }),
        secret: secretReader(config, { log }),
      });
  let controller: PlatformController | null = null;
  const inhibitors = isDeputy
    ? []
    : await buildInhibitors(config, {
        watchdog: watchdogOf(parts),
        stateDir,
        log,
        proof: own.proof,
        onEvent: (event) => controller?.dispatch(event),
        report: (kind, message) => controller?.tell(kind, message),
      });
  const beginPolicy = isDeputy ? NO_POLICY : await prepareIdlePolicy(config, { events, stateDir, log });
  const intent = await readIntent(journal, config.name, log, report);
  const orders = await readOrders(orderStore, config.name, log, report);
  const options = { name: config.name, armed: config.mode === 'armed', intent, orders, driver, journal, orderStore };
  return {
    begin: (streams: CarriedStreams, relay: ObserverRelay, former?: Control): Control => {
      const policy = policyOf(config, driver, parts);
      const share = isDeputy ? undefined : shared.farm?.share(config.name);
      const told = { log, report, onWakePlace: () => shared.onWakePlace?.(config.name) };
      const rest = { policy, context, clock: systemClock, ...told, ...(share === undefined ? {} : { share }) };
      const begun = new PlatformController({
        ...options,
        ...rest,
        ...(former === undefined ? {} : { successorOf: former.controller }),
      });
      controller = begun;
      const probers = probedVmsOf(config).flatMap((vm) => buildProber(vm, begun, shared));
      const isAsked = former !== undefined && config.idlePolicy !== 'fixed';
      const idlePolicy = beginPolicy(
        begun,
        isAsked ? { learned: former.idlePolicy.learned(), streams: streams.streams() } : undefined,
      );
      begun.attach({ gate: streams, probers, inhibitors: [...inhibitors, ...idlePolicy.watches] });
      relay.setObserver(begun);
      const stopRecording = isDeputy ? () => {} : recordIntoBmc(config, parts.bmc, events, log);
      const stop = async () => {
        stopRecording();
        await begun.stop();
        await idlePolicy.stop();
      };
      return { controller: begun, idlePolicy, stop };
    },
  };
}

/** What its streams are told; all else is its control's. */
function carriedOf(config: PlatformConfig): StreamSetChange {
  const { idleTimeoutMs, disconnectGraceMs, hold } = config;
  return { idleTimeoutMs, disconnectGraceMs, hold, listeners: routesOf(config) };
}

function routesOf({ vms }: PlatformConfig): ListenerOptions[] {
  return vms.flatMap((vm) => vm.listeners.map((listener) => ({ ...listener, vm: vm.name })));
}

/** What differs here takes another control; what does not concerns its streams alone. */
function controlPart(config: PlatformConfig): object {
  const { idleTimeoutMs: _, disconnectGraceMs: __, hold: ___, vms, ...rest } = config;
  const probes = vms.map(({ name, identity, listeners }) => ({
    name,
    identity,
    probes: listeners.map(({ probe, target, proxyProtocol: { send } }) => ({ probe, target, send })),
  }));
  return { ...rest, probes };
}

function policyOf(platform: PlatformConfig, driver: PowerDriver, parts: PowerParts): PlatformPolicy {
  const { power } = platform;
  const capabilities = driver.capabilities();
  const configured: PlatformPolicy = {
    sleep: power.sleep,
    minAwakeMs: platform.minAwakeMs,
    drowsyForMs: platform.drowsyForMs,
    suspendTimeoutMs: power.suspendTimeoutMs,
    wakeTimeoutMs: power.wakeTimeoutMs,
    ...contextPolicy(platform),
    witness: capabilities.readsSleepState,
    wakeMethods: capabilities.wakeMethods,
    ...readerName(platform),
    maxSuspendsPerHour: platform.inhibitors.maxSuspendsPerHour,
    asksTimeoutMs: asksTimeoutMs(platform, watchdogOf(parts)),
    turnWaitMs: platform.circuit?.waitAtMostMs ?? null,
    clientWaitMs: platform.clientWaitMs ?? Math.max(CLIENT_WAIT_MIN_MS, 3 * power.wakeTimeoutMs),
    vms: platform.vms.map((vm) => vm.name),
    probedVms: probedVmsOf(platform).map((vm) => vm.name),
  };
  return withCapabilities(configured, capabilities);
}

/** Who is meant where the power cannot be told: not the BMC where the host tells it. */
function readerName({ power: { stateBy, host } }: PlatformConfig): Pick<PlatformPolicy, 'reader'> {
  if (stateBy !== 'host' || host === null) return {};
  return { reader: host.driver === 'command' ? 'the command `state`' : HOST_READERS[host.driver] };
}

function probedVmsOf({ vms }: PlatformConfig): VmConfig[] {
  return vms.filter((vm) => vm.listeners.some(({ probe }) => probe.kind !== 'none'));
}

/** One probe per VM suffices: that of its first listener that has one. */
function buildProber(vm: VmConfig, controller: PlatformController, { log, probeLoad }: PlatformShared): Prober[] {
  const listener = vm.listeners.find(({ probe }) => probe.kind !== 'none');
  const probe = listener === undefined ? null : buildProbe(systemClock, listener);
  if (probe === null) return [];
  const onResult = (result: ProbeResult) => controller.onProbeResult(vm.name, result);
  return [new VmProber({ vm: vm.name, probe, clock: systemClock, log, onResult, load: probeLoad })];
}

/** A journal that cannot be read must not shut out the clients: it is reported, and the evidence alone decides. */
async function readIntent(
  journal: Journal,
  platform: string,
  log: Logger,
  report: (event: ControllerEvent) => void,
): Promise<Intent | null> {
  try {
    return await journal.read(platform);
  } catch (thrown) {
    log.error({ platform, code: (thrown as TorporError).code }, errorText(thrown));
    report({ kind: 'alarm', message: errorText(thrown) });
    return null;
  }
}

/** Orders that cannot be read may have said "keep it awake": so it is kept awake until somebody has looked. */
async function readOrders(
  store: OrderStore,
  platform: string,
  log: Logger,
  report: (event: ControllerEvent) => void,
): Promise<KeptOrders | null> {
  try {
    return await store.read(platform);
  } catch (thrown) {
    log.error({ platform, code: (thrown as TorporError).code }, errorText(thrown));
    report({ kind: 'alarm', message: errorText(thrown) });
    const why = `${errorText(thrown)}; \`torpor release ${platform}\` begins anew`;
    const inhibitor = {
      kind: 'operator',
      name: 'unreadable-orders',
      why,
      sinceMs: systemClock.nowMs(),
      untilMs: null,
    } as const;
    return { inhibitors: [inhibitor], maintenance: null, pressesAtMs: [] };
  }
}
