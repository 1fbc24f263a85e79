// What sleeping saved: tallies of days as kWh, money and CO2e against a platform that is always on. Pure.
import type { EnergySum, PlatformSavings, PredictedSavings, SavingsReport, WattsSource } from '../platform/history.ts';
import type { DayTally } from './day-tally.ts';

/** Watt-seconds of a kilowatt-hour. */
const WS_PER_KWH = 3_600_000;
/** Days, the day itself among them, whose idle readings tell what the platform would have drawn instead of sleeping. */
export const IDLE_LOOK_BACK_DAYS = 14;
/** Fewer minutes of idle readings than that are no measure of it. */
const IDLE_ENOUGH_MS = 5 * 60_000;

export interface EnergyFactors {
  /** Per kWh, in `currency`. */
  readonly price: number;
  readonly currency: string;
  readonly co2eKgPerKwh: number;
  /** What Torpor's own machine draws. */
  readonly ownWatts: number;
}

/** One local day of one platform. */
export interface TalliedDay {
  readonly day: string;
  readonly tally: DayTally;
  readonly wakes: number;
  /** False for days that only tell what it draws while idle. */
  readonly isWanted: boolean;
}

export interface PlatformDays {
  readonly platform: string;
  readonly configuredIdleWatts: number | null;
  /** In order, without a gap. */
  readonly days: readonly TalliedDay[];
  /** What would have been, had it been armed; null: it would not have slept any more. */
  readonly imagined: ImaginedDays | null;
}

export interface ImaginedDays {
  /** Of the same days as the real ones. */
  readonly tallies: readonly DayTally[];
  /** Within the wanted time. */
  readonly asleepMs: number;
  readonly wakes: number;
  /** What it draws asleep, and by whose word; null: nobody knows. */
  readonly asleepSource: WattsSource | null;
}

/** `watchedMs`: how long Torpor ran within the time that is told of. */
export function reportSavings(
  platforms: readonly PlatformDays[],
  factors: EnergyFactors,
  time: Pick<SavingsReport, 'fromMs' | 'toMs' | 'timeZone'> & { readonly watchedMs: number },
): SavingsReport {
  const told = platforms.map((platform) => savingsOf(platform, factors));
  const ownKwh = (factors.ownWatts * time.watchedMs) / 1000 / WS_PER_KWH;
  const total = addSums(told.map(({ total: each }) => each));
  const { fromMs, toMs, timeZone } = time;
  const savedKwh = total.savedKwh - ownKwh;
  return {
    fromMs,
    toMs,
    timeZone,
    currency: factors.currency,
    platforms: told,
    own: { watts: factors.ownWatts, kwh: ownKwh },
    total: { ...total, usedKwh: total.usedKwh + ownKwh, savedKwh, ...inMoney(savedKwh, factors) },
    predicted: addPredictions(told.flatMap(({ predicted }) => predicted ?? [])),
  };
}

function savingsOf(platform: PlatformDays, factors: EnergyFactors): PlatformSavings {
  const { days, configuredIdleWatts } = platform;
  const told = days.flatMap((each, index) => {
    if (!each.isWanted) return [];
    const idle = idleReference(days, index, configuredIdleWatts);
    return [{ day: each.day, ...dayEnergy(each, idle, factors) }];
  });
  return { platform: platform.platform, predicted: predictionOf(platform, factors), days: told, total: addSums(told) };
}

/** The difference between two worlds, each counted like the other. The idle watts are those of the real one: there they were read. */
function predictionOf(
  { days, imagined, configuredIdleWatts }: PlatformDays,
  factors: EnergyFactors,
): PredictedSavings | null {
  if (imagined === null) return null;
  let savedKwh = 0;
  let idleSource: WattsSource | null = null;
  for (const [index, day] of days.entries()) {
    const tally = imagined.tallies[index];
    if (!day.isWanted || tally === undefined) continue;
    const idle = idleReference(days, index, configuredIdleWatts);
    idleSource = idle?.source ?? idleSource;
    const imaginedDay = dayEnergy({ ...day, tally }, idle, factors);
    savedKwh += imaginedDay.savedKwh - dayEnergy(day, idle, factors).savedKwh;
  }
  const { asleepMs, wakes, asleepSource } = imagined;
  const isKnown = asleepSource !== null && idleSource !== null;
  const known = isKnown ? savedKwh : 0;
  const has = (source: WattsSource) => asleepSource === source || idleSource === source;
  const wattsSource = sourceOf(has('measured'), has('configured'), isKnown);
  return { savedKwh: known, ...inMoney(known, factors), asleepMs, wakes, wattsSource };
}

