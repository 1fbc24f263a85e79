// Calendars and openings: the spans that entries make, the phases that they put a client in, and what `learned` makes of both.
import { describe, expect, it } from 'vitest';
import { BusyCalendar, type BusyEntry, EVERYBODY } from '../../src/policy/busy-times.ts';
import { DEFAULT_COSTS, toRates } from '../../src/policy/cost-model.ts';
import { generateActivity } from '../../src/policy/generated-activity.ts';
import { listIntervals, NOTE_BEGIN, NOTE_END, NOTE_OPEN } from '../../src/policy/interval-list.ts';
import { LearnedPolicy } from '../../src/policy/learned-policy.ts';
import { DAY_MS } from '../../src/policy/local-time.ts';
import { POPULATIONS } from '../../src/policy/populations.ts';
import { replayPolicy } from '../../src/policy/replay.ts';
import { hasOwnRate, PHASE_NONE, PHASE_PRIORS, PHASES, phaseAt } from '../../src/policy/signal-phase.ts';
import { arrivalAt, MONDAY_MS } from './support.ts';

const RATES = toRates(DEFAULT_COSTS);
const LAG_MS = 60_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const NEVER = Number.NEGATIVE_INFINITY;

function calendarOf(...entries: BusyEntry[]): BusyCalendar {
  const calendar = new BusyCalendar();
  calendar.replace('test', entries);
  return calendar;
}

function entry(client: string, fromHour: number, toHour: number): BusyEntry {
  return { client, fromMs: MONDAY_MS + fromHour * HOUR_MS, toMs: MONDAY_MS + toHour * HOUR_MS };
}

describe('BusyCalendar', () => {
  it('meetings that touch are one; those within an absence are gone; of others nothing', () => {
    const calendar = calendarOf(
      entry('alice', 9, 10),
      entry('alice', 10, 11),
      entry('alice', 9.5, 9.75),
      entry('alice', 24, 48),
      entry('alice', 33, 34),
      entry('bob', 14, 15),
    );
    const hours = calendar
      .spansOf('alice')
      .map((span) => [(span.fromMs - MONDAY_MS) / HOUR_MS, (span.toMs - MONDAY_MS) / HOUR_MS, span.isAbsence]);
    expect(hours).toEqual([
      [9, 11, false],
      [24, 48, true],
    ]);
  });

  it("by address alone -> all of its clients; everybody's day is a holiday, everybody's hour a meeting of each", () => {
    const calendar = calendarOf(entry('10.0.0.7', 9, 10), entry(EVERYBODY, 14, 15), entry(EVERYBODY, 24, 48));
    expect(calendar.spansOf('10.0.0.7 vm-a')).toHaveLength(2);
    expect(calendar.spansOf('10.0.0.8 vm-a')).toHaveLength(1);
    expect(calendar.holidays()).toHaveLength(1);
  });

  it('a source read anew -> its entries alone are replaced, and the version says so', () => {
    const calendar = calendarOf(entry('alice', 9, 10));
    calendar.replace('other', [entry('alice', 14, 15)]);
    expect(calendar.spansOf('alice')).toHaveLength(2);
    const { version } = calendar;
    calendar.replace('test', []);
    expect(calendar.spansOf('alice')).toHaveLength(1);
    expect(calendar.version).not.toBe(version);
  });
});

describe('the phase of a client', () => {
  const spans = calendarOf(entry('alice', 10, 11), entry('alice', 24, 48)).spansOf('alice');
  const tenMs = MONDAY_MS + 10 * HOUR_MS;
  const phase = (minute: number, idleMinute: number, openedMs = NEVER) =>
    phaseAt(tenMs + minute * MINUTE_MS, tenMs + idleMinute * MINUTE_MS, openedMs, spans).phase;

  it('went at ten: left, then at the meeting, by the time to its end, then nothing', () => {
    const phases = [5, 20, 52, 57, 62, 67, 75, 85].map((minute) => phase(minute, -1));
    expect(new Set(phases).size).toBe(8);
    expect(phases.slice(1, -1).every(hasOwnRate)).toBe(true);
    expect(phases.at(-1)).toBe(PHASE_NONE);
  });

  it('idle since the evening, or again after the end -> no meeting that anybody saw', () => {
    expect(hasOwnRate(phase(20, -600))).toBe(false);
    expect(phase(62, -600)).toBe(PHASE_NONE);
    expect(phase(75, 61)).toBe(PHASE_NONE);
  });

  it('a pause that began within the meeting is another phase than going there', () => {
    expect(phase(35, 30)).not.toBe(phase(5, -1));
  });

  it('a machine that opened -> over all else, for some minutes; an opening before the last action is forgotten', () => {
    const openedMs = tenMs + 20 * MINUTE_MS;
    expect(phase(20, -1, openedMs)).toBeGreaterThan(phase(62, -1));
    expect(phase(19, -1, openedMs)).toBe(phase(19, -1));
    expect(phase(40, -1, openedMs)).toBe(phase(40, -1));
    expect(phase(21, 20.5, openedMs)).toBe(phase(21, 20.5));
  });

  it('every phase has a prior, each ends later than it was asked for', () => {
    expect(PHASE_PRIORS).toHaveLength(PHASES);
    for (let minute = -30; minute < 60 * 40; minute += 1) {
      const atMs = tenMs + minute * MINUTE_MS;
      expect(phaseAt(atMs, tenMs - MINUTE_MS, NEVER, spans).untilMs).toBeGreaterThan(atMs);
    }
  });
});

