// What operators ordered for one platform at any Torpor of its farm, and how what was ordered apart comes together. Pure functions.
//
// Each order has a mark: where it was given, and a moment there that grows with each. A copy knows what stands and the newest mark of each
// Torpor that it has seen: an order that it has seen and that does not stand there has ended. So an end is one of what was seen where it was
// said, an order that was given elsewhere meanwhile stands, and any two copies come together in any order, as often as wanted.
import type { InhibitorStatus, MaintenanceOrder } from '../../platform/inhibitor.ts';
import type { PlatformEvent } from '../../platform/model.ts';

/** The format that this Torpor writes, and the newest that it can take part in. */
export const ORDERS_VERSION = 1;
/** An inhibitor whose time is over is remembered for so long: others' clocks may be behind. */
const EXPIRED_KEPT_MS = 86_400_000;

export interface Given {
  /** When it was given, by the clock there; no two of one Torpor's are the same. */
  readonly atMs: number;
  /** Where: a Torpor's name. */
  readonly by: string;
}

export interface GivenInhibitor extends Given {
  readonly name: string;
  readonly why: string;
  /** Unix milliseconds; null: until it is released. */
  readonly untilMs: number | null;
}

export interface GivenMaintenance extends Given {
  readonly why: string;
}

/** Fields that this Torpor does not know are kept as they are: a newer one wrote them. */
export interface FarmOrders {
  readonly version: number;
  /** Who knows a lower version than this takes no part. */
  readonly needs: number;
  /** Several of one name, of one maintenance or drain, were given apart: the latest of them holds, and whoever ends it ends them all. */
  readonly inhibitors: readonly GivenInhibitor[];
  readonly maintenance: readonly GivenMaintenance[];
  readonly drained: readonly Given[];
  /** By Torpor: its newest mark. */
  readonly seen: Readonly<Record<string, number>>;
}

/** What an operator says at one Torpor. `release`: ends all inhibitors, and maintenance. */
export type OrderChange =
  | { readonly kind: 'inhibit'; readonly name: string; readonly why: string; readonly untilMs: number | null }
  | { readonly kind: 'lift'; readonly name: string }
  | { readonly kind: 'release' }
  | { readonly kind: 'maintenance'; readonly on: boolean; readonly why: string }
  | { readonly kind: 'drain'; readonly on: boolean };

/** What holds at one Torpor. */
export interface HeldOrders {
  /** Operators'; others are not looked at. */
  readonly inhibitors: readonly InhibitorStatus[];
  readonly maintenance: MaintenanceOrder | null;
  readonly drained: boolean;
}

export const NO_ORDERS: FarmOrders = {
  version: ORDERS_VERSION,
  needs: 1,
  inhibitors: [],
  maintenance: [],
  drained: [],
  seen: {},
};

/** Null: it cannot be read, or is of a kind that this Torpor must not touch. */
export function parseOrders(text: string): FarmOrders | null {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(read)) return null;
  const orders = { ...NO_ORDERS, ...read } as FarmOrders;
  const isKnown =
    Number.isSafeInteger(orders.version) &&
    typeof orders.needs === 'number' &&
    orders.needs <= ORDERS_VERSION &&
    isListOf(orders.inhibitors, isInhibitor) &&
    isListOf(orders.maintenance, isMaintenance) &&
    isListOf(orders.drained, isGiven) &&
    isObject(orders.seen) &&
    Object.values(orders.seen).every(Number.isSafeInteger);
  return isKnown ? orders : null;
}

export function formatOrders(orders: FarmOrders): string {
  return JSON.stringify({ ...orders, version: Math.max(orders.version, ORDERS_VERSION) });
}

/** Whether both say the same of what this Torpor knows. */
export function areSame(a: FarmOrders, b: FarmOrders): boolean {
  return canonicalText(a) === canonicalText(b);
}

/** What both say. What `store` says that this Torpor does not know is kept. */
export function mergeOrders(own: FarmOrders, store: FarmOrders): FarmOrders {
  const together = <T extends Given>(a: readonly T[], b: readonly T[]): T[] => {
    const inBoth = a.filter((each) => b.some((other) => isSameMark(each, other)));
    const onlyOwn = a.filter((each) => !hasSeen(store, each));
    const onlyStore = b.filter((each) => !hasSeen(own, each));
    return [...inBoth, ...onlyOwn, ...onlyStore].sort(byTime);
  };
  const names = new Set([...Object.keys(own.seen), ...Object.keys(store.seen)]);
  const newest = [...names].map((name) => [name, Math.max(newestOf(own, name), newestOf(store, name))] as const);
  return {
    ...store,
    inhibitors: together(own.inhibitors, store.inhibitors),
    maintenance: together(own.maintenance, store.maintenance),
    drained: together(own.drained, store.drained),
    seen: Object.fromEntries(newest),
  };
}

