// What must be true of several Torpors, judged by what was written down: the store's log, who pressed, what was answered. No bound of time
// decides, so that a busy machine does not: where times are compared one of them came first, whatever took how long.
import { instanceOf, type MemberRecord, type PlatformRecord } from '../../../src/farm/platform-record.ts';
import { asRecord, type RecordWrite, type StoreWrite } from './store-log.ts';

/** The steps of the clocks that are compared. */
const CLOCK_STEP_MS = 20;

export interface Press {
  readonly platform: string;
  /** The Torpor's name. */
  readonly by: string;
  readonly atMs: number;
}

/** A line that a client sent to a Torpor, and whose answer it has read: in between that Torpor has seen it. */
export interface Exchange {
  readonly platform: string;
  readonly torpor: string;
  readonly sentMs: number;
  readonly answeredMs: number;
  /** From here on it does not count: the client, or its Torpor, is gone. */
  readonly goneMs: number;
}

export interface FarmFacts {
  readonly writes: readonly StoreWrite[];
  readonly presses: readonly Press[];
  readonly exchanges: readonly Exchange[];
  readonly idleTimeoutMs: number;
}

interface Commit extends RecordWrite {
  /** The writes of the same proposal before it, the proposal first. */
  readonly before: readonly RecordWrite[];
  /** Names of members that had a lease in the store, with what they said. */
  readonly live: ReadonlyArray<readonly [string, MemberRecord]>;
}

/** In words, what must not have been; empty: nothing. */
export function judge(facts: FarmFacts): string[] {
  const records = facts.writes.flatMap((write) => asRecord(write) ?? []);
  const commits = findCommits(facts.writes);
  return [
    ...commits.flatMap(judgeAgreement),
    ...commits.flatMap((commit) => judgeClients(commit, facts)),
    ...facts.presses.flatMap((press) => judgePress(press, commits, records)),
  ];
}

function findCommits(writes: readonly StoreWrite[]): Commit[] {
  const boots = new Map<string, string>();
  const histories = new Map<string, RecordWrite[]>();
  const commits: Commit[] = [];
  for (const write of writes) {
    if (write.key.startsWith('instance.')) noteBoot(boots, write);
    const now = asRecord(write);
    if (now === null) continue;
    const history = histories.get(now.platform) ?? [];
    histories.set(now.platform, history);
    const { phase, proposal } = now.record;
    if (phase === 'committed' && history.at(-1)?.record.phase !== 'committed') {
      const before = history.filter(({ record }) => record.phase === 'proposed' && record.proposal === proposal);
      commits.push({ ...now, before, live: liveAt(now.record, boots) });
    }
    history.push(now);
  }
  return commits;
}

function noteBoot(boots: Map<string, string>, { key, value }: StoreWrite): void {
  const name = key.slice('instance.'.length);
  if (value === null) boots.delete(name);
  else boots.set(name, JSON.parse(value).boot);
}

function liveAt({ members }: PlatformRecord, boots: ReadonlyMap<string, string>): Commit['live'] {
  const live = Object.entries(members).filter(([id]) => `${instanceOf(id)}@${boots.get(instanceOf(id))}` === id);
  return live.map(([id, member]) => [instanceOf(id), member]);
}

/** Whoever had a lease when it was committed had agreed, and had nobody active, unless an operator forced it. */
function judgeAgreement({ platform, revision, record, live }: Commit): string[] {
  const { forced } = record;
  const what = `${platform}: proposal ${record.proposal} was committed at revision ${revision}`;
  const lead = record.owner === record.by ? [] : [`${what} by ${record.by}, and ${record.owner} owned it`];
  return [
    ...lead,
    ...live.flatMap(([name, { active, keeps, agreedTo }]) => [
      ...(agreedTo === record.proposal ? [] : [`${what}, and ${name} had not agreed`]),
      ...(active === 0 || forced ? [] : [`${what}, and ${name} had ${active} active`]),
      ...(keeps === null ? [] : [`${what}, and ${name} said ${keeps}`]),
    ]),
  ];
}

/** Whoever agreed had no client that it had answered within the idle timeout: it saw the line no earlier than that was sent. Not where it was forced. */
function judgeClients({ platform, record, before, live }: Commit, { exchanges, idleTimeoutMs }: FarmFacts): string[] {
  if (record.forced) return [];
  return live.flatMap(([name]) => {
    const agreed = before.find(({ record: { members } }) =>
      Object.entries(members).some(([id, { agreedTo }]) => instanceOf(id) === name && agreedTo === record.proposal),
    );
    if (agreed === undefined) return [];
    const isOver = (exchange: Exchange) =>
      exchange.platform === platform &&
      exchange.torpor === name &&
      exchange.answeredMs + CLOCK_STEP_MS < agreed.atMs &&
      exchange.goneMs > agreed.atMs &&
      exchange.sentMs + idleTimeoutMs - CLOCK_STEP_MS > agreed.atMs;
    return exchanges.filter(isOver).map(({ sentMs, answeredMs }) => {
      const times = `sent ${Math.round(agreed.atMs - sentMs)} ms and answered ${Math.round(agreed.atMs - answeredMs)} ms before`;
      return `${platform}: ${name} agreed to proposal ${record.proposal} over a client whose line was ${times}`;
    });
  });
}

/** It had been committed by who pressed, and since then nobody else had become the owner. */
function judgePress(
  { platform, by, atMs }: Press,
  commits: readonly Commit[],
  records: readonly RecordWrite[],
): string[] {
  const isBefore = (write: StoreWrite) => Math.floor(write.atMs) <= atMs;
  const own = commits.filter((commit) => commit.platform === platform && commit.record.by !== null && isBefore(commit));
  const commit = own.findLast(({ record }) => instanceOf(record.by as string) === by);
  if (commit === undefined) return [`${platform}: ${by} pressed what it had not committed`];
  const { epoch, proposal } = commit.record;
  const later = records.find((each) => each.platform === platform && isBefore(each) && each.record.epoch > epoch);
  if (later === undefined) return [];
  return [`${platform}: ${by} pressed for proposal ${proposal} of epoch ${epoch}, and ${later.record.owner} owned it`];
}