/**
 * Weeks of work from 8 to 17 with a meeting from 10 to 11, all days alike; the machine opens a minute before eight, and, where an hour of the
 * night is named, six times around that for something else.
 */
function learnWeeks(
  policy: LearnedPolicy,
  days: number,
  opens: boolean,
  comesAt: (day: number) => number,
  opensInVainAt: number | null = null,
): void {
  const alice = policy.addClient('alice', false);
  const work = (fromMs: number, toMs: number, isFirst: boolean) => {
    if (!isFirst) policy.end(arrivalAt(fromMs));
    policy.note(NOTE_BEGIN, alice, fromMs);
    policy.note(NOTE_END, alice, toMs);
    policy.begin(toMs + LAG_MS, LAG_MS);
  };
  for (let day = 0; day < days; day += 1) {
    const dayMs = MONDAY_MS + day * DAY_MS;
    const fromMs = dayMs + comesAt(day) * HOUR_MS;
    const openInVain = () => {
      for (let minute = -60; minute < 60; minute += 20) {
        policy.note(NOTE_OPEN, alice, dayMs + (opensInVainAt as number) * HOUR_MS + minute * MINUTE_MS);
      }
    };
    if (opensInVainAt !== null && opensInVainAt < 8 && day > 0) openInVain();
    // Habits are learned of the mornings without an opening.
    if (opens && (opensInVainAt === null || day % 2 === 0)) policy.note(NOTE_OPEN, alice, fromMs - MINUTE_MS);
    work(fromMs, dayMs + 10 * HOUR_MS, day === 0);
    work(dayMs + 11 * HOUR_MS + 3 * MINUTE_MS, dayMs + 17 * HOUR_MS, false);
    if (opensInVainAt !== null && opensInVainAt > 17 && day < days - 1) openInVain();
  }
}

/** Earlier than usual or later by hours, by turns. */
const ANY_HOUR = (day: number) => 6.5 + ((day * 7) % 13) * 0.25;

