// The composition root: builds one running Torpor from a configuration. The only place that knows every part.
import { startApi } from './api/start-api.ts';
import { buildContext, contextPolicy } from './compose-context.ts';
import { keepHistory, meterFarm } from './compose-history.ts';
import { asksTimeoutMs, buildInhibitors, watchdogOf } from './compose-inhibitors.ts';
import { buildIdlePolicy } from './compose-policy.ts';
import { buildParts, combineParts, secretReader } from './compose-power.ts';
import { proofReader } from './compose-proof.ts';
import { recordIntoBmc } from './compose-sel.ts';
import type { PlatformConfig, TorporConfig, VmConfig } from './config/torpor-config.ts';
import { type ControllerEvent, PlatformController } from './controller/platform-controller.ts';
import { MemoryFarm } from './farm/memory-farm.ts';
import { EventLog } from './history/event-log.ts';
import { IntentJournal } from './history/intent-journal.ts';
import { OrderBook } from './history/order-book.ts';
import { SleepLedger } from './history/sleep-ledger.ts';
import { packageVersion } from './package-version.ts';
import { errorText, type TorporError } from './platform/errors.ts';
import type { KeptOrders } from './platform/inhibitor.ts';
import type { PlatformPolicy } from './platform/model.ts';
import type { Intent, Logger, PowerDriver, ProbeResult, Prober } from './platform/ports.ts';
import { withCapabilities } from './platform/power-policy.ts';
import type { Farm } from './platform/status.ts';
import { createProbe } from './probes/create-probe.ts';
import { VmProber } from './probes/vm-prober.ts';
import { systemClock } from './system-clock.ts';
import type { CarriedStreams, StreamCarrier } from './workers/stream-carrier.ts';
import { type RecordOptions, StreamHost } from './workers/stream-host.ts';
import { WorkerPool } from './workers/worker-pool.ts';

/** A stop waits this long for held bytes of platforms that are waking, then closes all connections. */
const STOP_DELIVERY_BOUND_MS = 5_000;
/** And this long until what was sent to the VMs has arrived. */
const STOP_DRAIN_BOUND_MS = 2_000;
/** Between two looks at what is still held. */
const STOP_LOOK_MS = 50;
/** Where nothing is said a client waits at most this long, or three wake times if that is more, for a platform that does not come up. */
const CLIENT_WAIT_MIN_MS = 5 * 60_000;

const HOST_READERS = { ssh: 'the host', libvirt: 'libvirt', proxmox: 'Proxmox VE' } as const;

export interface RunningListener {
  readonly platform: string;
  readonly vm: string;
  /** `host:port`, with the real port also where the configuration said 0. */
  readonly address: string;
}

export interface TorporRun {
  readonly farm: Farm;
  readonly apiUrl: string;
  readonly listeners: readonly RunningListener[];
  /** Ends safely: held bytes of waking platforms are delivered first (bounded), nothing is pressed any more. */
  stop(): Promise<void>;
}