function addPredictions(predictions: readonly PredictedSavings[]): PredictedSavings | null {
  if (predictions.length === 0) return null;
  const add = (key: Exclude<keyof PredictedSavings, 'wattsSource'>) =>
    predictions.reduce((total, each) => total + each[key], 0);
  return {
    savedKwh: add('savedKwh'),
    money: add('money'),
    co2eKg: add('co2eKg'),
    asleepMs: add('asleepMs'),
    wakes: add('wakes'),
    wattsSource: joinSources(predictions),
  };
}

interface IdleReference {
  readonly watts: number;
  readonly source: WattsSource;
}

/** What it would have drawn instead of sleeping: measured while it ran idle lately, else as configured. */
function idleReference(days: readonly TalliedDay[], index: number, configured: number | null): IdleReference | null {
  const lately = days.slice(Math.max(0, index - IDLE_LOOK_BACK_DAYS + 1), index + 1);
  const ms = lately.reduce((sum, { tally }) => sum + tally.idleMeasuredMs, 0);
  const ws = lately.reduce((sum, { tally }) => sum + tally.idleMeasuredWs, 0);
  if (ms >= IDLE_ENOUGH_MS || (configured === null && ms > 0)) return { watts: (ws / ms) * 1000, source: 'measured' };
  return configured === null ? null : { watts: configured, source: 'configured' };
}

/** While it ran it would have drawn what it drew; while it slept, fell asleep and woke: its idle watts. */
function dayEnergy({ tally, wakes }: TalliedDay, idle: IdleReference | null, factors: EnergyFactors): EnergySum {
  const { awakeMs, awakeWs, asleepMs, transitionMs, unknownMs } = tally;
  const awayMs = asleepMs + transitionMs;
  // Sleep that cannot be compared with anything is not counted at all.
  const isComparable = idle !== null || awayMs === 0;
  const usedWs = awakeWs + (isComparable ? tally.asleepWs + tally.transitionWs : 0);
  const alwaysWs = awakeWs + ((idle?.watts ?? 0) * awayMs) / 1000;
  const savedKwh = (alwaysWs - usedWs) / WS_PER_KWH;
  return {
    alwaysOnKwh: alwaysWs / WS_PER_KWH,
    usedKwh: usedWs / WS_PER_KWH,
    transitionKwh: isComparable ? tally.transitionWs / WS_PER_KWH : 0,
    savedKwh,
    ...inMoney(savedKwh, factors),
    asleepMs,
    wakes,
    unknownMs: unknownMs + (isComparable ? 0 : awayMs),
    wattsSource: sourceOf(
      tally.measuredMs > 0 || (awayMs > 0 && idle?.source === 'measured'),
      tally.configuredMs > 0 || (awayMs > 0 && idle?.source === 'configured'),
      awakeMs + awayMs > 0,
    ),
  };
}

function inMoney(savedKwh: number, { price, co2eKgPerKwh }: EnergyFactors): Pick<EnergySum, 'money' | 'co2eKg'> {
  return { money: savedKwh * price, co2eKg: savedKwh * co2eKgPerKwh };
}

function sourceOf(isMeasured: boolean, isConfigured: boolean, isKnown: boolean): EnergySum['wattsSource'] {
  if (!isKnown) return 'none';
  if (isMeasured && isConfigured) return 'mixed';
  return isMeasured ? 'measured' : 'configured';
}

/** All of them together. */
export function addSums(sums: readonly EnergySum[]): EnergySum {
  const add = (key: Exclude<keyof EnergySum, 'wattsSource'>) => sums.reduce((total, sum) => total + sum[key], 0);
  return {
    alwaysOnKwh: add('alwaysOnKwh'),
    usedKwh: add('usedKwh'),
    transitionKwh: add('transitionKwh'),
    savedKwh: add('savedKwh'),
    money: add('money'),
    co2eKg: add('co2eKg'),
    asleepMs: add('asleepMs'),
    wakes: add('wakes'),
    unknownMs: add('unknownMs'),
    wattsSource: joinSources(sums),
  };
}

function joinSources(sums: ReadonlyArray<Pick<EnergySum, 'wattsSource'>>): EnergySum['wattsSource'] {
  const known = sums.filter(({ wattsSource }) => wattsSource !== 'none');
  const has = (source: WattsSource) =>
    known.some(({ wattsSource }) => wattsSource === source || wattsSource === 'mixed');
  return sourceOf(has('measured'), has('configured'), known.length > 0);
}