describe('learned, with signals', () => {
  it('a meeting that it knows of -> sleeps at its begin, wakes ahead of its end', () => {
    const entries = Array.from({ length: 40 }, (_, day) => entry('alice', 24 * day + 10, 24 * day + 11));
    const policy = new LearnedPolicy(RATES, () => 0, LAG_MS, calendarOf(...entries));
    learnWeeks(policy, 21, false, () => 8);
    const alice = policy.addClient('alice', false);
    const tenMs = MONDAY_MS + 21 * DAY_MS + 10 * HOUR_MS;
    policy.note(NOTE_BEGIN, alice, tenMs - 2 * HOUR_MS);
    policy.note(NOTE_END, alice, tenMs - LAG_MS);
    const [sleepMs, wakeMs] = policy.begin(tenMs, LAG_MS).momentsMs as [number, number];
    expect(policy.source).toBe('forecast');
    expect(sleepMs).toBe(tenMs);
    expect(wakeMs).toBeGreaterThan(tenMs + 40 * MINUTE_MS);
    expect(wakeMs).toBeLessThan(tenMs + HOUR_MS + 3 * MINUTE_MS);
  });

  it('a machine that opens -> wakes at once, though nobody is expected at that hour; unless openings never meant anything', () => {
    const atMs = MONDAY_MS + 21 * DAY_MS + 3 * HOUR_MS;
    const plansAt = (meant: boolean) => {
      const policy = new LearnedPolicy(RATES, () => 0, LAG_MS);
      learnWeeks(policy, 21, meant, ANY_HOUR, meant ? null : 3);
      return wakeAfterOpening(policy, atMs);
    };
    expect(plansAt(true)).toBe(atMs);
    expect(plansAt(false)).toBeGreaterThan(atMs + HOUR_MS);
  });

  it('a machine whose openings mean a return in the morning, nothing at night -> wakes at once in the morning alone', () => {
    const plansAt = (hour: number) => {
      const policy = new LearnedPolicy(RATES, () => 0, LAG_MS);
      learnWeeks(policy, 21, true, () => 8, 22);
      const atMs = MONDAY_MS + 20 * DAY_MS + hour * HOUR_MS;
      return wakeAfterOpening(policy, atMs) - atMs;
    };
    expect(plansAt(24 + 7.9)).toBeLessThan(MINUTE_MS);
    expect(plansAt(22)).toBeGreaterThan(HOUR_MS);
  });

  it('kept and restored -> knows as much of signals as before', () => {
    const policy = new LearnedPolicy(RATES, () => 0, LAG_MS);
    learnWeeks(policy, 21, true, ANY_HOUR);
    const restored = new LearnedPolicy(RATES, () => 0, LAG_MS);
    expect(restored.restore(JSON.parse(JSON.stringify(policy.snapshot())))).toBe(true);
    const [before, after] = [policy, restored].map((each) => each.snapshot().hazards.clients[0]?.signals);
    expect(before?.length).toBeGreaterThan(0);
    expect(after).toEqual(before);
  });

  it('a snapshot from before there were signals -> taken up', () => {
    const policy = new LearnedPolicy(RATES, () => 0, LAG_MS);
    learnWeeks(policy, 7, false, () => 8);
    const kept = JSON.parse(JSON.stringify(policy.snapshot()));
    expect(kept.hazards.clients[0]).not.toHaveProperty('signals');
    expect(new LearnedPolicy(RATES, () => 0, LAG_MS).restore(kept)).toBe(true);
  });
});

/** When it wakes, asleep since the evening, after the machine opened at a moment. */
function wakeAfterOpening(policy: LearnedPolicy, atMs: number): number {
  policy.review(atMs - MINUTE_MS, true);
  policy.note(NOTE_OPEN, 0, atMs);
  return policy.review(atMs, true).momentsMs[0] ?? Number.POSITIVE_INFINITY;
}

describe('generated signals', () => {
  const options = { population: POPULATIONS.office6, seed: 1, days: 30 };

  it('the same activity with and without; the same signals from the same seed', () => {
    const plain = generateActivity(options);
    const signalled = generateActivity({ ...options, calendars: true, openings: true });
    const { calendar, openings, ...rest } = signalled;
    expect(rest).toEqual(plain);
    expect(generateActivity({ ...options, calendars: true, openings: true })).toEqual(signalled);
    expect(calendar?.length).toBeGreaterThan(50);
    expect(openings?.length).toBeGreaterThan(50);
  });

  it('calendars do not tell when somebody really comes back: ends lie on quarters of an hour', () => {
    const { calendar = [] } = generateActivity({ ...options, calendars: true });
    expect(calendar.every(({ fromMs, toMs }) => fromMs % (15 * MINUTE_MS) === 0 && toMs % (15 * MINUTE_MS) === 0)).toBe(
      true,
    );
  });

  it('openings come before a session that connects, at least eight seconds', () => {
    const { openings = [], connections } = generateActivity({ ...options, openings: true });
    const leads = connections.flatMap(({ client, fromMs }) =>
      openings
        .filter((each) => each.client === client && each.atMs < fromMs && each.atMs > fromMs - 5 * MINUTE_MS)
        .map(({ atMs }) => fromMs - atMs),
    );
    expect(leads.length / connections.length).toBeGreaterThan(0.6);
    expect(Math.min(...leads)).toBeGreaterThanOrEqual(7999);
  });

  it('office6, both signals -> fewer waits and cheaper than without', () => {
    const play = (signals: object) => {
      const list = listIntervals(generateActivity({ ...options, days: 60, ...signals }), DEFAULT_COSTS);
      return replayPolicy(list, RATES, new LearnedPolicy(RATES, () => 0, LAG_MS, list.busy), LAG_MS);
    };
    const [without, both] = [play({}), play({ calendars: true, openings: true })];
    expect(both.waits).toBeLessThan(0.9 * without.waits);
    expect(both.cost).toBeLessThan(without.cost);
  });
});
