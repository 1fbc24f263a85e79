// A recorded past for a page: office days of three platforms, in the shapes of the history and savings routes.
import type { Page } from 'playwright-core';
import type { History, SavedSum, Savings } from '../../../src/dashboard/shapes.ts';
import type { StateName } from '../../../src/platform/status.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** When each platform is awake on a day, hours since midnight. */
const HOURS: Readonly<Record<string, ReadonlyArray<readonly [number, number]>>> = {
  'vdi-01': [
    [7.6, 12.1],
    [12.9, 17.8],
    [20.5, 21.2],
  ],
  'vdi-02': [
    [8.4, 11.3],
    [17.2, 19.1],
  ],
  lab: [
    [2, 2.4],
    [22.5, 23.3],
  ],
};

/** What the lab would have saved while it only observed. */
const PREDICTED = {
  savedKwh: 41.5,
  money: 12.45,
  co2eKg: 15.77,
  asleepMs: 250 * HOUR_MS,
  wakes: 61,
  wattsSource: 'measured',
} as const;

/** Answers the history and savings of a page from here on. */
export async function serveRecorded(page: Page, nowMs: number): Promise<void> {
  await page.route('**/history?*', (route) => {
    const url = new URL(route.request().url());
    const name = decodeURIComponent(url.pathname.split('/')[4] as string);
    return route.fulfill({
      json: recordedHistory(name, Number(url.searchParams.get('from')), Number(url.searchParams.get('to'))),
    });
  });
  await page.route('**/api/v1/savings?*', (route) => route.fulfill({ json: recordedSavings(nowMs) }));
}

function recordedHistory(platform: string, fromMs: number, toMs: number): History {
  const states: Array<{ atMs: number; state: StateName }> = [{ atMs: fromMs, state: 'asleep' }];
  const watts: Array<{ atMs: number; watts: number; source: string }> = [];
  const stepMs = (toMs - fromMs) / 400;
  let before = false;
  for (let atMs = fromMs; atMs < toMs; atMs += stepMs) {
    const isAwake = isAwakeAt(platform, atMs);
    if (isAwake && !before) states.push({ atMs, state: 'waking' }, { atMs: atMs + stepMs / 6, state: 'awake' });
    if (!isAwake && before) states.push({ atMs, state: 'suspending' }, { atMs: atMs + stepMs / 6, state: 'asleep' });
    before = isAwake;
    // No chance: the same picture each time.
    const ripple = Math.sin(atMs / 1.7e6) * Math.sin(atMs / 3.1e5);
    watts.push({ atMs, watts: isAwake ? 214 + 46 * ripple : 8, source: 'measured' });
  }
  return { platform, fromMs, toMs, states, watts, pool: [] };
}

function isAwakeAt(platform: string, atMs: number): boolean {
  const at = new Date(atMs);
  const hour = at.getHours() + at.getMinutes() / 60;
  return (HOURS[platform] ?? []).some(([from, to]) => hour >= from && hour < to);
}

function recordedSavings(nowMs: number): Savings {
  const platforms = Object.keys(HOURS).map((platform, nth) => {
    const days = Array.from({ length: 30 }, (_, back) => {
      const at = new Date(nowMs - (29 - back) * DAY_MS);
      const isWeekend = at.getDay() === 0 || at.getDay() === 6;
      const awakeHours = isWeekend ? 0.6 : 9 - 2.4 * nth + 1.5 * Math.sin(back * 2.1 + nth);
      return { day: at.toISOString().slice(0, 10), ...sumOf(awakeHours) };
    });
    return { platform, predicted: platform === 'lab' ? PREDICTED : null, days, total: addUp(days) };
  });
  const total = addUp(platforms.map((each) => each.total));
  const own = { watts: 6, kwh: 4.3 };
  return { fromMs: nowMs - 30 * DAY_MS, toMs: nowMs, currency: 'EUR', platforms, own, total, predicted: PREDICTED };
}

function sumOf(awakeHours: number): SavedSum {
  const alwaysOnKwh = 24 * 0.19;
  const usedKwh = awakeHours * 0.21 + (24 - awakeHours) * 0.008;
  const savedKwh = alwaysOnKwh - usedKwh;
  const asleepMs = (24 - awakeHours) * HOUR_MS;
  return {
    alwaysOnKwh,
    usedKwh,
    savedKwh,
    money: 0.3 * savedKwh,
    co2eKg: 0.38 * savedKwh,
    asleepMs,
    wakes: 3,
    wattsSource: 'measured',
  };
}

function addUp(sums: readonly SavedSum[]): SavedSum {
  const zero: SavedSum = {
    alwaysOnKwh: 0,
    usedKwh: 0,
    savedKwh: 0,
    money: 0,
    co2eKg: 0,
    asleepMs: 0,
    wakes: 0,
    wattsSource: 'measured',
  };
  return sums.reduce(
    (sum, each) => ({
      alwaysOnKwh: sum.alwaysOnKwh + each.alwaysOnKwh,
      usedKwh: sum.usedKwh + each.usedKwh,
      savedKwh: sum.savedKwh + each.savedKwh,
      money: sum.money + each.money,
      co2eKg: sum.co2eKg + each.co2eKg,
      asleepMs: sum.asleepMs + each.asleepMs,
      wakes: sum.wakes + each.wakes,
      wattsSource: 'measured',
    }),
    zero,
  );
}
