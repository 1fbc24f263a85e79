// A week of history in the file that Torpor itself keeps: the generator's people (seeded) on simulated platforms that slept after ten idle
// minutes. Written by the history's own writer, so that a page before it reads what a real one would.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { HistoryDb } from '../../../src/history/history-db.ts';
import type { HistoryRow } from '../../../src/history/history-rows.ts';
import type { StateName } from '../../../src/platform/status.ts';
import { GENERATED_FROM_MS, generateActivity } from '../../../src/policy/generated-activity.ts';
import { POPULATIONS, type PopulationName } from '../../../src/policy/populations.ts';

const DAY_MS = 86_400_000;
const DAYS = 7;
/** Monday's generated week ends with a Sunday: what is shown ends with a Friday's afternoon. */
const FIRST_DAY = 5;
const SHOWN_UNTIL_MS = GENERATED_FROM_MS + (FIRST_DAY + DAYS - 1) * DAY_MS + 15 * 3_600_000;
const IDLE_MS = 600_000;
const SUSPEND_MS = 5_000;
const RESUME_MS = 8_000;
const SAMPLE_EVERY_MS = 60_000;
const WATTS = { busy: 300, idle: 175, asleep: 8 };

/** Platforms by name, with who works on them. The past ends at `endMs`. */
export function writePast(path: string, platforms: Readonly<Record<string, PopulationName>>, endMs: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const shiftMs = endMs - SHOWN_UNTIL_MS;
  const rows = Object.entries(platforms).flatMap(([name, population]) => rowsOf(name, population, shiftMs, endMs));
  rows.sort((a, b) => a.atMs - b.atMs);
  const { db } = HistoryDb.open({ path, version: '1', nowMs: (rows[0]?.atMs ?? endMs) - 1 });
  db.write(rows, endMs);
  db.close();
}

function rowsOf(platform: string, population: PopulationName, shiftMs: number, endMs: number): HistoryRow[] {
  const trace = generateActivity({ population: POPULATIONS[population], seed: 1, days: FIRST_DAY + DAYS });
  const shifted = trace.spans.map(({ fromMs, toMs }) => ({ fromMs: fromMs + shiftMs, toMs: toMs + shiftMs }));
  const busy = join(shifted, 0);
  const startMs = endMs - DAYS * DAY_MS;
  const rows: HistoryRow[] = [];
  let state: StateName = 'asleep';
  let isBusy = false;
  const move = (atMs: number, to: StateName, reason: 'client' | 'idle' | 'progress' | 'evidence', why: string) => {
    rows.push({ table: 'transition', platform, atMs, from: state, to, reason, why });
    state = to;
  };
  const setBusy = (now: boolean) => {
    isBusy = now;
  };
  const changes = [
    ...join(shifted, IDLE_MS).flatMap(({ fromMs, toMs }) => [
      { atMs: fromMs, do: () => move(fromMs, 'waking', 'client', 'somebody types') },
      { atMs: fromMs + RESUME_MS, do: () => move(fromMs + RESUME_MS, 'awake', 'evidence', 'S0 by sensor') },
      { atMs: fromMs + RESUME_MS, do: () => void rows.push(wakeRow(platform, fromMs)) },
      { atMs: toMs + IDLE_MS, do: () => move(toMs + IDLE_MS, 'suspending', 'idle', 'nobody is active') },
      {
        atMs: toMs + IDLE_MS + SUSPEND_MS,
        do: () => move(toMs + IDLE_MS + SUSPEND_MS, 'asleep', 'evidence', 'S3 by sensor'),
      },
    ]),
    ...busy.flatMap(({ fromMs, toMs }) => [
      { atMs: fromMs, do: () => setBusy(true) },
      { atMs: toMs, do: () => setBusy(false) },
    ]),
  ].sort((a, b) => a.atMs - b.atMs);
  let next = 0;
  for (let atMs = startMs; atMs < endMs; atMs += SAMPLE_EVERY_MS) {
    for (; (changes[next]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs; next += 1) changes[next]?.do();
    const watts = state === 'asleep' ? WATTS.asleep : isBusy ? WATTS.busy : WATTS.idle;
    rows.push({ table: 'sample', platform, atMs, state, watts, source: 'measured', pool: isBusy ? 1 : 0 });
  }
  return rows.filter((row) => row.atMs >= startMs && row.atMs < endMs);
}

/** Stretches that lie no further apart than that become one. */
function join(spans: ReadonlyArray<{ fromMs: number; toMs: number }>, gapMs: number) {
  const joined: Array<{ fromMs: number; toMs: number }> = [];
  for (const span of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1);
    if (last !== undefined && span.fromMs <= last.toMs + gapMs) last.toMs = Math.max(last.toMs, span.toMs);
    else joined.push({ ...span });
  }
  return joined;
}

function wakeRow(platform: string, atMs: number): HistoryRow {
  const wait = { totalMs: RESUME_MS, platformMs: RESUME_MS - 20, torporMs: 20, waited: 1 };
  return { table: 'wake', platform, atMs, outcome: 'awake', reason: 'client', ...wait };
}
