// The page's sentences: numbers and states in words. Pure, so that they are tested without a browser.
import { formatDuration, formatFixed } from '../platform/units.ts';
import type {
  Blocker,
  PlatformStatus,
  PoolEvacuation,
  PredictedSum,
  Savings,
  StateName,
  StreamStatus,
} from './shapes.ts';

const SMALL_NUMBERS = [
  'No',
  'One',
  'Two',
  'Three',
  'Four',
  'Five',
  'Six',
  'Seven',
  'Eight',
  'Nine',
  'Ten',
  'Eleven',
  'Twelve',
];

export const STATE_WORDS: Readonly<Record<StateName, string>> = {
  starting: 'looking',
  awake: 'awake',
  drowsy: 'drowsy',
  saving: 'saving',
  suspending: 'falling asleep',
  asleep: 'asleep',
  waking: 'waking',
  failed: 'failed',
};

export function countWord(count: number): string {
  return SMALL_NUMBERS[count] ?? String(count);
}

/** The farm in one sentence, trouble first. */
export function farmHeadline(platforms: readonly PlatformStatus[]): string {
  const [first] = platforms;
  if (first === undefined) return 'There is no platform yet.';
  const failed = platforms.filter(({ state }) => state === 'failed');
  if (failed.length === 1) return `${failed[0]?.name} has failed.`;
  if (failed.length > 1) return `${countWord(failed.length)} platforms have failed.`;
  const asleep = platforms.filter(({ state }) => state === 'asleep').length;
  if (platforms.length === 1) return `${first.name} is ${STATE_WORDS[first.state]}.`;
  const all = countWord(platforms.length).toLowerCase();
  if (asleep === platforms.length) return `All ${all} platforms are asleep.`;
  if (asleep === 0) return `None of ${all} platforms is asleep.`;
  return `${countWord(asleep)} of ${all} platforms ${asleep === 1 ? 'is' : 'are'} asleep.`;
}

/** Who is active, once per VM and client, the one who stays longest first. */
export interface Wakeful {
  readonly client: string;
  readonly vm: string;
  readonly untilMs: number;
}

export function wakefulClients(streams: readonly StreamStatus[], platform: string): Wakeful[] {
  const longest = new Map<string, Wakeful>();
  for (const { active, platform: of, client, vm, idleAtMs, lastActiveAtMs } of streams) {
    if (!active || of !== platform) continue;
    const untilMs = idleAtMs ?? lastActiveAtMs;
    const address = withoutPort(client);
    const key = `${address} ${vm}`;
    const known = longest.get(key);
    if (known === undefined || known.untilMs < untilMs) longest.set(key, { client: address, vm, untilMs });
  }
  return [...longest.values()].sort((a, b) => b.untilMs - a.untilMs);
}

/** `10.0.2.7:50123` as `10.0.2.7`, `[::1]:80` as `::1`. */
export function withoutPort(client: string): string {
  const match = /^(?:\[(.+)\]|([^:]+)):\d+$/.exec(client);
  return match?.[1] ?? match?.[2] ?? client;
}

/** When everything that is known to keep it awake is over; null where something has no known end. */
export function awakeUntilMs(blockers: readonly Blocker[], wakeful: readonly Wakeful[]): number | null {
  const ends = [
    ...wakeful.map(({ untilMs }) => untilMs),
    ...blockers
      .filter(({ kind }) => kind !== 'pool' && kind !== 'owner')
      .map(({ untilMs }) => untilMs ?? Number.POSITIVE_INFINITY),
  ];
  const untilMs = Math.max(...ends);
  return ends.length > 0 && Number.isFinite(untilMs) ? untilMs : null;
}

/** One line below a platform's name: why it is as it is, and for how long. */
export function platformLine(platform: PlatformStatus, wakeful: readonly Wakeful[], nowMs: number): string {
  const { state, sinceMs, why, blockers, maintenance, maintenanceWhy } = platform;
  const forHow = clock(nowMs - sinceMs);
  if (state === 'failed' || state === 'starting') return why;
  if (maintenance) return `in maintenance: ${maintenanceWhy}`;
  if (state === 'asleep') return `for ${forHow}, until somebody comes`;
  if (state === 'waking') return `for ${forHow}: ${why}`;
  if (state === 'suspending' || state === 'saving') return `for ${forHow}; any activity calls it back`;
  if (state === 'drowsy') return 'nobody is active; it falls asleep unless somebody comes';
  return awakeLine(blockers, wakeful, nowMs);
}

