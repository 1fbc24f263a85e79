// What platforms slept, what they would have slept in observe mode, and who kept them awake: sums over the events, kept as they come.
import { hostOfClient } from '../platform/endpoint.ts';
import type { FarmEvent, PlatformReport, SleepSum, WakefulClient } from '../platform/status.ts';

export interface LedgerPlatform {
  readonly name: string;
  readonly mode: 'observe' | 'armed';
  /** How a platform in observe mode would have waited, had it been armed. */
  readonly drowsyForMs: number;
  readonly minAwakeMs: number;
}

/** Clients that are counted one by one per platform; beyond it the one with the least time in the pool joins the others. */
export const CLIENTS_MAX = 256;
/** Clients that a report names per platform. */
export const CLIENTS_NAMED = 10;

interface Client {
  readonly client: string;
  readonly vm: string;
  activeMs: number;
  aloneMs: number;
  entries: number;
  /** Streams of it in the pool, and since when there is one. */
  open: number;
  sinceMs: number;
}

/** Feeds on FarmEvents in their order. Memory is bounded by CLIENTS_MAX and by the streams in the pools. */
export class SleepLedger {
  #accounts: ReadonlyMap<string, Account>;

  constructor(platforms: readonly LedgerPlatform[], startMs: number) {
    this.#accounts = new Map(platforms.map((platform) => [platform.name, new Account(platform, startMs)]));
  }

  /** The platforms as they are from now on. One that stays keeps its sums, one that goes loses them. */
  configure(platforms: readonly LedgerPlatform[], nowMs: number): void {
    const before = this.#accounts;
    this.#accounts = new Map(
      platforms.map((platform) => [
        platform.name,
        before.get(platform.name)?.under(platform) ?? new Account(platform, nowMs),
      ]),
    );
  }

  note(event: FarmEvent): void {
    this.#accounts.get(event.platform)?.note(event);
  }

  /** All platforms as of now, in the order of the configuration. */
  report(nowMs: number): PlatformReport[] {
    return [...this.#accounts.values()].map((account) => account.report(nowMs));
  }
}

/** A sum of sleeps, one of which may be under way. */
class Sleeps {
  #totalMs = 0;
  #suspends = 0;
  #wakes = 0;
  #fromMs: number | null = null;

  get isUnderWay(): boolean {
    return this.#fromMs !== null;
  }

  begin(fromMs: number): void {
    this.#fromMs ??= fromMs;
  }

  /** Ends the sleep under way. It was none if it had not begun by then. Answers whether it was one. */
  end(atMs: number): boolean {
    const fromMs = this.#fromMs;
    this.#fromMs = null;
    if (fromMs === null || atMs <= fromMs) return false;
    this.#totalMs += atMs - fromMs;
    this.#suspends += 1;
    this.#wakes += 1;
    return true;
  }

  sum(nowMs: number): SleepSum {
    const runningMs = this.#fromMs === null ? 0 : Math.max(0, nowMs - this.#fromMs);
    return {
      totalMs: this.#totalMs + runningMs,
      suspends: this.#suspends + (runningMs > 0 ? 1 : 0),
      wakes: this.#wakes,
    };
  }
}

class Account {
  #platform: LedgerPlatform;
  readonly #startMs: number;
  readonly #slept = new Sleeps();
  readonly #wouldSleep = new Sleeps();
  /** The last moment at which a sleep that never was would have ended. */
  #wouldWakeMs = Number.NEGATIVE_INFINITY;
  readonly #clients = new Map<string, Client>();
  readonly #others: Client = newClient('others', '');
  /** Streams in the pool, and whose they are. */
  readonly #streams = new Map<string, Client>();
  /** Clients with a stream in the pool, and since when it is these. */
  readonly #active = new Set<Client>();
  #activeSinceMs: number;

  constructor(platform: LedgerPlatform, startMs: number) {
    this.#platform = platform;
    this.#startMs = startMs;
    this.#activeSinceMs = startMs;
  }

  /** The same account under other rules. */
  under(platform: LedgerPlatform): Account {
    this.#platform = platform;
    return this;
  }

