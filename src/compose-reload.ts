// Part of the composition root: a running Torpor goes over to another configuration. Reading and checking that is its caller's.
import { isDeepStrictEqual } from 'node:util';
import type { FarmSense } from './compose-farm-sense.ts';
import type { FarmHistory } from './compose-history.ts';
import type { Integrations } from './compose-integrations.ts';
import type { LinkFront } from './compose-link.ts';
import { type PlatformShared, RunningPlatform } from './compose-platform.ts';
import { leftSpools, spoolFolder } from './compose-spool.ts';
import type { PlatformConfig, TorporConfig } from './config/torpor-config.ts';
import { NO_PLATFORM } from './history/event-log.ts';
import type { SleepLedger } from './history/sleep-ledger.ts';
import { errorText } from './platform/errors.ts';
import { tellLeft } from './streams/spool/left-jobs.ts';
import { systemClock } from './system-clock.ts';

/** What became of a configuration that was read again. All for people, by the names of the file. */
export interface ReloadOutcome {
  /** `vdi-01: idleTimeout, vms`, `vdi-02 added`. */
  readonly changes: readonly string[];
  /** Keys that differ and count from the next start only. */
  readonly kept: readonly string[];
  readonly problems: readonly string[];
}

export interface ConfigReloadOptions {
  readonly config: TorporConfig;
  /** Those that run, changed in place: a platform that is given up stays until its last stream has ended. */
  readonly platforms: RunningPlatform[];
  readonly shared: PlatformShared;
  readonly ledger: SleepLedger;
  readonly history: FarmHistory;
  readonly integrations: Integrations;
  readonly link: LinkFront;
  readonly sense: FarmSense;
}

/** Keys of the whole Torpor that are settled when it starts. */
const SETTLED_KEYS = ['api', 'stateDir', 'workers', 'record', 'history', 'energy', 'farm'] as const;

/** Keys that concern several platforms, and count at once. */
const FARM_KEYS = ['circuits', 'pools'] as const;

