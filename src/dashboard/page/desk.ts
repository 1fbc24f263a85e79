// Everything the page knows at this moment, and what its user may ask for. How it looks is the views' business.

import { statesFromEvents } from '../past.ts';
import { type Route, readRoute } from '../route.ts';
import type {
  CircuitStatus,
  Explanation,
  FarmEvent,
  FarmInstance,
  FarmStream,
  History,
  PlatformReport,
  PlatformStatus,
  PoolStatus,
  Savings,
  Session,
} from '../shapes.ts';
import { STATE_WORDS } from '../words.ts';
import { api, Refusal, torporNowMs } from './api.ts';
import { Live } from './live.ts';

/** Events that the page keeps; more are in the API. */
const EVENTS_KEPT = 2000;
const EVENTS_AT_START = 500;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export const SPANS = { day: DAY_MS, week: 7 * DAY_MS } as const;
export type SpanName = keyof typeof SPANS;
/** Between two looks at recorded history: it changes slowly, and is long. */
const HISTORY_EVERY_MS = 60_000;
const SAVINGS_DAYS = 30;

export type Verb = 'wake' | 'sleep' | 'inhibit' | 'release' | 'maintenance';
/** An order that waits for its confirmation, or for the end of its request. */
export interface OrderForm {
  readonly verb: Verb;
  readonly platform: string;
  readonly isSending: boolean;
  readonly problem: string;
  /** Who is active: the order needs force. */
  readonly isBusy: boolean;
}

export interface Past extends Pick<History, 'states' | 'watts' | 'fromMs' | 'toMs'> {
  readonly isRecorded: boolean;
}

export interface EventFilter {
  readonly platform: string;
  readonly kind: string;
  readonly text: string;
}

export class Desk {
  route: Route = readRoute(location.hash);
  /** null: not known yet; `login`: a token is asked for. */
  session: Session | 'login' | null = null;
  loginProblem = '';
  platforms: readonly PlatformStatus[] | null = null;
  activeStreams: readonly FarmStream[] = [];
  circuits: readonly CircuitStatus[] = [];
  pools: readonly PoolStatus[] = [];
  /** Empty where this Torpor is alone. */
  instances: readonly FarmInstance[] = [];
  explanation: Explanation | null = null;
  report: readonly PlatformReport[] = [];
  events: readonly FarmEvent[] = [];
  filter: EventFilter = { platform: '', kind: '', text: '' };
  span: SpanName = 'day';
  /** By platform and span; null: this Torpor records none. */
  readonly histories = new Map<string, History | null>();
  /** undefined: not asked yet; null: this Torpor records none. */
  savings: Savings | null | undefined;
  form: OrderForm | null = null;
  /** For those who hear the page: said once, politely. */
  announcement = '';
  /** What is kept longer than in memory: undefined: not asked; null: this Torpor keeps none; else all that was read, oldest first. */
  older: readonly FarmEvent[] | null | undefined;
  readonly live: Live;
  readonly #changed: () => void;
  readonly #historyAskedMs = new Map<string, number>();
  #savingsAskedMs = 0;