/** Starts everything the configuration names. Rejects, with all that was started ended again, where a part cannot start. */
export async function runTorpor(config: TorporConfig, options: { readonly log: Logger }): Promise<TorporRun> {
  const { log } = options;
  const carrier = await openCarrier(config, log);
  const events = new EventLog(systemClock);
  const ledger = new SleepLedger(config.platforms, systemClock.nowMs());
  events.subscribe((event) => ledger.note(event));
  const journal = new IntentJournal(config.stateDir);
  const orderStore = new OrderBook(config.stateDir);
  const platforms: RunningPlatform[] = [];
  const controllerOf = (name: string) => platforms.find(({ controller }) => controller.name === name)?.controller;
  const history = keepHistory(config, controllerOf, events, log);
  const metrics = meterFarm(config, controllerOf, events, history);
  const ends: Array<() => Promise<void>> = [async () => metrics.stop(), () => history.stop(), () => carrier.close()];
  const end = async () => {
    for (const each of ends.reverse()) await each();
  };
  try {
    const { stateDir } = config;
    const shared: Shared = { carrier, events, journal, orderStore, stateDir, log };
    for (const platform of config.platforms) {
      const running = await startPlatform(platform, shared);
      platforms.push(running);
      ends.push(running.stop);
    }
    await carrier.start();
    const farm = new MemoryFarm({
      controllers: platforms.map(({ controller }) => controller),
      events,
      ledger,
      clock: systemClock,
    });
    const { nowMs } = systemClock;
    const api = await startApi(farm, {
      ...config.api,
      log,
      version: packageVersion(),
      nowMs,
      dashboard: true,
      history: history.reader,
      metrics: metrics.page(farm),
    });
    ends.push(() => api.close());
    return {
      farm,
      apiUrl: api.url,
      listeners: platforms.flatMap(({ listeners }) => listeners),
      stop: async () => {
        await deliverBeforeStop(platforms, log);
        await end();
      },
    };
  } catch (thrown) {
    await end();
    throw thrown;
  }
}

/** One worker is this process itself. */
function openCarrier(config: TorporConfig, log: Logger): Promise<StreamCarrier> | StreamCarrier {
  const options = { record: recordOptions(config, log), clock: systemClock, log };
  if (config.workers === 1) return StreamHost.open(options);
  return new WorkerPool({ ...options, workers: config.workers, logLevel: config.log.level });
}

/** Only where a listener asks for it is there a folder to write to. */
function recordOptions(config: TorporConfig, log: Logger): RecordOptions {
  const listeners = config.platforms.flatMap(({ vms }) => vms.flatMap((vm) => vm.listeners));
  const recorded = listeners.filter(({ record }) => record).length;
  if (recorded === 0) return null;
  const { folder } = config.record;
  log.warn(
    { folder, listeners: recorded },
    `streams are recorded into ${folder}: what is typed in the clear stands there`,
  );
  return config.record;
}

interface Shared {
  readonly carrier: StreamCarrier;
  readonly events: EventLog;
  readonly journal: IntentJournal;
  readonly orderStore: OrderBook;
  readonly stateDir: string;
  readonly log: Logger;
}

interface RunningPlatform {
  readonly controller: PlatformController;
  readonly streams: CarriedStreams;
  readonly listeners: readonly RunningListener[];
  stop(): Promise<void>;
}

