// What the history remembers: the farm's events as rows, thinned where one platform's streams would flood it, and regular looks at
// each platform's state and watts. Storing is history-store.ts's.
import type { ConfiguredWatts } from '../energy/day-tally.ts';
import { type PlatformLook, presentWatts } from '../energy/present-watts.ts';
import type { Clock } from '../platform/ports.ts';
import type { FarmEvent, StateName } from '../platform/status.ts';
import type { HistoryRow } from './history-rows.ts';

/** Rows about streams that one platform may add: so many at once, and so many a minute after that. */
export const STREAM_ROWS_BURST = 600;
export const STREAM_ROWS_PER_MINUTE = 120;
const MINUTE_MS = 60_000;
export interface RecordedPlatform {
  readonly name: string;
  readonly watts: ConfiguredWatts;
  look(): PlatformLook;
}

export interface HistoryRecorderOptions {
  readonly platforms: readonly RecordedPlatform[];
  readonly store: { add(row: HistoryRow): void; countThinned(): void };
  readonly clock: Clock;
  readonly sampleEveryMs: number;
}

const STREAM_KINDS: ReadonlySet<string> = new Set(['stream-open', 'stream-active', 'stream-closed', 'delivered']);

export class HistoryRecorder {
  readonly #options: HistoryRecorderOptions;
  #recorded: ReadonlyMap<string, Recorded>;
  #cancelSample: () => void = () => {};

  constructor(options: HistoryRecorderOptions) {
    this.#options = options;
    const nowMs = options.clock.nowMs();
    this.#recorded = new Map(options.platforms.map((platform) => [platform.name, new Recorded(platform, nowMs)]));
  }

  /** Samples now, and at regular times from now on. */
  start(): void {
    for (const { platform } of this.#recorded.values()) this.#sample(platform, platform.look());
    const { clock, sampleEveryMs } = this.#options;
    this.#cancelSample = clock.schedule(sampleEveryMs, () => this.start());
  }

  stop(): void {
    this.#cancelSample();
  }

  /** From now on it is these. What is known of one that stays is kept. */
  follow(platforms: readonly RecordedPlatform[]): void {
    const nowMs = this.#options.clock.nowMs();
    const before = this.#recorded;
    const recordedOf = (platform: RecordedPlatform) => {
      const recorded = before.get(platform.name) ?? new Recorded(platform, nowMs);
      recorded.platform = platform;
      return recorded;
    };
    this.#recorded = new Map(platforms.map((platform) => [platform.name, recordedOf(platform)]));
  }

  note(event: FarmEvent): void {
    const { store } = this.#options;
    const recorded = this.#recorded.get(event.platform);
    if (recorded === undefined) {
      store.add(eventRow(event));
      return;
    }
    if (event.kind === 'transition') this.#noteTransition(event, recorded);
    else if (event.kind === 'stream-idle') this.#noteExit(event, recorded);
    else if (!STREAM_KINDS.has(event.kind)) store.add(eventRow(event));
    else if (!recorded.take(event.atMs)) store.countThinned();
    else if (event.kind === 'stream-active') this.#noteEntry(event, recorded);
    else store.add(eventRow(event));
    const skipped = recorded.tellThinned(event.atMs);
    if (skipped > 0) store.add(thinnedRow(event, skipped));
  }

  /** What was read last belongs to the state that ends here: short ones would else have no reading at all. */
  #noteTransition({ platform, atMs, facts, message }: FarmEvent, recorded: Recorded): void {
    const { store } = this.#options;
    const look = recorded.platform.look();
    const from = facts.from as StateName;
    const { reading } = look;
    if (reading !== null && reading.atMs >= recorded.sinceMs) {
      const { watts, atMs: readAtMs } = reading;
      store.add({ table: 'sample', platform, atMs: readAtMs, state: from, watts, source: 'measured', pool: look.pool });
    }
    recorded.sinceMs = atMs;
    const why = message.slice(message.indexOf(': ') + 2);
    store.add({
      table: 'transition',
      platform,
      atMs,
      from,
      to: facts.to as StateName,
      reason: String(facts.reason),
      why,
    });
  }

  #noteEntry(event: FarmEvent, recorded: Recorded): void {
    recorded.entered.add(String(event.facts.stream));
    this.#options.store.add(poolRow(event, 'enter'));
  }

  /** An exit is remembered where its entry was, whatever the rate, so that no entry stays open. */
  #noteExit(event: FarmEvent, recorded: Recorded): void {
    if (recorded.entered.delete(String(event.facts.stream))) this.#options.store.add(poolRow(event, 'exit'));
    else this.#options.store.countThinned();
  }

  #sample({ name, watts }: RecordedPlatform, look: PlatformLook): void {
    const { store, clock } = this.#options;
    const atMs = clock.nowMs();
    const { state, pool } = look;
    const present = presentWatts(look, watts, atMs);
    const drawn = { watts: present?.watts ?? null, source: present?.source ?? null };
    store.add({ table: 'sample', platform: name, atMs, state, ...drawn, pool });
  }
}

/** What the recorder keeps of one platform: whose entries stand in the history, and how many rows it may still add. */
class Recorded {
  platform: RecordedPlatform;
  /** Streams whose entry was recorded and whose exit was not yet. */
  readonly entered = new Set<string>();
  /** Since when its state holds. */
  sinceMs: number;
  #allowance = STREAM_ROWS_BURST;
  #filledAtMs: number;
  #skipped = 0;
  #toldAtMs: number;

  constructor(platform: RecordedPlatform, nowMs: number) {
    this.platform = platform;
    this.sinceMs = nowMs;
    this.#filledAtMs = nowMs;
    this.#toldAtMs = nowMs;
  }

  /** False: it has had its share. */
  take(atMs: number): boolean {
    const gained = ((atMs - this.#filledAtMs) / MINUTE_MS) * STREAM_ROWS_PER_MINUTE;
    this.#allowance = Math.min(STREAM_ROWS_BURST, this.#allowance + Math.max(0, gained));
    this.#filledAtMs = Math.max(this.#filledAtMs, atMs);
    if (this.#allowance < 1) {
      this.#skipped += 1;
      return false;
    }
    this.#allowance -= 1;
    return true;
  }

  /** Once a minute at most: how many rows were left out since it was told last. */
  tellThinned(atMs: number): number {
    if (this.#skipped === 0 || atMs - this.#toldAtMs < MINUTE_MS) return 0;
    const skipped = this.#skipped;
    this.#skipped = 0;
    this.#toldAtMs = atMs;
    return skipped;
  }
}

function eventRow({ platform, atMs, kind, message, facts }: FarmEvent): HistoryRow {
  return { table: 'event', platform, atMs, kind, message, facts };
}

function thinnedRow({ platform, atMs }: FarmEvent, skipped: number): HistoryRow {
  const message = `${skipped} events of streams were left out of the history: too many of them`;
  return { table: 'event', platform, atMs, kind: 'history-thinned', message, facts: { skipped } };
}

function poolRow({ platform, atMs, facts }: FarmEvent, change: 'enter' | 'exit'): HistoryRow {
  const { stream, vm, client, why, pool } = facts;
  return {
    table: 'pool',
    platform,
    atMs,
    change,
    stream: String(stream),
    vm: String(vm),
    client: String(client),
    why: String(why ?? ''),
    size: Number(pool),
  };
}