  constructor(changed: () => void) {
    this.#changed = changed;
    this.live = new Live({
      look: () => this.#look(),
      onEvent: (event) => this.#note(event),
      onGap: () => void this.#readEvents(),
      onChange: changed,
    });
    addEventListener('hashchange', () => this.#turn());
  }

  /** Torpor's time; it stands still where nothing has been heard, since nobody knows what time did since. */
  get nowMs(): number {
    const { isStale, lastNewsMs } = this.live;
    return isStale && lastNewsMs !== null ? lastNewsMs : torporNowMs();
  }

  get mayOperate(): boolean {
    return this.session !== null && this.session !== 'login' && this.session.role === 'operate' && !this.live.isStale;
  }

  platform(name: string): PlatformStatus | undefined {
    return this.platforms?.find((each) => each.name === name);
  }

  history(name: string, span: SpanName): History | null | undefined {
    return this.histories.get(`${span} ${name}`);
  }

  /** What is known of a platform's past: recorded, else what this Torpor has seen since it started. */
  past(platform: PlatformStatus, span: SpanName): Past {
    const toMs = this.nowMs;
    const fromMs = toMs - SPANS[span];
    const history = this.history(platform.name, span);
    if (history !== undefined && history !== null) {
      return { states: history.states, watts: history.watts, fromMs, toMs, isRecorded: true };
    }
    const states = statesFromEvents(this.events, platform);
    return { states, watts: [], fromMs: Math.max(fromMs, states[0]?.atMs ?? fromMs), toMs, isRecorded: false };
  }

  /** Finds out whether a token is needed, and begins. Comes back by itself where Torpor does not answer. */
  async start(): Promise<void> {
    try {
      this.session = await api.session();
      await this.#readEvents();
      this.live.start(this.events.at(-1)?.id ?? 0);
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) this.session = 'login';
      else window.setTimeout(() => void this.start(), 1500);
    }
    this.#changed();
  }

  async logIn(token: string): Promise<void> {
    this.loginProblem = '';
    try {
      await api.logIn(token);
      await this.start();
    } catch (error) {
      this.loginProblem = (error as Error).message;
    }
    this.#changed();
  }

  async logOut(): Promise<void> {
    await api.logOut().catch(() => {});
    this.#lock();
  }

  show(span: SpanName): void {
    this.span = span;
    this.live.lookSoon(0);
    this.#changed();
  }

  filterBy(filter: Partial<EventFilter>): void {
    this.filter = { ...this.filter, ...filter };
    // What was read was read for another filter.
    if (filter.text === undefined) this.older = undefined;
    this.#changed();
  }

  /** Reads more of what was stored, older than all that is shown. */
  async readOlder(): Promise<void> {
    const oldestMs = (this.older?.[0] ?? this.events[0])?.atMs ?? this.nowMs;
    const query = new URLSearchParams({ to: String(Math.floor(oldestMs - 1)), limit: String(EVENTS_AT_START) });
    if (this.filter.platform !== '') query.set('platform', this.filter.platform);
    if (this.filter.kind !== '') query.set('kind', this.filter.kind);
    const stored = await api.storedEvents(query).catch(() => null);
    if (stored === null) this.older = this.older ?? null;
    else this.older = [...[...stored].reverse(), ...(this.older ?? [])].slice(-EVENTS_KEPT);
    this.#changed();
  }

  // ------------------------------------------------------------------------------------------ orders

  ask(verb: Verb, platform: string): void {
    this.form = { verb, platform, isSending: false, problem: '', isBusy: false };
    this.#changed();
  }

  dismiss(): void {
    this.form = null;
    this.#changed();
  }

  async send(body: object): Promise<void> {
    if (this.form === null) return;
    const { verb, platform } = this.form;
    this.form = { ...this.form, isSending: true, problem: '' };
    this.#changed();
    try {
      await api.order(platform, verb, body);
      this.form = null;
      this.#announce(`${platform}: ${verb} was asked for`);
      this.live.lookSoon(0);
    } catch (error) {
      const isBusy = error instanceof Refusal && error.problem.code === 'ERR_PLATFORM_BUSY';
      this.form = { verb, platform, isSending: false, problem: (error as Error).message, isBusy };
    }
    this.#changed();
  }

  // ------------------------------------------------------------------------------------------ reading

