// When people are busy elsewhere or absent, by their calendars, as spans that do not overlap. Where calendars come from is left to others.

/** Whom an entry without a person concerns. What lasts a day or longer makes days like those of a weekend: public holidays, company days. */
export const EVERYBODY = '*';
/** Entries this long say that somebody is not there at all; shorter ones, that somebody comes back. */
export const ABSENCE_FROM_MS = 5 * 3_600_000;
/** Meetings with no more between them are one: nobody goes back to the desk. */
const MEETING_JOIN_MS = 10 * 60_000;

/** One entry of a calendar, Unix milliseconds. `client` as the policy knows clients, or an address alone, or EVERYBODY. */
export interface BusyEntry {
  readonly client: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface BusySpan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly isAbsence: boolean;
}

/** What a policy may ask of calendars. */
export interface BusyTimes {
  /** Changes whenever spans do. */
  readonly version: number;
  /** A client's own and everybody's meetings, ascending, none overlapping another. */
  spansOf(client: string): readonly BusySpan[];
  /** Everybody's absences. */
  holidays(): readonly BusySpan[];
}

/** The entries of several sources, each replaced as a whole. */
export class BusyCalendar implements BusyTimes {
  readonly #sources = new Map<string, readonly BusyEntry[]>();
  readonly #known = new Map<string, readonly BusySpan[]>();
  version = 0;

  replace(source: string, entries: readonly BusyEntry[]): void {
    this.#sources.set(source, entries);
    this.#known.clear();
    this.version += 1;
  }

  spansOf(client: string): readonly BusySpan[] {
    const known = this.#known.get(client);
    if (known !== undefined) return known;
    const address = client.split(' ')[0];
    const own = this.#entries().filter(
      (entry) =>
        entry.client === client || entry.client === address || (entry.client === EVERYBODY && !isAbsence(entry)),
    );
    const spans = disjoin(own);
    this.#known.set(client, spans);
    return spans;
  }

  holidays(): readonly BusySpan[] {
    const shared = this.#entries().filter((entry) => entry.client === EVERYBODY && isAbsence(entry));
    return join(shared, 0, true);
  }

  #entries(): BusyEntry[] {
    return [...this.#sources.values()].flat();
  }
}

function isAbsence({ fromMs, toMs }: BusyEntry): boolean {
  return toMs - fromMs >= ABSENCE_FROM_MS;
}

/** Absences first; meetings are joined, and cut where somebody is absent anyway. */
function disjoin(entries: readonly BusyEntry[]): BusySpan[] {
  const absences = join(entries.filter(isAbsence), 0, true);
  const meetings = join(
    entries.filter((entry) => !isAbsence(entry) && entry.toMs > entry.fromMs),
    MEETING_JOIN_MS,
    false,
  );
  const free = meetings.filter(
    ({ fromMs, toMs }) => !absences.some((each) => each.fromMs < toMs && fromMs < each.toMs),
  );
  return [...absences, ...free].sort((one, other) => one.fromMs - other.fromMs);
}

function join(entries: readonly BusyEntry[], gapMs: number, isAbsence: boolean): BusySpan[] {
  const joined: BusySpan[] = [];
  for (const { fromMs, toMs } of [...entries].sort((one, other) => one.fromMs - other.fromMs)) {
    const last = joined.at(-1);
    if (last !== undefined && fromMs <= last.toMs + gapMs) {
      joined[joined.length - 1] = { ...last, toMs: Math.max(last.toMs, toMs) };
    } else {
      joined.push({ fromMs, toMs, isAbsence });
    }
  }
  return joined;
}