export class ConfigReload {
  readonly #options: ConfigReloadOptions;
  /** What counts: the first configuration in what is settled at the start, the last one in all else. */
  #config: TorporConfig;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigReloadOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  get config(): TorporConfig {
    return this.#config;
  }

  /** One after the other. A platform on its way to sleep or back follows when it is there; that is not waited for. */
  goOver(next: TorporConfig): Promise<ReloadOutcome> {
    const outcome = this.#tail.then(() => this.#goOver(next));
    this.#tail = outcome;
    return outcome;
  }

  refuse(why: string): void {
    this.#options.shared.log.error({}, `the configuration was read again and refused, the former one stays: ${why}`);
    this.#tell('alarm', `the configuration was refused, the former one stays: ${why}`);
  }

  async #goOver(next: TorporConfig): Promise<ReloadOutcome> {
    const kept: string[] = SETTLED_KEYS.filter((key) => !isDeepStrictEqual(this.#config[key], next[key]));
    const { platforms, ledger, history } = this.#options;
    const changes: string[] = [];
    const problems: string[] = [];
    const { sense } = this.#options;
    if (!isDeepStrictEqual(this.#config.integrations, next.integrations)) {
      changes.push('mqtt, webhooks');
      problems.push(...this.#tellProblems(await this.#options.integrations.change(next.integrations)));
    }
    if (!isDeepStrictEqual(this.#config.link, next.link)) changes.push('link');
    for (const key of FARM_KEYS) if (!isDeepStrictEqual(this.#config[key], next[key])) changes.push(key);
    sense.configure(next);
    const placed = sense.place(next);
    const wanted = new Map(placed.map((platform) => [platform.name, platform]));
    this.#config = { ...next, ...settledPart(this.#config) };
    ledger.configure(next.platforms, systemClock.nowMs());
    history.follow(next.platforms);
    for (const platform of platforms) {
      if (!wanted.has(platform.name) && !platform.isRetiring) {
        changes.push(`${platform.name} taken out`);
        this.#retire(platform);
      }
    }
    const changed = platforms.filter((platform) => isChanged(platform, wanted.get(platform.name)));
    // First everything that is not listened on any more is free, then it may be another platform's.
    for (const platform of changed) platform.closeUnwanted(wanted.get(platform.name) as PlatformConfig);
    for (const platform of changed) {
      const config = wanted.get(platform.name) as PlatformConfig;
      changes.push(
        platform.isRetiring ? `${platform.name} is back` : `${platform.name}: ${differences(platform.config, config)}`,
      );
      if (!platform.controller.isSettled)
        changes.push(`${platform.name} follows when it is not ${platform.controller.model.state} any more`);
      const done = platform.change(config).then((found) => this.#tellProblems(found));
      if (platform.controller.isSettled) problems.push(...(await done));
    }
    const added = placed.filter(({ name }) => !platforms.some((platform) => platform.name === name));
    for (const config of added) {
      problems.push(...(await this.#add(config, changes)));
    }
    problems.push(...this.#tellProblems(await this.#options.link.change(next.link)));
    return this.#conclude({ changes, kept, problems });
  }

  async #add(config: PlatformConfig, changes: string[]): Promise<string[]> {
    try {
      this.#options.platforms.push(await RunningPlatform.start(config, this.#options.shared));
      changes.push(`${config.name} added`);
      this.#options.sense.look();
      return [];
    } catch (thrown) {
      return this.#tellProblems([`${config.name} could not be added: ${errorText(thrown)}`]);
    }
  }

  #retire(platform: RunningPlatform): void {
    void platform.retire().then((outcome) => {
      // Behind a configuration that is being gone over to, which may want it again.
      if (outcome === 'over') this.#tail = this.#tail.then(() => this.#takeOut(platform));
    });
  }

  /** Does not reject. */
  async #takeOut(platform: RunningPlatform): Promise<void> {
    if (!platform.isRetired) return;
    try {
      await platform.end();
    } catch (thrown) {
      this.#tellProblems([`${platform.name} did not end well: ${errorText(thrown)}`]);
    }
    const { platforms } = this.#options;
    platforms.splice(platforms.indexOf(platform), 1);
    this.#tell('config', `${platform.name} is out: none of its streams is left`);
    await this.#tellLeftJobs(platform.name);
  }

  async #tellLeftJobs(name: string): Promise<void> {
    const folder = spoolFolder(this.#config.stateDir, name);
    for (const left of await leftSpools(this.#config)) if (left.folder === folder) this.#tell('alarm', tellLeft(left));
  }

  #conclude(outcome: ReloadOutcome): ReloadOutcome {
    const { changes, kept } = outcome;
    const did = changes.length === 0 ? 'nothing differs' : changes.join('; ');
    const left = kept.length === 0 ? '' : `; from the next start on: ${kept.join(', ')}`;
    this.#options.shared.log.info({}, `configuration read again: ${did}${left}`);
    this.#tell('config', `configuration read again: ${did}${left}`);
    return outcome;
  }

  #tellProblems(problems: string[]): string[] {
    for (const problem of problems) {
      this.#options.shared.log.error({}, problem);
      this.#tell('alarm', problem);
    }
    return problems;
  }

  #tell(kind: string, message: string): void {
    this.#options.shared.events.append(NO_PLATFORM, kind, message, {});
  }
}

function settledPart(config: TorporConfig): Pick<TorporConfig, (typeof SETTLED_KEYS)[number]> {
  const { api, stateDir, workers, record, history, energy, farm } = config;
  return { api, stateDir, workers, record, history, energy, farm };
}

function isChanged(platform: RunningPlatform, wanted: PlatformConfig | undefined): boolean {
  return wanted !== undefined && (platform.isRetiring || !isDeepStrictEqual(platform.config, wanted));
}

/** By the names of the file: units are no part of them. */
function differences(before: PlatformConfig, after: PlatformConfig): string {
  const keys = Object.keys(after) as Array<keyof PlatformConfig>;
  return keys
    .filter((key) => !isDeepStrictEqual(before[key], after[key]))
    .map((key) => key.replace(/Ms$/, ''))
    .join(', ');
}