function awakeLine(blockers: readonly Blocker[], wakeful: readonly Wakeful[], nowMs: number): string {
  const people = wakeful.slice(0, 2).map(({ client, vm }) => `${client} on ${vm}`);
  if (wakeful.length > 2) people.push(`${wakeful.length - 2} more`);
  const others = blockers.filter(({ kind }) => kind !== 'pool' && kind !== 'min-awake').map(({ why }) => why);
  const rest = blockers.filter(({ kind }) => kind === 'min-awake').map(({ why }) => why);
  const reasons = [...(people.length > 0 ? [`for ${people.join(' and ')}`] : []), ...others];
  const said = reasons.length > 0 ? reasons : rest;
  if (said.length === 0) {
    return blockers.some(({ kind }) => kind === 'pool') ? 'for somebody who just left' : 'and nothing keeps it so';
  }
  const untilMs = awakeUntilMs(blockers, wakeful);
  return said.join('; ') + (untilMs === null ? '' : `, at most ${clock(untilMs - nowMs)} more`);
}

/** The move under way: who goes where, for how long already. */
export function movingLine(
  { vm, from, to, sinceMs, stage }: NonNullable<PoolEvacuation['moving']>,
  nowMs: number,
): string {
  const forHow = clock(nowMs - sinceMs);
  if (stage === 'moving') return `${vm} is moved from ${from} to ${to}, for ${forHow}`;
  return `nobody knows where ${vm} runs, for ${forHow}: ${from} and ${to} stay awake`;
}

/** `3 VMs moved, 1 move failed`. */
export function movesSoFar({ moves, failures }: PoolEvacuation): string {
  const moved = `${moves} ${moves === 1 ? 'VM' : 'VMs'} moved`;
  return failures === 0 ? moved : `${moved}, ${failures} ${failures === 1 ? 'move' : 'moves'} failed`;
}

/** A duration that counts in whole seconds, so that it does not flicker: `4m 10s`. */
export function clock(durationMs: number): string {
  const wholeMs = Math.max(0, Math.round(durationMs / 1000)) * 1000;
  return wholeMs === 0 ? '0s' : formatDuration(wholeMs);
}

export function timeOfDay(atMs: number): string {
  return new Date(atMs).toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  });
}

/** The time of today, else the day too. */
export function momentOf(atMs: number, nowMs = Date.now()): string {
  const isToday = new Date(atMs).toDateString() === new Date(nowMs).toDateString();
  if (isToday) return timeOfDay(atMs);
  return `${new Date(atMs).toLocaleDateString('en', { day: 'numeric', month: 'short' })} ${timeOfDay(atMs)}`;
}

export function kwh(value: number): string {
  const size = Math.abs(value);
  if (size < 0.01) return `${formatFixed(value * 1000, 2)} Wh`;
  return `${formatFixed(value, size < 10 ? 2 : size < 100 ? 1 : 0)} kWh`;
}

/** What was saved; where nothing slept because all of it only observes, what would have been. */
export function savedHeadline({ platforms, total, predicted }: Savings, days: number): string {
  const inDays = `in ${days} ${days === 1 ? 'day' : 'days'}`;
  const onlyObserved = platforms.every(({ total: sum }) => sum.asleepMs === 0);
  if (!onlyObserved || predicted === null) return `${kwh(total.savedKwh)} saved ${inDays}.`;
  if (predicted.wattsSource === 'none') return `They would have slept ${clock(predicted.asleepMs)} ${inDays}.`;
  return `${kwh(predicted.savedKwh)} would have been saved ${inDays}.`;
}

/** Of one platform that only observed. */
export function predictionInWords(predicted: PredictedSum, currency: string): string {
  const { savedKwh, money, co2eKg, asleepMs, wakes, wattsSource } = predicted;
  const sleep = `asleep for ${clock(asleepMs)}, woken ${wakes} ${wakes === 1 ? 'time' : 'times'}`;
  if (wattsSource === 'none') return `${sleep}; nobody knows its watts asleep and idle`;
  const saved = `${kwh(savedKwh)}, ${formatFixed(money, 2)} ${currency}, ${formatFixed(co2eKg, 1)} kg CO₂e`;
  return `${saved}: ${sleep}; watts are ${wattsSource}`;
}