/** An operator's word at the Torpor `by`. What it replaces or ends is what is seen here. */
export function giveOrder(orders: FarmOrders, change: OrderChange, by: string, nowMs: number): FarmOrders {
  const mark: Given = { atMs: Math.max(Math.floor(nowMs), newestOf(orders, by) + 1), by };
  const marked = { ...orders, seen: { ...orders.seen, [by]: mark.atMs } };
  switch (change.kind) {
    case 'inhibit': {
      const { name, why, untilMs } = change;
      return { ...marked, inhibitors: [...withoutName(orders, name), { ...mark, name, why, untilMs }] };
    }
    case 'lift':
      return { ...orders, inhibitors: withoutName(orders, change.name) };
    case 'release':
      return { ...orders, inhibitors: [], maintenance: [] };
    case 'maintenance':
      return change.on ? { ...marked, maintenance: [{ ...mark, why: change.why }] } : { ...orders, maintenance: [] };
    case 'drain':
      return change.on ? { ...marked, drained: [mark] } : { ...orders, drained: [] };
  }
}

/** With what holds at this Torpor and nobody was told of: it was ordered before there was a farm, or right before a crash. */
export function adoptHeld(orders: FarmOrders, held: HeldOrders, by: string, nowMs: number): FarmOrders {
  let next = orders;
  for (const { kind, name, why, untilMs } of held.inhibitors) {
    const isKnown = kind !== 'operator' || next.inhibitors.some((each) => each.name === name);
    if (!isKnown) next = giveOrder(next, { kind: 'inhibit', name, why, untilMs }, by, nowMs);
  }
  const { maintenance, drained } = held;
  if (maintenance !== null && next.maintenance.length === 0)
    next = giveOrder(next, { kind: 'maintenance', on: true, why: maintenance.why }, by, nowMs);
  if (drained && next.drained.length === 0) next = giveOrder(next, { kind: 'drain', on: true }, by, nowMs);
  return next;
}

/** Without what is long over. */
export function settleOrders(orders: FarmOrders, nowMs: number): FarmOrders {
  const isNeeded = ({ untilMs }: GivenInhibitor) => untilMs === null || untilMs + EXPIRED_KEPT_MS >= nowMs;
  const inhibitors = orders.inhibitors.filter(isNeeded);
  return inhibitors.length === orders.inhibitors.length ? orders : { ...orders, inhibitors };
}

/** What a controller that holds `held` must be told so that it holds this. */
export function missingEvents(orders: FarmOrders, held: HeldOrders, nowMs: number): PlatformEvent[] {
  const events: PlatformEvent[] = [];
  const operators = held.inhibitors.filter(({ kind }) => kind === 'operator');
  // In the order of their times: the latest of a name is the one that stays.
  const wanted = new Map([...orders.inhibitors].sort(byTime).map((each) => [each.name, each]));
  for (const { name } of operators) {
    const why = 'released by an operator at another Torpor';
    if (!wanted.has(name)) events.push({ kind: 'lift', by: 'operator', name, why });
  }
  for (const { name, why, untilMs } of wanted.values()) {
    const holds = operators.find((each) => each.name === name);
    const isSame = holds?.why === why && holds.untilMs === untilMs;
    const isOver = untilMs !== null && untilMs <= nowMs;
    if (!isSame && !isOver) events.push({ kind: 'inhibit', by: 'operator', name, why, untilMs });
  }
  const maintenance = [...orders.maintenance].sort(byTime).at(-1);
  if (maintenance !== undefined && maintenance.why !== held.maintenance?.why)
    events.push({ kind: 'maintenance', on: true, why: maintenance.why });
  if (maintenance === undefined && held.maintenance !== null)
    events.push({ kind: 'maintenance', on: false, why: 'ended at another Torpor' });
  return events;
}

// -------------------------------------------------------------------------------------------------- marks

function newestOf({ seen }: FarmOrders, by: string): number {
  return Object.hasOwn(seen, by) ? (seen[by] ?? 0) : 0;
}

function hasSeen(orders: FarmOrders, { atMs, by }: Given): boolean {
  return atMs <= newestOf(orders, by);
}

function isSameMark(a: Given, b: Given): boolean {
  return a.atMs === b.atMs && a.by === b.by;
}

function byTime(a: Given, b: Given): number {
  return a.atMs - b.atMs || (a.by < b.by ? -1 : 1);
}

function withoutName({ inhibitors }: FarmOrders, name: string): GivenInhibitor[] {
  return inhibitors.filter((each) => each.name !== name);
}

function canonicalText({ inhibitors, maintenance, drained, seen }: FarmOrders): string {
  const marks = Object.entries(seen).sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = [
    [...inhibitors].sort(byTime).map(({ atMs, by, name, why, untilMs }) => [atMs, by, name, why, untilMs]),
    [...maintenance].sort(byTime).map(({ atMs, by, why }) => [atMs, by, why]),
    [...drained].sort(byTime).map(({ atMs, by }) => [atMs, by]),
  ];
  return JSON.stringify([marks, texts]);
}

// -------------------------------------------------------------------------------------------------- reading

function isListOf(value: unknown, isOne: (each: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isOne);
}

function isGiven(value: unknown): value is Record<string, unknown> {
  return isObject(value) && Number.isSafeInteger(value.atMs) && typeof value.by === 'string';
}

function isMaintenance(value: unknown): value is Record<string, unknown> {
  return isGiven(value) && typeof value.why === 'string';
}

function isInhibitor(value: unknown): boolean {
  if (!isMaintenance(value) || typeof value.name !== 'string') return false;
  return value.untilMs === null || Number.isFinite(value.untilMs);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
