// The composition root: builds one running Torpor from a configuration. The only place that knows every part.

import { startApi } from './api/start-api.ts';
import { ClockWatch } from './clock-watch.ts';
import { SharedFarm } from './compose-farm.ts';
import { FarmSense } from './compose-farm-sense.ts';
import { HandOver } from './compose-hand-over.ts';
import { FarmHistory } from './compose-history.ts';
import { Integrations } from './compose-integrations.ts';
import { LinkFront } from './compose-link.ts';
import { type PlatformShared, type RunningListener, RunningPlatform } from './compose-platform.ts';
import { ConfigReload, type ReloadOutcome } from './compose-reload.ts';
import { leftSpools } from './compose-spool.ts';
import type { PlatformConfig, TorporConfig } from './config/torpor-config.ts';
import { MemoryFarm } from './farm/memory-farm.ts';
import { DrainBook } from './history/drain-book.ts';
import { EvacuationBook } from './history/evacuation-book.ts';
import { EventLog, NO_PLATFORM } from './history/event-log.ts';
import { IntentJournal } from './history/intent-journal.ts';
import { OrderBook } from './history/order-book.ts';
import { SleepLedger } from './history/sleep-ledger.ts';
import { packageVersion } from './package-version.ts';
import { TorporError } from './platform/errors.ts';
import type { Logger } from './platform/ports.ts';
import type { Farm } from './platform/status.ts';
import { ProbeLoad } from './probes/probe-load.ts';
import { Broker } from './streams/broker.ts';
import type { InheritedSockets } from './streams/inherited-sockets.ts';
import { tellLeft } from './streams/spool/left-jobs.ts';
import { systemClock } from './system-clock.ts';
import type { StreamCarrier } from './workers/stream-carrier.ts';
import { type RecordOptions, StreamHost } from './workers/stream-host.ts';
import { WorkerPool } from './workers/worker-pool.ts';

/** A stop waits this long for held bytes of platforms that are waking, then closes all connections. */
const STOP_DELIVERY_BOUND_MS = 5_000;
/** And this long until what was sent to the VMs has arrived. */
const STOP_DRAIN_BOUND_MS = 2_000;
/** Between two looks at what is still held. */
const STOP_LOOK_MS = 50;
export interface TorporRun {
  readonly farm: Farm;
  readonly apiUrl: string;
  readonly listeners: readonly RunningListener[];
  /** Where its gate takes edges' links; null: it has none. */
  readonly linkAddress: string | null;
  /** Goes over to another configuration without ending a stream. Never rejects: what could not be done is told, also as an event. */
  reload(config: TorporConfig): Promise<ReloadOutcome>;
  /** Leaving it to another Torpor, and following one. */
  readonly handOver: HandOver;
  /** Tells that a configuration was refused and all stays as it is. */
  refuseReload(why: string): void;
  /** Ends safely: held bytes of waking platforms are delivered first (bounded), nothing is pressed any more. */
  stop(): Promise<void>;
}

export interface RunOptions {
  readonly log: Logger;
  /** Sockets to listen on that this process was given. Those that the configuration does not name are closed. */
  readonly inherited?: InheritedSockets | null;
  /** The process of the Torpor that this one follows, until `handOver.formerEnded`. */
  readonly follows?: number | null;
}