  #turn(): void {
    this.route = readRoute(location.hash);
    this.explanation = null;
    this.form = null;
    this.live.lookSoon(0);
    this.#changed();
    scrollTo(0, 0);
  }

  async #look(): Promise<void> {
    try {
      const { route } = this;
      const [platforms, activeStreams] = await Promise.all([api.platforms(), api.activeStreams()]);
      this.platforms = platforms;
      this.activeStreams = activeStreams;
      if (route.view === 'platform' && this.platform(route.name) !== undefined) {
        const explanation = await api.explain(route.name);
        if (this.route === route) this.explanation = explanation;
      }
      if (route.view === 'farm') await this.#readShared();
      if (route.view === 'savings') this.report = await api.report();
      this.#changed();
      await this.#readPast(route).catch((error: unknown) => {
        // A history that cannot answer just now says nothing about the present.
        if (!(error instanceof Refusal) || error.status === 0 || error.status === 401) throw error;
      });
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) this.#lock();
      throw error;
    }
  }

  async #readShared(): Promise<void> {
    const [circuits, pools, instances] = await Promise.all([api.circuits(), api.pools(), api.instances()]);
    Object.assign(this, { circuits, pools, instances });
  }

  async #readPast(route: Route): Promise<void> {
    if (route.view === 'savings') await this.#readSavings();
    const names = route.view === 'platform' ? [route.name] : route.view === 'farm' ? this.#names() : [];
    const span = route.view === 'platform' ? this.span : 'day';
    for (const name of names) await this.#readHistory(name, span);
  }

  #names(): string[] {
    return (this.platforms ?? []).map(({ name }) => name);
  }

  async #readHistory(name: string, span: SpanName): Promise<void> {
    const key = `${span} ${name}`;
    const askedMs = this.#historyAskedMs.get(key);
    if (askedMs !== undefined && Date.now() - askedMs < HISTORY_EVERY_MS) return;
    this.#historyAskedMs.set(key, Date.now());
    const toMs = this.nowMs;
    this.histories.set(key, await api.history(name, toMs - SPANS[span], toMs, 400));
  }

  async #readSavings(): Promise<void> {
    if (Date.now() - this.#savingsAskedMs < HISTORY_EVERY_MS) return;
    this.#savingsAskedMs = Date.now();
    const toMs = this.nowMs;
    this.savings = await api.savings(toMs - SAVINGS_DAYS * DAY_MS, toMs);
  }

  async #readEvents(): Promise<void> {
    this.events = await api.events(EVENTS_AT_START);
    this.#changed();
  }

  #note(event: FarmEvent): void {
    this.events = [...this.events, event].slice(-EVENTS_KEPT);
    const { kind, facts, platform } = event;
    if (kind === 'transition') {
      this.#move(event);
      // Long histories are read once a minute; what has just happened is added at once.
      for (const span of Object.keys(SPANS) as SpanName[]) this.#addToHistory(span, event);
      const state = String(facts.to) as keyof typeof STATE_WORDS;
      // Five states within as many seconds would only talk over each other.
      if (['asleep', 'awake', 'failed', 'waking'].includes(state))
        this.#announce(`${platform} is ${STATE_WORDS[state]}`);
    }
    this.#changed();
  }

  /** At once, since some states last less than a look takes. The next look brings the rest. */
  #move({ platform, atMs, facts, message }: FarmEvent): void {
    const state = facts.to as PlatformStatus['state'];
    const why = message.slice(message.indexOf(': ') + 2);
    this.platforms =
      this.platforms?.map((each) =>
        each.name === platform && each.sinceMs <= atMs ? { ...each, state, why, sinceMs: atMs } : each,
      ) ?? null;
  }

  #addToHistory(span: SpanName, { platform, atMs, facts }: FarmEvent): void {
    const key = `${span} ${platform}`;
    const history = this.histories.get(key);
    if (history === null || history === undefined || (history.states.at(-1)?.atMs ?? 0) >= atMs) return;
    const states = [...history.states, { atMs, state: facts.to as PlatformStatus['state'] }];
    this.histories.set(key, { ...history, states });
  }

  #announce(text: string): void {
    this.announcement = text;
  }

  #lock(): void {
    this.live.stop();
    this.session = 'login';
    this.platforms = null;
    this.explanation = null;
    this.events = [];
    this.histories.clear();
    this.#historyAskedMs.clear();
    this.#changed();
  }
}