async function startPlatform(platform: PlatformConfig, shared: Shared): Promise<RunningPlatform> {
  const { carrier, events, journal, orderStore, stateDir, log } = shared;
  const options = { log, readProof: proofReader(stateDir, platform) };
  const parts = await buildParts(platform, options);
  const driver = await combineParts(platform, parts, options);
  const probedVms = platform.vms.filter((vm) => vm.listeners.some(({ probe }) => probe.kind !== 'none'));
  const report = ({ kind, message, facts }: ControllerEvent) =>
    events.append(platform.name, kind, message, facts ?? {});
  const controller = new PlatformController({
    name: platform.name,
    policy: buildPolicy(
      platform,
      driver,
      probedVms.map((vm) => vm.name),
      asksTimeoutMs(platform, watchdogOf(parts)),
    ),
    armed: platform.mode === 'armed',
    intent: await readIntent(journal, platform.name, log, report),
    orders: await readOrders(orderStore, platform.name, log, report),
    driver,
    journal,
    orderStore,
    context: await buildContext(platform, {
      stateDir,
      log,
      tell: (kind, message) => report({ kind, message }),
      secret: secretReader(platform, { log }),
    }),
    clock: systemClock,
    log,
    report,
  });
  const routes = platform.vms.flatMap((vm) => vm.listeners.map((listener) => ({ ...listener, vm: vm.name })));
  const streams = carrier.carry({
    platform: platform.name,
    observer: controller,
    idleTimeoutMs: platform.idleTimeoutMs,
    disconnectGraceMs: platform.disconnectGraceMs,
    hold: platform.hold,
    listeners: routes,
  });
  const probers = probedVms.flatMap((vm) => buildProber(vm, controller, log));
  const stopRecording = recordIntoBmc(platform, parts.bmc, events, log);
  const inhibitors = await buildInhibitors(platform, {
    watchdog: watchdogOf(parts),
    stateDir,
    log,
    proof: driver.proof,
    onEvent: (event) => controller.dispatch(event),
    report: (kind, message) => controller.tell(kind, message),
  });
  const idlePolicy = await buildIdlePolicy(platform, { controller, events, stateDir, log });
  const stop = async () => {
    stopRecording();
    await controller.stop();
    await idlePolicy.stop();
    await streams.close();
  };
  try {
    controller.attach({ gate: streams, probers, inhibitors: [...inhibitors, ...idlePolicy.watches] });
    await streams.open();
    controller.start();
    const listeners = streams.endpoints().map((address, index) => ({
      platform: platform.name,
      vm: routes[index]?.vm ?? '',
      address,
    }));
    return { controller, streams, listeners, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

function buildPolicy(
  platform: PlatformConfig,
  driver: PowerDriver,
  probedVms: readonly string[],
  asksMs: number,
): PlatformPolicy {
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
    asksTimeoutMs: asksMs,
    clientWaitMs: platform.clientWaitMs ?? Math.max(CLIENT_WAIT_MIN_MS, 3 * power.wakeTimeoutMs),
    vms: platform.vms.map((vm) => vm.name),
    probedVms,
  };
  return withCapabilities(configured, capabilities);
}

/** Who is meant where the power cannot be told: not the BMC where the host tells it. */
function readerName({ power: { stateBy, host } }: PlatformConfig): Pick<PlatformPolicy, 'reader'> {
  if (stateBy !== 'host' || host === null) return {};
  return { reader: host.driver === 'command' ? 'the command `state`' : HOST_READERS[host.driver] };
}

/** One probe per VM suffices: that of its first listener that has one. */
function buildProber(vm: VmConfig, controller: PlatformController, log: Logger): Prober[] {
  const listener = vm.listeners.find(({ probe }) => probe.kind !== 'none');
  const probe = listener === undefined ? null : createProbe(systemClock, listener.probe, listener.target);
  if (probe === null) return [];
  const onResult = (result: ProbeResult) => controller.onProbeResult(vm.name, result);
  return [new VmProber({ vm: vm.name, probe, clock: systemClock, log, onResult })];
}

/** A journal that cannot be read must not shut out the clients: it is reported, and the evidence alone decides. */
async function readIntent(
  journal: IntentJournal,
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
  store: OrderBook,
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

async function deliverBeforeStop(platforms: readonly RunningPlatform[], log: Logger): Promise<void> {
  const endMs = systemClock.nowMs() + STOP_DELIVERY_BOUND_MS;
  const isDelivering = ({ controller, streams }: RunningPlatform) =>
    streams.heldBytes().heldBytes > 0 && ['waking', 'awake', 'suspending'].includes(controller.model.state);
  const look = () => Promise.all(platforms.map(({ streams }) => streams.refresh()));
  await look();
  while (platforms.some(isDelivering) && systemClock.nowMs() < endMs) {
    await new Promise<void>((resolve) => setTimeout(resolve, STOP_LOOK_MS));
    await look();
  }
  await Promise.all(platforms.map((platform) => settleStreams(platform, log)));
}

/** Sends nothing more, and lets what is on its way arrive: the resets that follow would overtake it. */
async function settleStreams({ controller, streams }: RunningPlatform, log: Logger): Promise<void> {
  const { heldBytes } = streams.heldBytes();
  streams.hold();
  const { unackedBytes } = await streams.drain(STOP_DRAIN_BOUND_MS, new AbortController().signal);
  if (heldBytes === 0 && unackedBytes === 0) return;
  const facts = { platform: controller.name, heldBytes, unackedBytes };
  log.error(facts, 'stopped with bytes that could not be delivered');
}