/** Starts everything the configuration names. Rejects, with all that was started ended again, where a part cannot start. */
export async function runTorpor(config: TorporConfig, options: RunOptions): Promise<TorporRun> {
  const { log, inherited = null } = options;
  let { follows = null } = options;
  const broker = new Broker();
  const carrier = await openCarrier(config, log, inherited, broker);
  const events = new EventLog(systemClock);
  const ledger = new SleepLedger(config.platforms, systemClock.nowMs());
  events.subscribe((event) => ledger.note(event));
  const journal = new IntentJournal(config.stateDir);
  const orderStore = new OrderBook(config.stateDir);
  const platforms: RunningPlatform[] = [];
  const controllerOf = (name: string) => platforms.find(({ controller }) => controller.name === name)?.controller;
  const history = new FarmHistory({ config, controllerOf, events, log });
  const ends: Array<() => Promise<void>> = [() => history.stop(), () => carrier.close()];
  const end = async () => {
    for (const each of ends.reverse()) await each();
  };
  try {
    const { stateDir } = config;
    const sharedFarm = config.farm === null ? null : new SharedFarm(config.farm, stateDir, log, follows !== null);
    ends.push(async () => sharedFarm?.stop());
    sharedFarm?.start();
    const drains = await DrainBook.open(config.stateDir, (problem) => events.append(NO_PLATFORM, 'alarm', problem, {}));
    const evacuated = await EvacuationBook.open(config.stateDir);
    const sense = new FarmSense(config, { platforms, drains, broker, farm: sharedFarm, evacuated, events, log });
    ends.push(async () => sense.stop());
    const shared: PlatformShared = {
      ...{ carrier, events, journal, orderStore, stateDir, log, farm: sharedFarm, probeLoad: new ProbeLoad() },
      drains: sense.drains,
      follows: () => follows,
      onWakePlace: (platform) => sense.changed(platform),
    };
    ends.push(async () => {
      for (const platform of platforms.reverse()) await platform.stop();
    });
    for (const platform of sense.place(config)) platforms.push(await RunningPlatform.start(platform, shared));
    for (const left of await leftSpools(config)) events.append(NO_PLATFORM, 'alarm', tellLeft(left), {});
    await carrier.start();
    sense.look();
    const controllers = () => platforms.map(({ controller }) => controller);
    const link = new LinkFront({ platforms, events, log });
    ends.push(() => link.stop());
    for (const problem of await link.change(config.link)) throw new TorporError('ERR_LINK_LISTEN', problem);
    const farm = new MemoryFarm({
      controllers,
      events,
      ledger,
      clock: systemClock,
      links: () => link.links(),
      ...sense,
      ...(sharedFarm === null ? {} : { others: sharedFarm }),
    });
    sharedFarm?.serve({
      sleep: (platform, force, by) => farm.sleepFor(platform, force, by),
      view: (detail) => farm.view(detail),
    });
    closeUnclaimed(inherited, log);
    const clockWatch = new ClockWatch({
      clock: systemClock,
      wallMs: Date.now,
      tell: (why) => events.append(NO_PLATFORM, 'alarm', why, {}),
    });
    clockWatch.start();
    ends.push(async () => clockWatch.stop());
    const { nowMs } = systemClock;
    const openApi = () =>
      startApi(farm, {
        ...config.api,
        log,
        version: packageVersion(),
        nowMs,
        dashboard: true,
        history: history.reader,
        metrics: history.metrics.page(farm),
      });
    let api = await openApi();
    ends.push(() => api.close());
    const integrations = new Integrations(farm, log);
    ends.push(() => integrations.stop());
    for (const problem of await integrations.change(config.integrations))
      throw new TorporError('ERR_CONFIG_READ', problem);
    const handOver = new HandOver({
      platforms,
      link,
      events,
      log,
      onFormerEnded: () => {
        follows = null;
      },
      closeFace: async () => {
        await integrations.stop();
        await api.close();
        await history.close();
        await sharedFarm?.handOver();
      },
      openFace: async () => {
        sharedFarm?.start();
        history.open();
        api = await openApi();
        await integrations.change(reload.config.integrations);
      },
    });
    const reload = new ConfigReload({ config, platforms, shared, ledger, history, integrations, link, sense });
    return {
      farm,
      apiUrl: api.url,
      get listeners() {
        return platforms.flatMap(({ listeners }) => listeners);
      },
      get linkAddress() {
        return link.address;
      },
      handOver,
      reload: (next) => reload.goOver(next),
      refuseReload: (why) => reload.refuse(why),
      stop: async () => {
        sense.evacuations.stop();
        await deliverBeforeStop(platforms, log);
        await end();
      },
    };
  } catch (thrown) {
    await end();
    throw thrown;
  }
}

/** A socket without a listener would take clients that nobody serves. */
function closeUnclaimed(inherited: InheritedSockets | null, log: Logger): void {
  const left = inherited?.left ?? [];
  if (left.length > 0)
    log.warn({ sockets: left }, 'sockets that this process was given and no listener names are closed');
  inherited?.close();
}

/** One worker is this process itself. */
function openCarrier(
  config: TorporConfig,
  log: Logger,
  inherited: InheritedSockets | null,
  broker: Broker,
): Promise<StreamCarrier> | StreamCarrier {
  const { maxStreams } = config;
  const options = { record: recordOptions(config, log), maxStreams, clock: systemClock, log, inherited };
  const otherDescriptors = config.platforms.reduce((sum, platform) => sum + descriptorsOf(platform), 0);
  if (config.workers === 1) return StreamHost.open({ ...options, broker, otherDescriptors });
  return new WorkerPool({ ...options, workers: config.workers, logLevel: config.log.level });
}

/** A platform's connections to its BMC (sessions, sensors) and its host, and for each listener its socket and the look at its VM. */
function descriptorsOf({ vms }: PlatformConfig): number {
  return 4 + vms.reduce((sum, { listeners }) => sum + 2 * listeners.length, 0);
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
