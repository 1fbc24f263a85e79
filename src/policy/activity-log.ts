// The activity log that replay reads: JSON lines, one per stretch of a client's activity or connection, or per row of Torpor's history.
import { TorporError } from '../platform/errors.ts';
import type { ActivitySpan, ActivityTrace, ConnectionSpan, Opening } from './activity-trace.ts';
import type { BusyEntry } from './busy-times.ts';
import { isRecordedRow, RecordedHistory } from './recorded-history.ts';

/** Lines beyond this many are refused: a log of that size is a mistake. */
export const LOG_LINES_MAX = 20_000_000;
const KINDS = ['active', 'connected', 'job', 'calendar', 'opened'] as const;
type Kind = (typeof KINDS)[number];

interface Line {
  readonly client: string;
  readonly vm: string | null;
  readonly platform: string;
  readonly kind: Kind;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Collected {
  readonly spans: ActivitySpan[];
  readonly connections: ConnectionSpan[];
  readonly calendar: BusyEntry[];
  readonly openings: Opening[];
  readonly vms: Map<string, string>;
  readonly history: RecordedHistory;
}

/** Collects lines, which may come in any order, into a trace per platform. */
export class ActivityLogReader {
  readonly #platforms = new Map<string, Collected>();
  #lineNumber = 0;

  /** Takes in one line; empty ones are skipped. Throws ERR_REPLAY_LOG, naming the line. */
  push(text: string): void {
    this.#lineNumber += 1;
    if (this.#lineNumber > LOG_LINES_MAX) throw refusal(this.#lineNumber, `more than ${LOG_LINES_MAX} lines`);
    if (text.trim() === '') return;
    const line = readObject(text, this.#lineNumber);
    if (isRun(line)) return;
    if (isRecordedRow(line)) {
      this.#collected(line.platform).history.push(line);
      return;
    }
    const { platform, kind, client, vm, fromMs, toMs } = readLine(line, this.#lineNumber);
    const found = this.#collected(platform);
    if (vm !== null) found.vms.set(client, vm);
    if (kind === 'connected') found.connections.push({ client, fromMs, toMs });
    else if (kind === 'calendar') found.calendar.push({ client, fromMs, toMs });
    else if (kind === 'opened') found.openings.push({ client, atMs: fromMs });
    else found.spans.push({ client, isJob: kind === 'job', fromMs, toMs });
  }

  #collected(platform: string): Collected {
    const known = this.#platforms.get(platform);
    if (known !== undefined) return known;
    const history = new RecordedHistory();
    const found = { spans: [], connections: [], calendar: [], openings: [], vms: new Map<string, string>(), history };
    this.#platforms.set(platform, found);
    return found;
  }

  /** One trace per platform with any activity, in the order of their first lines, from its first moment to its last. */
  traces(): ActivityTrace[] {
    const byBegin = (one: { fromMs: number }, other: { fromMs: number }) => one.fromMs - other.fromMs;
    for (const found of this.#platforms.values()) addHistory(found);
    const isUsed = ([, { spans, connections }]: readonly [string, Collected]) => spans.length + connections.length > 0;
    return [...this.#platforms].filter(isUsed).map(([platform, { spans, connections, calendar, openings, vms }]) => {
      let fromMs = Number.POSITIVE_INFINITY;
      let toMs = Number.NEGATIVE_INFINITY;
      for (const span of [...spans, ...connections]) {
        fromMs = Math.min(fromMs, span.fromMs);
        toMs = Math.max(toMs, span.toMs);
      }
      return {
        platform,
        fromMs,
        toMs,
        spans: spans.sort(byBegin),
        connections: connections.sort(byBegin),
        ...(calendar.length > 0 && { calendar: calendar.sort(byBegin) }),
        ...(openings.length > 0 && { openings: openings.sort((one, other) => one.atMs - other.atMs) }),
        ...(vms.size > 0 && { vms }),
      };
    });
  }
}

/** What Torpor recorded itself, beside what a log says. */
function addHistory({ spans, connections, openings, vms, history }: Collected): void {
  const recorded = history.read();
  for (const span of recorded.spans) spans.push(span);
  for (const connection of recorded.connections) connections.push(connection);
  for (const opening of recorded.openings) openings.push(opening);
  for (const [client, vm] of recorded.vms) vms.set(client, vm);
}

/** A row of the table of runs, which is of no platform. */
function isRun({ started_ms: startedMs, seen_ms: seenMs }: Readonly<Record<string, unknown>>): boolean {
  return typeof startedMs === 'number' && typeof seenMs === 'number';
}

function readObject(text: string, lineNumber: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refusal(lineNumber, 'no JSON', cause);
  }
  if (typeof value !== 'object' || value === null) throw refusal(lineNumber, 'no object');
  return value as Record<string, unknown>;
}

function readLine(value: Readonly<Record<string, unknown>>, lineNumber: number): Line {
  const { client, platform, vm = null, from, to, kind = 'active' } = value;
  if (typeof client !== 'string' || client === '') throw refusal(lineNumber, '"client" must be a name');
  if (typeof platform !== 'string' || platform === '') throw refusal(lineNumber, '"platform" must be a name');
  if (vm !== null && (typeof vm !== 'string' || vm === '')) throw refusal(lineNumber, '"vm" must be a name');
  if (!KINDS.includes(kind as Kind)) throw refusal(lineNumber, `"kind" must be one of ${KINDS.join(', ')}`);
  const fromMs = readMoment(from, 'from', lineNumber);
  const toMs = kind === 'opened' ? fromMs : readMoment(to, 'to', lineNumber);
  if (toMs < fromMs) throw refusal(lineNumber, '"to" lies before "from"');
  return { client, platform, vm, kind: kind as Kind, fromMs, toMs };
}

/** Unix milliseconds, or a date with its time and zone as in RFC 3339. */
function readMoment(value: unknown, name: string, lineNumber: number): number {
  if (typeof value === 'number' && Number.isFinite(value)) return Math.round(value);
  const isDate = typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)$/.test(value);
  const atMs = isDate ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(atMs)) return atMs;
  throw refusal(lineNumber, `"${name}" must be Unix milliseconds or a date such as 2026-01-05T08:30:00Z`);
}

function refusal(lineNumber: number, why: string, cause?: unknown): TorporError {
  return new TorporError('ERR_REPLAY_LOG', `line ${lineNumber} of the activity log: ${why}`, { cause });
}