  note({ kind, atMs, facts }: FarmEvent): void {
    if (kind === 'transition') this.#noteTransition(String(facts.from), String(facts.to), atMs);
    if (kind === 'would-sleep') this.#beginWouldSleep(atMs);
    if (kind === 'stream-active')
      this.#enter(String(facts.stream), hostOfClient(String(facts.client)), String(facts.vm), atMs);
    if (kind === 'stream-idle') this.#leave(String(facts.stream), atMs);
  }

  report(nowMs: number): PlatformReport {
    const named = [...this.#clients.values()]
      .map((client) => this.#countClient(client, nowMs))
      .sort((a, b) => b.activeMs - a.activeMs);
    const rest = named.slice(CLIENTS_NAMED);
    const others = [...rest, this.#countClient(this.#others, nowMs)];
    return {
      platform: this.#platform.name,
      mode: this.#platform.mode,
      sinceMs: this.#startMs,
      slept: this.#slept.sum(nowMs),
      wouldHaveSlept: this.#wouldSleep.sum(nowMs),
      keptAwakeBy: named.slice(0, CLIENTS_NAMED),
      othersActiveMs: others.reduce((sum, { activeMs }) => sum + activeMs, 0),
    };
  }

  #noteTransition(from: string, to: string, atMs: number): void {
    if (to === 'asleep') {
      this.#wouldSleep.end(atMs);
      this.#slept.begin(atMs);
    } else if (from === 'asleep') {
      this.#slept.end(atMs);
    }
  }

  /** It would have been drowsy first, and awake for a while after its last wake. */
  #beginWouldSleep(atMs: number): void {
    const { drowsyForMs, minAwakeMs } = this.#platform;
    this.#wouldSleep.begin(Math.max(atMs + drowsyForMs, this.#wouldWakeMs + minAwakeMs));
  }

  #enter(stream: string, host: string, vm: string, atMs: number): void {
    if (this.#wouldSleep.end(atMs)) this.#wouldWakeMs = atMs;
    if (this.#streams.has(stream)) return;
    const client = this.#clientOf(host, vm);
    this.#streams.set(stream, client);
    client.entries += 1;
    client.open += 1;
    if (client.open > 1) return;
    this.#countAlone(atMs);
    client.sinceMs = atMs;
    this.#active.add(client);
  }

  #leave(stream: string, atMs: number): void {
    const client = this.#streams.get(stream);
    if (client === undefined) return;
    this.#streams.delete(stream);
    client.open -= 1;
    if (client.open > 0) return;
    this.#countAlone(atMs);
    client.activeMs += atMs - client.sinceMs;
    this.#active.delete(client);
  }

  /** Who was in the pool alone since the pool last changed is the one who kept the platform awake. */
  #countAlone(atMs: number): void {
    const [only] = this.#active;
    if (only !== undefined && this.#active.size === 1) only.aloneMs += atMs - this.#activeSinceMs;
    this.#activeSinceMs = atMs;
  }

  #countClient(client: Client, nowMs: number): WakefulClient {
    const isActive = client.open > 0;
    const isAlone = isActive && this.#active.size === 1;
    return {
      client: client.client,
      vm: client.vm,
      activeMs: client.activeMs + (isActive ? nowMs - client.sinceMs : 0),
      aloneMs: client.aloneMs + (isAlone ? nowMs - this.#activeSinceMs : 0),
      entries: client.entries,
    };
  }

  #clientOf(host: string, vm: string): Client {
    const key = `${host} ${vm}`;
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    if (this.#clients.size >= CLIENTS_MAX && !this.#mergeLeast()) return this.#others;
    const client = newClient(host, vm);
    this.#clients.set(key, client);
    return client;
  }

  /** The client with the least time joins the others. False where all are in the pool. */
  #mergeLeast(): boolean {
    let least: [string, Client] | null = null;
    for (const entry of this.#clients) {
      if (entry[1].open === 0 && (least === null || entry[1].activeMs < least[1].activeMs)) least = entry;
    }
    if (least === null) return false;
    this.#others.activeMs += least[1].activeMs;
    this.#clients.delete(least[0]);
    return true;
  }
}

function newClient(client: string, vm: string): Client {
  return { client, vm, activeMs: 0, aloneMs: 0, entries: 0, open: 0, sinceMs: 0 };
}
