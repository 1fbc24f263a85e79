// What the platform draws: finds out once which of Redfish's places has it on this BMC, and reads that from then on. Never an error: watts are a convenience.
import { TorporError } from '../../platform/errors.ts';
import { fieldAt, type JsonObject, listField, readingField } from './json-document.ts';
import type { RedfishClient } from './redfish-client.ts';
import { linkField } from './service-link.ts';

/** Reads watts from one place; null where it has none now. */
type Source = { readonly name: string; readonly read: (signal: AbortSignal) => Promise<number | null> };

const MAX_SUPPLIES = 8;

export class PowerMeter {
  readonly #client: RedfishClient;
  /** undefined before it was looked for, null where there is none. */
  #source: Source | null | undefined;

  constructor(client: RedfishClient) {
    this.#client = client;
  }

  /** Whether it was looked for already. */
  get isKnown(): boolean {
    return this.#source !== undefined;
  }

  /** For people; empty where there is none. */
  get name(): string {
    return this.#source?.name ?? '';
  }

  /** Looks for a meter in the chassis of the system. A BMC that cannot be asked now is asked again at the next reading. */
  async find(chassisPaths: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      for (const path of chassisPaths) {
        const source = await this.#findIn(await this.#client.get(path, signal), signal);
        if (source === null) continue;
        this.#source = source;
        return;
      }
      this.#source = null;
    } catch (thrown) {
      if (!(thrown instanceof TorporError)) throw thrown;
      if (!thrown.retryable && !signal.aborted) this.#source = null;
    }
  }

  /** Watts, or null where none are told. Never rejects with a TorporError. */
  async read(signal: AbortSignal): Promise<number | null> {
    try {
      return (await this.#source?.read(signal)) ?? null;
    } catch (thrown) {
      if (thrown instanceof TorporError) return null;
      throw thrown;
    }
  }

  /**
   * In the order of what costs least and means most: the chassis's own metrics (since 2020), the older Power resource, the sum of its
   * power supplies. Sources: DMTF EnvironmentMetrics, Power, PowerSubsystem, PowerSupplyMetrics schemas.
   */
  async #findIn(chassis: JsonObject, signal: AbortSignal): Promise<Source | null> {
    const candidates = [
      this.#single('EnvironmentMetrics', linkField(chassis, 'EnvironmentMetrics'), (metrics) =>
        readingField(metrics, 'PowerWatts'),
      ),
      this.#single('PowerControl', linkField(chassis, 'Power'), (power) =>
        readingField(listField(power, 'PowerControl', 1)[0], 'PowerConsumedWatts'),
      ),
    ].filter((source) => source !== null);
    for (const source of candidates) {
      if ((await this.#tried(source, signal)) !== null) return source;
    }
    const subsystem = linkField(chassis, 'PowerSubsystem');
    const supplies = subsystem === null ? null : await this.#findSupplies(subsystem, signal);
    // A meter that says nothing now, as while the platform sleeps, is kept: it may say more later.
    return supplies ?? candidates[0] ?? null;
  }

  #single(name: string, path: string | null, pick: (resource: JsonObject) => number | null): Source | null {
    if (path === null) return null;
    return { name, read: async (signal) => pick(await this.#client.get(path, signal)) };
  }

  async #findSupplies(subsystemPath: string, signal: AbortSignal): Promise<Source | null> {
    const subsystem = await this.#optional(subsystemPath, signal);
    const collection = linkField(subsystem, 'PowerSupplies');
    if (collection === null) return null;
    const members = (await this.#client.members(collection, signal)).slice(0, MAX_SUPPLIES);
    const metricsPaths: string[] = [];
    for (const path of members) {
      const supply = await this.#optional(path, signal);
      if (isAbsent(supply)) continue;
      const metrics = linkField(supply, 'Metrics') ?? linkField(supply, 'EnvironmentMetrics');
      if (metrics !== null) metricsPaths.push(metrics);
    }
    if (metricsPaths.length === 0) return null;
    return { name: `${metricsPaths.length} power supplies`, read: (given) => this.#sum(metricsPaths, given) };
  }

  /** Input of all supplies together; null unless every one tells its own. */
  async #sum(paths: readonly string[], signal: AbortSignal): Promise<number | null> {
    let sum = 0;
    for (const path of paths) {
      const metrics = await this.#client.get(path, signal);
      const watts = readingField(metrics, 'InputPowerWatts') ?? readingField(metrics, 'PowerWatts');
      if (watts === null) return null;
      sum += watts;
    }
    return sum;
  }

  async #tried(source: Source, signal: AbortSignal): Promise<number | null> {
    try {
      return await source.read(signal);
    } catch (thrown) {
      if (thrown instanceof TorporError && !thrown.retryable) return null;
      throw thrown;
    }
  }

  async #optional(path: string, signal: AbortSignal): Promise<JsonObject> {
    try {
      return await this.#client.get(path, signal);
    } catch (thrown) {
      if (thrown instanceof TorporError && !thrown.retryable) return {};
      throw thrown;
    }
  }
}

/** True where a resource says that it is absent or disabled: such a supply draws nothing. */
function isAbsent(resource: JsonObject): boolean {
  const state = fieldAt(resource, 'Status', 'State');
  return state === 'Absent' || state === 'Disabled';
}
