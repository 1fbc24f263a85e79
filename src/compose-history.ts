// Part of the composition root: what is remembered of the farm across restarts, and what is counted of it for metrics.
import { join } from 'node:path';
import type { PlatformConfig, TorporConfig } from './config/torpor-config.ts';
import type { PlatformController } from './controller/platform-controller.ts';
import type { PlatformLook } from './energy/present-watts.ts';
import { type EventLog, NO_PLATFORM } from './history/event-log.ts';
import { HistoryRecorder, type RecordedPlatform } from './history/history-recorder.ts';
import { HistoryStore } from './history/history-store.ts';
import type { SavingsSettings } from './history/savings-query.ts';
import { WakeTracker } from './history/wake-tracker.ts';
import { TorporMetrics } from './metrics/torpor-metrics.ts';
import { packageVersion } from './package-version.ts';
import type { HistoryCounts, HistoryReader } from './platform/history.ts';
import type { Logger } from './platform/ports.ts';
import { systemClock } from './system-clock.ts';

/** In the state folder, its owner's only. */
const FILE = 'history/history.sqlite';
const NOTHING_KEPT: HistoryCounts = { written: 0, dropped: 0, thinned: 0, queued: 0, fileBytes: 0 };

export interface FarmHistoryOptions {
  readonly config: TorporConfig;
  /** Answers once there is one. */
  readonly controllerOf: (platform: string) => PlatformController | undefined;
  readonly events: EventLog;
  readonly log: Logger;
}

/** Begins before the first platform starts, so that nothing is missed. */
export class FarmHistory {
  readonly metrics: TorporMetrics;
  readonly #options: FarmHistoryOptions;
  readonly #tracker: WakeTracker;
  #platforms: readonly PlatformConfig[];
  #kept: { readonly store: HistoryStore; readonly recorder: HistoryRecorder } | null = null;
  #counts = NOTHING_KEPT;

  constructor(options: FarmHistoryOptions) {
    this.#options = options;
    const { config, events } = options;
    this.#platforms = config.platforms;
    const counts = () => this.#kept?.store.counts() ?? this.#counts;
    this.metrics = new TorporMetrics({
      platforms: this.#watched(),
      version: packageVersion(),
      clock: systemClock,
      history: config.history === null ? null : { counts },
    });
    this.#tracker = new WakeTracker(systemClock, (wake) => {
      this.#kept?.store.add(wake);
      this.metrics.noteWake(wake);
    });
    this.open();
    events.subscribe((event) => {
      this.#tracker.note(event);
      this.#kept?.recorder.note(event);
      this.metrics.note(event);
    });
  }

  /** null: the configuration keeps none, or another Torpor has it now. */
  get reader(): HistoryReader | null {
    return this.#kept?.store ?? null;
  }

  open(): void {
    const { config } = this.#options;
    if (config.history === null) return;
    const store = this.#openStore(config.history);
    const recorder = new HistoryRecorder({
      platforms: this.#watched(),
      store,
      clock: systemClock,
      sampleEveryMs: config.history.sampleEveryMs,
    });
    this.#kept = { store, recorder };
    recorder.start();
  }

  /** Writes what is queued, bounded, and leaves the file to another Torpor. */
  async close(): Promise<void> {
    const kept = this.#kept;
    if (kept === null) return;
    this.#counts = kept.store.counts();
    this.#kept = null;
    kept.recorder.stop();
    await kept.store.close();
  }

  /** The configuration was read again. */
  follow(platforms: readonly PlatformConfig[]): void {
    this.#platforms = platforms;
    this.metrics.follow(this.#watched());
    this.#kept?.recorder.follow(this.#watched());
    this.#kept?.store.follow(this.#savingsSettings());
  }

  async stop(): Promise<void> {
    this.metrics.stop();
    this.#tracker.stop();
    await this.close();
  }

  #watched(): RecordedPlatform[] {
    return this.#platforms.map(({ name, power }) => ({
      name,
      watts: power.watts,
      look: () => lookAt(this.#options.controllerOf(name)),
    }));
  }

  #savingsSettings(): SavingsSettings {
    const { history, energy } = this.#options.config;
    const { price, currency, co2eKgPerKwh, ownWatts, timeZone } = energy;
    return {
      platforms: this.#platforms.map(({ name, power, drowsyForMs, minAwakeMs, idleCosts }) => ({
        name,
        watts: power.watts,
        rules: { drowsyForMs, minAwakeMs, suspendMs: idleCosts.suspendMs, resumeMs: idleCosts.resumeMs },
      })),
      factors: { price, currency, co2eKgPerKwh, ownWatts },
      timeZone,
      sampleEveryMs: history?.sampleEveryMs ?? 0,
    };
  }

  #openStore({ keepMs, maxBytes }: NonNullable<TorporConfig['history']>): HistoryStore {
    const { config, events, log } = this.#options;
    return new HistoryStore({
      settings: {
        path: join(config.stateDir, FILE),
        version: packageVersion(),
        keepMs,
        maxBytes,
        savings: this.#savingsSettings(),
      },
      clock: systemClock,
      log,
      alarm: (message) => {
        log.error({}, message);
        events.append(NO_PLATFORM, 'alarm', message, {});
      },
    });
  }
}

/** A platform whose controller is not there yet is starting. */
function lookAt(controller: PlatformController | undefined): PlatformLook {
  if (controller === undefined) return { state: 'starting', sinceMs: 0, pool: 0, reading: null };
  const { state, sinceMs, power } = controller.model;
  const watts = power?.watts ?? null;
  const reading = power === null || watts === null ? null : { atMs: power.atMs, watts };
  return { state, sinceMs, pool: controller.table.size, reading };
}
