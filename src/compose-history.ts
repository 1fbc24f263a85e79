// Part of the composition root: what is remembered of the farm across restarts, and what is counted of it for metrics.
import { join } from 'node:path';
import type { TorporConfig } from './config/torpor-config.ts';
import type { PlatformController } from './controller/platform-controller.ts';
import type { PlatformLook } from './energy/present-watts.ts';
import type { EventLog } from './history/event-log.ts';
import { HistoryRecorder } from './history/history-recorder.ts';
import type { WakeRow } from './history/history-rows.ts';
import { HistoryStore } from './history/history-store.ts';
import { WakeTracker } from './history/wake-tracker.ts';
import { TorporMetrics } from './metrics/torpor-metrics.ts';
import { packageVersion } from './package-version.ts';
import type { HistoryReader } from './platform/history.ts';
import type { Logger } from './platform/ports.ts';
import { systemClock } from './system-clock.ts';

/** In the state folder, its owner's only. */
const FILE = 'history/history.sqlite';

export interface KeptHistory {
  /** null: the configuration keeps none. */
  readonly reader: HistoryReader | null;
  /** Calls back for each wake that ended. */
  onWake(listener: (wake: WakeRow) => void): void;
  /** Writes what is queued; bounded. */
  stop(): Promise<void>;
}

/** Begins before the first platform starts, so that nothing is missed; `controllerOf` answers once there is one. */
export function keepHistory(
  config: TorporConfig,
  controllerOf: (platform: string) => PlatformController | undefined,
  events: EventLog,
  log: Logger,
): KeptHistory {
  const listeners: Array<(wake: WakeRow) => void> = [];
  const tracker = new WakeTracker(systemClock, (wake) => {
    for (const listener of listeners) listener(wake);
  });
  events.subscribe((event) => tracker.note(event));
  const onWake = (listener: (wake: WakeRow) => void) => void listeners.push(listener);
  if (config.history === null) return { reader: null, onWake, stop: async () => tracker.stop() };
  const store = openStore(config, config.history, events, log);
  listeners.push((wake) => store.add(wake));
  const recorder = new HistoryRecorder({
    platforms: config.platforms.map(({ name, power }) => ({
      name,
      watts: power.watts,
      look: () => lookAt(controllerOf(name)),
    })),
    store,
    clock: systemClock,
    sampleEveryMs: config.history.sampleEveryMs,
  });
  events.subscribe((event) => recorder.note(event));
  recorder.start();
  const stop = async () => {
    recorder.stop();
    tracker.stop();
    await store.close();
  };
  return { reader: store, onWake, stop };
}

function openStore(
  config: TorporConfig,
  { keepMs, maxBytes, sampleEveryMs }: NonNullable<TorporConfig['history']>,
  events: EventLog,
  log: Logger,
): HistoryStore {
  const { price, currency, co2eKgPerKwh, ownWatts, timeZone } = config.energy;
  return new HistoryStore({
    settings: {
      path: join(config.stateDir, FILE),
      version: packageVersion(),
      keepMs,
      maxBytes,
      savings: {
        platforms: config.platforms.map(({ name, power }) => ({ name, watts: power.watts })),
        factors: { price, currency, co2eKgPerKwh, ownWatts },
        timeZone,
        sampleEveryMs,
      },
    },
    clock: systemClock,
    log,
    alarm: (message) => {
      log.error({}, message);
      // Of no platform: of all of them.
      events.append('*', 'alarm', message, {});
    },
  });
}

/** Counts from before the first platform starts. */
export function meterFarm(
  config: TorporConfig,
  controllerOf: (platform: string) => PlatformController | undefined,
  events: EventLog,
  history: KeptHistory,
): TorporMetrics {
  const metrics = new TorporMetrics({
    platforms: config.platforms.map(({ name, power }) => ({
      name,
      watts: power.watts,
      look: () => lookAt(controllerOf(name)),
    })),
    version: packageVersion(),
    clock: systemClock,
    history: history.reader,
  });
  events.subscribe((event) => metrics.note(event));
  history.onWake((wake) => metrics.noteWake(wake));
  return metrics;
}

/** A platform whose controller is not there yet is starting. */
function lookAt(controller: PlatformController | undefined): PlatformLook {
  if (controller === undefined) return { state: 'starting', sinceMs: 0, pool: 0, reading: null };
  const { state, sinceMs, power } = controller.model;
  const watts = power?.watts ?? null;
  const reading = power === null || watts === null ? null : { atMs: power.atMs, watts };
  return { state, sinceMs, pool: controller.table.size, reading };
}
